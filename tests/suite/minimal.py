"""The smallest wheel that every check lets pass, by CPython's zipfile.

Tests run it with the path of a wheel, and files as pairs of name and text on the
standard input. Build backends of tests have it in their sdist and import it.
"""

import base64
import hashlib
import json
import os
import sys
import zipfile


def wheel(path, files):
    """Write a wheel whose metadata says what its file name says."""
    stem = os.path.basename(path)[: -len(".whl")]
    name, version, *tag = stem.split("-")
    build = "Build: %s\n" % tag.pop(0) if len(tag) == 4 else ""
    tag = "-".join(tag)
    info = "%s-%s.dist-info/" % (name, version)
    pure = "true" if tag.endswith("-none-any") else "false"
    files = [
        *files,
        (info + "METADATA", "Metadata-Version: 2.1\nName: %s\nVersion: %s\n" % (name, version)),
        (
            info + "WHEEL",
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: %s\nTag: %s\n%s" % (pure, tag, build),
        ),
    ]
    record = ""
    with zipfile.ZipFile(path, "w") as archive:
        for member, contents in files:
            if isinstance(contents, str):
                contents = contents.encode()
            digest = base64.urlsafe_b64encode(hashlib.sha256(contents).digest())
            record += "%s,sha256=%s,%d\n" % (
                member,
                digest.rstrip(b"=").decode(),
                len(contents),
            )
            archive.writestr(zipfile.ZipInfo(member), contents)
        record += info + "RECORD,,\n"
        archive.writestr(zipfile.ZipInfo(info + "RECORD"), record)


if __name__ == "__main__":
    wheel(sys.argv[1], json.load(sys.stdin))
