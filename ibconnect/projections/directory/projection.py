"""The report of an advisor's directory, as the engine has it. Called by the registry."""

from ibconnect.projections.directory.entries import ADVISOR_DATA, FAMILY_CODES
from ibconnect.projections.directory.fold import DirectoryFold
from ibconnect.projections.engine.heard import SESSIONS, HeardReader
from ibconnect.projections.engine.projection import Projection

DIRECTORY = Projection(
    name="directory",
    topics=SESSIONS,
    message_ids=(ADVISOR_DATA, FAMILY_CODES),
    reader=HeardReader,
    fold=DirectoryFold,
)
