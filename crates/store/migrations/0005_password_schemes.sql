-- How each password is hashed: what its hash says up to the salt. Null until it is filled in, for rows of an older release.
ALTER TABLE passwords ADD COLUMN scheme TEXT;
CREATE INDEX passwords_scheme ON passwords (scheme);
