"""Faults that a simulated gateway can have, by name."""
