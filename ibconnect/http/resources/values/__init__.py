"""What accounts were worth day by day, all of them in one answer, and together in one currency."""
