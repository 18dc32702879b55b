-- Every statement that release 2 runs. Made by a test; see tests/it/text.rs.

-- artefacts.rs
INSERT INTO artefacts (id, purpose, user_id, link_hash, code_mac, tries_left, browser_hash, payload, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);
INSERT INTO artefacts (id, purpose, user_id, link_hash, code_mac, tries_left, browser_hash, payload, created_at, expires_at) SELECT $1, $2, u.id, $4, $5, $6, $7, $8, $9, $10 FROM users u JOIN emails e ON e.user_id = u.id AND e.is_primary JOIN passwords w ON w.user_id = u.id WHERE u.id = $3 AND u.disabled_at IS NULL AND u.second_step = $11 AND e.normalized = $12 AND w.hash = $13;
SELECT id, purpose, user_id, link_hash, code_mac, tries_left, browser_hash, payload, created_at, expires_at FROM artefacts WHERE id = $1 AND purpose = $2 AND expires_at > $3;
SELECT a.id, a.purpose, a.user_id, a.link_hash, a.code_mac, a.tries_left, a.browser_hash, a.payload, a.created_at, a.expires_at, p.pseudonym, EXISTS (SELECT 1 FROM known_browsers k WHERE k.browser_hash = $4 AND k.user_id = a.user_id) AS known_browser FROM artefacts a JOIN audit_people p ON p.user_id = a.user_id WHERE a.id = $1 AND a.purpose = $2 AND a.expires_at > $3 AND a.user_id <> $5;
SELECT id, purpose, user_id, link_hash, code_mac, tries_left, browser_hash, payload, created_at, expires_at FROM artefacts WHERE link_hash = $1 AND purpose = $2 AND expires_at > $3;
UPDATE artefacts SET tries_left = tries_left - 1 WHERE id = $1 AND purpose = $2 AND expires_at > $3 AND tries_left > 0 RETURNING id, purpose, user_id, link_hash, code_mac, tries_left, browser_hash, payload, created_at, expires_at;
DELETE FROM artefacts WHERE id = $1 AND purpose = $2 AND expires_at > $3 RETURNING id, purpose, user_id, link_hash, code_mac, tries_left, browser_hash, payload, created_at, expires_at;
DELETE FROM artefacts WHERE id = $1 AND purpose = $2 AND expires_at > $3 AND tries_left > 0 AND code_mac = $4 RETURNING id;
UPDATE artefacts SET link_hash = $3, code_mac = $4, tries_left = $5, expires_at = $6, payload = $8 WHERE id = $1 AND purpose = $2 AND expires_at > $7;
DELETE FROM artefacts WHERE user_id = $1 AND purpose = $2;
DELETE FROM artefacts WHERE user_id = $1;
SELECT COUNT(*) FROM artefacts WHERE expires_at > $1 AND user_id <> $2;
DELETE FROM artefacts WHERE id IN (SELECT id FROM artefacts LIMIT $1);
DELETE FROM artefacts WHERE expires_at <= $1 AND id IN ( SELECT id FROM artefacts WHERE expires_at <= $1 LIMIT $2);

