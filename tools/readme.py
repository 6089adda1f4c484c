"""Write what is made from the settings (``ibconnect.config.SETTINGS``) and from the registry of resources: the table of
settings in README.md, the settings' file of the systemd service, the table of routes of each page that has its marks.

Called by ``make docs``; tests hold the files against :func:`render` and :func:`environment_file`.
"""

import re
from pathlib import Path

from ibconnect.config import SETTINGS
from ibconnect.http.resources.registry import POSTS, ROUTES
from ibconnect.http.server.problems import Code
from ibconnect.http.server.resource import Route

ROOT = Path(__file__).resolve().parent.parent
PAGES = (ROOT / "README.md", ROOT / "docs" / "http-api.md")
ENVIRONMENT_FILE = ROOT / "deploy" / "systemd" / "ibconnect.env"
_BLOCK = re.compile(r"(<!-- settings: make docs -->\n).*?(<!-- end of settings -->\n)", re.DOTALL)
_ROUTES = re.compile(r"(<!-- routes: make docs -->\n).*?(<!-- end of routes -->\n)", re.DOTALL)
_HEAD = """\
# Settings of the service ibconnect, read by systemd: NAME=value, no "export"; a line that begins with # is off.
# As they stand here they are the defaults. After a change: systemctl restart ibconnect
# `ibconnect config` says what is wrong with them: set -a; . /etc/ibconnect/ibconnect.env; ibconnect config
#
# DATA_DIR is /var/lib/ibconnect here, the one directory that the service may write. Another one has to be the user's
# ibconnect, and be named by ReadWritePaths= as well (systemctl edit ibconnect).
"""


def settings_table() -> str:
    """A row for each setting: name, default, meaning."""
    rows = []
    for setting in SETTINGS:
        rows.append(f"| `{setting.name}` | {f'`{setting.default}`' if setting.default else ''} | {setting.help} |")
        if setting.file:
            rows.append(f"| `{setting.file}` |  | file that holds `{setting.name}` instead |")
    return "| setting | default | meaning |\n| --- | --- | --- |\n" + "\n".join(rows) + "\n"


def routes_table() -> str:
    """A row for each route: the request, the right that its token needs, what it takes, what it answers."""
    head = "| request | right | parameters | answer |\n| --- | --- | --- | --- |\n"
    return head + "".join(map(_route_row, (*ROUTES, *POSTS)))


def _route_row(route: Route) -> str:
    parameters = ", ".join(f"`{each.name}`" for each in route.parameters if each.place != "path")
    own = ", ".join(f"`{each.code}`" for each in route.problems if not isinstance(each, Code))
    answer = f"{route.summary}{f'; or {own}' if own else ''}"
    method = "GET" if route.body is None else "POST"
    return f"| `{method} {route.path}` | {f'`{route.right}`' if route.right else ''} | {parameters} | {answer} |\n"


def render(page: str) -> str:
    """A page with its tables as they have to be."""
    page = _BLOCK.sub(lambda match: match[1] + settings_table() + match[2], page)
    return _ROUTES.sub(lambda match: match[1] + routes_table() + match[2], page)


def environment_file() -> str:
    """The settings' file of the service: every setting, off, with its default and meaning."""
    rows = []
    for setting in SETTINGS:
        rows.append(f"\n# {setting.help}\n#{setting.name}={setting.default}\n")
        if setting.file:
            rows.append(f"# or the path of a file that holds it\n#{setting.file}=\n")
    return _HEAD + "".join(rows)


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(render(path.read_text(encoding="utf-8")), encoding="utf-8")
    ENVIRONMENT_FILE.write_text(environment_file(), encoding="utf-8")
