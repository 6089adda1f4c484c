"""Orders of accounts, and every state that they were seen in."""
