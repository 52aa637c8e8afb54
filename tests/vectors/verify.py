#!/usr/bin/env python3
"""An independent reader of the MirrorDNA formats, written from docs/PROTOCOL.md.

    python3 tests/vectors/verify.py            checks the vectors beside this file
    python3 tests/vectors/verify.py BUNDLE     checks a plain (unsealed) bundle, record by record

Needs Python 3.11, cbor2 and cryptography. The last line is 'N passed, N failed'; the exit status is 1 if anything failed.
A negative vector passes when it fails with the reason that it states.
"""

import hashlib
import io
import json
import pathlib
import re
import sys

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MAX_BODY = 64 * 1024
MAX_HEADER = 48 * 1024
MAX_DEPS = 512
MAX_TIPS = 5120
MAX_POINTS = 66
MAX_ADDRESSES = 16
MAX_ADDRESS = 256
SPAN = 128
MAX_MESSAGE = SPAN * (MAX_BODY + MAX_HEADER + 16) + 1024
CHUNK = 256 * 1024
MAX_BLOB = 2**32 - 1
MAX_WANTS = 256
MAX_RANGES = 16
MAX_BLOB_MESSAGE = -(-MAX_BLOB // CHUNK) * 34 + 1024
U64 = 2**64 - 1
MAGIC = b"MIRRORB1"


class Bad(Exception):
    """Something that must be refused, with its reason and, in a bundle, its record."""

    def __init__(self, reason, record=None):
        super().__init__(reason)
        self.reason, self.record = reason, record


def need(condition, reason):
    if not condition:
        raise Bad(reason)


def sha(domain, *parts):
    return hashlib.sha256(domain.encode() + b"".join(parts)).digest()


def be64(number):
    return number.to_bytes(8, "big")


# Deterministic CBOR (RFC 8949, 4.2.1): only integers, byte strings, texts, arrays, booleans, null.


def load(data, reason="malformed"):
    """The first item; bytes behind it and other forms are found by encoding it again."""
    try:
        return cbor2.CBORDecoder(io.BytesIO(data)).decode()
    except Exception as error:
        raise Bad(reason) from error


def same(value, data, reason="not-deterministic"):
    need(cbor2.dumps(value, canonical=True) == data, reason)


def is_int(value, low=0, high=U64):
    return type(value) is int and low <= value <= high


def is_hash(value):
    return type(value) is bytes and len(value) == 32


def is_signature(value):
    return type(value) is bytes and len(value) == 64


def is_place(value):
    """A tip or a dep: [chain, seq, id]."""
    return (
        type(value) is list
        and len(value) == 3
        and is_hash(value[0])
        and is_int(value[1])
        and is_hash(value[2])
    )


# Ed25519 (RFC 8032), strictly.

SMALL_ORDER = {
    bytes.fromhex(text)
    for text in (
        "00" * 32,
        "01" + "00" * 31,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
    )
}
ORDER = 2**252 + 27742317777372353535851937790883648493


def is_small(point):
    return point[:31] + bytes([point[31] & 0x7F]) in SMALL_ORDER


def verify(key, message, signature, reason):
    try:
        need(not is_small(key) and not is_small(signature[:32]), reason)
        need(int.from_bytes(signature[32:], "little") < ORDER, reason)
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError) as error:
        raise Bad(reason) from error


def head_message(chain, seq, event):
    return sha("mirrordna/head/1", chain, be64(seq), event)


def canonical(tips):
    ordered = sorted({(chain, seq, event) for chain, seq, event in tips})
    return sha("mirrordna/canonical/1", b"".join(c + be64(s) + e for c, s, e in ordered))


# Events


