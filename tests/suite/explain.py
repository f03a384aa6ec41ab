"""Writes pairs of wheels that differ in one thing, with CPython's own zipfile.

usage: explain.py DIRECTORY SCENARIO

Each scenario is a function; it writes published/NAME and rebuilt/NAME. Nothing of
the program under test takes part.
"""

import base64
import gzip
import hashlib
import io
import json
import marshal
import os
import random
import struct
import sys
import tarfile
import time
import zipfile
import zlib

NAME = "probe-1.0-py3-none-any.whl"
TOP = "probe-1.0.dist-info"
EPOCH = (2011, 6, 29, 20, 23, 36)
METADATA = "Metadata-Version: 2.1\nName: probe\nVersion: 1.0\nSummary: A probe\nRequires-Dist: foo (>=1)\n\nText.\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: bdist_wheel (0.36.2)\nRoot-Is-Purelib: true\nTag: py3-none-any\n\n"
BASE = {
    "probe/__init__.py": "__version__ = '1.0'\n",
    "probe/a.py": "import os\n" * 40,
    "probe/b.py": "import sys\n" * 40,
    f"{TOP}/METADATA": METADATA,
    f"{TOP}/WHEEL": WHEEL,
}


class Member:
    def __init__(self, data, date=EPOCH, mode=0o100644, system=3, level=6, method=zipfile.ZIP_DEFLATED, extra=b"",
                 version=20):
        self.data = data.encode() if isinstance(data, str) else data
        self.date, self.mode, self.system, self.level = date, mode, system, level
        self.method, self.extra, self.version = method, extra, version


def wheel(members, record=None, order=None, name=NAME, comment=b"", defaults=None, top=TOP, streamed=False):
    """Returns the bytes of a wheel with a true RECORD."""
    defaults = defaults or {}
    members = {k: v if isinstance(v, Member) else Member(v, **defaults) for k, v in members.items()}
    names = order or list(members)
    if record is None:
        rows = []
        for member in names:
            data = members[member].data
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            rows.append(f"{member},sha256={digest},{len(data)}")
        rows.append(f"{top}/RECORD,,")
        record = lambda rows: rows
        members[f"{top}/RECORD"] = Member("\n".join(rows) + "\n", **defaults)
    else:
        rows = []
        for member in names:
            data = members[member].data
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            rows.append(f"{member},sha256={digest},{len(data)}")
        rows.append(f"{top}/RECORD,,")
        members[f"{top}/RECORD"] = Member("\n".join(record(rows)) + "\n", **defaults)
    out = io.BytesIO()

    class Stream(io.RawIOBase):
        def writable(self):
            return True

        def write(self, data):
            return out.write(data)

    with zipfile.ZipFile(Stream() if streamed else out, "w") as archive:
        for member in [*names, f"{top}/RECORD"]:
            m = members[member]
            info = zipfile.ZipInfo(member, m.date)
            info.external_attr = m.mode << 16
            info.create_system, info.compress_type, info.extra = m.system, m.method, m.extra
            info.create_version = m.version
            archive.writestr(info, m.data, compresslevel=m.level)
        archive.comment = comment
    return out.getvalue()


def changed(**changes):
    return {**BASE, **{name.replace("__TOP__", TOP): value for name, value in changes.items()}}


def with_member(name, data):
    return {**BASE, name: data}


def identical():
    return wheel(BASE), wheel(BASE)


def epoch():
    return wheel(BASE), wheel(BASE, defaults={"date": (2020, 1, 2, 3, 4, 6)})


def epoch_unset():
    mixed = {k: Member(v, date=(2019, 3, 4, 5, 6, 2 * i)) for i, (k, v) in enumerate(BASE.items())}
    return wheel(BASE), wheel(mixed)


def clock():
    def at(minute):
        return {k: Member(v, date=(2021, 1, 1, 10, minute if TOP in k else 0, 0)) for k, v in BASE.items()}
    a, b = wheel(at(1), defaults={"date": (2021, 1, 1, 10, 1, 0)}), wheel(at(8), defaults={"date": (2021, 1, 1, 10, 8, 0)})
    return a, b


