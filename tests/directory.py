"""What a gateway says of an advisor's directory, as messages, for the tests."""

from collections.abc import Sequence
from xml.sax.saxutils import escape


def aliases(**told: str) -> list[str]:
    """Message 16 with the aliases of accounts."""
    rows = "".join(
        f"<AccountAlias><account>{code}</account><alias>{escape(alias)}</alias></AccountAlias>"
        for code, alias in told.items()
    )
    return [
        "16",
        "1",
        "3",
        f'<?xml version="1.0" encoding="UTF-8"?><ListOfAccountAliases>{rows}</ListOfAccountAliases>',
    ]


def groups(**told: Sequence[str]) -> list[str]:
    """Message 16 with the members of groups."""
    rows = "".join(
        f'<Group><name>{escape(name)}</name><ListOfAccts varName="list">'
        + "".join(f"<String>{code}</String>" for code in codes)
        + "</ListOfAccts><defaultMethod>NetLiq</defaultMethod></Group>"
        for name, codes in told.items()
    )
    return ["16", "1", "1", f'<?xml version="1.0" encoding="UTF-8"?><ListOfGroups>{rows}</ListOfGroups>']


def families(**told: str) -> list[str]:
    """Message 78."""
    return ["78", str(len(told)), *(text for pair in told.items() for text in pair)]
