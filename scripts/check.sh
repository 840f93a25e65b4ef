#!/usr/bin/env bash
# Checks what needs no running: formatting, lints, the links of the documentation, and
# the licences, sources, duplicates and use of our dependencies. The advisory database
# is not asked, since it can only be fetched; `cargo deny check advisories` does that
# where there is a network.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install.sh build check
PATH=$(scripts/install.sh bin):$PATH
export PATH

step() { echo "check: $*" >&2; "$@"; }

step cargo fmt --check
step cargo clippy --locked --all-targets -- -D warnings
# Most of what is documented is for those who change it, and private to the crate.
RUSTDOCFLAGS="-D warnings" step cargo doc --locked --no-deps --lib --document-private-items
step cargo deny --locked check bans licenses sources
step cargo machete
step shellcheck scripts/*.sh test/*.sh .ci/run
