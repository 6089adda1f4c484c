"""What a process of ibconnect does: records the gateways, projects what is recorded, answers requests.

``ibconnect serve`` has a process for each; ``ibconnect record``, ``project`` and ``api`` are one of them alone. Known
everywhere: to what is started, to metrics and logs, to the table of what runs.
"""

RECORD, PROJECT, API = "record", "project", "api"
ALL = frozenset({RECORD, PROJECT, API})
ORDER = (RECORD, PROJECT, API)
"""In which they are shown."""
SUPERVISOR = "serve"
"""The process that has started the others."""


def name_of(roles: frozenset[str]) -> str:
    """What a process with these roles is called where processes are told apart."""
    return next(iter(roles)) if len(roles) == 1 else SUPERVISOR


# What people call the parts that are started again when they die.
PROJECTOR = "the projector of the snapshot tables"
COORDINATION = "the coordination with other instances"
STATEMENTS = "what fetches Flex statements"
MONTHS = "what makes the partitions of the events"


def keeper_of(gateway: object) -> str:
    """What the part that records a gateway is called."""
    return f"the keeper of the gateway {gateway}"


def process_of(role: str) -> str:
    """What a process of ``ibconnect serve`` is called."""
    return f"the process {role}"
