"""The orders report, as the engine has it: orders, open and completed, with every state that was seen of each.

Called by the registry. :mod:`reader` turns messages into facts by the layout of their server version, :mod:`book`
decides which order is meant and what is new of it, :mod:`tables` reads and writes the rows.
"""

from ibconnect.projections.engine.projection import Projection
from ibconnect.projections.orders.fold import OrdersFold
from ibconnect.projections.orders.reader import MESSAGE_IDS, TOPICS, OrdersReader

ORDERS = Projection(name="orders", topics=TOPICS, message_ids=MESSAGE_IDS, reader=OrdersReader, fold=OrdersFold)
