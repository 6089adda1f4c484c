"""The layouts of the messages that describe orders: openOrder (5) and completedOrder (101), of server versions 157 to
200.

In: nothing. Out: tables for :mod:`ibconnect.projections.orders.walk`. Names and versions are those of IB's client
(its orderdecoder and server_versions); a test gives it the same messages and compares every field.
"""

from decimal import Decimal, InvalidOperation

from ibconnect.contracts import Contract
from ibconnect.projections.orders.walk import Fields, If, Layout, Repeated, Step
from ibconnect.tags import UNSET_TEXTS

CONTRACT: tuple[str, ...] = tuple(f"contract {name}" for name in Contract._fields)
"""The eleven fields of a contract, as :mod:`ibconnect.contracts` has them."""

LEGS, LEG_PRICES, ALLOCATIONS = "comboLegs", "orderComboLegs", "orderAllocations"
ROUTING, ALGO, CONDITIONS = "smartComboRoutingParams", "algoParams", "conditions"

# Server versions from which on a field is sent, or is no longer sent.
_DURATION = 158
_POST_TO_ATS = 160
_AUTO_CANCEL_PARENT = 162
_PEG_OFFSETS = 170
_NO_FA_PROFILE = 177
_CUSTOMER_ACCOUNT = 183
_PROFESSIONAL = 184
_BOND_INTEREST = 185
_OVERNIGHT = 189
_CME_TAGGING = 193
_FULL_PREVIEW = 195
_SUBMITTER = 198
_IMBALANCE = 199


def _is_said(text: str) -> bool:
    return text != ""


def _is_true(text: str) -> bool:
    return text.strip() not in ("", "0")


def _is_positive(text: str) -> bool:
    """Of a figure that says whether others follow."""
    try:
        return text not in UNSET_TEXTS and Decimal(text or "0") > 0
    except InvalidOperation:
        return False


def _is_pegged(order_type: str) -> bool:
    return order_type in ("PEG BENCH", "PEGBENCH")


def _fields(names: str, since: int = 0, until: int | None = None) -> Fields:
    found = tuple(names.split())
    return Fields(found, since) if until is None else Fields(found, since, until)


_TERMS = _fields("action totalQuantity orderType lmtPrice auxPrice tif ocaGroup account openClose origin orderRef")
_FLAGS = _fields("outsideRth hidden discretionaryAmt goodAfterTime")
_ADVISOR: tuple[Step, ...] = (
    _fields("faGroup faMethod faPercentage"),
    _fields("faProfile", until=_NO_FA_PROFILE),
    _fields("modelCode"),
)
_GOOD_TILL = _fields("goodTillDate rule80A percentOffset settlingFirm shortSaleSlot designatedLocation exemptCode")
_BOX = _fields("startingPrice stockRefPrice delta stockRangeLower stockRangeUpper displaySize")
_VOLATILITY = _fields("volatility volatilityType deltaNeutralOrderType deltaNeutralAuxPrice")
_CONTINUOUS = _fields("continuousUpdate referencePriceType trailStopPrice trailingPercent")
_SHORT_SALE = "deltaNeutralShortSale deltaNeutralShortSaleSlot deltaNeutralDesignatedLocation"
_LEG = ("conId", "ratio", "action", "exchange", "openClose", "shortSaleSlot", "designatedLocation", "exemptCode")
_PAIR = ("tag", "value")
_COMBO: tuple[Step, ...] = (
    _fields("comboLegsDescrip"),
    Repeated(LEGS, _LEG),
    Repeated(LEG_PRICES, ("price",)),
    Repeated(ROUTING, _PAIR),
)
_SCALE: tuple[Step, ...] = (
    _fields("scaleInitLevelSize scaleSubsLevelSize scalePriceIncrement"),
    If(
        "scalePriceIncrement",
        _is_positive,
        (
            _fields("scalePriceAdjustValue scalePriceAdjustInterval scaleProfitOffset scaleAutoReset"),
            _fields("scaleInitPosition scaleInitFillQty scaleRandomPercent"),
        ),
    ),
    _fields("hedgeType"),
    If("hedgeType", _is_said, (_fields("hedgeParam"),)),
)
_DELTA_NEUTRAL: tuple[Step, ...] = (
    _fields("clearingAccount clearingIntent notHeld deltaNeutralContractPresent"),
    If(
        "deltaNeutralContractPresent",
        _is_true,
        (_fields("deltaNeutralContractConId deltaNeutralContractDelta deltaNeutralContractPrice"),),
    ),
)
_ALGORITHM: tuple[Step, ...] = (
    _fields("algoStrategy"),
    If("algoStrategy", _is_said, (Repeated(ALGO, _PAIR),)),
    _fields("solicited"),
)
_PEGGED: tuple[Step, ...] = (
    _fields("randomizeSize randomizePrice"),
    If(
        "orderType",
        _is_pegged,
        (
            _fields("referenceContractId isPeggedChangeAmountDecrease peggedChangeAmount referenceChangeAmount"),
            _fields("referenceExchangeId"),
        ),
    ),
)
_OPERATOR = ("conjunction", "isMore", "limit")
_OF_CONTRACT = (*_OPERATOR, "conId", "exchange")
_CONDITIONS = Repeated(
    CONDITIONS,
    ("type",),
    {
        "1": (*_OF_CONTRACT, "triggerMethod"),
        "3": _OPERATOR,
        "4": _OPERATOR,
        "5": ("conjunction", "secType", "exchange", "symbol"),
        "6": _OF_CONTRACT,
        "7": _OF_CONTRACT,
    },
    (_fields("conditionsIgnoreRth conditionsCancelOrder"),),
)
_MARGINS = _fields(
    "initMarginBefore maintMarginBefore equityWithLoanBefore initMarginChange maintMarginChange "
    "equityWithLoanChange initMarginAfter maintMarginAfter equityWithLoanAfter"
)
_COMMISSION = _fields("commissionAndFees minCommissionAndFees maxCommissionAndFees commissionAndFeesCurrency")
_PREVIEW: tuple[Step, ...] = (
    _fields("marginCurrency initMarginBeforeOutsideRTH maintMarginBeforeOutsideRTH", _FULL_PREVIEW),
    _fields("equityWithLoanBeforeOutsideRTH initMarginChangeOutsideRTH maintMarginChangeOutsideRTH", _FULL_PREVIEW),
    _fields("equityWithLoanChangeOutsideRTH initMarginAfterOutsideRTH maintMarginAfterOutsideRTH", _FULL_PREVIEW),
    _fields("equityWithLoanAfterOutsideRTH suggestedSize rejectReason", _FULL_PREVIEW),
    Repeated(
        ALLOCATIONS,
        (
            "account",
            "position",
            "positionDesired",
            "positionAfter",
            "desiredAllocQty",
            "allowedAllocQty",
            "isMonetary",
        ),
        since=_FULL_PREVIEW,
    ),
)
_HELD_BACK = _fields(
    "minTradeQty minCompeteSize competeAgainstBestOffset midOffsetAtWhole midOffsetAtHalf", _PEG_OFFSETS
)

