"""A durable, event-sourced history of Interactive Brokers accounts."""

__version__ = "0.1.0"
