"""The processes that ``ibconnect serve`` has started, as the kernel sees them."""

import psutil

from tests.processes import Process
from tests.waiting import wait_for

ROLES = ("record", "project", "api")


def found(service: Process) -> dict[str, psutil.Process]:
    """Those that run now, by what they do."""
    members = {}
    for child in psutil.Process(service.popen.pid).children():
        try:
            words = child.cmdline()
        except psutil.Error:
            continue
        if "--child" in words:
            members[words[words.index("--child") - 1]] = child
    return members


def family(service: Process) -> dict[str, psutil.Process]:
    """All three, once they run."""
    members: dict[str, psutil.Process] = wait_for(
        lambda: members if set(members := found(service)) == set(ROLES) else None,
        lambda: f"all three run:\n{service.output}",
    )
    return members


def gone(members: dict[str, psutil.Process]) -> bool:
    """Whether none of these runs any more."""
    return not any(member.is_running() and member.status() != psutil.STATUS_ZOMBIE for member in members.values())
