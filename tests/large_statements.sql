-- Many documents of many accounts, and their statements: as ten years of a thousand accounts leave them, but for their number.
INSERT INTO coordination.statement (
    digest, stream, position, size, parts, received, source, name, statements, accounts, from_day, to_day, elements
)
SELECT
    sha256(number::text::bytea),
    coordination.lowest_id('2020-01-01'::timestamptz + number * interval '10 minutes'),
    1000000000 + number * 3,
    5000,
    1,
    '2020-01-01'::timestamptz + number * interval '10 minutes',
    'file',
    number || '.xml',
    1,
    ARRAY['DU' || number %% 1000],
    '2015-01-01'::date + (number / 1000)::integer,
    '2015-01-01'::date + (number / 1000)::integer,
    30
FROM generate_series(1, %(statements)s) AS number;

INSERT INTO statements.statement (
    id, position, received, generated, stream, size, number, elements, unread, oddities, from_day, to_day, account
)
SELECT
    1000000000 + row_number() OVER (ORDER BY position),
    position,
    received,
    received,
    stream,
    size,
    0,
    elements,
    0,
    0,
    from_day,
    to_day,
    accounts[1]
FROM coordination.statement
WHERE position > 1000000000;

-- More events of this month than a request looks through at a time.
INSERT INTO public.stored_events (originator_version, originator_id, topic, state)
SELECT
    n,
    coordination.lowest_id(date_trunc('month', now()) + interval '1 hour'),
    'v',
    convert_to(CASE n %% 20 WHEN 1 THEN '[' || (extract(EPOCH FROM now()) * 1000000)::bigint || ',"a"]' ELSE '["a"]' END, 'UTF8')
FROM generate_series(1, 200000) AS n;
