-- What is left of a signing key once its last token has expired: the public half, by which an ID token that comes back as a
-- hint is known. It is not published, and verifies nothing else.
CREATE TABLE retired_keys (
    kid TEXT PRIMARY KEY,
    algorithm TEXT NOT NULL,
    -- A JWK, as JSON.
    public_key TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
