"""Writes one file for each case into DIR/NUMBER/ and prints what is expected of it.

CPython's zipfile, tarfile, csv and hashlib are the other opinion on what a right
archive is. A line of output is the file name, a tab, the rules joined by commas,
each with '!' for an error, '?' for a warning, '.' for a note.
"""

import base64, csv, hashlib, io, os, struct, sys, tarfile, warnings, zipfile

warnings.simplefilter("ignore")
out = sys.argv[1]
number = 0
WHEEL = "demo-1.0-py3-none-any.whl"
SDIST = "demo-1.0.tar.gz"
INFO = "demo-1.0.dist-info/"
TAGS = "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
PKG = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"


def case(name, data, *rules):
    global number
    directory = os.path.join(out, str(number))
    os.makedirs(directory)
    with open(os.path.join(directory, name), "wb") as file:
        file.write(data)
    if not rules and name.endswith((".whl", ".zip")):
        assert zipfile.ZipFile(io.BytesIO(data)).testzip() is None, number
    print(name, ",".join(rules), sep="\t")
    number += 1


def digest(data, algorithm="sha256"):
    value = hashlib.new(algorithm, data).digest()
    return algorithm + "=" + base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def wheel(extra=(), metadata=PKG, tags=TAGS, rows=None, drop=(), info=INFO, level=zipfile.ZIP_DEFLATED, comment=b""):
    members = [("demo.py", b"print('hello')\n" * 50), ("demo/data,x.txt", b"x")]
    members += [(info + "METADATA", metadata), (info + "WHEEL", tags.encode())]
    members += list(extra)
    text = io.StringIO()
    writer = csv.writer(text)
    for name, data in members:
        if isinstance(name, str) and not name.endswith("/"):
            writer.writerow((name, digest(data), len(data)))
    writer.writerow((info + "RECORD", "", ""))
    record = text.getvalue() if rows is None else rows(text.getvalue())
    members.append((info + "RECORD", record.encode()))
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", level) as archive:
        archive.comment = comment
        for name, data in members:
            if name not in drop:
                archive.writestr(name, data)
    return target.getvalue()


def info(name, mode=0o100644):
    member = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
    member.external_attr = mode << 16
    return member


def sdist(members, mode="w:gz", format=tarfile.PAX_FORMAT):
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode=mode, format=format) as archive:
        for name, data, *rest in members:
            member = tarfile.TarInfo(name)
            for key, value in (rest[0] if rest else {}).items():
                setattr(member, key, value)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return target.getvalue()


def patched(data, signature, offset, value, nth=0):
    """Overwrites bytes in the nth record with a signature."""
    at = -1
    for _ in range(nth + 1):
        at = data.index(signature, at + 1)
    at += offset
    return data[:at] + value + data[at + len(value) :]


# Wheels in which everything is well.
case(WHEEL, wheel())
case(WHEEL, wheel(level=zipfile.ZIP_STORED))
case(WHEEL, wheel(comment=b"a comment"))
case(WHEEL, wheel([("é/ü.py", b"")]))
case(WHEEL, wheel([(info("tool", 0o100755), b"")], rows=lambda text: text + "tool," + digest(b"") + ",0\r\n"))
case(WHEEL, wheel([("empty/", b"")]))
case("Demo-1.0.0-py3-none-any.whl", wheel())
case("demo-1.0-1.2-py3-none-any.whl", wheel(tags=TAGS + "Build: 1.2\n"))
stream = io.BytesIO()


class Pipe(io.RawIOBase):
    """A place to write to that cannot seek."""

    def writable(self):
        return True

    def write(self, data):
        return stream.write(data)


with zipfile.ZipFile(Pipe(), "w", zipfile.ZIP_DEFLATED) as archive:
    inner = zipfile.ZipFile(io.BytesIO(wheel()))
    for name in inner.namelist():
        with archive.open(name, "w", force_zip64=True) as member:
            member.write(inner.read(name))
case(WHEEL, stream.getvalue())

