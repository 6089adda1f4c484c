"""The OpenAPI document: valid, linted, complete, and true to what the server does."""

import re
import subprocess
from pathlib import Path

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from ibconnect.http.openapi.document import make_document, problem_types, problems_of
from ibconnect.http.openapi.examples import rows_of
from ibconnect.http.resources.registry import POSTS, RESOURCES, ROUTES
from ibconnect.http.server.parameters import Parameter
from ibconnect.http.server.problems import Code
from ibconnect.http.server.routing import router_path
from ibconnect.http.server.tables import WANTED
from tests.http_examples import FILES, build, recorded
from tests.npm import environment, npm
from tests.paths import ROOT
from tests.routes import path_of
from tests.serving import Served

DOCUMENT = make_document(RESOURCES)
EVERY = (*ROUTES, *POSTS)
REDOCLY = "@redocly/cli@2.77.0"
# The home page answers nothing but a redirect.
_LINT = "extends: [recommended-strict]\nrules:\n  operation-2xx-response: off\ntelemetry: off\n"


def validator(schema: str) -> Draft202012Validator:
    """A validator of one of the document's schemas."""
    reference = {"$ref": f"#/components/schemas/{schema}", "components": {"schemas": DOCUMENT["components"]["schemas"]}}
    return Draft202012Validator(reference)


def test_the_document_is_valid() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_an_independent_linter_has_nothing_to_say(tmp_path: Path) -> None:
    (tmp_path / "openapi.json").write_bytes(orjson.dumps(DOCUMENT))
    (tmp_path / "redocly.yaml").write_text(_LINT)
    if npm("install", "--silent", REDOCLY, "--prefix", str(tmp_path), cwd=tmp_path).returncode:
        pytest.skip("@redocly/cli cannot be installed here")
    lint = [str(tmp_path / "node_modules" / ".bin" / "redocly"), "lint", "openapi.json"]
    result = subprocess.run(
        lint, check=False, timeout=100, cwd=tmp_path, capture_output=True, text=True, env=environment()
    )
    assert result.returncode == 0, result.stdout + result.stderr


async def test_what_is_served_is_this_document(served: Served) -> None:
    async with served.get("/v1/openapi.json") as response:
        assert await response.json() == orjson.loads(orjson.dumps(DOCUMENT))


async def test_the_examples_are_what_the_server_answers(database_url: str) -> None:
    build(database_url)
    answered = await recorded(database_url)
    assert answered == {path: rows_of(path) for path in FILES}, "run python -m tests.http_examples"


def test_the_examples_fit_their_schemas() -> None:
    contents = [
        content
        for operations in DOCUMENT["paths"].values()
        for operation in operations.values()
        for response in operation["responses"].values()
        for content in response.get("content", {}).values()
        if "example" in content
    ]
    assert len(contents) > 30
    for content in contents:
        validator(content["schema"]["$ref"].rsplit("/", 1)[1]).validate(content["example"])


async def test_every_line_of_events_fits_its_schema(served: Served) -> None:
    async with served.get("/v1/events") as response:
        lines = (await response.read()).splitlines()
    assert len(lines) > 200
    fitting = validator("Event")
    for line in lines:
        fitting.validate(orjson.loads(line))


def test_every_answer_with_a_body_of_json_has_an_example() -> None:
    lacking = [
        (path, status, media)
        for path, operations in DOCUMENT["paths"].items()
        for operation in operations.values()
        for status, response in operation["responses"].items()
        for media, content in response.get("content", {}).items()
        if int(status) < 300 and "json" in media and "example" not in content and path != "/v1/openapi.json"
    ]
    assert lacking == []


def test_every_problem_is_documented_somewhere() -> None:
    documented = {code for route in EVERY for code in problems_of(route)}
    assert set(problem_types(EVERY)) - documented == {Code.UNKNOWN_PATH}, "that needs a path that is none of these"


def test_the_page_of_the_api_names_every_route_parameter_and_problem() -> None:
    page = (ROOT / "docs" / "http-api.md").read_text(encoding="utf-8")
    names = {route.path for route in EVERY if "Asset" not in route.path}
    names |= {parameter.name for route in EVERY for parameter in route.parameters if parameter.name != "Asset"}
    names |= {each.code for each in problem_types(EVERY)}
    assert sorted(name for name in names if f"`{name}`" not in page and f"{name}" not in page) == []


def test_operations_and_paths_are_named_once() -> None:
    assert len({route.name for route in ROUTES}) == len({route.path for route in ROUTES}) == len(ROUTES)
    for route in ROUTES:
        named = [name.strip("{}") for name in route.path.split("/") if name.startswith("{")]
        assert [parameter.name for parameter in route.parameters if parameter.place == "path"] == named


def test_no_two_resources_claim_one_name() -> None:
    """What the second would say would take the place of what the first says."""
    schemas = [name for resource in RESOURCES for name in resource.schemas]
    types = problem_types(EVERY)
    parts = [part for resource in RESOURCES for part in resource.parts]
    for names in (schemas, [each.code for each in types], parts, [resource.examples for resource in RESOURCES]):
        given = [name for name in names if name is not None]
        assert len(set(given)) == len(given)
    used = {name for route in EVERY for answer in route.answers.values() for name in answer.schemas.values()}
    assert used <= {*schemas, "Text", "Binary"}
    assert {name for route in ROUTES for name in route.reports} <= set(WANTED)


async def test_every_path_leads_to_its_own_route() -> None:
    """Also where another route has a parameter in that place."""
    router = web.UrlDispatcher()
    for route in ROUTES:
        router.add_get(router_path(route, ROUTES), not_called, name=route.name)
    for route in ROUTES:
        match = await router.resolve(make_mocked_request("GET", path_of(route)))
        assert match.http_exception is None, route.path
        assert match.route.name == route.name


async def not_called(_: web.Request) -> web.Response:
    raise AssertionError


PARAMETERS = {
    (parameter.name, str(parameter.kind.schema)): parameter for route in ROUTES for parameter in route.parameters
}


@pytest.mark.parametrize("parameter", PARAMETERS.values(), ids=[name for name, _ in PARAMETERS])
@given(text=st.one_of(st.text(max_size=40), st.from_regex(r"[A-Za-z0-9:.+_-]{1,40}", fullmatch=True)))
@settings(max_examples=60, deadline=None)
def test_the_schema_and_the_parser_agree(parameter: Parameter, text: str) -> None:
    """What the parser takes, the schema allows; but for formats, which JSON Schema does not check, also the reverse."""
    kind = parameter.kind
    try:
        kind.parse(text)
        is_taken = True
    except ValueError:
        is_taken = False
    instance: object = text
    if kind.schema.get("type") == "integer" and re.fullmatch("-?[0-9]+", text):
        instance = int(text)
    is_allowed = Draft202012Validator(kind.schema).is_valid(instance)
    if is_taken:
        assert is_allowed
    elif "format" not in str(kind.schema) and parameter.name != "cursor" and "\n" not in text and text.isascii():
        assert not is_allowed
