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
-- Documents, after their events and in their transaction: one statement for all, since each would wait for the network.
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
SELECT
    decode(digest, 'hex'),
    stream,
    position,
    size,
    parts,
    received,
    source,
    nullif(name, ''),
    nullif(given_by, ''),
    statements,
    ARRAY(SELECT jsonb_array_elements_text(accounts)),
    from_day,
    to_day,
    elements
FROM jsonb_to_recordset(%(documents)s::jsonb) AS document (
    digest text,
    stream uuid,
    position bigint,
    size bigint,
    parts integer,
    received timestamptz,
    source text,
    name text,
    given_by text,
    statements integer,
    accounts jsonb,
    from_day date,
    to_day date,
    elements bigint
)
