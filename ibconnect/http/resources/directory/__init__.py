"""An advisor's directory: what accounts are called, and which groups they are in, now or at a moment."""
