"""The report of profit and loss, as the engine has it. Called by the registry."""

from ibconnect.projections.engine.projection import Projection
from ibconnect.projections.pnl.fold import PnlFold
from ibconnect.projections.pnl.reader import MESSAGE_IDS, TOPICS, PnlReader

PNL = Projection(name="pnl", topics=TOPICS, message_ids=MESSAGE_IDS, reader=PnlReader, fold=PnlFold)
