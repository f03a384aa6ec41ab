#!/bin/sh
# flit_core 4.0.1 left out the empty line between the headers of METADATA and the
# description, so that a first line of the README that looks like a header becomes one.
#
# Ours: docs/rules.md, wheel-metadata-mismatch and wheel-description-missing.
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
described() {
    "$python" -c "
import email, sys, zipfile
metadata = email.message_from_bytes(zipfile.ZipFile(sys.argv[1]).read('sample-1.0.dist-info/METADATA'))
print(metadata.get('Note', 'no such header'), '/', metadata.get_payload().strip() or 'no description')" "$1"
}
project flit_core.buildapi
printf 'Note: read this first\n' >project/README.md
packages flit_core==4.0.1
seen "flit_core 4.0.1, header / description" "read this first / no description" "$(described "$(built wheel flit_core.buildapi)")"
packages flit_core==4.0.2
seen "flit_core 4.0.2, header / description" "no such header / Note: read this first" "$(described "$(built wheel flit_core.buildapi)")"
