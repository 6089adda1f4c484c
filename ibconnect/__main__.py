"""``python -m ibconnect`` is the command ``ibconnect``."""

import sys

from ibconnect.cli import main

sys.exit(main())
