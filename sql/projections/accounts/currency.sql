-- Currencies that are known from the start (ibconnect/projections/accounts/currencies.py), numbered in their order.

-- name: fill
INSERT INTO currency (id, code, iso_4217_code, name)
SELECT
    ordinality,
    code,
    iso_4217_code,
    name
FROM unnest(%(codes)s::text[], %(numbers)s::smallint[], %(names)s::text[])
    WITH ORDINALITY AS known (code, iso_4217_code, name, ordinality);
