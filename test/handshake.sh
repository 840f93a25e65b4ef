#!/usr/bin/env bash
# Plays the phone with nothing but curl, jq and openssl: pairs with a running server
# and prints the fingerprint of the shared key it was given. `--help` tells the rest.
set -euo pipefail
umask 077

usage() {
    cat <<'HELP'
usage: test/handshake.sh [options]

Pairs a phone with a running server, by default twice: with both flavours of the
version-2 handshake, as user 111 on the development session 000.

  --flavour one|two            only this one (default: both; on any session but 000,
                               which can be redeemed once, only "one")
  --oaep sha256|sha1           digest of OAEP, both ways (two-step: only sha256)
  --mgf1 sha1|sha256           digest of MGF1 for the password
  --mgf1-answer sha1|sha256    digest of MGF1 for the shared key
                               (what is not given is not sent: sha256, sha1, sha1)
  --user ID                    default 111
  --password TEXT              default dummy_password
  --url URL                    default http://localhost:6996
  --session SID                default 000
  --qr URL                     what a QR code held: sets --url, --user and --session
  --quiet                      print only the fingerprints, one a line

A certificate that this system does not trust: name its file in CURL_CA_BUNDLE.
HELP
}

die() { echo "handshake: $*" >&2; exit 1; }

flavour='' oaep='' mgf1='' mgf1_answer=''
user=111 password=dummy_password url=http://localhost:6996 session=000 qr='' quiet=no

