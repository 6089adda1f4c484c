"""Hatchling's hook: the wheel holds the page, built of ``web/`` where the tree has no current one.

In: the tree that a wheel is built of. Out: the page's files in the wheel, as ``ibconnect/http/web/``; nothing in the
tree is changed. An editable installation uses the tree's own page, which ``make setup`` builds.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).resolve().parent))
import page


class PageHook(BuildHookInterface):  # type: ignore[type-arg]
    """Called by hatchling around each build of a wheel."""

    PLUGIN_NAME = "custom"
    _work: tempfile.TemporaryDirectory[str] | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page and name its files; exits with a message that says what to do if it cannot be built."""
        if version == "editable" or page.is_left_out():
            return
        self._work = tempfile.TemporaryDirectory(prefix="ibconnect-page-")
        try:
            files = page.build_aside(Path(self._work.name))
        except page.Failed as error:
            sys.exit(str(error))
        for path in sorted(files.iterdir()):
            if path.name != page.STAMP:
                build_data["force_include"][str(path)] = f"ibconnect/http/web/{path.name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was made on the way."""
        if self._work is not None:
            self._work.cleanup()
