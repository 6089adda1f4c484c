#!/bin/sh
# As the published image does: the gateway's own port, 4002, on loopback; 4004 leads to it from outside.
set -eu
[ -n "$TWS_USERID" ] && [ -s "$TWS_PASSWORD_FILE" ] || { echo "no user or no password" >&2; exit 1; }
socat TCP-LISTEN:4004,fork,reuseaddr TCP:127.0.0.1:4002 &
exec ibconnect simulate --demo --port 4002
