"""Tables in every format: the same cells in each, every digit, constant-width times, pages that fit together."""

import csv
import io
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

import orjson
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ibconnect.http.openapi.schemas import row_of
from ibconnect.http.server.arrow import TooManyDigits, encoded
from ibconnect.http.server.columns import Column, Row, Type, csv_header, csv_rows, json_arrays, json_columns, json_rows
from ibconnect.http.server.negotiation import ARROW, PARQUET
from ibconnect.times import format_rfc3339, parse_rfc3339, wide_rfc3339, widened

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
COLUMNS = (
    Column("AccountCode", Type.TEXT, "The account", is_nullable=False, in_head=True),
    Column("At", Type.TIME, "When"),
    Column("Figure", Type.FIGURE, "How much"),
    Column("Value", Type.VALUE, "What IB sent"),
    Column("Count", Type.INTEGER, "How many"),
    Column("Partial", Type.BOOLEAN, "Whether it goes on", is_optional=True),
    Column("Gateways", Type.TEXTS, "From where"),
    Column("Name", Type.TEXT, "What it is called"),
    Column("Day", Type.DATE, "Which day"),
)
# Digits on both sides of the point, as many as decimals of Arrow keep in every page.
FIGURES = st.decimals(allow_nan=False, allow_infinity=False, places=18, min_value=-(10**19), max_value=10**19)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
TIMES = st.datetimes(timezones=st.just(UTC))
ROWS = st.lists(
    st.tuples(
        TEXTS,
        st.none() | TIMES | TIMES.map(format_rfc3339),
        st.none() | FIGURES | FIGURES.map(lambda figure: f"{figure:f}"),
        st.none() | TEXTS | st.sampled_from(["1,5", "1.50", "-0.00", "NaN", "007"]),
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.booleans(),
        st.none() | st.lists(TEXTS),
        st.none() | TEXTS,
        st.none() | st.dates(),
    ),
    max_size=8,
)


def arrow(columns: Sequence[Column], rows: Sequence[Row]) -> pa.Table:
    """The table, written and read as a stream; Parquet has to hold the same."""
    with pa.ipc.open_stream(encoded(ARROW, columns, rows, {"name": "a table"})) as reader:
        table = reader.read_all()
    assert pyarrow.parquet.read_table(io.BytesIO(encoded(PARQUET, columns, rows, {"name": "a table"}))).equals(table)
    return table


def as_decimal(cell: object) -> Decimal | None:
    return None if cell is None else Decimal(str(cell))


@settings(max_examples=40)
@given(ROWS)
def test_every_format_has_the_same_cells(rows: list[Row]) -> None:
    columns, table = list(zip(*rows, strict=True)) or [()] * len(COLUMNS), arrow(COLUMNS, rows)
    objects = [
        dict(zip(table.column_names, cells, strict=True)) for cells in zip(*table.to_pydict().values(), strict=True)
    ]
    spoken = orjson.loads(f"[{json_rows(COLUMNS, rows)}]")
    lines = list(csv.reader(io.StringIO(csv_header(COLUMNS) + csv_rows(COLUMNS, rows), newline="")))
    assert lines[0] == [column.name for column in COLUMNS]
    for number, figure in enumerate(columns[2]):
        kept, member, cell = objects[number], spoken[number], dict(zip(lines[0], lines[1 + number], strict=True))
        assert kept["Figure"] == as_decimal(figure) == (Decimal(cell["Figure"]) if cell["Figure"] else None)
        at = columns[1][number]
        assert kept["At"] == (parse_rfc3339(at) if isinstance(at, str) else at)
        shown = (None, "") if at is None else (format_rfc3339(kept["At"]), wide_rfc3339(kept["At"]))
        assert (member["At"], cell["At"]) == shown
        assert kept["Count"] == member["Count"] == columns[4][number] == (int(cell["Count"]) if cell["Count"] else None)
        assert kept["Partial"] == member.get("Partial") == columns[5][number]
        assert ("Partial" in member) == (columns[5][number] is not None)
        assert kept["Gateways"] == member["Gateways"] == columns[6][number]
        assert kept["Name"] == member["Name"] == columns[7][number]
        assert kept["Day"] == columns[8][number]
        assert member["Day"] == (cell["Day"] or None) == (kept["Day"] and str(kept["Day"]))
        assert kept["AccountCode"] == columns[0][number]
        assert kept["Value"] == (columns[3][number] or None)
        assert "AccountCode" not in member
        assert set(member) <= set(row_of("A row", COLUMNS)["properties"])


