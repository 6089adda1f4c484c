-- Flex statements that are recorded, as documents.

-- name: list
-- All documents, in the order in which they were recorded; of one account, or of all.
SELECT
    stream,
    digest,
    position,
    size,
    received,
    source,
    name,
    given_by,
    statements,
    accounts,
    from_day,
    to_day,
    elements
FROM coordination.statement
WHERE position > %(after)s
  AND (%(account)s::text IS NULL OR accounts @> ARRAY[%(account)s::text])
ORDER BY position
LIMIT %(limit)s

-- name: named
-- The documents whose stream or digest begins so (both as hexadecimal digits).
SELECT
    stream,
    digest,
    parts
FROM coordination.statement
WHERE starts_with(replace(stream::text, '-', ''), %(begins)s)
   OR starts_with(encode(digest, 'hex'), %(begins)s)
ORDER BY position
LIMIT 2

-- name: part
-- One part of a document.
SELECT state
FROM public.stored_events
WHERE originator_id = %(stream)s AND originator_version = %(version)s AND topic = 'sp'
