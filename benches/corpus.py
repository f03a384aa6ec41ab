#!/usr/bin/env python3
"""Times rebuilding whole wheelhouses against the bare hook and against venv, pip
and build.

In:  a release build, wheelhouses (WORK of scripts/corpus, or WORK/bootstrap and WORK/main
     of scripts/securedrop-2021), and once the network, for tools.
Out: wall times, medians for one wheel, ratios, and what was to be reached.

Tools are in the cache of tools before the clock starts, for all three ways;
results are not reused. The wheels are those that wheelproof reproduces. The bare
hook is tar and `build_wheel` in a fresh interpreter with the unpacked tools on its
path: no sandbox, no verification, no comparison. The other way is a new virtual
environment with the same tools for each wheel, and `python -m build`.

Exit codes: 0 measured (with --enforce: and the targets met), 1 target missed,
2 usage, 3 trouble.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import measure
from measure import Trouble

TOP = pathlib.Path(__file__).resolve().parent.parent
TOOLS_LIST = pathlib.Path(__file__).resolve().parent / "rebuild-tools.txt"

RATIO_TARGET = 15
OVERHEAD_TARGET = 1.25

HOOK = """
import os, sys, importlib
backend, path = sys.argv[1], sys.argv[2].split(":") if sys.argv[2] else []
sys.path[:0] = [os.path.join(os.getcwd(), entry) for entry in path]
module, _, attributes = backend.partition(":")
hook = importlib.import_module(module)
for attribute in attributes.split(".") if attributes else []:
    hook = getattr(hook, attribute)
