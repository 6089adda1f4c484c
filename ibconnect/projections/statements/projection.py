"""The report of Flex statements, as the engine has it. Called by the registry."""

from ibconnect.events.types import StatementEnded
from ibconnect.projections.engine.projection import Projection, Stateless
from ibconnect.projections.statements.fold import StatementsFold

STATEMENTS = Projection(name="statements", topics=(StatementEnded.TOPIC,), reader=Stateless, fold=StatementsFold)
