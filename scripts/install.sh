#!/usr/bin/env bash
# Installs what is missing to build, test or check Switchboard: Debian packages, and
# for some tools a cargo, pip or npm install into a private folder. Silent and quick
# when nothing is missing; otherwise it says what it does.
#
#   scripts/install.sh build|services|test|check ...
#   scripts/install.sh bin      prints that private folder's bin, for a script's PATH
#   scripts/install.sh env      prints where the tests find those tools, for a script's eval
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin # servers live there, and a plain user's PATH lacks it

# Outside the repository, so that the next clone finds the tools already built.
tools="${XDG_CACHE_HOME:-$HOME/.cache}/switchboard/tools"

# Pinned: a new release must not change what `make check` says of an old commit.
cargo_deny=0.20.2
cargo_machete=0.9.2
websocat=1.14.1
# Other people's Twilio, webhook signatures, API tests and mock, to hold ours against: each
# with all that it needs, by version and hash, for the Node and Python of Debian 12. How
# these locks are made anew: scripts/tools/README.md.
locks="$(cd "$(dirname "$0")" && pwd)/tools"

say() { echo "install: $*" >&2; }
die() { say "$@"; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }
has_package() { has dpkg && dpkg -s "$1" 2>/dev/null | grep -q '^Status: install ok installed'; }

missing=()
# want_command COMMAND PACKAGE...: a tool that came from elsewhere is as good as Debian's.
want_command() { local c=$1; shift; if ! has "$c"; then missing+=("$@"); fi; }
want_package() { if ! has_package "$1"; then missing+=("$1"); fi; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif has sudo; then sudo "$@"
    else die "not root and no sudo; please run: apt-get install ${missing[*]}"
    fi
}

