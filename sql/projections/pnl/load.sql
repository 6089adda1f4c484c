-- How samples become rows.

-- name: add
COPY sample (account, contract, at, position, gateway, daily, unrealized, realized, size, value, as_sent) FROM STDIN
