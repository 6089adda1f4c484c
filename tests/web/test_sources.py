"""Where a figure comes from: the page shows the very messages, hashes and texts that the API has."""

import hashlib
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.web.conftest import AUDITOR, Recorded, Sit
from tests.web.desk import Desk

pytestmark = pytest.mark.timeout(600)


def _report(recorded: Recorded) -> Any:
    code = recorded.codes[0]
    return recorded.get(f"accounts/{code}/{recorded.get(f'accounts/{code}/snapshots?limit=1')[0]}")


def test_a_value_leads_to_the_message_that_holds(looked: Desk, recorded: Recorded) -> None:
    """By a hand: from the report's figures to one of them, to its event."""
    report = _report(recorded)
    code, time = report["AccountCode"], report["Timestamp"]
    looked.open("sources", code, time=time)
    looked.page.get_by_label("Find", exact=True).fill("NetLiquidation")
    looked.page.get_by_role("link", name="NetLiquidation", exact=True).first.click()
    looked.settle()
    sources = recorded.get(f"accounts/{code}/sources/{time}?tag=NetLiquidation")
    (holds,) = (each for each in sources["Sources"] if each["Holds"])
    card = looked.page.get_by_role("article", name=f"Event {holds['Position']}")
    expect(card).to_contain_text("this one stands in the report")
    expect(card).to_contain_text(holds["Sha256"])
    shown = card.get_by_role("listitem").locator("code").all_inner_texts()
    assert shown == [field or "empty" for field in holds["Message"]]
    value = next(
        each["Value"] for each in report["Values"] if each["Tag"] == "NetLiquidation" and each["Segment"] is None
    )
    assert value in shown
    assert any(value in title.split() for title in looked.titles())
    looked.page.get_by_role("link", name=str(holds["Position"]), exact=True).click()
    looked.see_title("An event")
    looked.see(value)


def test_a_figure_that_is_worked_out_says_of_what(looked: Desk, recorded: Recorded) -> None:
    """Both messages, and the formula."""
    report = _report(recorded)
    code, time = report["AccountCode"], report["Timestamp"]
    held = next(each for each in report["Positions"] if each["MarketValueBase"] is not None)
    looked.open("sources", code, time=time, contract=str(held["IbContractId"]), figure="MarketValueBase")
    looked.see("MarketValue × ExchangeRate")
    asked = f"accounts/{code}/sources/{time}?contract={held['IbContractId']}&figure=MarketValueBase"
    for source in recorded.get(asked)["Sources"]:
        expect(looked.page.get_by_role("article", name=f"Event {source['Position']}")).to_contain_text(source["Sha256"])


def test_all_messages_of_a_report_come_in_their_order(looked: Desk, recorded: Recorded) -> None:
    """A page of them, each with its type."""
    report = _report(recorded)
    code, time = report["AccountCode"], report["Timestamp"]
    looked.open("sources", code, time=time)
    looked.click("All messages of this report, in their order", "link")
    shown = looked.page.get_by_role("list", name="Messages in the order of the store").locator(".type")
    sources = recorded.get(f"accounts/{code}/sources/{time}?limit=100")["Sources"]
    expect(shown).to_have_count(len(sources))
    assert [text.split("✓")[0].strip() for text in shown.all_inner_texts()] == [each["Type"] for each in sources]


def test_a_statement_leads_to_its_bytes(looked: Desk, recorded: Recorded) -> None:
    """What is downloaded has the hash that is shown."""
    statement = recorded.get("statements?limit=1")[0]
    looked.open("sources", statement=statement["Id"])
    looked.see_title("A statement")
    looked.see(statement["Sha256"])
    with looked.page.expect_download() as begun:
        looked.click("Download its bytes", "link")
    assert hashlib.sha256(begun.value.path().read_bytes()).hexdigest() == statement["Sha256"]


def test_who_may_not_see_messages_is_told_so(sit: Sit, recorded: Recorded) -> None:
    """Without a request that would be refused."""
    desk = sit(AUDITOR)
    desk.open("sources", recorded.codes[0], tag="NetLiquidation")
    desk.see("Your token may not see the gateway's messages.")
