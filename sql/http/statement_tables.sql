-- What Flex statements say, as rows, newest first: of one table of theirs, whose name and columns are filled in (as identifiers, of
-- ibconnect/http/resources/statement_tables/kinds.py). Only what no newer statement says otherwise.

-- name: of_account
-- A page of what is said of one account.
SELECT {cells}
FROM {table} AS item
WHERE item.account = %(account)s AND {span} AND {wanted}
ORDER BY item.day DESC, item.statement DESC, {line} DESC
LIMIT %(rows)s

-- name: of_all
-- The same of all accounts.
SELECT {cells}
FROM {table} AS item
WHERE {span} AND {wanted}
ORDER BY item.day DESC, item.statement DESC, {line} DESC
LIMIT %(rows)s

-- name: of_each_account
-- The same of some: the newest of each, and of them the newest.
SELECT {cells}
FROM (
    SELECT item.*
    FROM unnest(%(codes)s::text[]) AS account (code)
    CROSS JOIN LATERAL (
        SELECT item.*
        FROM {table} AS item
        WHERE item.account = account.code AND {span} AND {wanted}
        ORDER BY item.day DESC, item.statement DESC, {line} DESC
        LIMIT %(rows)s
    ) AS item
) AS item
ORDER BY item.day DESC, item.statement DESC, {line} DESC
LIMIT %(rows)s

-- name: chosen_of_all
-- The rows of all accounts that are chosen, by an index of its own: the newest of each choice, and of them the newest.
SELECT {cells}
FROM (
    SELECT item.*
    FROM unnest(%(chosen)s::text[]) AS choice (text)
    CROSS JOIN LATERAL (
        SELECT item.*
        FROM {table} AS item
        WHERE lower(item.{column}) = choice.text AND item.line <> -1 AND {span}
        ORDER BY item.day DESC, item.statement DESC, {line} DESC
        LIMIT %(rows)s
    ) AS item
) AS item
ORDER BY item.day DESC, item.statement DESC, {line} DESC
LIMIT %(rows)s

-- name: span
-- In a span of days, behind the place at which the page before ends.
item.current
AND item.day >= %(from)s::date
AND item.day <= %(to)s::date
AND (item.day, item.statement, {line}) < (%(day)s::date, %(statement)s::bigint, %(line)s::integer)

-- name: any
TRUE

-- name: chosen
-- In whatever letters it is written.
lower(item.{column}) = ANY(%(chosen)s::text[])

-- name: cell
item.{column}

-- name: as_text
-- With all digits.
item.{column}::text

-- name: place
item.day,
item.statement,
{line}

-- name: line
item.line

-- name: line_of_flow
-- A transfer may be of assets and of cash.
(2 * item.line + coalesce(item.is_asset, FALSE)::integer)