OPEN_ORDER: Layout = (
    _fields("orderId"),
    Fields(CONTRACT),
    _TERMS,
    _fields("clientId permId"),
    _FLAGS,
    _fields("sharesAllocation"),
    *_ADVISOR,
    _GOOD_TILL,
    _fields("auctionStrategy"),
    _BOX,
    _fields("blockOrder sweepToFill allOrNone minQty ocaType eTradeOnly firmQuoteOnly nbboPriceCap parentId"),
    _fields("triggerMethod"),
    _VOLATILITY,
    If(
        "deltaNeutralOrderType",
        _is_said,
        (
            _fields("deltaNeutralConId deltaNeutralSettlingFirm deltaNeutralClearingAccount"),
            _fields("deltaNeutralClearingIntent deltaNeutralOpenClose"),
            _fields(_SHORT_SALE),
        ),
    ),
    _CONTINUOUS,
    _fields("basisPoints basisPointsType"),
    *_COMBO,
    *_SCALE,
    _fields("optOutSmartRouting"),
    *_DELTA_NEUTRAL,
    *_ALGORITHM,
    _fields("whatIf status"),
    _MARGINS,
    _COMMISSION,
    *_PREVIEW,
    _fields("warningText"),
    *_PEGGED,
    _CONDITIONS,
    _fields("adjustedOrderType triggerPrice trailStopPrice lmtPriceOffset adjustedStopPrice adjustedStopLimitPrice"),
    _fields("adjustedTrailingAmount adjustableTrailingUnit softDollarTierName softDollarTierValue softDollarTierShown"),
    _fields("cashQty dontUseAutoPriceForHedge isOmsContainer discretionaryUpToLimitPrice usePriceMgmtAlgo"),
    _fields("duration", _DURATION),
    _fields("postToAts", _POST_TO_ATS),
    _fields("autoCancelParent", _AUTO_CANCEL_PARENT),
    _HELD_BACK,
    _fields("customerAccount", _CUSTOMER_ACCOUNT),
    _fields("professionalCustomer", _PROFESSIONAL),
    _fields("bondAccruedInterest", _BOND_INTEREST),
    _fields("includeOvernight", _OVERNIGHT),
    _fields("extOperator manualOrderIndicator", _CME_TAGGING),
    _fields("submitter", _SUBMITTER),
    _fields("imbalanceOnly", _IMBALANCE),
)
"""openOrder from its field 1 on."""

COMPLETED_ORDER: Layout = (
    Fields(CONTRACT),
    _TERMS,
    _fields("permId"),
    _FLAGS,
    *_ADVISOR,
    _GOOD_TILL,
    _BOX,
    _fields("sweepToFill allOrNone minQty ocaType triggerMethod"),
    _VOLATILITY,
    If(
        "deltaNeutralOrderType",
        _is_said,
        (_fields("deltaNeutralConId"), _fields(_SHORT_SALE)),
    ),
    _CONTINUOUS,
    *_COMBO,
    *_SCALE,
    *_DELTA_NEUTRAL,
    *_ALGORITHM,
    _fields("status"),
    *_PEGGED,
    _CONDITIONS,
    _fields("trailStopPrice lmtPriceOffset cashQty dontUseAutoPriceForHedge isOmsContainer autoCancelDate"),
    _fields("filledQuantity refFuturesConId autoCancelParent shareholder imbalanceOnly routeMarketableToBbo"),
    _fields("parentPermId completedTime completedStatus"),
    _HELD_BACK,
    _fields("customerAccount", _CUSTOMER_ACCOUNT),
    _fields("professionalCustomer", _PROFESSIONAL),
    _fields("submitter", _SUBMITTER),
)
"""completedOrder from its field 1 on."""
