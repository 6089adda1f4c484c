"""What verbs do first: the settings are read, the log is set up, and a service says what it starts from.

In: the environment. Out: a :class:`~ibconnect.config.Config`. Called by the verbs.
"""

import argparse
import os
import platform
from collections.abc import Mapping

from ibconnect import __version__
from ibconnect.config import Config, load, near_misses, sources
from ibconnect.descriptors import raise_limit
from ibconnect.gateway.collectors.registry import chosen
from ibconnect.http.server.site import site_of
from ibconnect.observe import Kind, configure_logging, observe


def settings(environ: Mapping[str, str]) -> Config:
    """The settings; from here on the log is written as they say.

    :raises ConfigError: a setting is wrong
    """
    config = load(environ)
    configure_logging(config.log_format, config.log_level)
    for name, meant in near_misses(environ).items():
        observe(Kind.SETTING_UNREAD, variable=name, setting=meant)
    return config


def started(environ: Mapping[str, str], *, tells_page: bool = False) -> Config:
    """The settings of a service, once the first line of its log is written.

    :param tells_page: the line says where the page is, unless there is none, or only the system knows the port
    :raises ConfigError: a setting is wrong
    """
    config = settings(environ)
    chosen(config.collect)
    raise_limit()
    about = {"version": __version__, "python": platform.python_version(), "pid": os.getpid()}
    page = {"page": f"{_url_of(config)}/"} if tells_page and config.web and (config.public_url or config.port) else {}
    observe(Kind.SERVICE_STARTING, **about, **page, **named_sources(environ))
    return config


def _url_of(config: Config) -> str:
    return config.public_url or site_of(config.host, [(config.host[0], config.port)]).urls[0]


def add_no_web(parser: argparse.ArgumentParser) -> None:
    """Let a verb serve without the page."""
    parser.add_argument("--no-web", action="store_true", help="no page at /, and no sign-in (as WEB=false)")


def with_web(environ: Mapping[str, str], chosen: argparse.Namespace) -> Mapping[str, str]:
    """The environment, with what the command line says of the page."""
    return {**environ, "WEB": "false"} if chosen.no_web else environ


def named_sources(environ: Mapping[str, str]) -> dict[str, str]:
    """Which settings come from the environment, and which from files, by name: for the first line of the log."""
    found = sources(environ)
    named = {name: environ[name] for name in found if name.endswith("_FILE") and environ.get(name)}
    files = {f"{name}_FILE": path.removeprefix("file ") for name, path in found.items() if path.startswith("file ")}
    return {
        "environment": " ".join(name for name, source in found.items() if source == "environment") or "no setting",
        **(
            {"files": " ".join(f"{name}={path}" for name, path in {**files, **named}.items())} if files or named else {}
        ),
    }