def zone():
    def at(hour):
        return {k: Member(v, date=(2021, 1, 1, hour, i, 0)) for i, (k, v) in enumerate(BASE.items())}
    return wheel(at(10), defaults={"date": (2021, 1, 1, 10, 30, 0)}), wheel(at(12), defaults={"date": (2021, 1, 1, 12, 30, 0)})


def umask():
    return wheel(BASE), wheel(BASE, defaults={"mode": 0o100600})


def umask_of_a_program():
    """A member that may run loses more than WHEEL can show."""
    def side(mask):
        return wheel({**{k: Member(v, mode=0o100666 & ~mask) for k, v in BASE.items()},
                      "probe/tool.sh": Member("#!/bin/sh\n", mode=0o100777 & ~mask)}, defaults={"mode": 0o100666 & ~mask})
    return side(0o022), side(0o077)


def archive_modes():
    return wheel(BASE), wheel({k: Member(v, mode=0o100644 if TOP in k else 0o100664) for k, v in BASE.items()})


def windows():
    crlf = {k: Member(v.replace("\n", "\r\n") if TOP in k else v, system=0, mode=0o100666) for k, v in BASE.items()}
    return wheel(crlf, record=lambda rows: [row + "\r" for row in rows], defaults={"system": 0, "mode": 0o100666}), wheel(BASE)


def line_ends():
    return wheel(BASE), wheel(with_member("probe/a.py", BASE["probe/a.py"].replace("\n", "\r\n")))


def member_order():
    names = list(BASE)
    names[0], names[1] = names[1], names[0]
    return wheel(BASE, record=sorted), wheel(BASE, order=names, record=sorted)


def record_order():
    return wheel(BASE), wheel(BASE, record=lambda rows: rows[::-1])


def record_order_and_change():
    return wheel(BASE), wheel(with_member(f"{TOP}/METADATA", METADATA.replace("Text.", "Text.").replace("Summary", "License-File: LICENSE\nSummary")), record=lambda rows: rows[::-1])


def level():
    return wheel(BASE, defaults={"level": 9}), wheel(BASE, defaults={"level": 1})


def flushed():
    """As a library would that ends its blocks elsewhere than zlib does."""
    class Flushing:
        def __init__(self, *_):
            self.zlib = zlib.compressobj(6, zlib.DEFLATED, -15)

        def compress(self, data):
            half = len(data) // 2
            return (self.zlib.compress(data[:half]) + self.zlib.flush(zlib.Z_FULL_FLUSH)
                    + self.zlib.compress(data[half:]))

        def flush(self):
            return self.zlib.flush()

    usual = zipfile._get_compressor
    zipfile._get_compressor = Flushing
    try:
        published = wheel(BASE)
    finally:
        zipfile._get_compressor = usual
    return published, wheel(BASE)


def stored():
    return wheel(BASE), wheel(BASE, defaults={"method": zipfile.ZIP_STORED})


def extra():
    return wheel(BASE), wheel(BASE, defaults={"extra": struct.pack("<HHBI", 0x5455, 5, 1, 1309379017)})


def streamed():
    return wheel(BASE), wheel(BASE, streamed=True)


def creator_version():
    return wheel(BASE), wheel(BASE, defaults={"version": 30})


def license_file():
    return wheel(BASE), wheel(with_member(f"{TOP}/METADATA", METADATA.replace("Summary", "License-File: LICENSE\nSummary")))


def generator():
    return wheel(BASE), wheel(with_member(f"{TOP}/WHEEL", WHEEL.replace("0.36.2", "0.37.1")))


def requirement_spelling():
    return wheel(BASE), wheel(with_member(f"{TOP}/METADATA", METADATA.replace("foo (>=1)", "foo>=1")))


def requirement_changed():
    return wheel(BASE), wheel(with_member(f"{TOP}/METADATA", METADATA.replace("foo (>=1)", "evil>=1")))


