-- +goose Up

-- Numbers are drawn from here, so that both databases number rows alike.
CREATE TABLE sequences (
    name TEXT PRIMARY KEY,
    last BIGINT NOT NULL
);
INSERT INTO sequences (name, last) VALUES ('work', 0), ('verification', 0), ('request', 0), ('promotion', 0), ('entry', 0);

-- While replicas are replaced one after another, programs of two versions work on one database. A migration that an older
-- program can live with leaves this row alone; one that it cannot raises it, once no such program runs any more.
CREATE TABLE compatibility (
    works_from BIGINT NOT NULL,
    begun      BIGINT NOT NULL -- when the ledger was made
);
INSERT INTO compatibility (works_from, begun) VALUES (1, 0);

CREATE TABLE work (
    id          BIGINT PRIMARY KEY,
    kind        TEXT   NOT NULL CHECK (kind IN ('delivery', 'request', 'announcement', 'check', 'drift', 'sweep')),
    subject     TEXT   NOT NULL,
    repository  BIGINT NOT NULL,
    queue       TEXT   NOT NULL,
    delivery    TEXT   NOT NULL,
    trace       TEXT   NOT NULL,
    payload     TEXT   NOT NULL,
    state       TEXT   NOT NULL CHECK (state IN ('ready', 'leased', 'done', 'set_aside')),
    attempts    BIGINT NOT NULL CHECK (attempts >= 0),
    token       BIGINT NOT NULL,
    next_run    BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    last_error  TEXT   NOT NULL,
    created     BIGINT NOT NULL,
    finished    BIGINT NOT NULL
);
CREATE INDEX work_ready ON work (repository, next_run, id) WHERE state = 'ready';
CREATE INDEX work_leased ON work (lease_until, queue) WHERE state = 'leased';
CREATE INDEX work_set_aside ON work (id) WHERE state = 'set_aside';
CREATE INDEX work_finished ON work (finished) WHERE state = 'done';
CREATE UNIQUE INDEX work_delivery ON work (delivery, subject) WHERE kind = 'delivery';

CREATE TABLE starts (
    repository  BIGINT NOT NULL,
    image       TEXT   NOT NULL,
    commit_sha  TEXT   NOT NULL,
    stage       TEXT   NOT NULL,
    run         BIGINT NOT NULL,
    attempt     BIGINT NOT NULL,
    job         BIGINT NOT NULL,
    digest      TEXT   NOT NULL,
    run_started BIGINT NOT NULL,
    observed    BIGINT NOT NULL,
    PRIMARY KEY (repository, commit_sha, image, stage, run, attempt, job)
);

CREATE TABLE verifications (
    id          BIGINT PRIMARY KEY,
    repository  BIGINT NOT NULL,
    image       TEXT   NOT NULL,
    commit_sha  TEXT   NOT NULL,
    stage       TEXT   NOT NULL,
    run         BIGINT NOT NULL,
    attempt     BIGINT NOT NULL,
    judged      BIGINT NOT NULL,
    final       BIGINT NOT NULL CHECK (final IN (0, 1)),
    jobs        TEXT   NOT NULL,
    digest      TEXT   NOT NULL,
    failure     TEXT   NOT NULL,
    definition  TEXT   NOT NULL,
    recorded    BIGINT NOT NULL,
    content     TEXT   NOT NULL
);
CREATE UNIQUE INDEX verifications_once ON verifications (repository, commit_sha, image, stage, run, attempt, judged, final, jobs, digest, failure, definition);
CREATE INDEX verifications_digest ON verifications (repository, image, digest, id);
CREATE INDEX verifications_passed ON verifications (repository, image, id) WHERE failure = '';
CREATE INDEX verifications_stage ON verifications (repository, image, stage, id);
CREATE INDEX starts_stage ON starts (repository, image, stage, observed);

CREATE TABLE requests (
    id         BIGINT PRIMARY KEY,
    key        TEXT   NOT NULL UNIQUE,
    repository BIGINT NOT NULL,
    source     TEXT   NOT NULL,
    comment    BIGINT NOT NULL,
    state      TEXT   NOT NULL CHECK (state IN ('open', 'waiting', 'settled')),
    received   BIGINT NOT NULL,
    content    TEXT   NOT NULL
);
CREATE INDEX requests_comment ON requests (repository, comment, id);
CREATE INDEX requests_waiting ON requests (repository, id) WHERE state = 'waiting';

