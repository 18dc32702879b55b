-- Whether a code is asked for as long as the password is too short to open the account alone: an operator switched the second step off
-- that it was set behind, and nobody knows how long it is until it is typed.
ALTER TABLE passwords ADD COLUMN code_if_short BOOLEAN NOT NULL DEFAULT FALSE;
