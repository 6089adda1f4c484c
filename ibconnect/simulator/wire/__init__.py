"""The text protocol as a gateway speaks it: frames, messages, rows."""
