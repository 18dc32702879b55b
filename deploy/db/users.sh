#!/usr/bin/env bash
# Runs once, when the database is made (the image `postgres` runs what lies in /docker-entrypoint-initdb.d). Two users: one
# owns the tables and changes them, the other reads and writes what is in them, and neither may do what the superuser may.
# Their passwords come from files; psql reads them itself, so that they stand on no command line.
set -euo pipefail

psql -v ON_ERROR_STOP=1 --no-psqlrc --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\set migrating `cat /run/secrets/migrate-password`
\set running `cat /run/secrets/run-password`

CREATE ROLE keyward_migrate LOGIN PASSWORD :'migrating' CONNECTION LIMIT 10;
CREATE ROLE keyward_run LOGIN PASSWORD :'running' CONNECTION LIMIT 80;

-- Nothing for whoever else there may be one day.
REVOKE ALL ON DATABASE keyward FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE keyward TO keyward_migrate;
GRANT CONNECT ON DATABASE keyward TO keyward_run;

GRANT USAGE, CREATE ON SCHEMA public TO keyward_migrate;
GRANT USAGE ON SCHEMA public TO keyward_run;
-- But for those that tell what was migrated, of which `migrate apply` takes back all but SELECT.
ALTER DEFAULT PRIVILEGES FOR ROLE keyward_migrate IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO keyward_run;
ALTER DEFAULT PRIVILEGES FOR ROLE keyward_migrate IN SCHEMA public GRANT USAGE ON SEQUENCES TO keyward_run;

-- A statement that hangs must not hold the others up for ever.
ALTER ROLE keyward_run SET statement_timeout = '30s';
ALTER ROLE keyward_run SET idle_in_transaction_session_timeout = '60s';
SQL
