-- Since version 3. Sessions of agents: a row each.
CREATE TABLE sessions (
    id BLOB PRIMARY KEY NOT NULL,
    pos INTEGER NOT NULL,
    lamport INTEGER NOT NULL,
    device BLOB NOT NULL,
    project TEXT NOT NULL,
    agent TEXT NOT NULL,
    -- 0 open, 1 closed, 2 recovered, 3 refused
    state INTEGER NOT NULL,
    -- the event that says last where it stands
    last INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_in_order ON sessions (project, lamport, pos);
CREATE INDEX sessions_unclosed ON sessions (device, project, agent) WHERE state = 0;

-- Everything that names a session.
CREATE TABLE session_events (
    session BLOB NOT NULL,
    lamport INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    PRIMARY KEY (session, lamport, pos)
) STRICT, WITHOUT ROWID;

-- Closes and recoveries, by project: the latest are those that none replaces.
CREATE TABLE session_closes (
    project TEXT NOT NULL,
    lamport INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    id BLOB NOT NULL,
    leaf INTEGER NOT NULL,
    PRIMARY KEY (project, lamport, pos)
) STRICT, WITHOUT ROWID;

CREATE INDEX session_leaves ON session_closes (project, lamport, pos) WHERE leaf = 1;
CREATE INDEX session_closes_by_id ON session_closes (id);

-- What they replace, whether or not that is here; and what seals replace or withdraw.
CREATE TABLE session_replaced (
    id BLOB NOT NULL,
    pos INTEGER NOT NULL,
    PRIMARY KEY (id, pos)
) STRICT, WITHOUT ROWID;

-- Sealed distillates.
CREATE TABLE distillates (
    id BLOB PRIMARY KEY NOT NULL,
    pos INTEGER NOT NULL,
    lamport INTEGER NOT NULL,
    project TEXT NOT NULL,
    path TEXT NOT NULL,
    content BLOB NOT NULL,
    bytes INTEGER NOT NULL,
    -- another stands in its place, or it was withdrawn
    gone INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX distillates_in_order ON distillates (project, gone, lamport, pos);
CREATE INDEX distillates_by_path ON distillates (path);

CREATE TABLE distillate_topics (
    topic TEXT NOT NULL,
    id BLOB NOT NULL,
    PRIMARY KEY (topic, id)
) STRICT, WITHOUT ROWID;

-- Files that a close claims and a seal names.
CREATE TABLE session_paths (
    path TEXT NOT NULL,
    pos INTEGER NOT NULL,
    PRIMARY KEY (path, pos)
) STRICT, WITHOUT ROWID;

-- What was decided of contents that were found.
CREATE TABLE session_reviews (
    what TEXT NOT NULL,
    content BLOB NOT NULL,
    lamport INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    verdict INTEGER NOT NULL,
    PRIMARY KEY (what, content, lamport, pos)
) STRICT, WITHOUT ROWID;

-- Full text of closes and distillates, by the places of their events.
CREATE VIRTUAL TABLE session_search USING fts5 (
    text, tokenize = 'trigram remove_diacritics 1', content = '', contentless_delete = 1
);

-- Not folded: the distillates whose whole text the full text holds.
CREATE TABLE session_indexed (
    pos INTEGER PRIMARY KEY
) STRICT;

-- Not folded: up to where this device's last session of a project and an agent had seen each chain, as CBOR; and what it
-- was told, to recognise it when it comes back.
CREATE TABLE session_marks (
    project TEXT NOT NULL,
    agent TEXT NOT NULL,
    tips BLOB NOT NULL,
    PRIMARY KEY (project, agent)
) STRICT, WITHOUT ROWID;

CREATE TABLE session_told (
    session BLOB PRIMARY KEY NOT NULL,
    context TEXT NOT NULL,
    -- the process that it belongs to, and the folder that it works in; 0 and '' when nobody said
    pid INTEGER NOT NULL,
    folder TEXT NOT NULL
) STRICT, WITHOUT ROWID;
