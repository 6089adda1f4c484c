#!/bin/sh
# As the published image does: the first start makes the cluster, its superuser and database; then the server runs.
set -eu
umask 077
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    initdb --pgdata="$PGDATA" --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" --auth-local=trust \
        --auth-host=scram-sha-256 >/dev/null
    echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
    pg_ctl --pgdata="$PGDATA" --wait --silent --options="-c listen_addresses=" start
    createdb --username="$POSTGRES_USER" "$POSTGRES_DB"
    for file in /docker-entrypoint-initdb.d/*.sh; do
        if [ -x "$file" ]; then "$file"; elif [ -e "$file" ]; then . "$file"; fi
    done
    pg_ctl --pgdata="$PGDATA" --wait --silent --mode=fast stop
fi
exec postgres -c "listen_addresses=*"
