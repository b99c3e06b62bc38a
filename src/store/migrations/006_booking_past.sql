-- Bookings that have ended are forgotten, the last one of a class too. The class's highest number stays: it is part of the
-- names of events and of holders, which are never given twice.
CREATE TABLE booking_past (
    institution TEXT NOT NULL,
    class_id TEXT NOT NULL,
    sequence INTEGER NOT NULL CHECK (sequence > 0),
    -- When its last booking was forgotten; much later the number is too.
    time_milliseconds INTEGER NOT NULL,
    UNIQUE (institution, class_id)
) STRICT;

CREATE INDEX booking_past_time ON booking_past (time_milliseconds);

-- Lists, by number. Those of the live ones pass over nothing that has ended: the node itself walks them every few seconds.
CREATE INDEX booking_live ON booking (id) WHERE state IN ('waiting', 'downloading', 'ready');
CREATE INDEX booking_past_state ON booking (state, id) WHERE state IN ('failed', 'over', 'cancelled');
CREATE INDEX booking_institution ON booking (institution, id);
CREATE INDEX job_live ON job (id) WHERE state IN ('waiting', 'running', 'proving', 'held');
CREATE INDEX job_past_state ON job (state, id) WHERE state IN ('done', 'failed', 'cancelled');
CREATE INDEX job_institution ON job (institution, id);
