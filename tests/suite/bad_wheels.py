"""Writes pairs of files that are bad on purpose, for `wheelproof explain`.

usage: bad_wheels.py DIRECTORY SCENARIO

Each scenario is a function; it writes published/NAME and rebuilt/NAME. What is
large is sparse, or made of zeros.
"""

import io
import os
import pathlib
import struct
import sys
import zipfile
import zlib

NAME = "probe-1.0-py3-none-any.whl"
TOP = "probe-1.0.dist-info"


def plain(text="x = 1\n", **more):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {"probe/a.py": text, f"{TOP}/METADATA": "Name: probe\n", f"{TOP}/WHEEL": "Tag: py3-none-any\n",
                           f"{TOP}/RECORD": "", **more}.items():
            archive.writestr(zipfile.ZipInfo(name, (2011, 6, 29, 20, 23, 36)), data, zipfile.ZIP_DEFLATED)
    return bytearray(out.getvalue())


def central(data, name):
    """Returns where the header of a member in the central directory is."""
    return data.rindex(b"PK\x01\x02", 0, data.rindex(name.encode()))


def encrypted(write):
    both = []
    for text in ("x = 1\n", "x = 2\n"):
        data = plain(text)
        # APPNOTE 4.4.4: bit 0 of the general purpose flags, in both headers.
        data[6] |= 1
        data[central(data, "probe/a.py") + 8] |= 1
        both.append(bytes(data))
    write(*both)


def truncated(write):
    data = bytes(plain())
    write(data, data[: len(data) * 2 // 3])


def no_wheel(write):
    write(bytes(plain()), b"MZ" + os.urandom(5000))


def empty(write):
    write(bytes(plain()), b"")


def unknown_method(write):
    both = []
    for text in ("x = 1\n", "x = 2\n"):
        data = plain(text)
        data[8] = 98
        data[central(data, "probe/a.py") + 10] = 98
        both.append(bytes(data))
    write(*both)


def zip64(write):
    """Sizes in the fields of ZIP64, and contents that differ."""
    both = []
    for text in (b"x = 1\n", b"x = 2\n"):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            with archive.open(zipfile.ZipInfo("probe/a.py", (2011, 6, 29, 20, 23, 36)), "w", force_zip64=True) as stream:
                stream.write(text)
        both.append(out.getvalue())
    write(*both)


def bomb(write):
    """A gigabyte of zeros in a megabyte."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed, crc, chunk = [], 0, bytes(1 << 20)
    for _ in range(1024):
        packed.append(packer.compress(chunk))
        crc = zlib.crc32(chunk, crc)
    packed.append(packer.flush())
    data = b"".join(packed)
    write(bytes(plain()), one_member("probe/zeros.bin", data, 8, crc, 1 << 30))


def false_size(write):
    """As much as the bomb, and the headers say six bytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = b"".join(packer.compress(bytes(1 << 20)) for _ in range(512)) + packer.flush()
    write(bytes(plain()), one_member("probe/a.py", data, 8, zlib.crc32(b"x = 1\n"), 6))


def one_member(name, data, method, crc, size):
    name = name.encode()
    fields = struct.pack("<HHHHHIIIHH", 20, 0, method, 0, 0x5821, crc, len(data), size, len(name), 0)
    local = b"PK\x03\x04" + fields + name + data
    directory = b"PK\x01\x02" + struct.pack("<H", 20) + fields + struct.pack("<HHHII", 0, 0, 0, 0o100644 << 16, 0) + name
    return local + directory + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(directory), len(local), 0)


def million_members(write):
    """More than a million headers that all lead to the same empty member."""
    count = 1_000_001
    local = b"PK\x03\x04" + struct.pack("<HHHHHIIIHH", 20, 0, 0, 0, 0x5821, 0, 0, 0, 1, 0) + b"a"
    fields = struct.pack("<HHHHHHIIIHHHHHII", 20, 20, 0, 0, 0, 0x5821, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0)
    directory = b"".join(b"PK\x01\x02" + fields + b"%07d" % number for number in range(count))
    end64 = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, count, count, len(directory), len(local))
    locator = b"PK\x06\x07" + struct.pack("<IQI", 0, len(local) + len(directory), 1)
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    write(bytes(plain()), local + directory + end64 + locator + end)


def many_members(write):
    """Twenty thousand members, and the time of each differs."""
    both = []
    for year in (2011, 2012):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for number in range(20_000):
                archive.writestr(zipfile.ZipInfo(f"probe/{number}.py", (year, 1, 1, 0, 0, 0)), b"x")
        both.append(out.getvalue())
    write(*both)


def broken_object(write):
    """Shared objects that begin well."""
    head = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 64, 1 << 40, 0, 64, 56, 0xFFFF, 64, 0xFFFF, 0xFFFE)
    write(bytes(plain(**{"probe/a.so": head + b"\xff" * 4000})), bytes(plain(**{"probe/a.so": head + b"\xfe" * 4000})))


def four_gigabytes(directory):
    """A member of more than four gibibytes, as a hole in the file."""
    size = (1 << 32) + 10
    for side, last in (("published", b"1"), ("rebuilt", b"2")):
        path = pathlib.Path(directory, side, NAME)
        path.parent.mkdir(parents=True)
        name = b"probe/zeros.bin"
        sizes = struct.pack("<HHQQ", 1, 16, size, size)
        # A CRC-32 that nobody checked: what matters is that it ends with a sentence.
        fields = struct.pack("<HHHHHIIIHH", 45, 0, 0, 0, 0x5821, 0, 0xFFFFFFFF, 0xFFFFFFFF, len(name), len(sizes))
        local = b"PK\x03\x04" + fields + name + sizes
        directory_ = b"PK\x01\x02" + struct.pack("<H", 45) + fields + struct.pack("<HHHII", 0, 0, 0, 0, 0) + name + sizes
        start = len(local) + size
        end64 = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, 1, 1, len(directory_), start)
        locator = b"PK\x06\x07" + struct.pack("<IQI", 0, start + len(directory_), 1)
        end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(directory_), 0xFFFFFFFF, 0)
        with path.open("wb") as out:
            out.write(local)
            out.seek(start - 1)
            out.write(last + directory_ + end64 + locator + end)


def main():
    directory, scenario = sys.argv[1:]
    if scenario == "four_gigabytes":
        return four_gigabytes(directory)

    def write(published, rebuilt):
        for side, data in (("published", published), ("rebuilt", rebuilt)):
            path = pathlib.Path(directory, side, NAME)
            path.parent.mkdir(parents=True)
            path.write_bytes(data)

    globals()[scenario](write)


main()
