-- Since version 2. What was said of the vault, by file; what concerns no single file has the path ''.
CREATE TABLE vault_events (
    path TEXT NOT NULL,
    lamport INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    PRIMARY KEY (path, lamport, pos)
) STRICT, WITHOUT ROWID;

CREATE INDEX vault_events_in_order ON vault_events (lamport, pos);

-- This device's files as they were recorded last. Not folded: it says what lies on this disk.
CREATE TABLE vault_files (
    path TEXT PRIMARY KEY NOT NULL,
    -- the event of the version that lies there
    pos INTEGER NOT NULL REFERENCES events (pos),
    content BLOB NOT NULL,
    bytes INTEGER NOT NULL,
    -- by these a change is noticed without reading the file
    mtime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Versions of shared files, of every device: the nodes of each file's graph.
CREATE TABLE shared_versions (
    path TEXT NOT NULL,
    pos INTEGER NOT NULL,
    id BLOB NOT NULL,
    -- SHA-256 of the content; empty when the file is gone
    content BLOB NOT NULL,
    -- nothing replaces it
    leaf INTEGER NOT NULL,
    PRIMARY KEY (path, pos)
) STRICT, WITHOUT ROWID;

CREATE INDEX shared_leaves ON shared_versions (path, id, content) WHERE leaf = 1;

-- What they replace, whether or not that is here.
CREATE TABLE shared_replaced (
    path TEXT NOT NULL,
    id BLOB NOT NULL,
    PRIMARY KEY (path, id)
) STRICT, WITHOUT ROWID;

-- Shared files whose latest versions differ.
CREATE TABLE shared_conflicts (
    path TEXT PRIMARY KEY NOT NULL
) STRICT, WITHOUT ROWID;

-- Events that say which folders are shared.
CREATE TABLE shares (
    pos INTEGER PRIMARY KEY
) STRICT;

-- Not folded: shared files that this disk may not stand for yet.
CREATE TABLE shared_open (
    path TEXT PRIMARY KEY NOT NULL,
    -- how often something moved since it was looked at
    due INTEGER NOT NULL,
    -- why it waits; empty when nothing was found in the way
    reason TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;

CREATE INDEX shared_due ON shared_open (path) WHERE due > 0;

-- Not folded: versions of other devices that lay on this disk, also those that count no longer.
CREATE TABLE shared_taken (
    path TEXT NOT NULL,
    lamport INTEGER NOT NULL,
    pos INTEGER NOT NULL REFERENCES events (pos),
    PRIMARY KEY (path, lamport, pos)
) STRICT, WITHOUT ROWID;
