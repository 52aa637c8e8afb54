"""Members and notes, folded from events as sections 9 and 10 of docs/PROTOCOL.md say.

Events are given with the fields `id`, `chain`, `seq`, `prev`, `lamport`, `kind` and `body`, already verified.
"""

import hashlib
import io
import re
import unicodedata

import cbor2

ANCHOR, NODE, CAPTURE = 0, 1, 2
MAX_DEPTH = 16
MAX_TEXT, MAX_TAGS, MAX_TAG, MAX_NAME, MAX_REPLACES = 49152, 32, 64, 64, 16
MAX_ENGINE, MAX_SEGMENTS = 128, 512
MAX_ATTACHMENTS, MAX_FILE_NAME, MAX_MEDIA, MAX_BLOB = 16, 255, 127, 2**32 - 1
TURNS = {0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)}
UNSEEN = {0xAD, 0x200B, *range(0x2060, 0x2065), 0xFEFF}
SPACE = {*range(9, 14), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B)}
SPACE |= {0x2028, 0x2029, 0x202F, 0x205F, 0x3000}


def order(event):
    return (event.lamport, event.chain, event.seq, event.id)


# Bodies


class Unread(Exception):
    """A body that means nothing."""


def need(condition):
    if not condition:
        raise Unread


def is_hash(value):
    return type(value) is bytes and len(value) == 32


def is_tip(value):
    return (
        type(value) is list
        and len(value) == 3
        and is_hash(value[0])
        and type(value[1]) is int
        and 0 <= value[1] < 2**64
        and is_hash(value[2])
    )


def check_item(value, depth):
    need(depth > 0)
    if type(value) is dict:
        for key, item in value.items():
            check_item(key, depth - 1)
            check_item(item, depth - 1)
    elif type(value) is list:
        for item in value:
            check_item(item, depth - 1)
    else:
        need(value is None or type(value) in (bool, int, bytes, str))
        need(type(value) is not int or -(2**64) <= value < 2**64)


def decoded(body):
    """A map, encoded as it has to be."""
    try:
        value = cbor2.CBORDecoder(io.BytesIO(body)).decode()
        again = cbor2.dumps(value, canonical=True)
    except Exception as error:
        raise Unread from error
    need(type(value) is dict)
    check_item(value, MAX_DEPTH)
    need(again == body)
    return value


def is_blank(text):
    return all(ord(sign) in SPACE for sign in text)


def has_control(text, turns=True):
    return any(
        unicodedata.category(sign) == "Cc" or (turns and ord(sign) in TURNS) for sign in text
    )


def check_device_name(name):
    need(type(name) is str and not is_blank(name) and not has_control(name))
    need(len(name) <= MAX_NAME and not any(ord(sign) in UNSEEN for sign in name))
    need(not is_blank(name[0]) and not is_blank(name[-1]))


def check_tags(tags):
    need(type(tags) is list and len(tags) <= MAX_TAGS)
    for tag in tags:
        need(type(tag) is str and 1 <= len(tag.encode()) <= MAX_TAG)
        need(not has_control(tag, turns=False) and not any(ord(sign) in SPACE for sign in tag))


def check_attachments(attachments):
    need(type(attachments) is list and len(attachments) <= MAX_ATTACHMENTS)
    for one in attachments:
        need(type(one) is dict and is_hash(one.get(0)) and is_hash(one.get(2)))
        need(type(one.get(1)) is int and 1 <= one[1] <= MAX_BLOB)
        name, media = one.get(3), one.get(4)
        need(type(name) is str and 1 <= len(name.encode()) <= MAX_FILE_NAME)
        need(not has_control(name) and not set(name) & {"/", "\\"})
        need(name.strip() not in ("", ".", ".."))
        need(type(media) is str and len(media) <= MAX_MEDIA)
        token = r"[A-Za-z0-9!#$&^_.+-]+"
        need(re.fullmatch(f"{token}/{token}", media))
    return [tuple(one[key] for key in range(5)) for one in attachments]


def check_text(text, attachments):
    need(type(text) is str and len(text.encode()) <= MAX_TEXT)
    need(attachments or not is_blank(text))


def check_replaces(replaces):
    need(type(replaces) is list and 1 <= len(replaces) <= MAX_REPLACES)
    need(all(map(is_hash, replaces)))


