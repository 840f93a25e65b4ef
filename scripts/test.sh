#!/usr/bin/env bash
# Runs the whole test suite: installs what it needs, starts a private MariaDB and
# Redis, runs `cargo test` with the arguments given, stops the servers again.
#
#   scripts/test.sh [cargo test arguments]
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin

scripts/install.sh build test
PATH=$(scripts/install.sh bin):$PATH
export PATH
eval "$(scripts/install.sh env)"
CHROMIUM=${CHROMIUM:-$(command -v chromium)}
CHROMEDRIVER=${CHROMEDRIVER:-$(command -v chromedriver)}
export CHROMIUM CHROMEDRIVER

# Sockets by the thousand, both their ends in one process. Who may not raise the
# limit that far gets what is allowed.
ulimit -n 65536 2>/dev/null || ulimit -Sn "$(ulimit -Hn)"

# A run that was killed outright left its servers behind: end those first. The folder
# bears its owner's pid, so that a run going on elsewhere is not taken for a dead one.
mkdir -p target
for old in target/services.*; do
    owner=${old#target/services.}
    if [ -d "$old" ] && [ ! -d "/proc/${owner%%.*}" ]; then
        scripts/services.sh stop "$old"
        rm -rf "$old"
    fi
done

services=$(mktemp -d "$PWD/target/services.$$.XXXXXX")
finish() {
    local status=$?
    trap - EXIT
    scripts/services.sh stop "$services" || true
    rm -rf "$services"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

scripts/services.sh start "$services"
# shellcheck disable=SC1091 # written by the line above
. "$services/env"

# `cargo test` builds examples only where no target is chosen, and tests of one start it too.
cargo build --locked --example carrier
cargo test --locked "$@"
