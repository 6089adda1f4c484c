#!/bin/sh
# Install this tree's ibconnect, with its locked dependencies, or upgrade to it. See README.md, "A plain server".
#
#   deploy/install.sh [--service] [DIRECTORY]     DIRECTORY: /opt/ibconnect if none is given
#
# Every version has a virtual environment of its own in DIRECTORY/versions. DIRECTORY/bin/ibconnect leads to the newest
# one, and is switched in one step when that is complete: what runs goes on with its own files until it is restarted. The
# version before stays until the next upgrade.
#
# --service   also the systemd unit ibconnect.service, the system user ibconnect and /etc/ibconnect/ibconnect.env;
#             nothing is enabled or started
# PYTHON=…    the Python to use; else the first of the system's own that is new enough and that every user can run
# DESTDIR=…   a directory to which the files of --service go instead of /
set -eu

say() { echo "install.sh: $*"; }
fail() { echo "install.sh: $*" >&2; exit 1; }

service=
target=/opt/ibconnect
for argument in "$@"; do
    case $argument in
        --service) service=yes ;;
        -h | --help) sed -n '2,15s/^# \{0,1\}//p' "$0"; exit 0 ;;
        -*) fail "unknown option $argument; see deploy/install.sh --help" ;;
        *) target=$argument ;;
    esac
