#!/usr/bin/env python3
"""An independent reader of the MirrorDNA formats, written from docs/PROTOCOL.md.

    python3 tests/vectors/verify.py
        checks the vectors beside this file
    python3 tests/vectors/verify.py [--identity FILE] BUNDLE...
        checks bundles record by record, into one history; FILE is the keys.json of a home that they are sealed to

Needs Python 3.11, cbor2 and cryptography. The last line is 'N passed, N failed'; the exit status is 1 if anything failed.
A negative vector passes when it fails with the reason that it states.
"""

import argparse
import json
import pathlib
import sys

from reader import files, members
from reader.blobs import blob_message, check_chunk, name_blob, read_list
from reader.bundles import bundle
from reader.causes import Log
from reader.core import CHUNK, MAGIC, Bad, canonical, head_message, load, same, sha, verify
from reader.events import Event, Open, Run
from reader.messages import check_commitment, message
from reader.sealed import identity, opened


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
    log, _ = bundle([raw(data["stored"])])
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
    log, said = bundle([raw(data["bundle"])])
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
            log, _ = bundle([raw(content)])
            return {"blobs": hexed(log.blobs)}


def opens(events):
    """Of each chain the device, and whether it founded the mesh."""
    first = [(event.chain, Open(event)) for event in events if event.seq == 0]
    return {chain: (opened.device, opened.founder) for chain, opened in first}


def on_members(data):
    log, _ = bundle([raw(data["bundle"])])
    return members.folded(log.taken, opens(log.taken))


def on_notes(data):
    log, _ = bundle([raw(data["bundle"])])
    return members.noted(log.taken, opens(log.taken))


def on_files(data):
    log, _ = bundle([raw(data["bundle"])])
    return files.filed(log.taken, opens(log.taken))


CHECKS = {
    "headers": on_headers,
    "opens": on_opens,
    "runs": on_runs,
    "causes": on_causes,
    "heads": on_heads,
    "messages": on_messages,
    "bundles": on_bundles,
    "blobs": on_blobs,
    "members": on_members,
    "notes": on_notes,
    "files": on_files,
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


# Bundles


def pieces(path, key):
    """A bundle's plain bytes as they come, from a sealed or a plain file."""
    with open(path, "rb") as file:
        if file.read(8) == MAGIC:
            file.seek(0)
            while piece := file.read(64 * 1024):
                yield piece
            return
        if key is None:
            raise Bad("sealed, and no --identity given")
        file.seek(0)
        yield from opened(file, key)


def check_bundles(paths, key):
    passed, log = 0, Log()

    def say(line):
        nonlocal passed
        passed += 1
        print(line)

    for path in paths:
        try:
            _, said = bundle(pieces(path, key), say, log)
        except Bad as error:
            print_counts(log)
            where = "" if error.record is None else f"record {error.record}, {error.kind}: "
            print(f"first bad: {where}{error.reason}")
            return passed, 1
    print_counts(log)
    print("first bad: none")
    for record, run in log.waiting:
        print(f"record {record}: waits for causes that the reader is expected to have")
    print(f"canonical head of what is complete: {canonical(log.tips()).hex()}")
    print(f"canonical head of the writer:       {said['head'].hex()}")
    return passed, 0


def print_counts(log):
    print(f"events: {len(log.taken)}")
    print(f"chains: {len(log.chains())}")
    print(f"blobs:  {len(log.blobs)}")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--identity", type=pathlib.Path)
    arguments.add_argument("bundle", nargs="*", type=pathlib.Path)
    given = arguments.parse_args()
    if given.bundle:
        key = identity(given.identity) if given.identity else None
        passed, failed = check_bundles(given.bundle, key)
    else:
        passed, failed = check_vectors()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
