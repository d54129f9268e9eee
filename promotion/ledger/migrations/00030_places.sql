-- +goose Up

-- Where an unfinished row of work stands: 'timed' until its time comes, 'head' when it can be claimed, 'behind' another row of
-- its queue, 'held' under a lease; no place once it is done or set aside. With it a claim reads only the rows that it takes.
-- A program of an older version adds rows as 'timed', which is right, and claims by state alone, which the newer one notices.
ALTER TABLE work ADD COLUMN place TEXT DEFAULT 'timed' CHECK (place IN ('timed', 'head', 'behind', 'held'));
UPDATE work SET place = NULL WHERE state IN ('done', 'set_aside');
UPDATE work SET place = 'held' WHERE state = 'leased';
DROP INDEX work_ready;
CREATE INDEX work_timed ON work (next_run, id) WHERE place = 'timed';
CREATE INDEX work_heads ON work (repository, next_run, id) WHERE place = 'head';
CREATE INDEX work_behind ON work (next_run, id) WHERE place = 'behind';
CREATE INDEX work_queue ON work (queue, place, next_run, id) WHERE place IS NOT NULL;

-- +goose Down
DROP INDEX work_queue;
DROP INDEX work_behind;
DROP INDEX work_heads;
DROP INDEX work_timed;
CREATE INDEX work_ready ON work (repository, next_run, id) WHERE state = 'ready';
ALTER TABLE work DROP COLUMN place;
