"""The report of accounts: balances and positions of every snapshot."""
