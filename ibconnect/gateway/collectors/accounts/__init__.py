"""Balances and positions of every account: the walk over the accounts that a gateway lists."""
