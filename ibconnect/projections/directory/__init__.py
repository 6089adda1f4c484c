"""The report of an advisor's directory: aliases, groups and families of accounts, over time."""
