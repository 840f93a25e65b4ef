#!/usr/bin/env bash
# Tries this commit on a bare Debian 12, as root: debootstraps one with git and make into
# a temporary folder, gives it this machine's Rust toolchain and the settings of its
# package managers, and runs `make run` (until a message has been sent) and `make test`
# there, from a fresh clone. Prints what each took. Nothing is downloaded but packages.
#
#   scripts/bare.sh [--keep] [--in FOLDER] [run] [test]
#     run, test      only this; both without
#     --keep         leaves the folder; one that is there already is used again
#     --in FOLDER    where; otherwise a new folder below TMPDIR (12 GB)
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin

say() { echo "bare: $*" >&2; }
die() { say "$@"; exit 1; }

# What a shell on the bare machine knows of the outside: where certificates, proxies and
# packages are.
outside() {
    env | grep -E '^(([a-z]+_proxy|[A-Z]+_PROXY)|(PIP|CARGO_HTTP|CARGO_NET|CARGO_REGISTRIES|NPM_CONFIG|npm_config)_[A-Za-z_]+|NODE_EXTRA_CA_CERTS|SSL_CERT_(FILE|DIR)|(CURL|REQUESTS)_CA_BUNDLE)=' |
        grep -v '^PIP_FIND_LINKS=' || true
}

# home_of ROOT: its administrator's home, as seen from there.
home_of() { awk -F : '$1 == "root" { print $6 }' "$1/etc/passwd"; }

# on_bare ROOT SCRIPT...: runs a script in the clone there.
on_bare() {
    local root=$1 home settings; shift
    home=$(home_of "$root")
    mapfile -t settings < <(outside)
    env -i HOME="$home" LANG=C.UTF-8 "PATH=$home/.cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
        "${settings[@]}" chroot "$root" bash -euo pipefail -c "cd ~/switchboard && $*" </dev/null
}

# The half that runs in namespaces of its own: its mounts and processes end with it,
# on whatever way that is.
inside() {
    local root=$1 what start; shift
    mount -t proc proc "$root/proc"
    mount --rbind /sys "$root/sys"
    mount --rbind /dev "$root/dev"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
    mount -t tmpfs shm "$root/dev/shm"
    for what in "$@"; do
        start=$SECONDS
        "try_$what" "$root"
        say "make $what: ok, $((SECONDS - start)) s"
    done
}

try_test() { on_bare "$1" make test; }

# The port is that of `make run`, on a network that the bare machine shares with this one.
try_run() {
    # shellcheck disable=SC2016 # expanded over there
    on_bare "$1" '
        if (: <>/dev/tcp/127.0.0.1/6996) 2>/dev/null; then echo "bare: port 6996 is in use" >&2; exit 1; fi
        make run & made=$!
        until (: <>/dev/tcp/127.0.0.1/6996) 2>/dev/null; do
            kill -0 $made 2>/dev/null || { wait $made; exit 1; }
            sleep 0.5
        done
        cli=target/release/switchboard
        $cli message send +14155550100 "Is anybody there?"
        for _ in {1..100}; do
            if $cli message list --to +14155550100 | grep -E "sent|delivered"; then kill $made; wait $made || true; exit 0; fi
            sleep 0.1
        done
        echo "bare: the message was not sent" >&2
        exit 1'
}

if [ "${1-}" = --inside ]; then
    shift
    inside "$@"
    exit
fi

keep=no root='' parts=()
while [ $# -gt 0 ]; do
    case $1 in
        --keep) keep=yes ;;
        --in) root=${2?'--in needs a folder'}; shift ;;
        run | test) parts+=("$1") ;;
        *) die "usage: $0 [--keep] [--in FOLDER] [run] [test]" ;;
    esac
    shift
