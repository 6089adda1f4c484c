-- The partitions of the events, a month each: sql/migrations/0012_events_by_month.sql.

-- name: missing
-- The months that should have one and have none.
SELECT month
FROM coordination.missing_months() AS month
ORDER BY month

-- name: make
-- Make that of a month, moving as many events at most.
SELECT coordination.make_month(%(month)s::date, %(most)s::bigint)
