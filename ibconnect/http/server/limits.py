"""Every bound of the REST server in one place. docs/http-api.md states those that a client can meet."""

# What a client may send. Longer request lines and headers are refused by the parser.
MAX_LINE_BYTES = 8190
MAX_HEADER_BYTES = 8190
MAX_HEADERS = 64
MAX_BODY_BYTES = 64 * 1024
# A Flex statement, whether it comes compressed or not; how long the next piece of it may be in coming, and all of it;
# how many are received and recorded at once, and how long a recorder waits for Postgres.
STATEMENT_BYTES = 128 * 1024 * 1024
BODY_PIECE_SECONDS = 20.0
BODY_SECONDS = 600.0
IMPORTS_AT_ONCE = 4
IMPORT_PATIENCE_SECONDS = 3.0

# How long a client may take: to send a request's head, between requests, to take what it was sent.
HEAD_SECONDS = 10.0
KEEPALIVE_SECONDS = 75.0
SEND_SECONDS = 20.0
LINGER_SECONDS = 2.0

# Connections. Descriptors that are kept for everything else: pools of Postgres, the journal, other instances, the log;
# for each gateway its socket, the one that follows it, and its locks. How many connections there are unless
# MAX_CONNECTIONS says so, and with how few nobody could be served. How many are accepted in one turn of the event loop
# (these may be over the bound for a moment), how many idle ones are found at one look, and for how long nobody is
# accepted when the system has no descriptors left.
DESCRIPTORS_RESERVED = 128
DESCRIPTORS_PER_GATEWAY = 8
CONNECTIONS_DEFAULT = 1000
CONNECTIONS_MIN = 16
ACCEPTS_AT_ONCE = 16
VICTIMS_AT_ONCE = 32
EXHAUSTED_PAUSE_SECONDS = 0.25
BACKLOG = 1024
# For how long a new connection is not idle, although nothing has come of its first request.
GRACE_SECONDS = 1.0

# What happens in floods is logged so often, apart for so many who cause it.
FLOOD_LOG_SECONDS = 60.0
FLOODS_MAX = 1000

# Wrong tokens from one address before it hears 429, and the window in seconds.
REFUSALS = 10
REFUSAL_WINDOW_SECONDS = 60.0
REFUSAL_ADDRESSES = 10_000

# Sessions of the page: how many are kept in memory; how old what is known of one may be, how often those are looked at
# that were used a moment ago, and how long Postgres may take over it; how often their use is noted; how long one goes
# on that is used all the time; how many one token may have.
SESSIONS_KEPT = 10_000
SESSION_FRESH_SECONDS = 2.0
SESSION_CHECK_SECONDS = 0.8
SESSION_IN_USE_SECONDS = 30.0
SESSION_LOOK_SECONDS = 1.5
SESSION_NOTE_SECONDS = 60.0
SESSION_LONGEST_SECONDS = 7 * 86_400.0
SESSIONS_PER_TOKEN = 100
# What somebody sends who signs in.
SIGN_IN_BYTES = 4096

# The file of tokens: enough for 10,000 tokens with 40 accounts each.
TOKENS_FILE_BYTES = 8 * 1024 * 1024

# Work for one token (without tokens: for one address): requests that are worked on or wait for it, statements that run
# at once, and how long its turn may be in coming. Two statements keep the event loop busy with what they find; the
# connections beyond are for others.
REQUESTS_PER_TOKEN = 48
STATEMENTS_PER_TOKEN = 2
TURN_SECONDS = 30.0
# Refreshes of different accounts that one token has under way at once.
REFRESHES_PER_TOKEN = 8
RETRY_SOON_SECONDS = 1
# Who was at work so long ago is company still; how often it is looked whether one may go on who has computed for long.
COMPANY_SECONDS = 0.25
GATE_LOOK_SECONDS = 0.001
# For how long a refusal waits: whoever asks again at once would else take the event loop's time with refusals alone.
REFUSAL_SECONDS = 0.25

# Postgres: connections of this instance's reads, and how long one statement may run.
POOL_MIN = 1
POOL_MAX = 8
STATEMENT_TIMEOUT_MS = 15_000

# Reports that are read by one statement, and how many such statements run at once.
LOADER_BATCH_MAX = 16
LOADER_BATCHES_AT_ONCE = 2
# How many of one holder, where several ask.
LOADER_SHARE = 4

# The response cache: reports, compressed forms included.
REPORT_CACHE_BYTES = 64 * 1024 * 1024
HISTORY_CACHE_BYTES = 16 * 1024 * 1024
LIST_CACHE_ENTRIES = 64
# Overviews that are kept, as so many accounts of all of them.
OVERVIEW_ROWS_KEPT = 20_000
# Returns of accounts that are kept for overviews.
RETURNS_KEPT = 20_000
LOOKUP_MAX = 20_000
MIN_COMPRESSED_BYTES = 1024
# What is larger is compressed in a thread.
LARGE_BYTES = 64 * 1024

