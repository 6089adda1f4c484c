"""All accounts at one moment, with their total."""