done
case $target in /*) ;; *) target=$PWD/$target ;; esac
source=$(cd "$(dirname "$0")/.." && pwd)
[ -z "$service" ] || [ "$(id -u)" = 0 ] || fail "--service needs root: sudo deploy/install.sh --service"

# ── the Python ───────────────────────────────────────────────────────────────────────────────────────────────────────

# Says nothing if this Python will do, else why not. Root installs for others, who cannot enter root's own directories.
objection() {
    answer=$("$1" - 2>/dev/null <<'PYTHON' || true
import os, stat, sys, sysconfig

def closed(path):
    """The first directory or file on the way to a path that not every user can pass or read."""
    path = os.path.realpath(path)
    ways = [path]
    while path != os.path.dirname(path):
        path = os.path.dirname(path)
        ways.append(path)
    for way in reversed(ways):
        mode = os.stat(way).st_mode
        if not mode & 0o001 and (stat.S_ISDIR(mode) or way == ways[0]):
            return way

if sys.version_info < (3, 11):
    print("is Python %s" % sys.version.split()[0])
elif os.geteuid() == 0 and "IBCONNECT_ANY_PYTHON" not in os.environ:
    base = os.path.join(sys.base_prefix, "bin", "python%d.%d" % sys.version_info[:2])
    for path in (base if os.path.exists(base) else sys.executable, sysconfig.get_path("stdlib")):
        if closed(path):
            print("cannot be run by every user (%s is closed to others)" % closed(path))
            break
print("asked")
PYTHON
    )
    case $answer in
        asked) ;;
        *asked) echo "$answer" | head -n 1 ;;
        *) echo "is no Python 3" ;;
    esac
}

choose_python() {
    if [ -n "${PYTHON:-}" ]; then
        command -v "$PYTHON" >/dev/null || fail "PYTHON=$PYTHON: there is no such program"
        why=$(IBCONNECT_ANY_PYTHON=1 objection "$PYTHON")
        [ -z "$why" ] || fail "PYTHON=$PYTHON $why; Python 3.11 or later is needed"
        why=$(objection "$PYTHON")
        [ -z "$why" ] || say "WARNING: PYTHON=$PYTHON $why: ibconnect will run for those alone who can"
        python=$(command -v "$PYTHON")
        return
    fi
    refused=
    candidates="python3 python3.14 python3.13 python3.12 python3.11"
    for name in $candidates; do
        for place in /usr/bin /usr/local/bin; do
            tried=$place/$name
            [ -x "$tried" ] || continue
            why=$(objection "$tried")
            if [ -z "$why" ]; then python=$tried; return; fi
            refused="$refused
  $tried $why"
        done
    done
    # Somebody who installs for himself may have a Python of his own.
    if [ "$(id -u)" != 0 ] && tried=$(command -v python3) && [ -z "$(objection "$tried")" ]; then
        python=$tried
        return
    fi
    fail "Python 3.11 or later is needed, one that every user can run, with its module venv:
  Debian 12, Ubuntu 24.04 or later: apt-get install python3 python3-venv; or name one with PYTHON=…$refused"
}

choose_python

# ── the version ──────────────────────────────────────────────────────────────────────────────────────────────────────

umask 022
mkdir -p "$target/versions" "$target/bin"
exec 9>"$target/.install.lock"
flock -n 9 || fail "another install.sh is at work in $target"

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$source/pyproject.toml" | head -n 1)
name=$version-$(date -u +%Y%m%dT%H%M%SZ)-$$
new=$target/versions/$name
work=$(mktemp -d)
trap 'rm -rf "$work"; [ -e "$new/.complete" ] || rm -rf "$new"' EXIT
trap 'exit 1' HUP INT TERM

say "ibconnect $version for $python ($("$python" -c 'import platform; print("Python", platform.python_version())'))"
"$python" "$source/tools/bootstrap.py" "$work/build"
uv() { UV_SYSTEM_CERTS=true UV_LINK_MODE=copy "$work/build/bin/uv" --quiet "$@"; }
uv venv --python "$python" "$new"
uv pip sync --python "$new/bin/python" --require-hashes --compile-bytecode "$source/requirements.lock"
# uv would keep to itself why the page could not be built.
(cd "$source" && "$work/build/bin/python" -m hatchling build --target wheel --directory "$work" >/dev/null)
uv pip install --python "$new/bin/python" --no-deps --compile-bytecode "$work"/*.whl
# It must run before anything is switched to it.
"$new/bin/ibconnect" --help >/dev/null
touch "$new/.complete"

# ── the switch ───────────────────────────────────────────────────────────────────────────────────────────────────────

# A link that is renamed into its place: at no moment is there none, or half of one.
lead() {
    ln -s "$1" "$2.new.$$"
    mv -fT "$2.new.$$" "$2"
}

before=$(readlink "$target/current" || true)
lead "versions/$name" "$target/current"
lead ../current/bin/ibconnect "$target/bin/ibconnect"
say "$target/bin/ibconnect is version $version now"

# Whether a process has begun in this directory and is still there.
is_used() {
    for process in /proc/[0-9]*; do
        if { tr '\0' '\n' <"$process/cmdline"; } 2>/dev/null | grep -qF "$1/"; then return 0; fi
        case $(readlink "$process/exe" 2>/dev/null) in "$1"/*) return 0 ;; esac
    done
    return 1
}

# Whether a process runs by this program.
is_used_as() {
    for process in /proc/[0-9]*; do
        if { tr '\0' '\n' <"$process/cmdline"; } 2>/dev/null | head -n 1 | grep -qFx "$1"; then return 0; fi
    done
    return 1
}

for old in "$target"/versions/*; do
    case $old in "$new" | "$target/$before") continue ;; esac
    if is_used "$old"; then
        say "$old stays: a process runs from it"
    else
        rm -rf "$old"
        say "$old is removed"
    fi
done
# Up to version 0.1 the directory itself was the one virtual environment. It stays once more, as any version before does.
if [ -e "$target/pyvenv.cfg" ]; then
    if [ -z "$before" ] || is_used "$target/lib" || is_used_as "$target/bin/python"; then
        say "$target/lib, of an installation of before, stays until the next upgrade"
    else
        find "$target/bin" -mindepth 1 ! -name ibconnect -exec rm -rf {} +
        rm -rf "$target/lib" "$target/lib64" "$target/include" "$target/share" "$target/pyvenv.cfg"
        say "$target/lib, of an installation of before, is removed"
    fi
fi
if [ -n "$before" ]; then
    say "the version before is kept: to go back, ln -sfnT $before $target/current, and restart"
fi

# ── the service ──────────────────────────────────────────────────────────────────────────────────────────────────────

root=${DESTDIR:-}
unit=$root/etc/systemd/system/ibconnect.service
if [ -n "$service" ]; then
    if ! getent passwd ibconnect >/dev/null; then
        group=--user-group
        ! getent group ibconnect >/dev/null || group=--gid=ibconnect
        useradd --system "$group" --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin ibconnect
        say "the system user ibconnect is made"
    fi
    mkdir -p "$root/etc/ibconnect" "$root/etc/systemd/system"
    settings=$root/etc/ibconnect/ibconnect.env
    install -m 0644 "$source/deploy/systemd/ibconnect.env" "$settings.example"
    if [ ! -e "$settings" ]; then
        # Passwords and tokens may stand there.
        install -m 0640 -g ibconnect "$source/deploy/systemd/ibconnect.env" "$settings"
        say "the settings are in $settings, all as by default"
    fi
    # In a unit a path has its %, " and \ escaped; in what sed puts in, &, | and \ are again.
    quoted=$(printf %s "$target" | sed 's/%/%%/g; s/["\\]/\\&/g; s/[&|\\]/\\&/g')
    sed "s|/opt/ibconnect/|$quoted/|" "$source/deploy/systemd/ibconnect.service" >"$work/ibconnect.service"
    if ! cmp -s "$work/ibconnect.service" "$unit"; then
        install -m 0644 "$work/ibconnect.service" "$unit"
        say "$unit is put in place (changes of your own: systemctl edit ibconnect)"
    fi
fi

say "what comes next:"
if [ -z "$service" ] && [ ! -e "$unit" ]; then
    echo "  to run it in this terminal:          $target/bin/ibconnect serve"
    echo "  to have systemd run it:              sudo $0 --service $target"
elif [ -n "$before" ]; then
    echo "  to run this version:                 systemctl daemon-reload && systemctl restart ibconnect"
    echo "  to see how it is:                    journalctl --unit ibconnect --follow"
else
    echo "  IB_GW and whatever else differs:     editor /etc/ibconnect/ibconnect.env"
    echo "  to run it, now and at each boot:     systemctl daemon-reload && systemctl enable --now ibconnect"
    echo "  to see how it is:                    journalctl --unit ibconnect --follow"
fi
