"""Writes pairs of wheels with equal contents by CPython's zipfile, each in another
random way:

    python3 witness_pairs.py DIRECTORY COUNT SEED

gives DIRECTORY/N/published.whl and DIRECTORY/N/rebuilt.whl for N from 0.
"""

import io
import os
import random
import sys
import zipfile


class OneWay(io.RawIOBase):
    """A file that cannot go back, for which zipfile writes data descriptors."""

    def __init__(self, file):
        self.file, self.at = file, 0

    def writable(self):
        return True

    def seekable(self):
        return False

    def write(self, piece):
        self.at += len(piece)
        return self.file.write(piece)

    def flush(self):
        self.file.flush()


WORDS = [word.encode() for word in "def return import self None class wheel in is not".split()]


def members(random):
    for number in range(random.randint(1, 9)):
        kind = random.randrange(4)
        if kind == 0:
            contents = b""
        elif kind == 1:
            contents = random.randbytes(random.randrange(2000))
        else:
            contents = b" ".join(random.choices(WORDS, k=random.randrange(1, 6000)))
        yield random.choice(["", "pkg/", "pkg-1.0.dist-info/", "ä/"]) + f"m{number}.py", contents


def write(path, contents, random):
    """Writes an archive; what is not said here is as zipfile has it."""
    names = list(contents)
    if random.random() < 0.5:
        random.shuffle(names)
    stream = random.random() < 0.3
    wide = random.random() < 0.2
    level = random.choice([None, None, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    method = random.choice([zipfile.ZIP_STORED] + 4 * [zipfile.ZIP_DEFLATED])
    when = random.choice([(1980, 1, 1, 0, 0, 0), (2016, 1, 1, 0, 0, 0), (2026, 11, 23, 23, 59, 58)])
    mode = random.choice([0o100644, 0o100664, 0o644, 0o100755])
    with open(path, "wb") as file:
        if not stream and random.random() < 0.1:
            file.write(b"#!/usr/bin/env python3\n")
        target = OneWay(file) if stream else file
        with zipfile.ZipFile(target, "w") as archive:
            for name in names:
                odd = random.random() < 0.2
                info = zipfile.ZipInfo(name, (2001, 2, 3, 4, 5, 6) if odd else when)
                info.external_attr = (0o100600 if odd else mode) << 16
                info.compress_type = method
                info._compresslevel = level
                if random.random() < 0.1:
                    info.create_system = 0
                    info.external_attr = 0x20
                if random.random() < 0.1:
                    info.internal_attr = 1
                if random.random() < 0.1:
                    info.extra = b"UT\x05\x00\x01abcd"
                if random.random() < 0.1:
                    info.comment = b"a comment"
                if random.random() < 0.1:
                    info.create_version = 63
                    info.extract_version = 10
                with archive.open(info, "w", force_zip64=wide) as out:
                    out.write(contents[name])
            if random.random() < 0.2:
                archive.comment = b"of the archive"


def main(directory, count, seed):
    for number in range(int(count)):
        source = random.Random(f"{seed} {number}")
        here = os.path.join(directory, str(number))
        os.mkdir(here)
        contents = dict(members(source))
        for name in ("published.whl", "rebuilt.whl"):
            write(os.path.join(here, name), contents, source)


if __name__ == "__main__":
    main(*sys.argv[1:])
