#!/usr/bin/env python3
"""Times `wheelproof verify` against gpgv, sha256sum, and unpacking wheels.

In:  a release build, gpg, gpgv, sha256sum, the test-only key of fixtures/, and
     Python's `wheel`, which pip fetches by its digest.
Out: for generated wheelhouses, and for a real manifest with nineteen signers when it
     is there, the medians, the ratio, the peak of memory, and what was to be reached.

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
import sys
import tempfile

import measure
import wheels
from measure import Trouble

TOP = pathlib.Path(__file__).resolve().parent.parent
SECRET_KEY = TOP / "fixtures" / "test-only-secret-key.asc"
CERTIFICATE = TOP / "keys" / "test-only.asc"

KIB, MIB = 1024, 1024 * 1024

# name, files, bytes a file, repetitions, ratio to reach
FULL = [
    ("large", 200, 5 * MIB, 7, 6),
    ("many", 20_000, 20 * KIB, 7, 3),
    ("small", 60, 1 * KIB, 41, None),
]
SMOKE = [
    ("large", 20, 5 * MIB, 3, 6),
    ("many", 2_000, 20 * KIB, 3, 3),
    ("small", 60, 1 * KIB, 11, None),
]
MEMORY_TARGET = 64 * MIB
START_TARGET_MS = 25
# Of what hashing alone reaches.
ALONE_TARGET = 0.95
# Wheels, repetitions, ratio to reach.
DEEP_FULL, DEEP_SMOKE = (6, 5, 10), (3, 2, 10)
DEEP_MEMORY_TARGET = 256 * MIB
# Entries of a manifest, repetitions.
ENTRIES_FULL, ENTRIES_SMOKE = ((25_000, 50_000, 100_000), 5), ((1_000, 2_000, 4_000), 2)
ENTRIES_MEMORY_TARGET = 128 * MIB
# How much longer twice as many entries may take.
LINEAR_TARGET = 2.4
SIGNERS_TARGET_MS = 60
# Bytes of a manifest, signatures, repetitions; how much longer they may take than one.
SIGNATURES_FULL, SIGNATURES_SMOKE = (64 * MIB, 600, 5), (8 * MIB, 60, 2)
SIGNATURES_TARGET = 2
SIGNERS = TOP.parent / "shared" / "data" / "bitcoin-25.0"
TOOLS_LIST = pathlib.Path(__file__).resolve().parent / "verify-tools.txt"


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


def generate_entries(root, count):
    """Writes so many empty files and their manifest."""
    directory = root / "wheels"
    directory.mkdir(parents=True)
    digest = hashlib.sha256(b"").hexdigest()
    with open(root / "sha256sums.txt", "w", encoding="ascii") as manifest:
        for number in range(count):
            name = f"entry_{number:06}-1.0-py3-none-any.whl"
            (directory / name).touch()
            manifest.write(f"{digest}  {name}\n")


def aside(generate, root, *arguments):
    """Generates in another process, so that this one stays small."""
    process = multiprocessing.Process(target=generate, args=(root, *arguments))
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
    return [ours(wheelproof, root, "--shallow"), ["sh", "-c", other]]


def ours(wheelproof, root, *flags):
    """Returns our way."""
    return [wheelproof, "verify", os.fspath(root), "--certs", os.fspath(CERTIFICATE), "--quiet", *flags]


def say(label, runs, unit="s", scale=1.0):
    print(
        f"  {label:<17} {runs.median / scale:8.3f} {unit}"
        f"   ({runs.spread(scale)}), CPU {runs.cpu_median / scale:.3f} {unit}"
    )


def say_peak(runs, targets, target):
    print(
        f"  {'peak memory':<17} {runs.peak_bytes / MIB:8.1f} MiB"
        f"  {targets.at_most(runs.peak_bytes / MIB, target // MIB, ' MiB')}"
    )


def fetch_wheel(work):
    """Fetches the wheel of `wheel` by its digest; returns its path."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary", ":all:", "--require-hashes"]
    command += ["--dest", os.fspath(work / "tools"), "-r", os.fspath(TOOLS_LIST)]
    answer = subprocess.run(command, capture_output=True, text=True)
    if answer.returncode != 0:
        raise Trouble(
            "the tool of the other way cannot be fetched",
            TOOLS_LIST,
            f"name the wheel of it with --wheel; pip said:\n{answer.stderr}",
        )
    return next((work / "tools").glob("*.whl"))


