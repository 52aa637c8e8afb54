-- Since version 3. Which event said last where a thing of the map stands (what is 0), and in which place it is (1).
CREATE TABLE map_said (
    node TEXT NOT NULL,
    what INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    PRIMARY KEY (node, what)
) STRICT, WITHOUT ROWID;

-- Not folded: how far the clocks had come when a checkpoint was signed.
CREATE TABLE checkpoint_clocks (
    number INTEGER PRIMARY KEY,
    lamport INTEGER NOT NULL
) STRICT;