def unknown_platform():
    old = METADATA.replace("Summary: A probe\n", "Summary: A probe\nPlatform: UNKNOWN\n").rstrip("\n") + "\n\n\n"
    return wheel(with_member(f"{TOP}/METADATA", old)), wheel(BASE)


def name_spelling():
    spelled = lambda name: wheel(with_member(f"{TOP}/METADATA", METADATA.replace("Name: probe\n", f"Name: {name}\n")))
    return spelled("pro-be"), spelled("pro_be")


def other_name():
    spelled = lambda name: wheel(with_member(f"{TOP}/METADATA", METADATA.replace("Name: probe\n", f"Name: {name}\n")))
    return spelled("pro-be"), spelled("probe")


def year():
    return (wheel(with_member("probe/LICENSE", "Copyright (c) 2021 A. Nobody\n")),
            wheel(with_member("probe/LICENSE", "Copyright (c) 2026 A. Nobody\n")))


def build_date():
    return (wheel(with_member("probe/build.py", "BUILT = 'Nov 23 2026 10:11:12'\n")),
            wheel(with_member("probe/build.py", "BUILT = 'Mar  1 2027 00:01:02'\n")))


def hash_seed():
    return (wheel(with_member("probe/s.py", "S = {'a', 'b', 'c'}\n")), wheel(with_member("probe/s.py", "S = {'c', 'a', 'b'}\n")))


def locale_order():
    words = ["Beta", "alpha", "_x", "Gamma", "delta"]
    return (wheel(with_member("probe/names.txt", "names\n" + repr(sorted(words)) + "\n")),
            wheel(with_member("probe/names.txt", "names\n" + repr(sorted(words, key=lambda word: word.strip("_").lower())) + "\n")))


def locale_encoding():
    text = "one\nnaïve café\ntwo\n"
    return (wheel(with_member("probe/names.txt", text)),
            wheel(with_member("probe/names.txt", text.encode("ascii", "backslashreplace").decode())))


def permuted_lines():
    lines = [f"line{i}\n" for i in range(20)]
    return (wheel(with_member("probe/SOURCES.txt", "".join(lines))), wheel(with_member("probe/SOURCES.txt", "".join(lines[::-1]))))


def bytecode():
    def pyc(when):
        return b"\xa7\x0d\x0d\x0a" + struct.pack("<III", 0, when, 7) + b"\xe3code"
    return (wheel(with_member("probe/a.pyc", pyc(1309379017))), wheel(with_member("probe/a.pyc", pyc(1700000000))))


def bytecode_code():
    head = b"\xa7\x0d\x0d\x0a" + struct.pack("<III", 0, 1, 7)
    return (wheel(with_member("probe/a.pyc", head + b"\xe3code")), wheel(with_member("probe/a.pyc", head + b"\xe3evil")))


def version_from_git():
    return (wheel(with_member("probe/_version.py", "__version__ = '1.0'\n")),
            wheel(with_member("probe/_version.py", "__version__ = '1.0.dev3+g1a2b3c4'\n")))


def interpreter():
    return (wheel(with_member(f"{TOP}/entry_points.txt", "[console_scripts]\npip = pip:main\npip3.7 = pip:main\n")),
            wheel(with_member(f"{TOP}/entry_points.txt", "[console_scripts]\npip = pip:main\npip3.11 = pip:main\n")))


def platform_tag():
    return wheel(with_member(f"{TOP}/WHEEL", WHEEL.replace("py3-none-any", "py3-none-manylinux2014_x86_64"))), wheel(
        with_member(f"{TOP}/WHEEL", WHEEL.replace("py3-none-any", "py3-none-linux_x86_64")))


def sbom():
    def bom(when, number):
        return json.dumps({"bomFormat": "CycloneDX", "serialNumber": number, "metadata": {"timestamp": when}}, indent=1) + "\n"
    return (wheel(with_member(f"{TOP}/sboms/x.cdx.json", bom("2026-11-23T00:00:00Z", "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79"))),
            wheel(with_member(f"{TOP}/sboms/x.cdx.json", bom("2027-01-01T11:00:00Z", "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"))))


