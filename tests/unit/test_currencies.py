"""What the tables know of currencies from the start: the standard's, and what IB names besides."""

import iso4217
import pytest

from ibconnect.projections.accounts.currencies import Currency, known

BY_CODE = {each.code: each for each in known()}


@pytest.mark.parametrize(
    ("code", "number", "name"),
    [
        ("USD", 840, "US Dollar"),
        ("EUR", 978, "Euro"),
        ("CHF", 756, "Swiss Franc"),
        ("ALL", 8, "Lek"),
        ("CNY", 156, "Yuan Renminbi"),
        ("XAU", 959, "Gold"),
        ("BGN", 975, "Bulgarian Lev"),
        ("CNH", None, "Offshore Renminbi"),
        ("BASE", None, None),
    ],
)
def test_each_has_the_number_and_the_name_of_the_standard(code: str, number: int | None, name: str | None) -> None:
    assert BY_CODE[code] == Currency(code, number, name)


def test_nothing_of_the_standard_is_left_out_but_what_is_no_money() -> None:
    standard = {each.code for each in iso4217.Currency}
    assert standard - set(BY_CODE) == {"XBA", "XBB", "XBC", "XBD", "XTS", "XXX"}
    assert set(BY_CODE) - standard <= {"BASE", "CNH", "BGN"}


def test_all_are_told_apart_and_stand_in_one_order() -> None:
    codes = [each.code for each in known()]
    assert codes == ["BASE", *sorted(set(codes) - {"BASE"})]
    numbers = [each.number for each in known() if each.number is not None]
    assert len(numbers) == len(set(numbers))
    assert all(0 < number < 1000 for number in numbers)
