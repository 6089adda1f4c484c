"""What accounts hold: at a moment, and over time."""
