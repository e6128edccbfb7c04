#!/bin/bash
# As in the official image: options or a configuration file mean the server; root steps down.
set -e
[[ ${1#-} == "$1" && $1 != *.conf ]] || set -- valkey-server "$@"
if [[ $1 == valkey-server && $(id -u) == 0 ]]; then
  find . ! -user valkey -exec chown valkey {} +
  exec setpriv --reuid=valkey --regid=valkey --clear-groups -- "$0" "$@"
fi
[[ $(umask) != 0022 ]] || umask 0077
# shellcheck disable=SC2086
exec "$@" $VALKEY_EXTRA_FLAGS
