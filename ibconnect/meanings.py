"""What IB's account value keys mean: unit, sign, and what tells each from those that it is mistaken for.

In: nothing. Out: a table of tags, of segments, and of currencies that are none. Read by the resource that lists an
account's tags, and by the API's description. The words are ours; ``source`` says where IB says it. Which column holds
a tag is the matter of :mod:`ibconnect.tags`.
"""

from typing import NamedTuple

REFERENCE = "TWS API reference, EWrapper.updateAccountValue"
SUMMARY = "TWS API reference, AccountSummaryTags"
GUIDE = "TWS guide, Account Window"
WEB = "Web API reference, account summary"
SEEN = "not documented by IB: what gateways send"

SOURCES: dict[str, str] = {
    REFERENCE: "https://interactivebrokers.github.io/tws-api/interfaceIBApi_1_1EWrapper.html",
    SUMMARY: "https://interactivebrokers.github.io/tws-api/account_summary.html",
    GUIDE: "https://www.interactivebrokers.com.hk/php/webhelp/Screens/account_market.htm",
    WEB: "https://www.interactivebrokers.com/campus/ibkr-api-page/cpapi-v1/",
}
"""Where each source is to be read."""

UNITS: dict[str, str] = {
    "money": "an amount: at account level in the base currency, in the ledger in the row's (BASE: the base currency)",
    "ratio": "a fraction: 0.25 is a quarter",
    "rate": "the base currency's amount for one unit of the row's currency",
    "count": "a whole number",
    "time": "seconds since 1970",
    "text": "text",
    "flag": "true or false",
}
SIGNS: dict[str, str] = {
    "any": "above or below zero",
    "not-negative": "never below zero",
    "positive": "above zero",
}


class Meaning(NamedTuple):
    """What a tag is. ``sign``: None where it is no figure. ``differs``: from what it is easily mistaken for."""

    text: str
    unit: str = "money"
    sign: str | None = "any"
    differs: str = ""
    source: str = REFERENCE


def _text(text: str, differs: str = "", *, unit: str = "text", source: str = REFERENCE) -> Meaning:
    return Meaning(text, unit, None, differs, source)


def _full(tag: str, sign: str) -> Meaning:
    return Meaning(
        f"{tag} without discounts or intraday credits", sign=sign, differs=f"{tag} is what holds at this moment"
    )


def _ahead(tag: str, sign: str) -> Meaning:
    differs = f"{tag} is what holds now; equal to it where no change is due"
    return Meaning(f"{tag} after the next change of margins, at LookAheadNextChange", sign=sign, differs=differs)


_NONE = "not-negative"

