#!/usr/bin/env bash
# Checks what needs no running: formatting, lints, and the licences, sources and
# duplicates of our dependencies. The advisory database is not asked, since it can
# only be fetched; `cargo deny check advisories` does that where there is a network.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install.sh build check
PATH=$(scripts/install.sh bin):$PATH
export PATH

step() { echo "check: $*" >&2; "$@"; }

step cargo fmt --check
step cargo clippy --locked --all-targets -- -D warnings
step cargo deny --locked check bans licenses sources
if command -v shellcheck >/dev/null 2>&1; then
    step shellcheck scripts/*.sh test/*.sh .ci/run
fi