CREATE TABLE promotions (
    id          BIGINT PRIMARY KEY,
    request     BIGINT NOT NULL,
    repository  BIGINT NOT NULL,
    environment TEXT   NOT NULL,
    image       TEXT   NOT NULL,
    kind        TEXT   NOT NULL CHECK (kind IN ('promotion', 'rollback', 'baseline')),
    state       TEXT   NOT NULL CHECK (state IN ('pending', 'running', 'succeeded', 'failed', 'errored')),
    commit_sha  TEXT   NOT NULL,
    digest      TEXT   NOT NULL,
    created     BIGINT NOT NULL,
    finished    BIGINT NOT NULL CHECK ((finished > 0) = (state IN ('succeeded', 'failed', 'errored'))),
    content     TEXT   NOT NULL
);
CREATE INDEX promotions_live ON promotions (repository, environment, image, finished, id) WHERE state = 'succeeded';
CREATE INDEX promotions_last ON promotions (repository, environment, finished) WHERE state = 'succeeded' AND kind <> 'baseline';
CREATE INDEX promotions_request ON promotions (request, id);

CREATE TABLE announcements (
    key      TEXT   PRIMARY KEY,
    kind     TEXT   NOT NULL CHECK (kind IN ('reply', 'reaction', 'check', 'slack')),
    version  BIGINT NOT NULL,
    done     BIGINT NOT NULL CHECK (done <= version),
    external BIGINT NOT NULL,
    closed   BIGINT NOT NULL CHECK (closed IN (0, 1)),
    content  TEXT   NOT NULL
);

-- What people did and what was seen, beside runs and promotions. Append-only.
CREATE TABLE entries (
    id           BIGINT PRIMARY KEY,
    key          TEXT   NOT NULL UNIQUE,
    kind         TEXT   NOT NULL,
    repository   BIGINT NOT NULL,
    environment  TEXT   NOT NULL,
    pull_request BIGINT NOT NULL,
    commit_sha   TEXT   NOT NULL,
    at           BIGINT NOT NULL,
    content      TEXT   NOT NULL
);
CREATE INDEX entries_kind ON entries (repository, kind, id);
CREATE INDEX entries_commit ON entries (repository, commit_sha, id);
CREATE INDEX entries_pull_request ON entries (repository, pull_request, id);

-- Who does what only one may do at a time.
CREATE TABLE leaders (
    name   TEXT   PRIMARY KEY,
    holder TEXT   NOT NULL,
    until  BIGINT NOT NULL
);

-- When what may be done only so often may be done next.
CREATE TABLE reservations (
    name TEXT   PRIMARY KEY,
    next BIGINT NOT NULL
);

CREATE TABLE lanes (
    registry    TEXT   NOT NULL,
    tag         TEXT   NOT NULL,
    repository  BIGINT NOT NULL,
    environment TEXT   NOT NULL,
    image       TEXT   NOT NULL,
    work        BIGINT NOT NULL,
    token       BIGINT NOT NULL,
    held_until  BIGINT NOT NULL,
    PRIMARY KEY (registry, tag)
);
CREATE INDEX lanes_held ON lanes (work) WHERE work <> 0;

CREATE TABLE registry_owners (
    registry   TEXT   PRIMARY KEY,
    repository BIGINT NOT NULL
);

CREATE TABLE policies (
    repository BIGINT PRIMARY KEY,
    owner      TEXT   NOT NULL,
    checked    BIGINT NOT NULL,
    head       TEXT   NOT NULL,
    found      BIGINT NOT NULL CHECK (found IN (0, 1)),
    named      TEXT   NOT NULL,
    source     TEXT   NOT NULL,
    content    TEXT   NOT NULL
);
CREATE INDEX policies_owner ON policies (owner);

-- +goose Down
DROP TABLE policies;
DROP TABLE registry_owners;
DROP TABLE lanes;
DROP TABLE reservations;
DROP TABLE leaders;
DROP TABLE entries;
DROP TABLE announcements;
DROP TABLE promotions;
DROP TABLE requests;
DROP TABLE verifications;
DROP TABLE starts;
DROP TABLE work;
DROP TABLE compatibility;
DROP TABLE sequences;
