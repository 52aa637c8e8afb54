"""Limits, deterministic CBOR, hashes and signatures."""

import hashlib
import io

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
    """Something that must be refused, with its reason and, in a bundle, its record and what that is."""

    def __init__(self, reason, record=None, kind="record"):
        super().__init__(reason)
        self.reason, self.record, self.kind = reason, record, kind


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
