#!/bin/sh
# The sdist of uv_build 0.13.6 holds a pyproject.toml that was written anew, and the one of
# the author beside it.
#
# Ours: docs/explaining.md: the sdist is not the checkout.
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
project uv_build src
printf '\n# A comment of the author.\n' >>project/pyproject.toml
packages uv_build==0.13.6
sdist=$(built sdist uv_build)
seen "files called pyproject" "sample-1.0/pyproject.toml sample-1.0/pyproject.toml.orig" \
    "$(tar -tzf "$sdist" | grep pyproject | sort | tr '\n' ' ' | sed 's/ $//')"
seen "the comment in pyproject.toml" "0" "$(tar -xzOf "$sdist" sample-1.0/pyproject.toml | grep -c comment || true)"
