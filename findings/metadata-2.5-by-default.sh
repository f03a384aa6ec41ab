#!/bin/sh
# hatchling 1.33.0 and flit_core 4.2.0 write Metadata-Version 2.5 for a project that uses
# nothing of it; setuptools 84.2.1 writes 2.4 and pdm-backend 2.5.0 writes 2.1.
#
# Ours: docs/explaining.md: the version of the metadata as a cause.
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
version() {
    "$python" -c "
import sys, zipfile
metadata = zipfile.ZipFile(sys.argv[1]).read('sample-1.0.dist-info/METADATA').decode()
print(metadata.splitlines()[0])" "$1"
}
packages hatchling==1.33.0 flit_core==4.2.0 setuptools==84.2.1 pdm-backend==2.5.0
project any
seen "hatchling 1.33.0" "Metadata-Version: 2.5" "$(version "$(built wheel hatchling.build)")"
seen "flit_core 4.2.0" "Metadata-Version: 2.5" "$(version "$(built wheel flit_core.buildapi)")"
seen "setuptools 84.2.1" "Metadata-Version: 2.4" "$(version "$(built wheel setuptools.build_meta)")"
seen "pdm-backend 2.5.0" "Metadata-Version: 2.1" "$(version "$(built wheel pdm.backend)")"
