"""What this gateway does not serve (market data, news, scanners …): the error that a login without that right gets."""

from ibconnect.simulator.parts import NOT_SERVED, READ_ONLY, Part, refused

_NOT_FOUND = "Can't find EId"
_NOT_SUBSCRIBED = "Requested market data is not subscribed."
_NO_HISTORY = "Historical Market Data Service error message:No market data permissions"
_NO_FUNDAMENTALS = "The fundamentals data for the security specified is not available."
_NO_SCANNER = "Historical Market Data Service error message:No market data permissions for scanner"

PART = Part(
    requests={
        "1": refused("reqMktData", 354, _NOT_SUBSCRIBED, 2),
        "2": refused("cancelMktData", 300, _NOT_FOUND, 2),
        "10": refused("reqMktDepth", 354, _NOT_SUBSCRIBED, 2),
        "11": refused("cancelMktDepth", 300, _NOT_FOUND, 2),
        "12": refused("reqNewsBulletins", 321, NOT_SERVED),
        "13": refused("cancelNewsBulletins", 321, NOT_SERVED),
        "20": refused("reqHistoricalData", 162, _NO_HISTORY, 1),
        "21": refused("exerciseOptions", 321, READ_ONLY, 2),
        "22": refused("reqScannerSubscription", 162, _NO_SCANNER, 1),
        "23": refused("cancelScannerSubscription", 300, _NOT_FOUND, 2),
        "24": refused("reqScannerParameters", 321, NOT_SERVED),
        "25": refused("cancelHistoricalData", 300, _NOT_FOUND, 2),
        "50": refused("reqRealTimeBars", 420, "Invalid Real-time Query", 2),
        "51": refused("cancelRealTimeBars", 300, _NOT_FOUND, 2),
        "52": refused("reqFundamentalData", 430, _NO_FUNDAMENTALS, 2),
        "53": refused("cancelFundamentalData", 300, _NOT_FOUND, 2),
        "54": refused("calculateImpliedVolatility", 354, _NOT_SUBSCRIBED, 2),
        "55": refused("calculateOptionPrice", 354, _NOT_SUBSCRIBED, 2),
        "56": refused("cancelCalculateImpliedVolatility", 300, _NOT_FOUND, 2),
        "57": refused("cancelCalculateOptionPrice", 300, _NOT_FOUND, 2),
        "59": refused("reqMarketDataType", 354, _NOT_SUBSCRIBED),
        "65": refused("verifyRequest", 321, NOT_SERVED),
        "66": refused("verifyMessage", 321, NOT_SERVED),
        "67": refused("queryDisplayGroups", 321, NOT_SERVED, 2),
        "68": refused("subscribeToGroupEvents", 321, NOT_SERVED, 2),
        "69": refused("updateDisplayGroup", 321, NOT_SERVED, 2),
        "70": refused("unsubscribeFromGroupEvents", 321, NOT_SERVED, 2),
        "71": refused("startApi (again)", 321, NOT_SERVED),
        "72": refused("verifyAndAuthRequest", 321, NOT_SERVED),
        "73": refused("verifyAndAuthMessage", 321, NOT_SERVED),
        "79": refused("reqSoftDollarTiers", 321, NOT_SERVED, 1),
        "82": refused("reqMktDepthExchanges", 321, NOT_SERVED),
        "83": refused("reqSmartComponents", 321, NOT_SERVED, 1),
        "84": refused("reqNewsArticle", 10172, "Failed to request news article:No data available", 1),
        "85": refused("reqNewsProviders", 321, NOT_SERVED),
        "86": refused("reqHistoricalNews", 321, NOT_SERVED, 1),
        "87": refused("reqHeadTimestamp", 162, _NO_HISTORY, 1),
        "88": refused("reqHistogramData", 162, _NO_HISTORY, 1),
        "89": refused("cancelHistogramData", 300, _NOT_FOUND, 1),
        "90": refused("cancelHeadTimestamp", 300, _NOT_FOUND, 1),
        "91": refused("reqMarketRule", 321, NOT_SERVED),
        "96": refused("reqHistoricalTicks", 10187, "Failed to request historical ticks:No market data permissions", 1),
        "97": refused("reqTickByTickData", 10189, "Failed to request tick-by-tick data:No market data permissions", 1),
        "98": refused("cancelTickByTickData", 300, _NOT_FOUND, 1),
        "100": refused("reqWshMetaData", 10276, "News feed is not allowed.", 1),
        "101": refused("cancelWshMetaData", 300, _NOT_FOUND, 1),
        "102": refused("reqWshEventData", 10276, "News feed is not allowed.", 1),
        "103": refused("cancelWshEventData", 300, _NOT_FOUND, 1),
        "107": refused("cancelHistoricalTicks", 300, _NOT_FOUND, 1),
    },
)
