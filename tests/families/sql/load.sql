-- How an answer becomes rows.

-- name: forget
DELETE FROM family WHERE account = %(account)s

-- name: add
INSERT INTO family (account, family_code, position, told)
VALUES (%(account)s, %(family_code)s, %(position)s, %(told)s)