_ACCOUNT: dict[str, Meaning] = {
    "AccruedCash": Meaning(
        "Interest of this month that has accrued and is not yet paid; below zero: owed",
        differs="At account level of all currencies together, in the ledger of one. In NetLiquidation, not in cash or "
        "EquityWithLoanValue",
    ),
    "AccruedDividend": Meaning(
        "Dividends that are due and not yet paid",
        differs="Account level, per segment; NetDividend is the ledger's figure, per currency",
    ),
    "AvailableFunds": Meaning(
        "What is free for new positions: EquityWithLoanValue less InitMarginReq",
        differs="ExcessLiquidity is measured against MaintMarginReq: what may be lost, not what may be used",
    ),
    "Billable": Meaning("Value of treasury bills", sign=_NONE, differs="TBillValue is the ledger's, per currency"),
    "BuyingPower": Meaning(
        "What securities may be bought for without new money. Margin account: the lesser of EquityWithLoanValue and "
        "that of the day before, less InitMarginReq, times four; cash account: not times four",
        sign=_NONE,
        differs="A limit and no asset: AvailableFunds is the money behind it",
    ),
    "EquityWithLoanValue": Meaning(
        "What margin is measured against. Securities: cash, stocks, bonds, funds, and options of Europe and Asia (cash "
        "account: settled cash); commodities: cash and options, less the futures' maintenance margin",
        differs="NetLiquidation also counts what is no collateral: US options, crypto, accrued interest",
        source=GUIDE,
    ),
    "ExcessLiquidity": Meaning(
        "What may be lost before IB liquidates: equity less MaintMarginReq; below zero: IB may liquidate",
        differs="AvailableFunds is measured against InitMarginReq; Cushion is this as a share of NetLiquidation",
    ),
    "FullAvailableFunds": _full("AvailableFunds", "any"),
    "FullExcessLiquidity": _full("ExcessLiquidity", "any"),
    "FullInitMarginReq": _full("InitMarginReq", _NONE),
    "FullMaintMarginReq": _full("MaintMarginReq", _NONE),
    "GrossPositionValue": Meaning(
        "Values of all stocks and options, added up without their signs: short positions count like long ones",
        sign=_NONE,
        differs="StockMarketValue and OptionMarketValue set short against long. Futures count in neither",
        source=SUMMARY,
    ),
    "Guarantee": Meaning("A guarantee, by its name", source=SEEN),
    "IncentiveCoupons": Meaning("Coupons of an incentive, by its name", source=SEEN),
    "IndianStockHaircut": Meaning("What a margin rule of accounts at IB India takes off", sign=_NONE),
    "InitMarginReq": Meaning(
        "Margin that is needed to open what is held",
        sign=_NONE,
        differs="MaintMarginReq is needed to keep it, and is the one that leads to liquidation",
    ),
    "LookAheadAvailableFunds": _ahead("AvailableFunds", "any"),
    "LookAheadExcessLiquidity": _ahead("ExcessLiquidity", "any"),
    "LookAheadInitMarginReq": _ahead("InitMarginReq", _NONE),
    "LookAheadMaintMarginReq": _ahead("MaintMarginReq", _NONE),
    "MaintMarginReq": Meaning(
        "Margin that is needed to keep what is held",
        sign=_NONE,
        differs="InitMarginReq is needed to open it, and is not less as a rule",
    ),
    "NetLiquidation": Meaning(
        "What the account is worth: cash, stocks, bonds, funds, options, crypto, accrued interest and dividends. "
        "Futures count by their gain since the last settlement (FuturesPNL), which is part of the cash, not by "
        "MarketValue",
        differs="In the base currency, to the cent; NetLiquidationByCurrency has it per currency, and in BASE with "
        "more digits. A master account (F…) has its own figure, without its clients'",
    ),
    "NetLiquidationUncertainty": Meaning(
        "How far NetLiquidation is uncertain, by prices after hours", sign=_NONE, source=WEB
    ),
    "PASharesValue": Meaning("Value of personal account shares", sign=_NONE),
    "PhysicalCertificateValue": Meaning("Value of physical certificates, by its name", sign=_NONE, source=SEEN),
    "PostExpirationExcess": Meaning(
        "ExcessLiquidity as it would be if what is about to expire had expired",
        differs="ExcessLiquidity is that of now",
    ),
    "PostExpirationMargin": Meaning(
        "Margin as it would be if what is about to expire had expired",
        sign=_NONE,
        differs="InitMarginReq and MaintMarginReq are those of now",
    ),
    "PreviousDayEquityWithLoanValue": Meaning(
        "EquityWithLoanValue as of 16:00 in New York on the day before; securities only",
        differs="BuyingPower goes by the lesser of this and EquityWithLoanValue",
    ),
    "RegTEquity": Meaning(
        "Equity by US Regulation T, of universal accounts", differs="EquityWithLoanValue follows IB's own rules"
    ),
    "RegTMargin": Meaning(
        "Initial margin by US Regulation T, of universal accounts",
        sign=_NONE,
        differs="InitMarginReq follows IB's own rules",
    ),
    "SMA": Meaning(
        "Special memorandum account: credit of US Regulation T, which grows when securities gain in value",
        differs="A limit and no asset; no cash",
    ),
    "SettledCash": Meaning(
        "Cash of trades that are settled",
        differs="TotalCashValue counts a trade when it is made",
        source=SUMMARY,
    ),
    "TotalCashValue": Meaning(
        "Cash, trades counted when they are made, with the futures' gain since the last settlement; below zero: "
        "borrowed",
        differs="Account level, base currency, per segment. TotalCashBalance is the ledger's, per currency; its BASE "
        "row is the same but for rounding",
        source=SUMMARY,
    ),
    "TotalDebitCardPendingCharges": Meaning("Charges of the debit card that are pending", source=WEB),
    "UnalteredInitMarginReq": Meaning("InitMarginReq before adjustments, by its name", sign=_NONE, source=SEEN),
    "UnalteredMaintMarginReq": Meaning("MaintMarginReq before adjustments, by its name", sign=_NONE, source=SEEN),
}

