#!/bin/sh
# uv_build 0.8.2 wrote the modes of members as decimal 664 and 775; pip then installs every
# module as executable.
#
# 664 in decimal is 01230 in octal, of which 0230 is left: write for the owner, write and execute for the
# group. pip makes a file executable when any of the three bits for it is set.
# Ours: docs/explaining.md, modes as a cause of differences.
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
project uv_build src
packages uv_build==0.8.2
wheel=$(built wheel uv_build)
seen "mode in the wheel of uv_build 0.8.2" "0o100230" "$("$python" -c "
import sys, zipfile
wheel = zipfile.ZipFile(sys.argv[1])
print(oct(wheel.getinfo('sample/__init__.py').external_attr >> 16))" "$wheel")"
packages pip==25.3
"$place/venv/bin/pip" install --quiet --no-deps --no-index --no-compile --target "$place/installed" "$wheel"
seen "mode after pip 25.3" "755" "$(stat -c %a "$place/installed/sample/__init__.py")"