def deep(given, root, repetitions, ratio_target, targets):
    """Holds looking inside against unpacking the same wheels."""
    out = root / "unpacked"
    other = (
        f"rm -rf {shlex.quote(os.fspath(out))}; for wheel in {shlex.quote(os.fspath(root))}/wheels/*.whl; do "
        f"{shlex.quote(sys.executable)} -m wheel unpack --dest {shlex.quote(os.fspath(out))} \"$wheel\" || exit 1; done"
    )
    environment = {**os.environ, "PYTHONPATH": os.fspath(given.wheel)}
    mine, others = measure.in_turns(
        [ours(given.wheelproof, root), ["sh", "-c", other]], repetitions, env=environment
    )
    count = len(list((root / "wheels").iterdir()))
    print(f"\ndeep: {count} wheels, {wheels.unpacked_bytes(root) / MIB:.0f} MiB unpacked, {repetitions} times each")
    say("wheelproof", mine)
    say("wheel unpack", others)
    ratio = others.median / mine.median
    print(f"  {'ratio':<17} {ratio:8.2f}   {targets.at_least(ratio, ratio_target)}")
    say_peak(mine, targets, DEEP_MEMORY_TARGET)


def entries(given, roots, repetitions, targets):
    """Shows that time and memory grow with the entries and no faster."""
    all_runs = measure.in_turns(
        [ours(given.wheelproof, root, "--shallow") for root in roots.values()], repetitions
    )
    print(f"\nentries: empty files, {repetitions} times each")
    for count, runs in zip(roots, all_runs):
        say(f"{count} entries", runs)
    for (fewer, few), (more, many) in zip(zip(roots, all_runs), list(zip(roots, all_runs))[1:]):
        ratio = many.median / few.median
        label = f"{more // 1000}k to {fewer // 1000}k"
        print(f"  {label:<17} {ratio:8.2f}   {targets.at_most(ratio, LINEAR_TARGET)}")
    say_peak(all_runs[-1], targets, ENTRIES_MEMORY_TARGET)


def signers(given, work, repetitions, targets):
    """Holds nineteen real signatures and the certificates against gpgv."""
    if not SIGNERS.is_dir():
        print(f"\nsigners: left out, {SIGNERS} is not there")
        return
    root = work / "signers"
    (root / "wheels").mkdir(parents=True)
    names = sorted((SIGNERS / "signers").iterdir())
    shutil.copyfile(names[0] / "all.SHA256SUMS", root / "SHA256SUMS")
    with open(root / "SHA256SUMS.asc", "wb") as together:
        for name in names:
            together.write((name / "all.SHA256SUMS.asc").read_bytes())
    certificates = sorted((SIGNERS / "builder-keys").iterdir())
    keyring = work / "signers.gpg"
    with open(keyring, "wb") as binary:
        for certificate in certificates:
            command = ["gpg", "--homedir", os.fspath(work), "--batch", "--quiet", "--dearmor"]
            with open(certificate, "rb") as armored:
                binary.write(subprocess.run(command, stdin=armored, capture_output=True).stdout)
    mine = [given.wheelproof, "verify", os.fspath(root), "--time", "2026-11-23T00:00:00Z", "--shallow", "--quiet"]
    mine += ["--certs", os.fspath(SIGNERS / "builder-keys")]
    other = ["gpgv", "--quiet", "--keyring", keyring, root / "SHA256SUMS.asc", root / "SHA256SUMS"]
    # The files are not there, which is a finding.
    mine, others = measure.in_turns([mine, other], repetitions, codes=(0, 1))
    print(f"\nsigners: {len(names)} signers, {len(certificates)} certificates, {repetitions} times each")
    say("wheelproof", mine, "ms", 1e-3)
    say("gpgv", others, "ms", 1e-3)
    milliseconds = mine.median * 1e3
    print(f"  {'ratio':<17} {others.median / mine.median:8.2f}")
    print(f"  {'start to verdict':<17} {milliseconds:8.1f} ms  {targets.at_most(milliseconds, SIGNERS_TARGET_MS, ' ms')}")


