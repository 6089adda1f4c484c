"""What IB says of contracts: one of them, or those of a symbol or an ISIN, now or at a moment."""
