#!/bin/sh
# The sdist of maturin 1.16.0 dates every file 2006-07-24, and drops the executable bit.
#
# Ours: docs/rebuilding.md: the times of an sdist say nothing about when it was made.
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
needs cargo
packages maturin==1.16.0
mkdir -p project/src
printf '[package]\nname = "sample"\nversion = "1.0.0"\nedition = "2021"\n' >project/Cargo.toml
printf 'fn main() {}\n' >project/src/main.rs
printf '#!/bin/sh\necho sample\n' >project/tool.sh
chmod 755 project/tool.sh
cat >project/pyproject.toml <<EOF
[build-system]
requires = []
build-backend = "maturin"

[project]
name = "sample"
version = "1.0.0"

[tool.maturin]
bindings = "bin"
include = [{ path = "tool.sh", format = "sdist" }]
EOF
"$place/venv/bin/maturin" sdist --manifest-path project/Cargo.toml --out "$place/out" >"$place/log" 2>&1
read_sdist() {
    "$python" -c "
import datetime, sys, tarfile
members = tarfile.open(sys.argv[1]).getmembers()
days = {datetime.datetime.fromtimestamp(member.mtime, datetime.timezone.utc).date().isoformat() for member in members}
print(*sorted(days), *('%o' % member.mode for member in members if member.name.endswith('tool.sh')))" "$1"
}
seen "days, and the mode of an executable file" "2006-07-24 644" "$(read_sdist "$place"/out/*.tar.gz)"
