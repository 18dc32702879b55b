-- Vouches for which account a pseudonym is: an HMAC under the key of the audit trail.
ALTER TABLE audit_people ADD COLUMN mac BYTEA;
