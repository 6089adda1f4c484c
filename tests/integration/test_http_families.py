"""A resource that is added by one file, its queries, and its lines in the registry: everything general follows.

A copy of the program with the toy resource of tests/families/resource.py serves a database that has the tables of its
report beside those of accounts.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.families.tree import add_projection, add_resource, copy_program
from tests.serving import DU1, DU2, EMPTY, PROBLEM, admin, at, build_world
from tests.waiting import wait_for

FULL, LIMITED, EVENTS = "full-token-0123456789", "limited-token-0123456789", "events-token-0123456789"
TOKENS = f"{FULL}@* {LIMITED}@{DU1} {EVENTS}@*,events"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The copy: two files more, and a line to import and a line to name the resource; and the report's tables."""
    directory = copy_program(tmp_path_factory.mktemp("with-families"), "tools")
    add_projection(directory)
    add_resource(directory)
    return directory


def make_tables(program: Path, url: str) -> None:
    """The tables of the report, as the copy makes them."""
    code = "import sys; from ibconnect.projections.upkeep import ensure; ensure(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, url], cwd=program, check=True)
    with admin(url) as connection:
        for account, family in ((DU1, "F1"), (DU2, "F1"), (EMPTY, "F2")):
            connection.execute("INSERT INTO families.family VALUES (%s, %s, 1, now())", (account, family))


@contextmanager
def serving_families(program: Path, url: str, directory: Path) -> Iterator[httpx.Client]:
    """The copy answers while the context lasts; its log is ``log`` in the directory."""
    log = directory / "log"
    environ = {
        "PATH": os.environ["PATH"],
        "DB_URL": url,
        "DATA_DIR": str(directory / "data"),
        "HOST": "127.0.0.1",
        "PORT": "0",
        "LOG_FORMAT": "json",
        "API_TOKENS": TOKENS,
        "CORS_ORIGINS": "https://dashboard.example",
    }
    command = [sys.executable, "-m", "ibconnect", "api"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=program, env=environ, stdout=output, stderr=subprocess.STDOUT)
    try:
        line = wait_for(lambda: started(log, process), "the copy answers")
        headers = {"Authorization": f"Bearer {FULL}"}
        with httpx.Client(base_url=json.loads(line)["urls"].split()[0], headers=headers, timeout=30) as client:
            yield client
    finally:
        process.terminate()
        process.wait(20)


def started(log: Path, process: "subprocess.Popen[bytes]") -> str:
    """The line that says where it listens."""
    text = log.read_text()
    assert process.poll() is None, text
    return next((line for line in text.splitlines(True) if '"service_started"' in line and line.endswith("\n")), "")


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def code_of(response: httpx.Response) -> str:
    assert response.headers["content-type"] == PROBLEM
    code: str = response.json()["type"].removeprefix("urn:ibconnect:problem:")
    return code


def test_a_resource_is_one_file_and_a_line_in_the_registry(program: Path, database_url: str, tmp_path: Path) -> None:
    build_world(database_url, 2)
    with serving_families(program, database_url, tmp_path) as client:
        check_missing(client)
        make_tables(program, database_url)
        wait_for(lambda: client.get("/v1/families").status_code == 200, "the report's tables are seen")
        check_document(client.get("/v1/openapi.json").json())
        check_answers(client)
        check_rights(client)
        check_rebuild(client, database_url)
        assert 'route="/v1/families"' in client.get("/metrics").text
    log = (tmp_path / "log").read_text()
    assert "/v1/families?family=F1" in log, "a parameter of the resource is shown in the log"
    assert "token=secret" not in log, "another one is not"


def test_the_lists_in_the_docs_follow_from_the_registry(program: Path) -> None:
    code = "import runpy; print(runpy.run_path('tools/readme.py')['routes_table']())"
    result = subprocess.run([sys.executable, "-c", code], cwd=program, capture_output=True, text=True, check=True)
    row = "| `GET /v1/families` | `read` | `family`, `If-None-Match` | The families; or `unknown-family` |"
    assert row in result.stdout.splitlines()


