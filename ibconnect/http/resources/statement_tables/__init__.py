"""What Flex statements say of accounts, table by table: cash flows, transfers, accruals, positions of days."""
