#!/bin/sh
# Make the secret files that compose.yaml reads, in the directory $1 (default: secrets/ beside compose.yaml, which
# git ignores). What exists already is kept. The password of the IB user is yours to fill in.
set -eu
umask 077

root=$(cd "$(dirname "$0")/.." && pwd)
directory=${1:-$root/secrets}
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

write postgres_password "$(random)"
write db_url "postgresql://ibconnect:$(cat "$directory/postgres_password")@postgres:5432/ibconnect"
write api_token "$(random)"
write prometheus_token "$(random)"
# What the service gets are hashes; Prometheus' token may see the metrics, and no account at all.
write api_tokens "sha256:$(hash_of api_token)
sha256:$(hash_of prometheus_token)@metrics
"
write grafana_password "$(random)"
write ib_password ""

echo "In $directory:"
echo "  api_token         the bearer token of the REST API: curl -H \"Authorization: Bearer \$(cat $directory/api_token)\" …"
echo "  grafana_password  the password of Grafana's user admin"
if [ ! -s "$directory/ib_password" ]; then
    echo "  ib_password       is empty: put the password of the IB user into it"
fi

# What exists is kept. An earlier version gave Prometheus a token that may not see the metrics.
entry=sha256:$(hash_of prometheus_token)
if grep -q "^$entry@none" "$directory/api_tokens"; then
    echo "  api_tokens        does not let Prometheus read the metrics. Change that, then restart ibconnect:"
    echo "                    sed -i s/^$entry@none/$entry@metrics/ $directory/api_tokens"
fi
