#!/bin/sh
# setuptools 84.2.1 has its own copy of bdist_wheel, but takes the class that writes the
# archive from `wheel` where that is installed: the same setuptools gives two wheels.
#
# With wheel 0.38.1 RECORD has the mode 000664, without any it has 100664.
# Ours: docs/rebuilding.md: which other packages stood beside the backend is part of a recipe.
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
mode() {
    "$python" -c "
import sys, zipfile
print('%06o' % (zipfile.ZipFile(sys.argv[1]).getinfo('sample-1.0.dist-info/RECORD').external_attr >> 16))" "$1"
}
project setuptools.build_meta
packages setuptools==84.2.1
seen "without wheel" "100664" "$(mode "$(built wheel setuptools.build_meta)")"
packages wheel==0.38.1
seen "beside wheel 0.38.1" "000664" "$(mode "$(built wheel setuptools.build_meta)")"
