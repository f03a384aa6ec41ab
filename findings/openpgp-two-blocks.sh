#!/bin/sh
# Two signers, two armor blocks in one file, one after the other: gpgv 2.2.40 reports both
# signatures, and sqv 1.1.0 and OpenPGP.js 6.3.2 only know the first signer.
#
# `cat a.asc b.asc` is how several projects publish signatures of many builders.
# Ours: docs/signatures.md, what is read: every block.
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
needs gpg gpgv gpgconf sqv node npm
[ "$(gpgv --version | sed -n '1s/.* //p') $(sqv --version | sed 's/.* //')" = "2.2.40 1.1.0" ] || {
    echo "not tried: these are not gpgv 2.2.40 and sqv 1.1.0"
    exit 2
}
home=$(mktemp -d)
trap 'gpgconf --homedir "$home" --kill gpg-agent; rm -rf "$home" "$place"' EXIT
call() { gpg --homedir "$home" --batch --quiet --yes "$@" 2>/dev/null; }
echo text >text
for name in one two; do
    call --passphrase '' --quick-generate-key "$name <$name@example.invalid>" ed25519 sign never
    call --armor --local-user "$name@example.invalid" --output "$name.sig" --detach-sign text
    call --armor --output "$name.asc" --export "$name@example.invalid"
done
cat one.sig two.sig >both.sig
call --output keyring.gpg --export
cat one.asc two.asc >keyring.asc
seen "good signatures for gpgv" 2 "$(gpgv --status-fd 1 --keyring "$place/keyring.gpg" both.sig text 2>/dev/null | grep -c GOODSIG)"
seen "sqv, asked for two of them" refuses "$(if sqv --signatures 2 --keyring keyring.asc both.sig text >/dev/null 2>&1; then echo accepts; else echo refuses; fi)"
echo '{"private": true, "type": "module"}' >package.json
npm install --silent --ignore-scripts --no-audit --no-fund openpgp@6.3.2
cat >verify.js <<'EOF'
import * as openpgp from 'openpgp';
import fs from 'node:fs';
const signature = await openpgp.readSignature({armoredSignature: fs.readFileSync('both.sig', 'utf8')});
console.log(signature.packets.length);
EOF
seen "signatures that OpenPGP.js reads" 1 "$(node verify.js)"