# One fault each.
plain = wheel()
case(WHEEL, b"no archive", "archive-unreadable!")
case(WHEEL, plain[:-30], "archive-unreadable!")
case("demo-one-py3-none-any.whl", plain, "archive-not-inspected?")
case("demo-1.0.tar.bz2", sdist([("demo-1.0/PKG-INFO", PKG)], "w:bz2"), "archive-not-inspected?")
case(WHEEL, b"#!/bin/sh\n" + plain, "archive-hidden-data!")
case(WHEEL, plain + b"more", "archive-hidden-data!")
case(WHEEL, patched(patched(plain, b"PK\1\2", 16, b"abcd"), b"PK\3\4", 14, b"abcd"), "archive-member-damaged!")
both = patched(patched(plain, b"PK\1\2", 8, b"\1\0"), b"PK\3\4", 6, b"\1\0")
case(WHEEL, both, "archive-member-encrypted!")
case(WHEEL, wheel(level=zipfile.ZIP_LZMA), *["archive-compression-unsupported!"] * 5)
case(WHEEL, wheel([("../evil.py", b"")]), "archive-member-unsafe!")
case(WHEEL, wheel([("/evil.py", b"")]), "archive-member-unsafe!")
case(
    WHEEL,
    wheel([(info("link", 0o120777), b"/etc")], rows=lambda text: text + "link," + digest(b"/etc") + ",4\r\n"),
    "archive-member-special!",
)
case(WHEEL, wheel([("a.py", b"1"), ("a.py", b"1")]), "archive-member-repeated!", "wheel-record-repeated!")
case(WHEEL, wheel([("Demo.py", b"")]), "archive-member-twin!")
case(WHEEL, patched(plain, b"PK\3\4", 30, b"evil.py"), "zip-header-mismatch!")
case(WHEEL, patched(plain, b"PK\3\4", 8, b"\0\0"), "zip-header-mismatch!")
second = plain.index(b"PK\1\2", plain.index(b"PK\1\2") + 1)
case(
    WHEEL,
    plain[: second + 42] + bytes(4) + plain[second + 46 :],
    "archive-hidden-data!",
    "zip-overlap!",
    "zip-header-mismatch!",
    "zip-header-mismatch!",
    "zip-header-mismatch!",
    "zip-header-mismatch!",
    "archive-member-damaged!",
)
# As `wheel tags` wrote it: the field of the directory in the local header.
name = b"demo.py"
field = struct.pack("<HHQ", 1, 8, 2235254735)
target = io.BytesIO()
with zipfile.ZipFile(target, "w") as archive:
    for member in inner.infolist():
        if member.filename == "demo.py":
            member = info("demo.py")
            member.extra = field
        archive.writestr(member, inner.read(member.filename))
# The directory refers to nothing there either, but zipfile drops the field.
case(WHEEL, target.getvalue(), "zip64-writer-fault?")
case(WHEEL, wheel(info="other-1.0.dist-info/"), "wheel-dist-info!")
case(WHEEL, wheel([("other-1.0.dist-info/METADATA", b"")]), "wheel-dist-info!")
case(WHEEL, wheel(drop=[INFO + "RECORD"]), "wheel-description-missing!")
case(WHEEL, wheel(metadata=PKG.replace(b"demo", b"omed")), "wheel-metadata-mismatch!")
case("demo-1.1-py3-none-any.whl", wheel(), "wheel-dist-info!", "wheel-metadata-mismatch!")
case(WHEEL, wheel(tags=TAGS.replace("py3", "py2")), "wheel-tags-mismatch!")
case("demo-1.0-py3-none-linux_x86_64.whl", wheel(), "wheel-tags-mismatch?")
case("demo-1.0-1-py3-none-any.whl", wheel(), "wheel-build-mismatch?")
case(WHEEL, wheel(tags=TAGS.replace("true", "false")), "wheel-purelib-mismatch.")
case(WHEEL, wheel(tags=TAGS.replace("Wheel-Version: 1.0", "Wheel-Version: 2.0")), "wheel-version-unsupported!")
case(WHEEL, wheel([("other-1.0.data/scripts/x", b"")]), "wheel-data-directory!")
case(WHEEL, wheel([("demo-1.0.data/purelib/demo.py", b"other")]), "wheel-installed-twice!")
case(WHEEL, wheel([("demo-1.0.data/purelib/demo2.py", b"other")]))
case(WHEEL, wheel([("demo-1.0.data/scripts/x", b""), ("demo-1.0.data/data/bin/x", b"")]), "wheel-installed-twice!")
case(WHEEL, wheel([("demo-1.0.data/other/x", b"")]), "wheel-data-directory!")
case(WHEEL, wheel([("demo-1.0.data/purelib/evil-1.dist-info/METADATA", b"")]), "wheel-dist-info!")
case(WHEEL, wheel([("caf\u00e9", b""), ("cafe\u0301", b"")]), "archive-member-twin!")
case(WHEEL, wheel([("caf\u00e9", b""), ("cafe", b"")]))
case(WHEEL, wheel(rows=lambda text: text + "too,few\r\n"), "wheel-record-malformed!")
case(WHEEL, wheel(rows=lambda text: text.replace("750", "751")), "wheel-record-mismatch!")
case(WHEEL, wheel(rows=lambda text: text.replace("sha256=", "sha256=A", 1)), "wheel-record-mismatch!")
case(WHEEL, wheel(rows=lambda text: text.split("\r\n", 1)[1]), "wheel-record-unlisted!")
case(WHEEL, wheel(rows=lambda text: text + "gone.py," + digest(b"") + ",0\r\n"), "wheel-record-missing!")
case(WHEEL, wheel(rows=lambda text: text + text.split("\r\n")[0] + "\r\n"), "wheel-record-repeated!")
weak = digest(b"x", "sha1") + ",1\r\n"
case(WHEEL, wheel(rows=lambda text: text.replace(digest(b"x") + ",1\r\n", weak)), "wheel-record-weak-hash!")

