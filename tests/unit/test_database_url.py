"""URLs of databases: read as libpq reads them, or refused where that would be another meaning; never shown in full."""

import contextlib
import io
import os
import re
import traceback
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from unittest import mock
from urllib.parse import quote, unquote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from ibconnect.checking.postgres import check_postgres
from ibconnect.cli.main import main
from ibconnect.config import load
from ibconnect.database.pools import connect
from ibconnect.database.programs import login
from ibconnect.database_url import checked_url, discreet, hide_password, is_harmless, place
from ibconnect.errors import ConfigError, DatabaseError
from ibconnect.observe import Kind, observe
from tests.serving import logged

PIECE = 4
# Nobody listens there; what goes wrong is told at once.
PLACE = "127.0.0.1:1"

# Where a password may stand in a URL, each as a template and as how it is written there.
AS_IT_IS: Callable[[str], str] = str
ESCAPED: Callable[[str], str] = lambda text: quote(text, safe="")  # noqa: E731 - a row of a table
PLACES = {
    "login": "postgresql://recorder:{}@" + PLACE + "/ib",
    "login, many hosts": "postgres://recorder:{}@" + f"{PLACE},127.0.0.1:2/ib?target_session_attrs=read-write",
    "login, a socket": "postgresql://recorder:{}@/ib?host=/nowhere&port=1",
    "login, no user": "postgresql://:{}@" + PLACE + "/ib",
    "a parameter": f"postgresql://recorder@{PLACE}/ib?connect_timeout=1&password=" + "{}",
    "a parameter, nothing else": "postgresql://" + PLACE + "?password={}&user=recorder",
    "a parameter, no port": "postgresql://127.0.0.1?port=1&password={}",
    "a parameter of a key": f"postgresql://recorder@{PLACE}/ib?sslpassword=" + "{}" + "&sslmode=disable",
    "both": f"postgresql://recorder:wrong@{PLACE}/ib?password=" + "{}",
}
# Where a secret may stand as well, on purpose or by a slip.
EVERYWHERE = PLACES | {
    "a user with it": "postgresql://recorder%3A{}@" + PLACE + "/ib",
    "another URL": f"postgresql://{PLACE}/?dbname=" + "postgresql%3A%2F%2Fu%3A{}%40h%2Fd",
    "keywords": "host=127.0.0.1 port=1 password={}",
    "keywords, quoted": "host=127.0.0.1 port=1 user=recorder password='{}' dbname=ib",
    **{
        f"{keyword}=": f"postgresql://recorder@{PLACE}/ib?{keyword}=" + "{}"
        for keyword in (
            *("options", "service", "passfile", "oauth_client_secret", "scram_client_key", "scram_server_key"),
            *("sslkey", "require_auth", "channel_binding", "requirepeer", "client_encoding", "application_name"),
            *("connect_timeout", "min_protocol_version", "ssl_min_protocol_version", "krbsrvname", "sslkeylogfile"),
        )
    },
}
PASSWORDS = st.one_of(
    st.text(min_size=PIECE, max_size=24),
    st.text(st.sampled_from("@:/?#&=%[],; ab12XY"), min_size=PIECE, max_size=16),
    st.from_regex(r"[0-9]{2}[/@:?][A-Za-z0-9@:/?=&%]{4,12}", fullmatch=True),
)


def pieces(password: str) -> set[str]:
    """Every run of four characters, as it is and as it may be written in a URL."""
    forms = (password, ESCAPED(password), ESCAPED(password).lower())
    return {form[at : at + PIECE] for form in forms for at in range(len(form) - PIECE + 1)}


def told_of(url: str) -> str:
    """Everything that this program says of a URL: settings, errors, log lines, also when it cannot connect."""
    said: list[str] = [hide_password(url)]
    with logged("debug") as lines:
        try:
            config = load({"DB_URL": url, "DB_READ_URL": url})
            said.append(repr(config))
            observe(Kind.SERVICE_STARTED, database=hide_password(config.db_url))
            said += [place(config.db_url), *map(str, check_postgres(config))]
            with contextlib.suppress(DatabaseError):
                said.append(login(config.db_url, {}, name="test").argument)
            connect(config.db_url, name="test").close()
        except ConfigError as exc:
            said.append(f"{exc} {exc.__cause__} {exc.__context__}")
        except DatabaseError as exc:
            said += [str(exc), repr(exc), *traceback.format_exception(exc), *_chain(exc)]
            observe(Kind.DATABASE_LOST, error=exc)
            observe(Kind.WRITER_FAILED, error=exc)
        said.extend(str(line) for line in lines())
    return "\n".join([*said, printed(url)])


