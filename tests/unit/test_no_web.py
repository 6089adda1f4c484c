"""``--no-web`` is ``WEB=false``, whatever the environment says, and nothing else of it changes."""

import argparse

import pytest

from ibconnect.cli import api, serve
from ibconnect.cli.starting import with_web
from ibconnect.config import load


@pytest.mark.parametrize("verb", [api, serve])
@pytest.mark.parametrize("environ", [{}, {"WEB": "true", "PORT": "4000"}, {"WEB": "false"}])
def test_no_web(verb: object, environ: dict[str, str]) -> None:
    parser = argparse.ArgumentParser()
    verb.add_arguments(parser)  # type: ignore[attr-defined]
    assert load(with_web(environ, parser.parse_args(["--no-web"]))).web is False
    assert with_web(environ, parser.parse_args([])) == environ
    kept = with_web(environ, parser.parse_args(["--no-web"]))
    assert {**kept, "WEB": ""} == {**environ, "WEB": ""}
