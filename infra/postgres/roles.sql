-- One role per service (SEC-7). A role logs in, owns its own schema (schemas.sql) and can do nothing else.
-- Safe to run again. Passwords are set apart, by whoever holds them: ALTER ROLE assay_ingest PASSWORD '…'.
DO $$
DECLARE
  service text;
  role_name text;
BEGIN
  FOREACH service IN ARRAY ARRAY['ingest', 'validator', 'notifier', 'dead_letter'] LOOP
    role_name := 'assay_' || service;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
      EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOREPLICATION', role_name);
    END IF;
    -- Statements name their tables without a schema; without this they would look in public.
    EXECUTE format('ALTER ROLE %I SET search_path = %I', role_name, service);
    EXECUTE format('ALTER ROLE %I SET timezone = %L', role_name, 'UTC');
  END LOOP;
END
$$;
