"""Wheelhouses for benchmarks that have to look real inside.

In:  a directory, and the library of the interpreter that runs this.
Out: wheels of its modules and of its compiled ones, as zipfile deflates them, with a
     complete RECORD. The same interpreter gives the same bytes.
"""

import base64
import hashlib
import pathlib
import sysconfig
import zipfile

# The largest compiled members; longer ones are cut.
LONGEST = 20 * 1024 * 1024


def write(path, name, files):
    """Writes one wheel; `files` are pairs of a name and contents."""
    info = f"{name}-1.0.dist-info/"
    description = "Wheel-Version: 1.0\nGenerator: bench\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files = [
        *files,
        (info + "METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode()),
        (info + "WHEEL", description.encode()),
    ]
    record = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for member, contents in files:
            digest = base64.urlsafe_b64encode(hashlib.sha256(contents).digest()).rstrip(b"=").decode()
            record.append(f"{member},sha256={digest},{len(contents)}\n")
            wheel.writestr(zipfile.ZipInfo(member, (2024, 1, 1, 0, 0, 0)), contents, zipfile.ZIP_DEFLATED)
        record.append(f"{info}RECORD,,\n")
        wheel.writestr(info + "RECORD", "".join(record))


def generate(root, count):
    """Writes so many wheels, every third of machine code, and their manifest."""
    wheels = root / "wheels"
    wheels.mkdir(parents=True)
    library = pathlib.Path(sysconfig.get_path("stdlib"))
    text = sorted(
        path for path in library.rglob("*.py") if not {"site-packages", "test"} & set(path.parts)
    )
    code = sorted((library / "lib-dynload").glob("*.so"))
    code += sorted(pathlib.Path(sysconfig.get_config_var("LIBDIR")).glob("libpython*.so.*"))
    with open(root / "sha256sums.txt", "w", encoding="ascii") as manifest:
        for number in range(count):
            name = f"bench_{number:02}"
            chosen = code if number % 3 == 2 else text[number % 3 :: 2]
            file = f"{name}-1.0-py3-none-any.whl"
            write(
                wheels / file,
                name,
                [(f"{name}/{place}/{path.name}", path.read_bytes()[:LONGEST]) for place, path in enumerate(chosen)],
            )
            digest = hashlib.sha256((wheels / file).read_bytes()).hexdigest()
            manifest.write(f"{digest}  {file}\n")


def unpacked_bytes(root):
    """Returns how many bytes the members of all wheels have."""
    total = 0
    for path in (root / "wheels").iterdir():
        with zipfile.ZipFile(path) as wheel:
            total += sum(member.file_size for member in wheel.infolist())
    return total
