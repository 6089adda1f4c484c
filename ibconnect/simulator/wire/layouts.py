"""The layouts of executions and orders, for server versions 157 to 200.

In: nothing. Out: a :class:`~ibconnect.simulator.wire.layout.Layout` per message. Field names are IB's; the order of
fields is that of IB's client 10.46, the texts of unused ones are those of recorded messages. Called by the parts of
the gateway, and through ``versions`` by what plays recordings.
"""

from ibconnect.simulator.wire.layout import F, Item, Layout, Many, Typed, Values, When

UNSET_DOUBLE = "1.7976931348623157E308"
"""How Java's largest double, which means "no value", looks on the wire."""
UNSET_INT = "2147483647"


def _has(values: Values, name: str) -> bool:
    return bool(values.get(name))


def _is_scaled(values: Values) -> bool:
    """Whether the price increment of a scale order is above 0: then seven fields more follow."""
    text = str(values.get("scalePriceIncrement", ""))
    return text not in ("", UNSET_DOUBLE) and not text.startswith("-") and text.strip("0.") != ""


def _is_pegged_to_benchmark(values: Values) -> bool:
    return values.get("orderType") in ("PEG BENCH", "PEGBENCH")


_CONTRACT = (
    F("conId", "0"),
    F("symbol"),
    F("secType"),
    F("lastTradeDateOrContractMonth"),
    F("strike", "0.0"),
    F("right"),
    F("multiplier"),
    F("exchange"),
    F("currency"),
    F("localSymbol"),
    F("tradingClass"),
)
_TAGS = (F("tag"), F("value"))
_LEG = (
    F("conId"),
    F("ratio", "1"),
    F("action"),
    F("exchange"),
    F("openClose", "0"),
    F("shortSaleSlot", "0"),
    F("designatedLocation"),
    F("exemptCode", "-1"),
)
_CONDITIONS = {"1": 6, "3": 3, "4": 3, "5": 4, "6": 5, "7": 5}
"""Type of a condition → how many fields it has: price, time, margin, execution, volume, change in percent."""
_MARGIN_NAMES = [
    f"{figure}{when}"
    for when in ("Before", "Change", "After")
    for figure in ("initMargin", "maintMargin", "equityWithLoan")
]
_PREVIEW: tuple[Item, ...] = (
    F("marginCurrency"),
    *(F(f"{name}OutsideRTH", UNSET_DOUBLE) for name in _MARGIN_NAMES),
    F("suggestedSize"),
    F("rejectReason"),
    Many(
        "orderAllocations",
        (
            F("account"),
            F("position"),
            F("positionDesired"),
            F("positionAfter"),
            F("desiredAllocQty"),
            F("allowedAllocQty"),
            F("isMonetary", "0"),
        ),
    ),
)

EXECUTION = Layout(
    "11",
    (
        F("reqId", "-1"),
        F("orderId", "0"),
        *_CONTRACT,
        F("execId"),
        F("time"),
        F("acctNumber"),
        F("execExchange"),
        F("side"),
        F("shares"),
        F("price"),
        F("permId", "0"),
        F("clientId", "0"),
        F("liquidation", "0"),
        F("cumQty"),
        F("avgPrice"),
        F("orderRef"),
        F("evRule"),
        F("evMultiplier"),
        F("modelCode"),
        F("lastLiquidity", "0"),
        F("pendingPriceRevision", "0", since=178),
        F("submitter", since=198),
    ),
)

COMMISSION = Layout(
    "59",
    (
        F("version", "1"),
        F("execId"),
        F("commission"),
        F("currency"),
        F("realizedPNL", UNSET_DOUBLE),
        F("yield", UNSET_DOUBLE),
        F("yieldRedemptionDate"),
    ),
)

ORDER_STATUS = Layout(
    "3",
    (
        F("orderId", "0"),
        F("status"),
        F("filled", "0"),
        F("remaining", "0"),
        F("avgFillPrice", "0"),
        F("permId", "0"),
        F("parentId", "0"),
        F("lastFillPrice", "0"),
        F("clientId", "0"),
        F("whyHeld"),
        F("mktCapPrice", "0"),
    ),
)