def check_transcript(body):
    need(is_hash(body.get(0)) and is_hash(body.get(1)))
    replaces = body.setdefault(2, [])
    need(type(replaces) is list and len(replaces) <= MAX_REPLACES and all(map(is_hash, replaces)))
    need(body.get(3) is None or is_hash(body[3]))
    need(body.get(6) is None or is_hash(body[6]))
    for name in (body.get(4), body.get(5)):
        need(type(name) is str and 1 <= len(name.encode()) <= MAX_ENGINE)
        need(not has_control(name, turns=False))
    language = body.get(7)
    if language is not None:
        need(type(language) is str and re.fullmatch(r"[A-Za-z0-9-]{2,16}", language, re.ASCII))
    silent, segments = body.get(8, False), body.get(9)
    need(type(silent) is bool and type(segments) is list and len(segments) <= MAX_SEGMENTS)
    need(not (silent and segments))
    total = before = 0
    for segment in segments:
        need(type(segment) is dict)
        start, end, text = segment.get(0), segment.get(1), segment.get(2)
        need(type(start) is int and type(end) is int and type(text) is str)
        need(before <= start <= end < 2**32)
        need(not is_blank(text) and not has_control(text, turns=False))
        before, total = start, total + len(text.encode())
    need(total <= MAX_TEXT)


def read(event):
    """What an event says; nothing when its body is missing, unknown or does not read."""
    try:
        return None if event.body is None else said(event)
    except Unread:
        return None


def said(event):
    match event.kind:
        case "device.admit" | "device.rename":
            body = decoded(event.body)
            need(is_hash(body.get(0)))
            check_device_name(body.get(1))
            if event.kind == "device.admit":
                need(type(body.get(2)) is int and body[2] in (ANCHOR, NODE, CAPTURE))
        case "device.revoke":
            body = decoded(event.body)
            need(is_hash(body.get(0)) and type(body.get(1)) is list and all(map(is_tip, body[1])))
        case "note.add":
            body = decoded(event.body)
            body[2] = check_attachments(body.get(2, []))
            check_text(body.get(0), body[2])
            check_tags(body.get(1))
        case "note.edit":
            body = decoded(event.body)
            need(is_hash(body.get(0)))
            check_replaces(body.get(1))
            if body.get(4) is not None:
                body[4] = check_attachments(body[4])
            check_text(body.get(2), body.get(4))
            check_tags(body.get(3))
        case "note.archive":
            body = decoded(event.body)
            need(is_hash(body.get(0)))
            check_replaces(body.get(1))
        case "note.transcript":
            body = decoded(event.body)
            check_transcript(body)
        case _:
            return None
    return body


# Members


class Member:
    def __init__(self, device, name, role):
        self.device, self.name, self.role, self.revoked, self.cut = device, name, role, False, None


