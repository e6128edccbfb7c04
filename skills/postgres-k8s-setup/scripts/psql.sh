# SCRIPT is run in one psql as the application. Where CA is given, it must have signed the server's
# certificate: the images carry no certificates of authorities.
if [ -n "${CA+given}" ]; then
  printf %s "$CA" >/tmp/ca.crt
  unset CA
  export PGSSLMODE=verify-full PGSSLROOTCERT=/tmp/ca.crt
fi
export PGCONNECT_TIMEOUT=30
psql -XAtq -v ON_ERROR_STOP=1 -v schema="$SCHEMA" -f - <<<"$SCRIPT" 2>&1 | tee /tmp/said
code=${PIPESTATUS[0]}
# psql has no command that fails: read.sql says it in words
if grep -q ' lost or changed' /tmp/said; then exit 1; fi
exit "$code"
