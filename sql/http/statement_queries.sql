-- What is fetched from IBKR's Flex Web Service.

-- name: list_queries
-- The queries that some instance has fetched, or tried to, within the last day, by name: how far each has got.
SELECT
    flex_query.query,
    flex_query.name,
    flex_query.tried,
    flex_query.got,
    flex_query.up_to,
    flex_query.failures,
    flex_query.failing_since,
    flex_query.code,
    flex_query.error,
    flex_query.due
FROM coordination.flex_query
WHERE flex_query.seen > clock_timestamp() - INTERVAL '1 day'
ORDER BY flex_query.name, flex_query.query
