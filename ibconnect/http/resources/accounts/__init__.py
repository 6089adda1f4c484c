"""The accounts report: the accounts, their reports at any time, and refreshes that clients ask for."""
