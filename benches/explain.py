#!/usr/bin/env python3
"""Times `wheelproof explain` against diffoscope on the same pairs of wheels.

In:  a release build, diffoscope, bubblewrap, the real files that
     scripts/fetch-test-sources fetches, and numpy's wheels, which pip fetches by
     digest.
Out: for each pair the medians, the ratio, the peak of memory, and what was to be
     reached. A pair that cannot be made here is left out, and that is said.

The small pairs are built here from sdists, with fixed tools, in bubblewrap. What
diffoscope does not finish in its time counts with that time, so the ratio is at
least what is printed.

Exit codes: 0 measured (with --enforce: and every target met), 1 a target missed,
2 usage, 3 trouble.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import zipfile

import measure
from measure import Trouble

TOP = pathlib.Path(__file__).resolve().parent.parent
WHEELS_LIST = pathlib.Path(__file__).resolve().parent / "explain-wheels.txt"

MIB = 1024 * 1024
RATIO_TARGET = 20
SMALL_TARGET_MS = 50
MEMORY_TARGET = 64 * MIB
# What `timeout` ends with when the time is over.
TIME_IS_OVER = 124


class Pair:
    """Two wheels, and how often each way is run."""

    def __init__(self, name, what, published, rebuilt, ours=5, theirs=1, is_small=False):
        self.name, self.what, self.published, self.rebuilt = name, what, published, rebuilt
        self.ours, self.theirs, self.is_small = ours, theirs, is_small

    def largest_member(self):
        return max(
            member.file_size
            for wheel in (self.published, self.rebuilt)
            for member in zipfile.ZipFile(wheel).infolist()
        )


def only_wheel(directory):
    (wheel,) = directory.glob("*.whl")
    return wheel


def build(work, name, sdist, tools, sources, python):
    """Builds a wheel of a fixed sdist by fixed tools, without network; returns it."""
    place = work / name
    for part in ("source", "tools", "out"):
        (place / part).mkdir(parents=True)
    unpack = ["tar", "-x", "-f", sources / "sdists" / sdist, "-C", place / "source"]
    unpack += ["--strip-components=1", "--no-same-owner", "--no-same-permissions"]
    subprocess.run(unpack, check=True)
    for tool in tools:
        (wheel,) = (sources / "tools").glob(f"{tool}-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(place / "tools")
    command = ["bwrap", "--unshare-all", "--cap-drop", "ALL", "--clearenv", "--ro-bind", "/", "/"]
    command += ["--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"]
    command += ["--bind", place / "source", "/tmp/source", "--ro-bind", place / "tools", "/tmp/tools"]
    command += ["--bind", place / "out", "/tmp/out", "--chdir", "/tmp/source"]
    for variable, value in {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": "/tmp/tools",
        "SOURCE_DATE_EPOCH": "1309379017",
        "LC_ALL": "C.UTF-8",
    }.items():
        command += ["--setenv", variable, value]
    command += [python, "-s", "-c", "import setuptools.build_meta as backend; backend.build_wheel('/tmp/out')"]
    answer = subprocess.run(command, capture_output=True, text=True)
    if answer.returncode != 0:
        raise Trouble("a wheel could not be built", f"{sdist} with {', '.join(tools)}", f"it said:\n{answer.stderr}")
    return only_wheel(place / "out")


def version(python):
    """Returns major and minor version of an interpreter with headers, or nothing."""
    script = "import os, sys, sysconfig; print(*sys.version_info[:2]); "
    script += "sys.exit(not os.path.exists(os.path.join(sysconfig.get_path('include'), 'Python.h')))"
    try:
        answer = subprocess.run([python, "-c", script], capture_output=True, text=True)
    except OSError:
        return None
    return answer.stdout if answer.returncode == 0 else None


def small_pairs(given, work, repetitions):
    """Builds the pairs that wheelproof was begun for."""
    if not (given.sources / "sdists").is_dir():
        print(f"six, markupsafe: left out, {given.sources} is not there; scripts/fetch-test-sources makes it")
        return
    six = [
        build(work, f"six-{tool}", "six-1.11.0.tar.gz", [f"setuptools-{tool}", "wheel-0.36.2"], given.sources, given.python)
        for tool in ("56.2.0", "57.0.0")
    ]
    yield Pair("six", "one line of METADATA, by setuptools 56.2.0 and 57.0.0", *six, repetitions, repetitions, True)
    pythons = [given.python, given.other_python]
    if version(pythons[0]) is None or version(pythons[0]) != version(pythons[1]):
        print("markupsafe: left out, --python and --other-python are no two of one version with headers")
        return
    markupsafe = [
        build(work, f"markupsafe-{place}", "MarkupSafe-2.1.5.tar.gz", ["setuptools-65.5.1", "wheel-0.37.1"], given.sources, python)
        for place, python in enumerate(pythons)
    ]
    yield Pair("markupsafe", "an extension with the flags of two interpreters", *markupsafe, repetitions, repetitions, True)


def fetch(directory):
    """Fetches the two wheels of numpy; returns them."""
    for line in WHEELS_LIST.read_text(encoding="ascii").splitlines():
        if line.startswith("#"):
            continue
        name = line.split()[0].replace("==", "-")
        to = directory / name
        to.mkdir(parents=True)
        wanted = to / "wanted.txt"
        wanted.write_text(line + "\n", encoding="ascii")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command += ["--only-binary", ":all:", "--require-hashes", "--python-version", "3.11"]
        command += ["--implementation", "cp", "--abi", "cp311", "--platform", "manylinux_2_17_x86_64"]
        command += ["--dest", os.fspath(to), "-r", os.fspath(wanted)]
        answer = subprocess.run(command, capture_output=True, text=True)
        if answer.returncode != 0:
            raise Trouble(
                "a wheel cannot be fetched",
                line,
                f"name a directory that holds both with --numpy; pip said:\n{answer.stderr}",
            )
        yield only_wheel(to)


def packed_again(wheel, to, level=None, seconds=None):
    """Writes the members of a wheel again, at another level or with another time."""
    to.mkdir()
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(to / wheel.name, "w") as new:
        for member in old.infolist():
            time = member.date_time if seconds is None else (*member.date_time[:5], seconds)
            copy = zipfile.ZipInfo(member.filename, time)
            copy.external_attr, copy.create_system = member.external_attr, member.create_system
            new.writestr(copy, old.read(member), member.compress_type, level)
    return to / wheel.name


def large_pairs(given, work):
    if given.numpy:
        older, newer = (next(given.numpy.glob(f"numpy-1.26.{number}-cp311-*.whl")) for number in (3, 4))
    else:
        older, newer = fetch(work / "numpy")
    # Packed here too, so that nothing but the times differs.
    plain = packed_again(newer, work / "plain")
    times = packed_again(newer, work / "times", seconds=2)
    level = packed_again(newer, work / "level", level=9)
    yield Pair("times", "numpy 1.26.4, the times of the members", plain, times, theirs=3)
    yield Pair("level", "numpy 1.26.4, deflated at another level", plain, level, theirs=3)
    if not given.smoke:
        yield Pair("releases", "numpy 1.26.3 and 1.26.4", older, newer)


def measured(given, pair):
    """Runs both ways in turns; returns what each took and whether diffoscope ended."""
    ours, theirs = measure.Runs(), measure.Runs()
    explain = [given.wheelproof, "explain", pair.published, pair.rebuilt, "--quiet"]
    diffoscope = ["timeout", str(given.limit), "diffoscope", "--text", "/dev/null", pair.published, pair.rebuilt]
    # Two wheels that differ are 1 for both; this run fills the page cache.
    measure.run_once(explain, measure.Runs(), codes=(1,))
    codes = set()
    for number in range(max(pair.ours, pair.theirs)):
        if number < pair.ours:
            measure.run_once(explain, ours, codes=(1,))
        if number < pair.theirs:
            codes.add(measure.run_once(diffoscope, theirs, codes=(1, TIME_IS_OVER)))
    return ours, theirs, TIME_IS_OVER not in codes


def say(given, pair, targets):
    ours, theirs, has_ended = measured(given, pair)
    ratio = theirs.median / ours.median
    largest = pair.largest_member()
    print(f"\n{pair.name}: {pair.what}, {pair.ours} and {pair.theirs} times")
    print(f"  {'wheelproof':<12} {ours.median * 1e3:10.1f} ms   ({ours.spread(1e-3)}), CPU {ours.cpu_median * 1e3:.1f} ms")
    over = "" if has_ended else f"   did not end in {given.limit} s"
    print(f"  {'diffoscope':<12} {theirs.median:10.2f} s    ({theirs.spread()}), CPU {theirs.cpu_median:.2f} s{over}")
    at_least = "" if has_ended else ">= "
    print(f"  {'ratio':<12} {at_least + format(ratio, '.1f'):>10}      {targets.at_least(ratio, RATIO_TARGET)}")
    if pair.is_small:
        milliseconds = ours.median * 1e3
        print(f"  {'time':<12} {milliseconds:10.1f} ms   {targets.at_most(milliseconds, SMALL_TARGET_MS, ' ms')}")
    allowed = (MEMORY_TARGET + largest) / MIB
    peak = ours.peak_bytes / MIB
    print(f"  {'peak memory':<12} {peak:10.1f} MiB  {targets.at_most(peak, round(allowed), ' MiB')}")


def main():
    parser = argparse.ArgumentParser(description="Time `wheelproof explain` against diffoscope.")
    parser.add_argument("--smoke", action="store_true", help="fewer rounds, and without the pair that takes minutes")
    parser.add_argument("--enforce", action="store_true", help="exit with 1 when a target is missed")
    parser.add_argument("--limit", type=int, default=600, help="seconds that diffoscope has for a pair (600)")
    parser.add_argument("--python", default="/usr/bin/python3", help="the interpreter of the small pairs (/usr/bin/python3)")
    parser.add_argument("--other-python", default=sys.executable, help="another of the same version (this one)")
    parser.add_argument(
        "--sources",
        type=pathlib.Path,
        default=TOP / "target" / "test-sources",
        help="what scripts/fetch-test-sources fetched (target/test-sources)",
    )
    parser.add_argument("--numpy", type=pathlib.Path, help="a directory with the wheels of explain-wheels.txt; else they are fetched")
    parser.add_argument(
        "--wheelproof",
        default=os.fspath(TOP / "target" / "release" / "wheelproof"),
        help="the program (target/release/wheelproof)",
    )
    given = parser.parse_args()
    given.wheelproof = os.path.abspath(given.wheelproof)
    if not os.access(given.wheelproof, os.X_OK):
        raise Trouble("there is nothing to measure", given.wheelproof, "run `cargo build --release --bins`")
    targets = measure.Targets(judged=not given.smoke)

    work = pathlib.Path(tempfile.mkdtemp(prefix="wheelproof-bench-"))
    try:
        print(measure.first_line(given.wheelproof, "--version"))
        print(measure.first_line("diffoscope", "--version"))
        print(f"{measure.surroundings()}; medians; wheelproof and diffoscope in turns")
        for pair in small_pairs(given, work, 3 if given.smoke else 11):
            say(given, pair, targets)
        for pair in large_pairs(given, work):
            say(given, pair, targets)
        print(f"\nno peak below {measure.own_peak_bytes() / MIB:.1f} MiB, that of this script, can be seen")
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return 1 if given.enforce and targets.missed else 0


if __name__ == "__main__":
    measure.finish(main)