-- audit.rs
INSERT INTO audit (id, at, act, outcome, actor, subject, network, support_id, detail, mac) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);
SELECT id, at, act, outcome, actor, subject, network, support_id, detail, number, mac FROM audit WHERE number IS NULL AND id >= $1 ORDER BY id LIMIT $2;
SELECT COUNT(*) FROM audit WHERE number IS NULL;
UPDATE audit SET number = $2, mac = $3 WHERE id = $1 AND number IS NULL;
UPDATE audit SET number = v.column2, mac = v.column3 FROM (VALUES ($1, $2, $3), ($4, $5, $6), ($7, $8, $9), ($10, $11, $12), ($13, $14, $15), ($16, $17, $18), ($19, $20, $21), ($22, $23, $24)) AS v WHERE audit.id = v.column1 AND +audit.number IS NULL;
SELECT number, mac FROM audit WHERE number IS NOT NULL ORDER BY number DESC LIMIT 1;
SELECT id, at, act, outcome, actor, subject, network, support_id, detail, number, mac FROM audit WHERE number > $1 ORDER BY number LIMIT $2;
SELECT id, at, act, outcome, actor, subject, network, support_id, detail, number, mac FROM audit WHERE number < $2 AND (subject = $1 OR actor = $1 OR $1 IS NULL) ORDER BY number DESC LIMIT $3;
SELECT EXISTS (SELECT 1 FROM audit WHERE subject = $1 AND act = $2 AND detail = $3);
SELECT p.pseudonym, p.user_id, p.mac, e.address FROM audit_people p JOIN emails e ON e.user_id = p.user_id AND e.is_primary WHERE p.pseudonym = $1;
SELECT pseudonym, user_id, mac FROM audit_people WHERE pseudonym >= $1 ORDER BY pseudonym LIMIT $2;
UPDATE audit_people SET mac = $2 WHERE pseudonym = $1;
SELECT pseudonym FROM audit_people WHERE user_id = $1;
SELECT e.normalized, p.pseudonym FROM emails e JOIN audit_people p ON p.user_id = e.user_id WHERE e.normalized = COALESCE( (SELECT n.normalized FROM emails n WHERE n.normalized >= $1 ORDER BY n.normalized LIMIT 1), 'nobody');
SELECT number, mac, at, signature FROM audit_checkpoints ORDER BY number;
SELECT id, at, act, outcome, actor, subject, network, support_id, detail, number, mac FROM audit WHERE number <= $1 ORDER BY number LIMIT 1;
SELECT COUNT(*) FROM audit WHERE number > $1 AND number <= $2;
SELECT mac FROM audit WHERE number = $1;
SELECT f.at, l.at FROM (SELECT at FROM audit WHERE number IS NOT NULL ORDER BY number LIMIT 1) AS f, (SELECT at FROM audit WHERE number IS NOT NULL ORDER BY number DESC LIMIT 1) AS l;
WITH front AS (SELECT number, mac, at FROM audit WHERE number IS NOT NULL ORDER BY number LIMIT $2) SELECT number, mac FROM front WHERE number < COALESCE((SELECT MIN(number) FROM front WHERE at >= $1), 9223372036854775807) ORDER BY number DESC LIMIT 1;
DELETE FROM audit_checkpoints WHERE number <= $1;
INSERT INTO audit_checkpoints (number, mac, at, signature) VALUES ($1, $2, $3, $4);
DELETE FROM audit WHERE number <= $1;

-- authorization_codes.rs
INSERT INTO authorization_codes (hash, grant_id, payload, expires_at) VALUES ($1, $2, $3, $4);
SELECT hash, grant_id, payload, used_at, expires_at FROM authorization_codes WHERE hash = $1;
UPDATE authorization_codes SET used_at = $2 WHERE hash = $1 AND used_at IS NULL AND expires_at > $2;

-- authorization_requests.rs
INSERT INTO authorization_requests (id, client_id, browser_hash, request, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6);
SELECT id, client_id, browser_hash, request, created_at, expires_at FROM authorization_requests WHERE id = $1 AND browser_hash = $2 AND expires_at > $3;
DELETE FROM authorization_requests WHERE id = $1 AND browser_hash = $2;
DELETE FROM authorization_requests WHERE id IN ( SELECT id FROM authorization_requests WHERE expires_at <= $1 LIMIT $2);
UPDATE authorization_requests SET request = $2 WHERE id = $1;

-- backlog.rs
SELECT (SELECT COUNT(*) FROM outbox WHERE state = 'queued') AS mails, (SELECT MIN(created_at) FROM outbox WHERE state = 'queued') AS oldest_mail, (SELECT COUNT(*) FROM logout_notices) AS notices, (SELECT COUNT(*) FROM audit WHERE number IS NULL) AS unsealed, (SELECT MIN(at) FROM audit WHERE number IS NULL) AS oldest_unsealed;
SELECT (SELECT COUNT(*) FROM emails WHERE is_primary AND created_at > 0) AS users, (SELECT COUNT(*) FROM sessions) AS sessions, (SELECT COUNT(*) FROM outbox WHERE finished_at IS NOT NULL AND state = 'failed') AS failed_mails;

-- changes.rs
INSERT INTO changes (id, at, what) VALUES ($1, $2, $3);
SELECT id, at, what FROM changes WHERE at >= $1;
DELETE FROM changes WHERE id IN (SELECT id FROM changes WHERE at < $1 LIMIT $2);

-- client_assertions.rs
INSERT INTO client_assertions (client_id, jti_hash, expires_at) VALUES ($1, $2, $3) ON CONFLICT (client_id, jti_hash) DO NOTHING;
DELETE FROM client_assertions WHERE (client_id, jti_hash) IN ( SELECT client_id, jti_hash FROM client_assertions WHERE expires_at <= $1 LIMIT $2);

