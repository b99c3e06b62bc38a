-- Everything that takes time. A job's life is in src/store/job/state.rs; the checks here keep out what no state allows.
CREATE TABLE job (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    institution TEXT NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    state TEXT NOT NULL
        CHECK (state IN ('waiting', 'running', 'proving', 'done', 'failed', 'held', 'cancelled')),
    priority INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 100),
    deadline_milliseconds INTEGER,
    attempt INTEGER NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    -- Rises with every claim and never falls: the fencing token, since a released job's attempt comes again.
    lease_number INTEGER NOT NULL DEFAULT 0,
    lease_owner TEXT,
    lease_until_milliseconds INTEGER,
    phase TEXT NOT NULL DEFAULT '',
    failure_code TEXT,
    failure_class TEXT,
    failure_text TEXT,
    input TEXT NOT NULL,
    output TEXT,
    parent INTEGER REFERENCES job (id) ON DELETE SET NULL,
    created_milliseconds INTEGER NOT NULL,
    updated_milliseconds INTEGER NOT NULL,
    CHECK ((state IN ('running', 'proving')) = (lease_owner IS NOT NULL)),
    CHECK ((lease_owner IS NULL) = (lease_until_milliseconds IS NULL)),
    CHECK ((failure_code IS NULL) = (failure_text IS NULL) AND (failure_code IS NULL) = (failure_class IS NULL))
) STRICT;

-- One live job per key: a second booking of the same thing finds the first one's job.
CREATE UNIQUE INDEX job_live_key ON job (institution, kind, key)
    WHERE state IN ('waiting', 'running', 'proving', 'held');
CREATE INDEX job_waiting ON job (kind, priority DESC, id) WHERE state = 'waiting';
CREATE INDEX job_leased ON job (lease_until_milliseconds) WHERE state IN ('running', 'proving');
CREATE INDEX job_parent ON job (parent) WHERE parent IS NOT NULL;
