"""A gateway that attacks by chance for half a minute: the recorder and the gateway beside it stay as they are."""

from pathlib import Path

import pytest

from tests.faults.hostile import campaign


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [14, 1407])
def test_a_gateway_that_attacks_disturbs_nobody(tmp_path: Path, seed: int) -> None:
    campaign(tmp_path, 25, seed)
