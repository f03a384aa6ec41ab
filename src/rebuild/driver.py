# Calls one PEP 517 hook and sends what it gave to whoever started it: a wheel, or the
# further requirements of the build.
#
# Runs inside the sandbox, as an unprivileged user and within limits already.
# Everything up to the import of the backend is ours; from then on, foreign code
# has run in this process and nothing it says is believed: the reader checks.
import sys

# First of all, before an import could come from the source or from a tool:
# `-c` put the current directory in front, PYTHONPATH the tools.
sys.path[:] = sys.argv[1].split(":")
standard_library = list(sys.path)

import json
import os
import site
import stat
import traceback

job = json.loads(sys.argv[2])

# The pipe for the result is not inherited by what the backend starts. What the
# backend prints is log.
channel = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)

# `-S` keeps `site` from adding packages; these builtins it adds, too, and
# setup scripts call exit().
site.ENABLE_USER_SITE = False
site.setquit()
site.setcopyright()
site.sethelper()

source = os.getcwd()
sys.path[:0] = [os.path.normpath(os.path.join(source, path)) for path in job["backend_path"]]
sys.path += job["tools"]
sys.argv[:] = ["build_wheel"]


class Plain:
    """A function that does not become a method where a class keeps it, as those of
    C do not: pathlib before 3.11 keeps some."""

    def __init__(self, function):
        self.function = function

    def __call__(self, *words, **named):
        return self.function(*words, **named)


def with_changed(found, mode=None, seconds=None):
    """Returns what is known of a file with another mode or time."""
    parts = list(found)
    # Those of the ten parts that have a name must not be said twice.
    in_parts = ("st_mode", "st_ino", "st_dev", "st_nlink", "st_uid", "st_gid", "st_size")
    rest = {name: getattr(found, name) for name in dir(found) if name.startswith("st_") and name not in in_parts}
    if mode is not None:
        parts[stat.ST_MODE] = mode
    if seconds is not None:
        parts[stat.ST_MTIME] = seconds
        rest.update(st_mtime=float(seconds), st_mtime_ns=seconds * 10**9)
    return os.stat_result(parts, rest)


