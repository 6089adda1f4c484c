#!/bin/sh
# The roles of compose.yaml's database, their passwords, and what is to be theirs. It runs inside the container of
# Postgres: by itself when a new volume is set up, and for a volume of an earlier version, where one role owned everything, by
#     docker compose exec -T postgres sh /docker-entrypoint-initdb.d/roles.sh
# It may run any number of times, and gives the roles the passwords that are in secrets/ now.
#
# IBCONNECT_SQL, IBCONNECT_SECRETS: where the files of deploy/postgres and the secrets are, if elsewhere.
(
    set -eu
    : "${IBCONNECT_SQL:=/etc/ibconnect/postgres}" "${IBCONNECT_SECRETS:=/run/secrets}"
    export IBCONNECT_SQL IBCONNECT_SECRETS
    for name in owner_password recorder_password; do
        if [ ! -s "$IBCONNECT_SECRETS/$name" ]; then
            echo "roles.sh: $IBCONNECT_SECRETS/$name is missing or empty: run deploy/make-secrets.sh," >&2
            echo "          then docker compose up --detach postgres, and this again" >&2
            exit 1
        fi
    done
    # A container that has just been started answers in a moment.
    deadline=$(($(date +%s) + 60))
    until pg_isready --quiet || [ "$(date +%s)" -gt "$deadline" ]; do sleep 0.2; done
    # Passwords are read by psql from the files: arguments would be shown by ps, and an error would put the statement
    # into the server's log, were it not kept from that.
    psql --no-psqlrc --quiet --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" <<'SQL'
\set ON_ERROR_STOP on
\set roles `echo "$IBCONNECT_SQL/roles.sql"`
\set hand_over `echo "$IBCONNECT_SQL/hand_over.sql"`
\set owner `cat "$IBCONNECT_SECRETS/owner_password"`
\set recorder `cat "$IBCONNECT_SECRETS/recorder_password"`
\i :roles
\i :hand_over
BEGIN;
SET LOCAL search_path = pg_catalog;
SET LOCAL log_statement = 'none';
SET LOCAL log_min_duration_statement = -1;
SET LOCAL log_min_error_statement = 'panic';
SET LOCAL password_encryption = 'scram-sha-256';
ALTER ROLE ibconnect_owner PASSWORD :'owner';
ALTER ROLE ibconnect_recorder PASSWORD :'recorder';
COMMIT;
SQL
    echo "roles.sh: the roles are there, and own what is to be theirs; next: ibconnect migrate, as compose.yaml does"
)
