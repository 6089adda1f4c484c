"""The same as tests/faults/test_hostile_gateway.py, for half an hour, or for LONG_SECONDS; SEED repeats a run."""

import os
from pathlib import Path
from random import SystemRandom

import pytest

from tests.faults.hostile import campaign

SECONDS = float(os.environ.get("LONG_SECONDS") or 1800)


@pytest.mark.slow
@pytest.mark.timeout(SECONDS * 2 + 300)
def test_a_gateway_that_attacks_for_long_disturbs_nobody(tmp_path: Path) -> None:
    campaign(tmp_path, SECONDS, int(os.environ.get("SEED") or SystemRandom().randrange(1_000_000)))