def freeze(start, steps):
    """Makes this process believe that it is always this time: what asks for the
    clock gets it, and so does what asks for the time of a file of this build.
    When a file is opened for writing whose path ends like one of the steps, the
    clock goes on to that time, and never back."""
    import datetime
    import time

    # The kernel stamps files with a clock that is some milliseconds late.
    begun = time.time_ns() - 10**9
    # From which real moment on it was which time.
    moments = [(begun, start)]
    sleep, fstat = time.sleep, os.fstat
    probe = None

    def stamp_ns():
        # What a file gets that is written now. The clock of a file system is none of
        # those that a program can read.
        os.utime(probe)
        return fstat(probe).st_mtime_ns

    def now():
        return moments[-1][1]

    def at(real_ns):
        return [seconds for since, seconds in moments if since <= real_ns][-1]

    def step(event, words):
        if event != "open" or isinstance(words[0], int) or not words[2] & (os.O_WRONLY | os.O_RDWR):
            return
        path = os.path.abspath(os.fsdecode(words[0]))
        seconds = max((steps[ending] for ending in steps if path.endswith(ending)), default=0)
        if seconds > now():
            # Every file of before is older than the mark, every file from now on
            # is not.
            last = mark = stamp_ns()
            while mark <= last:
                sleep(0.001)
                mark = stamp_ns()
            moments.append((mark, seconds))

    if steps:
        path = os.path.join(job["temporary"], ".wheelproof-clock")
        probe = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR)
        os.unlink(path)
        sys.addaudithook(step)
    real = {name: getattr(time, name) for name in ("gmtime", "localtime", "ctime", "asctime", "strftime", "clock_gettime", "clock_gettime_ns")}
    clocks = {getattr(time, name) for name in ("CLOCK_REALTIME", "CLOCK_REALTIME_COARSE", "CLOCK_TAI") if hasattr(time, name)}

    time.time = lambda: float(now())
    time.time_ns = lambda: now() * 10**9
    time.gmtime = lambda at=None: real["gmtime"](now() if at is None else at)
    time.localtime = lambda at=None: real["localtime"](now() if at is None else at)
    time.ctime = lambda at=None: real["ctime"](now() if at is None else at)
    time.asctime = lambda t=None: real["asctime"](time.localtime() if t is None else t)
    time.strftime = lambda form, t=None: real["strftime"](form, time.localtime() if t is None else t)
    time.clock_gettime = lambda clock: float(now()) if clock in clocks else real["clock_gettime"](clock)
    time.clock_gettime_ns = lambda clock: now() * 10**9 if clock in clocks else real["clock_gettime_ns"](clock)

    def standing(base, names):
        # What was made by the real class, by a parser for example, is one of
        # these too.
        class Kind(type):
            def __instancecheck__(cls, value):
                return isinstance(value, base)

            def __subclasscheck__(cls, other):
                return issubclass(other, base)

        return Kind(base.__name__, (base,), {**names, "__module__": "datetime"})

    moment, day = datetime.datetime, datetime.date
    utc = datetime.timezone.utc
    datetime.datetime = standing(moment, {
        "now": classmethod(lambda cls, tz=None: cls.fromtimestamp(now(), tz)),
        "today": classmethod(lambda cls: cls.fromtimestamp(now())),
        "utcnow": classmethod(lambda cls: cls.fromtimestamp(now(), utc).replace(tzinfo=None)),
    })
    datetime.date = standing(day, {"today": classmethod(lambda cls: cls.fromtimestamp(now()))})

    def stamped(real_stat):
        def of(*words, **named):
            found = real_stat(*words, **named)
            if max(found.st_mtime_ns, 0) < begun:
                return found
            return with_changed(found, seconds=at(found.st_mtime_ns))

        return Plain(of)

    for name in ("stat", "lstat", "fstat"):
        setattr(os, name, stamped(getattr(os, name)))


def simulate_windows():
    """Makes what this process writes look as on Windows: lines of text files end
    with CR LF, modes are those that Windows knows, archives name it as their
    creator. Text whose encoding is not said is that of a Western Windows."""
    import builtins
    import io

    real_open, real_text = io.open, io.TextIOWrapper
    # With PYTHONUTF8=1 it is UTF-8 there, too.
    code_page = "utf-8" if sys.flags.utf8_mode else "cp1252"

    def encoding_of(said):
        return code_page if said in (None, "locale") else said

    class Kind(type):
        def __instancecheck__(cls, value):
            return isinstance(value, real_text)

        def __subclasscheck__(cls, other):
            return issubclass(other, real_text)

    class TextIOWrapper(real_text, metaclass=Kind):
        def __init__(self, buffer, encoding=None, errors=None, newline=None, *words, **named):
            super().__init__(buffer, encoding_of(encoding), errors, newline, *words, **named)
            self._translates = newline is None

        # What is printed, and lists of lines, come through here.
        def write(self, text):
            written = text.replace("\n", "\r\n") if self._translates else text
            super().write(written)
            return len(text)

    def open(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, closefd=True, opener=None):
        if "b" in mode:
            return real_open(file, mode, buffering, encoding, errors, newline, closefd, opener)
        encoding = encoding_of(encoding)
        if newline is None and "+" not in mode and "r" not in mode:
            # Nothing is read from it, so this is the same and costs nothing.
            newline = "\r\n"
        if newline is not None or "+" not in mode or buffering == 0:
            return real_open(file, mode, buffering, encoding, errors, newline, closefd, opener)
        binary = real_open(file, mode.replace("t", "") + "b", -1 if buffering == 1 else buffering, closefd=closefd, opener=opener)
        text = TextIOWrapper(binary, encoding, errors, None, buffering == 1)
        text.mode = mode
        return text

    io.TextIOWrapper = TextIOWrapper
    io.open = builtins.open = Plain(open)
    os.linesep = "\r\n"

    def in_windows_modes(real_stat):
        def of(*words, **named):
            found = real_stat(*words, **named)
            mode = 0o666 if found.st_mode & 0o200 else 0o444
            path = words[0] if words else named.get("path", "")
            if stat.S_ISDIR(found.st_mode):
                mode = 0o777
            elif not isinstance(path, int):
                if os.path.splitext(os.fsdecode(path))[1].lower() in (".bat", ".cmd", ".com", ".exe"):
                    mode |= 0o111
            return with_changed(found, mode=stat.S_IFMT(found.st_mode) | mode)

        return Plain(of)

    for name in ("stat", "lstat", "fstat"):
        setattr(os, name, in_windows_modes(getattr(os, name)))

    # After the above, since it keeps some of that.
    import locale
    import zipfile

    locale.getpreferredencoding = lambda do_setlocale=True: code_page
    made = zipfile.ZipInfo.__init__

    def made_on_windows(self, *words, **named):
        made(self, *words, **named)
        self.create_system = 0

    zipfile.ZipInfo.__init__ = made_on_windows


