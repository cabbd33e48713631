#!/bin/bash
# Gives each service's role its password, from ASSAY_<SERVICE>_PASSWORD; docker-compose.yml runs it once, after roles.sql.
set -euo pipefail

for service in ingest validator notifier dead_letter; do
  variable="ASSAY_${service^^}_PASSWORD"
  # psql quotes the password itself (:'…'); it must not stand in the command's own text.
  psql --quiet --set ON_ERROR_STOP=1 --username postgres --dbname assay \
    --set role="assay_${service}" --set password="${!variable}" <<'SQL'
ALTER ROLE :"role" PASSWORD :'password';
SQL
done
