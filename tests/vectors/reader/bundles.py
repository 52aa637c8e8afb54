"""Bundles: records in a file, the first a manifest, the last a signed end."""

import hashlib

from reader.blobs import BLOB_FIELDS, Blobs
from reader.causes import Log
from reader.core import (
    MAGIC,
    MAX_MESSAGE,
    Bad,
    be64,
    canonical,
    is_hash,
    is_int,
    is_signature,
    load,
    need,
    same,
    sha,
    verify,
)
from reader.events import Run
from reader.messages import FIELDS, check_tips, message

NAMES = {3: "run", 10: "manifest", 11: "end", 21: "chunk list", 22: "chunk"}


class Stream:
    """Bytes that come in pieces, with the hash of all that were taken."""

    def __init__(self, pieces):
        self.pieces, self.here, self.sha = iter(pieces), b"", hashlib.sha256()

    def take(self, count):
        """As many bytes; fewer at the end."""
        while len(self.here) < count:
            piece = next(self.pieces, None)
            if piece is None:
                break
            self.here += piece
        taken, self.here = self.here[:count], self.here[count:]
        return taken


def records(stream):
    """Each record's bytes with the hash of all before it."""
    magic = stream.take(8)
    need(magic == MAGIC, "not-a-bundle")
    stream.sha.update(magic)
    record = 0
    while True:
        try:
            head = stream.take(4)
            need(len(head) == 4, "truncated")
            length = int.from_bytes(head, "big")
            need(length <= MAX_MESSAGE, "too-long")
            content = stream.take(length)
            need(len(content) == length, "truncated")
        except Bad as error:
            raise Bad(error.reason, record) from error
        before = stream.sha.copy()
        stream.sha.update(head + content)
        yield record, before, content
        record += 1


def kind_of(data):
    fields = load(data)
    need(type(fields) is list and fields and is_int(fields[0]), "malformed")
    return fields[0], fields


def name_of(data):
    try:
        kind, _ = kind_of(data)
        return NAMES.get(kind) or ("message" if kind in FIELDS else f"type {kind}")
    except Bad:
        return "record"


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


def check_end(data, before, fields, key, events):
    need(len(fields) == 3 and is_int(fields[1]) and is_signature(fields[2]), "malformed")
    same(fields, data)
    verify(key, sha("mirrordna/bundle/1", before.digest(), be64(fields[1])), fields[2], "changed")
    need(fields[1] == events, "count")


def bundle(pieces, say=lambda line: None, log=None):
    """Reads a bundle into a log, an empty one without another. Raises the first bad record."""
    stream, said, events, blobs = Stream(pieces), None, 0, Blobs()
    log = Log() if log is None else log
    for record, before, content in records(stream):
        try:
            if said is None:
                said = manifest(content)
                say(f"record {record}: manifest of mesh {said['mesh'].hex()}")
                continue
            kind, fields = kind_of(content)
            if kind == 11:
                check_end(content, before, fields, said["key"], events)
                say(f"record {record}: end, {events} events, signature holds")
                record, content = record + 1, b""
                need(stream.take(1) == b"", "misplaced")
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
            name = name_of(content) if where == record else "run"
            raise Bad(error.reason, where, name) from error
    if log.waiting and said["since"] is None:
        raise Bad("waits", min(record for record, _ in log.waiting), "run")
    return log, said


def run_of(content, log, mesh):
    run = message(content)[1]
    return Run(run, log.key(run[1][0][0]), mesh)
