#!/bin/sh
# pip 25.3 and uv 0.13.9 both install a wheel that says `Wheel-Version: 0.1`.
#
# The specification says to refuse a version whose first number is greater than one's own;
# of a smaller one it says nothing, and none was ever published.
# Ours: docs/rules.md, wheel-version-unsupported.
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
packages pip==25.3 uv==0.13.9
"$python" -c "
import base64, hashlib, zipfile
files = {'sample.py': b'x = 1\n',
         'sample-1.0.dist-info/METADATA': b'Metadata-Version: 2.1\nName: sample\nVersion: 1.0\n',
         'sample-1.0.dist-info/WHEEL': b'Wheel-Version: 0.1\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n'}
row = lambda name, data: '%s,sha256=%s,%d\n' % (
    name, base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode(), len(data))
record = ''.join(row(*file) for file in files.items()) + 'sample-1.0.dist-info/RECORD,,\n'
with zipfile.ZipFile('sample-1.0-py3-none-any.whl', 'w') as wheel:
    for name, data in {**files, 'sample-1.0.dist-info/RECORD': record.encode()}.items():
        wheel.writestr(name, data)"
installs() { if "$@" >/dev/null 2>&1; then echo installs; else echo refuses; fi; }
wheel=$place/sample-1.0-py3-none-any.whl
seen "pip 25.3" installs "$(installs "$place/venv/bin/pip" install --no-deps --no-index --target "$place/a" "$wheel")"
seen "uv 0.13.9" installs "$(installs "$place/venv/bin/uv" pip install --no-deps --no-index --python "$python" --target "$place/b" "$wheel")"
