-- Which cache this database speaks of, whether its folder has been marked as that yet, and whether the last process that
-- had it open closed it.
CREATE TABLE cache_identity (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    cache_id TEXT NOT NULL,
    is_marked INTEGER NOT NULL CHECK (is_marked IN (0, 1)),
    is_clean INTEGER NOT NULL CHECK (is_clean IN (0, 1))
) STRICT;

-- A row per file below the root; a file's life is in src/cache/mod.rs. `resolution` is the short side, 0 for a recording
-- that was booked without any. `sha256` is there once the file was proven on this node.
CREATE TABLE cache_file (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    institution TEXT NOT NULL,
    record TEXT NOT NULL,
    resolution INTEGER NOT NULL CHECK (resolution >= 0),
    state TEXT NOT NULL CHECK (state IN ('ready', 'evicting', 'evict_failed', 'quarantined')),
    bytes INTEGER NOT NULL CHECK (bytes >= 0),
    sha256 TEXT,
    -- With the length what tells cheaply that a file is still the one that was proven.
    modified_nanoseconds INTEGER NOT NULL,
    -- By which the disk knows a damaged file that is to be moved aside.
    inode INTEGER,
    -- Where it came from and what the origin said of it, to know a changed source by.
    url TEXT NOT NULL,
    source_bytes INTEGER,
    validator TEXT,
    -- Rises with every use: the order of going.
    sequence INTEGER NOT NULL,
    created_milliseconds INTEGER NOT NULL,
    used_milliseconds INTEGER NOT NULL,
    -- Why it is in its state, or what a person should know about it.
    note TEXT NOT NULL
) STRICT;

-- One file per name; what was moved aside has lost its name.
CREATE UNIQUE INDEX cache_file_name ON cache_file (institution, record, resolution) WHERE state <> 'quarantined';

-- Who holds a file until when; without a time, until it is let go.
CREATE TABLE cache_lease (
    file INTEGER NOT NULL REFERENCES cache_file (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    holder TEXT NOT NULL,
    since_milliseconds INTEGER NOT NULL,
    until_milliseconds INTEGER,
    UNIQUE (file, kind, holder)
) STRICT;

CREATE INDEX cache_lease_holder ON cache_lease (kind, holder);

-- Files about to get their name: written before the rename, gone with the row that the file gets after it. The inode
-- tells, after a crash between the two, which file has the name.
CREATE TABLE cache_publish (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    institution TEXT NOT NULL,
    record TEXT NOT NULL,
    resolution INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    inode INTEGER NOT NULL,
    modified_nanoseconds INTEGER NOT NULL,
    url TEXT NOT NULL,
    source_bytes INTEGER,
    validator TEXT,
    note TEXT NOT NULL,
    UNIQUE (institution, record, resolution)
) STRICT;

-- What went and why; the last ones are kept.
CREATE TABLE cache_eviction (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    institution TEXT NOT NULL,
    record TEXT NOT NULL,
    resolution INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    reason TEXT NOT NULL,
    used_milliseconds INTEGER NOT NULL,
    time_milliseconds INTEGER NOT NULL
) STRICT;

CREATE INDEX cache_eviction_name ON cache_eviction (institution, record, resolution, id);
