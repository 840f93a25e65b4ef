#!/usr/bin/env bash
# Runs the benchmark. Where MariaDB is measured: installs it, starts a private one of
# the size that a server has which does little else, and stops it again.
#
#   scripts/bench.sh [parts and options of the benchmark]
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin

scripts/install.sh build
cargo build --release --locked --example carrier

parts=()
for argument in "$@"; do [[ $argument == -* ]] || parts+=("$argument"); done
if [[ ${#parts[@]} == 0 || " ${parts[*]} " == *" mariadb "* || " ${parts[*]} " == *" values "* ]]; then
    scripts/install.sh services
    export SWITCHBOARD_MYSQL_POOL=1G SWITCHBOARD_MYSQL_LOG=512M
    # shellcheck source=scripts/with-services.sh
    . scripts/with-services.sh
fi

# Sockets by the thousand, both their ends in one process. Who may not raise the
# limit that far gets what is allowed.
ulimit -n 65536 2>/dev/null || ulimit -Sn "$(ulimit -Hn)"
cargo bench --locked --bench bench -- "$@"
