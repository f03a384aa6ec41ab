#!/bin/sh
# uv_build 0.8.12 wrote the digests in RECORD in hexadecimal; 0.8.13 writes base64.
#
# The specification of binary distributions asks for urlsafe base64 without padding. The
# digests are right, pip and uv install such wheels, and a reader that compares strings
# takes every file for changed.
# Ours: docs/rules.md, the rules about RECORD.
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
record() {
    "$python" -c "
import sys, zipfile
wheel = zipfile.ZipFile(sys.argv[1])
rows = wheel.read('sample-1.0.dist-info/RECORD').decode().splitlines()
print(next(row for row in rows if row.startswith('sample/__init__.py')))" "$1"
}
project uv_build src
packages uv_build==0.8.12
seen "uv_build 0.8.12" \
    "sample/__init__.py,sha256=9e26bf369911c45c243c684147b23fc9e1dcfcf257d299a1c632016a6fcd33f4,6" \
    "$(record "$(built wheel uv_build)")"
packages uv_build==0.8.13
seen "uv_build 0.8.13" "sample/__init__.py,sha256=nia_NpkRxFwkPGhBR7I_yeHc_PJX0pmhxjIBam_NM_Q,6" "$(record "$(built wheel uv_build)")"