sys.argv[1:] = []
hook.build_wheel(sys.argv.pop() if len(sys.argv) > 1 else os.environ["OUT"])
"""


class House:
    """A wheelhouse, and what wheelproof says of it."""

    def __init__(self, given, work, cache):
        self.given, self.work, self.cache = given, os.path.abspath(work), cache
        self.copy = pathlib.Path(self.work) / ".bench.toml"
        report = self.report("--format", "json", *(["--search"] if given.search else []))
        self.rebuilds = [one for one in report["rebuilds"] if one["outcome"] == "reproduced"]
        self.left_out = []
        if given.smoke:
            self.rebuilds = self.rebuilds[:2]
        if not self.rebuilds:
            raise Trouble("no wheel came back", self.work, "see `wheelproof rebuild WORK --all`")

    def command(self, *arguments):
        command = [self.given.wheelproof, "rebuild", self.work, *arguments, "--cache", self.cache]
        command += ["--python", f"py3={self.given.python}"]
        command += ["--time", self.given.time] if self.given.time else []
        return list(map(os.fspath, command))

    def report(self, *arguments):
        answer = subprocess.run(self.command("--all", *arguments), stdout=subprocess.PIPE, text=True)
        return json.loads(answer.stdout)

    def policy(self):
        """Writes the recipes that were found as a policy, so that nothing is searched."""
        own = pathlib.Path(self.work) / "wheelproof.toml"
        text = own.read_text(encoding="utf-8")
        text += "".join("\n" + one["policy"] for one in self.rebuilds if "policy" in one)
        self.copy.write_text(text, encoding="utf-8")

    def ours(self, *more):
        """Rebuilds what came back before; returns seconds, and those of each build."""
        names = [pathlib.PurePath(one["wheel"]).name for one in self.rebuilds]
        flags = [*names, "--policy", self.copy, "--offline", "--shallow", "--format", "json", "--durations"]
        began = time.monotonic()
        answer = subprocess.run(self.command(*flags, *more), stdout=subprocess.PIPE, text=True)
        seconds = time.monotonic() - began
        rebuilds = json.loads(answer.stdout)["rebuilds"]
        bad = [one["wheel"] for one in rebuilds if one["outcome"] != "reproduced"]
        if bad or len(rebuilds) != len(names):
            raise Trouble("a wheel did not come back", ", ".join(bad), "see `wheelproof rebuild`")
        return seconds, [one["seconds"] for one in rebuilds]

    def sdist(self, rebuild):
        found = list(pathlib.Path(self.work).rglob(pathlib.PurePath(rebuild["sdist"]).name))
        return found[0]

    def trees(self, rebuild):
        return [
            next((self.cache / "tools").glob(f"{tool['sha256']}-*")) / "tree"
            for tool in rebuild["recipe"]["tools"]
        ]

    def wheels(self, rebuild):
        return [
            next((self.cache / "wheels" / tool["sha256"]).glob("*.whl"))
            for tool in rebuild["recipe"]["tools"]
        ]


def environment(rebuild, work):
    epoch = rebuild["recipe"]["source_date_epoch"]
    own = {"HOME": work, "LC_ALL": "C.UTF-8", "TZ": "UTC", "PATH": "/usr/bin:/bin", "PYTHONHASHSEED": "0"}
    return own | ({} if epoch is None else {"SOURCE_DATE_EPOCH": str(epoch)})


def unpack(sdist, work):
    source = pathlib.Path(work) / "source"
    source.mkdir()
    if sdist.name.endswith(".zip"):
        shutil.unpack_archive(sdist, source)
    else:
        subprocess.run(["tar", "-xzf", sdist, "-C", source, "--no-same-owner", "--no-same-permissions"], check=True)
    return next(source.iterdir())


def system_of(source):
    import tomllib

    file = source / "pyproject.toml"
    table = tomllib.loads(file.read_text(encoding="utf-8")).get("build-system", {}) if file.exists() else {}
    path = table.get("backend-path", [])
    return table.get("build-backend", "setuptools.build_meta:__legacy__"), path if isinstance(path, list) else ["."]


def bare(house, rebuild, top):
    """Runs tar and the hook; returns seconds."""
    with tempfile.TemporaryDirectory(dir=top) as work:
        began = time.monotonic()
        source = unpack(house.sdist(rebuild), work)
        backend, path = system_of(source)
        out = pathlib.Path(work) / "out"
        out.mkdir()
        told = environment(rebuild, work) | {
            "OUT": os.fspath(out),
            "PYTHONPATH": ":".join(map(os.fspath, house.trees(rebuild))),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONNOUSERSITE": "1",
        }
        command = [house.given.python, "-S", "-s", "-B", "-c", HOOK, backend, ":".join(path)]
        answer = subprocess.run(command, cwd=source, env=told, capture_output=True, text=True)
        if answer.returncode != 0 or not list(out.iterdir()):
            raise Trouble("the bare hook failed", rebuild["wheel"], answer.stderr[-500:])
        return time.monotonic() - began


def other(house, rebuild, top, build_tools):
    """Runs venv, pip and build; returns seconds."""
    with tempfile.TemporaryDirectory(dir=top) as work:
        told = environment(rebuild, work)
        run = lambda *command: subprocess.run(
            list(map(os.fspath, command)), env=told, cwd=work, check=True, capture_output=True
        )
        began = time.monotonic()
        run(house.given.python, "-m", "venv", "venv")
        python = pathlib.Path(work) / "venv" / "bin" / "python"
        own = house.wheels(rebuild)
        projects = {wheel.name.split("-")[0] for wheel in own}
        tools = [wheel for wheel in build_tools if wheel.name.split("-")[0] not in projects] + own
        run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps", *tools)
        source = unpack(house.sdist(rebuild), work)
        run(python, "-m", "build", "--wheel", "--no-isolation", "--skip-dependency-check", "--outdir", "out", source)
        return time.monotonic() - began


def fetch(python, into):
    command = [python, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary", ":all:", "--require-hashes", "--dest", into, "-r", os.fspath(TOOLS_LIST)]
    answer = subprocess.run(command, capture_output=True, text=True)
    if answer.returncode != 0:
        raise Trouble("the tools of the other way cannot be fetched", TOOLS_LIST, answer.stderr)
    return sorted(pathlib.Path(into).glob("*.whl"))


def main():
    parser = argparse.ArgumentParser(description="Time rebuilding wheelhouses against two other ways.")
    parser.add_argument("work", nargs="+", help="a wheelhouse")
    parser.add_argument("--search", action="store_true", help="search recipes first, before the clock starts")
    parser.add_argument("--smoke", action="store_true", help="two wheels, one round")
    parser.add_argument("--enforce", action="store_true", help="exit with 1 when a target is missed")
    parser.add_argument("--rounds", type=int, default=3, help="how often wheelproof and the hook run (3)")
    parser.add_argument("--time", help="judge signatures as of this time")
    parser.add_argument("--python", default="/usr/bin/python3", help="the interpreter of all ways (/usr/bin/python3)")
    parser.add_argument("--cache", type=pathlib.Path, help="a cache that is there already")
    parser.add_argument(
        "--wheelproof", default=os.fspath(TOP / "target" / "release" / "wheelproof"), help="the program"
    )
    given = parser.parse_args()
    if not os.access(given.wheelproof, os.X_OK):
        raise Trouble("there is no wheelproof to measure", given.wheelproof, "run `cargo build --release`")
    top = pathlib.Path(tempfile.mkdtemp(prefix="wheelproof-bench-"))
    rounds = 1 if given.smoke else given.rounds
    targets = measure.Targets(judged=not given.smoke)
    houses = []
    try:
        cache = (given.cache or top / "cache").resolve()
        for work in given.work:
            houses.append(House(given, work, cache))
            houses[-1].policy()
        build_tools = fetch(given.python, top / "build-tools")
        # First, since not every wheel can be built this way: flit-core 2.3.0 has a
        # `backend-path` that is no list, setuptools 54.0.0 builds itself.
        others = []
        for house in houses:
            for rebuild in list(house.rebuilds):
                try:
                    others.append(other(house, rebuild, top, build_tools))
                except subprocess.CalledProcessError:
                    house.rebuilds.remove(rebuild)
                    house.left_out.append(rebuild["wheel"])
        pairs = [(house, rebuild) for house in houses for rebuild in house.rebuilds]

        def ours(*more):
            all_of = [house.ours(*more) for house in houses]
            each = [seconds for _, builds in all_of for seconds in builds]
            return sum(seconds for seconds, _ in all_of), statistics.median(each)

        ours()
        both = [ours() for _ in range(rounds)]
        alone, hooks = [], []
        for _ in range(rounds):
            alone.append(ours("--jobs", "1")[0])
            hooks.append([bare(house, rebuild, top) for house, rebuild in pairs])

        wall = statistics.median(seconds for seconds, _ in both)
        single = statistics.median(alone)
        hook = statistics.median(sum(round) for round in hooks)
        print(measure.first_line(given.wheelproof, "--version"))
        print(f"{measure.surroundings()}; {len(pairs)} wheels, tools in the cache, results not reused")
        for wheel in [wheel for house in houses for wheel in house.left_out]:
            print(f"  left out: {wheel}, which `python -m build` does not build")
        line = lambda label, seconds, note: print(f"  {label:<28} {seconds:8.2f} s   {note}")
        line("wheelproof, all cores", wall, f"median of one build {statistics.median(m for _, m in both):.3f} s")
        line("wheelproof, one core", single, f"{single / len(pairs):.3f} s a wheel")
        median = statistics.median(seconds for round in hooks for seconds in round)
        line("bare hook, one core", hook, f"median of one {median:.3f} s")
        line("venv + pip + build, one core", sum(others), f"median of one {statistics.median(others):.3f} s")
        ratio, overhead = sum(others) / wall, single / hook
        print(f"  {'ratio':<28} {ratio:8.2f}     {targets.at_least(ratio, RATIO_TARGET)}")
        print(f"  {'overhead over the hook':<28} {overhead:8.2f}     {targets.at_most(overhead, OVERHEAD_TARGET)}")
    finally:
        shutil.rmtree(top, ignore_errors=True)
        for house in houses:
            house.copy.unlink(missing_ok=True)
    return 1 if given.enforce and targets.missed else 0


if __name__ == "__main__":
    measure.finish(main)
