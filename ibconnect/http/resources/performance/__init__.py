"""Returns of accounts and of sets of them, from statements and from what the recorder knows."""