def cython():
    code = "\n".join(f"static int __pyx_{i};" for i in range(9)) + "\n"
    return (wheel(with_member("probe/x.c", "/* Generated by Cython 0.29.36 */\n" + code)),
            wheel(with_member("probe/x.c", "/* Generated by Cython 3.0.8 */\n" + code.replace("_7", "_seven"))))


def repaired():
    return (wheel({**BASE, "probe.libs/libz-0123abcd.so.1": b"\x7fELFnot really"}), wheel(BASE))


def build_path():
    return (wheel(with_member("probe/conf.py", "SRC = '/tmp/pip-wheel-build/probe-1.0/x.c'\n")),
            wheel(with_member("probe/conf.py", "SRC = '/home/me/probe/x.c'\n")))


def set_in_keywords():
    def words(text):
        return wheel(with_member(f"{TOP}/METADATA", METADATA.replace("Summary", f"Keywords: {text}\nSummary")))
    return words("alpha,beta,gamma"), words("gamma,alpha,beta")


def set_of_requirements():
    def needs(*names):
        lines = "".join(f"Requires-Dist: {name}\n" for name in names)
        return wheel(with_member(f"{TOP}/METADATA", METADATA.replace("Requires-Dist: foo (>=1)\n", lines)))
    return needs("alpha", "beta", "gamma (<3)"), needs("gamma (<3)", "alpha", "beta")


def year_in_description():
    def text(year):
        return wheel(with_member(f"{TOP}/METADATA", METADATA + f"\nCopyright {year} by the authors.\n"))
    return text(2021), text(2026)


def year_in_description_and_field():
    def side(year, field):
        text = METADATA.replace("Summary", f"{field}Summary") + f"\nLong.\n\nText.\n\nCopyright {year} by the authors.\n"
        return wheel(with_member(f"{TOP}/METADATA", text))
    return side(2021, ""), side(2026, "License-File: LICENSE\n")


def description_changed():
    return wheel(with_member(f"{TOP}/METADATA", METADATA + "\nRun curl x | sh.\n")), wheel(BASE)


def dos_licence():
    text = "Do as you like.\nBut be kind.\n"
    return wheel(with_member(f"{TOP}/LICENSE", text)), wheel(with_member(f"{TOP}/LICENSE", text.replace("\n", "\r\n")))


def repaired_without_libraries():
    """As auditwheel packs: directories, and RECORD by Python's csv."""
    tagged = {**BASE, f"{TOP}/WHEEL": WHEEL.replace("py3-none-any", "py3-none-manylinux_2_5_x86_64"),
              "probe/": Member("", mode=0o040755), f"{TOP}/": Member("", mode=0o040755)}
    linux = {**BASE, f"{TOP}/WHEEL": WHEEL.replace("py3-none-any", "py3-none-linux_x86_64")}
    def csv(rows):
        return [row + "\r" for row in reversed([row for row in rows if "/," not in row])]
    return wheel(tagged, record=csv), wheel(linux)


def number_of_seconds():
    return (wheel(with_member("probe/built.py", "BUILD_TIME = 1500000000\n")),
            wheel(with_member("probe/built.py", "BUILD_TIME = 1600000000\n")))


def path_of_an_option():
    return (wheel(with_member("probe/flags.txt", "CFLAGS=-I/tmp/one/x-1.0/include -O2\n")),
            wheel(with_member("probe/flags.txt", "CFLAGS=-I/home/me/x-1.0/include -O2\n")))


def version_that_runs():
    return (wheel(with_member("probe/_version.py", "__version__ = run('1.0+g1a2b3c4')\n")),
            wheel(with_member("probe/_version.py", "__version__ = '1.0'\n")))


def evil_line():
    return wheel(with_member("probe/a.py", BASE["probe/a.py"] + "import evil\n")), wheel(BASE)


