-- The public views. What is said before the SELECT becomes a view's comment; what follows an empty comment line, those of its columns.

-- name: v_statement
-- Flex statements that were imported, a row for each FlexStatement of a document: one account and one period.
--
-- statement_id: Its number, in the order of import; statement_id of the other views.
-- account_code: The account's code.
-- from_day: The first day of its period.
-- to_day: The last one.
-- generated: When IBKR made it.
-- received: When it was imported.
-- query: The name of the saved query.
-- base_currency: The account's base currency, if the statement says it.
-- elements: How many elements it has.
-- unread: How many of these no row of a table was made of; they are in the document.
-- oddities: How many values could not be understood (v_statement_oddity).
-- source: How it came: file, http or flex.
-- name: Of the file, or the id of the query that was fetched.
-- sha256: Of the document.
-- event_position: The place in v_event of the event that ended the document.
SELECT
    statement.id AS statement_id,
    statement.account AS account_code,
    statement.from_day,
    statement.to_day,
    statement.generated,
    statement.received,
    statement.query,
    statement.base_currency,
    statement.elements,
    statement.unread,
    statement.oddities,
    statement.source,
    statement.name,
    statement.sha256,
    statement.position AS event_position
FROM statement
