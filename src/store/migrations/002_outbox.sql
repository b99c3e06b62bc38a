-- What is to be told, written in the transaction that made it true. The sequence is the cursor for replays.
CREATE TABLE outbox (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    institution TEXT NOT NULL,
    class_id TEXT,
    -- No reference: events outlive the jobs that they tell of, or the other way round.
    job_id INTEGER,
    -- Events of one key are delivered one after the other, to each target by itself.
    order_key TEXT NOT NULL,
    time_milliseconds INTEGER NOT NULL,
    data TEXT NOT NULL
) STRICT;

CREATE INDEX outbox_time ON outbox (time_milliseconds);

-- Who is to hear of it, and who has.
CREATE TABLE delivery (
    sequence INTEGER NOT NULL REFERENCES outbox (sequence) ON DELETE CASCADE,
    target TEXT NOT NULL,
    order_key TEXT NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0,
    next_milliseconds INTEGER NOT NULL,
    delivered_milliseconds INTEGER,
    UNIQUE (sequence, target)
) STRICT;

CREATE INDEX delivery_due ON delivery (target, order_key, sequence) WHERE delivered_milliseconds IS NULL;
