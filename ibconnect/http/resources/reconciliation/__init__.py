"""Reconciliation: what Flex statements say of an account and what the recorder saw, compared day by day."""
