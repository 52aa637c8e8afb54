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
