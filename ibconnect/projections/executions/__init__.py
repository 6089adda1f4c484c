"""Executions of accounts: fills with their corrections and commissions, and which times nobody asked about."""