def check_document(document: dict[str, Any]) -> None:
    """Its operation, tag, schemas and problems are in the OpenAPI document, and nothing else has changed there."""
    operation = document["paths"].pop("/v1/families")["get"]
    assert operation["tags"] == ["Families"]
    assert operation["security"] == [{"token": ["read"]}, {}]
    assert {"200", "304", "400", "401", "403", "404", "503"} <= set(operation["responses"])
    assert "There is no such family" in operation["responses"]["404"]["description"]
    assert {"name": "Families", "description": "Accounts as IB groups them."} in document["tags"]
    assert document["components"]["schemas"].pop("FamilyList")["items"] == {"$ref": "#/components/schemas/Family"}
    types = document["components"]["schemas"]["Problem"]["properties"]["type"]["enum"]
    before = types.index("urn:ibconnect:problem:unknown-family")
    assert types[before - 1].startswith("urn:ibconnect:problem:unknown-"), "beside the others with its status"


def check_missing(client: httpx.Client) -> None:
    """Until its tables are made it alone is refused, and readiness says what is missing."""
    answer = client.get("/v1/families")
    assert (answer.status_code, code_of(answer)) == (503, "not-ready")
    assert client.get(f"/v1/accounts/{DU1}/{at(1)}").status_code == 200
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["Reasons"][0]) == (503, "the family tables are not there yet")


def check_answers(client: httpx.Client) -> None:
    """What the pipeline does for every route, it does for this one."""
    response = client.get("/v1/families?family=F1")
    families = [{"AccountCode": code, "FamilyCode": "F1"} for code in (DU1, DU2)]
    assert (response.status_code, response.json()) == (200, families)
    kept = client.get("/v1/families?family=F1", headers={"If-None-Match": response.headers["ETag"]})
    assert (kept.status_code, kept.content) == (304, b"")
    assert client.head("/v1/families").headers["ETag"] == client.get("/v1/families").headers["ETag"]
    refused = {
        "/v1/families?family=F9": (404, "unknown-family"),
        "/v1/families?family=secret-of-somebody": (400, "invalid-parameter"),
        "/v1/families?token=secret-of-somebody": (400, "unknown-parameter"),
        "/v1/families/F1": (404, "unknown-path"),
        f"/v1/families?family=F{'1' * 9000}": (431, "head-too-large"),
    }
    for path, expected in refused.items():
        answer = client.get(path)
        assert (answer.status_code, code_of(answer)) == expected, path
    posted = client.post("/v1/families")
    assert (posted.status_code, code_of(posted), posted.headers["Allow"]) == (
        405,
        "method-not-allowed",
        "GET, HEAD, OPTIONS",
    )
    assert code_of(client.get("/v1/families", headers={"Accept": "text/csv"})) == "not-acceptable"
    slash = client.get("/v1/families/")
    assert (slash.status_code, slash.headers["Location"]) == (308, str(client.base_url.join("/v1/families")))
    cors = client.get("/v1/families", headers={"Origin": "https://dashboard.example"})
    assert cors.headers["Access-Control-Allow-Origin"] == "https://dashboard.example"


def check_rights(client: httpx.Client) -> None:
    """Its right is asked for, and a token sees its accounts alone."""
    limited = client.get("/v1/families", headers=bearer(LIMITED))
    assert limited.json() == [{"AccountCode": DU1, "FamilyCode": "F1"}]
    for token, expected in ((EVENTS, (403, "right-missing")), ("of-nothing-0123456789", (401, "token-refused"))):
        answer = client.get("/v1/families", headers=bearer(token))
        assert (answer.status_code, code_of(answer)) == expected


def check_rebuild(client: httpx.Client, url: str) -> None:
    """While its own tables are of another version it alone is refused, and so it is with those of accounts."""
    report = f"/v1/accounts/{DU1}/{at(1)}"
    for schema, refused, answered in (("families", "/v1/families", report), ("accounts", report, "/v1/families")):
        change = f"UPDATE {schema}.projection SET version = version + %s"
        with admin(url) as connection:
            connection.execute(change, (-1,))  # type: ignore[arg-type]
        try:
            answer = wait_for(lambda path=refused: refusal(client, path), f"{schema} is seen to be another version's")
            assert "recording goes on" in answer.json()["detail"]
            assert "Retry-After" in answer.headers
            assert client.get(answered).status_code == 200
            ready = client.get("/readyz").json()
            assert [reason for reason in ready["Reasons"] if "recording goes on" in reason] == [answer.json()["detail"]]
        finally:
            with admin(url) as connection:
                connection.execute(change, (1,))  # type: ignore[arg-type]
        wait_for(lambda path=refused: client.get(path).status_code == 200, f"{schema} answers again")


def refusal(client: httpx.Client, path: str) -> httpx.Response | None:
    """The answer, once it is a 503."""
    answer = client.get(path)
    if answer.status_code == 200:
        return None
    assert (answer.status_code, code_of(answer)) == (503, "rebuilding")
    return answer
