"""A second checker of witnesses, written from docs/witness.md alone.

    python3 witness_check.py REBUILT WITNESS.json PUBLISHED_SHA256

Shares nothing with wheelproof: CPython's zipfile, struct and zlib read and write.
Exit code 0 and "holds", or 1 and the reason.
"""

import base64
import hashlib
import io
import json
import struct
import sys
import zipfile
import zlib

STRATEGIES = {"default": 0, "filtered": 1, "huffman-only": 2, "rle": 3, "fixed": 4}
FIELDS = {  # what an edit sets -> how its value is read
    "set-time": lambda e: dos_time(e["time"]),
    "set-mode": lambda e: int(e["mode"], 8),
    "set-dos-attributes": lambda e: e["value"],
    "set-internal-attributes": lambda e: e["value"],
    "set-creator": lambda e: e["system"] << 8 | e["version"],
    "set-version-needed": lambda e: e["value"],
    "set-flags": lambda e: e["value"],
    "set-local-sizes": lambda e: e["form"],
    "set-descriptor": lambda e: e["form"],
    "set-local-extra": lambda e: bytes.fromhex(e["bytes"]),
    "set-central-extra": lambda e: bytes.fromhex(e["bytes"]),
    "set-comment": lambda e: bytes.fromhex(e["bytes"]),
}


class Wrong(Exception):
    pass


def need(true, why):
    if not true:
        raise Wrong(why)


def dos_time(text):
    date, time = text.split(" ")
    (y, m, d), (h, n, s) = map(int, date.split("-")), map(int, time.split(":"))
    return (y - 1980) << 25 | m << 21 | d << 16 | h << 11 | n << 5 | s // 2


def read(raw):
    members, archive = {}, zipfile.ZipFile(io.BytesIO(raw))
    for info in archive.infolist():
        at = info.header_offset
        local = struct.unpack("<4sHHHIIIIHH", raw[at : at + 30])
        name = raw[at + 30 : at + 30 + local[8]].decode()
        data = at + 30 + local[8] + local[9]
        need(local[0] == b"PK\x03\x04" and name not in members, "headers")
        sums = (info.CRC, info.compress_size, info.file_size)
        wide, stored = 0xFFFFFFFF, local[5:8]
        if stored == sums:
            form = "stated"
        elif stored == (0, 0, 0):
            form = "deferred"
        else:
            need(stored[1:] == (wide, wide), "sizes in a local header")
            form = "zip64" if stored[0] == info.CRC else "zip64-deferred"
        tail, descriptor = raw[data + info.compress_size :][:24], "none"
        if info.flag_bits & 8:
            for descriptor, shape in SHAPES.items():
                if tail.startswith(shape(*sums)):
                    break
        members[name] = {
            "info": info, "method": info.compress_type, "at": at,
            "packed": raw[data : data + info.compress_size],
            "contents": archive.read(info),  # checks size and CRC-32
            "set-time": local[4] >> 16 << 16 | local[4] & 0xFFFF,
            "set-mode": info.external_attr >> 16,
            "set-dos-attributes": info.external_attr & 0xFFFF,
            "set-internal-attributes": info.internal_attr,
            "set-creator": info.create_system << 8 | info.create_version,
            "set-version-needed": local[1], "set-flags": local[2],
            "set-local-sizes": form, "set-descriptor": descriptor,
            "set-local-extra": raw[data - local[9] : data],
            "set-central-extra": info.extra, "set-comment": info.comment,
        }
    first = min((member["at"] for member in members.values()), default=0)
    order = sorted(members, key=lambda name: members[name]["at"])
    return members, list(members), order, raw[:first], archive.comment


SHAPES = {
    "signed32": lambda c, p, u: b"PK\x07\x08" + struct.pack("<III", c, p, u),
    "signed64": lambda c, p, u: b"PK\x07\x08" + struct.pack("<IQQ", c, p, u),
    "bare32": lambda c, p, u: struct.pack("<III", c, p, u),
    "bare64": lambda c, p, u: struct.pack("<IQQ", c, p, u),
}


def deflated(contents, edit):
    level, memory = edit["level"], edit["memory_level"]
    need(1 <= level <= 9 and memory in (8, 9), "settings of zlib")
    packer = zlib.compressobj(level, 8, -15, memory, STRATEGIES[edit["strategy"]])
    return packer.compress(contents) + packer.flush()


