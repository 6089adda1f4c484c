"""Captures: what a real gateway once sent, served at the request that it answers."""
