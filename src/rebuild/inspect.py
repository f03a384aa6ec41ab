# Says what the machine is that wheels would be built on: interpreter, compiler,
# linker, C library, headers, and who packaged them.
#
# Runs inside the sandbox: the compiler's name may come from a build record, and
# asking a program for its version is running it.
import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig

job = json.loads(sys.argv[1])
PATIENCE = 20


def digest(path):
    state = hashlib.sha256()
    with open(path, "rb") as file:
        while True:
            piece = file.read(1 << 20)
            if not piece:
                return state.hexdigest()
            state.update(piece)


def first_line(command):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, timeout=PATIENCE)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode("utf-8", "replace").split("\n")[0].strip() if done.returncode == 0 else ""


def program(command):
    """Returns what a program of this name is."""
    path = shutil.which(command)
    version = first_line([command, "--version"]) if path else ""
    if not version:
        return None
    # gcc repeats the name it was called by, which is no version.
    called = os.path.basename(command) + " "
    if version.startswith(called):
        version = version[len(called):]
    path = os.path.realpath(path)
    return {"command": command, "path": path, "sha256": digest(path), "version": version}


def own_variables():
    try:
        name = sysconfig._get_sysconfigdata_name()
        variables = __import__(name, fromlist=["_"]).build_time_vars
    except (AttributeError, ImportError):
        return {}
    return {name: value for name, value in variables.items() if type(value) in (int, str)}


def headers(include, multiarch):
    """Returns the include path and the digest of a list of all files there, in the
    form of sha256sum, sorted by path."""
    places = [include]
    if multiarch:
        # Debian's pyconfig.h leads there.
        above, name = os.path.split(include)
        places.append(os.path.join(above, multiarch, name))
    files = []
    for place in places:
        for top, _, names in os.walk(place):
            files += [os.path.join(top, name) for name in names if os.path.isfile(os.path.join(top, name))]
    if not files:
        return None
    files.sort(key=os.fsencode)
    lines = b"".join(digest(path).encode() + b"  " + os.fsencode(path) + b"\n" for path in files)
    main = os.path.join(include, "Python.h")
    return {"path": include, "sha256": hashlib.sha256(lines).hexdigest(), "main": main if os.path.isfile(main) else files[0]}


def packages(paths):
    """Returns the packages and versions that own files, as dpkg knows them."""
    wanted = {}
    for path in paths:
        wanted[path] = path
        # Where /bin is a link to /usr/bin, packages may still list the former.
        if path.startswith("/usr/"):
            wanted[path[4:]] = path
    if not wanted or not shutil.which("dpkg-query"):
        return {}
    try:
        done = subprocess.run(["dpkg-query", "-S"] + sorted(wanted), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, timeout=PATIENCE)
        owners = {}
        for line in done.stdout.decode("utf-8", "replace").splitlines():
            names, found, path = line.partition(": ")
            if found and path in wanted and not names.startswith("diversion "):
                owners[wanted[path]] = names.split(", ")[0].split(":")[0]
        if not owners:
            return {}
        done = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${Version}\n"] + sorted(set(owners.values())), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, timeout=PATIENCE)
    except (OSError, subprocess.SubprocessError):
        return {}
    versions = dict(line.split(" ", 1) for line in done.stdout.decode("utf-8", "replace").splitlines() if " " in line)
    return {path: name + " " + versions[name] for path, name in owners.items() if name in versions}


own = own_variables()
variables = own if job["variables"] is None else job["variables"]
include = sysconfig.get_path("include") if job["variables"] is None else variables.get("INCLUDEPY", "")
command = (job["compiler"] or variables.get("CC", "")).split()
compiler = program(command[0]) if command else None
linker = None
if compiler:
    named = first_line([compiler["command"], "-print-prog-name=ld"])
    linker = program(named) if named else None
    if linker:
        linker["command"] = os.path.basename(linker["command"])
found = headers(include, variables.get("MULTIARCH", "")) if include else None
try:
    library = os.confstr("CS_GNU_LIBC_VERSION")
except (AttributeError, ValueError, OSError):
    library = None
library = {"version": library, "path": "/usr/include/features.h"} if library else None
try:
    import zlib
    zlib_version = zlib.ZLIB_RUNTIME_VERSION
except ImportError:
    zlib_version = None
interpreter = {
    "implementation": sys.implementation.name,
    "version": "%d.%d.%d" % sys.version_info[:3],
    "path": job["executable"],
    "sha256": digest(job["executable"]),
}

owned = {part["path"]: part for part in (compiler, linker, library, interpreter) if part}
if found:
    owned[found["main"]] = found
for path, package in packages(owned).items():
    owned[path]["package"] = package
# What only served to ask for the package.
for part, name in ((compiler, "path"), (linker, "path"), (library, "path"), (found, "main")):
    if part:
        del part[name]

print(json.dumps({
    "variables": own,
    "compiler": compiler,
    "linker": linker,
    "c_library": library,
    "headers": found,
    "interpreter": interpreter,
    "zlib": zlib_version,
}))
