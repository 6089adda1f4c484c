"""The simulated Flex Web Service: statements that agree with the books of the simulated gateway.

``async with FlexService(source) as flex:`` answers at ``flex.url``; ``bulk`` makes many simple statements quickly.
"""

from ibconnect.simulator.flex.books import ScenarioBooks
from ibconnect.simulator.flex.bulk import BulkPlan, BulkSource, write_files
from ibconnect.simulator.flex.options import FlexOptions
from ibconnect.simulator.flex.queries import Query
from ibconnect.simulator.flex.service import FlexService

__all__ = ["BulkPlan", "BulkSource", "FlexOptions", "FlexService", "Query", "ScenarioBooks", "write_files"]
