#!/usr/bin/env python3
"""Times one rebuild of a small pure wheel against venv, pip and build.

In:  a release build, CPython 3.11 or newer with venv, and once the network, for
     the three wheels of rebuild-tools.txt.
Out: medians, the ratio, and what was to be reached.

Both ways start from the signed sdist and end with a wheel that has the signed
digest; a run that gives another one ends the benchmark. `wheelproof rebuild`
verifies the whole wheelhouse besides. The wheels of build, packaging and
pyproject_hooks are fetched once, before the clock starts.

Exit codes: 0 measured (with --enforce: and the target met), 1 target missed,
2 usage, 3 trouble.
"""

import argparse
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile

import measure
from measure import Trouble

TOP = pathlib.Path(__file__).resolve().parent.parent
WHEELHOUSE = TOP / "fixtures" / "wheelhouse"
TOOLS_LIST = pathlib.Path(__file__).resolve().parent / "rebuild-tools.txt"

# The smallest of the fixtures' packages that is a package, and the fixtures' recipe.
SDIST = "wheelproof_example_greeting-1.0.0"
PROJECT = "wheelproof-example-greeting"
WHEEL = f"{SDIST}-py3-none-any.whl"
SOURCE_DATE_EPOCH = "1704067200"

RATIO_TARGET = 10

# A new directory each time, as one rebuild after the other would have it.
OTHER_WAY = """
set -eu
umask 022
work=$(mktemp -d -p {work})
export HOME="$work" LC_ALL=C.UTF-8 TZ=UTC SOURCE_DATE_EPOCH={epoch}
{python} -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-index \\
    --find-links {tools} --require-hashes -r {list}
tar -x -z --no-same-permissions --no-same-owner -f {sdist} -C "$work"
"$work/venv/bin/python" -m build --wheel --no-isolation --outdir "$work/out" "$work/{name}" > "$work/log" 2>&1 \\
    || {{ cat "$work/log"; exit 1; }}
echo "{digest}  $work/out/{wheel}" | sha256sum -c --quiet
"""


def signed_digest():
    """Returns the digest that the manifest has for the wheel."""
    for line in (WHEELHOUSE / "sha256sums.txt").read_text(encoding="utf-8").splitlines():
        digest, _, name = line.partition("  ")
        if name == WHEEL:
            return digest
    raise Trouble("the fixture does not list the wheel", WHEEL, "run scripts/make-fixtures")


def fetch_tools(python, tools):
    """Fetches the wheels of the other way's tools."""
    command = [python, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary", ":all:", "--require-hashes", "--dest", tools, "-r", os.fspath(TOOLS_LIST)]
    answer = subprocess.run(command, capture_output=True, text=True)
    if answer.returncode != 0:
        raise Trouble(
            "the tools of the other way cannot be fetched",
            TOOLS_LIST,
            f"name a directory that holds them with --tools; pip said:\n{answer.stderr}",
        )


def main():
    parser = argparse.ArgumentParser(description="Time one rebuild against venv, pip and build.")
    parser.add_argument("--smoke", action="store_true", help="three rounds instead of eleven")
    parser.add_argument("--enforce", action="store_true", help="exit with 1 when the target is missed")
    parser.add_argument("--other-only", action="store_true", help="time venv, pip and build alone")
    parser.add_argument("--tools", help="a directory with the wheels of rebuild-tools.txt; else they are fetched")
    parser.add_argument("--python", default=sys.executable, help="the interpreter of both ways (this one)")
    parser.add_argument(
        "--wheelproof",
        default=os.fspath(TOP / "target" / "release" / "wheelproof"),
        help="the program (target/release/wheelproof)",
    )
    given = parser.parse_args()
    given.wheelproof = os.path.abspath(given.wheelproof)
    if not given.other_only and not os.access(given.wheelproof, os.X_OK):
        raise Trouble("there is no wheelproof to measure", given.wheelproof, "run `cargo build --release`")
    repetitions = 3 if given.smoke else 11
    targets = measure.Targets(judged=not given.smoke)

    work = pathlib.Path(tempfile.mkdtemp(prefix="wheelproof-bench-"))
    try:
        tools = given.tools and os.path.abspath(given.tools)
        if not tools:
            tools = os.fspath(work / "tools")
            fetch_tools(given.python, tools)
        script = OTHER_WAY.format(
            work=shlex.quote(os.fspath(work)),
            epoch=SOURCE_DATE_EPOCH,
            python=shlex.quote(given.python),
            tools=shlex.quote(tools),
            list=shlex.quote(os.fspath(TOOLS_LIST)),
            sdist=shlex.quote(os.fspath(WHEELHOUSE / "wheels" / f"{SDIST}.tar.gz")),
            name=SDIST,
            wheel=WHEEL,
            digest=signed_digest(),
        )
        other = ["sh", "-c", script]
        ours = [given.wheelproof, "rebuild", os.fspath(WHEELHOUSE), PROJECT, "--quiet", "--offline"]
        ours += ["--python", f"py3={given.python}", "--cache", os.fspath(work / "cache")]

        print(measure.first_line(given.python, "--version"))
        if given.other_only:
            (runs,) = measure.in_turns([other], repetitions)
            print(f"  {'venv + pip + build':<19} {runs.median:8.3f} s   ({runs.spread()})")
            return 0
        print(measure.first_line(given.wheelproof, "--version"))
        print(f"{measure.surroundings()}; medians; one rebuild of {WHEEL}, in turns")
        our_runs, other_runs = measure.in_turns([ours, other], repetitions)
        for label, runs in (("wheelproof rebuild", our_runs), ("venv + pip + build", other_runs)):
            print(f"  {label:<19} {runs.median:8.3f} s   ({runs.spread()}), CPU {runs.cpu_median:.3f} s")
        ratio = other_runs.median / our_runs.median
        print(f"  {'ratio':<19} {ratio:8.2f}     {targets.at_least(ratio, RATIO_TARGET)}")
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return 1 if given.enforce and targets.missed else 0


if __name__ == "__main__":
    measure.finish(main)
