"""A minute of full load from wrk while refreshes run: no error, flat memory, the latency said."""

import re
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest

from tests.faults.family import family
from tests.paths import CAPTURES
from tests.processes import accounts, get, process

SECONDS = 60
GROWTH_BYTES = 48 << 20


def loaded(url: str) -> str:
    """What wrk says after a minute with 16 connections."""
    arguments = ["wrk", "-t1", "-c16", f"-d{SECONDS}s", "--latency", url]
    return subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=SECONDS + 30).stdout


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed (apt install wrk)")
def test_full_load_while_refreshes_run(database_url: str, tmp_path: Path) -> None:
    capture = str(CAPTURES / "eur-commodities-fx.jsonl")
    with (
        tempfile.TemporaryDirectory(prefix="ibc-load-") as spool,
        process(tmp_path / "gateway", "simulate", "--port", "0", "--capture", capture) as gateway,
    ):
        port = gateway.said(r"127\.0\.0\.1:(\d+)")[1]
        settings = {"DB_URL": database_url, "DATA_DIR": spool, "IB_GW": f"127.0.0.1:{port}", "HOST": "127.0.0.1"}
        with process(tmp_path / "serve", "serve", PORT="0", **settings) as serve:
            url = serve.url()
            latest = accounts(url, 1)["DU0000001"]
            report = f"{url}/v1/accounts/DU0000001/{latest}"
            assert get(report)[0] == 200
            resident = family(serve)["api"].memory_info
            before = resident().rss
            said: list[str] = []
            load = threading.Thread(target=lambda: said.append(loaded(report)))
            load.start()
            refreshed = 0
            while load.is_alive():
                status, rows = get(f"{url}/v1/accounts", Cache_Control="max-age=0")
                assert (status, rows[0]["Latest"] > latest) == (200, True)
                refreshed += 1
            load.join()
            (output,) = said
            print(output, f"refreshes: {refreshed}, resident memory {(resident().rss - before) >> 20:+} MiB")
            assert "Non-2xx" not in output
            assert "Socket errors" not in output
            assert re.search(r"99%\s+[\d.]+m?s", output)
            assert refreshed >= SECONDS // 5
            assert resident().rss - before < GROWTH_BYTES