class Members:
    """The members of a mesh, from all its events and its chains' first events, opened: chain -> (device, founder)."""

    def __init__(self, events, opens):
        self.events, self.opens = {event.id: event for event in events}, opens
        self.ordered = sorted(events, key=order)
        self.bodies = {event.id: read(event) for event in events}
        self.about = [
            event
            for event in self.ordered
            if event.kind == "chain.open"
            or (event.kind.startswith("device.") and self.bodies[event.id] is not None)
        ]
        self.cuts = {}
        self.in_force = self.find_in_force()
        self.walk(self.in_force)

    def author(self, event):
        return self.opens[event.chain][0]

    def lineage(self, head):
        """The ids from an event back to its chain's first; none when it is not stored there."""
        chain, seq, event = head
        found = self.events.get(event)
        ids = set()
        if found is None or (found.chain, found.seq) != (chain, seq):
            return ids
        while found is not None:
            ids.add(found.id)
            found = self.events.get(found.prev)
        return ids

    def cut(self, revocation):
        """All events that a revocation lets count."""
        if revocation not in self.cuts:
            heads = self.bodies[revocation][1]
            self.cuts[revocation] = set().union(*map(self.lineage, heads))
        return self.cuts[revocation]

    def beyond(self, event, revocations):
        """Whether an event is beyond a cut that these revocations make for its author."""
        author = self.author(event)
        return any(
            self.bodies[by][0] == author and event.id not in self.cut(by) for by in revocations
        )

    def is_anchor(self, device):
        member = self.members.get(device)
        if member is None or member.revoked:
            return False
        anchors = [m for m in self.members.values() if m.role == ANCHOR and not m.revoked]
        return member.role == ANCHOR or (not anchors and device == self.founder)

    def walk(self, revocations):
        """Makes the members under a set of revocations; gives those that an anchor says and none reaches."""
        self.members, self.founder, given, gone = {}, None, set(), set()
        for event in self.about:
            skipped = self.beyond(event, revocations - {event.id})
            author = self.author(event)
            body = self.bodies[event.id]
            if event.kind == "device.revoke":
                if not skipped and self.is_anchor(author):
                    given.add(event.id)
                if event.id in revocations:
                    gone.add(body[0])
                    if body[0] in self.members:
                        self.members[body[0]].revoked = True
            elif not skipped:
                self.apply(event, author, body, gone)
        return given

    def apply(self, event, author, body, gone):
        match event.kind:
            case "chain.open":
                if self.opens[event.chain][1] and self.founder is None:
                    self.founder = author
                    self.admit(author, "founder", ANCHOR, gone)
            case "device.admit" if self.is_anchor(author):
                self.admit(body[0], body[1], body[2], gone)
            case "device.rename" if self.is_anchor(author) or author == body[0]:
                if body[0] in self.members:
                    self.members[body[0]].name = body[1]

    def admit(self, device, name, role, gone):
        member = self.members.setdefault(device, Member(device, name, role))
        member.name, member.role = name, role
        member.revoked = member.revoked or device in gone

    def find_in_force(self):
        sure, aside = set(), set()
        while True:
            may = self.walk(sure) - aside
            place = {device: n for n, device in enumerate(self.members)}
            if may <= sure:
                return sure
            stand = self.walk(sure | may) & may
            if not stand <= sure:
                sure |= stand
                continue
            rest = [self.events[event] for event in may - sure]
            elder = min(rest, key=lambda event: (place[self.author(event)], order(event))).id
            if elder in self.walk(sure | {elder}):
                sure.add(elder)
            else:
                aside.add(elder)

    def counts(self, event):
        return self.author(event) in self.members and not self.beyond(event, self.in_force)

    def heads(self, device):
        """The heads of a device's cut: of each two of one chain, what both lead from."""
        heads = None
        for by in sorted(self.in_force, key=lambda by: order(self.events[by])):
            if self.bodies[by][0] == device:
                held = {tuple(head) for head in self.bodies[by][1] if self.lineage(head)}
                heads = held if heads is None else self.shared(heads, held)
        return None if heads is None else sorted(heads)

    def shared(self, some, others):
        both = set()
        for one in some:
            for other in others:
                common = self.lineage(one) & self.lineage(other)
                last = max((self.events[event] for event in common), key=order, default=None)
                if last is not None:
                    both.add((last.chain, last.seq, last.id))
        return both


# Notes


class Revision:
    def __init__(self, event, body, before):
        self.id, self.archived = event.id, event.kind == "note.archive"
        self.replaces, self.attachments = [], None
        match event.kind:
            case "note.add":
                self.text, self.tags, self.attachments = body[0], body[1], body[2]
            case "note.edit":
                self.replaces, self.text, self.tags = body[1], body[2], body[3]
                self.attachments = body.get(4)
            case "note.archive":
                self.replaces, self.text, self.tags = body[1], "", []
        replaced = [revision for revision in before if revision.id in self.replaces]
        if self.archived and replaced:
            self.text, self.tags = replaced[-1].text, replaced[-1].tags
        if self.attachments is None:
            carried = [one for revision in replaced for one in revision.attachments]
            self.attachments = list(dict.fromkeys(carried))

    def content(self):
        return (self.text, tuple(self.tags), tuple(self.attachments), self.archived)


class Heard:
    """What is shown of a recording, of the transcripts of its note in canonical order."""

    def __init__(self, audio, said):
        said = [one for one in said if one[1][1] == audio]
        whole = [one for one in said if one[1].get(3) is None]
        replaced = {old for _, body, _ in whole for old in body[2]}
        leaves = [one for one in whole if one[0].id not in replaced]
        self.audio, self.leaves, self.parts = audio, [one[0].id for one in leaves], []
        self.pieces = []
        part = leaves[-1] if leaves else None
        while part is not None:
            event, body, device = part
            self.parts.append(event.id)
            self.pieces += [trim(segment[2]) for segment in body[9]]
            later = [one for one in said if one[1].get(3) == event.id and one[2] == device]
            part = later[-1] if later else None


