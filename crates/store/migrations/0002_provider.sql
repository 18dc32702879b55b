-- OpenID Connect: apps, what people agreed to, and what apps hold.

-- An app. `settings` is JSON: what the protocol needs to know of it.
CREATE TABLE clients (
    id TEXT PRIMARY KEY,
    settings TEXT NOT NULL,
    secret_hash BYTEA,
    -- The secret before it, good until then: an app changes over without a gap.
    older_secret_hash BYTEA,
    older_secret_until BIGINT,
    -- Whether it stands in the configuration, which then is where it is changed.
    declared BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- An authorization request whose person is signing in or deciding.
CREATE TABLE authorization_requests (
    id UUID PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    browser_hash BYTEA NOT NULL,
    request BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX authorization_requests_expiry ON authorization_requests (expires_at);
CREATE INDEX authorization_requests_client ON authorization_requests (client_id);

-- What a person agreed that an app may have.
CREATE TABLE consents (
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    scope TEXT NOT NULL,
    resources TEXT NOT NULL,
    granted_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, client_id)
);
CREATE INDEX consents_client ON consents (client_id);

-- One authorization: its code, its tokens. It lives as long as its session, or by itself if it is `offline`. A session
-- whose id changes takes its grants along; one that ends leaves them without.
CREATE TABLE grants (
    id UUID PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    session_id UUID REFERENCES sessions (id) ON DELETE SET NULL ON UPDATE CASCADE,
    sid UUID NOT NULL,
    offline BOOLEAN NOT NULL,
    scope TEXT NOT NULL,
    resources TEXT NOT NULL,
    proofs TEXT NOT NULL,
    proved_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX grants_user ON grants (user_id, client_id);
CREATE INDEX grants_session ON grants (session_id);
CREATE INDEX grants_client ON grants (client_id);
CREATE INDEX grants_expiry ON grants (expires_at);

-- A used code is kept until it would have expired: its second use ends the grant.
CREATE TABLE authorization_codes (
    hash BYTEA PRIMARY KEY,
    grant_id UUID NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
    payload BYTEA NOT NULL,
    used_at BIGINT,
    expires_at BIGINT NOT NULL
);
CREATE INDEX authorization_codes_grant ON authorization_codes (grant_id);
CREATE INDEX authorization_codes_expiry ON authorization_codes (expires_at);

-- A used token is kept as long as its grant: its reuse ends the family. `successor` is sealed, and kept while the client
-- that lost the answer may ask again.
CREATE TABLE refresh_tokens (
    hash BYTEA PRIMARY KEY,
    grant_id UUID NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
    used_at BIGINT,
    successor BYTEA,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX refresh_tokens_grant ON refresh_tokens (grant_id);
CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at);
CREATE INDEX refresh_tokens_successor ON refresh_tokens (used_at) WHERE successor IS NOT NULL;

-- Access tokens that were revoked one by one.
CREATE TABLE revoked_tokens (
    jti UUID PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX revoked_tokens_expiry ON revoked_tokens (expires_at);

-- Assertions that clients have shown (RFC 7523 section 3): each is good once.
CREATE TABLE client_assertions (
    client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    jti_hash BYTEA NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (client_id, jti_hash)
);
CREATE INDEX client_assertions_expiry ON client_assertions (expires_at);

-- Apps that are still to be told of a sign-out (OpenID Connect Back-Channel Logout). The account may be gone by then.
CREATE TABLE logout_notices (
    id UUID PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    subject UUID NOT NULL,
    sid UUID NOT NULL,
    attempts BIGINT NOT NULL,
    next_attempt_at BIGINT NOT NULL,
    last_error TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX logout_notices_due ON logout_notices (next_attempt_at);
CREATE INDEX logout_notices_client ON logout_notices (client_id);

-- What apps call a session: it stays when the session's id changes.
ALTER TABLE sessions ADD COLUMN sid UUID;
UPDATE sessions SET sid = id;

-- A key is published from `created_at`, signs from `signs_from` until `signs_until`, and is published on until the last
-- token it signed has expired.
ALTER TABLE signing_keys ADD COLUMN signs_from BIGINT;
ALTER TABLE signing_keys ADD COLUMN signs_until BIGINT;
