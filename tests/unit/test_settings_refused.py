"""What a setting is refused for: values that are wrong, and values that would be taken and do nothing."""

import string
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ibconnect.cli import demo
from ibconnect.config import SETTINGS, load, near_misses
from ibconnect.errors import ConfigError
from ibconnect.http.server.auth import read_tokens
from ibconnect.setting_values import is_loopback, origins

TOKEN = "a-token-of-at-least-16"
NO_BOOLEANS = [(value, "true or false") for value in ("maybe", "2", "enabled", "tru")]
NO_SECONDS = [(value, "use seconds from") for value in ("soon", "1e9", "-1", "nan", "3 s", "1,5", "0x1", "700")]
NO_SCHEDULES = [
    *((value, "five cron fields") for value in ("every hour", "60 * * * *", "@never", "* * *")),
    *((value, "no day is like that") for value in ("0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 0 1 1 * 2020")),
]

# For each setting values that are of no use, and what the refusal says is right. "{file}" is a file that exists,
# "{empty}" one that is empty, "{blank}" one that holds blanks.
USELESS: dict[str, list[tuple[str, str]]] = {
    "DB_URL": [
        ("somewhere", "postgresql://user:password@host"),
        ("mysql://x", "postgresql://user:password@host"),
        ("postgresql://h:0/d", "1 to 65535"),
        ("postgresql://h:99999/d", "1 to 65535"),
        ("postgresql://h,i,j:1,k:2/d?port=1,2", "each host one"),
        ("postgresql://h/d?sslmode=on", "verify-full"),
        ("postgresql://h/d?target_session_attrs=rw", "read-write"),
    ],
    "DB_READ_URL": [("replica", "postgresql://user:password@host"), ("postgresql://h/d", "set the DB_URL")],
    "DATA_DIR": [
        ("{file}", "is no directory"),
        ("{file}/below", "is no directory"),
        ("~nobody-of-that-name/x", "path of a directory"),
        ("a\nb", "cannot be printed"),
    ],
    "IB_GW": [
        (value, "127.0.0.1:4002")
        for value in (
            ",",
            " , ",
            "localhost",
            "a:0",
            "a:65536",
            "http://a:1",
            "1.2.3:1",
            "[::g]:1",
            "[1]:2",
            "::1:4002",
        )
    ]
    + [(value, "each gateway once") for value in ("a:1,a:1", "a:1,A:01", "[::1]:2,[0:0:0::1]:2", "a:1@U1,a.:1")]
    + [(value, "use a:1@DU1234567,DU1234568") for value in ("a:1@", "a:1@,b:2", "a:1@U1,gw2", "a:1@U1,10.0.0.1")]
    + [(value, "percent-encoded") for value in ("a:1@U1@U2", "a:1@du1", "a:1@U1,localhost", "a:1@U 1", "a:1@%4")]
    + [(value, "no account code") for value in ("a:1@%00", "a:1@%FF1", "a:1@U%2C1", f"a:1@%55{'1' * 64}")]
    + [(value, "each account once") for value in ("a:1@U1,U1", "a:1@U1,%551")]
    + [("U1@a:1", "host:port"), ("@U1", "host:port"), ("a:1,U1", "host:port"), ("a:1@U1,b:", "host:port")],
    "IB_CID": [(value, "0 to 2147483647") for value in ("-1", "2147483648", "one", "1.0", "")[:4]],
    "ERR_INFO": NO_BOOLEANS,
    "PORT": [(value, "0 to 65535") for value in ("65536", "3e3", "http", "-1")],
    "HOST": [
        (value, "localhost, 127.0.0.1 or ::1")
        for value in ("localhost:3000", "http://localhost", "1.2.3.256", "127.1", "::g", "a b", "-a", "a..b", "0x7f.1")
    ]
    + [(",", "localhost or"), ("*", "0.0.0.0,::")]
    + [(value, "each address once") for value in ("::1,[::1]", "::1,0::1", "a,A")],
    "ACCT_REF": NO_SCHEDULES,
    "COLLECT": [
        *((value, "-orders,-pnl") for value in (",", "-", "Orders", "--pnl", "all but orders", "-all;", "*")),
        *((value, "not both") for value in ("all,pnl", "pnl,-orders")),
        ("-accounts", "always"),
    ],
    "EXEC_REF": NO_SCHEDULES,
    "PNL_REF": NO_SCHEDULES,
    "PNL_POSITIONS": NO_BOOLEANS,
    "PNL_RESET": [
        (value, "23:55 America/New_York")
        for value in ("23:55", "Asia/Tokyo", "24:00 UTC", "5pm UTC", "17:00 New York", "17:00 localtime", "17:00 utc")
    ],
    "PERF_FLOWS": [(value, "start, mid, end") for value in ("begin", "0.5", "start,end", "none")],
    "PERF_LARGE_FLOW": [(value, "0 to 1") for value in ("10%", "-0.1", "1.1", "2", ".1", "1e-1", "nan", "0,1")],
    "FLEX_TOKEN": [
        (value, "letters and digits")
        for value in ("1234567", "12345 67890", "token=1234567890", "é23456789", "x" * 257)
    ],
    "FLEX_TOKEN_FILE": [("", "name a file"), ("0123456789abcdef", "the path of a file")],
    "FLEX_QUERIES": [
        *(
            (value, "such as 123456")
            for value in ("daily", "daily=", "=1", "1;2", "1 2", "a b=1", "1.0", "-1", "9" * 21)
        ),
        *((value, "each query once") for value in ("1,1", "a=1,b=1", "a=1,a=2")),
        (" , ", "or nothing"),
        ("123456", "FLEX_TOKEN"),
    ],
    "FLEX_REF": NO_SCHEDULES,
    "FLEX_URL": [
        *(
            (value, "https://host")
            for value in ("ndcdyn.interactivebrokers.com", "ftp://h/x", "https://", "https://h/?t=1")
        ),
        *(
            (value, "https://host")
            for value in ("https://me:pw@h/x", "https://h/a b", "https://h:0/x", "https://h/x#y")
        ),
        *((value, "use https") for value in ("http://example.com/x", "http://10.0.0.1:80/x")),
        ("https://h/FlexWebService/SendRequest", "leave SendRequest"),
    ],
    "REFRESH_TIMEOUT": [*NO_SECONDS, ("0", "0.1 to 600")],
    "REFRESH_FLOOR": NO_SECONDS,
    "DOWNLOAD_TIMEOUT": [*NO_SECONDS, ("0", "0.1 to 600")],
    "QUIET_TIME": [*NO_SECONDS, ("0", "0.1 to 60")],
    "GATEWAY_MAX_BYTES": [(value, "64KiB at least") for value in ("0", "1K", "65535", "all", "-1", "4 MB/s")],
    "GATEWAY_MAX_EVENTS": [(value, "100 to 1000000000") for value in ("0", "99", "-1", "2000000000", "1e4", "many")],
    "API_TOKENS": [
        ("short", "at least 16"),
        ("# none", "add one"),
        (f"{TOKEN}@", "account codes"),
        (f"{TOKEN}@read", "of which accounts"),
        (f"{TOKEN}@*;name=-", "a name is"),
        (f"{TOKEN}@*;until=never", "RFC 3339"),
    ],
    "API_TOKENS_FILE": [
        ("", "name a file"),
        *((value, "cannot be read") for value in ("/nowhere/tokens", "{file}/x", "a\0b", "/", "/dev/null")),
        ("{file}", "does not end with a line end"),
    ],
    "ALLOW_ANONYMOUS": NO_BOOLEANS,
    "WEB": NO_BOOLEANS,
    "WEB_SESSION": [("0", "1 to 604800"), ("604801", "1 to 604800"), ("12h", "use seconds")],
    "CORS_ORIGINS": [
        ("example.com", "use https://example.com "),
        ("https://example.com/", "use https://example.com "),
        ("https://Example.com/a?b", "use https://example.com "),
        ("HTTPS://example.com:8443/", "use https://example.com:8443 "),
        ("https://example.com:443", "use https://example.com"),
        ("http://[::1]:80", "use http://[::1]"),
        ("https://*.example.com", "name each one"),
        ("https://me@example.com", "https://"),
        (",", "or nothing"),
        ("*", "name each one"),
        ("null", "name each one"),
    ],
    "PUBLIC_URL": [
        (value, "http(s)://host[:port][/prefix]")
        for value in (
            *(
                "records.example.com",
                "ftp://h",
                "HTTPS://h",
                "https://",
                "https:///x",
                "https://h:0",
                "https://h:65536",
            ),
            *(
                "https://h:",
                "https://me@h",
                "https://me:pw@h",
                "https://h?x",
                "https://h/?x",
                "https://h/#x",
                "https://h/a b",
            ),
            *(
                "https://h//x",
                "https://h/a/../b",
                "https://h/%2e",
                "https://h\\x",
                "https://::1",
                "https://[::1",
                "//h",
                "/",
            ),
            "https://h,https://i",
        )
    ],
    "MAX_CONNECTIONS": [(value, "16 to 60000") for value in ("0", "15", "60001", "many", "1e3")],
    "MAX_CONNECTIONS_PER_ADDRESS": [(value, "1 to 60000") for value in ("0", "-1", "60001", "all")],
    "SPOOL_MAX_BYTES": [(value, "1MiB at least") for value in ("0", "1K", "1048575", "much", "-1", "1.5GiB", "1PB")],
    "INSTANCE": [(value, "at most 100") for value in ("a b", "a\nb", "x" * 101, "a\x00b", "a\u200bb", "a\u00a0b")],
    "LOG_FORMAT": [("xml", "console, json")],
    "LOG_LEVEL": [("trace", "debug, info"), ("20", "debug, info")],
    "ACCESS_LOG": [("json", "true or false"), ("2", "true or false")],
}
FILES = {"DB_URL_FILE": "", "DB_READ_URL_FILE": "", "API_TOKENS_FILE": "", "FLEX_TOKEN_FILE": ""}


