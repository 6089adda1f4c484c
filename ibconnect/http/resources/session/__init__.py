"""Sign-in of the page, and who one is."""
