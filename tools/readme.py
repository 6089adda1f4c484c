"""Write what is made from ``ibconnect.config.SETTINGS``, the one place where the settings are defined: the table in
README.md, and the settings' file of the systemd service.

Called by ``make docs``; tests hold the files against :func:`render` and :func:`environment_file`.
"""

import re
from pathlib import Path

from ibconnect.config import SETTINGS

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
ENVIRONMENT_FILE = ROOT / "deploy" / "systemd" / "ibconnect.env"
_BLOCK = re.compile(r"(<!-- settings: make docs -->\n).*?(<!-- end of settings -->\n)", re.DOTALL)
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


def render(readme: str) -> str:
    """The README with its table of settings as it has to be."""
    return _BLOCK.sub(lambda match: match[1] + settings_table() + match[2], readme)


def environment_file() -> str:
    """The settings' file of the service: every setting, off, with its default and meaning."""
    rows = []
    for setting in SETTINGS:
        rows.append(f"\n# {setting.help}\n#{setting.name}={setting.default}\n")
        if setting.file:
            rows.append(f"# or the path of a file that holds it\n#{setting.file}=\n")
    return _HEAD + "".join(rows)


if __name__ == "__main__":
    README.write_text(render(README.read_text(encoding="utf-8")), encoding="utf-8")
    ENVIRONMENT_FILE.write_text(environment_file(), encoding="utf-8")