def refusal(environ: dict[str, str]) -> str:
    with pytest.raises(ConfigError) as caught:
        read_tokens(load(environ))
    return str(caught.value)


def test_every_setting_has_useless_values_here() -> None:
    assert list(USELESS) == [setting.name for setting in SETTINGS]
    assert all(USELESS.values())


@pytest.mark.parametrize(("name", "value", "says"), [(name, *row) for name, rows in USELESS.items() for row in rows])
def test_a_useless_value_is_refused_saying_what_is_right(name: str, value: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    value = value.replace("{file}", str(tmp_path / "file"))
    said = refusal({name: value})
    assert name in said
    assert says in said
    secret = next(setting.secret for setting in SETTINGS if setting.name == name)
    assert not secret or value not in said
    assert "\n" not in said.replace(value, "")


@pytest.mark.parametrize("name", USELESS)
@pytest.mark.parametrize("blanks", [" ", "\t\n ", "\u00a0"])
def test_nothing_but_blanks_is_refused(name: str, blanks: str) -> None:
    assert name in refusal({name: blanks})


@pytest.mark.parametrize("name", ["DB_URL_FILE", "DB_READ_URL_FILE"])
def test_a_file_that_gives_no_secret_starts_no_other_database(name: str, tmp_path: Path) -> None:
    """An embedded one would take what is meant for the real one."""
    assert "name a file, or unset it" in refusal({name: ""})
    assert "name a file, or unset it" in refusal({name: " "})
    for content in ("", " \n\t\n"):
        (tmp_path / "url").write_text(content)
        said = refusal({name: str(tmp_path / "url")})
        assert said.startswith(f"{name}='{tmp_path}/url' is empty")
    assert "cannot be read" in refusal({name: str(tmp_path)})
    assert "cannot be read" in refusal({name: "a\0b"})
    assert "not" in refusal({name: str(tmp_path / "none")})


@pytest.mark.parametrize("name", ["DB_URL_FILE", "DB_READ_URL_FILE", "API_TOKENS_FILE", "FLEX_TOKEN_FILE"])
@pytest.mark.parametrize(
    "secret", ["postgresql://u:hunter2xyz@h/d", TOKEN, f"{TOKEN}@DU1", "hunter2xyz/and=more", "x" * 5000]
)
def test_a_secret_in_the_place_of_its_file_is_not_shown(name: str, secret: str) -> None:
    said = refusal({name: secret})
    assert "cannot be read" in said
    assert not any(secret[place : place + 4] in said for place in range(len(secret) - 3))


def test_what_contradicts_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text(TOKEN)
    tokens = str(tmp_path / "tokens")
    assert "ALLOW_ANONYMOUS" in refusal({"ALLOW_ANONYMOUS": "true", "API_TOKENS": TOKEN})
    assert "ALLOW_ANONYMOUS" in refusal({"ALLOW_ANONYMOUS": "true", "API_TOKENS_FILE": tokens})
    assert "both" in refusal({"API_TOKENS": TOKEN, "API_TOKENS_FILE": tokens})
    assert "API_TOKENS" in refusal({"HOST": "127.0.0.1,0.0.0.0"})
    assert "both" in refusal({"DB_URL": "postgresql://h/d", "DB_URL_FILE": tokens})
    assert "both" in refusal({"FLEX_TOKEN": "0123456789", "FLEX_TOKEN_FILE": tokens})


@pytest.mark.parametrize("name", ["DB_URL", "DB_URL_FILE", "DB_READ_URL", "DB_READ_URL_FILE"])
def test_the_demo_writes_into_no_database_that_the_environment_names(name: str) -> None:
    with pytest.raises(ConfigError, match=f"unset {name}"):
        demo.settings({name: "postgresql://real/store"}, 4002)


@pytest.mark.parametrize(("uid", "ending"), [(0, "-demo"), (1000, "/demo")])
def test_the_demo_shares_no_directory_with_a_service(monkeypatch: pytest.MonkeyPatch, uid: int, ending: str) -> None:
    monkeypatch.setattr("os.geteuid", lambda: uid)
    for named in ({"DATA_DIR": "/srv/ibconnect"}, {}):
        assert str(demo.settings(named, 4002).data_dir) == f"{load(named).data_dir}{ending}"


MADE_UP = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)


