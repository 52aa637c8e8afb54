-- What is here of the content that events name. The bytes are files: a row says which. A name is the content's
-- hash, its size and its chunk list's hash together, so that a false name stands beside the true one and not in its place.

CREATE TABLE blobs (
    id BLOB NOT NULL,
    bytes INTEGER NOT NULL,
    chunks BLOB NOT NULL,
    -- 0 absent, 1 in part, 2 whole, 3 false: no content has this name
    state INTEGER NOT NULL DEFAULT 0,
    -- a person asked for it
    wanted INTEGER NOT NULL DEFAULT 0,
    -- the Lamport time of the newest event that names it
    newest INTEGER NOT NULL DEFAULT 0,
    -- of a part: a bitmap of its chunks
    have BLOB NOT NULL DEFAULT x'',
    -- the encoded chunk list, once it came
    list BLOB,
    PRIMARY KEY (id, chunks, bytes)
) STRICT;

CREATE INDEX blobs_missing ON blobs (wanted DESC, newest DESC, bytes) WHERE state < 2;

-- Events that name it.
CREATE TABLE blob_refs (
    id BLOB NOT NULL,
    chunks BLOB NOT NULL,
    bytes INTEGER NOT NULL,
    pos INTEGER NOT NULL REFERENCES events (pos),
    PRIMARY KEY (id, chunks, bytes, pos)
) STRICT, WITHOUT ROWID;
