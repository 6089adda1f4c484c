"""What is asked of a gateway, when, and how its answer is known to be complete: one package or module per kind."""
