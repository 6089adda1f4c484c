"""A second reader of what is recorded: from the raw events to every figure that is shown, by no code of the program's.

The rules of docs/projections.md, docs/http-api.md and docs/mechanisms.md written down once more. ``events`` reads the
table, ``downloads`` understands messages, ``snapshots`` makes snapshots of them, ``owners`` knows whose an account is.
``answers``, ``series`` and ``views`` say what REST and SQL have to show; ``asking`` and ``comparing`` ask and compare.
``histories`` makes histories by chance.
"""
