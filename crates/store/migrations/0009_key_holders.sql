-- Which keys each process holds that seals: one seals by another only when all open by it. Keys stand here by their ids.
CREATE TABLE key_holders (
    process UUID PRIMARY KEY,
    opens TEXT NOT NULL,
    seals TEXT NOT NULL,
    seals_since BIGINT NOT NULL,
    seen_at BIGINT NOT NULL
);
CREATE INDEX key_holders_seen ON key_holders (seen_at);
