#!/bin/sh
# setuptools 84.2.1 takes no notice of SOURCE_DATE_EPOCH in sdists: two builds of the same
# files differ, down to fractions of a second in PAX headers.
#
# Its wheels follow the variable.
# Ours: docs/rebuilding.md: wheels are rebuilt from the published sdist, never the sdist.
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
project setuptools.build_meta
packages setuptools==84.2.1
newest() {
    "$python" -c "
import sys, tarfile
members = tarfile.open(sys.argv[1]).getmembers()
newest = max(float(member.mtime) for member in members)
fractions = any('.' in member.pax_headers.get('mtime', '') for member in members)
print('the epoch' if newest == 1700000000 else 'the clock,', 'with fractions' if fractions else 'whole seconds')" "$1"
}
seen "times in the sdist" "the clock, with fractions" \
    "$(newest "$(built sdist setuptools.build_meta SOURCE_DATE_EPOCH=1700000000)")"
seen "times in the wheel" "2023-11-14" "$("$python" -c "
import sys, zipfile
print(*sorted({'%d-%02d-%02d' % info.date_time[:3] for info in zipfile.ZipFile(sys.argv[1]).infolist()}))" \
    "$(built wheel setuptools.build_meta SOURCE_DATE_EPOCH=1700000000)")"