# Sdists.
info_file = ("demo-1.0/PKG-INFO", PKG)
LINK = {"type": tarfile.SYMTYPE}
for format in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT):
    case(SDIST, sdist([("demo-1.0", b"", {"type": tarfile.DIRTYPE}), info_file, ("demo-1.0/a/b.py", b"x")], format=format))
case(SDIST, sdist([info_file, ("demo-1.0/" + "long/" * 50 + "name", b"x")]))
case(SDIST, sdist([info_file, ("demo-1.0/link", b"", {**LINK, "linkname": "PKG-INFO"})]))
case("Demo-1.0.0.tar.gz", sdist([info_file]))
case(SDIST, b"no archive", "archive-unreadable!")
case(SDIST, sdist([info_file])[:-20], "archive-unreadable!")
case(SDIST, sdist([info_file, ("../evil", b"")]), "archive-member-unsafe!")
case(SDIST, sdist([info_file, ("/demo-1.0/evil", b"")]), "archive-member-unsafe!")
case(SDIST, sdist([info_file, ("demo-1.0/evil", b"", {"type": tarfile.LNKTYPE, "linkname": "demo-1.0/PKG-INFO"})]), "archive-member-special!")
case(SDIST, sdist([info_file, ("demo-1.0/pipe", b"", {"type": tarfile.FIFOTYPE}), ("demo-1.0/null", b"", {"type": tarfile.CHRTYPE})]), *["archive-member-special!"] * 2)
case(SDIST, sdist([info_file, ("demo-1.0/link", b"", {**LINK, "linkname": "../../etc"})]), "archive-link-escapes!")
case(SDIST, sdist([info_file, ("demo-1.0/link", b"", {**LINK, "linkname": "/etc"}), ("demo-1.0/link/x", b"")]), "archive-link-escapes!")
case(SDIST, sdist([info_file, info_file]), "archive-member-repeated!")
case(SDIST, sdist([info_file, ("demo-1.0/pkg-info", b"")]), "archive-member-twin?")
case(SDIST, sdist([info_file, ("demo-1.0/a", b"x", {"pax_headers": {"path": "demo-1.0/b", "size": "99"}})]), "tar-header-ambiguous!")
case(SDIST, sdist([info_file, ("other/file", b"")]), "sdist-layout!")
case(SDIST, sdist([info_file, ("setup.py", b"")]), "sdist-layout!")
case(SDIST, sdist([]), "sdist-layout!")
case("other-1.0.tar.gz", sdist([info_file]), "sdist-directory-name?", "sdist-metadata-mismatch!")
case(SDIST, sdist([("demo/PKG-INFO", PKG)]), "sdist-directory-name?")
case(SDIST, sdist([("demo-1.0/PKG-INFO", PKG.replace(b"1.0", b"2.0"))]), "sdist-metadata-mismatch!")
case(SDIST, sdist([("demo-1.0/setup.py", b"")]), "sdist-metadata-missing.")
padded = __import__("gzip").compress(__import__("gzip").decompress(sdist([info_file])) + b"x")
case(SDIST, padded, "archive-hidden-data!")

# The same in a ZIP.


def zipped(members):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return target.getvalue()


case("demo-1.0.zip", zipped([("demo-1.0/", b""), info_file, ("demo-1.0/a.py", b"")]))
case("demo-1.0.zip", b"no archive", "archive-unreadable!")
case("demo-1.0.zip", zipped([info_file, ("../evil", b"")]), "archive-member-unsafe!")
case("demo-1.0.zip", zipped([info_file, (info("demo-1.0/link", 0o120777), b"PKG-INFO")]), "archive-member-special!")
case("demo-1.0.zip", zipped([info_file, info_file]), "archive-member-repeated!")
case("demo-1.0.zip", zipped([info_file, ("other/file", b"")]), "sdist-layout!")
case("demo-1.0.zip", zipped([]), "sdist-layout!")
case("demo-1.0.zip", zipped([("demo-1.0/PKG-INFO", b"Name: other\nVersion: 1.0\n")]), "sdist-metadata-mismatch!")
case("demo-1.0.zip", zipped([info_file]) + b"tail", "archive-hidden-data!")
