-- +goose Up

-- What comes first is told by numbers drawn here, and by no clock: clocks step, and those of replicas differ. What was written
-- before keeps the order of its times, and comes before everything that is written from now on. A row that an older program
-- writes while replicas are replaced has 0, and counts as the newest.
ALTER TABLE starts ADD COLUMN number BIGINT NOT NULL DEFAULT 0;
ALTER TABLE verifications ADD COLUMN number BIGINT NOT NULL DEFAULT 0;
ALTER TABLE requests ADD COLUMN number BIGINT NOT NULL DEFAULT 0;
ALTER TABLE promotions ADD COLUMN number BIGINT NOT NULL DEFAULT 0;
ALTER TABLE entries ADD COLUMN number BIGINT NOT NULL DEFAULT 0;
UPDATE starts SET number = observed;
UPDATE verifications SET number = recorded;
UPDATE requests SET number = received;
UPDATE promotions SET number = CASE WHEN finished > 0 THEN finished ELSE created END;
UPDATE entries SET number = at;
INSERT INTO sequences (name, last)
    SELECT 'number', COALESCE(MAX(last), 0) FROM (
        SELECT MAX(number) AS last FROM starts
        UNION ALL SELECT MAX(number) FROM verifications
        UNION ALL SELECT MAX(number) FROM requests
        UNION ALL SELECT MAX(number) FROM promotions
        UNION ALL SELECT MAX(number) FROM entries) AS numbers;

DROP INDEX promotions_live;
DROP INDEX promotions_last;
DROP INDEX starts_stage;
CREATE INDEX promotions_live ON promotions (repository, environment, image, number, id) WHERE state = 'succeeded';
CREATE INDEX promotions_last ON promotions (repository, environment, number) WHERE state = 'succeeded' AND kind <> 'baseline';
CREATE INDEX promotions_unnumbered ON promotions (repository, environment) WHERE number = 0;
CREATE INDEX starts_stage ON starts (repository, image, stage, number);

-- +goose Down
DROP INDEX promotions_live;
DROP INDEX promotions_last;
DROP INDEX promotions_unnumbered;
DROP INDEX starts_stage;
DELETE FROM sequences WHERE name = 'number';
ALTER TABLE entries DROP COLUMN number;
ALTER TABLE promotions DROP COLUMN number;
ALTER TABLE requests DROP COLUMN number;
ALTER TABLE verifications DROP COLUMN number;
ALTER TABLE starts DROP COLUMN number;
CREATE INDEX promotions_live ON promotions (repository, environment, image, finished, id) WHERE state = 'succeeded';
CREATE INDEX promotions_last ON promotions (repository, environment, finished) WHERE state = 'succeeded' AND kind <> 'baseline';
CREATE INDEX starts_stage ON starts (repository, image, stage, observed);
