# Set-up steps for tests with PostgreSQL, and with several servers behind a balancer: PostgreSQL, PgBouncer and HAProxy. The
# tests start them themselves, so no service is left running.
# shellcheck shell=bash

# Prints the folder of PostgreSQL's programs: that of the `initdb` on PATH, or else that of the latest version of Debian's
# packages, which is not on PATH. tests/support/postgres/system.rs looks for it in the same way.
postgres_programs() {
  local initdb
  initdb=$(command -v initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' | sort -V | tail -n 1)
  if [ -z "$initdb" ]; then return 1; fi
  dirname "$(readlink -f "$initdb")"
}

postgres_version() {
  local programs
  programs=$(postgres_programs) && "$programs/pg_basebackup" --version >/dev/null && "$programs/postgres" --version | cut -d' ' -f3
}

have_postgres() {
  at_least "$(postgres_version)" 15
}

say_postgres() {
  echo "PostgreSQL, from Debian's packages"
}

# Debian's package would create a cluster, start it, and start it again at each boot.
do_postgres() {
  as_root mkdir -p /etc/postgresql-common/createcluster.d
  trap 'as_root rm -f /etc/postgresql-common/createcluster.d/callgate.conf' EXIT
  echo 'create_main_cluster = false' | as_root tee /etc/postgresql-common/createcluster.d/callgate.conf
  apt_install "PostgreSQL 15 or later" postgresql
  # Debian 11 and Ubuntu 22.04 have an older version.
  if ! have_postgres; then
    echo "PostgreSQL 15 or later is needed, and $(postgres_programs) has $(postgres_version). Install a newer one, then run this again." >&2
    return 1
  fi
}

have_haproxy() {
  # Users other than root may not have this folder on PATH.
  PATH=$PATH:/usr/sbin command -v haproxy
}

say_haproxy() {
  echo "HAProxy, from Debian's packages"
}

do_haproxy() {
  install_without_service "HAProxy" haproxy
}

have_pgbouncer() {
  PATH=$PATH:/usr/sbin command -v pgbouncer
}

say_pgbouncer() {
  echo "PgBouncer, from Debian's packages"
}

do_pgbouncer() {
  install_without_service "PgBouncer" pgbouncer
}

# install_without_service <description> <package>: Debian's package would start a service of the same name, unless this file
# forbids it (invoke-rc.d(8)), and start it again at each boot.
install_without_service() {
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    trap 'as_root rm -f /usr/sbin/policy-rc.d' EXIT
    printf '%s\n' '#!/bin/sh' "case \$1 in $2*) exit 101 ;; esac" | as_root tee /usr/sbin/policy-rc.d
    as_root chmod +x /usr/sbin/policy-rc.d
  fi
  apt_install "$1" "$2"
  as_root update-rc.d "$2" disable
}