def generate_signatures(root, size, count):
    """Writes a manifest of that size and so many different signatures over it."""
    sys.path.insert(0, os.fspath(TOP / "fixtures" / "foreign"))
    import make_rsa

    (root / "keys").mkdir(parents=True)
    (root / "wheels").mkdir()
    line = b"# " + b"a" * 97 + b"\n"
    manifest = line * (size // len(line))
    (root / "sha256sums.txt").write_bytes(manifest)
    key = make_rsa.Key(65537, "sha512")
    certificate = make_rsa.armored("PUBLIC KEY BLOCK", key.certificate("bench"))
    (root / "keys" / "bench.asc").write_text(certificate)
    begun = hashlib.sha512(manifest)
    with open(root / "sha256sums.txt.sig", "wb") as file:
        for number in range(count):
            file.write(key.signature(0, make_rsa.SIGNED + number, begun))


def many_signatures(given, roots, repetitions, targets):
    """Shows that a manifest is hashed once, however many signatures are over it."""
    ways = [
        [given.wheelproof, "verify", os.fspath(root), "--certs", os.fspath(root / "keys"), "--quiet"]
        for root in roots.values()
    ]
    # A manifest of comments lists nothing, which is a finding.
    few, many = measure.in_turns(ways, repetitions, codes=(1, 4))
    size = next(iter(roots.values())).joinpath("sha256sums.txt").stat().st_size
    print(f"\nmany signatures: over a manifest of {size / MIB:.0f} MiB, {repetitions} times each")
    for count, runs in zip(roots, (few, many)):
        say(f"{count} signatures", runs)
    for label, ratio in (
        ("ratio", many.median / few.median),
        ("ratio of CPU", many.cpu_median / few.cpu_median),
    ):
        print(f"  {label:<17} {ratio:8.2f}   {targets.at_most(ratio, SIGNATURES_TARGET)}")


def main():
    parser = argparse.ArgumentParser(description="Time `wheelproof verify` against gpgv, sha256sum and unpacking wheels.")
    parser.add_argument("--smoke", action="store_true", help="a tenth of the files, to see that all works")
    parser.add_argument("--enforce", action="store_true", help="exit with 1 when a target is missed")
    parser.add_argument(
        "--wheelproof",
        default=os.fspath(TOP / "target" / "release" / "wheelproof"),
        help="the program (target/release/wheelproof)",
    )
    parser.add_argument(
        "--hash-alone",
        default=os.fspath(TOP / "target" / "release" / "examples" / "hash-alone"),
        help="the program that hashes and does nothing else (target/release/examples/hash-alone)",
    )
    parser.add_argument("--wheel", type=pathlib.Path, help="the wheel of verify-tools.txt; else it is fetched")
    parser.add_argument(
        "--directory", type=pathlib.Path, help="where the wheelhouses go for the time being (TMPDIR)"
    )
    given = parser.parse_args()
    given.wheelproof = os.path.abspath(given.wheelproof)
    for program in (given.wheelproof, given.hash_alone):
        if not os.access(program, os.X_OK):
            raise Trouble(
                "there is nothing to measure", program, "run `cargo build --release --bins --example hash-alone`"
            )
    plan = SMOKE if given.smoke else FULL
    targets = measure.Targets(judged=not given.smoke)

    work = pathlib.Path(tempfile.mkdtemp(prefix="wheelproof-bench-", dir=given.directory))
    try:
        roots = {}
        for name, files, size, _, _ in plan:
            roots[name] = work / name
            aside(generate, roots[name], files, size)
        wheel_count, deep_times, deep_target = DEEP_SMOKE if given.smoke else DEEP_FULL
        aside(wheels.generate, work / "deep", wheel_count)
        entry_counts, entry_times = ENTRIES_SMOKE if given.smoke else ENTRIES_FULL
        long = {count: work / f"entries-{count}" for count in entry_counts}
        for count, root in long.items():
            aside(generate_entries, root, count)
        signed_size, signed_count, signed_times = SIGNATURES_SMOKE if given.smoke else SIGNATURES_FULL
        signed = {count: work / f"signatures-{count}" for count in (1, signed_count)}
        for count, root in signed.items():
            aside(generate_signatures, root, signed_size, count)
        keyring = sign([*roots.values(), work / "deep", *long.values()], work)
        given.wheel = os.path.abspath(given.wheel or fetch_wheel(work))

        print(measure.first_line(given.wheelproof, "--version"))
        print(measure.first_line("gpgv", "--version"))
        print(measure.first_line("sha256sum", "--version"))
        print(f"{measure.surroundings()}; medians; wheelproof and gpgv + sha256sum in turns")
        for name, files, size, repetitions, ratio_target in plan:
            ways = commands(given.wheelproof, roots[name], keyring)
            if name == "large":
                ways.append([given.hash_alone, os.fspath(roots[name] / "wheels")])
            mine, other, *alone = measure.in_turns(ways, repetitions)
            ratio = other.median / mine.median
            unit, scale = ("ms", 1e-3) if files * size < MIB else ("s", 1.0)
            print(f"\n{name}: {files} files of {size // KIB} KiB, {repetitions} times each")
            for label, runs in (("wheelproof", mine), ("gpgv + sha256sum", other)):
                say(label, runs, unit, scale)
            verdict = f"   {targets.at_least(ratio, ratio_target)}" if ratio_target else ""
            print(f"  {'ratio':<17} {ratio:8.2f}{verdict}")
            for runs in alone:
                say("hashing alone", runs, unit, scale)
                part = runs.median / mine.median
                print(f"  {'of that':<17} {part:8.2f}   {targets.at_least(part, ALONE_TARGET)}")
            say_peak(mine, targets, MEMORY_TARGET)
            if name == "small":
                # Sixty kibibytes are hashed in a fraction of a millisecond.
                milliseconds = mine.median * 1e3
                print(
                    f"  {'start to verdict':<17} {milliseconds:8.1f} ms"
                    f"  {targets.at_most(milliseconds, START_TARGET_MS, ' ms')}"
                )
        deep(given, work / "deep", deep_times, deep_target, targets)
        entries(given, long, entry_times, targets)
        signers(given, work, 11 if given.smoke else 41, targets)
        many_signatures(given, signed, signed_times, targets)
        print(f"\nno peak below {measure.own_peak_bytes() / MIB:.1f} MiB, that of this script, can be seen")
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return 1 if given.enforce and targets.missed else 0


if __name__ == "__main__":
    measure.finish(main)
