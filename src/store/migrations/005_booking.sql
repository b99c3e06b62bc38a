-- What classes have booked. A class that books again after its booking has ended, or something else while it lives, gets
-- the next number; the highest one is the class's.
CREATE TABLE booking (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    institution TEXT NOT NULL,
    class_id TEXT NOT NULL,
    sequence INTEGER NOT NULL CHECK (sequence > 0),
    -- waiting: for a rendition. downloading: its file is on its way into the cache, or there and not yet held.
    state TEXT NOT NULL CHECK (state IN ('waiting', 'downloading', 'ready', 'failed', 'over', 'cancelled')),
    -- The file that it gets, by its name in the cache. The institution is the class's, unless the class was taken over from
    -- an older system, whose files are the single default institution's.
    file_institution TEXT NOT NULL,
    record TEXT NOT NULL,
    -- As in cache_file: 0 for a class that takes the recording as it is.
    resolution INTEGER NOT NULL CHECK (resolution >= 0),
    -- Where the file comes from; empty while nobody knows.
    url TEXT NOT NULL,
    -- What was booked, and its hash: the same booking twice is one.
    body TEXT NOT NULL,
    body_sha256 TEXT NOT NULL,
    course_name TEXT NOT NULL,
    priority INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 100),
    start_milliseconds INTEGER,
    end_milliseconds INTEGER,
    callback_url TEXT,
    -- When a live booking ends by itself: before it is ready as timed out, afterwards as over.
    due_milliseconds INTEGER NOT NULL,
    code INTEGER,
    error TEXT NOT NULL,
    reason TEXT NOT NULL,
    -- The stream entry that booked it last, which is called by the time at which it was sent; empty for other ways in.
    entry TEXT NOT NULL DEFAULT '',
    -- How often a ready class's file had to be brought again or held again, and when that may next be tried.
    mends INTEGER NOT NULL DEFAULT 0,
    mend_milliseconds INTEGER NOT NULL DEFAULT 0,
    accepted_milliseconds INTEGER NOT NULL,
    updated_milliseconds INTEGER NOT NULL,
    UNIQUE (institution, class_id, sequence)
) STRICT;

CREATE INDEX booking_due ON booking (due_milliseconds) WHERE state IN ('waiting', 'downloading', 'ready');
-- Who waits for a file, and who has it. The table `waiter` holds only the classes that were taken over from an older system
-- until the node first starts and gives them bookings of their own.
CREATE INDEX booking_file ON booking (file_institution, record, resolution)
    WHERE state IN ('waiting', 'downloading', 'ready');
CREATE INDEX booking_ended ON booking (updated_milliseconds) WHERE state IN ('failed', 'over', 'cancelled');

-- Messages that were taken, so that one that comes again does nothing: entries of a stream, and requests that carry a key of
-- their own, with what was answered.
CREATE TABLE inbox (
    source TEXT NOT NULL,
    entry TEXT NOT NULL,
    body_sha256 TEXT NOT NULL,
    answer TEXT NOT NULL,
    time_milliseconds INTEGER NOT NULL,
    UNIQUE (source, entry)
) STRICT;

CREATE INDEX inbox_time ON inbox (time_milliseconds);

-- Alarms that were raised lately: those of one key become one event a minute, with a count.
CREATE TABLE alarm (
    key TEXT NOT NULL UNIQUE,
    institution TEXT NOT NULL,
    since_milliseconds INTEGER NOT NULL,
    -- Raised since the last event of it.
    count INTEGER NOT NULL,
    -- What the next event of it says.
    data TEXT NOT NULL
) STRICT;

-- Jobs: not tried before this time; the key of the fetch that must have ended first; when a class needs it; and how many
-- times the whole node ended while it ran, which no attempt counts.
ALTER TABLE job ADD COLUMN not_before_milliseconds INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN needs TEXT;
ALTER TABLE job ADD COLUMN start_milliseconds INTEGER;
ALTER TABLE job ADD COLUMN predicted_milliseconds INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN recoveries INTEGER NOT NULL DEFAULT 0;
CREATE INDEX job_needs ON job (institution, needs) WHERE needs IS NOT NULL AND state = 'waiting';
CREATE INDEX job_ended ON job (updated_milliseconds) WHERE state IN ('done', 'failed', 'cancelled');

-- A recorded address that turned out to be useless leads back to the beginning, once.
ALTER TABLE rendition ADD COLUMN returns INTEGER NOT NULL DEFAULT 0;

-- Where the class of an event wants to be told, and deliveries that were tried for too long.
ALTER TABLE outbox ADD COLUMN callback_url TEXT;
ALTER TABLE delivery ADD COLUMN given_up_milliseconds INTEGER;
DROP INDEX delivery_due;
CREATE INDEX delivery_due ON delivery (target, order_key, sequence)
    WHERE delivered_milliseconds IS NULL AND given_up_milliseconds IS NULL;
