"""The toy report of the tests: which account belongs to which family, as message 78 says (the answer to request 80)."""
