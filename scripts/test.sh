#!/usr/bin/env bash
# Runs the whole test suite: installs what it needs, starts a private MariaDB and
# Redis, runs `cargo test` with the arguments given, stops the servers again.
#
#   scripts/test.sh [cargo test arguments]
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin
die() { echo "test: $*" >&2; exit 1; }

if grep -rnE '#\[(cfg_attr\(.*)?ignore|```.*ignore' src test --include='*.rs'; then die "no test may be ignored"; fi

scripts/install.sh build test
PATH=$(scripts/install.sh bin):$PATH
export PATH
eval "$(scripts/install.sh env)"
CHROMIUM=${CHROMIUM:-$(command -v chromium)}
CHROMEDRIVER=${CHROMEDRIVER:-$(command -v chromedriver)}
export CHROMIUM CHROMEDRIVER

# Most of a test is waiting, for a process or a time: more tests than cores, as far as the
# connections of one MariaDB go.
threads=$(($(nproc) * 4))
export RUST_TEST_THREADS=${RUST_TEST_THREADS:-$((threads > 24 ? 24 : threads))}

# Sockets by the thousand, both their ends in one process. Who may not raise the
# limit that far gets what is allowed.
ulimit -n 65536 2>/dev/null || ulimit -Sn "$(ulimit -Hn)"

# On a RAM disk where there is room for all: a thousand databases are made and dropped,
# and what the tests kill are processes, which lose nothing that they gave to the kernel.
services_in=$PWD/target
room=$(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1) || room=0
if [ -w /dev/shm ] && [ "${room:-0}" -ge $((2 << 20)) ]; then services_in=/dev/shm; fi
# shellcheck source=scripts/with-services.sh
. scripts/with-services.sh
export TMPDIR=$services/tmp
mkdir "$TMPDIR"
export SWITCHBOARD_TEST_SKIPPED=$services/skipped

# `cargo test` builds examples only where no target is chosen, and tests of one start it too.
cargo build --locked --example carrier
status=0
cargo test --locked "$@" || status=$?

# What passes may print nothing, so that tests note what they left out in a file.
if [ -s "$SWITCHBOARD_TEST_SKIPPED" ]; then
    sort -u "$SWITCHBOARD_TEST_SKIPPED"
    if grep -qv ': \.\./shared/specs/' "$SWITCHBOARD_TEST_SKIPPED"; then die "only what needs ../shared/specs may be skipped"; fi
fi
exit "$status"
