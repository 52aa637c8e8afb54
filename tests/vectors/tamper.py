#!/usr/bin/env python3
"""Real homes, a real sealed bundle, and more than fifty ways to spoil it.

    python3 tests/vectors/tamper.py MIRROR

MIRROR is the command under test. Each spoilt bundle is sealed again to the real recipient, so that the attack reaches inside
the seal; where it says 'signed', the author signed what was changed, as a member who lies would. For each, this reader and
`mirror import` must name the same first bad record. The last line is 'N passed, N failed'.
"""

import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from reader.bundles import Stream, bundle, records
from reader.core import MAGIC, Bad, be64, canonical, head_message, sha
from reader.events import Event
from reader.sealed import identity, opened, seal

dumps = lambda value: cbor2.dumps(value, canonical=True)


class Home:
    def __init__(self, mirror, folder):
        self.mirror, self.folder = mirror, folder

    def start(self, *arguments):
        command = [self.mirror, "--home", self.folder, "--json", *arguments]
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=os.environ | {"MIRROR_KEYS": "file"}, text=True,
        )

    def run(self, *arguments, text=""):
        process = self.start(*arguments)
        out, _ = process.communicate(text, timeout=300)
        return process.returncode, [json.loads(line) for line in out.splitlines()]

    def json(self, *arguments, text=""):
        code, documents = self.run(*arguments, text=text)
        assert code in (0, 3), (arguments, code, documents)
        return documents[-1]

    def keys(self):
        return json.loads((self.folder / "keys.json").read_text(encoding="utf-8"))

    def signer(self):
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(self.keys()["incarnation"]))

    def copy(self, folder):
        shutil.copytree(self.folder, folder)
        return Home(self.mirror, folder)


def mesh(mirror, folder):
    """A Mac and a phone that met, and wrote on: the phone has much that the Mac lacks."""
    mac, phone = (Home(mirror, folder / name) for name in ("mac", "phone"))
    mac.json("init", "--name", "Mac")
    serve = mac.start("serve", "--listen", "127.0.0.1:0")
    try:
        address = json.loads(serve.stdout.readline())["address"]
        phone.json("join", mac.json("invite", "--role", "node")["ticket"], "--name", "Pixel")
        for turn in range(3):
            for home in (mac, phone):
                home.json("note", "add", "--lines", text="\n".join(f"{turn} {n} तत्" for n in range(70)))
            phone.json("reconcile", "--with", address)
    finally:
        serve.terminate()
        serve.wait()
    phone.json("note", "add", "--lines", text="\n".join(f"on the train {n}" for n in range(300)))
    return mac, phone


class Bundle:
    """The records of an unsealed bundle, to be spoilt and put together again."""

    def __init__(self, plain, signer):
        self.signer = signer
        self.parts = [content for _, _, content in records_of(plain)]
        self.events = cbor2.loads(self.parts[-1])[1]

    def run(self, record):
        return cbor2.loads(self.parts[record])

    def put(self, record, value):
        self.parts[record] = dumps(value)

    def join(self, parts):
        return MAGIC + b"".join(len(part).to_bytes(4, "big") + part for part in parts)

    def as_it_is(self):
        return self.join(self.parts)

    def signed(self):
        """The end made anew: its author stands for everything before it."""
        before = self.join(self.parts[:-1])
        message = sha("mirrordna/bundle/1", hashlib.sha256(before).digest(), be64(self.events))
        return before + self.join([dumps([11, self.events, self.signer.sign(message)])])[8:]

    def last(self):
        """The last run with what its last event is."""
        record = len(self.parts) - 2
        header = self.run(record)[1][0][-1][0]
        return record, Event(header, None)

    def more(self, change=lambda fields: None, body=b"\xa2\x00\x61x\x01\x80"):
        """A run of one event behind the last one, by the same author, with changed fields."""
        _, before = self.last()
        fields = [1, before.chain, before.seq + 1, before.id, [], before.lamport + 1, 0, 0]
        fields += ["note.add", hashlib.sha256(body).digest(), len(body)]
        change(fields)
        header = dumps(fields)
        self.add([[header, body]])

    def add(self, events):
        header = events[-1][0]
        fields, name = cbor2.loads(header), sha("mirrordna/event/1", header)
        chain = name if fields[1] is None else fields[1]
        signature = self.signer.sign(head_message(chain, fields[2], name))
        self.parts.insert(-1, dumps([3, [events, [[chain, fields[2], name], signature]]]))
        self.events += len(events)


def records_of(plain):
    try:
        yield from records(Stream([plain]))
    except Bad:
        return


# The chain that is not the author's, once it is known.
OTHER = []

HELD_BACK = "a body that was held back"

# A whole span of events that the Mac lacks: the last run but one.
NEW = -3

# Each gives the spoilt plain bytes, and the first bad record with its reason; None when nothing is wrong.


