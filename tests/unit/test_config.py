"""Settings: the defaults that IB Connect's users know, errors that name the setting, secrets that stay hidden."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibconnect.codes import is_code
from ibconnect.config import SETTINGS, describe, load
from ibconnect.database_url import hide_password
from ibconnect.errors import ConfigError
from ibconnect.setting_values import GatewayAddress

SECONDS = {"REFRESH_TIMEOUT": "0.1 to 600", "DOWNLOAD_TIMEOUT": "0.1 to 600", "QUIET_TIME": "0.1 to 60"}
NO_SECONDS = (
    *("0", "0.0", "0.09", "600.001", "1e9", "-1", "+1", "1.2345", "1000000", ".5", "1.", "1,5"),
    *("1e1", "0x1", "1_0", "1 2", "3 s", "nan", "inf", "soon", "\u0663", "2\n3"),
)


def test_defaults_are_the_known_ones() -> None:
    config = load({})
    assert (config.ib_gw, config.ib_cid, config.err_info) == ((GatewayAddress("127.0.0.1", 4002),), 5555, False)
    assert (config.port, config.host, config.acct_ref) == (3000, ("localhost",), "@hourly")
    assert config.is_loopback


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("PORT", "65536", "0 to 65535"),
        ("PORT", "3e3", "whole number"),
        ("IB_CID", "-1", "0 to 2147483647"),
        ("IB_GW", "localhost", "host:port"),
        ("IB_GW", "a:1,a:1", "once"),
        ("IB_GW", "a:0", "host:port"),
        ("ERR_INFO", "maybe", "true or false"),
        ("ACCT_REF", "every hour", "cron"),
        ("ACCT_REF", "60 * * * *", "cron"),
        ("DB_URL", "mysql://x", "Postgres URL"),
        ("LOG_FORMAT", "xml", "console, json"),
        ("SPOOL_MAX_BYTES", "much", "1GiB"),
        *((name, value, says) for name, says in SECONDS.items() for value in NO_SECONDS),
    ],
)
def test_a_wrong_setting_is_named_with_its_value_and_what_is_right(name: str, value: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load({name: value})
    assert name in str(caught.value)
    assert says in str(caught.value)
    assert ("(hidden)" if name == "DB_URL" else repr(value)) in str(caught.value)


@pytest.mark.parametrize("name", SECONDS)
@given(thousandths=st.integers(100, 60_000))
def test_seconds_may_have_a_fraction_and_are_shown_as_they_are(name: str, thousandths: int) -> None:
    whole, rest = divmod(thousandths, 1000)
    text = f"{whole}.{rest:03}"
    config = load({name: f" {text} "})
    assert getattr(config, name.lower()) == thousandths / 1000
    shown = {setting: value for setting, value, _ in describe(config)}[name]
    assert shown == text.rstrip("0").rstrip(".")
    assert load({name: shown}) == config


def test_several_gateways_and_addresses_of_all_sorts() -> None:
    config = load({"IB_GW": "10.0.0.1:4001, gw.example:7497,[::1]:4002"})
    assert [str(each) for each in config.ib_gw] == ["10.0.0.1:4001", "gw.example:7497", "[::1]:4002"]
    assert config.ib_gw[2].host == "::1"


PINNED = {
    "a:1@U1": [("a:1", ("U1",))],
    "a:1@U1,DU2,b:2": [("a:1", ("U1", "DU2")), ("b:2", ())],
    " a:1@U1 , DU2 ,, [::1]:2@F3,c:3 ": [("a:1", ("U1", "DU2")), ("[::1]:2", ("F3",)), ("c:3", ())],
    "a:1@U1,b:2@U1": [("a:1", ("U1",)), ("b:2", ("U1",))],
    "a:1@%64u1,%46amily%20Trust,%44U%3A1": [("a:1", ("du1", "Family Trust", "DU:1"))],
}


@pytest.mark.parametrize("text", PINNED)
def test_accounts_may_be_pinned_to_a_gateway(text: str) -> None:
    assert [(str(each), each.pins) for each in load({"IB_GW": text}).ib_gw] == PINNED[text]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["gw", "gw2", "10.0.0.1", "[::1]", "a.b-c"]),
            st.integers(1, 65535),
            st.lists(st.text(min_size=1, max_size=20).filter(is_code), unique=True, max_size=3),
        ),
        min_size=1,
        max_size=4,
        unique_by=lambda each: each[:2],
    )
)
def test_what_config_shows_of_gateways_means_the_same_gateways(found: list[tuple[str, int, list[str]]]) -> None:
    meant = tuple(GatewayAddress(host.strip("[]"), port, tuple(pins)) for host, port, pins in found)
    text = ",".join(each.as_set for each in meant)
    config = load({"IB_GW": text})
    assert config.ib_gw == meant
    assert dict(row[:2] for row in describe(config))["IB_GW"] == text


@pytest.mark.parametrize("schedule", ["@daily", "*/5 * * * *", "30 */5 * * * *", "0 9-17 * * mon-fri"])
def test_schedules_that_are_understood(schedule: str) -> None:
    assert load({"ACCT_REF": schedule}).acct_ref == schedule


def test_secrets_are_hidden_in_what_is_shown() -> None:
    config = load({"DB_URL": "postgresql://u:s3cret@h:5432/d?sslpassword=tops3cret", "API_TOKENS": "tok3n"})
    shown = "\n".join(value for _, value, _ in describe(config))
    assert "s3cret" not in shown
    assert "tok3n" not in shown
    assert hide_password("postgresql://u:p@a:1,b:2/d") == "postgresql://u:***@a:1,b:2/d"


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("postgresql://u@h/d\n", encoding="utf-8")
    assert load({"DB_URL_FILE": str(file)}).db_url == "postgresql://u@h/d"
    with pytest.raises(ConfigError, match=r"DB_URL_FILE.*cannot be read"):
        load({"DB_URL_FILE": str(tmp_path / "none")})
    with pytest.raises(ConfigError, match="both set"):
        load({"DB_URL": "postgresql://x/y", "DB_URL_FILE": str(file)})


def test_every_setting_has_a_row_that_tells_about_it() -> None:
    assert [name for name, _, _ in describe(load({}))] == [setting.name for setting in SETTINGS]
    assert all(setting.help for setting in SETTINGS)
