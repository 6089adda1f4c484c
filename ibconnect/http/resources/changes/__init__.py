"""What changed between two moments: positions, cash and values, with each difference split into its causes."""
