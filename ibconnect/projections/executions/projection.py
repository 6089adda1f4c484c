"""The executions report, as the engine has it: fills of accounts, out of what was recorded of messages 11, 55 and 59.

Called by the registry. :mod:`reader` turns events into facts, :mod:`fold` writes the rows.
"""

from ibconnect.projections.engine.projection import Projection
from ibconnect.projections.executions.fold import ExecutionsFold
from ibconnect.projections.executions.reader import MESSAGE_IDS, TOPICS, ExecutionsReader

EXECUTIONS = Projection(
    name="executions", topics=TOPICS, message_ids=MESSAGE_IDS, reader=ExecutionsReader, fold=ExecutionsFold
)
