"""Shared folders and their files, folded from events as section 16 of docs/PROTOCOL.md says."""

import hashlib

from .members import (
    ANCHOR,
    MAX_BLOB,
    MAX_REPLACES,
    NODE,
    Members,
    Unread,
    decoded,
    digest,
    has_control,
    is_blank,
    is_hash,
    need,
    notes,
)

MAX_PATH, MAX_BY, MAX_REASON, MAX_SOURCES = 1024, 64, 1024, 64
EMPTY = hashlib.sha256(b"").digest()


def check_path(path):
    need(type(path) is str and 1 <= len(path.encode()) <= MAX_PATH)
    need(not has_control(path, turns=False))
    need(not set(path.split("/")) & {"", ".", ".."})


def is_count(value):
    return type(value) is int and 0 <= value < 2**64


def check_ids(ids, limit):
    need(type(ids) is list and len(ids) <= limit and all(map(is_hash, ids)))


def version(event):
    """A version of a shared file; nothing when it is none."""
    body = decoded(event.body)
    check_path(body.get(0))
    check_ids(body.get(1), MAX_REPLACES)
    need(all(body.get(key) is None or is_hash(body[key]) for key in (2, 3, 10)))
    need(is_count(body.get(4)) and body.get(5) in range(5) and type(body[5]) is int)
    by, reason = body.get(6), body.get(7)
    if by is not None:
        need(type(by) is str and 1 <= len(by.encode()) <= MAX_BY)
        need(not has_control(by, turns=False))
    if reason is not None:
        need(type(reason) is str and not is_blank(reason) and len(reason.encode()) <= MAX_REASON)
    check_ids(body.get(8, []), MAX_SOURCES)
    shared, to, size, chunks = body.get(9, False), body.get(3), body[4], body.get(10)
    need(type(shared) is bool)
    need((chunks is not None) == (shared and to is not None and size > 0))
    need(to is not None or size == 0)
    need(not shared or size > 0 or to in (None, EMPTY))
    need(chunks is None or size <= MAX_BLOB)
    return body if shared else None


def share(event):
    body = decoded(event.body)
    need(type(body.get(0)) is str and type(body.get(1)) is bool)
    if body[0]:
        check_path(body[0])
    return body


def read(event):
    try:
        match event.kind:
            case "vault.write" if event.body is not None:
                return version(event)
            case "vault.share" if event.body is not None:
                return share(event)
    except Unread:
        pass
    return None


def leaves(versions):
    """The versions that nothing replaces, in canonical order."""
    replaced = {old for _, body in versions for old in body[1]}
    return [(event, body) for event, body in versions if event.id not in replaced]


def holds(folders, path):
    while path:
        path = path.rpartition("/")[0]
        if path in folders:
            return folders[path][1]
    return False


def filed(events, opens):
    members = Members(events, opens)
    files, folders, entries = {}, {}, []
    for event in members.ordered:
        body = read(event) if members.counts(event) else None
        if body is not None and event.kind == "vault.write":
            files.setdefault(body[0], []).append((event, body))
        elif body is not None:
            entries.append((b"share", event.id))
            if members.members[members.author(event)].role in (ANCHOR, NODE):
                folders[body[0]] = (event.id, body[1])
    told = []
    for path, versions in sorted(files.items(), key=lambda file: file[0].encode()):
        last = leaves(versions)
        ids = [event.id for event, _ in last]
        contents = dict.fromkeys(body.get(3) for _, body in last)
        entries.append((b"file", path.encode() + b"\0", *sorted(ids)))
        told.append(
            {
                "path": path,
                "held": holds(folders, path),
                "leaves": [event.hex() for event in ids],
                "contents": [content and content.hex() for content in contents],
            }
        )
    return {
        "folders": [[folder, said.hex(), shared] for folder, (said, shared) in sorted(folders.items())],
        "files": told,
        "digest": digest(members, notes(members), entries).hex(),
    }