-- clients.rs
INSERT INTO clients (id, settings, secret_hash, declared, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING;
SELECT id, settings, secret_hash, older_secret_hash, older_secret_until, declared, created_at, updated_at FROM clients WHERE id = $1;
SELECT id, settings, secret_hash, older_secret_hash, older_secret_until, declared, created_at, updated_at FROM clients WHERE id > $1 ORDER BY id LIMIT $2;
UPDATE clients SET settings = $2, declared = $3, updated_at = $4 WHERE id = $1;
UPDATE clients SET older_secret_hash = secret_hash, older_secret_until = $3, secret_hash = $2, updated_at = $4 WHERE id = $1;
UPDATE clients SET older_secret_until = $2, updated_at = $3 WHERE id = $1 AND older_secret_until > $2;
DELETE FROM clients WHERE id = $1;

-- consents.rs
SELECT scope, resources FROM consents WHERE user_id = $1 AND client_id = $2;
INSERT INTO consents (user_id, client_id, scope, resources, granted_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (user_id, client_id) DO UPDATE SET scope = $3, resources = $4, granted_at = $5;
SELECT s.client_id, c.settings, s.scope, s.resources, s.granted_at FROM consents s JOIN clients c ON c.id = s.client_id WHERE s.user_id = $1 ORDER BY s.granted_at DESC, s.client_id LIMIT $2;
DELETE FROM consents WHERE client_id = $1;
DELETE FROM consents WHERE user_id = $1 AND client_id = $2;

-- email_changes.rs
INSERT INTO email_changes (user_id, address, old_artefact, new_artefact, expires_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (user_id) DO UPDATE SET address = $2, old_artefact = $3, new_artefact = $4, old_proved_at = NULL, new_proved_at = NULL, expires_at = $5;
SELECT user_id, address, old_artefact, new_artefact, old_proved_at, new_proved_at, expires_at FROM email_changes WHERE user_id = $1 AND expires_at > $2;
UPDATE email_changes SET old_proved_at = CASE WHEN old_artefact = $2 THEN $3 ELSE old_proved_at END, new_proved_at = CASE WHEN new_artefact = $2 THEN $3 ELSE new_proved_at END WHERE user_id = $1 AND (old_artefact = $2 OR new_artefact = $2) AND expires_at > $3 RETURNING user_id, address, old_artefact, new_artefact, old_proved_at, new_proved_at, expires_at;
DELETE FROM email_changes WHERE user_id = $1;
DELETE FROM email_changes WHERE user_id IN (SELECT user_id FROM email_changes LIMIT $1);
DELETE FROM email_changes WHERE expires_at <= $1 AND user_id IN ( SELECT user_id FROM email_changes WHERE expires_at <= $1 LIMIT $2);

-- emails.rs
INSERT INTO emails (id, user_id, address, normalized, is_primary, proved_at, created_at) VALUES ($1, $2, $3, $4, TRUE, $5, $6) ON CONFLICT (normalized) DO NOTHING;
SELECT normalized, user_id, proved_at FROM emails WHERE normalized = COALESCE( (SELECT n.normalized FROM emails n WHERE n.normalized >= $1 ORDER BY n.normalized LIMIT 1), 'nobody');
UPDATE emails SET proved_at = $2 WHERE user_id = $1 AND is_primary AND proved_at IS NULL;
UPDATE emails SET address = $2, normalized = $3, proved_at = $4 WHERE user_id = $1 AND is_primary AND NOT EXISTS (SELECT 1 FROM emails o WHERE o.normalized = $3 AND o.user_id <> $1);

-- family.rs
SELECT count(*) FROM users;

-- grants.rs
INSERT INTO grants (id, client_id, user_id, session_id, sid, offline, scope, resources, proofs, proved_at, created_at, expires_at) SELECT $1, $2, s.user_id, s.id, COALESCE(s.sid, s.id), $5, $6, $7, s.proofs, s.proved_at, $8, $9 FROM sessions s JOIN users u ON u.id = s.user_id AND u.disabled_at IS NULL JOIN audit_people p ON p.user_id = u.id WHERE s.id = $3 AND s.user_id = $4 AND s.expires_at > $8 AND s.used_at > $10 RETURNING (SELECT c.scope FROM consents c WHERE c.user_id = grants.user_id AND c.client_id = grants.client_id) AS agreed, (SELECT c.resources FROM consents c WHERE c.user_id = grants.user_id AND c.client_id = grants.client_id) AS agreed_resources, (SELECT a.settings FROM clients a WHERE a.id = grants.client_id) AS settings, (SELECT p.pseudonym FROM audit_people p WHERE p.user_id = grants.user_id) AS pseudonym;
SELECT g.id, g.client_id, g.user_id, g.session_id, g.sid, g.offline, g.scope, g.resources, g.proofs, g.proved_at, g.created_at, g.expires_at, u.name, u.locale, u.updated_at, e.address, e.proved_at AS email_proved_at, p.pseudonym FROM grants g JOIN users u ON u.id = g.user_id AND u.disabled_at IS NULL JOIN emails e ON e.user_id = u.id AND e.is_primary JOIN audit_people p ON p.user_id = u.id LEFT JOIN sessions s ON s.id = g.session_id AND s.expires_at > $2 AND s.used_at > $3 WHERE g.id = $1 AND g.expires_at > $2 AND (g.offline OR s.id IS NOT NULL);
SELECT p.pseudonym FROM grants g JOIN audit_people p ON p.user_id = g.user_id WHERE g.id = $1;
UPDATE grants SET expires_at = $2 WHERE id = $1 AND expires_at > $2;
DELETE FROM grants WHERE user_id = $1 AND client_id = $2 RETURNING id, client_id, sid;
DELETE FROM grants WHERE client_id = $1;
DELETE FROM grants WHERE user_id = $1 AND (session_id IS NULL OR session_id <> $2) RETURNING id, client_id, sid;
SELECT id, client_id, sid FROM grants WHERE user_id = $1 AND session_id = $2;
SELECT id, client_id, sid FROM grants WHERE user_id = $1 AND session_id IS NOT NULL AND session_id <> $2;
DELETE FROM grants WHERE id IN ( SELECT id FROM grants WHERE session_id IS NULL AND (expires_at <= $1 OR NOT offline) LIMIT $2);
DELETE FROM grants WHERE id IN ( SELECT grant_id FROM authorization_codes WHERE used_at IS NULL AND expires_at <= $1 LIMIT $2);
DELETE FROM grants WHERE id IN ( SELECT g.id FROM grants g WHERE g.expires_at <= $1 AND g.session_id IS NOT NULL AND EXISTS ( SELECT 1 FROM grants o WHERE o.session_id = g.session_id AND o.client_id = g.client_id AND o.id > g.id AND NOT EXISTS ( SELECT 1 FROM authorization_codes c WHERE c.grant_id = o.id AND c.used_at IS NULL)) LIMIT $2);

-- idempotency_keys.rs
INSERT INTO idempotency_keys (hash, user_id, answer, expires_at) VALUES ($1, $2, $3, $4) ON CONFLICT (hash) DO UPDATE SET answer = $3, expires_at = $4 WHERE idempotency_keys.expires_at <= $5;
SELECT answer FROM idempotency_keys WHERE hash = $1 AND user_id = $2 AND expires_at > $3;
SELECT COUNT(*), MIN(expires_at) FROM idempotency_keys WHERE user_id = $1 AND expires_at > $2;
DELETE FROM idempotency_keys WHERE expires_at <= $1 AND hash IN ( SELECT hash FROM idempotency_keys WHERE expires_at <= $1 LIMIT $2);

-- installation.rs
INSERT INTO installation (id, rp_id, created_at) VALUES (1, $1, $2) ON CONFLICT (id) DO UPDATE SET rp_id = installation.rp_id RETURNING rp_id;

-- key_holders.rs
INSERT INTO key_holders (process, opens, seals, seals_since, seen_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (process) DO UPDATE SET opens = excluded.opens, seals = excluded.seals, seals_since = excluded.seals_since, seen_at = excluded.seen_at;
SELECT process, opens, seals, seals_since, seen_at FROM key_holders WHERE seen_at >= $1 ORDER BY process;
DELETE FROM key_holders WHERE process = $1;
DELETE FROM key_holders WHERE process IN ( SELECT process FROM key_holders WHERE seen_at < $1 LIMIT $2);

-- known_browsers.rs
INSERT INTO known_browsers (browser_hash, user_id, used_at) VALUES ($1, $2, $3) ON CONFLICT (browser_hash, user_id) DO UPDATE SET used_at = $3;
SELECT EXISTS (SELECT 1 FROM known_browsers WHERE browser_hash = $1 AND user_id = $2);
DELETE FROM known_browsers WHERE user_id = $1;
DELETE FROM known_browsers WHERE user_id = $1 AND browser_hash <> $2;
DELETE FROM known_browsers WHERE used_at < $1 AND (browser_hash, user_id) IN ( SELECT browser_hash, user_id FROM known_browsers WHERE used_at < $1 LIMIT $2);

-- logout_notices.rs
INSERT INTO logout_notices (id, client_id, subject, sid, attempts, next_attempt_at, created_at, expires_at) VALUES ($1, $2, $3, $4, 0, $5, $5, $6);
INSERT INTO logout_notices (id, client_id, subject, sid, attempts, next_attempt_at, created_at, expires_at) SELECT g.id, g.client_id, g.user_id, g.sid, 0, $2, $2, $3 FROM grants g WHERE g.client_id = $1 AND NOT EXISTS (SELECT 1 FROM grants o WHERE o.client_id = $1 AND o.sid = g.sid AND o.id < g.id);
UPDATE logout_notices SET next_attempt_at = $2, attempts = attempts + 1, last_error = NULL WHERE next_attempt_at <= $1 AND id IN ( SELECT id FROM logout_notices WHERE next_attempt_at <= $1 AND expires_at > $1 ORDER BY next_attempt_at, id LIMIT $3) RETURNING id, client_id, subject, sid, attempts, expires_at;
UPDATE logout_notices SET next_attempt_at = $1 WHERE attempts > 0 AND last_error IS NULL AND next_attempt_at > $1;
SELECT MIN(next_attempt_at) FROM logout_notices WHERE expires_at > $1;
UPDATE logout_notices SET last_error = $3, next_attempt_at = $4 WHERE id = $1 AND attempts = $2;
DELETE FROM logout_notices WHERE id = $1;
DELETE FROM logout_notices WHERE id IN (SELECT id FROM logout_notices WHERE expires_at <= $1 LIMIT $2);

-- outbox.rs
INSERT INTO outbox (id, kind, state, payload, attempts, next_attempt_at, created_at, expires_at) VALUES ($1, $2, 'queued', $3, 0, $4, $4, $5);
UPDATE outbox SET next_attempt_at = $2, attempts = attempts + 1, last_error = NULL WHERE state = 'queued' AND next_attempt_at <= $1 AND id IN ( SELECT id FROM outbox WHERE state = 'queued' AND next_attempt_at <= $1 AND expires_at > $1 ORDER BY next_attempt_at, id LIMIT $3) RETURNING id, kind, payload, attempts, created_at, expires_at;
UPDATE outbox SET next_attempt_at = $1 WHERE state = 'queued' AND attempts > 0 AND last_error IS NULL AND next_attempt_at > $1;
SELECT MIN(next_attempt_at) FROM outbox WHERE state = 'queued';
UPDATE outbox SET state = $2, last_error = $3, finished_at = $4, payload = NULL WHERE id = $1 AND state = 'queued';
UPDATE outbox SET last_error = $3, next_attempt_at = $4 WHERE id = $1 AND attempts = $2 AND state = 'queued';
SELECT id, kind, state, attempts, next_attempt_at, last_error, created_at, finished_at, payload FROM outbox WHERE state <> 'decoy' ORDER BY id DESC LIMIT $1;
UPDATE outbox SET state = 'expired', payload = NULL, finished_at = $1 WHERE state = 'queued' AND id IN (SELECT id FROM outbox WHERE state = 'queued' AND expires_at <= $1 LIMIT $2);
UPDATE outbox SET state = 'expired', payload = NULL, finished_at = $1 WHERE state = 'queued' AND id IN ( SELECT id FROM outbox WHERE state = 'queued' AND kind IN ('prove_address', 'sign_in_code', 'reset_password', 'change_address_old', 'change_address_new') LIMIT $2);
DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE finished_at < $1 LIMIT $2);

-- passwords.rs
INSERT INTO passwords (user_id, hash, scheme, changed_at) VALUES ($1, $2, $3, $4) ON CONFLICT (user_id) DO UPDATE SET hash = $2, scheme = $3, changed_at = $4, code_if_short = FALSE;
UPDATE passwords SET hash = $3, scheme = $4 WHERE user_id = $1 AND hash = $2;
UPDATE passwords SET code_if_short = TRUE WHERE user_id = $1;
SELECT hash FROM passwords WHERE user_id = $1;
SELECT scheme, count(*) AS accounts FROM passwords WHERE scheme IS NULL OR scheme <> '' GROUP BY scheme ORDER BY accounts DESC, scheme;
WITH RECURSIVE found (scheme) AS ( SELECT min(scheme) FROM passwords WHERE scheme > '' UNION ALL SELECT (SELECT min(p.scheme) FROM passwords p WHERE p.scheme > found.scheme) FROM found WHERE found.scheme IS NOT NULL) SELECT scheme FROM found WHERE scheme IS NOT NULL;
SELECT user_id, hash FROM passwords WHERE scheme IS NULL LIMIT $1;
UPDATE passwords SET scheme = $3 WHERE user_id = $1 AND hash = $2;

-- refresh_tokens.rs
INSERT INTO refresh_tokens (hash, grant_id, created_at, expires_at) VALUES ($1, $2, $3, $4);
SELECT hash, grant_id, used_at, successor, created_at, expires_at FROM refresh_tokens WHERE hash = $1;
UPDATE refresh_tokens SET used_at = $3, successor = $2 WHERE hash = $1 AND used_at IS NULL;
UPDATE refresh_tokens SET successor = NULL WHERE hash IN ( SELECT hash FROM refresh_tokens WHERE successor IS NOT NULL AND used_at < $1 LIMIT $2);
DELETE FROM refresh_tokens WHERE hash IN ( SELECT t.hash FROM grants g JOIN refresh_tokens t ON t.grant_id = g.id WHERE g.expires_at <= $1 LIMIT $2);
DELETE FROM refresh_tokens WHERE used_at IS NULL AND hash IN ( SELECT hash FROM refresh_tokens WHERE used_at IS NULL AND expires_at <= $1 LIMIT $2);

-- retired_keys.rs
SELECT kid, algorithm, public_key, expires_at FROM retired_keys ORDER BY kid;
INSERT INTO retired_keys (kid, algorithm, public_key, expires_at) VALUES ($1, $2, $3, $4) ON CONFLICT (kid) DO NOTHING;
DELETE FROM retired_keys WHERE expires_at <= $1;
DELETE FROM retired_keys WHERE algorithm = $1;

-- revoked_tokens.rs
INSERT INTO revoked_tokens (jti, expires_at) VALUES ($1, $2) ON CONFLICT (jti) DO NOTHING;
SELECT EXISTS (SELECT 1 FROM revoked_tokens WHERE jti = $1);
DELETE FROM revoked_tokens WHERE jti IN ( SELECT jti FROM revoked_tokens WHERE expires_at <= $1 LIMIT $2);

-- sealed.rs
SELECT substr(private_key, 2, 4) AS key_id, COUNT(*) AS number, CAST(NULL AS BIGINT) AS ends FROM signing_keys GROUP BY substr(private_key, 2, 4);
SELECT substr(payload, 2, 4) AS key_id, COUNT(*) AS number, CAST(NULL AS BIGINT) AS ends FROM outbox WHERE payload IS NOT NULL GROUP BY substr(payload, 2, 4);
SELECT substr(payload, 2, 4) AS key_id, COUNT(*) AS number, MAX(expires_at) AS ends FROM artefacts GROUP BY substr(payload, 2, 4);
SELECT substr(request, 2, 4) AS key_id, COUNT(*) AS number, CAST(NULL AS BIGINT) AS ends FROM authorization_requests GROUP BY substr(request, 2, 4);
SELECT substr(payload, 2, 4) AS key_id, COUNT(*) AS number, CAST(NULL AS BIGINT) AS ends FROM authorization_codes GROUP BY substr(payload, 2, 4);
SELECT substr(successor, 2, 4) AS key_id, COUNT(*) AS number, CAST(NULL AS BIGINT) AS ends FROM refresh_tokens WHERE successor IS NOT NULL GROUP BY substr(successor, 2, 4);
SELECT substr(answer, 2, 4) AS key_id, COUNT(*) AS number, CAST(NULL AS BIGINT) AS ends FROM idempotency_keys GROUP BY substr(answer, 2, 4);
SELECT kid AS row_key, private_key AS sealed FROM signing_keys WHERE substr(private_key, 1, 5) <> $1 AND kid > $2 ORDER BY kid LIMIT $3;
SELECT id AS row_key, payload AS sealed FROM outbox WHERE payload IS NOT NULL AND substr(payload, 1, 5) <> $1 AND id > $2 ORDER BY id LIMIT $3;
SELECT id AS row_key, request AS sealed FROM authorization_requests WHERE substr(request, 1, 5) <> $1 AND id > $2 ORDER BY id LIMIT $3;
SELECT hash AS row_key, payload AS sealed FROM authorization_codes WHERE substr(payload, 1, 5) <> $1 AND hash > $2 ORDER BY hash LIMIT $3;
SELECT hash AS row_key, successor AS sealed FROM refresh_tokens WHERE successor IS NOT NULL AND substr(successor, 1, 5) <> $1 AND hash > $2 ORDER BY hash LIMIT $3;
SELECT hash AS row_key, answer AS sealed FROM idempotency_keys WHERE substr(answer, 1, 5) <> $1 AND hash > $2 ORDER BY hash LIMIT $3;
UPDATE signing_keys SET private_key = $3 WHERE kid = $1 AND private_key = $2;
UPDATE outbox SET payload = $3 WHERE id = $1 AND payload = $2;
UPDATE authorization_requests SET request = $3 WHERE id = $1 AND request = $2;
UPDATE authorization_codes SET payload = $3 WHERE hash = $1 AND payload = $2;
UPDATE refresh_tokens SET successor = $3 WHERE hash = $1 AND successor = $2;
UPDATE idempotency_keys SET answer = $3 WHERE hash = $1 AND answer = $2;

-- sessions.rs
INSERT INTO sessions (id, token_hash, user_id, proofs, proved_at, created_at, used_at, expires_at, device, network, sid) SELECT $1, $2, u.id, $4, $5, $6, $7, $8, $9, $10, $11 FROM users u JOIN emails e ON e.user_id = u.id AND e.is_primary LEFT JOIN passwords w ON w.user_id = u.id WHERE u.id = $3 AND u.disabled_at IS NULL AND ((u.second_step = $12 AND e.normalized = $13 AND w.hash = $14) OR $14 IS NULL);
UPDATE sessions SET id = $1, token_hash = $2, proofs = $4, proved_at = $5, created_at = $6, used_at = $7, expires_at = $8, device = $9, network = $10, sid = COALESCE(sid, id, $11) WHERE id = $15 AND user_id = $3 AND expires_at > $6 AND used_at > $16 AND EXISTS (SELECT 1 FROM users u JOIN emails e ON e.user_id = u.id AND e.is_primary LEFT JOIN passwords w ON w.user_id = u.id WHERE u.id = $3 AND u.disabled_at IS NULL AND ((u.second_step = $12 AND e.normalized = $13 AND w.hash = $14) OR $14 IS NULL));
SELECT s.id, COALESCE(s.sid, s.id) AS sid, s.user_id, s.proofs, s.proved_at, s.created_at, s.used_at, s.expires_at, s.device, s.network, u.name, u.locale, u.second_step, e.address, p.pseudonym FROM sessions s JOIN users u ON u.id = s.user_id AND u.disabled_at IS NULL JOIN emails e ON e.user_id = u.id AND e.is_primary JOIN audit_people p ON p.user_id = u.id WHERE s.token_hash = $1 AND s.expires_at > $2 AND s.used_at > $3;
SELECT s.id, COALESCE(s.sid, s.id) AS sid, s.user_id, s.proofs, s.proved_at, s.created_at, s.used_at, s.expires_at, s.device, s.network, u.name, u.locale, u.second_step, e.address, p.pseudonym FROM sessions s JOIN users u ON u.id = s.user_id AND u.disabled_at IS NULL JOIN emails e ON e.user_id = u.id AND e.is_primary JOIN audit_people p ON p.user_id = u.id WHERE s.id = $1 AND s.expires_at > $2 AND s.used_at > $3;
SELECT s.id, COALESCE(s.sid, s.id) AS sid, s.user_id, s.proofs, s.proved_at, s.created_at, s.used_at, s.expires_at, s.device, s.network FROM sessions s JOIN users u ON u.id = s.user_id AND u.disabled_at IS NULL WHERE s.id = $1 AND s.expires_at > $2 AND s.used_at > $3;
SELECT id, COALESCE(sid, id) AS sid, user_id, proofs, proved_at, created_at, used_at, expires_at, device, network FROM sessions WHERE user_id = $1 AND expires_at > $2 AND used_at > $3 AND (used_at < $4 OR used_at = $4 AND id < $5) ORDER BY used_at DESC, id DESC LIMIT $6;
SELECT count(*) FROM sessions WHERE user_id = $1 AND expires_at > $2 AND used_at > $3;
UPDATE sessions SET id = $2, token_hash = $3 WHERE id = $1 RETURNING expires_at;
UPDATE sessions SET used_at = $2 WHERE id = $1 AND used_at < $2;
DELETE FROM sessions WHERE id = $1 AND user_id = $2;
SELECT count(*) FROM sessions WHERE user_id = $1 AND id <> $2;
DELETE FROM sessions WHERE user_id = $1 AND id <> $2 RETURNING id;
DELETE FROM sessions WHERE (expires_at <= $1 OR used_at <= $2) AND id IN ( SELECT id FROM sessions WHERE expires_at <= $1 OR used_at <= $2 LIMIT $3);

-- signing_keys.rs
SELECT kid, algorithm, private_key, created_at, signs_from, signs_until FROM signing_keys ORDER BY created_at DESC, kid;
INSERT INTO signing_keys (kid, algorithm, private_key, created_at, signs_from, signs_until) VALUES ($1, $2, $3, $4, $5, $6);
UPDATE signing_keys SET signs_until = $2 WHERE kid = $1;
DELETE FROM signing_keys WHERE kid = $1;

-- users.rs
INSERT INTO users (id, name, second_step, created_at, updated_at) VALUES ($1, '', FALSE, 0, 0) ON CONFLICT (id) DO NOTHING;
INSERT INTO emails (id, user_id, address, normalized, is_primary, proved_at, created_at) VALUES ($1, $1, 'nobody', 'nobody', TRUE, 0, 0) ON CONFLICT (id) DO NOTHING;
INSERT INTO passwords (user_id, hash, scheme, changed_at) VALUES ($1, $2, '', 0) ON CONFLICT (user_id) DO NOTHING;
INSERT INTO audit_people (pseudonym, user_id, mac) VALUES ($1, $1, $2) ON CONFLICT (pseudonym) DO NOTHING;
INSERT INTO users (id, name, locale, second_step, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $5);
INSERT INTO audit_people (pseudonym, user_id, mac) VALUES ($1, $2, $3);
SELECT u.id, u.name, u.locale, u.second_step, u.disabled_at, u.created_at, e.address, e.proved_at, p.pseudonym FROM users u JOIN emails e ON e.user_id = u.id AND e.is_primary JOIN audit_people p ON p.user_id = u.id WHERE u.id = $1;
SELECT u.id, u.name, u.locale, u.second_step, u.disabled_at, u.created_at, e.address, e.normalized, e.proved_at, p.pseudonym, w.hash AS password_hash, COALESCE(w.code_if_short, FALSE) AS code_if_short, EXISTS (SELECT 1 FROM known_browsers k WHERE k.browser_hash = $2 AND k.user_id = u.id) AS known_browser FROM emails e JOIN users u ON u.id = e.user_id JOIN audit_people p ON p.user_id = u.id LEFT JOIN passwords w ON w.user_id = u.id WHERE e.normalized = COALESCE( (SELECT n.normalized FROM emails n WHERE n.normalized >= $1 ORDER BY n.normalized LIMIT 1), 'nobody');
SELECT u.id, u.name, u.locale, u.second_step, u.disabled_at, u.created_at, e.address, e.proved_at, p.pseudonym, e.normalized, (SELECT count(*) FROM sessions s WHERE s.user_id = u.id) AS sessions FROM emails e JOIN users u ON u.id = e.user_id JOIN audit_people p ON p.user_id = u.id WHERE e.is_primary AND e.created_at > 0 AND e.normalized > $2 AND e.normalized LIKE $1 ESCAPE '\' ORDER BY e.normalized LIMIT $3;
SELECT u.id, u.name, u.locale, u.second_step, u.disabled_at, u.created_at, e.address, e.proved_at, p.pseudonym, e.normalized, (SELECT count(*) FROM sessions s WHERE s.user_id = u.id) AS sessions FROM users u JOIN emails e ON e.user_id = u.id AND e.is_primary JOIN audit_people p ON p.user_id = u.id WHERE u.id = $1;
UPDATE users SET name = $2, locale = $3, updated_at = $4 WHERE id = $1;
UPDATE users SET second_step = $2, updated_at = $3 WHERE id = $1;
UPDATE users SET disabled_at = $2 WHERE id = $1;
DELETE FROM users WHERE id = $1;
SELECT user_id, normalized FROM emails WHERE proved_at IS NULL AND is_primary AND created_at < $1 AND NOT EXISTS (SELECT 1 FROM artefacts a WHERE a.user_id = emails.user_id) LIMIT $2;
DELETE FROM users WHERE id = $1 AND EXISTS (SELECT 1 FROM emails e WHERE e.user_id = users.id AND e.is_primary AND e.proved_at IS NULL AND e.created_at < $2) AND NOT EXISTS (SELECT 1 FROM artefacts a WHERE a.user_id = users.id);
