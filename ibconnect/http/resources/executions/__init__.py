"""Executions of accounts, and the times of which they are not known."""
