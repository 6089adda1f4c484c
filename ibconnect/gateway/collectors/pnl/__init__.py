"""Profit and loss, as a gateway computes it."""
