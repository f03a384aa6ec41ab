# Says what decides the bytes of builds by this interpreter, as one JSON object.
import importlib.metadata
import json
import os
import platform
import re
import subprocess
import sys
import sysconfig


def safely(function):
    try:
        return str(function())
    except Exception:
        return ""


def first_line(command):
    answer = subprocess.run([*command, "--version"], capture_output=True, text=True, timeout=20)
    return (answer.stdout or answer.stderr).splitlines()[0]


def headers():
    path = os.path.join(sysconfig.get_path("include"), "patchlevel.h")
    with open(path, encoding="utf-8") as file:
        return re.search(r'PY_VERSION\s+"([^"]+)"', file.read()).group(1)


def umask():
    mask = os.umask(0o022)
    os.umask(mask)
    return f"{mask:03o}"


def zlib_version():
    import zlib

    return zlib.ZLIB_RUNTIME_VERSION


def zlib_bytes():
    # Another library of the same interface has another output.
    import hashlib
    import zlib

    data = b"".join(b"%d line of a text to compress\n" % (i * i % 977) for i in range(4000))
    return hashlib.sha256(zlib.compress(data, 6)).hexdigest()[:16]


variables = {k: str(v) for k, v in sysconfig.get_config_vars().items() if isinstance(v, (str, int))}
compiler = (variables.get("CC") or "cc").split()[:1]
tools = {}
for distribution in importlib.metadata.distributions():
    name = distribution.metadata["Name"]
    if name and name.lower() not in tools:
        tools[name.lower()] = distribution.version
sections = {
    "interpreter": {
        "version": platform.python_version(),
        "implementation": sys.implementation.name,
        "soabi": variables.get("SOABI", ""),
        "platform": sysconfig.get_platform(),
        "headers": safely(headers),
        "executable": sys.executable,
        "built by": platform.python_compiler(),
    },
    "tools": tools,
    "sysconfig": variables,
    "compiler": {"command": compiler[0], "version": safely(lambda: first_line(compiler))},
    "libraries": {
        "zlib": f"{safely(zlib_version)}, output {safely(zlib_bytes)}",
        "libc": " ".join(platform.libc_ver()),
    },
    "process": {
        "umask": umask(),
        "file system encoding": sys.getfilesystemencoding(),
        "kernel": platform.release(),
    },
    "variables": {
        name: os.environ[name]
        for name in ["SOURCE_DATE_EPOCH", "TZ", "LANG", "LC_ALL", "PYTHONHASHSEED", "CC", "CXX", "CFLAGS",
                     "CPPFLAGS", "LDFLAGS", "LDSHARED", "ARCHFLAGS", "DEB_BUILD_OPTIONS"]
        if name in os.environ
    },
}
print(json.dumps({"schema": "wheelproof.environment/1", "sections": sections}, indent=1, sort_keys=True))
