-- One SQL text for SQLite and PostgreSQL: TEXT, BIGINT, BOOLEAN, BYTEA and UUID only. Every moment is a BIGINT: Unix
-- microseconds. Migrations only ever expand; what is unused is dropped one release later.

-- One row: what this installation was set up as. Passkeys are bound to the relying party id for ever, so it is stored.
CREATE TABLE installation (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    rp_id TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE users (
    id UUID PRIMARY KEY,
    name TEXT NOT NULL,
    locale TEXT,
    second_step BOOLEAN NOT NULL,
    disabled_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE user_roles (
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    granted_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, role)
);

-- An account may have several addresses; an address belongs to one account. While `proved_at` is null nobody has shown
-- that it is theirs, and whoever does so takes it over.
CREATE TABLE emails (
    id UUID PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    address TEXT NOT NULL,
    normalized TEXT NOT NULL UNIQUE,
    is_primary BOOLEAN NOT NULL,
    proved_at BIGINT,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX emails_primary ON emails (user_id) WHERE is_primary;
CREATE INDEX emails_unproved ON emails (created_at) WHERE proved_at IS NULL;

CREATE TABLE passwords (
    user_id UUID PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    hash TEXT NOT NULL,
    changed_at BIGINT NOT NULL
);

-- The same person at another identity provider.
CREATE TABLE identities (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    linked_at BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX identities_user ON identities (user_id);

-- The token itself is held by the browser alone.
CREATE TABLE sessions (
    id UUID PRIMARY KEY,
    token_hash BYTEA NOT NULL UNIQUE,
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    proofs TEXT NOT NULL,
    proved_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    device TEXT NOT NULL,
    network TEXT NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);
CREATE INDEX sessions_used ON sessions (used_at);

-- Browsers that have signed in to an account before: a stranger's failures do not keep them out.
CREATE TABLE known_browsers (
    browser_hash BYTEA NOT NULL,
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    used_at BIGINT NOT NULL,
    PRIMARY KEY (browser_hash, user_id)
);
CREATE INDEX known_browsers_user ON known_browsers (user_id);
CREATE INDEX known_browsers_used ON known_browsers (used_at);

-- What can be used once, for one purpose: a mailed code and link. One that the account
-- of nobody holds (`users::NOBODY`) is a decoy, which nobody can use; without a user it is one, too.
CREATE TABLE artefacts (
    id UUID PRIMARY KEY,
    purpose TEXT NOT NULL,
    user_id UUID REFERENCES users (id) ON DELETE CASCADE,
    link_hash BYTEA NOT NULL UNIQUE,
    code_mac BYTEA NOT NULL,
    tries_left BIGINT NOT NULL,
    browser_hash BYTEA,
    payload BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX artefacts_user ON artefacts (user_id, purpose);
CREATE INDEX artefacts_expiry ON artefacts (expires_at);

-- A change of address under way: both ends have to agree. At most one per account.
CREATE TABLE email_changes (
    user_id UUID PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    address TEXT NOT NULL,
    old_artefact UUID NOT NULL,
    new_artefact UUID NOT NULL,
    old_proved_at BIGINT,
    new_proved_at BIGINT,
    expires_at BIGINT NOT NULL
);
CREATE INDEX email_changes_expiry ON email_changes (expires_at);

-- Mail to be sent. `payload` is sealed, and null once the mail is sent, given up or expired.
CREATE TABLE outbox (
    id UUID PRIMARY KEY,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    payload BYTEA,
    attempts BIGINT NOT NULL,
    next_attempt_at BIGINT NOT NULL,
    last_error TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    finished_at BIGINT
);
CREATE INDEX outbox_due ON outbox (next_attempt_at) WHERE state = 'queued';
CREATE INDEX outbox_finished ON outbox (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE signing_keys (
    kid TEXT PRIMARY KEY,
    algorithm TEXT NOT NULL,
    private_key BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);

-- Who a pseudonym of the audit trail is. Deleting an account deletes this row, and the trail forgets the name.
CREATE TABLE audit_people (
    pseudonym UUID PRIMARY KEY,
    user_id UUID NOT NULL UNIQUE REFERENCES users (id) ON DELETE CASCADE
);

-- Entries are only ever added. A sealer gives each its number and links it to the one before.
CREATE TABLE audit (
    id UUID PRIMARY KEY,
    at BIGINT NOT NULL,
    act TEXT NOT NULL,
    outcome TEXT NOT NULL,
    actor UUID,
    subject UUID,
    network TEXT NOT NULL,
    support_id TEXT NOT NULL,
    detail TEXT NOT NULL,
    number BIGINT UNIQUE,
    mac BYTEA
);
CREATE INDEX audit_unsealed ON audit (id) WHERE number IS NULL;
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_subject ON audit (subject, number);

-- Where the trail begins after its oldest entries were pruned.
CREATE TABLE audit_checkpoints (
    number BIGINT PRIMARY KEY,
    mac BYTEA NOT NULL,
    at BIGINT NOT NULL,
    signature BYTEA NOT NULL
);
