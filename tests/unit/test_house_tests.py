"""House rule of the tests, by the shape of their code: they wait for conditions, in one place, until a deadline.

What passes because something is over by then fails on a machine that is faster, slower or busy. Whoever needs time to
pass stands in the list below, with the reason.
"""

import ast
import re
import textwrap
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
SHORTEST_DEADLINE_S = 20
"""What takes a moment takes seconds on a slow machine whose cores are busy."""

ALLOWED = {
    "waiting.py: until": "the one place that polls",
    "waiting.py: wait_for": "the same, for threads",
    "attacker.py: attack": "it asks until it is killed",
    "attacker.py: main": "it says each second how far it is, until it is killed",
    "faults/test_fair_shares.py: measure": "it asks for a length of time",
    "integration/test_http_crowds.py: is_cut": "nothing else shows that a connection stays open",
    "integration/test_http_crowds.py: test_who_says_nothing_makes_room_after_a_moment": "how long one may say nothing",
    "unit/test_turns.py: some_turns": "turns of the event loop, not time, are what is counted",
    "unit/test_turns.py: others": "turns of the event loop, not time, are what is counted",
    "election_lab.py: campaign": "its clock jumps: nobody waits",
    "election_lab.py: keeps": "its clock jumps: nobody waits",
    "election_lab.py: _answer": "its clock jumps: nobody waits",
    "election_lab.py: run": "its clock jumps: nobody waits",
    "election_lab.py: _record": "its clock jumps: nobody waits",
    "election_lab.py: ask": "its clock jumps: nobody waits",
    "election_lab.py: pass_time": "its clock jumps: nobody waits",
    "election_lab.py: _watch": "its clock jumps: nobody waits",
    "dying.py: die": "what dies later must have begun before",
    "unit/test_channel.py: _answer": "an end that is slow",
    "unit/test_troubles.py: test_any_thread_may_note_at_any_time": "it looks for as long as others write",
    "faults/rolling.py: _run": "it asks until it is told to stop",
    "faults/lab.py: surely_read": "what may be lost with a killed process is promised in seconds",
    "faults/attacking.py: slow": "a client that drips, and takes nothing",
    "faults/attacking.py: again": "it attacks until it is killed",
    "faults/attacking.py: _attack": "the same",
    "faults/attacking.py: ask": "an answer ends when the service or the test does",
    "faults/pacing.py: _gateway": "its pace is what it is for",
    "faults/pacing.py: _follow": "it follows until it is told to stop",
    "faults/pacing.py: measure": "it measures for a length of time",
    "faults/test_peers.py: outages_for_all": "for how long nobody has Postgres is what is tested",
    "faults/test_peers.py: test_a_leader_steps_down_if_others_cannot_be_asked": "it must step down in time",
    "faults/test_secrets.py: _watch": "it looks until it is told to stop",
    "faults/hostile.py: _attack": "it attacks until it is told to stop",
    "faults/hostile.py: campaign": "it goes on for a length of time, measured twice a second",
    "faults/test_monitoring.py: keep_asking": "it asks until it is told to stop",
    "faults/test_soak.py: test_memory_and_files_stay_flat": "it goes on for a length of time, measured each second",
    "faults/processes.py: say_what_it_waits_for": "the test has failed already",
    "faults/test_monitoring.py: subscribed": "how a gateway that means harm sends is what is played",
    "integration/test_hostile_gateway.py: serve": "how a gateway that means harm paces what it sends is what is played",
    "integration/test_hostile_gateway.py: subscribed": "the same",
    "integration/test_hostile_gateway.py: test_other_lists_all_the_time_are_not_a_refresh_each": "the same",
    "integration/test_http_load.py: test_full_load_while_refreshes_run": "it asks for as long as the load lasts",
    "integration/test_http_limits.py: ask": "it asks until it is told to stop",
    "integration/test_http_limits.py: is_cut": "a client that drips: its pace is what is tested",
    "integration/test_http_limits.py: test_an_idle_connection_may_wait_for_its_next_request": "nothing is to happen",
    "integration/test_election.py: test_what_is_cancelled_at_once_ends": "in which turn of the loop, is what is tested",
    "integration/test_http_peers.py: health": "a server that is slow",
    "integration/test_http_token_file_attack.py: work": "it writes until it is told to stop",
    "integration/test_notification_attacks.py: flood": "it attacks until it is told to stop",
    "integration/test_rebuild_tables.py: read": "it reads until it is told to stop",
    "acceptance/odd_gateways.py: subscribed": "how a gateway that is odd paces what it sends is what is played",
    "acceptance/test_replay.py: test_the_recorded_pace_is_kept_and_scaled": "sooner than recorded, fifty times",
}

_CLOCKS = {"time", "monotonic", "perf_counter"}
_PURE = {"len", "any", "all", "min", "max", "sum"}
_WITH_DEADLINE = {"wait_for", "until", "timeout", "wait", "join", "communicate", "acquire"}


