-- How statements become rows. Each looks for what it changes by an index that is there while tables are built, and
-- for few things at a time: the planner knows nothing yet of tables that are being filled.

-- name: last_statement
-- The number of the newest statement, 0 if there is none.
SELECT coalesce(max(id), 0)
FROM statement

-- name: firsts
-- The first two events of documents: what each is, and its first part.
SELECT
    originator_id,
    topic,
    state
FROM public.stored_events
WHERE originator_id = ANY (%(streams)s)
  AND originator_version <= 2

-- name: part
-- A later part of a document.
SELECT state
FROM public.stored_events
WHERE originator_id = %(stream)s
  AND originator_version = %(version)s
  AND topic = 'sp'

-- name: take_time
-- No limit to what this transaction may take: a projector whose transaction is ended for it would begin with the same
-- document again, for ever. Who is cut off is still noticed, by the time for which he sends nothing. (Postgres knows this
-- limit since version 17; within a transaction it can only be taken away.)
SELECT set_config(name, '0', TRUE)
FROM pg_settings
WHERE name = 'transaction_timeout'

-- name: copy
COPY {} ({}) FROM STDIN

-- name: covered
-- What is known of the days of some accounts.
SELECT
    wanted.account,
    covered.from_day,
    covered.to_day,
    covered.sections,
    covered.mentioned,
    covered.statement,
    covered.generated
FROM unnest(%(accounts)s::text[], %(begins)s::date[], %(ends)s::date[]) AS wanted (account, begin_day, end_day)
CROSS JOIN LATERAL (
    SELECT *
    FROM covered
    WHERE covered.account = wanted.account
      AND covered.from_day BETWEEN wanted.begin_day AND wanted.end_day
    OFFSET 0
) AS covered

-- name: uncover
-- A range that has got smaller, or is gone.
DELETE FROM covered
WHERE account = %(account)s
  AND from_day = %(from_day)s
  AND to_day = %(to_day)s
  AND sections = %(sections)s
  AND statement = %(statement)s
  AND mentioned = %(mentioned)s

-- name: replaced
-- Rows of a statement on days for which another one holds.
UPDATE {}
SET current = FALSE
WHERE statement = %(statement)s
  AND account = %(account)s
  AND origin = %(origin)s
  AND day BETWEEN %(from_day)s AND %(to_day)s
  AND current

-- name: lesser_levels
-- Rows of a statement that say once more what those of a better level of detail say.
UPDATE {}
SET current = FALSE
WHERE statement = %(statement)s
  AND account = %(account)s
  AND origin = %(origin)s
  AND upper(coalesce(level, '')) <> %(level)s
  AND current

-- name: same_period
-- The current changes of value of accounts over some periods.
SELECT
    known.account,
    known.from_day,
    known.to_day,
    known.statement
FROM unnest(%(accounts)s::text[], %(begins)s::date[], %(ends)s::date[]) AS wanted (account, begin_day, end_day)
CROSS JOIN LATERAL (
    SELECT
        nav_change.account,
        nav_change.from_day,
        nav_change.to_day,
        nav_change.statement
    FROM nav_change
    WHERE nav_change.account = wanted.account
      AND nav_change.to_day = wanted.end_day
      AND nav_change.from_day = wanted.begin_day
      AND nav_change.current
    OFFSET 0
) AS known

-- name: generated
-- When some statements were generated.
SELECT
    id,
    generated
FROM statement
WHERE id = ANY (%(statements)s)

-- name: older_change
UPDATE nav_change
SET current = FALSE
WHERE statement = %(statement)s
  AND account = %(account)s
  AND from_day = %(from_day)s
  AND to_day = %(to_day)s
