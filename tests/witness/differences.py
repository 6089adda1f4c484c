"""Says where two values differ, shortly: of thousands of equal figures nobody finds the one that is not."""

from collections.abc import Iterator
from typing import Any

_MOST = 12


def same(shown: Any, expected: Any, where: str) -> None:
    """Fail unless what is shown is what is expected, naming each place (the first dozen) where it is not."""
    if shown == expected:
        return
    found = list(_differences(shown, expected, ""))
    lines = "\n".join(
        f"  {place or '(all)'}: shown {left!r}, expected {right!r}" for place, left, right in found[:_MOST]
    )
    more = f"\n  and {len(found) - _MOST} more" if len(found) > _MOST else ""
    raise AssertionError(f"{where}\n{lines}{more}")


def _differences(shown: Any, expected: Any, place: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(shown, dict) and isinstance(expected, dict):
        for key in [*expected, *(key for key in shown if key not in expected)]:
            yield from _differences(shown.get(key, "(absent)"), expected.get(key, "(absent)"), f"{place}.{key}")
    elif isinstance(shown, list) and isinstance(expected, list) and len(shown) == len(expected):
        for number, (left, right) in enumerate(zip(shown, expected, strict=True)):
            yield from _differences(left, right, f"{place}[{number}]")
    elif isinstance(shown, list) and isinstance(expected, list):
        missing, more = (
            [each for each in expected if each not in shown],
            [each for each in shown if each not in expected],
        )
        yield f"{place}: {len(shown)} rows, not {len(expected)}", more[:3], missing[:3]
    elif shown != expected:
        yield place, shown, expected