@given(st.lists(st.none() | FIGURES.map(lambda figure: f"{figure:f}"), min_size=1))
def test_figures_keep_their_digits_as_text(figures: list[str | None]) -> None:
    column = Column("Figure", Type.FIGURE, "")
    rows = [(figure,) for figure in figures]
    texts = ",".join(f'{{"Figure":{figure or "null"}}}' for figure in figures)
    assert json_rows([column], rows) == texts
    assert csv_rows([column], rows) == "".join(f"{figure or ''}\r\n" for figure in figures)


def test_what_a_cell_looks_like() -> None:
    row = ("DU1", NOON, Decimal("-0.00"), "1.50", 7, True, ("a:1", "b:2"), "=1+1", date(2024, 1, 31))
    assert json_rows(COLUMNS, [row]) == (
        '{"At":"2024-01-01T12:00:00Z","Figure":-0.00,"Value":1.50,"Count":7,"Partial":true,'
        '"Gateways":["a:1","b:2"],"Name":"=1+1","Day":"2024-01-31"}'
    )
    assert csv_rows(COLUMNS, [row]) == "DU1,2024-01-01T12:00:00.000000Z,-0.00,1.50,7,true,a:1 b:2,'=1+1,2024-01-31\r\n"


def test_a_column_has_one_type_in_all_pages() -> None:
    """Whether it is empty, has whole numbers or eighteen decimals: pages can be put together."""
    pages: list[list[Row]] = [[], [(None,)], [("5",)], [("1.2305",), (Decimal("1E+5"),)], [(f"{'9' * 20}.{'9' * 18}",)]]
    tables = [arrow([Column("Figure", Type.FIGURE, "How much")], page) for page in pages]
    assert len({str(table.schema.field("Figure").type) for table in tables}) == 1
    assert [cell.as_py() for cell in pa.concat_tables(tables)["Figure"]] == [
        None, 5, Decimal("1.2305"), 100000, Decimal(f"{'9' * 20}.{'9' * 18}"),
    ]  # fmt: skip
    assert tables[0].schema.field("Figure").metadata == {b"description": b"How much"}


@pytest.mark.parametrize("text", [f"0.{'0' * 18}1", "1" * 21, f"{'1' * 38}.{'1' * 38}", "0.1234567890123456789"])
def test_a_figure_of_more_digits_has_them_all(text: str) -> None:
    table = arrow([Column("Figure", Type.FIGURE, "")], [("1",), (text,)])
    assert str(table["Figure"].type) == "decimal256(76, 38)"
    assert table["Figure"][1].as_py() == Decimal(text)


@pytest.mark.parametrize("text", ["1" * 39, f"0.{'0' * 38}1", f"-{'9' * 309}", "9" * 77, f"1.{'0' * 90}"])
def test_a_figure_is_never_shortened(text: str) -> None:
    with pytest.raises(TooManyDigits, match="Figure"):
        encoded(ARROW, [Column("Figure", Type.FIGURE, "")], [(text,)], {})


@pytest.mark.parametrize("figure", ["NaN", "1.0E7", "n/a", "1,5", " 1", "1\n", "01", ".5", "5.", "+1", Decimal("NaN")])
def test_what_is_no_figure_never_becomes_json(figure: object) -> None:
    for write in (json_rows, csv_rows):
        with pytest.raises(ValueError, match="is not a figure"):
            write([Column("Figure", Type.FIGURE, "")], [(figure,)])  # type: ignore[list-item]


@given(TIMES)
def test_times_of_constant_width_are_the_same_times(at: datetime) -> None:
    wide = wide_rfc3339(at)
    assert (len(wide), parse_rfc3339(wide), widened(format_rfc3339(at))) == (27, at, wide)


@given(st.lists(TIMES, min_size=2))
def test_times_as_text_are_in_the_order_of_time(times: list[datetime]) -> None:
    assert sorted(map(wide_rfc3339, times)) == [wide_rfc3339(at) for at in sorted(times)]


def test_no_float_is_among_the_types() -> None:
    table = arrow(COLUMNS, [])
    assert not any(pa.types.is_floating(field.type) for field in table.schema)


@given(ROWS, st.integers(1, 3))
def test_columns_as_arrays_have_the_cells_of_the_rows(rows: list[Row], height: int) -> None:
    found = orjson.loads(
        json_arrays(COLUMNS, [json_columns(COLUMNS, rows[at : at + height]) for at in range(0, len(rows), height)])
    )
    wanted = orjson.loads(f"[{json_rows(COLUMNS, rows)}]")
    assert list(found) == [column.name for column in COLUMNS if not column.in_head]
    assert found == {name: [row.get(name) for row in wanted] for name in found}
