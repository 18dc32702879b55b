-- A used code stays as long as its grant: who looks for those that nobody used passes them by. The index over all of them goes once no
-- release runs that cleans by it.
CREATE INDEX authorization_codes_unused ON authorization_codes (expires_at) WHERE used_at IS NULL;