apt_install() {
    [ ${#missing[@]} -gt 0 ] || return 0
    has apt-get || die "please install by your system's own means: ${missing[*]}"
    say "Debian packages: ${missing[*]}"

    # Packages of servers start their service when installed, and enable it for the
    # next boot. Nobody who runs our tests asked for that; the tests start their own.
    local policy=/usr/sbin/policy-rc.d new_redis=no
    if [ ! -e "$policy" ]; then
        trap 'as_root rm -f /usr/sbin/policy-rc.d' EXIT
        as_root sh -c "printf '#!/bin/sh\n# made by Switchboard for one apt-get run; remove if left over\nexit 101\n' > $policy && chmod 755 $policy"
    fi
    [[ " ${missing[*]} " != *" redis-server "* ]] || new_redis=yes

    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
    local log; log=$(mktemp)
    { as_root "${apt[@]}" update && as_root "${apt[@]}" install --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 </dev/null ||
        { tail -n 40 "$log" >&2; die "apt-get failed, see above; the whole log: $log"; }
    rm -f "$log"

    if [ "$new_redis" = yes ] && [ -d /run/systemd/system ]; then
        as_root systemctl --quiet disable redis-server || true
    fi
    if [ -e "$policy" ] && grep -q 'made by Switchboard' "$policy"; then as_root rm -f "$policy"; fi
    trap - EXIT
    missing=()
    hash -r
}

# cargo_install NAME VERSION: builds for a short wait rather than a fast tool.
cargo_install() {
    local name=$1 version=$2 target="$tools/target-$1"
    if [ -x "$tools/bin/$name" ] && grep -q "\"$name $version " "$tools/.crates.toml" 2>/dev/null; then return; fi
    say "$name $version (cargo install into $tools; a few minutes, once)"
    mkdir -p "$tools"
    # In $tools, so that this repository's own cargo settings do not apply.
    (
        cd "$tools"
        export CARGO_TARGET_DIR="$target" CARGO_INCREMENTAL=0
        export CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_DEV_OPT_LEVEL=0
        cargo install --quiet --locked --debug --root "$tools" "$name@$version" </dev/null
    ) || { rm -rf "$target"; die "cargo install $name failed, see above"; }
    rm -rf "$target"
}

# A marker is written last, so that an install which was killed is begun anew.
locked() { (cd "$locks" && cat "$@" | sha256sum); }
is_installed() { [ "$(cat "$1/installed" 2>/dev/null)" = "$2" ]; } # FOLDER LOCKED

python_install() {
    local home="$tools/python" wanted; wanted=$(locked requirements.txt)
    if is_installed "$home" "$wanted" && [ -x "$home/bin/python" ]; then return; fi
    say "Python packages (pip install into $home)"
    rm -rf "$home"
    # Debian's own, since a version manager's may be gone tomorrow.
    local python=/usr/bin/python3
    [ -x "$python" ] || python=python3
    { "$python" -m venv "$home" &&
        "$home/bin/pip" install --quiet --disable-pip-version-check --no-input --require-hashes --only-binary :all: \
            -r "$locks/requirements.txt" </dev/null; } || die "pip install failed, see above"
    echo "$wanted" >"$home/installed"
}

node_install() {
    local home="$tools/node" wanted log; wanted=$(locked package.json package-lock.json)
    if is_installed "$home" "$wanted"; then return; fi
    say "Node packages (npm ci into $home)"
    rm -rf "$home"
    mkdir -p "$home"
    cp "$locks/package.json" "$locks/package-lock.json" "$home/"
    log=$(mktemp)
    npm ci --prefix "$home" --no-audit --no-fund --ignore-scripts --loglevel=error >"$log" 2>&1 </dev/null ||
        { tail -n 40 "$log" >&2; die "npm ci failed, see above; the whole log: $log"; }
    rm -f "$log"
    echo "$wanted" >"$home/installed"
}

# What we cannot install is said before anything is.
want_rust() {
    local wanted has_version
    wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$locks/../../Cargo.toml")
    has_version=$(rustc --version 2>/dev/null | cut -d ' ' -f 2) || true
    if [ -n "$has_version" ] && has cargo && [ "$(printf '%s\n' "$wanted" "$has_version" | sort -V | head -n 1)" = "$wanted" ]; then
        return
    fi
    say "Rust $wanted or later is needed, here is ${has_version:-none} (Debian 12's own is too old)."
    say "Install it as https://rustup.rs says, open a new shell, and give the same command again."
    has curl || say "That takes curl, which is missing too. As root: apt-get install curl ca-certificates"
    die "The rest (${missing[*]:-nothing more}) is installed then by this script, with apt-get."
}

build() {
    want_command cc gcc libc6-dev
    want_command make make
    want_command pkg-config pkg-config
    want_command openssl openssl
    # what the README's tour uses
    want_command curl curl
    want_command jq jq
    want_command python3 python3
    want_package libssl-dev
    want_package ca-certificates
    want_rust
    apt_install
}

want_services() {
    # The core packages hold the server without a service or a system database.
    want_command mariadbd mariadb-server-core
    want_command mariadb mariadb-client-core
    want_command redis-server redis-server
}

test_tools() {
    want_services
    want_package galera-4    # a cluster of MariaDB that all its nodes write
    want_package libfaketime # a clock that steps back
    want_command chromium chromium
    want_command chromedriver chromium-driver
    want_package fonts-dejavu-core # Chromium draws no text without a font
    want_command zbarimg zbar-tools
    want_command rsvg-convert librsvg2-bin
    want_command sqlite3 sqlite3
    want_command python3 python3
    want_package python3-venv
    want_command node nodejs
    want_command npm npm
    apt_install

    python_install
    node_install
    if has websocat || [ -x "$tools/bin/websocat" ]; then return; fi
    if has apt-cache && apt-cache show websocat >/dev/null 2>&1; then
        missing+=(websocat)
        apt_install
    else
        cargo_install websocat "$websocat"
    fi
}

check_tools() {
    if ! { cargo fmt --version && cargo clippy --version; } >/dev/null 2>&1; then
        say "rustfmt and clippy"
        rustup component add rustfmt clippy
    fi
    want_command shellcheck shellcheck
    apt_install
    cargo_install cargo-deny "$cargo_deny"
    cargo_install cargo-machete "$cargo_machete"
}

if [ "${1-}" = bin ]; then echo "$tools/bin"; exit; fi
if [ "${1-}" = env ]; then
    printf 'export SWITCHBOARD_TEST_PYTHON=%q\n' "$tools/python/bin/python"
    printf 'export SWITCHBOARD_TEST_PRISM=%q\n' "$tools/node/node_modules/.bin/prism"
    printf 'export SWITCHBOARD_TEST_TWILIO_NODE=%q\n' "$tools/node/node_modules"
    exit
fi

# Two runs at once (make test in one window, make check in another) take turns.
mkdir -p "$tools"
exec 9>"$tools/.lock"
if has flock; then flock 9; fi

[ $# -gt 0 ] || set -- build
for what in "$@"; do
    case $what in
        build) build ;;
        services) want_services; apt_install ;;
        test) test_tools ;;
        check) check_tools ;;
        *) die "usage: $0 build|services|test|check ... | bin | env" ;;
    esac
done
