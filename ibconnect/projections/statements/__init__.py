"""Flex statements: value, cash, trades, accruals and rates of accounts, as IBKR's statements say them."""