def inflated(stream):
    unpacker = zlib.decompressobj(-15)
    contents = unpacker.decompress(stream) + unpacker.flush()
    need(unpacker.eof and not unpacker.unused_data, "a stream that does not end")
    return contents


def apply(raw, edits):
    members, directory, order, prefix, comment = read(raw)
    seen = set()
    for edit in edits:
        kind = edit["edit"]
        names = edit.get("members", [edit["member"]] if "member" in edit else [None])
        packs = kind in ("store", "deflate", "set-compressed-stream")
        for name in names:
            what = ("packing" if packs else kind, name)
            need(what not in seen and (name is None or name in members), f"{what}")
            seen.add(what)
            member = members.get(name)
            if kind in FIELDS:
                member[kind] = FIELDS[kind](edit)
            elif kind == "store":
                member["method"], member["packed"] = 0, member["contents"]
            elif kind == "deflate":
                member["method"], member["packed"] = 8, deflated(member["contents"], edit)
            elif kind == "set-compressed-stream":
                stream = base64.b64decode(edit["stream"], validate=True)
                need(inflated(stream) == member["contents"], f"other contents: {name}")
                member["method"], member["packed"] = 8, stream
            elif kind == "set-order":
                directory = edit["directory"]
                order = edit.get("data", directory)
                for names in (directory, order):
                    need(sorted(names) == sorted(members), "an order")
            elif kind == "set-prefix":
                prefix = bytes.fromhex(edit["bytes"])
            elif kind == "set-archive-comment":
                comment = bytes.fromhex(edit["bytes"])
            else:
                raise Wrong(f"unknown edit {kind}")
    out = bytearray(prefix)
    for name in order:
        m = members[name]
        sums = (m["info"].CRC, len(m["packed"]), m["info"].file_size)
        m["at"], m["sums"] = len(out), sums
        m["common"] = struct.pack(
            "<HHHI", m["set-version-needed"], m["set-flags"], m["method"], m["set-time"])
        there = {"stated": sums, "deferred": (0, 0, 0), "zip64": (sums[0], 2**32 - 1, 2**32 - 1),
                 "zip64-deferred": (0, 2**32 - 1, 2**32 - 1)}[m["set-local-sizes"]]
        encoded = name.encode()
        out += b"PK\x03\x04" + m["common"] + struct.pack(
            "<IIIHH", *there, len(encoded), len(m["set-local-extra"]))
        out += encoded + m["set-local-extra"] + m["packed"]
        out += SHAPES.get(m["set-descriptor"], lambda *_: b"")(*sums)
    start = len(out)
    for name in directory:
        m, encoded = members[name], name.encode()
        out += b"PK\x01\x02" + struct.pack("<H", m["set-creator"]) + m["common"]
        out += struct.pack(
            "<IIIHHHHHII", *m["sums"], len(encoded), len(m["set-central-extra"]),
            len(m["set-comment"]), 0, m["set-internal-attributes"],
            m["set-mode"] << 16 | m["set-dos-attributes"], m["at"])
        out += encoded + m["set-central-extra"] + m["set-comment"]
    out += b"PK\x05\x06" + struct.pack(
        "<HHHHIIH", 0, 0, len(directory), len(directory), len(out) - start, start, len(comment))
    return bytes(out + comment)


def check(rebuilt, witness, published):
    raw = open(rebuilt, "rb").read()
    witness = json.load(open(witness, encoding="utf-8"))
    need(witness["schema"] == "wheelproof.witness/1", "schema")
    for what, found in (("rebuilt", raw), ("published", None)):
        if found is None:
            found = apply(raw, witness["edits"])
            need(hashlib.sha256(found).hexdigest() == published, "other bytes come out")
        need(witness[what]["size"] == len(found), f"size of the {what} wheel")
        need(witness[what]["sha256"] == hashlib.sha256(found).hexdigest(), f"digest, {what}")


def main(arguments):
    try:
        check(*arguments)
    except (Wrong, KeyError, ValueError, zlib.error, zipfile.BadZipFile, struct.error) as error:
        print(f"does not hold: {error!r}")
        return 1
    print("holds")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