class Event:
    """A header, checked by itself, and its body."""

    def __init__(self, header, body):
        need(len(header) <= MAX_HEADER, "too-long")
        fields = load(header)
        need(type(fields) is list and len(fields) == 11, "malformed")
        version, chain, seq, prev, deps, lamport, unix_ms, offset, kind, body_hash, length = fields
        need(is_int(version, 0, 255), "malformed")
        need(version == 1, "version")
        need(chain is None or is_hash(chain), "malformed")
        need(prev is None or is_hash(prev), "malformed")
        need(is_int(seq) and is_int(lamport), "malformed")
        need(type(deps) is list, "malformed")
        need(len(deps) <= MAX_DEPS, "too-many-deps")
        need(all(is_place(dep) for dep in deps), "malformed")
        need(is_int(unix_ms, -(2**63), 2**63 - 1), "malformed")
        need(is_int(offset, -(2**15), 2**15 - 1), "malformed")
        need(type(kind) is str and is_hash(body_hash) and is_int(length, 0, 2**32 - 1), "malformed")
        same(fields, header)
        need((chain is None) == (seq == 0) and (prev is None) == (seq == 0), "bad-position")
        need(all(a < b for a, b in zip(deps, deps[1:])), "bad-deps")
        need(chain not in [dep[0] for dep in deps], "bad-deps")
        need(re.fullmatch(r"[a-z0-9._-]{1,40}", kind, re.ASCII), "bad-kind")
        need(abs(offset) <= 18 * 60, "bad-offset")
        need(length <= MAX_BODY, "body-too-long")
        self.id = sha("mirrordna/event/1", header)
        self.chain = self.id if chain is None else chain
        self.seq, self.prev, self.deps, self.lamport = seq, prev, deps, lamport
        self.unix_ms, self.offset, self.kind = unix_ms, offset, kind
        self.body_hash, self.length, self.body = body_hash, length, body
        if body is not None:
            right = hashlib.sha256(body).digest() == body_hash and len(body) == length
            need(right, "body")

    def place(self):
        return (self.chain, self.seq, self.id)

    def order(self):
        return (self.lamport, self.chain, self.seq, self.id)


class Open:
    """The body of a first event: who writes the chain, in which mesh."""

    def __init__(self, event):
        need(event.seq == 0 and event.kind == "chain.open", "not-first")
        need(event.body is not None, "no-body")
        fields = load(event.body)
        need(type(fields) is list and len(fields) == 6, "malformed")
        need(all(is_hash(field) for field in fields[:5]) and is_signature(fields[5]), "malformed")
        same(fields, event.body, "malformed")
        self.mesh, self.device, self.key, self.recipient, self.nonce, authority = fields
        message = sha("mirrordna/incarnation/1", *fields[:5])
        verify(self.device, message, authority, "authority")
        self.founder = self.mesh == sha("mirrordna/mesh/1", self.device, self.key, self.nonce)


