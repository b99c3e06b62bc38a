-- Up to which sequence events may be gone: a replay that begins before it has missed something. One row, from when the first
-- ones went; it says so where no event is left, and where older ones stay for a target that has yet to take them.
CREATE TABLE outbox_pruned (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    sequence INTEGER NOT NULL
) STRICT;

-- What went before there was this table was older than what was kept.
INSERT INTO outbox_pruned (id, sequence)
    SELECT 1, coalesce((SELECT min(sequence) - 1 FROM outbox), seq) FROM sqlite_sequence WHERE name = 'outbox';