@pytest.mark.parametrize("name", USELESS)
@settings(max_examples=30)
@given(text=MADE_UP | st.text(string.printable, max_size=12))
def test_whatever_is_set_is_taken_or_refused_in_words(name: str, text: str) -> None:
    try:
        load({name: text})
    except ConfigError as exc:
        assert name in str(exc)


LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
HOSTS = st.lists(LABEL, min_size=1, max_size=3).map(".".join).filter(lambda host: not host.replace(".", "").isdigit())


@given(scheme=st.sampled_from(["http", "https"]), host=HOSTS, port=st.none() | st.integers(1, 65535))
def test_an_origin_is_taken_exactly_as_a_browser_sends_it(scheme: str, host: str, port: int | None) -> None:
    assume(not host.startswith("0x"))
    assume((scheme, port) not in (("http", 80), ("https", 443)))
    origin = f"{scheme}://{host}" + (f":{port}" if port else "")
    assert origins(f" {origin} , ") == (origin,)
    for other in (f"{origin}/", f"{origin}/path", origin.upper(), f"{origin}?q", host):
        with pytest.raises(ValueError, match="use "):
            origins(other)


@given(st.ip_addresses())
def test_an_address_is_loopback_if_it_says_so_and_a_name_is_not(address: object) -> None:
    assert is_loopback(str(address)) == ip_address(str(address)).is_loopback
    assert not is_loopback(f"{address}.example.com")


