#!/bin/sh
# hatchling 1.33.0: with `packages = ["src/sample"]` under [tool.hatch.build], the wheel
# that is built from the project's own sdist holds no module, and nothing is said.
#
# The setting holds for the sdist too, which then has `sample/` in place of `src/sample/`,
# and the same setting finds nothing there. Under [tool.hatch.build.targets.wheel] it works.
# Ours: docs/explaining.md: a rebuild from an sdist that lacks members.
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
modules() {
    "$python" -c "
import sys, zipfile
names = zipfile.ZipFile(sys.argv[1]).namelist()
print(*[name for name in names if '.dist-info/' not in name] or ['none'])" "$1"
}
project hatchling.build src
printf '\n[tool.hatch.build]\npackages = ["src/sample"]\n' >>project/pyproject.toml
packages hatchling==1.33.0
seen "wheel from the checkout" "sample/__init__.py" "$(modules "$(built wheel hatchling.build)")"
sdist=$(built sdist hatchling.build)
rm -rf project
tar -xzf "$sdist"
mv sample-1.0 project
seen "wheel from the sdist" "none" "$(modules "$(built wheel hatchling.build)")"
