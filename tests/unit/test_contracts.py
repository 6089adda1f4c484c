"""The fields of a contract, wherever they stand in a message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibconnect.contracts import Contract, contract_at

TEXTS = st.lists(st.text(), max_size=40)


@given(before=TEXTS, contract=st.builds(Contract, *(st.text() for _ in Contract._fields)), after=TEXTS)
def test_a_contract_is_found_where_it_stands(before: list[str], contract: Contract, after: list[str]) -> None:
    assert contract_at([*before, *contract, *after], len(before)) == contract


@given(fields=st.lists(st.text(), max_size=10), at=st.integers(0, 20))
def test_a_message_that_ends_within_a_contract_is_refused(fields: list[str], at: int) -> None:
    with pytest.raises(ValueError, match="11 fields, and "):
        contract_at(fields, at)