# What an open and a completed order have in common, in pieces.
_BEGINNING = (
    *_CONTRACT,
    F("action"),
    F("totalQuantity"),
    F("orderType"),
    F("lmtPrice", "0.0"),
    F("auxPrice", "0.0"),
    F("tif", "DAY"),
    F("ocaGroup"),
    F("account"),
    F("openClose"),
    F("origin", "0"),
    F("orderRef"),
)
_RIGHTS = (
    F("permId", "0"),
    F("outsideRth", "0"),
    F("hidden", "0"),
    F("discretionaryAmt", "0"),
    F("goodAfterTime"),
)
_ADVISOR = (
    F("faGroup"),
    F("faMethod"),
    F("faPercentage"),
    F("faProfile", until=177),
    F("modelCode"),
    F("goodTillDate"),
    F("rule80A"),
    F("percentOffset"),
    F("settlingFirm"),
    F("shortSaleSlot", "0"),
    F("designatedLocation"),
    F("exemptCode", "-1"),
)
_BOX = (
    F("startingPrice"),
    F("stockRefPrice"),
    F("delta"),
    F("stockRangeLower"),
    F("stockRangeUpper"),
    F("displaySize", UNSET_INT),
)
_VOLATILITY = (
    F("volatility"),
    F("volatilityType", "0"),
    F("deltaNeutralOrderType", "None"),
    F("deltaNeutralAuxPrice"),
)
_TRAIL = (
    F("continuousUpdate", "0"),
    F("referencePriceType", "0"),
    F("trailStopPrice"),
    F("trailingPercent"),
)
_COMBO: tuple[Item, ...] = (
    F("comboLegsDescrip"),
    Many("comboLegs", _LEG),
    Many("orderComboLegs", (F("price"),)),
    Many("smartComboRoutingParams", _TAGS),
    F("scaleInitLevelSize", UNSET_INT),
    F("scaleSubsLevelSize", UNSET_INT),
    F("scalePriceIncrement"),
    When(
        _is_scaled,
        (
            F("scalePriceAdjustValue"),
            F("scalePriceAdjustInterval"),
            F("scaleProfitOffset"),
            F("scaleAutoReset", "0"),
            F("scaleInitPosition"),
            F("scaleInitFillQty"),
            F("scaleRandomPercent", "0"),
        ),
    ),
    F("hedgeType"),
    When(lambda values: _has(values, "hedgeType"), (F("hedgeParam"),)),
)
_CLEARING: tuple[Item, ...] = (
    F("clearingAccount"),
    F("clearingIntent", "IB"),
    F("notHeld", "0"),
    F("deltaNeutralContractPresent", "0"),
    When(
        lambda values: values.get("deltaNeutralContractPresent") == "1",
        (F("deltaNeutralContractConId"), F("deltaNeutralContractDelta"), F("deltaNeutralContractPrice")),
    ),
    F("algoStrategy"),
    When(lambda values: _has(values, "algoStrategy"), (Many("algoParams", _TAGS),)),
    F("solicited", "0"),
)
_CONDITIONED: tuple[Item, ...] = (
    F("randomizeSize", "0"),
    F("randomizePrice", "0"),
    When(
        _is_pegged_to_benchmark,
        (
            F("referenceContractId"),
            F("isPeggedChangeAmountDecrease", "0"),
            F("peggedChangeAmount"),
            F("referenceChangeAmount"),
            F("referenceExchangeId"),
        ),
    ),
    Typed("conditions", _CONDITIONS),
    When(lambda values: _has(values, "conditions"), (F("conditionsIgnoreRth", "0"), F("conditionsCancelOrder", "0"))),
)
_OFFSETS = (
    F("minTradeQty", since=170),
    F("minCompeteSize", since=170),
    F("competeAgainstBestOffset", since=170),
    F("midOffsetAtWhole", since=170),
    F("midOffsetAtHalf", since=170),
    F("customerAccount", since=183),
    F("professionalCustomer", "0", since=184),
)


def _is_delta_neutral(values: Values) -> bool:
    # The official client looks for any text, and gateways send "None" to say that there is none.
    return _has(values, "deltaNeutralOrderType")


