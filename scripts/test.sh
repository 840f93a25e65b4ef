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

# shellcheck source=scripts/with-services.sh
. scripts/with-services.sh

# `cargo test` builds examples only where no target is chosen, and tests of one start it too.
cargo build --locked --example carrier
cargo test --locked "$@"
