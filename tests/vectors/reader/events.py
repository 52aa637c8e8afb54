"""Events, first events, runs: what holds of each by itself."""

import hashlib
import re

from reader.core import (
    MAX_BODY,
    MAX_HEADER,
    MAX_DEPS,
    SPAN,
    need,
    sha,
    load,
    same,
    is_int,
    is_hash,
    is_signature,
    is_place,
    verify,
    head_message,
)


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
