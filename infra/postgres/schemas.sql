-- One schema per service in the current database, owned by that service's role and closed to every other (SEC-7).
-- Safe to run again. A database that was copied from a template needs it too: grants on a database are not copied.
DO $$
DECLARE
  service text;
  role_name text;
BEGIN
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
  REVOKE ALL ON SCHEMA public FROM PUBLIC;
  FOREACH service IN ARRAY ARRAY['ingest', 'validator', 'notifier', 'dead_letter'] LOOP
    role_name := 'assay_' || service;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), role_name);
    EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I AUTHORIZATION %I', service, role_name);
    EXECUTE format('REVOKE ALL ON SCHEMA %I FROM PUBLIC', service);
  END LOOP;
END
$$;
