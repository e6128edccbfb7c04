#!/bin/bash
# What the official image documents of its entrypoint: POSTGRES_PASSWORD, _USER, _DB, _INITDB_ARGS
# (each also as …_FILE), _INITDB_WALDIR, _HOST_AUTH_METHOD, and the files of
# /docker-entrypoint-initdb.d, all of them for a PGDATA that is empty.
# https://hub.docker.com/_/postgres
set -Eeo pipefail

from_file() { # VARIABLE [DEFAULT]
  local file="${1}_FILE"
  [[ -z ${!1-} || -z ${!file-} ]] || { echo "error: both $1 and $file are set" >&2; exit 1; }
  [[ -z ${!file-} ]] || printf -v "$1" %s "$(<"${!file}")"
  [[ -n ${!1-} ]] || printf -v "$1" %s "${2-}"
  export "${1?}"
  unset "$file"
}

run_sql() {
  PGHOST='' PGHOSTADDR='' psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --no-password \
    --no-psqlrc "$@"
}

make_cluster() { # the arguments of the server
  if [[ -z $POSTGRES_PASSWORD && ${POSTGRES_HOST_AUTH_METHOD-} != trust ]]; then
    echo "error: the database is not initialized, and POSTGRES_PASSWORD is not set" >&2
    exit 1
  fi
  ls /docker-entrypoint-initdb.d/ >/dev/null
  [[ -z ${POSTGRES_INITDB_WALDIR-} ]] || set_aside=(--waldir "$POSTGRES_INITDB_WALDIR")
  eval 'initdb --username="$POSTGRES_USER" --pwfile=<(printf "%s\n" "$POSTGRES_PASSWORD")' \
    '"${set_aside[@]}"' "$POSTGRES_INITDB_ARGS"
  method=${POSTGRES_HOST_AUTH_METHOD:-$(postgres -C password_encryption "$@")}
  printf '\nhost all all all %s\n' "$method" >>"$PGDATA/pg_hba.conf"

  # on the socket only, until everything is there
  export PGPASSWORD="${PGPASSWORD:-$POSTGRES_PASSWORD}"
  PGUSER="${PGUSER:-$POSTGRES_USER}" pg_ctl -D "$PGDATA" -w start \
    -o "$(printf '%q ' "$@" -c listen_addresses= -p "${PGPORT:-5432}")"
  found=$(run_sql -d postgres --set db="$POSTGRES_DB" --tuples-only \
    <<<"SELECT 1 FROM pg_database WHERE datname = :'db'")
  [[ -n $found ]] || run_sql -d postgres --set db="$POSTGRES_DB" <<<'CREATE DATABASE :"db"'
  local file
  for file in /docker-entrypoint-initdb.d/*; do
    echo "$0: $file"
    case $file in
      *.sh) if [[ -x $file ]]; then "$file"; else . "$file"; fi ;;
      *.sql) run_sql -d "$POSTGRES_DB" -f "$file" ;;
      *.sql.gz) gunzip -c "$file" | run_sql -d "$POSTGRES_DB" ;;
      *.sql.xz) xzcat "$file" | run_sql -d "$POSTGRES_DB" ;;
      *.sql.zst) zstd -dc "$file" | run_sql -d "$POSTGRES_DB" ;;
    esac
  done
  PGUSER="${PGUSER:-postgres}" pg_ctl -D "$PGDATA" -m fast -w stop
  unset PGPASSWORD
}

[[ ${1-} != -* ]] || set -- postgres "$@"
if [[ ${1-} == postgres && " $* " != *" --version "* && " $* " != *" -V "* ]]; then
  for folder in "$PGDATA" ${POSTGRES_INITDB_WALDIR:+"$POSTGRES_INITDB_WALDIR"}; do
    mkdir -p "$folder"
    chmod 700 "$folder" || true
  done
  if [[ $(id -u) == 0 ]]; then
    find "$PGDATA" ${POSTGRES_INITDB_WALDIR:+"$POSTGRES_INITDB_WALDIR"} /var/run/postgresql \
      ! -user postgres -exec chown postgres {} +
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
  fi
  from_file POSTGRES_PASSWORD
  from_file POSTGRES_USER postgres
  from_file POSTGRES_DB "$POSTGRES_USER"
  from_file POSTGRES_INITDB_ARGS
  [[ -s $PGDATA/PG_VERSION ]] || make_cluster "${@:2}"
fi
exec "$@"
