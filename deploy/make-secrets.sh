#!/bin/sh
# Make the secret files that compose.yaml reads. What exists already is kept.
#
#   deploy/make-secrets.sh [--ib-password FILE] [DIRECTORY]     DIRECTORY: secrets/ beside compose.yaml, which git ignores
#
# The password of the IB user is asked for, as long as there is none, if there is a terminal; or it is read from FILE, also
# in the place of another one ("-": standard input). It is no argument: a shell remembers those, and ps shows them.
set -eu
umask 077

root=$(cd "$(dirname "$0")/.." && pwd)
directory=$root/secrets
from=
while [ $# -gt 0 ]; do
    case $1 in
        --ib-password)
            [ $# -ge 2 ] || { echo "make-secrets.sh: --ib-password needs a file, or - for standard input" >&2; exit 2; }
            from=$2
            shift
            ;;
        -*) echo "make-secrets.sh: unknown option $1" >&2; exit 2 ;;
        *) directory=$1 ;;
    esac
    shift
done
mkdir -p "$directory"
chmod 0700 "$directory"

random() { head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n'; }
hash_of() { sha256sum "$directory/$1" | cut -d ' ' -f 1; }

# Containers read their secrets as users that are not ours; the directory keeps everybody else of this machine out.
write() {
    if [ ! -e "$directory/$1" ]; then
        printf '%s' "$2" >"$directory/$1"
        chmod 0444 "$directory/$1"
    fi
}

# Postgres' superuser, who sets it up, and two roles: one that brings the schema up to date, one that records and answers.
write postgres_password "$(random)"
for role in owner recorder; do
    write "${role}_password" "$(random)"
    write "${role}_db_url" "postgresql://ibconnect_$role:$(cat "$directory/${role}_password")@postgres:5432/ibconnect"
done
write api_token "$(random)"
write prometheus_token "$(random)"
# What the service gets are hashes: of a token with all rights, and of Prometheus', which may see the metrics and no
# account at all.
write api_tokens "sha256:$(hash_of api_token)@*
sha256:$(hash_of prometheus_token)@metrics
"
write grafana_password "$(random)"
write ib_password ""
# Of IBKR's Flex Web Service: empty, as long as no statements are fetched.
write flex_token ""

# In a file of its own that then takes the other's place: that one may be read-only.
put_ib_password() {
    printf '%s' "$1" >"$directory/ib_password.new"
    chmod 0444 "$directory/ib_password.new"
    mv -f "$directory/ib_password.new" "$directory/ib_password"
}

if [ -n "$from" ]; then
    [ "$from" != - ] || from=/dev/stdin
    given=$(cat "$from")
    put_ib_password "$given"
elif [ ! -s "$directory/ib_password" ] && [ -t 0 ]; then
    printf 'Password of the IB user (not shown; nothing: later): '
    trap 'stty echo; echo' EXIT
    trap 'exit 130' INT TERM
    stty -echo
    IFS= read -r typed
    stty echo
    trap - EXIT INT TERM
    echo
    put_ib_password "$typed"
fi

echo "In $directory:"
echo "  api_token         the bearer token of the REST API: curl -H \"Authorization: Bearer \$(cat $directory/api_token)\" …"
echo "  grafana_password  the password of Grafana's user admin"
if [ ! -s "$directory/ib_password" ]; then
    echo "  ib_password       is empty: run this again in a terminal, or with --ib-password FILE"
fi

# What exists is kept. An earlier version had one role, the superuser, for everything.
if [ -e "$directory/db_url" ]; then
    echo "  db_url            is of an earlier version, whose database has no roles yet. Make them, once:"
    echo "                    docker compose up --detach postgres"
    echo "                    docker compose exec -T postgres sh /docker-entrypoint-initdb.d/roles.sh"
    echo "                    docker compose up --detach"
    echo "                    Then remove what nothing uses any more:"
    echo "                    rm -f $directory/db_url"
fi
# An earlier version gave Prometheus a token that may not see the metrics.
entry=sha256:$(hash_of prometheus_token)
if grep -q "^$entry@none" "$directory/api_tokens"; then
    echo "  api_tokens        does not let Prometheus read the metrics. Change that, then restart ibconnect:"
    echo "                    sed -i s/^$entry@none/$entry@metrics/ $directory/api_tokens"
fi
# An earlier version did not mark full rights, which the next release asks for.
entry=sha256:$(hash_of api_token)
if grep -q "^$entry\$" "$directory/api_tokens"; then
    echo "  api_tokens        does not mark the full rights of api_token. Change that:"
    echo "                    sed -i 's/^$entry\$/$entry@*/' $directory/api_tokens"
fi