def test_hosts_that_only_look_like_loopback_are_not() -> None:
    assert all(map(is_loopback, ("localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1")))
    assert not any(map(is_loopback, ("127.example.com", "localhost.example.com", "0.0.0.0", "::", "10.0.0.1", "::2")))
    assert load({"HOST": "localhost,127.0.0.2"}).is_loopback
    assert not load({"HOST": "127.0.0.1,10.0.0.1"}).is_loopback


@pytest.mark.parametrize("setting", [*(each.name for each in SETTINGS), "DB_URL_FILE"])
@settings(max_examples=20)
@given(data=st.data())
def test_one_slip_in_a_name_is_told(setting: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(1, len(setting) - 2))
    slips = [
        setting[:place] + setting[place + 1 :],
        setting[:place] + "X" + setting[place:],
        setting[:place] + setting[place + 1] + setting[place] + setting[place + 2 :],
        setting.lower(),
        f"IBCONNECT_{setting}",
    ]
    known = {each.name for each in SETTINGS} | set(FILES)
    for slip in set(slips) - known - {"DB_READ_URL"}:
        told = near_misses({slip: "x"})
        if setting in ("HOST", "PORT"):
            assert told == ({slip: setting} if slip.startswith("IBCONNECT") else {})
        else:
            assert list(told) == [slip], slip


def test_what_other_programs_read_is_left_alone() -> None:
    names = "PATH HOME HOSTNAME HOSTS PORTS PGHOST PGPORT LOG LOG_DIR DATABASE_URL INSTANCE_ID XDG_DATA_DIRS TZ LANG"
    assert near_misses(dict.fromkeys([*names.split(), *(each.name for each in SETTINGS), *FILES], "x")) == {}
