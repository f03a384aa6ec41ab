"""Asks the index for sdists and wheels by digest. Nothing of them is run or unpacked.

In, on standard input: {"into": DIR, "wanted": [{"project", "version", "hashes"}]}.
Out, on standard output: for each wanted one, in order, a line of JSON with the name of
the sdist and of the wheel that were put into DIR, and what the index offers.

pip is the client: its configuration decides the index, the proxy and the
certificates. Its own download command asks an sdist for its metadata, and that runs
setup.py; so only its list of what the index has is used here, and its session. The
classes are private to pip; those used are the same from pip 23 to pip 26.
"""

import hashlib
import json
import logging
import os
import sys
import tempfile

CHUNK = 64 * 1024
MAX_BYTES = 1 << 30


class UnreadPages(logging.Handler):
    """pip passes over pages that it cannot read, and tells its log only."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.messages = []
        collector = logging.getLogger("pip._internal.index.collector")
        collector.setLevel(logging.DEBUG)
        collector.addHandler(self)
        collector.propagate = False

    def emit(self, record):
        message = record.getMessage()
        # 404 is the index saying that it has no such project.
        if "Could not fetch" in message and "404 Client Error" not in message:
            self.messages.append(message)


def listed_digest(link):
    return link.hash.lower() if getattr(link, "hash_name", None) == "sha256" and link.hash else None


def receive(session, link, into):
    """Writes a file below the name of its digest; returns the digest."""
    # A server may else compress once more, and the digest would be another one.
    answer = session.get(link.url_without_fragment, headers={"Accept-Encoding": "identity"}, stream=True)
    answer.raise_for_status()
    state, received = hashlib.sha256(), 0
    descriptor, part = tempfile.mkstemp(dir=into)
    with os.fdopen(descriptor, "wb") as stream:
        while chunk := answer.raw.read(CHUNK):
            received += len(chunk)
            if received > MAX_BYTES:
                raise ConnectionError(f"{link.filename} has more than {MAX_BYTES} bytes")
            state.update(chunk)
            stream.write(chunk)
    # A cut connection looks like the end of the file.
    announced = str(answer.headers.get("Content-Length", ""))
    if announced.isdigit() and received < int(announced):
        raise ConnectionError(f"{received} of {announced} bytes came")
    os.replace(part, os.path.join(into, state.hexdigest()))
    return state.hexdigest()


def first_wanted(session, links, hashes, into, offered):
    """Returns name and digest of the first file with a wanted digest."""
    for link in links:
        digest = listed_digest(link)
        if digest is None:
            digest = receive(session, link, into)
            if digest not in hashes:
                os.unlink(os.path.join(into, digest))
        elif digest in hashes and receive(session, link, into) != digest:
            raise ConnectionError(f"the index gave other bytes for {link.filename} than it announced")
        offered.append([link.filename, digest])
        if digest in hashes:
            return {"name": link.filename, "sha256": digest}
    return None


def answer(session, finder, unread, one, into):
    from pip._vendor.packaging.version import Version

    unread.messages.clear()
    version = Version(one["version"])
    found = [each for each in finder.find_all_candidates(one["project"]) if Version(str(each.version)) == version]
    links = [each.link for each in found]
    offered, hashes = [], set(one["hashes"])
    sdists = [link for link in links if not link.is_wheel]
    # Only a wheel for every platform can be what a build on this one gives.
    wheels = [link for link in links if link.is_wheel and link.filename.endswith("-any.whl")]
    if not links and unread.messages:
        raise ConnectionError("; ".join(unread.messages))
    sdist = first_wanted(session, sdists, hashes, into, offered)
    wheel = first_wanted(session, wheels, hashes, into, []) if one["published"] else None
    wheels_listed = sum(1 for link in links if link.is_wheel and listed_digest(link) in hashes)
    return {"sdist": sdist, "wheel": wheel, "offered": offered, "wheels_listed": wheels_listed}


def main():
    from pip._internal.commands import create_command

    asked = json.load(sys.stdin)
    command = create_command("download")
    unread = UnreadPages()
    # Both kinds, whatever the configuration prefers. An argument must be there, and
    # none of it is ever resolved.
    options, _ = command.parse_args(["--no-binary", ":none:", "--only-binary", ":none:", "--no-deps", "none"])
    options.no_input = True
    with command.main_context():
        session = command.get_default_session(options)
        # An sdist that asks for another Python is still the listed one.
        finder = command._build_package_finder(options=options, session=session, ignore_requires_python=True)
        for one in asked["wanted"]:
            try:
                said = answer(session, finder, unread, one, asked["into"])
            except (ImportError, AttributeError, TypeError) as fault:
                import pip

                said = {"trouble": f"pip {pip.__version__} is not one that is known here: {fault}"}
            # pip and its session raise errors of many kinds with no common class.
            except Exception as fault:
                said = {"trouble": f"{type(fault).__name__}: {fault}"}
            print(json.dumps(said), flush=True)


main()
