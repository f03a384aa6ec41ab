# shellcheck shell=sh
# Sourced by the findings: a temporary folder that is gone afterwards, packages in a
# virtual environment there, and `seen`, which ends with 1 when something has changed.
set -eu
unset SOURCE_DATE_EPOCH PYTHONPATH GNUPGHOME
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
umask 022
export LC_ALL=C.UTF-8 TZ=UTC PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1
python=$place/venv/bin/python
PATH=$place/venv/bin:$PATH

packages() { # packages NAME==VERSION...: installs them from PyPI
    [ -x "$python" ] || python3 -m venv "$place/venv"
    "$place/venv/bin/pip" install --quiet "$@"
}

needs() { # needs PROGRAM...: ends with 2 where one is missing
    for program in "$@"; do
        command -v "$program" >/dev/null || {
            echo "not tried: $program is not there"
            exit 2
        }
    done
}

project() { # project BACKEND [MODULE-FOLDER]: a small valid project in ./project
    mkdir -p "project/${2:-.}/sample"
    echo 'x = 1' >"project/${2:-.}/sample/__init__.py"
    printf 'A sample.\n' >project/README.md
    cat >project/pyproject.toml <<EOF
[build-system]
requires = []
build-backend = "$1"

[project]
name = "sample"
version = "1.0"
description = "A sample"
readme = "README.md"
EOF
}

built() { # built wheel|sdist BACKEND [NAME=VALUE...]: prints the path of what ./project gives
    what=$1 backend=$2
    shift 2
    rm -rf "$place/out"
    mkdir "$place/out"
    (cd project && env "$@" "$python" -c "
import importlib, sys
backend = importlib.import_module('$backend')
print('$place/out/' + getattr(backend, 'build_$what')('$place/out'), file=sys.stderr)" 2>"$place/name" >"$place/log") ||
        {
            tail -n 5 "$place/name" >&2
            return 1
        }
    tail -n 1 "$place/name"
}

seen() { # seen WHAT EXPECTED FOUND
    printf '%s: %s\n' "$1" "$3"
    [ "$2" = "$3" ] || {
        printf 'CHANGED, it was: %s\n' "$2"
        exit 1
    }
}