def packed_by(settings, members):
    """A wheel whose member number n is packed by zlib with settings number n."""
    class Packer:
        def __init__(self, *_):
            level, memory, self.ends_early = remaining.pop(0) if remaining else (6, 8, False)
            self.zlib = zlib.compressobj(level, zlib.DEFLATED, -15, memory)

        def compress(self, data):
            if not self.ends_early:
                return self.zlib.compress(data)
            return self.zlib.compress(data[:9]) + self.zlib.flush(zlib.Z_FULL_FLUSH) + self.zlib.compress(data[9:])

        def flush(self):
            return self.zlib.flush()

    remaining = list(settings)
    usual = zipfile._get_compressor
    zipfile._get_compressor = Packer
    try:
        return wheel(members)
    finally:
        zipfile._get_compressor = usual


def zlib_levels(data, packed):
    """All levels that give these bytes, as Python's zlib has it."""
    for memory in (8, 9):
        levels = []
        for level in range(1, 10):
            packer = zlib.compressobj(level, zlib.DEFLATED, -15, memory)
            if packer.compress(data) + packer.flush() == packed:
                levels.append(level)
        if levels:
            return levels
    return []


def levels_said(found, sizes):
    """What explain says of one side: docs/report.md, `zlib_levels`."""
    left, said, common = 256 * 1024, [], None
    for levels, size in zip(found, sizes):
        if left > 0:
            common = levels if common is None else [level for level in common if level in levels]
            said.append(levels)
        else:
            said.append([level for level in levels if level in common] or levels)
        left -= size
    return said


def levels():
    """Many sizes by many settings; levels.json holds what must be found for each."""
    settings = [(level, 8, False) for level in (6, 9, 1, 2, 3, 4, 5, 7, 8)] + [(6, 9, False), (1, 9, False), (6, 8, True)]
    return of_levels(lambda number: settings[number % 12], lambda number: settings[(number * 5 + 1) % 12])


def levels_alike():
    """One level for each side, and a member that breaks with it."""
    return of_levels(lambda _: (6, 8, False), lambda number: (1 if number == 15 else 9, 8, False))


