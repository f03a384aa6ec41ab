#!/bin/sh
# gpg 2.2.40 (Debian 12), asked for an RSA key of 5120 bits with --enable-large-rsa, makes one
# of 4096 bits and ends with 0; gpg 2.4.7 makes one of 5120.
#
# Debian's gpg of 2.2 has no secure memory for larger ones.
# Ours: docs/interoperability.md, the row rsa5120.
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
needs gpg gpgconf
case $(gpg --version | head -n 1) in
*" 2.2.40") ;;
*)
    echo "not tried: this is not gpg 2.2.40"
    exit 2
    ;;
esac
home=$(mktemp -d)
trap 'gpgconf --homedir "$home" --kill gpg-agent; rm -rf "$home" "$place"' EXIT
gpg --homedir "$home" --batch --quiet --passphrase '' --enable-large-rsa \
    --quick-generate-key 'Sample <sample@example.invalid>' rsa5120 sign never 2>/dev/null
seen "bits" 4096 "$(gpg --homedir "$home" --batch --with-colons --list-keys 2>/dev/null | sed -n 's/^pub:[^:]*:\([0-9]*\):.*/\1/p')"