class Run:
    """Consecutive events of one chain with a signed head; `key` is that of a chain that is known."""

    def __init__(self, fields, key, mesh):
        wire, head = check_run_shape(fields)
        need(1 <= len(wire) <= SPAN, "length")
        self.events, self.open = [], None
        for header, body in wire:
            need(len(header) <= MAX_HEADER and len(body or b"") <= MAX_BODY, "too-long")
            event = Event(header, body)
            if self.events:
                before = self.events[-1]
                follows = (before.chain, before.seq + 1, before.id)
                need((event.chain, event.seq, event.prev) == follows, "link")
            need(event.seq == 0 or event.kind != "chain.open", "reopened")
            self.events.append(event)
        first, last = self.events[0], self.events[-1]
        self.chain = first.chain
        if first.seq == 0:
            self.open = Open(first)
            key = self.open.key
        need(key is not None, "unknown-chain")
        need(first.seq // SPAN == last.seq // SPAN, "span")
        (chain, seq, event), signature = head
        need((chain, seq, event) == (last.chain, last.seq, last.id), "head")
        verify(key, head_message(chain, seq, event), signature, "signature")
        need(self.open is None or self.open.mesh == mesh or mesh is None, "other-mesh")
        self.key = key


def check_run_shape(fields):
    need(type(fields) is list and len(fields) == 2 and type(fields[0]) is list, "malformed")
    wire, head = fields
    for event in wire:
        need(type(event) is list and len(event) == 2 and type(event[0]) is bytes, "malformed")
        need(event[1] is None or type(event[1]) is bytes, "malformed")
    need(type(head) is list and len(head) == 2, "malformed")
    need(is_place(head[0]) and is_signature(head[1]), "malformed")
    return wire, head


# Causes


class Log:
    """Events by their places, with their causes checked; runs whose causes have not come wait."""

    def __init__(self):
        self.events, self.keys, self.waiting, self.taken, self.blobs = {}, {}, [], [], []

    def key(self, chain):
        return self.keys.get(chain)

    def offer(self, run, record=None):
        """Takes a run in; gives what leaves with it in canonical order."""
        self.keys.setdefault(run.chain, run.key)
        self.waiting.append((record, run))
        return self.release()

    def release(self):
        """The greatest set of waiting runs in which every cause is stored or in the set."""
        inside = list(self.waiting)
        while True:
            place = {e.place(): e for _, run in inside for e in run.events}
            find = lambda cause: self.events.get(cause) or place.get(cause)
            whole = [item for item in inside if self.is_complete(item, find)]
            if len(whole) == len(inside):
                break
            inside = whole
        new = {e.place(): e for _, run in inside for e in run.events}
        leaving = sorted(new.values(), key=Event.order)
        leaving = [event for event in leaving if event.place() not in self.events]
        self.events.update((event.place(), event) for event in leaving)
        self.waiting = [item for item in self.waiting if item not in inside]
        self.taken.extend(leaving)
        return leaving

    @staticmethod
    def is_complete(item, find):
        record, run = item
        for event in run.events:
            latest, complete = 0, True
            causes = [(event.chain, event.seq - 1, event.prev)] if event.seq else []
            for place in causes + event.deps:
                cause = find(tuple(place))
                if cause is None:
                    complete = False
                    continue
                latest = max(latest, cause.lamport)
            if not complete:
                return False
            if event.lamport != latest + 1:
                raise Bad("lamport", record)
        return True

    def tips(self):
        """The newest event of each branch."""
        passed = {event.prev for event in self.events.values()}
        return [place for place in self.events if place[2] not in passed]


# Messages

FIELDS = {0: 10, 1: 1, 2: 2, 3: 2, 4: 2, 5: 2, 6: 2, 7: 2, 8: 2}


def check_tips(tips):
    need(type(tips) is list, "malformed")
    need(len(tips) <= MAX_TIPS, "too-many")
    need(all(is_place(tip) for tip in tips), "malformed")
    need(all(a < b for a, b in zip(tips, tips[1:])), "malformed")


def check_locator(points):
    need(type(points) is list, "malformed")
    need(len(points) <= MAX_POINTS, "too-many")
    need(points and all(is_place(point) for point in points), "malformed")
    need(all(a[0] == b[0] and a[1] > b[1] for a, b in zip(points, points[1:])), "malformed")
    need(points[-1][1] == 0, "malformed")


def check_commitment(fields):
    need(type(fields) is list and len(fields) == 4, "malformed")
    need(all(is_hash(field) for field in fields[:3]) and is_signature(fields[3]), "malformed")


def check_open(fields):
    _, version, mesh, device, head, fold, state, base, tips, addresses = fields
    need(is_int(version, 0, 2**16 - 1) and is_int(fold, 0, 2**32 - 1), "malformed")
    need(all(is_hash(field) for field in (mesh, device, head, state)), "malformed")
    need(base is None or is_hash(base), "malformed")
    if tips is not None:
        need(type(tips) is list and len(tips) == 2 and type(tips[0]) is bool, "malformed")
        check_tips(tips[1])
    need(type(addresses) is list, "malformed")
    need(len(addresses) <= MAX_ADDRESSES, "too-many")
    for address in addresses:
        need(type(address) is str and len(address.encode()) <= MAX_ADDRESS, "malformed")


def message(data):
    """Checks a message's shape and gives its fields, the type first."""
    need(len(data) <= MAX_MESSAGE, "too-long")
    fields = load(data)
    need(type(fields) is list and fields and is_int(fields[0]), "malformed")
    need(fields[0] in FIELDS, "unknown-type")
    need(len(fields) == FIELDS[fields[0]], "malformed")
    match fields:
        case [0, *_]:
            check_open(fields)
        case [2, tips]:
            check_tips(tips)
        case [3, run]:
            wire, _ = check_run_shape(run)
            need(len(wire) <= SPAN, "too-many")
        case [4, commits]:
            need(type(commits) is bool, "malformed")
        case [5, commitment]:
            check_commitment(commitment)
        case [6, code]:
            need(is_int(code, 0, 3), "malformed")
        case [7, points]:
            check_locator(points)
        case [8, point]:
            need(is_place(point), "malformed")
    same(fields, data)
    return fields


# Blobs

BLOB_FIELDS = {20: 2, 21: 3, 22: 4, 23: 1, 24: 1, 25: 1}


def chunk_count(size):
    return -(-size // CHUNK)


def check_blob(blob):
    """A blob's name: [id, bytes, chunks]."""
    need(type(blob) is list and len(blob) == 3, "malformed")
    need(is_hash(blob[0]) and is_int(blob[1], 1, MAX_BLOB) and is_hash(blob[2]), "malformed")


def name_blob(content):
    """The name of content, and its encoded chunk list."""
    need(1 <= len(content) <= MAX_BLOB, "size")
    pieces = [content[at : at + CHUNK] for at in range(0, len(content), CHUNK)]
    hashes = [hashlib.sha256(piece).digest() for piece in pieces]
    encoded = cbor2.dumps([len(content), hashes], canonical=True)
    chunks = sha("mirrordna/chunks/1", encoded)
    return [hashlib.sha256(content).digest(), len(content), chunks], encoded


def read_list(blob, encoded):
    """The hashes of a chunk list that a name binds."""
    need(sha("mirrordna/chunks/1", encoded) == blob[2], "list")
    fields = load(encoded)
    need(type(fields) is list and len(fields) == 2 and type(fields[1]) is list, "malformed")
    size, hashes = fields
    need(is_int(size, 1, MAX_BLOB) and size == blob[1], "malformed")
    need(len(hashes) == chunk_count(size) and all(map(is_hash, hashes)), "malformed")
    same(fields, encoded, "malformed")
    return hashes


def check_chunk(blob, hashes, index, chunk):
    expected = max(0, min(CHUNK, blob[1] - index * CHUNK))
    need(expected > 0 and len(chunk) == expected, "length")
    need(hashlib.sha256(chunk).digest() == hashes[index], "chunk")


def check_want(want):
    need(type(want) is list and len(want) == 3, "malformed")
    blob, with_list, ranges = want
    check_blob(blob)
    need(type(with_list) is bool and type(ranges) is list, "malformed")
    need(len(ranges) <= MAX_RANGES, "too-many")
    need(ranges, "malformed")
    behind = None
    for gap in ranges:
        need(type(gap) is list and len(gap) == 2, "malformed")
        first, count = gap
        need(is_int(first, 0, 2**32 - 1) and is_int(count, 1, 2**32 - 1), "malformed")
        need(behind is None or first > behind, "malformed")
        behind = first + count
        need(behind <= chunk_count(blob[1]), "malformed")


def blob_message(data):
    """Checks a message about blobs and gives its fields, the type first."""
    need(len(data) <= MAX_BLOB_MESSAGE, "too-many")
    fields = load(data)
    need(type(fields) is list and fields and is_int(fields[0]), "malformed")
    need(fields[0] in BLOB_FIELDS, "unknown-type")
    need(len(fields) == BLOB_FIELDS[fields[0]], "malformed")
    match fields:
        case [20, wants]:
            need(type(wants) is list, "malformed")
            need(len(wants) <= MAX_WANTS, "too-many")
            need(wants, "malformed")
            for want in wants:
                check_want(want)
        case [21, blob, encoded]:
            check_blob(blob)
            need(type(encoded) is bytes, "malformed")
        case [22, blob, index, chunk]:
            check_blob(blob)
            need(is_int(index, 0, 2**32 - 1) and type(chunk) is bytes, "malformed")
            need(len(chunk) <= CHUNK, "too-many")
    same(fields, data)
    return fields


class Blobs:
    """The blobs of a bundle: each a list, then its chunks in order."""

    def __init__(self):
        self.blob, self.hashes, self.next, self.whole = None, None, 0, []

    def take(self, data):
        fields = blob_message(data)
        need(fields[0] in (21, 22), "misplaced")
        if fields[0] == 21:
            self.hashes = read_list(fields[1], fields[2])
            self.blob, self.next, self.sha = fields[1], 0, hashlib.sha256()
            return
        _, blob, index, chunk = fields
        need(blob == self.blob, "list")
        check_chunk(blob, self.hashes, index, chunk)
        need(index == self.next, "misplaced")
        self.sha.update(chunk)
        self.next += 1
        if self.next == len(self.hashes):
            need(self.sha.digest() == blob[0], "content")
            self.whole.append(blob[0])


# Bundles


def records(data):
    """Each record's bytes with the position of its length."""
    need(data[:8] == MAGIC, "not-a-bundle")
    at, record = 8, 0
    while True:
        if at + 4 > len(data):
            raise Bad("truncated", record)
        length = int.from_bytes(data[at : at + 4], "big")
        if length > MAX_MESSAGE:
            raise Bad("too-long", record)
        if at + 4 + length > len(data):
            raise Bad("truncated", record)
        yield record, at, data[at + 4 : at + 4 + length]
        at, record = at + 4 + length, record + 1


def kind_of(data):
    fields = load(data)
    need(type(fields) is list and fields and is_int(fields[0]), "malformed")
    return fields[0], fields


def manifest(data):
    kind, fields = kind_of(data)
    need(kind not in (3, 11), "misplaced")
    need(kind == 10, "unknown-type")
    need(len(fields) == 8, "malformed")
    _, mesh, device, key, head, since, unix_ms, tips = fields
    need(all(is_hash(field) for field in (mesh, device, key, head)), "malformed")
    need(since is None or is_hash(since), "malformed")
    need(is_int(unix_ms, -(2**63), 2**63 - 1), "malformed")
    check_tips(tips)
    same(fields, data)
    need(canonical(map(tuple, tips)) == head, "wrong-tips")
    return {"mesh": mesh, "device": device, "key": key, "head": head, "since": since, "tips": tips}


def check_end(data, record, at, fields, key, events):
    need(len(fields) == 3 and is_int(fields[1]) and is_signature(fields[2]), "malformed")
    same(fields, data[at + 4 : at + 4 + int.from_bytes(data[at : at + 4], "big")])
    before = hashlib.sha256(data[:at]).digest()
    verify(key, sha("mirrordna/bundle/1", before, be64(fields[1])), fields[2], "changed")
    need(fields[1] == events, "count")
    length = int.from_bytes(data[at : at + 4], "big")
    if at + 4 + length != len(data):
        raise Bad("misplaced", record + 1)


def bundle(data, say=lambda line: None):
    """Reads a bundle into an empty log. Raises the first bad record."""
    log, said, events, blobs = Log(), None, 0, Blobs()
    for record, at, content in records(data):
        try:
            if said is None:
                said = manifest(content)
                say(f"record {record}: manifest of mesh {said['mesh'].hex()}")
                continue
            kind, fields = kind_of(content)
            if kind == 11:
                check_end(data, record, at, fields, said["key"], events)
                say(f"record {record}: end, {events} events, signature holds")
                break
            if kind in BLOB_FIELDS:
                log.blobs = blobs.whole
                blobs.take(content)
                say(f"record {record}: of blob {blobs.blob[0].hex()[:16]}")
                continue
            need(not (kind == 3 and blobs.blob), "misplaced")
            need(kind == 3 or (kind not in FIELDS and kind != 10), "misplaced")
            run = run_of(content, log, said["mesh"])
            events += len(run.events)
            log.offer(run, record)
            say(f"record {record}: {len(run.events)} events of {run.chain.hex()[:16]}")
        except Bad as error:
            where = record if error.record is None else error.record
            raise Bad(error.reason, where) from error
    if log.waiting and said["since"] is None:
        raise Bad("waits", min(record for record, _ in log.waiting))
    return log, said


def run_of(content, log, mesh):
    return Run(message(content)[1], log.key(load(content)[1][1][0][0]), mesh)


# The vectors beside this file


def hexed(value):
    match value:
        case bytes():
            return value.hex()
        case list() | tuple():
            return [hexed(item) for item in value]
    return value


def raw(text):
    return None if text is None else bytes.fromhex(text)


def on_headers(data):
    event = Event(raw(data["header"]), raw(data["body"]))
    fields = ("id", "chain", "seq", "prev", "deps", "lamport", "unix_ms", "kind", "body_hash")
    found = {name: hexed(getattr(event, name)) for name in fields}
    return found | {"offset_min": event.offset, "body_bytes": event.length}


def on_opens(data):
    event = Event(raw(data["header"]), raw(data["body"]))
    opened = Open(event)
    fields = ("mesh", "device", "key", "recipient", "founder")
    found = {name: hexed(getattr(opened, name)) for name in fields}
    return found | {"chain": event.chain.hex()}


def on_runs(data):
    content = raw(data["run"])
    fields = load(content)
    same(fields, content)
    run = Run(fields, raw(data["key"]), raw(data["mesh"]))
    ids = [event.id.hex() for event in run.events]
    return {"chain": run.chain.hex(), "first": run.events[0].seq, "ids": ids}


def on_causes(data):
    log, _ = bundle(raw(data["stored"]))
    taken = []
    for content in map(raw, data["runs"]):
        fields = load(content)
        run = Run(fields, log.key(fields[1][0][0]), None)
        taken += [event.id.hex() for event in log.offer(run)]
    waiting = [run.events[-1].id.hex() for _, run in log.waiting]
    return {"taken": taken, "waiting": waiting, "head": canonical(log.tips()).hex()}


def on_heads(data):
    match data:
        case {"tips": tips}:
            return {"canonical": canonical((raw(c), s, raw(e)) for c, s, e in tips).hex()}
        case {"signed": [chain, seq, event], "key": key, "signature": signature}:
            text = head_message(raw(chain), seq, raw(event))
            verify(raw(key), text, raw(signature), "signature")
            return {}
        case {"commitment": commitment, "mesh": mesh, "peer": peer}:
            fields = load(raw(commitment))
            check_commitment(fields)
            same(fields, raw(commitment))
            head, device, key, signature = fields
            text = sha("mirrordna/checkpoint/1", raw(mesh), head, device, raw(peer))
            verify(key, text, signature, "signature")
            return {"head": head.hex(), "device": device.hex(), "key": key.hex()}


def on_messages(data):
    return {"type": message(raw(data["message"]))[0]}


def on_bundles(data):
    log, said = bundle(raw(data["bundle"]))
    order = [event.id.hex() for event in sorted(log.taken, key=Event.order)]
    return {"head": canonical(log.tips()).hex(), "mesh": said["mesh"].hex(), "order": order}


def on_blobs(data):
    def name(blob):
        return [raw(blob["id"]), blob["bytes"], raw(blob["chunks"])]

    match data:
        case {"content": size}:
            told = bytes((n // CHUNK + 31 * n) % 256 for n in range(size))
            blob, encoded = name_blob(told)
            named = dict(zip(("id", "bytes", "chunks"), hexed(blob)))
            return {"blob": named, "list": encoded.hex()}
        case {"blob": blob, "list": encoded, "index": index, "chunk": chunk}:
            blob = name(blob)
            check_chunk(blob, read_list(blob, raw(encoded)), index, raw(chunk))
            return {}
        case {"blob": blob, "list": encoded}:
            return {"chunks": len(read_list(name(blob), raw(encoded)))}
        case {"message": content}:
            return {"type": blob_message(raw(content))[0]}
        case {"bundle": content}:
            log, _ = bundle(raw(content))
            return {"blobs": hexed(log.blobs)}


CHECKS = {
    "headers": on_headers,
    "opens": on_opens,
    "runs": on_runs,
    "causes": on_causes,
    "heads": on_heads,
    "messages": on_messages,
    "bundles": on_bundles,
    "blobs": on_blobs,
}


def check(read, case):
    """Nothing when a case holds, or what is wrong."""
    try:
        found = read(case["input"])
    except Bad as error:
        if "error" not in case:
            return f"refused: {error.reason}"
        if case["error"] != error.reason:
            return f"refused for {error.reason}, stated is {case['error']}"
        if case.get("record") != error.record and "record" in case:
            return f"refused at record {error.record}, stated is {case['record']}"
        return None
    if "error" in case:
        return f"taken, stated is {case['error']}"
    return None if found == case["expect"] else f"found {found}, stated is {case['expect']}"


def check_vectors():
    passed = failed = 0
    for name, read in CHECKS.items():
        path = pathlib.Path(__file__).parent / f"{name}.json"
        for case in json.loads(path.read_text(encoding="utf-8")):
            wrong = check(read, case)
            passed, failed = passed + (wrong is None), failed + (wrong is not None)
            if wrong:
                print(f"FAILED {name}: {case['name']}: {wrong}")
    return passed, failed


def check_bundle(path):
    passed = 0

    def say(line):
        nonlocal passed
        passed += 1
        print(line)

    try:
        log, said = bundle(pathlib.Path(path).read_bytes(), say)
    except Bad as error:
        where = "" if error.record is None else f"record {error.record}: "
        print(f"FAILED {where}{error.reason}")
        return passed, 1
    for record, run in log.waiting:
        print(f"record {record}: waits for causes that the reader is expected to have")
    print(f"canonical head of what is complete: {canonical(log.tips()).hex()}")
    print(f"canonical head of the writer:       {said['head'].hex()}")
    return passed, 0


def main():
    passed, failed = check_bundle(sys.argv[1]) if len(sys.argv) > 1 else check_vectors()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
