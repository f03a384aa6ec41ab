"""What the benchmarks share: running commands in turns, and saying what they took.

In:  commands that do the same work in different ways.
Out: for each, medians of time and CPU time, and the peak of memory.
"""

import os
import statistics
import subprocess
import sys
import time


class Trouble(Exception):
    """Says what happened, where, and what to do; ends the run."""

    def __init__(self, title, where, next_step):
        super().__init__(f"error: {title}\n  where:    {where}\n  next:     {next_step}")


class Runs:
    """What all runs of one command took."""

    def __init__(self):
        self.seconds, self.cpu_seconds, self.peak_bytes = [], [], 0

    @property
    def median(self):
        return statistics.median(self.seconds)

    @property
    def cpu_median(self):
        return statistics.median(self.cpu_seconds)

    def spread(self, unit=1.0):
        return f"{min(self.seconds) / unit:.3g} to {max(self.seconds) / unit:.3g}"


def run_once(command, runs, codes=(0,), **how):
    """Runs a command and adds what it took; a command that fails ends the benchmark.

    `codes` are the exit codes of one that did its work; which it was is returned.
    """
    before = time.perf_counter()
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **how
    )
    # No command here says more than a pipe holds, unless something is wrong.
    said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - before
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    if process.returncode not in codes:
        shown = " ".join(map(str, command))
        text = said.decode(errors="replace").strip()
        raise Trouble(
            f"a command ended with {process.returncode}, so nothing can be compared", shown, f"it said:\n{text}"
        )
    runs.seconds.append(seconds)
    runs.cpu_seconds.append(used.ru_utime + used.ru_stime)
    # Kibibytes on Linux; of the process and whatever it waited for, the largest.
    runs.peak_bytes = max(runs.peak_bytes, used.ru_maxrss * 1024)
    return process.returncode


def in_turns(commands, repetitions, **how):
    """Runs the commands in turns, so that what disturbs one disturbs all.

    Each runs once without being counted, which fills the page cache. Then the
    order is turned around in every round.
    """
    all_runs = [Runs() for _ in commands]
    for command in commands:
        run_once(command, Runs(), **how)
    for number in range(repetitions):
        order = list(zip(commands, all_runs))
        for command, runs in order if number % 2 == 0 else reversed(order):
            run_once(command, runs, **how)
    return all_runs


def own_peak_bytes():
    """Returns the memory of this process, below which no peak of a child is seen.

    The kernel counts what a child had before it became another program.
    """
    with open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def surroundings():
    """Returns how many cores there are and how busy they were in the last minute."""
    return f"{len(os.sched_getaffinity(0))} cores, load average {os.getloadavg()[0]:.1f}"


def first_line(*command):
    """Returns the first line that a program says of its version."""
    try:
        answer = subprocess.run(command, capture_output=True, text=True)
    except OSError as fault:
        raise Trouble("a program is not there", f"{command[0]}: {fault}", "install it") from fault
    return (answer.stdout + answer.stderr).strip().splitlines()[0]


class Targets:
    """Collects what was to be reached and whether it was."""

    def __init__(self, judged=True):
        self.judged, self.missed = judged, 0

    def at_least(self, value, target, unit=""):
        return self._say(value >= target, f"at least {target:g}{unit}")

    def at_most(self, value, target, unit=""):
        return self._say(value <= target, f"at most {target:g}{unit}")

    def _say(self, met, text):
        if not self.judged:
            return f"(target: {text}; not judged in the short form)"
        self.missed += not met
        return f"{'met' if met else 'MISSED'}: {text}"


def finish(main):
    """Runs a benchmark's main function and ends the program."""
    try:
        sys.exit(main())
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        sys.exit(3)
    except KeyboardInterrupt:
        sys.exit(130)
