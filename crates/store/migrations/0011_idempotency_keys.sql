-- What was done under an `Idempotency-Key`, for a day: a request that is sent again is answered, and not done again. `hash` is of the
-- account and the key; `answer` is sealed.
CREATE TABLE idempotency_keys (
    hash BYTEA PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    answer BYTEA NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX idempotency_keys_user ON idempotency_keys (user_id, expires_at);
CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);
