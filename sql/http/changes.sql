-- Which reports the changes between two moments are made of. The reports themselves: sql/http/report.sql.

-- name: reports
-- Of some accounts, by code, the reports that were complete at each of two moments (both by `complete_by` of
-- sql/http/positions.sql); null where there was none yet.
SELECT
    account.code,
    first.created AS first,
    first.ready AS is_first_ready,
    last.created AS last,
    last.ready AS is_last_ready
FROM account
LEFT JOIN gateway AS named ON named.name = %(gateway)s::text
LEFT JOIN LATERAL ({first}) AS first ON TRUE
LEFT JOIN LATERAL ({last}) AS last ON TRUE
WHERE
    (%(codes)s::text[] IS NULL OR account.code = ANY(%(codes)s::text[]))
    AND account.code COLLATE "C" >= %(begin)s
ORDER BY account.code COLLATE "C"
LIMIT %(rows)s