_SHORT = "below zero: more is held short than long"

_LEDGER: dict[str, Meaning] = {
    "CashBalance": Meaning(
        "Cash in this currency, trades counted when they are made; below zero: borrowed",
        differs="TotalCashBalance is the one that NetLiquidationByCurrency is made of: it counts the futures' gain, "
        "and what a sweep has moved to banks, for which CashBalance may be far from it",
    ),
    "CorporateBondValue": Meaning(
        "Value of bonds that are not a government's: corporate and municipal", differs="TBondValue: treasury bonds"
    ),
    "Cryptocurrency": Meaning(
        "Value of cryptocurrencies", sign=_NONE, differs="In NetLiquidation, not in EquityWithLoanValue", source=SEEN
    ),
    "ExchangeRate": Meaning(
        "What one unit of the row's currency is in the base currency",
        "rate",
        "positive",
        "IB takes rates and balances at different moments: amounts times rates add up to BASE only about",
    ),
    "FundValue": Meaning(
        "Value of funds", sign=_NONE, differs="The sum of MutualFundValue and MoneyMarketFundValue: never add all three"
    ),
    "FutureOptionValue": Meaning(
        f"Market value of options on futures; {_SHORT}", differs="OptionMarketValue: options on securities"
    ),
    "FuturesPNL": Meaning(
        "Gain of the futures since the last settlement: all that futures are worth to the account",
        differs="Part of TotalCashBalance: never add it. The MarketValue of a position in futures is the value of the "
        "contracts, and no part of NetLiquidation",
    ),
    "FxCashBalance": Meaning("Cash of the related account at IB UK"),
    "IssuerOptionValue": Meaning("Market value of options that the issuer has issued"),
    "MoneyMarketFundValue": Meaning(
        "Value of money market funds", sign=_NONE, differs="Part of FundValue, with MutualFundValue"
    ),
    "MutualFundValue": Meaning(
        "Value of mutual funds but money market funds",
        sign=_NONE,
        differs="Part of FundValue, with MoneyMarketFundValue",
    ),
    "NetDividend": Meaning(
        "Dividends to be received less those to be paid", differs="AccruedDividend is the account's, per segment"
    ),
    "NetLiquidationByCurrency": Meaning(
        "What the account is worth in this currency: TotalCashBalance, stocks, options, bonds, funds, crypto, "
        "AccruedCash, NetDividend; below zero: more is borrowed than held",
        differs="NetLiquidation is the row BASE, to the cent",
    ),
    "OptionMarketValue": Meaning(
        f"Market value of options on securities; {_SHORT}", differs="FutureOptionValue: options on futures"
    ),
    "RealizedPnL": Meaning(
        "Gain of positions that were closed, commissions counted, of the day as IB counts it",
        differs="UnrealizedPnL: of positions that are open",
    ),
    "StockMarketValue": Meaning(
        f"Market value of stocks, and of CFDs on them; {_SHORT}",
        differs="GrossPositionValue adds short to long",
    ),
    "TBillValue": Meaning("Value of treasury bills", differs="Billable is the account's, per segment"),
    "TBondValue": Meaning("Value of treasury bonds", differs="CorporateBondValue: all other bonds"),
    "TotalCashBalance": Meaning(
        "Cash in this currency with the futures' gain since the last settlement; below zero: borrowed",
        differs="TotalCashValue is the account's, in the base currency and per segment; CashBalance may lack what is "
        "swept",
    ),
    "UnrealizedPnL": Meaning(
        "Market value of open positions less what they cost, commissions included",
        differs="RealizedPnL: of positions that were closed. No part of NetLiquidation beside the values themselves",
    ),
    "WarrantValue": Meaning("Value of warrants"),
}

