"""Where tests find what they read."""

from pathlib import Path

TESTS = Path(__file__).parent
ROOT = TESTS.parent
CAPTURES = TESTS / "fixtures" / "captures"
