"""What is served: one module per resource, which makes its answers of what is in the tables."""
