#!/usr/bin/env python3
"""Times `wheelproof verify` against gpgv and sha256sum.

In:  a release build, gpg, gpgv, sha256sum, and the test-only key of fixtures/.
Out: for three generated wheelhouses the medians, the ratio, the peak of memory,
     and what was to be reached.

Contents are incompressible and the same in every run. Both ways read from the
page cache, in turns, in one run.

Exit codes: 0 measured (with --enforce: and every target met), 1 a target missed,
2 usage, 3 trouble.
"""

import argparse
import hashlib
import multiprocessing
import os
import pathlib
import shlex
import shutil
import subprocess
import tempfile

import measure
from measure import Trouble

TOP = pathlib.Path(__file__).resolve().parent.parent
SECRET_KEY = TOP / "fixtures" / "test-only-secret-key.asc"
CERTIFICATE = TOP / "keys" / "test-only.asc"

KIB, MIB = 1024, 1024 * 1024

# name, files, bytes a file, repetitions, ratio to reach
FULL = [
    ("large", 200, 5 * MIB, 7, 5),
    ("many", 20_000, 20 * KIB, 7, 3),
    ("small", 60, 1 * KIB, 41, None),
]
SMOKE = [
    ("large", 20, 5 * MIB, 3, 5),
    ("many", 2_000, 20 * KIB, 3, 3),
    ("small", 60, 1 * KIB, 11, None),
]
MEMORY_TARGET = 64 * MIB
START_TARGET_MS = 25


def contents(name, size):
    """Returns bytes that no program can compress, the same for each name."""
    return hashlib.shake_128(name.encode()).digest(size)


def generate(root, files, size):
    """Writes the files and their manifest."""
    wheels = root / "wheels"
    wheels.mkdir(parents=True)
    with open(root / "sha256sums.txt", "w", encoding="ascii") as manifest:
        for number in range(files):
            name = f"bench_{number:05}-1.0-py3-none-any.whl"
            data = contents(name, size)
            (wheels / name).write_bytes(data)
            manifest.write(f"{hashlib.sha256(data).hexdigest()}  {name}\n")


def generate_aside(root, files, size):
    """Generates in another process, so that this one stays small."""
    process = multiprocessing.Process(target=generate, args=(root, files, size))
    process.start()
    process.join()
    if process.exitcode != 0:
        raise Trouble(
            "a wheelhouse could not be generated", root, "make room, or name another place with --directory"
        )


def sign(roots, work):
    """Signs each manifest in a GnuPG home of its own; returns gpgv's keyring."""
    # A home needs a short path: its socket's name may have 107 bytes (unix(7)).
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        gpg = ["gpg", "--homedir", home, "--batch", "--quiet", "--no-tty"]

        def run(*arguments):
            answer = subprocess.run([*gpg, *map(os.fspath, arguments)], capture_output=True, text=True)
            if answer.returncode != 0:
                raise Trouble("gpg failed", " ".join(map(str, arguments)), f"it said:\n{answer.stderr}")

        try:
            run("--import", SECRET_KEY)
            for root in roots:
                run("--armor", "--detach-sign", root / "sha256sums.txt")
            keyring = work / "keyring.gpg"
            run("--output", keyring, "--dearmor", CERTIFICATE)
        finally:
            # The agent would outlive the directory it serves.
            subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], capture_output=True)
    return keyring


def commands(wheelproof, root, keyring):
    """Returns our way and the other way."""
    quoted = {
        "keyring": shlex.quote(os.fspath(keyring)),
        "root": shlex.quote(os.fspath(root)),
    }
    other = (
        "cd {root} && gpgv --quiet --keyring {keyring} sha256sums.txt.asc sha256sums.txt "
        "&& cd wheels && sha256sum -c --quiet ../sha256sums.txt"
    ).format(**quoted)
    ours = [wheelproof, "verify", os.fspath(root), "--certs", os.fspath(CERTIFICATE), "--quiet"]
    return [ours, ["sh", "-c", other]]


def main():
    parser = argparse.ArgumentParser(description="Time `wheelproof verify` against gpgv and sha256sum.")
    parser.add_argument("--smoke", action="store_true", help="a tenth of the files, to see that all works")
    parser.add_argument("--enforce", action="store_true", help="exit with 1 when a target is missed")
    parser.add_argument(
        "--wheelproof",
        default=os.fspath(TOP / "target" / "release" / "wheelproof"),
        help="the program (target/release/wheelproof)",
    )
    parser.add_argument(
        "--directory", type=pathlib.Path, help="where the wheelhouses go for the time being (TMPDIR)"
    )
    given = parser.parse_args()
    given.wheelproof = os.path.abspath(given.wheelproof)
    if not os.access(given.wheelproof, os.X_OK):
        raise Trouble("there is no wheelproof to measure", given.wheelproof, "run `cargo build --release`")
    plan = SMOKE if given.smoke else FULL
    targets = measure.Targets(judged=not given.smoke)

    work = pathlib.Path(tempfile.mkdtemp(prefix="wheelproof-bench-", dir=given.directory))
    try:
        roots = {}
        for name, files, size, _, _ in plan:
            roots[name] = work / name
            generate_aside(roots[name], files, size)
        keyring = sign(roots.values(), work)

        print(measure.first_line(given.wheelproof, "--version"))
        print(measure.first_line("gpgv", "--version"))
        print(measure.first_line("sha256sum", "--version"))
        print(f"{measure.surroundings()}; medians; wheelproof and gpgv + sha256sum in turns")
        for name, files, size, repetitions, ratio_target in plan:
            ours, other = measure.in_turns(commands(given.wheelproof, roots[name], keyring), repetitions)
            ratio = other.median / ours.median
            unit, scale = ("ms", 1e-3) if files * size < MIB else ("s", 1.0)
            print(f"\n{name}: {files} files of {size // KIB} KiB, {repetitions} times each")
            for label, runs in (("wheelproof", ours), ("gpgv + sha256sum", other)):
                print(
                    f"  {label:<17} {runs.median / scale:8.3f} {unit}"
                    f"   ({runs.spread(scale)}), CPU {runs.cpu_median / scale:.3f} {unit}"
                )
            verdict = f"   {targets.at_least(ratio, ratio_target)}" if ratio_target else ""
            print(f"  {'ratio':<17} {ratio:8.2f}{verdict}")
            print(
                f"  {'peak memory':<17} {ours.peak_bytes / MIB:8.1f} MiB"
                f" {targets.at_most(ours.peak_bytes / MIB, MEMORY_TARGET // MIB, ' MiB')}"
            )
            if name == "small":
                # Sixty kibibytes are hashed in a fraction of a millisecond.
                milliseconds = ours.median * 1e3
                print(
                    f"  {'start to verdict':<17} {milliseconds:8.1f} ms"
                    f"  {targets.at_most(milliseconds, START_TARGET_MS, ' ms')}"
                )
        print(f"\nno peak below {measure.own_peak_bytes() / MIB:.1f} MiB, that of this script, can be seen")
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return 1 if given.enforce and targets.missed else 0


if __name__ == "__main__":
    measure.finish(main)
