#!/usr/bin/env bash
# Make the data folder, whole or not at all: a half-made one would be taken for a database. One that
# is there already must be of this major version.
set -eu
if [[ -s $PGDATA/PG_VERSION ]]; then
  found=$(<"$PGDATA/PG_VERSION")
  [[ $found == "$SKILL_MAJOR" ]] || {
    echo "the volume holds data of PostgreSQL $found, and this is $SKILL_MAJOR:" \
      "move it with pg_dump and pg_restore"
    exit 1
  }
  exit 0
fi
half=$PGDATA.half
rm -rf "$half"
# C.UTF-8 by PostgreSQL itself: no update of the C library ever changes the order in an index.
initdb --pgdata="$half" --username=postgres --pwfile=/run/secrets/postgres/password \
  --auth-local=peer --auth-host=scram-sha-256 --data-checksums --encoding=UTF8 --locale=C.UTF-8 \
  --locale-provider=builtin --builtin-locale=C.UTF-8 --set huge_pages=off
sync
mv -T "$half" "$PGDATA"
