"""Blobs: their names, their chunks, the messages about them."""

import hashlib

import cbor2

from reader.core import (
    CHUNK,
    MAX_BLOB,
    MAX_BLOB_MESSAGE,
    MAX_RANGES,
    MAX_WANTS,
    is_hash,
    is_int,
    load,
    need,
    same,
    sha,
)

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
