"""Which snapshot tables this version of the program makes and reads.

The projections make them, the REST reads answer from them, and the two share no code; so the number stands here. It
grows whenever the same events would make other rows.
"""

SNAPSHOTS_VERSION = 3