# For so long the state of the accounts' tables is taken to be what it was found to be: of a flood of requests one asks.
STATE_SECONDS = 0.03

# One answer's rows; what is beyond is reached by the Link header.
SNAPSHOTS_DEFAULT = 100
SNAPSHOTS_MAX = 10_000
POINTS_MAX = 100_000
ACCOUNTS_DEFAULT = 1_000
ACCOUNTS_MAX = 10_000
TAGS_MAX = 20
LISTED_TAGS_DEFAULT = 1_000
LISTED_TAGS_MAX = 10_000
LEDGER_ROWS_DEFAULT = 1_000
LEDGER_ROWS_MAX = 10_000
CURRENCIES_MAX = 50
# Keys of an account that are looked at to say what it was sent; names that a problem lists.
KEYS_MAX = 20_000
NAMES_SHOWN = 200
POSITIONS_DEFAULT = 1_000
POSITIONS_MAX = 10_000
EXECUTIONS_DEFAULT = 1_000
EXECUTIONS_MAX = 10_000
ORDERS_DEFAULT = 100
ORDERS_MAX = 1_000
ORDER_STATES_DEFAULT = 1_000
ORDER_STATES_MAX = 10_000
# States that stand within their order: the newest of it.
STATES_OF_ORDER = 100
PNL_DEFAULT = 1_000
PNL_MAX = 10_000
# Rows of what statements say; days of a value per day.
STATEMENTS_DEFAULT = 1_000
STATEMENTS_MAX = 10_000
STATED_DEFAULT = 1_000
STATED_MAX = 10_000
NAV_DAYS_DEFAULT = 1_000
NAV_DAYS_MAX = 4_000
# Days whose statements are compared with what was recorded, for one page.
RECONCILED_DAYS_DEFAULT = 31
RECONCILED_DAYS_MAX = 366
# Values of all accounts by steps, in one answer.
VALUES_MAX = 500_000
CHANGES_DEFAULT = 1_000
CHANGES_MAX = 10_000
# Accounts that one request names; how many are compared for one page of changes, and read together.
ACCOUNTS_NAMED_MAX = 100
CHANGES_ACCOUNTS = 100
CHANGES_AT_ONCE = 8
# Reports that are read at once for a history of positions, at first and at most; how many of them, or steps, are looked
# through for one page.
HOLDINGS_REPORTS_FIRST = 16
HOLDINGS_REPORTS_MAX = 256
HOLDINGS_LOOKED_THROUGH = 10_000
# How many rows of positions are made ready before the event loop does what else is due.
POSITIONS_PIECE = 500
EVENTS_MAX = 1_000_000_000
SOURCES_DEFAULT = 1_000
SOURCES_MAX = 10_000

# Streams: rows read at once, events looked through at once, seconds between heartbeats.
POINTS_PAGE = 10_000
# How many points one statement reads, half of a year of hours; how many pages are read while one is sent. From how
# many steps on it pays to know first whether there are only so many reports for each that all of them may be read.
POINTS_READ = 4_400
POINTS_AHEAD = 2
STEPS_COUNTED = 200
REPORTS_PER_STEP = 3
EVENTS_PAGE = 2_000
# How much of a page is made ready to send before the event loop does what else is due.
POINTS_PIECE = 500
ACCOUNTS_PIECE = 100
EVENTS_PIECE = 200
CELLS_PIECE = 5_000
EVENTS_SCANNED = 50_000
HEARTBEAT_SECONDS = 15.0

# Searches of events and live tails that are open at once, in all and of one token; connections of all of them.
SCANS_MAX = 16
SCANS_PER_TOKEN = 8
TAILS_MAX = 64
TAILS_PER_TOKEN = 32
SCAN_CONNECTIONS = 3

# How long the head of an answer waits for its first chunk; how often work looks whether its client is still there.
FIRST_CHUNK_SECONDS = 0.5
ATTEND_SECONDS = 0.5

# Waits are woken by NOTIFY; they look for themselves this often, since a NOTIFY may be lost.
POLL_SECONDS = 0.5
GATEWAY_FRESH_SECONDS = 15
# For how long a gateway is listed that only instances have configured that are silent: Postgres may be away for all of
# them, and an instance be started again.
GATEWAY_WATCHED_SECONDS = 300
# Accounts of others that a gateway is said to list; a hostile one may list any number.
CONFLICTS_SHOWN = 100
# How long a scrape of the metrics waits for Postgres, and for how much of the time that the scraper says it has.
SCRAPE_SECONDS = 3.0
SCRAPE_SHARE = 0.5
RETRY_AFTER_SECONDS = 5
# Reports that are read at once for a time series in long form; reports or steps that are looked through for one page.
LONG_REPORTS_FIRST = 16
LONG_REPORTS_MAX = 256
LONG_POINTS = 10_000
# How often it is looked for more samples of profit and loss, for one page, where those found are another gateway's; how
# many one statement looks up, each of a step and a contract.
PNL_LOOKS = 16
PNL_LOOKUPS = 2_000
