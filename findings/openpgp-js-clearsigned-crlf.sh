#!/bin/sh
# OpenPGP.js 6.3.2 ends the lines of a clearsigned text in CR LF, whatever the text had, and
# the lines of the armor around it in LF: one file, two kinds of line ends.
#
# What is signed has CR LF (RFC 9580, section 7.2), so readers accept it; the text that comes
# out differs from the one that went in.
# Ours: docs/signatures.md, clearsigned manifests; docs/interoperability.md.
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
needs node npm
echo '{"private": true, "type": "module"}' >package.json
npm install --silent --ignore-scripts --no-audit --no-fund openpgp@6.3.2
cat >sign.js <<'EOF'
import * as openpgp from 'openpgp';
const {privateKey: signingKeys} = await openpgp.generateKey({userIDs: [{name: 'Sample'}], format: 'object'});
const message = await openpgp.createCleartextMessage({text: 'one\ntwo\n'});
const lines = (await openpgp.sign({message, signingKeys})).split('\n');
console.log(lines.slice(0, 5).map(line => (line.endsWith('\r') ? 'CRLF' : 'LF')).join(' '));
EOF
seen "the first five lines" "LF LF LF CRLF CRLF" "$(node sign.js)"
