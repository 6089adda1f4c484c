#!/bin/sh
# Install ibconnect with its locked dependencies into a new virtual environment at $1, from the tree around this
# script. Called by the Dockerfile; good for a plain server too: sudo deploy/install.sh /opt/ibconnect
set -eu

target=$1
source=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 "$source/tools/bootstrap.py" "$work/build"
uv() { UV_SYSTEM_CERTS=true UV_LINK_MODE=copy "$work/build/bin/uv" --quiet "$@"; }

uv venv --python python3 "$target"
uv pip sync --python "$target/bin/python" --require-hashes --compile-bytecode "$source/requirements.lock"
uv build --wheel --no-build-isolation --python "$work/build/bin/python" --out-dir "$work" "$source"
uv pip install --python "$target/bin/python" --no-deps --compile-bytecode "$work"/*.whl
"$target/bin/ibconnect" --help >/dev/null
