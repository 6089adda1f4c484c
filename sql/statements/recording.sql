-- How Flex statements are recorded: their events and a row of each in one transaction, whose turn it is to append.

-- name: known
-- What is known of documents with these digests.
SELECT
    digest,
    stream,
    position,
    size,
    statements,
    accounts,
    from_day,
    to_day,
    elements
FROM coordination.statement
WHERE digest = ANY(%(digests)s)

-- name: add
-- One more document, after its events and in their transaction.
INSERT INTO coordination.statement (
    digest,
    stream,
    position,
    size,
    parts,
    received,
    source,
    name,
    given_by,
    statements,
    accounts,
    from_day,
    to_day,
    elements
)
VALUES (
    %(digest)s,
    %(stream)s,
    %(position)s,
    %(size)s,
    %(parts)s,
    %(received)s,
    %(source)s,
    nullif(%(name)s, ''),
    nullif(%(by)s, ''),
    %(statements)s,
    %(accounts)s,
    %(from_day)s,
    %(to_day)s,
    %(elements)s
)
