-- What is known of a rendition; what becomes of it is decided elsewhere. One row per key: two bookings that both find none
-- make one.
CREATE TABLE rendition (
    institution TEXT NOT NULL,
    record TEXT NOT NULL,
    resolution INTEGER NOT NULL CHECK (resolution > 0),
    state TEXT NOT NULL CHECK (state IN ('transcoding', 'succeeded', 'failed', 'timed_out')),
    -- Who transcodes, or did; empty where nobody knows.
    provider TEXT NOT NULL,
    attempt INTEGER NOT NULL CHECK (attempt >= 0),
    deadline_milliseconds INTEGER,
    url TEXT NOT NULL,
    updated_milliseconds INTEGER NOT NULL,
    UNIQUE (institution, record, resolution),
    CHECK ((state = 'transcoding') = (deadline_milliseconds IS NOT NULL))
) STRICT;

CREATE INDEX rendition_deadline ON rendition (deadline_milliseconds) WHERE state = 'transcoding';

-- The classes that wait for a rendition. The name of a class is a holder's: with its institution, 22/c-1029, where that is
-- not the rendition's.
CREATE TABLE waiter (
    institution TEXT NOT NULL,
    record TEXT NOT NULL,
    resolution INTEGER NOT NULL,
    class_id TEXT NOT NULL,
    since_milliseconds INTEGER NOT NULL,
    UNIQUE (institution, record, resolution, class_id)
) STRICT;

-- What was taken over from an older system, so that it is never taken twice, also when nothing is left of it here.
CREATE TABLE legacy_row (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    imported_milliseconds INTEGER NOT NULL,
    UNIQUE (kind, key)
) STRICT;