done
[ ${#parts[@]} -gt 0 ] || parts=(run test)
[ "$(id -u)" = 0 ] || die "needs root: it makes a system in a folder, and mounts"
command -v debootstrap >/dev/null || die "debootstrap is missing: apt-get install debootstrap"
command -v rustup >/dev/null || die "rustup is missing: its Rust is copied from here"
[ -z "$(git status --porcelain)" ] || say "what is not committed is not tried"

if [ -n "$root" ]; then
    mkdir -p "$root"
    # it is removed in the end: nothing that somebody else has put there
    [ -e "$root/.switchboard" ] || [ -z "$(ls -A "$root")" ] || die "$root holds something that is not this script's"
else
    root=$(mktemp -d)
fi
root=$(cd "$root" && pwd -P)
touch "$root/.switchboard"
child=
# shellcheck disable=SC2317 # called by the trap
finish() {
    local status=$?
    trap - EXIT
    # unshare lets no gentler signal through; what runs in it dies with it
    if [ -n "$child" ]; then kill -KILL "$child" 2>/dev/null || true; wait "$child" 2>/dev/null || true; fi
    if [ "$keep" = yes ]; then say "kept: $root"; else rm -rf --one-file-system "$root"; fi
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

start=$SECONDS
# Debian's own mirror as this machine has it, and no other source: its Node and Python are what is tried.
if [ ! -e "$root/.debootstrapped" ]; then
    mirror=$(grep -rhoE 'https?://[^ ]+/debian/? *$' /etc/apt/sources.list /etc/apt/sources.list.d/*.sources 2>/dev/null | head -n 1 || true)
    debootstrap --variant=minbase --include=git,make bookworm "$root" ${mirror:+"$mirror"} >"$root.log" 2>&1 ||
        { tail -n 20 "$root.log" >&2; die "debootstrap failed, see above; the whole log: $root.log"; }
    rm -f "$root.log"
    touch "$root/.debootstrapped"
fi

home=$root$(home_of "$root")

# carry FILE...: to the same place over there, where there is one here.
carry() {
    local file
    for file in "$@"; do
        if [ -e "$file" ]; then mkdir -p "$root$(dirname "$file")"; cp -aLT "$file" "$root$file"; fi
    done
}
carry /etc/resolv.conf /etc/hosts /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources /etc/apt/auth.conf.d
carry /etc/ssl/certs/ca-certificates.crt /usr/local/share/ca-certificates /etc/pip.conf /etc/npmrc /usr/etc/npmrc
for file in /etc/apt/apt.conf.d/*; do
    if grep -qE '^ *Acquire' "$file"; then carry "$file"; fi
done
for file in .npmrc .pip .config/pip; do
    if [ -e ~/"$file" ]; then mkdir -p "$home/.config"; cp -aLT ~/"$file" "$home/$file"; fi
done

rustup=${RUSTUP_HOME:-$HOME/.rustup} cargo=${CARGO_HOME:-$HOME/.cargo}
toolchain=$(rustup show active-toolchain | cut -d ' ' -f 1)
mkdir -p "$home/.rustup/toolchains" "$home/.cargo"
cp -a "$rustup/settings.toml" "$home/.rustup/"
# Two thirds of it are documentation. The marker says that all of the rest is there.
if [ "$(cat "$home/.rustup/copied" 2>/dev/null)" != "$toolchain" ]; then
    mkdir -p "$home/.rustup/toolchains/$toolchain"
    tar -C "$rustup/toolchains/$toolchain" --exclude=./share/doc -cf - . | tar -C "$home/.rustup/toolchains/$toolchain" -xf -
    echo "$toolchain" >"$home/.rustup/copied"
fi
cp -aT "$cargo/bin" "$home/.cargo/bin"
for file in config config.toml; do
    if [ -e "$cargo/$file" ]; then cp -a "$cargo/$file" "$home/.cargo/$file"; fi
done

rm -rf "$home/switchboard" "$home/shared"
git clone --quiet --no-local . "$home/switchboard"
# Twilio's descriptions, which some tests read where they are.
if [ -d ../shared/specs ]; then mkdir -p "$home/shared"; cp -aT ../shared/specs "$home/shared/specs"; fi
say "a bare Debian in $root, $((SECONDS - start)) s"

# In the background, since a shell that is told to stop attends to its child first.
unshare --mount --pid --fork --kill-child -- scripts/bare.sh --inside "$root" "${parts[@]}" &
child=$!
wait "$child" || die "failed, see above"
