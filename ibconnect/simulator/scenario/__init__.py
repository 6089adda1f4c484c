"""Seeded worlds: accounts that trade, and how IB would show them."""