class Waits(ast.NodeVisitor):
    """Collects what waits for a time to pass, or counts rounds: ``found`` has (function, line, what is wrong)."""

    def __init__(self) -> None:
        self.found: list[tuple[str, int, str]] = []
        self._function = ""
        self._elapsed: set[str] = set()

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        former = self._function, self._elapsed
        self._function, self._elapsed = (
            node.name,
            {
                _held(target)
                for each in ast.walk(node)
                if isinstance(each, ast.Assign) and _is_elapsed(each.value, set())
                for target in each.targets
            },
        )
        self.generic_visit(node)
        self._function, self._elapsed = former

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_Call(self, node: ast.Call) -> None:
        if _is_fixed_sleep(node) and not _is_turn(node):
            self._note(node, "sleeps for a fixed time")
        elif any(0 < seconds < SHORTEST_DEADLINE_S for seconds in _deadlines(node)):
            self._note(node, f"a deadline of less than {SHORTEST_DEADLINE_S} s")
        self.generic_visit(node)

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        if _called(node.iter) & {"range", "repeat", "count"} and _leaves_or_sleeps(node):
            self._note(node, "counts rounds instead of waiting until a deadline")
        self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        tested = {each.id for each in ast.walk(node.test) if isinstance(each, ast.Name)}
        takes = any(isinstance(each, ast.NamedExpr) for each in ast.walk(node.test))
        if _called(node.test) - _PURE and not takes:
            self._note(node, "polls without a deadline")
        elif tested & _counted(node) and _leaves_or_sleeps(node):
            self._note(node, "counts rounds instead of waiting until a deadline")
        self.generic_visit(node)

    def visit_Assert(self, node: ast.Assert) -> None:
        for each in ast.walk(node.test):
            if isinstance(each, ast.Compare) and self._is_bound_on_time(each):
                self._note(node, "an upper bound on the time that something took")
        self.generic_visit(node)

    def _is_bound_on_time(self, node: ast.Compare) -> bool:
        sides = [node.left, *node.comparators]
        for left, operator, right in zip(sides, node.ops, sides[1:], strict=False):
            smaller = left if isinstance(operator, ast.Lt | ast.LtE) else right
            if isinstance(operator, ast.Lt | ast.LtE | ast.Gt | ast.GtE) and _is_elapsed(smaller, self._elapsed):
                return True
        return False

    def _note(self, node: ast.stmt | ast.expr, what: str) -> None:
        self.found.append((self._function, node.lineno, what))


