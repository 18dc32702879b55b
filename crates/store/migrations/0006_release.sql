-- One row: which release's tables these are, and the oldest release that may still be run on them.
CREATE TABLE release (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    number BIGINT NOT NULL,
    oldest_supported BIGINT NOT NULL
);
