-- What each role may do with the tables that "ibconnect migrate" makes. That gives these rights itself; this is for
-- whoever wants to give them again by hand, as ibconnect_owner, any number of times:
--     psql --dbname 'postgresql://ibconnect_owner@host/ibconnect' --file deploy/postgres/grants.sql
-- It stops at the first error, and does all or nothing. The text is that of sql/database/grants.sql in this tree.
\set ON_ERROR_STOP on
BEGIN;
\ir ../../sql/database/grants.sql
COMMIT;
