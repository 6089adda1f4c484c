"""Recorded sessions, served again to any IB API client."""
