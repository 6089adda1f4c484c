-- Where the messages of a report lie. The messages themselves: sql/events/reader.sql.

-- name: download
-- The session that a report was recorded in and its last version, when its refresh began and ended, when its last figure came; and how many
-- of the account's reports before it say the same of themselves, which come of downloads that were gone on with. (These are of
-- the same session, and of about the same time.)
SELECT
    session.originator_id,
    last_event.originator_version AS versions,
    refresh.started,
    refresh.ended,
    snapshot.completed,
    gateway.name AS gateway,
    snapshot.source,
    (
        SELECT count(*)
        FROM account_snapshot AS other
        JOIN refresh AS other_refresh ON other_refresh.id = other.refresh_id
        WHERE other.account_id = snapshot.account_id
          AND other.created BETWEEN snapshot.created - interval '1 day' AND snapshot.created + interval '1 day'
          AND other.id < snapshot.id
          AND other.completed = snapshot.completed
          AND other_refresh.session_id = refresh.session_id
    ) AS before
FROM account
JOIN account_snapshot AS snapshot
    ON snapshot.account_id = account.id AND snapshot.created = %(created)s::timestamptz
JOIN gateway ON gateway.id = snapshot.gateway_id
JOIN refresh ON refresh.id = snapshot.refresh_id
JOIN session ON session.id = refresh.session_id
CROSS JOIN LATERAL (
    SELECT originator_version
    FROM public.stored_events
    WHERE stored_events.originator_id = session.originator_id
    ORDER BY stored_events.originator_version DESC
    LIMIT 1
) AS last_event
WHERE account.code = %(account)s;
