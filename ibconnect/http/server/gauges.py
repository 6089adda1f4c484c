"""The gauges of the REST server, shown at each scrape of the metrics.

In: what pools, caches and connections say of themselves. Out: gauges. Set by what they are of, when the metrics are
asked for (:meth:`~ibconnect.http.server.services.Part.measure`).
"""

from prometheus_client import Gauge

DATABASE_UP = Gauge("ibconnect_database_up", "1 if the database answered the scrape.")
POOL_CONNECTIONS = Gauge("ibconnect_pool_connections", "Connections of the HTTP server's pools.", ["pool", "state"])
POOL_WAITING = Gauge("ibconnect_pool_waiting", "Requests that wait for a connection.", ["pool"])
CACHE_BYTES = Gauge("ibconnect_http_cache_bytes", "Reports kept ready to send, compressed forms included.")
LIVE_STREAMS = Gauge("ibconnect_http_live_streams", "Live streams of events that are open.")
CONNECTIONS = Gauge("ibconnect_http_connections", "Connections of clients that are open.")
EVENT_SEARCHES = Gauge("ibconnect_http_event_searches", "Searches of events that are open.")
LAST_COMPLETE_REFRESH = Gauge(
    "ibconnect_last_complete_refresh_timestamp_seconds",
    "When all accounts of the gateway were last refreshed, seconds since the epoch; 0: not yet.",
    ["gateway"],
)
REFRESH_DUE = Gauge(
    "ibconnect_refresh_due_timestamp_seconds",
    "When ACCT_REF next wanted, or wants, a refresh after the last complete one; without one: when this process began.",
    ["gateway"],
)
