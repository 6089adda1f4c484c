"""Where a figure of a report comes from: the messages it was made of, found in the events themselves."""
