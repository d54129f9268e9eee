-- +goose Up

-- The policies by which promotions were judged, under the hash that the promotion names: a policy that was changed since judges
-- what comes next as well.
CREATE TABLE kept_policies (
    repository BIGINT NOT NULL,
    hash       TEXT   NOT NULL,
    source     TEXT   NOT NULL,
    content    TEXT   NOT NULL,
    PRIMARY KEY (repository, hash)
);

-- +goose Down
DROP TABLE kept_policies;
