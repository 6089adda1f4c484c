#!/bin/sh
# The latest report of the first account, refreshed first, as JSON on standard output. The headers of the answers go to
# standard error: Refresh-Incomplete among them says that a gateway could not be asked, and why.
# Usage: [TOKEN=...] examples/report.sh [URL]
set -eu
url=${1:-http://localhost:3000}

get() {
    curl --silent --show-error --fail --location --compressed \
        ${TOKEN:+--header "Authorization: Bearer $TOKEN"} "$@"
}

account=$(get "$url/v1/accounts" | sed 's/^\[{"AccountCode":"\([^"]*\)".*/\1/')
get --header 'Cache-Control: max-age=0' --dump-header /dev/stderr "$url/v1/accounts/$account"
