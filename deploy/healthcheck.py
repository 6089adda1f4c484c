"""Exit 0 if the service in this container answers ``/healthz``, else 1. Called by the image's HEALTHCHECK."""

import os
import sys
import urllib.error
import urllib.request

PORT = os.environ.get("PORT", "3000")

try:
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/healthz", timeout=3):
        pass
except (OSError, urllib.error.URLError) as exc:
    sys.exit(f"not healthy: {exc}")
