"""Every resource of the API: a line each to import it and to name it here. Nothing else has to know of one.

In: the modules of resources. Out: the resources, and their routes. Read by the application, the OpenAPI document, the
docs and the tests.
"""

from ibconnect.http.resources.accounts.resource import RESOURCE as ACCOUNTS
from ibconnect.http.resources.changes.resource import RESOURCE as CHANGES
from ibconnect.http.resources.compare.resource import RESOURCE as COMPARE
from ibconnect.http.resources.contracts.resource import RESOURCE as CONTRACTS
from ibconnect.http.resources.directory.resource import RESOURCE as DIRECTORY
from ibconnect.http.resources.documentation import RESOURCE as DOCUMENTATION
from ibconnect.http.resources.events import RESOURCE as EVENTS
from ibconnect.http.resources.executions.resource import RESOURCE as EXECUTIONS
from ibconnect.http.resources.gateways import RESOURCE as GATEWAYS
from ibconnect.http.resources.health import RESOURCE as HEALTH
from ibconnect.http.resources.history import RESOURCE as HISTORY
from ibconnect.http.resources.instances import RESOURCE as INSTANCES
from ibconnect.http.resources.ledger import RESOURCE as LEDGER
from ibconnect.http.resources.metrics import RESOURCE as METRICS
from ibconnect.http.resources.orders.resource import RESOURCE as ORDERS
from ibconnect.http.resources.overview.resource import RESOURCE as OVERVIEW
from ibconnect.http.resources.page import RESOURCE as PAGE
from ibconnect.http.resources.performance.resource import RESOURCE as PERFORMANCE
from ibconnect.http.resources.pnl.resource import RESOURCE as PNL
from ibconnect.http.resources.positions.resource import RESOURCE as POSITIONS
from ibconnect.http.resources.reconciliation.resource import RESOURCE as RECONCILIATION
from ibconnect.http.resources.session.resource import RESOURCE as SESSION
from ibconnect.http.resources.sources.resource import RESOURCE as SOURCES
from ibconnect.http.resources.statement_queries import RESOURCE as STATEMENT_QUERIES
from ibconnect.http.resources.statement_tables.resource import RESOURCE as STATEMENT_TABLES
from ibconnect.http.resources.statements.resource import RESOURCE as STATEMENTS
from ibconnect.http.resources.tags import RESOURCE as TAGS
from ibconnect.http.resources.values.resource import RESOURCE as VALUES
from ibconnect.http.server.resource import Resource, Route

# In the order of the OpenAPI document.
RESOURCES: tuple[Resource, ...] = (
    ACCOUNTS,
    SOURCES,
    OVERVIEW,
    HISTORY,
    LEDGER,
    TAGS,
    POSITIONS,
    PNL,
    PERFORMANCE,
    VALUES,
    CHANGES,
    COMPARE,
    EXECUTIONS,
    ORDERS,
    STATEMENTS,
    STATEMENT_TABLES,
    RECONCILIATION,
    CONTRACTS,
    DIRECTORY,
    EVENTS,
    GATEWAYS,
    INSTANCES,
    STATEMENT_QUERIES,
    HEALTH,
    METRICS,
    DOCUMENTATION,
    SESSION,
    PAGE,
)

ROUTES: tuple[Route, ...] = tuple(route for resource in RESOURCES for route in resource.routes)
POSTS: tuple[Route, ...] = tuple(route for resource in RESOURCES for route in resource.posts)
"""Those whose requests have a body."""
