"""Profit and loss: what gateways said of an account, or of one of its positions, when they were asked."""
