"""Whose an account is, by docs/mechanisms.md, "An account belongs to a gateway"."""

Configured = list[tuple[str, list[str]]]


class Owners:
    """What has been said so far of gateways and accounts, in the order of events."""

    def __init__(self) -> None:
        self.configured: Configured = []
        self._named: dict[str, list[str]] = {}

    def name(self, account: str, gateway: str) -> None:
        """A gateway names an account."""
        named = self._named.setdefault(account, [])
        if gateway not in named:
            named.append(gateway)

    def configure(self, facts: dict) -> None:
        """What a refresh says of the gateways that are configured, if it says anything."""
        if "gateways" not in facts:
            return
        own = {name: list(pins) for name, pins in facts["gateways"].items()}
        before = dict(self.configured)
        others = facts.get("others", []) if facts.get("knows_others") else list(before)
        self.configured = [*own.items(), *((name, before.get(name, [])) for name in others if name not in own)]

    def pinned(self, account: str) -> list[str]:
        """The gateways that an account is pinned to, by precedence."""
        return [name for name, pins in self.configured if account in pins]

    def owns(self, account: str, gateway: str) -> bool:
        """Whether the account belongs to the gateway now."""
        if pinned := self.pinned(account):
            return gateway in pinned
        if any(name == gateway and pins for name, pins in self.configured):
            return False
        free = [name for name, pins in self.configured if not pins]
        first = [name for name in self._named.get(account, []) if name in free]
        return not first or first[0] == gateway

    def owners(self, account: str) -> list[str]:
        """The gateways that the account belongs to, of those that have named it."""
        return [name for name in self._named.get(account, []) if self.owns(account, name)]
