#!/usr/bin/env bash
# Counts lines of Rust: code, without comments, blanks, tables of facts and #[cfg(test)] modules; and what tests and
# documents hold.
# Carriers that are named are left out: scripts/lines.sh telnyx
set -euo pipefail
cd "$(dirname "$0")/.."

code() {
  awk '
    FNR == 1 { in_tests = is_marked = 0 }
    /^#\[cfg\(test\)\]$/ { is_marked = 1; next }
    # a module of tests ends its file, here as everywhere; what else is for tests is a line
    is_marked { is_marked = 0; if (/^#\[path/ || /\{$/) in_tests = 1; next }
    in_tests || /^[[:space:]]*$/ || /^[[:space:]]*\/\// { next }
    { count++ }
    END { print count + 0 }
  ' "$@"
}

skipped() {
  local carrier
  for carrier in "$@"; do
    printf '%s\n' "^src/provider/$carrier(\.rs|/)"
  done
}

listed=$(git ls-files '*.rs')
sources=$(grep '^src/' <<<"$listed" | grep -v -e '_test\.rs$' -e '/mock\.rs$' -e '/area/table\.rs$')
if [ $# -gt 0 ]; then
  sources=$(grep -v -E -f <(skipped "$@") <<<"$sources")
fi
tests=$(grep -e '^test/' -e '_test\.rs$' <<<"$listed")
mapfile -t sources <<<"$sources"
mapfile -t tests <<<"$tests"

echo "code       $(code "${sources[@]}") lines in ${#sources[@]} files"
echo "tests      $(cat "${tests[@]}" | grep -c '[^[:space:]]') lines in ${#tests[@]} files"
echo "functions  $(grep -rhE '#\[(tokio::)?test' src test --include='*.rs' | wc -l) tests"
echo "documents  $(git ls-files '*.md' 'src/config/default.toml' | xargs cat | wc -c) bytes"
echo "longest    $(wc -l "${sources[@]}" | grep -v total | sort -n | tail -1 | awk '{print $2 ": " $1 " lines"}')"
