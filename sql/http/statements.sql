-- Flex statements: which are recorded, and the documents that hold them.

-- name: list
-- FlexStatements from a place on, those imported last first: of all accounts or of some, of which some day is asked for. One whose
-- days are not known could be of any day.
SELECT
    statement.stream::text,
    statement.number,
    nullif(statement.account, ''),
    statement.from_day,
    statement.to_day,
    statement.generated,
    statement.query,
    statement.kind,
    statement.period,
    statement.base_currency,
    statement.elements,
    statement.unread,
    statement.oddities,
    statement.size,
    statement.received,
    statement.source,
    statement.name,
    statement.sha256,
    statement.id
FROM {whose}
WHERE statement.id < %(below)s::bigint
  AND (%(from)s::date IS NULL OR statement.to_day IS NULL OR statement.to_day >= %(from)s::date)
  AND (%(to)s::date IS NULL OR statement.from_day IS NULL OR statement.from_day <= %(to)s::date)
ORDER BY statement.id DESC
LIMIT %(rows)s::bigint

-- name: of_all
statements.statement

-- name: of_accounts
-- Of each account by its own index as many as are asked for: in the order of all of them those of one may lie far apart.
(SELECT DISTINCT unnest(%(codes)s::text[])) AS wanted (account)
CROSS JOIN LATERAL (
    SELECT *
    FROM statements.statement AS own
    WHERE own.account = wanted.account
      AND own.id < %(below)s::bigint
      AND (%(from)s::date IS NULL OR own.to_day IS NULL OR own.to_day >= %(from)s::date)
      AND (%(to)s::date IS NULL OR own.from_day IS NULL OR own.from_day <= %(to)s::date)
    ORDER BY own.id DESC
    LIMIT %(rows)s::bigint
) AS statement

-- name: document
-- One document, by its id or its digest, if all that it holds statements of are among these accounts (null: all that there are).
SELECT
    stream::text,
    encode(digest, 'hex'),
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
FROM coordination.statement
WHERE (stream = %(stream)s::uuid OR digest = %(digest)s::bytea)
  AND (%(codes)s::text[] IS NULL OR (accounts <@ %(codes)s::text[] AND accounts <> '{}'))

-- name: part
-- The state of the event that holds a part of a document.
SELECT state
FROM public.stored_events
WHERE originator_id = %(stream)s::uuid AND originator_version = %(version)s::bigint AND topic = 'sp'
