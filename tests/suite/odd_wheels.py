"""Makes a wheel of the testkit and says what an installer makes of it.

    odd_wheels.py make EXPRESSION FILE     the value of an expression of a case
    odd_wheels.py install FILE DIR         with installer, at the paths of a prefix
    odd_wheels.py tree DIR                 what was installed, without what each
                                           installer adds of its own, as lines

Generated scripts differ in their first lines and in the words around the call, so of
them the call alone is shown.
"""

import hashlib
import pathlib
import re
import sys

CASES = pathlib.Path(__file__).resolve().parents[2] / "fixtures/cases"
OWN = {"INSTALLER", "RECORD", "REQUESTED", "direct_url.json", "uv_build.json", "uv_cache.json", ".lock"}


def make(expression, file):
    sys.path.insert(0, str(CASES))
    import make as kit

    pathlib.Path(file).write_bytes(kit.evaluated(expression, {}))


def install(file, directory):
    from installer import install
    from installer.destinations import SchemeDictionaryDestination
    from installer.sources import WheelFile

    modules = "lib/python3/site-packages"
    places = {"purelib": modules, "platlib": modules, "headers": "include", "scripts": "bin", "data": ""}
    places = {key: f"{directory}/{place}" for key, place in places.items()}
    destination = SchemeDictionaryDestination(places, interpreter="/usr/bin/python3", script_kind="posix")
    with WheelFile.open(pathlib.Path(file)) as source:
        source.validate_record(validate_contents=False)
        install(source=source, destination=destination, additional_metadata={})


def shown(path):
    data = path.read_bytes()
    call = re.search(rb"^from (\S+) import (\S+)$", data, re.MULTILINE)
    if path.parent.name == "bin" and data.startswith(b"#!") and call:
        return b":".join(call.groups()).decode()
    return hashlib.sha256(data).hexdigest()


def tree(directory):
    for path in sorted(pathlib.Path(directory).rglob("*")):
        if path.is_file() and path.name not in OWN and "__pycache__" not in path.parts:
            place = re.sub(r"^lib/python[0-9.]*/", "lib/python3/", str(path.relative_to(directory)))
            print(place, shown(path))


if __name__ == "__main__":
    {"make": make, "install": install, "tree": tree}[sys.argv[1]](*sys.argv[2:])