OPEN_ORDER = Layout(
    "5",
    (
        F("orderId", "0"),
        *_BEGINNING,
        F("clientId", "0"),
        *_RIGHTS,
        F("sharesAllocation"),
        *_ADVISOR,
        F("auctionStrategy", "0"),
        *_BOX,
        F("blockOrder", "0"),
        F("sweepToFill", "0"),
        F("allOrNone", "0"),
        F("minQty", UNSET_INT),
        F("ocaType", "3"),
        F("eTradeOnly", "0"),
        F("firmQuoteOnly", "0"),
        F("nbboPriceCap"),
        F("parentId", "0"),
        F("triggerMethod", "0"),
        *_VOLATILITY,
        When(
            _is_delta_neutral,
            (
                F("deltaNeutralConId", "0"),
                F("deltaNeutralSettlingFirm"),
                F("deltaNeutralClearingAccount"),
                F("deltaNeutralClearingIntent"),
                F("deltaNeutralOpenClose", "?"),
                F("deltaNeutralShortSale", "0"),
                F("deltaNeutralShortSaleSlot", "0"),
                F("deltaNeutralDesignatedLocation"),
            ),
        ),
        *_TRAIL,
        F("basisPoints"),
        F("basisPointsType"),
        *_COMBO,
        F("optOutSmartRouting", "0"),
        *_CLEARING,
        F("whatIf", "0"),
        F("status"),
        *(F(name, UNSET_DOUBLE) for name in _MARGIN_NAMES),
        F("commission"),
        F("minCommission"),
        F("maxCommission"),
        F("commissionCurrency"),
        When(lambda values: True, _PREVIEW, since=195),
        F("warningText"),
        *_CONDITIONED,
        F("adjustedOrderType", "None"),
        F("triggerPrice", UNSET_DOUBLE),
        F("adjustedTrailStopPrice", UNSET_DOUBLE),
        F("lmtPriceOffset", UNSET_DOUBLE),
        F("adjustedStopPrice", UNSET_DOUBLE),
        F("adjustedStopLimitPrice", UNSET_DOUBLE),
        F("adjustedTrailingAmount", UNSET_DOUBLE),
        F("adjustableTrailingUnit", "0"),
        F("softDollarTierName"),
        F("softDollarTierValue"),
        F("softDollarTierDisplayName"),
        F("cashQty", "0"),
        F("dontUseAutoPriceForHedge", "1"),
        F("isOmsContainer", "0"),
        F("discretionaryUpToLimitPrice", "0"),
        F("usePriceMgmtAlgo", "0"),
        F("duration", UNSET_INT, since=158),
        F("postToAts", UNSET_INT, since=160),
        F("autoCancelParent", "0", since=162),
        *_OFFSETS,
        F("bondAccruedInterest", since=185),
        F("includeOvernight", "0", since=189),
        F("extOperator", since=193),
        F("manualOrderIndicator", UNSET_INT, since=193),
        F("submitter", since=198),
        F("imbalanceOnly", "0", since=199),
    ),
)

COMPLETED_ORDER = Layout(
    "101",
    (
        *_BEGINNING,
        *_RIGHTS,
        *_ADVISOR,
        *_BOX,
        F("sweepToFill", "0"),
        F("allOrNone", "0"),
        F("minQty", UNSET_INT),
        F("ocaType", "3"),
        F("triggerMethod", "0"),
        *_VOLATILITY,
        When(
            _is_delta_neutral,
            (
                F("deltaNeutralConId", "0"),
                F("deltaNeutralShortSale", "0"),
                F("deltaNeutralShortSaleSlot", "0"),
                F("deltaNeutralDesignatedLocation"),
            ),
        ),
        *_TRAIL,
        *_COMBO,
        *_CLEARING,
        F("status"),
        *_CONDITIONED,
        F("adjustedTrailStopPrice", UNSET_DOUBLE),
        F("lmtPriceOffset", UNSET_DOUBLE),
        F("cashQty", "0"),
        F("dontUseAutoPriceForHedge", "1"),
        F("isOmsContainer", "0"),
        F("autoCancelDate"),
        F("filledQuantity", "0"),
        F("refFuturesConId", UNSET_INT),
        F("autoCancelParent", "0"),
        F("shareholder"),
        F("imbalanceOnly", "0"),
        F("routeMarketableToBbo", "0"),
        F("parentPermId", "0"),
        F("completedTime"),
        F("completedStatus"),
        *_OFFSETS,
        F("submitter", since=198),
    ),
)