def _name(node: ast.expr) -> str:
    """The last part of what is called: ``sleep`` of ``asyncio.sleep``."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _called(node: ast.AST) -> set[str]:
    return {_name(each.func) for each in ast.walk(node) if isinstance(each, ast.Call)}


def _is_fixed_sleep(node: ast.AST) -> bool:
    """A fault that comes at a random moment comes after a sleep of random length."""
    return isinstance(node, ast.Call) and _name(node.func) == "sleep" and "uniform" not in _called(node)


def _is_turn(sleep: ast.Call) -> bool:
    """``sleep(0)`` waits for nothing: it gives others their turn."""
    return [each.value for each in sleep.args if isinstance(each, ast.Constant)] == [0]


def _deadlines(node: ast.Call) -> list[float]:
    """Numbers of seconds that are written as the deadline of a call."""
    is_waiting = _name(node.func) in _WITH_DEADLINE
    named = {"timeout", "seconds"} if is_waiting else {"timeout"}
    values = [*(node.args if is_waiting else ()), *(each.value for each in node.keywords if each.arg in named)]
    return [
        each.value
        for each in values
        if isinstance(each, ast.Constant) and isinstance(each.value, int | float) and not isinstance(each.value, bool)
    ]


def _leaves_or_sleeps(loop: ast.For | ast.AsyncFor | ast.While) -> bool:
    inside = [each for statement in loop.body for each in ast.walk(statement)]
    return any(isinstance(each, ast.Break | ast.Return) or _is_fixed_sleep(each) for each in inside)


def _counted(loop: ast.While) -> set[str]:
    """Names that each round makes one more or less."""
    return {
        each.target.id
        for each in ast.walk(loop)
        if isinstance(each, ast.AugAssign)
        and isinstance(each.target, ast.Name)
        and isinstance(each.value, ast.Constant)
        and each.value.value == 1
    }


def _held(node: ast.expr) -> str:
    """The variable that is set or read, also if it is a part of it: ``took`` of ``took[1]``."""
    return _held(node.value) if isinstance(node, ast.Subscript) else _name(node)


def _is_elapsed(node: ast.expr, names: set[str]) -> bool:
    """Whether it is a difference of two looks at a clock."""
    if isinstance(node, ast.Name | ast.Subscript):
        return _held(node) in names
    differences = [each for each in ast.walk(node) if isinstance(each, ast.BinOp) and isinstance(each.op, ast.Sub)]
    return any(_called(each) & _CLOCKS for each in differences)


def waits(source: str) -> list[tuple[str, int, str]]:
    """What is wrong in a module."""
    collecting = Waits()
    collecting.visit(ast.parse(source))
    return collecting.found


@cache
def all_waits() -> dict[str, list[str]]:
    """What is wrong in all tests: where (file and function) → lines and what."""
    found: dict[str, list[str]] = {}
    for path in sorted(TESTS.rglob("*.py")):
        for function, line, what in waits(path.read_text(encoding="utf-8")):
            found.setdefault(f"{path.relative_to(TESTS)}: {function}", []).append(f"line {line}: {what}")
    return found


def test_tests_wait_for_conditions() -> None:
    assert {where: wrong for where, wrong in all_waits().items() if where not in ALLOWED} == {}


def test_nothing_is_allowed_that_nobody_does() -> None:
    assert set(ALLOWED) - set(all_waits()) == set()


SLEEPS, ROUNDS, POLLS, SHORT, BOUND = "sleeps", "counts rounds", "polls", "a deadline", "an upper bound"
BAD = {
    "for _ in range(2000):\n    if await latest():\n        break": ROUNDS,
    "for attempt in range(50):\n    if done():\n        return attempt\n    time.sleep(pause)": ROUNDS,
    "for _ in itertools.repeat(None, 9):\n    if done():\n        break": ROUNDS,
    "while n < 100:\n    n += 1\n    if done():\n        break": ROUNDS,
    "while tries:\n    tries -= 1\n    if await done():\n        return": ROUNDS,
    "while not done():\n    pass": POLLS,
    "while look.execute(query).fetchone() != (1,):\n    assert writer.is_alive()": POLLS,
    "while (await state()) != 'ready':\n    count += 1": POLLS,
    "while len(fetch()) < 3:\n    pass": POLLS,
    "time.sleep(0.5)": SLEEPS,
    "await asyncio.sleep(A_WHILE)": SLEEPS,
    "sleep(2 * pause)": SLEEPS,
    "while True:\n    sleep(seconds=0.1)": SLEEPS,
    "await asyncio.wait((answer,), timeout=0.7)": SHORT,
    "await asyncio.wait_for(read(), 5)": SHORT,
    "async with asyncio.timeout(5):\n    pass": SHORT,
    "process.wait(5)": SHORT,
    "urlopen(url, timeout=1)": SHORT,
    "wait_for(done, 'it is done', 3.0)": SHORT,
    "until(done, 'it is done', seconds=3)": SHORT,
    "assert time.monotonic() - began < 5": BOUND,
    "assert 5 > loop.time() - began": BOUND,
    "assert 0 < (loop.time() - began) * 1000 <= LIMIT, 'slow'": BOUND,
    "took = time.perf_counter() - began\nassert took < 1": BOUND,
    "took[speed] = loop.time() - began\nassert took[2] < longest * 0.7": BOUND,
}
GOOD = (
    "for number in range(3):\n    send(number)",
    "for row in rows:\n    if row == wanted:\n        break",
    "for _ in range(times):\n    time.sleep(random.uniform(0.0, 0.3))\n    kill()",
    "while data := await reader.read():\n    found += data",
    "while (batch := journal.read(at)) is not None:\n    at = batch.end",
    "while len(found) < 3:\n    found += take()",
    "while waiting and any(waiting):\n    waiting.pop()",
    "await asyncio.sleep(0)",
    "await asyncio.wait_for(done.wait(), DEADLINE_S)",
    "run(command, timeout=60)",
    "wait_for(done, 'it is done', pause=0.1)",
    "gateway.do(0, 'silence', seconds=0.2)",
    "assert time.monotonic() - began >= 0.9",
    "assert now() - told < timedelta(seconds=3)",
    "process.wait()",
    "Proxy(url).join('/', 'a')",
)


@pytest.mark.parametrize(("body", "wrong"), BAD.items())
def test_what_is_wrong_is_found_by_its_shape(body: str, wrong: str) -> None:
    found = waits(f"def good():\n    pass\n\n\nasync def bad():\n{textwrap.indent(body, '    ')}")
    assert {function for function, _, _ in found} == {"bad"}
    assert any(what.startswith(wrong) for _, _, what in found), found


@pytest.mark.parametrize("body", GOOD)
def test_what_is_right_is_left_alone(body: str) -> None:
    assert waits(f"async def good():\n{textwrap.indent(body, '    ')}") == []


def test_the_innermost_function_is_named() -> None:
    nested = "def outer():\n    def inner():\n        time.sleep(1)\n    time.sleep(2)\n\ntime.sleep(3)\n"
    assert [(function, line) for function, line, _ in waits(nested)] == [("inner", 3), ("outer", 4), ("", 6)]


@pytest.mark.parametrize("page", sorted((TESTS.parent / "docs").glob("*.md")), ids=lambda page: page.stem)
def test_tests_that_a_page_names_are_there(page: Path) -> None:
    there = {path.name for path in TESTS.rglob("test_*.py")}
    assert set(re.findall(r"\btest_\w+\.py\b", page.read_text())) <= there