while [ $# -gt 0 ]; do
    case $1 in
        --quiet) quiet=yes; shift; continue ;;
        --help | -h) usage; exit ;;
        --flavour | --oaep | --mgf1 | --mgf1-answer | --user | --password | --url | --session | --qr) ;;
        *) usage >&2; die "unknown option $1" ;;
    esac
    [ $# -ge 2 ] || die "$1 needs a value"
    name=${1#--}
    printf -v "${name//-/_}" %s "$2"
    shift 2
done

one_of() { # OPTION VALUE ALLOWED...
    local option=$1 value=$2 allowed; shift 2
    [ -n "$value" ] || return 0
    for allowed in "$@"; do [ "$value" != "$allowed" ] || return 0; done
    die "$option must be one of: $*"
}
one_of --flavour "$flavour" one two
one_of --oaep "$oaep" sha256 sha1
one_of --mgf1 "$mgf1" sha1 sha256
one_of --mgf1-answer "$mgf1_answer" sha1 sha256
for tool in curl jq openssl; do
    command -v "$tool" >/dev/null || die "$tool is missing"
done

if [ -n "$qr" ]; then
    [[ $qr =~ ^(https?://[^/]+)/v2/sync/users/([^/]+)/sessions/([^/]+)/?$ ]] || die "not a QR URL: $qr"
    url=${BASH_REMATCH[1]} user=${BASH_REMATCH[2]} session=${BASH_REMATCH[3]}
fi
url=${url%/}
resource=/v2/sync/users/$user/sessions/$session
if [ -z "$flavour" ] && [ "$session" != 000 ]; then flavour=one; fi
# Its requests have no field for that digest.
if [ "$oaep" = sha1 ] && [ "$flavour" = two ]; then die "--oaep sha1 needs --flavour one"; fi

# openssl gets it too, and the script is about to leave this folder.
if [[ ${CURL_CA_BUNDLE-} == [!/]* ]]; then export CURL_CA_BUNDLE=$PWD/$CURL_CA_BUNDLE; fi

# Private keys live and die here.
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
cd "$tmp"

# --- the phone's tools -----------------------------------------------------------

# post PATH: body.json there, the answer into reply.json; any status but 200 ends it.
post() {
    local status
    : >reply.json # curl makes no file for an empty body
    status=$(curl -sS --max-time 30 -o reply.json -w '%{http_code}' \
        -H 'Content-Type: application/json' --data-binary @body.json "$url$1") ||
        die "POST $url$1: no answer"
    [ "$status" = 200 ] || die "POST $url$1: status $status: $(cat reply.json)"
}

# field JQ-PATH: a string of the answer, which must be there.
field() {
    jq -er "$1 | strings" reply.json 2>/dev/null || die "no $1 in the answer: $(cat reply.json)"
}

make_key_pair() {
    openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out private.pem 2>/dev/null ||
        die "openssl made no key pair"
    openssl pkey -in private.pem -pubout -out public.pem
}

rsa_options() { # OAEP MGF1
    printf '%s\n' -pkeyopt rsa_padding_mode:oaep -pkeyopt "rsa_oaep_md:$1" -pkeyopt "rsa_mgf1_md:$2"
}

# encrypt_password OAEP: under server.pem, base64 on one line into password.b64.
encrypt_password() {
    local options
    mapfile -t options < <(rsa_options "$1" "${mgf1:-sha1}")
    printf %s "$password" | openssl pkeyutl -encrypt -pubin -inkey server.pem "${options[@]}" -out password.bin ||
        die "the password does not encrypt under the server's key"
    openssl base64 -A -in password.bin >password.b64
}

# decrypt_key OAEP: the answer's shared key into shared.key, checked.
decrypt_key() {
    local options
    mapfile -t options < <(rsa_options "$1" "${mgf1_answer:-sha1}")
    # Base64 may come wrapped.
    field .shared_key | tr -d ' \r\n\t' | openssl base64 -d -A >shared.bin
    openssl pkeyutl -decrypt -inkey private.pem "${options[@]}" -in shared.bin -out shared.key ||
        die "the shared key does not decrypt"
    # The size too, since the shell drops a newline at the end.
    if [ "$(wc -c <shared.key)" != 32 ] || ! [[ $(tr -d '\0' <shared.key) =~ ^[0-9a-f]{32}$ ]]; then
        die "the shared key is not 32 lower-case hex characters"
    fi
}

report() { # FLAVOUR
    local sum
    sum=$(openssl dgst -sha256 -r shared.key)
    if [ "$quiet" = yes ]; then
        echo "${sum:0:16}"
    else
        printf 'flavour: %s\nfingerprint: %s\n' "$1" "${sum:0:16}"
    fi
}

# shape JQ-TEST: the rest of the answer looks as phones expect it.
shape() {
    jq -e "$1" reply.json >/dev/null || die "a phone could not read this answer: $(cat reply.json)"
}

# --- the server's key ------------------------------------------------------------

# As phones do: from the leaf certificate. It is verified like curl does, since
# the password goes to whoever holds its key.
key_from_certificate() {
    local authority=${url#https://} host port options
    authority=${authority%%/*}
    port=443 host=$authority
    if [[ $authority =~ ^(.+):([0-9]+)$ ]]; then host=${BASH_REMATCH[1]} port=${BASH_REMATCH[2]}; fi
    options=(-connect "$host:$port" -verify_return_error)
    if [[ $host =~ ^[0-9.]+$ || $host == \[*\] ]]; then
        host=${host#[} host=${host%]}
        options+=(-verify_ip "$host")
    else
        options+=(-servername "$host" -verify_hostname "$host")
    fi
    if [ -n "${CURL_CA_BUNDLE-}" ]; then options+=(-CAfile "$CURL_CA_BUNDLE"); fi
    openssl s_client "${options[@]}" </dev/null >leaf.pem 2>leaf.log ||
        die "no trusted certificate from $url: $(cat leaf.log)"
    openssl x509 -in leaf.pem -noout -pubkey >server.pem
    openssl rsa -pubin -in server.pem -noout 2>/dev/null || die "the key of $url's certificate is not RSA"
}

# The first step of the two-step flavour. Old shell clients paste the PEM into the JSON
# string as it is, with raw newlines, which strict JSON forbids; so do we.
ask_key() {
    local json
    json=$(jq -n --rawfile key public.pem '{public_key: $key}')
    printf '%s' "${json//\\n/$'\n'}" >body.json
    post "$resource/handshake"
    field .public_key >server.pem
    openssl rsa -pubin -in server.pem -noout 2>/dev/null || die "the server's public key is not an RSA PEM"
}

# --- the two flavours ------------------------------------------------------------

one_step() {
    make_key_pair
    if [[ $url == https://* ]]; then key_from_certificate; else ask_key; fi
    encrypt_password "${oaep:-sha256}"
    jq -n --rawfile key public.pem --rawfile password password.b64 \
        --arg oaep "$oaep" --arg mgf1 "$mgf1" --arg answer "$mgf1_answer" '
        {public_key: $key, password: $password}
        + if $oaep == "" then {} else {hashingAlgorithm: $oaep} end
        + if $mgf1 == "" then {} else {mgf1ParameterSpec: $mgf1} end
        + if $answer == "" then {} else {mgf1ParameterSpec_dec: $answer} end' >body.json
    post "$resource/"
    shape '(.msisdn_hash | type == "string")
        and (.user_platforms | (.saved_platforms | type == "array") and (.unsaved_platforms | type == "array"))'
    decrypt_key "${oaep:-sha256}"
    report one-step
}

two_step() {
    local verification_url json
    make_key_pair
    ask_key
    verification_url=$(field .verification_url)
    [[ $verification_url == /* ]] || die "verification_url is not a path: $verification_url"
    encrypt_password sha256
    # Wrapped at 76 columns like Android's base64, and raw like the PEM above.
    fold -w 76 password.b64 >wrapped.b64
    json=$(jq -n --rawfile password wrapped.b64 --arg mgf1 "$mgf1" --arg answer "$mgf1_answer" '
        {password: $password}
        + if $mgf1 == "" then {} else {decryption_hash: $mgf1} end
        + if $answer == "" then {} else {encryption_hash: $answer} end')
    printf '%s' "${json//\\n/$'\n'}" >body.json
    post "$verification_url"
    shape '(.user_platforms | type == "array") and (.seeds_url | type == "string")'
    decrypt_key sha256
    report two-step
}

case $flavour in
    one) one_step ;;
    two) two_step ;;
    *) one_step; two_step ;;
esac