_DAYS = {1: "tomorrow", 2: "in two days", 3: "in three days", 4: "in four days"}

_OTHERS: dict[str, Meaning] = {
    "AccountCode": _text("The account's code"),
    "AccountOrGroup": _text("The account, or an advisor's group, that the ledger row is of"),
    "AccountReady": _text("false: IB's server is resetting, and the figures may be wrong", unit="flag"),
    "AccountType": _text(
        "What kind of account it is: INDIVIDUAL, CORPORATION, UNIVERSAL …", "TradingType: what it trades"
    ),
    "ColumnPrio": _text("Where TWS shows the segment's column", unit="count", source=SEEN),
    "Currency": _text(
        "The ledger row's currency; BASE: all of them", "RealCurrency names the base currency in row BASE"
    ),
    "Cushion": Meaning(
        "ExcessLiquidity as a share of NetLiquidation; at zero IB liquidates",
        "ratio",
        differs="A fraction, not a percentage",
    ),
    "DayTradesRemaining": Meaning(
        "Round trips within a day that are left before the pattern day trading rule holds; -1: any number", "count"
    ),
    **{
        f"DayTradesRemainingT+{days}": Meaning(f"DayTradesRemaining {when}; -1: any number", "count")
        for days, when in _DAYS.items()
    },
    "DayTradingStatus": _text("The state of the pattern day trading rule, in fields between colons", source=SEEN),
    "HighestSeverity": Meaning("How near to liquidation the account is", "count", _NONE, source=SUMMARY),
    "Leverage": Meaning(
        "GrossPositionValue over NetLiquidation, of the segment",
        "ratio",
        _NONE,
        "Without futures, which have no value in GrossPositionValue",
    ),
    "LookAheadNextChange": Meaning(
        "When the figures LookAhead… come into force; 0: no change is due",
        "time",
        _NONE,
        "Seconds since 1970, not a date",
    ),
    "NLVAndMarginInReview": _text("Whether IB is reviewing NetLiquidation and margins", unit="flag", source=SEEN),
    "PNL": _text("Sent by old gateways as true", unit="flag", source=SEEN),
    "RealCurrency": _text("The currency of the ledger row, in row BASE the base currency", "Currency says BASE there"),
    "SegmentTitle": _text("What IB calls the segment"),
    "SettledCashByDate": _text("Cash by the day on which it settles: YYYYMMDD:amount, with semicolons", source=SEEN),
    "TradingType": _text("What the segment may trade: STKNOPT, STKCASH …", "AccountType: what kind of account it is"),
    "WhatIfPMEnabled": _text("Whether margins under portfolio margin can be asked for", unit="flag"),
}

MEANINGS: dict[str, Meaning] = {**_ACCOUNT, **_LEDGER, **_OTHERS}
"""By tag: all that IB documents, and those that gateways are seen to send."""

OTHER_SPELLINGS: dict[str, str] = {
    "PreviousEquityWithLoanValue": "PreviousDayEquityWithLoanValue",
    "ReqTEquity": "RegTEquity",
    "ReqTMargin": "RegTMargin",
}
"""As IB's documentation and client libraries spell tags that gateways send otherwise."""

SEGMENTS: dict[str, str] = {
    "S": "Securities: stocks, bonds, funds, options on securities",
    "C": "Commodities: futures, and options on them",
    "P": "Crypto at Paxos",
    "F": "Futures that are held under other rules, in some structures",
}
"""By the letter that IB adds to a key, as in ``NetLiquidation-S``. The figure of the whole account has none."""

BASE_MEANING = "All currencies together, in the base currency"