def within(record, reason, spoil, sign=True):
    def made(whole):
        place = record if record >= 0 else len(whole.parts) + record
        value = whole.run(place)
        spoil(value[1] if place and value[0] == 3 else value)
        whole.put(place, value)
        return whole.signed() if sign else whole.as_it_is(), (place, reason)

    return made


def headers(record, at, field, value, reason):
    """A field of an event's header, which the head behind it no longer covers."""

    def spoil(run):
        fields = cbor2.loads(run[0][at][0])
        fields[field] = value(fields[field])
        run[0][at][0] = dumps(fields)

    return within(record, reason, spoil)


def more(reason, change, **others):
    def made(whole):
        whole.more(change, **others)
        return whole.signed(), reason and (len(whole.parts) - 2, reason)

    return made


def parts(reason, spoil, sign=True):
    """`spoil` changes the list of records and tells which one is bad."""

    def made(whole):
        bad = spoil(whole.parts)
        return whole.signed() if sign else whole.as_it_is(), reason and (bad, reason)

    return made


def put(field, value):
    return lambda fields: fields.__setitem__(field, value)


def flipped(data, at=-1):
    data = bytearray(data)
    data[at] ^= 1
    return bytes(data)


def flip(holder, place):
    holder[place] = flipped(holder[place])


def raw(reason, spoil):
    def made(whole):
        plain, bad = spoil(whole)
        return plain, (bad, reason)

    return made


def cut(whole, record, inside):
    return whole.join(whole.parts[:record]) + whole.as_it_is()[len(whole.join(whole.parts[:record])) :][:inside]


def foreign(whole):
    key = Ed25519PrivateKey.from_private_bytes(bytes([7] * 32))
    named = [bytes([9] * 32), key.public_key().public_bytes_raw()]
    named += [whole.signer.public_key().public_bytes_raw(), bytes([5] * 32), bytes([6] * 32)]
    body = dumps([*named, key.sign(sha("mirrordna/incarnation/1", *named))])
    header = [1, None, 0, None, [], 1, 0, 0, "chain.open", hashlib.sha256(body).digest(), len(body)]
    whole.add([[dumps(header), body]])
    return whole.signed(), (len(whole.parts) - 2, "other-mesh")


def counted(whole):
    whole.events += 1
    return whole.signed(), (len(whole.parts) - 1, "count")


def twice(whole):
    whole.parts.insert(3, whole.parts[2])
    whole.events += len(whole.run(2)[1][0])
    return whole.signed(), None


def left_out(whole):
    whole.events -= len(whole.run(NEW)[1][0])
    whole.parts.pop(NEW)
    return whole.signed(), (len(whole.parts) - 2, "waits")


def named_wrongly(fields):
    """A cause at a place of the other chain that is filled, under a name that nothing there has."""
    fields[4] = [[OTHER[0], 1, bytes(32)]]


def branch(whole):
    """Another event where one is: the author has two histories, and both are kept."""
    record, last = whole.last()
    body = b"\xa2\x00\x61y\x01\x80"
    fields = cbor2.loads(whole.run(record)[1][0][-1][0])
    fields[9:11] = hashlib.sha256(body).digest(), len(body)
    whole.add([[dumps(fields), body]])
    return whole.signed(), None


def swapped(list_, a, b):
    list_[a], list_[b] = list_[b], list_[a]


