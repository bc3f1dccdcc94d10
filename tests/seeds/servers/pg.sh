#!/bin/sh
# PostgreSQL with its data in $PGDATA, made where it is missing. It refuses root, and others may not enter this directory.
set -eu
PATH="$PATH:$(echo /usr/lib/postgresql/*/bin | tr ' ' ':')"
as="setpriv --reuid=postgres --regid=postgres --clear-groups"
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    install -d -o postgres "$PGDATA"
    $as initdb -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
fi
exec $as postgres -c listen_addresses=localhost -c unix_socket_directories= -c fsync=off
