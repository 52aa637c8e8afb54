-- Version 3 with blobs.sql, vault.sql, sessions.sql and map.sql. STRICT everywhere; later versions only add.

CREATE TABLE meta (
    key TEXT PRIMARY KEY NOT NULL,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- A row a branch: one a chain, unless the chain is forked. A branch begins where it leaves its parent.
CREATE TABLE chains (
    ref INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    parent INTEGER REFERENCES chains (ref),
    -- the first position that lies in this row; those before it lie in the parent
    first INTEGER NOT NULL,
    device BLOB NOT NULL,
    key BLOB NOT NULL,
    recipient BLOB NOT NULL,
    -- the newest event and the author's signature over it; seq is -1 until there is one
    seq INTEGER NOT NULL DEFAULT -1,
    tip BLOB NOT NULL DEFAULT x'',
    lamport INTEGER NOT NULL DEFAULT 0,
    signature BLOB NOT NULL DEFAULT x'',
    -- the last position that this home's own chain has named as a cause
    covered INTEGER NOT NULL DEFAULT -1,
    -- the last position that the full-text index has seen
    indexed INTEGER NOT NULL DEFAULT -1
) STRICT;

CREATE INDEX chains_by_id ON chains (id);

-- Signed heads where runs can be cut: at span ends, where runs that came ended, and where others named our own events.
CREATE TABLE heads (
    chain INTEGER NOT NULL REFERENCES chains (ref),
    seq INTEGER NOT NULL,
    id BLOB NOT NULL,
    signature BLOB NOT NULL,
    PRIMARY KEY (chain, seq)
) STRICT, WITHOUT ROWID;

-- pos = chain ref * 2^40 + seq: a branch's events lie side by side, and need no index of their own.
CREATE TABLE events (
    pos INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    header BLOB NOT NULL,
    body BLOB
) STRICT;

-- For those that wait for their bodies, and those whose bodies were forgotten.
CREATE INDEX events_without_body ON events (pos) WHERE body IS NULL;

-- Places that were forgotten, as folded; their events need not be here.
CREATE TABLE forgotten (
    id BLOB NOT NULL,
    chain BLOB NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (id, chain, seq)
) STRICT, WITHOUT ROWID;

-- Blobs that forgotten events named: to be erased if nothing else names them.
CREATE TABLE leaving (
    id BLOB NOT NULL,
    chunks BLOB NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (id, chunks, bytes)
) STRICT, WITHOUT ROWID;

-- Events that decide the membership, or what is forgotten.
CREATE TABLE member_events (
    pos INTEGER PRIMARY KEY REFERENCES events (pos)
) STRICT;

-- Devices that some event admits, whether or not it counts.
CREATE TABLE named (
    device BLOB PRIMARY KEY NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE members (
    device BLOB PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    role INTEGER NOT NULL,
    revoked INTEGER NOT NULL,
    -- where a revoked device's chains are cut, as CBOR
    heads BLOB NOT NULL,
    -- its place in the order of admission
    admitted INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One row a note, by the canonical place of the revision shown. A note that was never edited is found through its own
-- event, an edited one through its revisions, so that a plain capture touches one page here. What is folded names events
-- without a foreign key: it follows from them, and each check is paid for with every row of an import.
CREATE TABLE notes (
    lamport INTEGER NOT NULL,
    latest INTEGER NOT NULL,
    note INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    state INTEGER NOT NULL,
    PRIMARY KEY (lamport, latest)
) STRICT, WITHOUT ROWID;

CREATE INDEX notes_in_conflict ON notes (note) WHERE state = 1;

-- Edits and archives, by the note that they name.
CREATE TABLE revisions (
    note BLOB NOT NULL,
    pos INTEGER NOT NULL,
    PRIMARY KEY (note, pos)
) STRICT, WITHOUT ROWID;

CREATE TABLE note_tags (
    tag TEXT NOT NULL,
    lamport INTEGER NOT NULL,
    latest INTEGER NOT NULL,
    PRIMARY KEY (tag, lamport, latest)
) STRICT, WITHOUT ROWID;

CREATE INDEX note_tags_of_note ON note_tags (lamport, latest);

-- Trigrams work in every script. The text itself stays in the events.
CREATE VIRTUAL TABLE search USING fts5 (
    text, tokenize = 'trigram remove_diacritics 1', content = '', contentless_delete = 1
);

CREATE TABLE peers (
    device BLOB PRIMARY KEY NOT NULL,
    addresses TEXT NOT NULL DEFAULT '',
    contact_ms INTEGER,
    attempt_ms INTEGER,
    error TEXT,
    -- tips that the peer told of, and tips that both signed, as CBOR
    told BLOB NOT NULL DEFAULT x'80',
    signed BLOB NOT NULL DEFAULT x'80',
    signed_head BLOB
) STRICT, WITHOUT ROWID;

CREATE TABLE checkpoints (
    number INTEGER PRIMARY KEY,
    device BLOB NOT NULL,
    head BLOB NOT NULL,
    ours BLOB NOT NULL,
    theirs BLOB NOT NULL,
    at_ms INTEGER NOT NULL
) STRICT;

-- Verified runs whose causes have not come. Runs of one chain may overlap: each stands by itself.
CREATE TABLE quarantine (
    number INTEGER PRIMARY KEY,
    chain BLOB NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    tip BLOB NOT NULL,
    run BLOB NOT NULL,
    reason TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    UNIQUE (chain, first_seq, tip)
) STRICT;

CREATE TABLE refusals (
    number INTEGER PRIMARY KEY,
    what TEXT NOT NULL,
    reason TEXT NOT NULL,
    source TEXT NOT NULL,
    at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE invites (
    -- SHA-256 of the secret: the ticket alone holds it
    secret BLOB PRIMARY KEY NOT NULL,
    role INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    used_by BLOB
) STRICT, WITHOUT ROWID;

-- Processes that serve this home, with the addresses they listen on.
CREATE TABLE serving (
    pid INTEGER PRIMARY KEY,
    addresses TEXT NOT NULL,
    at_ms INTEGER NOT NULL
) STRICT;
