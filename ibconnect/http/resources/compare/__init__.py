"""Two moments of an account compared: what was opened, closed, changed, and where the difference in value came from."""