def of_levels(published, rebuilt):
    chosen = random.Random(5)
    words = [chosen.randbytes(chosen.randrange(2, 9)).hex() for _ in range(3000)]
    text = lambda size: " ".join(chosen.choices(words, k=size // 9 + 1))[:size].encode()
    sizes = [1, 11, 100, 1000, 5000, 20_000, 66_000, 70_001, 150_000]
    # Levels that differ in the searches they give up.
    runs = lambda size: b"".join(b"ab" * chosen.randrange(1, 200) + chosen.randbytes(3) for _ in range(size // 200))
    members, sides = {}, ([], [])
    for number, size in enumerate(sizes * 2 + [5000] * 4):
        members[f"probe/{number}"] = text(size) if number % 3 == 0 and number < 18 else runs(size)
        for side, setting in zip(sides, (published, rebuilt)):
            side.append(setting(number))
    # More than is tried: nothing is said of its levels.
    members["probe/large"] = chosen.randbytes(1000) * 3000
    for side, level in zip(sides, (9, 1)):
        side.append((level, 8, False))
    wheels = [packed_by(side, members) for side in sides]
    names, found = [], ([], [])
    for name, data in members.items():
        raw = []
        for made in wheels:
            with zipfile.ZipFile(io.BytesIO(made)) as archive:
                info = archive.getinfo(name)
            start = info.header_offset + 30 + len(name)
            raw.append(made[start:start + info.compress_size])
        if raw[0] != raw[1] and name != "probe/large":
            names.append(name)
            for side, packed in zip(found, raw):
                side.append(zlib_levels(data, packed))
    lengths = [len(members[name]) for name in names]
    said = [levels_said(side, lengths) for side in found]
    expected = {name: list(both) for name, both in zip(names, zip(*said))}
    expected["probe/large"] = [None, None]
    with open("levels.json", "w") as out:
        json.dump(expected, out)
    return wheels


def extra_member():
    return wheel(with_member("probe/evil.py", "import evil\n")), wheel(BASE)


def trailing():
    return wheel(BASE, comment=b"hidden"), wheel(BASE)


def nested():
    def inner(date):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr(zipfile.ZipInfo("data.txt", date), "data")
        return out.getvalue()
    return (wheel({**BASE, "probe/data.zip": Member(inner(EPOCH), method=zipfile.ZIP_STORED)}),
            wheel({**BASE, "probe/data.zip": Member(inner((2020, 1, 1, 0, 0, 0)), method=zipfile.ZIP_STORED)}))


def tar_gz(members, mtime):
    """Returns a tar archive packed with gzip; both by CPython's own modules."""
    out = io.BytesIO()
    with gzip.GzipFile("data.tar", "wb", mtime=mtime, fileobj=out) as packed:
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for name, data in members:
                member = tarfile.TarInfo(name)
                member.size, member.mtime = len(data), mtime
                archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def packed():
    members = [("a.txt", b"a\n"), ("b.txt", b"b\n")]
    return tuple(wheel({**BASE, "probe/data.tar.gz": tar_gz(members, time)}) for time in (1600000000, 1600000007))


def text_gz(text, mtime):
    out = io.BytesIO()
    with gzip.GzipFile("", "wb", mtime=mtime, fileobj=out) as packed:
        packed.write(text)
    return out.getvalue()


def packed_text():
    return tuple(wheel({**BASE, "probe/text.gz": text_gz(b"text\n", time)}) for time in (0, 1600000000))


def packed_change():
    published = [("a.txt", b"one\ntwo\n"), ("b.txt", b"b\n"), ("c.txt", b"c\n"), ("d.txt", b"d\n")]
    rebuilt = [("a.txt", b"one\n2\n"), ("c.txt", b"c\n"), ("b.txt", b"b\n"), ("evil.txt", b"e\n")]
    return tuple(
        wheel({**BASE, "probe/data.tar.gz": tar_gz(members, 1600000000)}) for members in (published, rebuilt)
    )


def packed_text_change():
    return tuple(wheel({**BASE, "probe/text.gz": text_gz(text, 0)}) for text in (b"one\n", b"two\n"))


def packed_badly():
    """Cut off on one side, and no gzip behind its first bytes on the other."""
    whole = tar_gz([("a.txt", b"a\n")], 1600000000)
    return (wheel({**BASE, "probe/data.tar.gz": whole[:-9]}),
            wheel({**BASE, "probe/data.tar.gz": whole[:10] + b"x" * 40}))


def mixed():
    """Three causes at once, and one line that has none."""
    rebuilt = {**BASE, f"{TOP}/METADATA": METADATA.replace("Summary", "License-File: LICENSE\nSummary"),
               "probe/b.py": BASE["probe/b.py"] + "x = 1\n"}
    return wheel(BASE), wheel(rebuilt, defaults={"mode": 0o100600, "date": (2020, 1, 2, 3, 4, 6)})


def hostile_names():
    return wheel({**BASE, "probe/\x1b[31m\u202e\n<script>alert(1)</script>.py": "x"}), wheel(BASE)


def encrypted():
    """The bit of encryption in both headers of one member."""
    made = bytearray(wheel(BASE))
    made[6] |= 1
    made[made.index(b"PK\1\2") + 8] |= 1
    return bytes(made), wheel(BASE)


def link():
    return (wheel({**BASE, "probe/lib.so": Member("lib.so.1", mode=0o120777)}),
            wheel({**BASE, "probe/lib.so": Member("lib.so.1", mode=0o100644)}))


def cut_object():
    """The header of an object file, and nothing of what it points at."""
    header = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 64, 999, 0, 64, 56, 1, 64, 9, 8)
    return (wheel({**BASE, "probe/x.so": header}), wheel({**BASE, "probe/x.so": header + bytes(900)}))


def opaque():
    return (wheel({**BASE, "probe/x.dat": bytes(range(256)) * 5}), wheel({**BASE, "probe/x.dat": bytes(range(256))}))


def long_line():
    line = "a = '" + "same " * 60
    return wheel({**BASE, "probe/c.py": line + "1'\n"}), wheel({**BASE, "probe/c.py": line + "2'\n"})


def licences_moved():
    """The same file beside METADATA and in licenses/."""
    text = "Do as you like.\n"
    return wheel({**BASE, f"{TOP}/LICENSE": text}), wheel({**BASE, f"{TOP}/licenses/LICENSE": text})


def foreign_licence():
    return wheel({**BASE, f"{TOP}/LICENSE.py": "import os\n"}), wheel(BASE)


def json_of_any_name():
    return (wheel({**BASE, "probe/bom.json": '{"run": "something else"}\n'}), wheel({**BASE, "probe/bom.json": '{"run": "a"}\n'}))


def sbom_component():
    def bom(version):
        return json.dumps({"components": [{"name": "libfoo", "version": version}]}, indent=1) + "\n"
    return wheel({**BASE, f"{TOP}/sboms/x.cdx.json": bom("1.0")}), wheel({**BASE, f"{TOP}/sboms/x.cdx.json": bom("6.6")})


def sbom_order():
    def bom(*names):
        return json.dumps({"components": [{"name": name, "version": "1"} for name in names]})
    return (wheel({**BASE, f"{TOP}/sboms/x.cdx.json": bom("a", "b", "c")}), wheel({**BASE, f"{TOP}/sboms/x.cdx.json": bom("c", "a", "b")}))


def sbom_path():
    """As cargo-cyclonedx names the packages of a build, which maturin puts into wheels."""
    def bom(directory):
        reference = f"path+file://{directory}/rust/probe#0.1.0"
        return json.dumps({"metadata": {"component": {"bom-ref": reference, "purl": f"pkg:cargo/probe@0.1.0?download_url=file://{directory}/rust/probe"}}}, indent=2)
    return (wheel({**BASE, f"{TOP}/sboms/probe.cyclonedx.json": bom("/tmp/one")}), wheel({**BASE, f"{TOP}/sboms/probe.cyclonedx.json": bom("/home/me/two")}))


def empty_package():
    return wheel({**BASE, "examples/__init__.py": ""}), wheel(BASE)


def retagged():
    """As `wheel tags --build 6` writes: WHEEL, and RECORD by the clock."""
    late = Member("", date=(2024, 5, 6, 7, 8, 10))
    tagged = {**BASE, f"{TOP}/WHEEL": WHEEL.replace("Root-Is", "Build: 6\nRoot-Is")}
    data = wheel(tagged)
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for info in old.infolist():
            if info.filename.endswith("/RECORD"):
                info.date_time = late.date
            new.writestr(info, old.read(info))
    return out.getvalue(), wheel(BASE)


def late_record():
    data, _ = retagged()
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(wheel(BASE))) as old, zipfile.ZipFile(out, "w") as new:
        for info in old.infolist():
            if info.filename.endswith("/RECORD"):
                info.date_time = (2024, 5, 6, 7, 8, 10)
            new.writestr(info, old.read(info))
    return out.getvalue(), wheel(BASE)


def by(generator):
    return {**BASE, f"{TOP}/WHEEL": WHEEL.replace("bdist_wheel (0.36.2)", generator)}


def record_order_of_maturin():
    return wheel(by("maturin (1.8.2)")), wheel(by("maturin (1.8.2)"), record=lambda rows: rows[::-1])


def mode_of_record_alone():
    def side(mode):
        data = wheel(by("hand 1"))
        out = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
            for info in old.infolist():
                if info.filename.endswith("/RECORD"):
                    info.external_attr = mode << 16
                new.writestr(info, old.read(info))
        return out.getvalue()
    return side(0o600), side(0o100644)


def epoch_of_1980():
    """hatchling writes 2020 when it is told no time, so 1980 was told."""
    return (wheel(by("hatchling 1.27.0"), defaults={"date": (1980, 1, 1, 0, 0, 0)}),
            wheel(by("hatchling 1.27.0"), defaults={"date": (2020, 2, 2, 0, 0, 0)}))


def constant_of_the_tool():
    return (wheel(by("hatchling 1.27.0"), defaults={"date": (2020, 2, 2, 0, 0, 0)}), wheel(by("hatchling 1.27.0")))


def epoch_of_nothing():
    """SOURCE_DATE_EPOCH=0: a text of 1970 in an archive of 1980."""
    old = {"date": (1980, 1, 1, 0, 0, 0)}
    return (wheel(with_member("probe/_built.py", "BUILT = '1970-01-01'\n"), defaults=old),
            wheel(with_member("probe/_built.py", "BUILT = '1980-01-01'\n"), defaults=old))


def build_environment():
    def config(name):
        return f'C = {{\n  "path": "/tmp/build-env-{name}/bin/python"\n}}\n'
    return wheel(with_member("probe/config.py", config("8vq1z0ab"))), wheel(with_member("probe/config.py", config("k2_9xw3c")))


def bytecode_path():
    """Compiled by CPython from one source, which it was told lies elsewhere."""
    def compiled(directory):
        code = compile("import sys\ndef f(a):\n    return a + 1\n", f"{directory}/probe/mod.py", "exec")
        return b"\xa7\x0d\x0d\x0a" + struct.pack("<III", 0, 1700000000, 7) + marshal.dumps(code)
    name = "probe/__pycache__/mod.cpython-311.pyc"
    return (wheel({**BASE, name: compiled("/build/pip-unpacked-wheel-j79n_99h")}), wheel({**BASE, name: compiled("/tmp/x")}))


def beside_wheel():
    """setuptools 70.1 to 75.5 with and without the wheel project installed."""
    def side(requirement):
        return wheel({**by("setuptools (75.3.0)"), f"{TOP}/METADATA": METADATA.replace("foo (>=1)", requirement)})
    return side("foo>=1"), side("foo >=1")


def of_versions(tool, one, other, published, rebuilt, more=()):
    """Two versions of one tool; the lines are those that real builds of them gave."""
    def side(version, lines):
        text = METADATA.replace("Summary: A probe\n", "Summary: A probe\n" + "".join(line + "\n" for line in lines))
        return wheel({**by(f"{tool} {version}"), f"{TOP}/METADATA": text, **dict(more)})
    return side(one, published), side(other, rebuilt)


def import_name():
    return of_versions("flit", "3.12.0", "4.0.0", [], ["Import-Name: probe"])


def licence_expression():
    return of_versions("poetry-core", "2.1.3", "2.2.1", ["License: MIT"], ["License-Expression: MIT"])


def encoded_author():
    return of_versions("pdm-backend", "2.4.10", "2.5.0", ["Author-Email: =?utf-8?q?Andr=C3=A9?= <a@example.invalid>"],
                       ["Author-Email: André <a@example.invalid>"])


def keywords_of_another_version():
    return of_versions("py-build-cmake", "0.4.3", "0.5.1", ["Keywords: a b c"], ["Keywords: a,b,c"])


def another_author():
    return of_versions("pdm-backend", "2.4.10", "2.5.0", ["Author-Email: =?utf-8?q?Andr=C3=A9?= <a@example.invalid>"],
                       ["Author-Email: Evil <e@example.invalid>"])


def modes_in_decimal():
    def side(mode):
        return wheel({k: Member(v, mode=mode) for k, v in by("uv 0.8.2").items()}, defaults={"mode": mode})
    return side(0o100000 | 644), side(0o100644)


def objects_of_debian():
    def side(mode):
        return wheel({**by("scikit-build-core 0.11.6"), "probe/x.so": Member(b"\x7fELF", mode=mode)})
    return side(0o100644), side(0o100755)


def moved_code():
    return (wheel(with_member("probe/a.py", "a = 1\nx = a - b\n")), wheel(with_member("probe/a.py", "a = 1\nx = b - a\n")))


def main():
    directory, scenario = sys.argv[1:]
    os.makedirs(directory, exist_ok=True)
    os.chdir(directory)
    for side, data in zip(("published", "rebuilt"), globals()[scenario]()):
        os.makedirs(side)
        with open(os.path.join(side, NAME), "wb") as out:
            out.write(data)


main()
