"""Which database is away is told, with the setting that names it, host and port, and never the password."""

from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.faults.proxy import Proxy
from tests.processes import get, process
from tests.waiting import wait_for

SECRET = "correct-horse"


def url_of(proxy: Proxy) -> str:
    """The same database, by a URL with host, port and a password."""
    parts = conninfo_to_dict(proxy.url)
    return f"postgresql://{parts['user']}:{SECRET}@{parts['host']}:{parts['port']}/{parts['dbname']}"


@pytest.mark.parametrize("setting", ["DB_URL", pytest.param("DB_READ_URL", marks=pytest.mark.slow)])
def test_the_database_that_is_away_is_named(database_url: str, tmp_path: Path, setting: str) -> None:
    with Proxy(database_url) as primary, Proxy(database_url) as standby:
        settings = {"DB_URL": url_of(primary), "DB_READ_URL": url_of(standby), "IB_GW": "127.0.0.1:1", "PORT": "0"}
        with psycopg.connect(settings[setting]):
            pass
        with process(tmp_path / "log", "serve", DATA_DIR=str(tmp_path), **settings) as service:
            url = service.url()
            wait_for(lambda: get(f"{url}/readyz")[0] == 200, "it is ready")
            away = primary if setting == "DB_URL" else standby
            away.cut(refuse=True)
            wait_for(lambda: get(f"{url}/v1/accounts")[0] in (200, 503), "it answers")
            port = conninfo_to_dict(settings[setting])["port"]
            service.said(rf"Postgres is away +.*database='?{setting}=postgresql://\S+:\*\*\*@127\.0\.0\.1:{port}/")
            if setting == "DB_READ_URL":
                status, body = get(f"{url}/readyz")
                assert status == 503
                assert body["Reasons"][0] == "the database of DB_READ_URL cannot be reached"
                service.said(r"a request was refused .*code=database-unavailable .*error_id=[0-9a-f]{16} ")
            away.mend()
            wait_for(lambda: get(f"{url}/readyz")[0] == 200, "it is ready again")
            service.said(rf"Postgres is back +.*database='?{setting}=")
            service.stop()
            assert service.popen.returncode == 0
            assert SECRET not in service.output
            assert "Traceback" not in service.output
            (other,) = {"DB_URL", "DB_READ_URL"} - {setting}
            assert [line for line in service.output.splitlines() if " is away" in line and f"{other}=" in line] == []
