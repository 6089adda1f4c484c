"""Messages about orders, in the layouts of server versions 157 to 200 (official client 10.46), for several tests."""

STOCK = ("265598", "AAPL", "STK", "", "0.0", "", "", "IBKRATS", "USD", "AAPL", "NMS")
ORDER = ("BUY", "10", "LMT", "189.50", "0.0", "DAY", "")


def fill(account: str, *, reference: str = "", execution: str = "0000e0d5.6553b0a1.01.01") -> tuple[str, ...]:
    """execDetails (11): one fill; ``reference`` is what the client that ordered wrote to it."""
    done = (execution, "20261126 11:00:00 US/Eastern", account, "IBKRATS", "BOT", "10", "189.50", "1234567890", "3")
    return ("11", "-1", "7", *STOCK, *done, "0", "10", "189.50", reference, "", "", "", "1", "0")


def open_order(account: str, *, reference: str = "") -> tuple[str, ...]:
    """openOrder (5), as far as the reference and some of what follows."""
    return ("5", "7", *STOCK, *ORDER, account, "", "0", reference, "3", "1234567890", "0", "0", "0", "", "", "", "", "")


def completed_order(account: str, *, reference: str = "") -> tuple[str, ...]:
    """completedOrder (101), as far as the reference and some of what follows."""
    return ("101", *STOCK, *ORDER, account, "", "0", reference, "1234567890", "0", "0", "0", "", "", "", "")
