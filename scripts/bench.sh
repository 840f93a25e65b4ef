#!/usr/bin/env bash
# Runs the benchmark: installs what it needs, starts a private MariaDB of the size
# that a server has which does little else, runs the parts given, stops it again.
#
#   scripts/bench.sh [parts and options of the benchmark]
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin

scripts/install.sh build test
cargo build --release --locked --example carrier

export SWITCHBOARD_MYSQL_POOL=1G SWITCHBOARD_MYSQL_LOG=512M
# shellcheck source=scripts/with-services.sh
. scripts/with-services.sh

cargo bench --locked --bench bench -- "$@"
