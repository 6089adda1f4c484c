"""Which attribute of which element goes into which column. Data alone: what is not named here is kept in ``more``.

Called by :mod:`sections`. A mapping is written ``attribute=column``, the column alone where both have one name but for
capitals; each list stands for one kind of value.
"""

import re
from collections.abc import Mapping
from enum import Enum


class Kind(Enum):
    """What a text is to be read as."""

    TEXT = "text"
    NUMBER = "number"
    DAY = "day"
    MOMENT = "moment"
    WHOLE = "whole number"


Columns = Mapping[str, tuple[str, Kind]]
"""By attribute: its column, and what its text is."""

_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def columns(text: str = "", number: str = "", day: str = "", moment: str = "", whole: str = "") -> Columns:
    """The columns of an element, by kind.

    >>> columns(number="markPrice amount=value")["markPrice"]
    ('mark_price', <Kind.NUMBER: 'number'>)
    """
    found = {}
    for kind, names in zip(Kind, (text, number, day, moment, whole), strict=True):
        for name in names.split():
            attribute, _, column = name.partition("=")
            found[attribute] = column or _CAPITAL.sub("_", attribute).lower(), kind
    return found


_SYMBOL = columns(text="symbol assetCategory=asset isin", whole="conid=contract")
_ASSET = {**_SYMBOL, **columns(text="description")}
_OPTION = columns(text="underlyingSymbol=underlying putCall", number="strike", day="expiry")
_RATE = columns(text="currency", number="fxRateToBase=rate_to_base")

