"""The engine and the images that the tests of containers share; without them all are skipped and say why."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.containers import building
from tests.containers.engine import Engine, Missing, engine


@pytest.fixture(scope="session")
def containers() -> Iterator[Engine]:
    """An engine that runs containers, with the base image in its store."""

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    # Stopped by its time limit, a run still removes what it started.
    former = signal.signal(signal.SIGTERM, stop)
    try:
        with engine() as made:
            building.make_base(made)
            yield made
    except Missing as missing:
        pytest.skip(f"no containers: {missing}")
    finally:
        signal.signal(signal.SIGTERM, former)


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of this clone, without what is made in it."""
    target = tmp_path_factory.mktemp("tree") / "ibconnect"
    building.copy_tree(target)
    return target


@pytest.fixture(scope="session")
def new(containers: Engine, tree: Path) -> str:
    """The image of this tree, built by podman."""
    building.build_with_podman(containers, tree, building.NEW)
    return building.NEW


@pytest.fixture(scope="session")
def tree_before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the version before."""
    target = tmp_path_factory.mktemp("before")
    try:
        building.version_before(target)
    except LookupError as exc:
        pytest.skip(str(exc))
    return target


@pytest.fixture(scope="session")
def old(containers: Engine, tree_before: Path) -> str:
    """The image of the version before, built by buildah."""
    building.build_with_buildah(containers, tree_before, building.OLD)
    return building.OLD


@pytest.fixture(scope="session")
def standins(containers: Engine, new: str) -> str:
    """The images that stand in for published ones; the first part of their names."""
    try:
        building.build_standins(containers, new)
    except Missing as missing:
        pytest.skip(str(missing))
    return building.STANDIN
