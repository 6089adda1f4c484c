"""Write the table of settings in README.md from ``ibconnect.config.SETTINGS``, the one place where they are defined.

Called by ``make docs``; a test holds the README against :func:`render`.
"""

import re
from pathlib import Path

from ibconnect.config import SETTINGS

README = Path(__file__).resolve().parent.parent / "README.md"
_BLOCK = re.compile(r"(<!-- settings: make docs -->\n).*?(<!-- end of settings -->\n)", re.DOTALL)


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


if __name__ == "__main__":
    README.write_text(render(README.read_text(encoding="utf-8")), encoding="utf-8")
