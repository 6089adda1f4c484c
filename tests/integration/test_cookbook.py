"""The cookbook says what is answered: each of its requests is made of the recorded week, and every figure compared."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.conftest import create_database, drop_database
from tests.cookbook import Recipe, answer, build, plain, recipes
from tests.serving import Served, serving

QUESTIONS = 14


@pytest.fixture(scope="module")
def week_url(server_url: str, template: str) -> Iterator[str]:
    """A database that holds the week; not to be changed."""
    url = create_database(server_url, "cookbook", template)
    build(url)
    yield url
    drop_database(server_url, "cookbook")


@pytest.fixture
async def week(week_url: str) -> AsyncIterator[Served]:
    async with serving(week_url) as served:
        yield served


def test_each_question_is_one_request() -> None:
    assert len(list(recipes())) == QUESTIONS


@pytest.mark.parametrize("recipe", list(recipes()), ids=lambda recipe: f"line {recipe.line}")
async def test_what_is_answered_is_what_the_page_says(week: Served, recipe: Recipe) -> None:
    rest = plain(await answer(week, recipe))
    first, *parts = recipe.printed.split("…")
    assert rest.startswith(plain(first)), f"the page says {first!r}, but the answer is {rest[:300]}"
    for part in [first, *parts]:
        found = rest.find(plain(part))
        assert found >= 0, f"the page says {part!r}, which is not in what is left of the answer: {rest[:2000]}"
        rest = rest[found + len(plain(part)) :]
    assert rest == "" or recipe.printed.rstrip().endswith("…"), f"the page does not say how it ends: {rest[:300]}"
