"""Profit and loss, as gateways said it when they were asked."""