def trim(text):
    signs = list(text)
    while signs and ord(signs[0]) in SPACE:
        signs.pop(0)
    while signs and ord(signs[-1]) in SPACE:
        signs.pop()
    return "".join(signs)


class Note:
    """A note of its revisions, in canonical order."""

    def __init__(self, note, revisions):
        self.note = note
        replaced = {old for revision in revisions for old in revision.replaces}
        self.leaves = [revision for revision in revisions if revision.id not in replaced]
        first = {}
        for leaf in self.leaves:
            first.setdefault(leaf.content(), leaf)
        self.distinct = list(first.values())
        self.state = "conflict" if len(self.distinct) > 1 else "current"
        if len(self.distinct) == 1 and self.distinct[0].archived:
            self.state = "archived"


def notes(members):
    """The notes that are listed, in canonical order."""
    of, spoken = {}, {}
    for event in members.ordered:
        body = members.bodies[event.id]
        if body is None or not members.counts(event):
            continue
        if event.kind == "note.transcript":
            spoken.setdefault(body[0], []).append((event, body, members.author(event)))
        elif event.kind.startswith("note."):
            of.setdefault(event.id if event.kind == "note.add" else body[0], []).append(event)
    listed = []
    for event in members.ordered:
        if event.kind == "note.add" and members.bodies[event.id] is not None and event.id in of:
            revisions = []
            for said in of[event.id]:
                revisions.append(Revision(said, members.bodies[said.id], revisions))
            note = Note(event.id, revisions)
            audio = [one[0] for one in note.leaves[-1].attachments if one[4].startswith("audio/")]
            heard = [Heard(one, spoken.get(event.id, [])) for one in audio]
            note.heard = [one for one in heard if one.parts]
            listed.append(note)
    return listed


def digest(members, listed, others=()):
    """The state digest; `others` are entries of other sections."""

    def entry(what, *parts):
        named = [b"mirrordna/state/1", bytes([len(what)]), what, *parts]
        return int.from_bytes(hashlib.sha256(b"".join(named)).digest(), "big")

    total = 0
    for member in members.members.values():
        told = bytes([member.role, member.revoked]) + member.name.encode()
        total += entry(b"member", member.device, told)
    for note in listed:
        state = bytes([("current", "conflict", "archived").index(note.state)])
        total += entry(b"note", note.note, state, *sorted(leaf.id for leaf in note.leaves))
    for event in members.ordered:
        if event.kind == "note.transcript" and members.bodies[event.id] is not None:
            total += entry(b"transcript", event.id) if members.counts(event) else 0
    for other in others:
        total += entry(*other)
    return (total % 2**256).to_bytes(32, "big")


# The vectors: what is found in a log of verified events


def folded(events, opens):
    members = Members(events, opens)
    told = [
        {
            "device": member.device.hex(),
            "name": member.name,
            "role": member.role,
            "anchor": members.is_anchor(member.device),
            "cut": cut_of(members, member),
        }
        for member in members.members.values()
    ]
    void = [event.id.hex() for event in members.ordered if not members.counts(event)]
    return {"members": told, "void": void}


def cut_of(members, member):
    heads = members.heads(member.device)
    return None if heads is None else [[c.hex(), s, e.hex()] for c, s, e in heads]


def noted(events, opens):
    members = Members(events, opens)
    listed = notes(members)
    told = [
        {
            "note": note.note.hex(),
            "state": note.state,
            "leaves": [leaf.id.hex() for leaf in note.leaves],
            "distinct": [leaf.id.hex() for leaf in note.distinct],
            "shown": {
                "id": note.leaves[-1].id.hex(),
                "text": note.leaves[-1].text,
                "tags": note.leaves[-1].tags,
                "carries": [one[3] for one in note.leaves[-1].attachments],
                "heard": [
                    {
                        "audio": heard.audio.hex(),
                        "parts": [part.hex() for part in heard.parts],
                        "leaves": [leaf.hex() for leaf in heard.leaves],
                        "text": " ".join(heard.pieces),
                    }
                    for heard in note.heard
                ],
            },
        }
        for note in listed
    ]
    return {"notes": told, "digest": digest(members, listed).hex()}
