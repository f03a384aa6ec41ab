#!/bin/sh
# pdm-backend writes RECORD with mode 0600 and no file type, hatchling all of .dist-info
# with a mode and no file type, and flit_core everything with one.
#
# The upper half of `external attributes` is what stat() gives, so a regular file has
# 0100000 in it. Readers that ask whether a member is a regular file have to take 0 too.
# Ours: docs/rules.md, archive-member-special; docs/explaining.md.
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
modes() {
    "$python" -c "
import sys, zipfile
wheel = zipfile.ZipFile(sys.argv[1])
print(*('%06o' % (wheel.getinfo(name).external_attr >> 16) for name in
        ('sample/__init__.py', 'sample-1.0.dist-info/METADATA', 'sample-1.0.dist-info/RECORD')))" "$1"
}
packages pdm-backend==2.5.0 hatchling==1.33.0 flit_core==4.2.0
project any
seen "pdm-backend 2.5.0, module METADATA RECORD" "100644 100644 000600" "$(modes "$(built wheel pdm.backend)")"
seen "hatchling 1.33.0, module METADATA RECORD" "100644 000644 000644" "$(modes "$(built wheel hatchling.build)")"
seen "flit_core 4.2.0, module METADATA RECORD" "100644 100644 100644" "$(modes "$(built wheel flit_core.buildapi)")"
