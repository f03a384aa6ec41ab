#!/bin/sh
# OpenPGP.js 6.3.2 uses the Brainpool curves under node only where the package eckey-utils
# happens to be installed, which it does not name as a dependency.
#
# Ours: docs/interoperability.md; scripts/interoperability installs both.
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
needs node npm
echo '{"private": true, "type": "module"}' >package.json
quiet="--silent --ignore-scripts --no-audit --no-fund"
# shellcheck disable=SC2086
npm install $quiet openpgp@6.3.2
cat >sign.js <<'EOF'
import * as openpgp from 'openpgp';
const how = {type: 'ecc', curve: 'brainpoolP256r1', userIDs: [{name: 'Sample'}], format: 'object'};
try {
  const {privateKey: signingKeys} = await openpgp.generateKey(how);
  const message = await openpgp.createMessage({text: 'one'});
  await openpgp.sign({message, signingKeys, detached: true});
  console.log('signs');
} catch (fault) { console.log(String(fault).split('\n')[0]); }
EOF
seen "alone" "Error: Error generating keypair: Cannot find module 'eckey-utils'" "$(node sign.js)"
# shellcheck disable=SC2086
npm install $quiet eckey-utils@0.7.14
seen "beside eckey-utils 0.7.14" "signs" "$(node sign.js)"
