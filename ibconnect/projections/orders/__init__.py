"""The orders report: orders of accounts, open and completed, with every state that was seen of each."""