def _chain(exc: BaseException | None) -> Iterator[str]:
    """What each of the errors says from which one was made, whether it is shown as a rule or not."""
    while exc is not None:
        yield f"{exc} {exc!r} {exc.args}"
        exc = exc.__cause__ or exc.__context__


def printed(url: str) -> str:
    """What ``ibconnect config`` prints, also to its errors."""
    if "\0" in url or any("\ud800" <= letter <= "\udfff" for letter in url):
        return ""  # no environment can hold it
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ, {"DB_URL": url, "PORT": "0"}, clear=True),
        redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        main(["config"])
    return out.getvalue() + err.getvalue()


@pytest.fixture(scope="module")
def harmless() -> Iterator[str]:
    """What is said anyway, whatever the password: it may have pieces of it by chance."""
    said = [
        told_of(template.format(password)) for template in EVERYWHERE.values() for password in ("-", "%zz", "x@y", "/")
    ]
    yield Long("\n".join(said))


class Long(str):
    """A text that no failure shows in full."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"a text of {len(self)} characters"


@settings(max_examples=250, deadline=None)
@given(PASSWORDS, st.sampled_from(sorted(EVERYWHERE)), st.sampled_from([AS_IT_IS, ESCAPED]))
@example("correct@horse/battery", "login", AS_IT_IS)
@example("correct/horse@battery", "login", AS_IT_IS)
@example("correct:horse@battery", "login", AS_IT_IS)
@example("12/horse@battery", "login", AS_IT_IS)
@example("correct&horse=battery", "a parameter", AS_IT_IS)
@example("correct@horse", "a parameter, nothing else", AS_IT_IS)
@example("correct@horse", "a parameter, no port", AS_IT_IS)
@example("12/b?user=staple@horse", "login", AS_IT_IS)
@example("correct horse", "options=", ESCAPED)
@example("-c app.battery=staple", "options=", ESCAPED)
@example("battery", "service=", AS_IT_IS)
@example("battery", "another URL", AS_IT_IS)
def test_no_piece_of_a_password_is_ever_told(
    harmless: str, password: str, where: str, write: Callable[[str], str]
) -> None:
    said = told_of(EVERYWHERE[where].format(write(password)))
    # Times differ from one line of the log to the next.
    said = re.sub(r"\d\d\d\d-\d\d-\d\d[ T][\d:.]+Z?", "", said)
    assert sorted(piece for piece in pieces(password) if piece in said and piece not in harmless) == []


@given(
    st.dictionaries(
        st.sampled_from(["options", "service", "passfile", "requirepeer", "dbname", "user", "require_auth"]),
        st.text("abcXYZ019-_=:/@ \\'\"", min_size=PIECE, max_size=12),
        min_size=1,
    ),
    st.text(max_size=5),
)
def test_what_postgres_repeats_is_not_told(parameters: dict[str, str], around: str) -> None:
    """Whole, or a word of it, wherever it stands; but for names that anybody may see."""
    seen = [value for key, value in parameters.items() if is_harmless(key, value)]
    for key, value in parameters.items():
        for repeated in {value, *re.split(r"[\s=:/'\"\\]+", value)}:
            said = discreet(f'{around}FATAL: invalid value: "{repeated}"{around}', parameters)
            if len(repeated) >= PIECE and key not in ("dbname", "user") and not any(repeated in name for name in seen):
                assert repeated not in said.partition(" (***: what the URL says as ")[0].replace(around, "", 2)


@settings(max_examples=300, deadline=None)
@given(
    st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=20),
    st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=8),
    st.sampled_from(sorted(name for name in PLACES if name.startswith("login"))),
)
def test_an_escaped_password_is_taken_whatever_it_is(password: str, user: str, place: str) -> None:
    url = PLACES[place].replace("recorder", quote(user, safe="")).format(quote(password, safe=""))
    assert load({"DB_URL": url}).db_url == url
    assert conninfo_to_dict(url).get("password", "") == password


@settings(max_examples=300, deadline=None)
@given(PASSWORDS, st.sampled_from(sorted(PLACES)))
def test_a_password_that_is_taken_as_it_is_is_read_as_it_is(password: str, place: str) -> None:
    url = PLACES[place].format(password)
    try:
        taken = checked_url(url)
    except ValueError:
        return
    found = conninfo_to_dict(taken)
    read = found["sslpassword" if "key" in place else "password"] if password else None
    trimmed = password.strip(" \t\r\n")
    assert read in ((trimmed, unquote(trimmed), unquote(password)) if password else (None,))


TAKEN = [
    "postgresql://",
    "postgres://host",
    "postgresql:///ib",
    "postgresql:///ib?host=/var/run/postgresql",
    "postgresql://%2Fvar%2Frun%2Fpostgresql/ib",
    "postgresql://host,other:5433/ib?target_session_attrs=read-write&load_balance_hosts=random",
    "postgresql://user@[2001:db8::1]:5433/ib",
    "postgresql://user:pass:word@host/ib",
    "postgresql://user:what?now@host/ib",
    "postgresql://user:pass#word@host/ib",
    "postgresql://host/ib?user=me@corp.example&password=p@ss",
    "postgresql://me@host:5432/ib?password=p@ss:w/rd",
    "postgresql://host/ib?sslmode=verify-full&sslrootcert=system&options=-c%20geqo%3Doff",
    "postgresql://host:/ib",
]


@pytest.mark.parametrize("url", TAKEN)
def test_what_libpq_takes_is_taken(url: str) -> None:
    assert checked_url(f" {url}\n") == url
    assert conninfo_to_dict(url) is not None


REFUSED = {
    "postgresql://user:pa@ss@host/ib": "%40",
    "postgresql://user:pa/ss@host/ib": "%2F",
    "postgresql://user:12/ss@host/ib": "%2F",
    "postgresql://user:12/ss?user=x@host/ib": "%40",
    "postgresql://user:pa@ss/word@host/ib": "%40",
    "postgresql://user:p@a:ss@host:5432/ib": "%3A",
    "postgresql://user:0@[?],@host/ib": "%40",
    "postgresql://user:@[?],@host/ib": "%40",
    "postgresql://host?password=pa@ss": "%40",
    "postgresql://host:5432?password=pa@ss": "%40",
    "postgresql://user:100%sure@host/ib": "%25",
    "postgresql://user:%ff%fe@host/ib": "%25",
    "postgresql://user:two words@host/ib": "%20",
    "postgresql://host/ib?password=a&b": "%26",
    "postgresql://host/ib?passwort=x": "libpq cannot read it",
    "postgresql://host:fivefour/ib": "port is no number",
    "postgresql://user:pass/word": "port is no number",
    "postgresql://user:pa\x07ss@host/ib": "cannot be printed",
    "mysql://user@host/ib": "postgresql://user:password@host:5432/ibconnect",
    "host=localhost password=secret": "postgresql://user:password@host:5432/ibconnect",
    "Postgresql://host": "postgresql://user:password@host:5432/ibconnect",
}


@pytest.mark.parametrize("url", REFUSED)
def test_what_would_be_misread_is_refused_with_what_to_write(url: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(REFUSED[url])) as caught:
        load({"DB_READ_URL": url})
    assert str(caught.value).startswith("DB_READ_URL=(hidden) is wrong: ")
    assert url not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("", ""),
        ("postgresql://u:p@a:1,b:2/d", "postgresql://u:***@a:1,b:2/d"),
        ("postgresql://u:p@a,b:2/d", "postgresql://u:***@a,b:2/d"),
        ("postgresql://u@[::1]:5/d", "postgresql://u@[::1]:5/d"),
        ("postgresql://u:@h", "postgresql://u@h/"),
        ("postgresql://ibconnect@/ib?host=%2Frun%2Fpg&port=5432", "postgresql://ibconnect@/ib?host=/run/pg&port=5432"),
        (
            "postgresql://h/d?sslmode=require&sslpassword=x&passfile=/p&options=-c%20a%3Db&application_name=me",
            "postgresql://h/d?passfile=***&options=***&application_name=***&sslmode=require&sslpassword=***",
        ),
        ("postgresql://h/d?sslmode=secret", "***"),
        ("postgresql://u:%zz@h/d", "***"),
        ("postgresql://u:pa@ss@h/d", "***"),
    ],
)
def test_only_what_is_known_to_be_harmless_is_shown(url: str, shown: str) -> None:
    assert hide_password(url) == shown
