"""Which statement holds for which day: the newest, in whatever order claims are made."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ibconnect.projections.statements.coverage import LONGEST, Account, Range, best, bit_of, bits
from ibconnect.projections.statements.sections import SOURCES

FIRST = date(2025, 1, 1)
NAV, CHANGE, CASH, FUNDS, TRADES = SOURCES[0], SOURCES[1], SOURCES[2], SOURCES[3], SOURCES[7]
MASKS = [bit_of(source) for source in (NAV, CHANGE, CASH, FUNDS, TRADES)]


@st.composite
def claims(draw):
    """Claims of statements that were generated one after another; the number of a statement says when it was."""
    found = []
    for number in range(1, draw(st.integers(1, 8)) + 1):
        begin = draw(st.integers(0, 30))
        length = draw(st.integers(1, 20))
        sections = best(sum(draw(st.sets(st.sampled_from(MASKS), min_size=1))))
        is_mentioned = draw(st.booleans())
        generated = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number)
        days = FIRST + timedelta(days=begin), FIRST + timedelta(days=begin + (0 if is_mentioned else length - 1))
        found.append(Range(*days, sections, is_mentioned, number, generated))
    return found


def holder(made, source, day):
    """The statement that should hold, by looking at all claims."""
    topic = {other for other in SOURCES if other is source or other.topic == source.topic != ""}
    rivals = [
        ((not claim.mentioned, other.rank, claim.generated), claim.statement, other)
        for claim in made
        for other in topic
        if claim.sections & bit_of(other) and claim.from_day <= day <= claim.to_day
    ]
    _, statement, winner = max(rivals, key=lambda rival: rival[0], default=(None, None, None))
    return statement if winner is source else None


def held(account, source, day):
    """The statement that holds by what is known."""
    found = [
        known.statement
        for known in account.ranges()
        if known.sections & bit_of(source) and known.from_day <= day <= known.to_day
    ]
    assert len(found) < 2
    return found[0] if found else None


@given(claims(), st.randoms(use_true_random=False))
def test_the_newest_holds_in_whatever_order(made, random):
    shuffled = random.sample(made, len(made))
    account, lost = Account(), []
    for claim in shuffled:
        lost += account.claim(claim)
    for source in (NAV, CHANGE, CASH, FUNDS, TRADES):
        for count in range(60):
            day = FIRST + timedelta(days=count)
            wanted = holder(made, source, day)
            assert held(account, source, day) == wanted
            for claim in made:
                if claim.sections & bit_of(source) and claim.from_day <= day <= claim.to_day:
                    is_lost = any(
                        each.statement == claim.statement
                        and each.source is source
                        and each.from_day <= day <= each.to_day
                        for each in lost
                    )
                    assert is_lost == (claim.statement != wanted)


@given(claims())
def test_what_has_changed_is_what_is_to_be_stored(made):
    stored: set[Range] = set()
    for claim in made:
        account = Account(stored)
        account.claim(claim)
        assert not account.added & account.removed
        assert account.removed <= stored
        stored = (stored - account.removed) | account.added
        assert stored == account.ranges()


@given(claims())
def test_a_row_knows_before_its_claim_whether_it_would_hold(made):
    account = Account()
    for claim in made[:-1]:
        account.claim(claim)
    last = made[-1]
    would = {
        (source, day): account.would_hold(source, last._replace(from_day=day, to_day=day))
        for source in (NAV, CHANGE, CASH, FUNDS, TRADES)
        if last.sections & bit_of(source)
        for day in (last.from_day, last.to_day)
    }
    account.claim(last)
    assert would == {key: held(account, *key) == last.statement for key in would}


def test_a_long_period_is_cut_so_that_it_is_found():
    account = Account()
    account.claim(Range(FIRST, FIRST + timedelta(days=1000), bit_of(CASH), False, 1, None))
    lengths = sorted((known.to_day - known.from_day).days + 1 for known in account.ranges())
    assert lengths == [1001 - 2 * LONGEST, LONGEST, LONGEST]


def test_places_of_sources_are_stored():
    assert [source.bit for source in SOURCES] == list(range(len(SOURCES)))
    assert len(SOURCES) < 63
    assert list(bits(0b1010)) == [2, 8]
    assert [(source.origin, source.tables) for source in SOURCES] == [
        ("EquitySummaryInBase", ("nav",)),
        ("ChangeInNAV", ("nav",)),
        ("CashTransactions", ("cash_flow",)),
        ("StmtFunds", ("cash_flow",)),
        ("StmtFunds", ("fund_line",)),
        ("Transfers", ("transfer", "cash_flow")),
        ("StockGrantActivities", ("cash_flow",)),
        ("Trades", ("trade",)),
        ("TradeConfirms", ("trade",)),
        ("Trades", ("trade_part",)),
        ("OpenDividendAccruals", ("accrual",)),
        ("ChangeInDividendAccruals", ("accrual",)),
        ("InterestAccruals", ("accrual",)),
        ("CorporateActions", ("corporate_action",)),
        ("OptionEAE", ("option_event",)),
        ("ConversionRates", ("conversion_rate",)),
        ("OpenPositions", ("open_position",)),
        ("TransactionTaxes", ("transaction_tax",)),
        ("SalesTaxes", ("transaction_tax",)),
        ("CashReport", ("cash_balance",)),
        ("StmtFunds/transfers", ("cash_flow",)),
    ]