NAV = columns(
    text="currency model",
    number="""total cash stock options bonds notes funds commodities crypto cfdUnrealizedPl=cfd
        forexCfdUnrealizedPl=forex_cfd dividendAccruals interestAccruals incentiveCouponAccruals
        brokerFeesAccrualsComponent=broker_fees_accruals ipoSubscription
        slbDirectSecuritiesBorrowed=securities_borrowed slbDirectSecuritiesLent=securities_lent
        slbCashCollateral=lending_collateral softDollars other""",
)
NAV_TOTAL = columns(text="currency model", number="endingValue=total")
NAV_CHANGE = columns(
    text="currency model",
    day="fromDate=from_day toDate=to_day",
    number="""startingValue=starting endingValue=ending mtm realized changeInUnrealized=unrealized_change
        costAdjustments transferredPnlAdjustments depositsWithdrawals internalCashTransfers
        excessFundSweep assetTransfers debitCardActivity billPay grantActivity dividends withholdingTax
        withholding871m=withholding_871m withholdingTaxCollected
        changeInDividendAccruals=dividend_accruals_change interest
        changeInInterestAccruals=interest_accruals_change advisorFees clientFees brokerFees otherFees
        feesReceivables commissions commissionCreditsRedemption commissionReceivables forexCommissions
        transactionTax taxReceivables salesTax billableSalesTax softDollars netFxTrading fxTranslation
        linkingAdjustments referralFee donations carbonCredits paxosTransfers corporateActionProceeds
        other twr""",
)
CASH_REPORT = columns(
    text="currency model",
    day="fromDate=from_day toDate=to_day",
    number="""startingCash=starting endingCash=ending endingSettledCash=settled
        depositWithdrawals=deposits_withdrawals deposits withdrawals accountTransfers internalTransfers
        dividends paymentInLieu withholdingTax brokerInterest=interest bondInterest commissions
        advisorFees otherFees transactionTax salesTax netTradesSales=trades_sales
        netTradesPurchases=trades_purchases fxTranslationGainLoss=fx_translation other""",
)
CASH_TRANSACTION = {
    **_ASSET,
    **_RATE,
    **columns(
        text="transactionID=id type actionID=action_id code clientReference",
        number="amount",
        day="settleDate=settle_day",
        moment="dateTime=at",
    ),
}
FUND_LINE = {
    **_SYMBOL,
    **_RATE,
    **columns(
        text="transactionID=id activityCode=activity tradeID=trade_id orderID=order_id buySell=side actionID=action_id",
        number="""amount debit credit balance tradeQuantity=quantity tradePrice=price tradeGross=gross
        tradeCommission=commission tradeTax=tax""",
        day="settleDate=settle_day",
        moment="dateTime=at",
    ),
    "activityDescription": ("description", Kind.TEXT),
}
TRANSFER = {
    **_ASSET,
    **_RATE,
    **columns(
        text="transactionID=id type direction account=counterparty accountName=counterparty_name code",
        number="""quantity transferPrice=price positionAmount=amount positionAmountInBase=amount_in_base
        cashTransfer=cash pnlAmount=pnl pnlAmountInBase=pnl_in_base multiplier""",
        day="settleDate=settle_day",
        moment="dateTime=at",
    ),
}
GRANT = {
    **_ASSET,
    **_RATE,
    **columns(text="transactionID=id", number="value=amount", moment="dateTime=at"),
    "activityDescription": ("type", Kind.TEXT),
}
TRADE = {
    **_ASSET,
    **_OPTION,
    **_RATE,
    **columns(
        text="""tradeID=id ibExecID=exec_id ibOrderID=order_id transactionID=transaction_id
        brokerageOrderID=brokerage_order_id extExecID=external_exec_id orderReference transactionType
        orderType buySell=side openCloseIndicator=open_close exchange
        ibCommissionCurrency=commission_currency notes""",
        number="""quantity tradePrice=price tradeMoney=money proceeds ibCommission=commission taxes netCash cost
        fifoPnlRealized=realized mtmPnl=mtm closePrice multiplier accruedInt=accrued_interest""",
        day="settleDateTarget=settle_day tradeDate=trade_day",
        moment="dateTime=at orderTime=order_at",
    ),
}
TRADE_CONFIRM = {
    **TRADE,
    **columns(
        text="execID=exec_id orderID=order_id commissionCurrency code=notes",
        number="price commission tax=taxes amount=money",
        day="settleDate=settle_day",
    ),
}
OPEN_DIVIDEND = {
    **_ASSET,
    **_RATE,
    **columns(
        text="code",
        number="quantity grossRate grossAmount netAmount tax fee",
        day="exDate=ex_day payDate=pay_day",
    ),
}
INTEREST_ACCRUAL = {
    **_RATE,
    **columns(
        number="""startingAccrualBalance=starting interestAccrued=accrued accrualReversal=reversal fxTranslation
        endingAccrualBalance=ending""",
        day="fromDate=from_day toDate=to_day",
    ),
}
CORPORATE_ACTION = {
    **_ASSET,
    **_RATE,
    **columns(
        text="transactionID=id actionID=action_id type code actionDescription",
        number="quantity amount proceeds value costBasis=cost fifoPnlRealized=realized mtmPnl=mtm multiplier",
        moment="dateTime=at",
    ),
}
OPTION_EVENT = {
    **_ASSET,
    **_OPTION,
    **_RATE,
    **columns(
        text="transactionType tradeID=id",
        number="""quantity tradePrice=price markPrice=close_price closePrice proceeds
        commisionsAndTax=commission_and_tax commissionsAndTax=commission_and_tax costBasis=cost
        realizedPnl=realized fifoPnlRealized=realized mtmPnl=mtm multiplier""",
    ),
}
CONVERSION_RATE = columns(text="fromCurrency=currency toCurrency", number="rate")
OPEN_POSITION = {
    **_ASSET,
    **_OPTION,
    **_RATE,
    **columns(
        text="side code",
        number="""position=quantity markPrice positionValue=value openPrice costBasisPrice=cost_price
        costBasisMoney=cost fifoPnlUnrealized=unrealized percentOfNAV=percent_of_nav multiplier
        accruedInt=accrued_interest""",
        moment="openDateTime=opened holdingPeriodDateTime=holding_since",
    ),
}
TRANSACTION_TAX = {
    **_ASSET,
    **_RATE,
    **columns(
        text="transactionID=id tradeId=trade_id tradeID=trade_id taxDescription=tax_type code",
        number="taxAmount=amount quantity tradePrice=price",
        moment="dateTime=at",
    ),
}
SALES_TAX = {
    **_ASSET,
    **_RATE,
    **columns(
        text="transactionID=id taxableTransactionID=trade_id taxType country code",
        number="salesTax=amount taxableAmount taxRate",
        moment="dateTime=at",
    ),
}
