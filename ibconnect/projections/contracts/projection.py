"""The report of contracts, as the engine has it. Called by the registry."""

from ibconnect.events.types import GatewayNotice
from ibconnect.projections.contracts.fold import ContractsFold
from ibconnect.projections.contracts.layout import BOND, CONTRACT
from ibconnect.projections.engine.heard import SESSIONS, HeardReader
from ibconnect.projections.engine.projection import Projection

CONTRACTS = Projection(
    name="contracts",
    topics=(*SESSIONS, GatewayNotice.TOPIC),
    message_ids=(CONTRACT, BOND),
    reader=HeardReader,
    fold=ContractsFold,
)
