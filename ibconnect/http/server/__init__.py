"""How requests are received and answered: connections, pipeline, access, limits, negotiation, responses."""
