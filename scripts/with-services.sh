# shellcheck shell=bash
# Sourced from the repository's root: starts a private MariaDB and Redis, tells of
# them in the environment, and stops them when the sourcing script ends. Their folder,
# $services, is in target/, or below $services_in where the sourcing script has set that.
services_in=${services_in:-$PWD/target}

# A run that was killed outright left its servers behind: end those first. The folder
# bears its owner's pid, so that a run going on elsewhere is not taken for a dead one.
mkdir -p "$services_in"
for old in /dev/shm/switchboard.* target/switchboard.*; do
    owner=${old##*/switchboard.}
    if [ -O "$old" ] && [ ! -d "/proc/${owner%%.*}" ]; then
        scripts/services.sh stop "$old"
        rm -rf "$old"
    fi
done

services=$(mktemp -d "$services_in/switchboard.$$.XXXXXX")
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