def send(header, wheel=None):
    channel.write(json.dumps(header).encode() + b"\n")
    if wheel is not None:
        with wheel:
            while True:
                piece = wheel.read(1 << 20)
                if not piece:
                    break
                channel.write(piece)
    channel.flush()
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads and exit handlers of the backend are not waited for.
    os._exit(0)


def imported_elsewhere():
    """Returns modules whose files are neither standard library, nor source, nor
    tool, nor made by this build."""
    allowed = [os.path.realpath(path) for path in standard_library + job["tools"] + [source, job["temporary"]]]
    refused = [os.path.realpath(path) for path in job["packages"]]

    def below(path, places):
        return any(path == place or path.startswith(place + os.sep) for place in places)

    found = {}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__dict__", {}).get("__file__")
        if not isinstance(file, str):
            continue
        file = os.path.realpath(file)
        # Site-packages often lie below the standard library, so they come first.
        if below(file, refused) or not below(file, allowed):
            found.setdefault(str(name).partition(".")[0], file)
    return found


def missing_module(error):
    """Returns the module that an error, or one it was raised for, did not find."""
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, ModuleNotFoundError) and error.name:
            return error.name.partition(".")[0]
        error = error.__cause__ or error.__context__
    return None


if job["distutils"]:
    # The user's configuration, which distutils and setuptools of every version read.
    with open(os.path.join(os.path.expanduser("~"), ".pydistutils.cfg"), "w") as file:
        for command, options in job["distutils"].items():
            file.write("[%s]\n" % command)
            for option, value in options.items():
                file.write("%s = %s\n" % (option, value))

if job["clock"] is not None:
    freeze(job["clock"], job["clock_steps"])
if job["platform"] == "windows":
    simulate_windows()

try:
    module, _, attributes = job["backend"].partition(":")
    backend = __import__(module, fromlist=["_"])
    for attribute in attributes.split(".") if attributes else []:
        backend = getattr(backend, attribute)
    if job["hook"] == "get_requires_for_build_wheel":
        # A hook that a backend need not have.
        ask = getattr(backend, job["hook"], None)
        send({"requires": [str(one) for one in ask(None)] if ask else []})
    name = backend.build_wheel(job["output"], None)
except BaseException as error:
    traceback.print_exc()
    last = traceback.format_exception_only(type(error), error)[-1].strip()
    send({"failed": last, "missing": missing_module(error), "elsewhere": imported_elsewhere()})

wheels = sorted(os.listdir(job["output"]))
header = {"wheels": wheels, "returned": str(name), "elsewhere": imported_elsewhere()}
if wheels == [name]:
    descriptor = os.open(os.path.join(job["output"], name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise SystemExit("the wheel is not a file")
    send(header, os.fdopen(descriptor, "rb"))
send(header)