CASES = {
    "the bundle as it is": lambda whole: (whole.as_it_is(), None),
    "a run twice": twice,
    "runs in another order": parts(None, lambda p: swapped(p, 3, 4)),
    "a time of the year 5000": more(None, put(6, 95_617_584_000_000)),
    "a time before 1970": more(None, put(6, -(2**62))),
    "a kind of a later version": more(None, put(8, "note.sing")),
    HELD_BACK: within(NEW, None, lambda run: run[0][2].__setitem__(1, None)),
    "a changed body": within(NEW, "body", lambda run: flip(run[0][2], 1)),
    "a changed body, not signed": within(NEW, "body", lambda run: flip(run[0][2], 1), sign=False),
    "a body of another event": within(NEW, "body", lambda run: run[0][2].__setitem__(1, run[0][3][1])),
    "a changed chain": headers(NEW, 5, 1, flipped, "link"),
    "a changed position": headers(NEW, 5, 2, lambda seq: seq + 1, "link"),
    "a changed link": headers(NEW, 5, 3, flipped, "link"),
    "a changed clock": headers(NEW, 5, 5, lambda clock: clock + 1, "link"),
    "a changed time": headers(NEW, 5, 6, lambda time: time + 1, "link"),
    "a changed time of the last event": headers(NEW, -1, 6, lambda time: time + 1, "head"),
    "a changed offset": headers(NEW, 5, 7, lambda offset: offset + 1, "link"),
    "a changed kind": headers(NEW, 5, 8, lambda kind: "note.edit", "link"),
    "a version of the future": headers(NEW, 5, 0, lambda version: 2, "version"),
    "a changed hash of the body": headers(NEW, 5, 9, flipped, "body"),
    "a changed length of the body": headers(NEW, 5, 10, lambda length: length + 1, "body"),
    "an event left out": within(NEW, "link", lambda run: run[0].pop(4)),
    "two events exchanged": within(NEW, "link", lambda run: swapped(run[0], 4, 5)),
    "the last event cut off": within(NEW, "head", lambda run: run[0].pop()),
    "a head further on": within(NEW, "head", lambda run: put(1, run[1][0][1] + 1)(run[1][0])),
    "a changed signature": within(NEW, "signature", lambda run: flip(run[1], 1)),
    "an inflated clock, signed": more("lamport", put(5, 2**63)),
    "the greatest clock, signed": more("lamport", put(5, 2**64 - 1)),
    "a clock that stands, signed": more("lamport", put(5, 1)),
    "a chain opened twice, signed": more("reopened", put(8, "chain.open")),
    "a kind in capitals, signed": more("bad-kind", put(8, "Note.Add")),
    "an offset of a day, signed": more("bad-offset", put(7, 24 * 60)),
    "a longer body than it says, signed": more("body", put(10, 1)),
    "a cause that nobody has, signed": more("waits", put(4, [[bytes(32), 0, bytes(32)]])),
    "a chain of another mesh, signed": foreign,
    "a run left out, signed": left_out,
    "a cause with another name, signed": more("waits", lambda fields: named_wrongly(fields)),
    "a branch, signed": branch,
    "an unknown record": parts("unknown-type", lambda p: p.insert(3, dumps([42, 0])) or 3),
    "a message that is no run": parts("misplaced", lambda p: p.insert(3, dumps([4, True])) or 3),
    "two manifests": parts("misplaced", lambda p: p.insert(3, p[0]) or 3),
    "a record in a longer form": parts("not-deterministic", lambda p: p.insert(3, b"\x98\x02" + p.pop(3)[1:]) or 3),
    "a byte behind a record": parts("not-deterministic", lambda p: p.insert(3, p.pop(3) + b"\0") or 3),
    "an empty record": parts("malformed", lambda p: p.insert(3, b"") or 3),
    "a changed tip in the manifest": within(0, "wrong-tips", lambda m: flip(m[7][0], 2)),
    "a changed head in the manifest": within(0, "wrong-tips", lambda m: flip(m, 4)),
    "another mesh in the manifest": within(0, None, lambda m: flip(m, 1)),
    "a changed time in the manifest": within(0, "changed", put(6, 0), sign=False),
    "a changed writer in the manifest": within(0, "changed", lambda m: flip(m, 2), sign=False),
    "another key in the manifest": within(0, "changed", lambda m: flip(m, 3), sign=False),
    "a changed signature at the end": within(-1, "changed", lambda end: flip(end, 2), sign=False),
    "a wrong count, signed": counted,
    "another magic": raw("not-a-bundle", lambda w: (b"MIRRORB2" + w.as_it_is()[8:], None)),
    "nothing": raw("not-a-bundle", lambda w: (b"", None)),
    "cut before the manifest": raw("truncated", lambda w: (MAGIC, 0)),
    "cut in the manifest": raw("truncated", lambda w: (cut(w, 0, 100), 0)),
    "cut between two records": raw("truncated", lambda w: (cut(w, 3, 0), 3)),
    "cut in a length": raw("truncated", lambda w: (cut(w, 3, 2), 3)),
    "cut in a run": raw("truncated", lambda w: (cut(w, 3, 400), 3)),
    "cut before the end": raw("truncated", lambda w: (cut(w, len(w.parts) - 1, 0), len(w.parts) - 1)),
    "a length of four gigabytes": raw("too-long", lambda w: (cut(w, 3, 0) + b"\xff" * 8, 3)),
    "a byte behind the end": raw("misplaced", lambda w: (w.as_it_is() + b"\0", len(w.parts))),
}
# What is wrong only at the end, or only for this reader's stricter question, stands elsewhere than where it was changed.
AT_THE_END = {"changed"}
# `mirror import` keeps these runs, visibly, until their cause comes.
WAITS = {"waits"}


def first_bad(sealed, key):
    try:
        bundle(opened(sealed, key))
        return None
    except Bad as error:
        return (error.record, error.reason)


def imported(home, path):
    """What `mirror import` says: its exit code and all its words."""
    code, documents = home.run("import", str(path))
    document = documents[-1]
    error = document.get("error")
    words = [f"{r['what']}: {r['reason']}" for r in document.get("refused", [])]
    return code, [error["detail"]] if error else words, document


