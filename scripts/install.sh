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
websocat=1.14.1
# Other people's Twilio, webhook signatures and API tests, to hold ours against.
python_packages=(twilio==9.13.0 standardwebhooks==1.1.0 schemathesis==4.32.5)
# The last one for Node 18, which is what Debian 12 has.
prism=5.14.2
# Twilio's own library for Node, the last one for that Node too.
twilio_node=5.13.1

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
python_install() {
    local venv="$tools/venv" wanted="${python_packages[*]}"
    if [ "$(cat "$venv/installed" 2>/dev/null)" = "$wanted" ] && [ -x "$venv/bin/python" ]; then return; fi
    say "Python: $wanted (pip install into $venv)"
    rm -rf "$venv"
    # Debian's own, since a version manager's may be gone tomorrow.
    local python=/usr/bin/python3
    [ -x "$python" ] || python=python3
    { "$python" -m venv "$venv" &&
        "$venv/bin/pip" install --quiet --disable-pip-version-check --no-input "${python_packages[@]}" </dev/null; } ||
        die "pip install failed, see above"
    echo "$wanted" >"$venv/installed"
}

# node_install FOLDER PACKAGE VERSION FILE: the file is one of those that it brings.
node_install() {
    local home="$tools/$1" package="$2" version="$3" file="$4" log
    if [ "$(cat "$home/installed" 2>/dev/null)" = "$version" ] && [ -e "$home/node_modules/$file" ]; then return; fi
    say "$package $version (npm install into $home)"
    rm -rf "$home"
    mkdir -p "$home"
    log=$(mktemp)
    npm install --prefix "$home" --no-audit --no-fund --ignore-scripts --loglevel=error \
        "$package@$version" >"$log" 2>&1 </dev/null ||
        { tail -n 40 "$log" >&2; die "npm install failed, see above; the whole log: $log"; }
    rm -f "$log"
    echo "$version" >"$home/installed"
}

build() {
    want_command cc gcc libc6-dev
    want_command make make
    want_command pkg-config pkg-config
    want_command curl curl
    want_command jq jq
    want_command openssl openssl
    want_package libssl-dev
    want_package ca-certificates
    apt_install
    has cargo || die "cargo is missing: install Rust (rustup) first"
}

want_services() {
    # The core packages hold the server without a service or a system database.
    want_command mariadbd mariadb-server-core
    want_command mariadb mariadb-client-core
    want_command redis-server redis-server
}

test_tools() {
    want_services
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
    node_install prism @stoplight/prism-cli "$prism" .bin/prism
    node_install twilio-node twilio "$twilio_node" twilio/package.json
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
    cargo_install cargo-deny "$cargo_deny"
}

if [ "${1-}" = bin ]; then echo "$tools/bin"; exit; fi
if [ "${1-}" = env ]; then
    printf 'export SWITCHBOARD_TEST_PYTHON=%q\n' "$tools/venv/bin/python"
    printf 'export SWITCHBOARD_TEST_PRISM=%q\n' "$tools/prism/node_modules/.bin/prism"
    printf 'export SWITCHBOARD_TEST_TWILIO_NODE=%q\n' "$tools/twilio-node/node_modules"
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
