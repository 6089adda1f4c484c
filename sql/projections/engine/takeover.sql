-- The tables of a report in a database of an earlier version, which lie in a schema of another name.

-- name: is_left_behind
-- Whether what lies there is what was left when the tables were taken over.
SELECT EXISTS (
    SELECT
    FROM {}
    WHERE name = %(name)s
)

-- name: name
UPDATE {}
SET name = %(name)s

-- name: leave_behind
-- For instances of the earlier version that still run: tables of a version that is not theirs, and nothing in them.
INSERT INTO projection (name, version, position, open)
VALUES (%(name)s, %(version)s, 0, '{}')
