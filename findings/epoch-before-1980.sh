#!/bin/sh
# SOURCE_DATE_EPOCH=1, a valid value that no ZIP archive can hold: three backends, three
# answers.
#
# flit_core and hatchling take the earliest time that the format has, poetry-core takes
# 2016-01-01, and uv_build does not read the variable.
# Ours: docs/rebuilding.md, the times a rebuild is told; docs/explaining.md.
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
dates() {
    "$python" -c "
import sys, zipfile
print(*sorted({'%d-%02d-%02d' % info.date_time[:3] for info in zipfile.ZipFile(sys.argv[1]).infolist()}))" "$1"
}
packages flit_core==4.2.0 hatchling==1.33.0 poetry-core==2.5.0 uv_build==0.13.6
project flit_core.buildapi
touch -d 2020-02-02 project/sample/__init__.py
seen "flit_core 4.2.0" "1980-01-01" "$(dates "$(built wheel flit_core.buildapi SOURCE_DATE_EPOCH=1)")"
seen "hatchling 1.33.0" "1980-01-01" "$(dates "$(built wheel hatchling.build SOURCE_DATE_EPOCH=1)")"
seen "poetry-core 2.5.0" "2016-01-01" "$(dates "$(built wheel poetry.core.masonry.api SOURCE_DATE_EPOCH=1)")"
rm -rf project
project uv_build src
first=$(dates "$(built wheel uv_build SOURCE_DATE_EPOCH=1)")
seen "uv_build 0.13.6, with 1 as with 1700000000" "$first" "$(dates "$(built wheel uv_build SOURCE_DATE_EPOCH=1700000000)")"