def check(name, made, whole, folder, mac, key):
    plain, expected = made(whole)
    if expected and expected[1] in AT_THE_END:
        expected = (len(whole.parts) - 1, expected[1])
    path = folder / "spoilt.bundle"
    recipient = key.public_key().public_bytes_raw()
    path.write_bytes(seal(plain, [recipient]))
    with open(path, "rb") as file:
        found = first_bad(file, key)
    faults = []
    if name == "another mesh in the manifest":
        # This reader takes the mesh from the manifest: the first run that opens a chain contradicts it.
        expected = (1, "other-mesh")
    if expected and expected[1] is None:
        expected = None
    if found != expected:
        faults.append(f"this reader found {found}, expected {expected}")
    home = mac.copy(folder / "spoilt")
    try:
        before = home.json("head")
        code, words, document = imported(home, path)
        if expected is None:
            faults += [] if code in (0, 3) else [f"import: exit {code}: {words}"]
        elif expected[1] in WAITS:
            kept = document.get("quarantined", 0) > 0 and code in (0, 3)
            faults += [] if kept else [f"import: exit {code}: {document}"]
        else:
            faults += [] if code in (4, 5) else [f"import: exit {code}: {document}"]
            named = expected[0] is None or f"record {expected[0]}:" in words[0]
            faults += [] if named or "another mesh" in words[0] else [f"import: {words[0]}"]
        _, (after, *_) = home.run("verify", "--deep")
        right = after["ok"]
        if name == HELD_BACK:
            # The chain holds without it; that nothing has forgotten it is told.
            right = not right and after["first_bad"]["what"] == "body"
        # A check that found something wrong need not have looked at all events.
        if not right or name != HELD_BACK and after["events"] < before["events"]:
            faults.append(f"import left {after} of {before['events']} events")
    finally:
        shutil.rmtree(home.folder)
    return faults


def seals(sealed, key):
    """Every kind of damage to the seal itself."""
    head = sealed.index(b"---")
    payload = sealed.index(b"\n", head) + 1
    share = sealed.index(b"X25519 ") + 7
    other = b"B" if sealed[share : share + 1] == b"A" else b"A"
    yield "a letter of the share", sealed[:share] + other + sealed[share + 1 :], "not-for-us"
    yield "one bit of the MAC", flipped(sealed, payload - 5), "not-sealed"
    yield "one bit of the nonce", flipped(sealed, payload + 3), "seal"
    yield "one bit of the payload", flipped(sealed, len(sealed) // 2), "seal"
    yield "the last byte cut off", sealed[:-1], "seal"
    yield "a byte behind", sealed + b"\0", "seal"
    yield "two chunks exchanged", exchanged(sealed, payload + 16), "seal"
    yield "the last chunk cut off", sealed[: payload + 16 + 65552], "seal"
    yield "no age file", b"PK\x03\x04" + sealed, "not-sealed"


def exchanged(sealed, start):
    size = 65552
    first, second = sealed[start : start + size], sealed[start + size :]
    return sealed[:start] + second + first


def main():
    mirror = str(pathlib.Path(sys.argv[1]).resolve())
    passed = failed = 0

    def tell(name, faults):
        nonlocal passed, failed
        passed, failed = passed + (not faults), failed + bool(faults)
        for fault in faults:
            print(f"FAILED {name}: {fault}")

    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        mac, phone = mesh(mirror, folder)
        path = folder / "phone.bundle"
        told = phone.json("export", "--for", "Mac", "-o", str(path))
        key = identity(mac.folder / "keys.json")
        with open(path, "rb") as file:
            plain = b"".join(opened(file, key))
        log, said = bundle([plain])
        right = [len(log.taken), canonical(log.tips()).hex(), said["head"].hex()]
        head = phone.json("head")
        ours = Bundle(plain, phone.signer()).last()[1].chain
        OTHER.extend(log.chains() - {ours})
        wanted = [told["events"], head["head"], head["head"]]
        tell("the bundle's events and head", [] if right == wanted else [f"{right}, not {wanted}"])

        for name, made in CASES.items():
            whole = Bundle(plain, phone.signer())
            tell(name, check(name, made, whole, folder, mac, key))
        sealed = path.read_bytes()
        for name, spoilt, reason in seals(sealed, key):
            damaged = folder / "damaged.bundle"
            damaged.write_bytes(spoilt)
            with open(damaged, "rb") as file:
                found = first_bad(file, key)
            code, words, _ = imported(mac, damaged)
            faults = [] if found and found[1] == reason else [f"this reader found {found}"]
            faults += [] if code in (4, 5) else [f"import: exit {code}: {words}"]
            tell(f"the seal: {name}", faults)
        mac.json("import", str(path))
        after = mac.json("head")["head"]
        tell("the good bundle completes it", [] if after == head["head"] else [after])
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
