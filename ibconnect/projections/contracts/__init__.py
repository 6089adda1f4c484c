"""The report of contracts: what IB says of each, and what it has said before."""
