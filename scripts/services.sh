#!/usr/bin/env bash
# Starts a private MariaDB and Redis for the tests, on free ports of 127.0.0.1 with
# everything they write under one folder, and stops exactly those again. Both verbs
# may be repeated. Linux only (it reads /proc to know its own processes).
#
#   scripts/services.sh start DIR    then: . DIR/env
#   scripts/services.sh stop DIR
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin # mariadbd lives there, and a plain user's PATH lacks it
umask 077                  # passwords and data are nobody else's business

die() { echo "services: $*" >&2; exit 1; }

[ $# = 2 ] || die "usage: $0 start|stop DIR"
verb=$1
[ "$verb" != stop ] || [ -d "$2" ] || exit 0
mkdir -p "$2"
dir=$(cd "$2" && pwd -P)
mysql=$dir/mysql redis=$dir/redis

# A pid file can outlive its process and the number can be given to another, so a
# process counts as ours only while its command line names our configuration file.
pid_of() { # SERVICE-DIR: prints the pid, or fails
    local pid
    pid=$(cat "$1/pid" 2>/dev/null) && [ -n "$pid" ] || return 1
    tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF "$1/conf" || return 1
    echo "$pid"
}

# launch SERVICE-DIR COMMAND...: in a session of its own, so that Ctrl-C in the
# terminal of a test run reaches the tests first and the servers only when stopped.
launch() {
    local home=$1; shift
    # Higher descriptors may be a caller's lock or pipe, which it waits on to be closed.
    setsid "$@" </dev/null >>"$home/log" 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &
    echo $! >"$home/pid"
}

# Below the range from which the kernel picks ports for outgoing connections.
free_port() {
    local port
    for _ in {1..200}; do
        port=$((20000 + RANDOM % 12000))
        if ! (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then echo "$port"; return; fi
    done
    die "no free port"
}

# wait_for SERVICE-DIR CHECK: until it answers (0), or has died or been too slow (1).
wait_for() {
    local end=$((SECONDS + 60))
    while [ $SECONDS -lt $end ]; do
        if "$2"; then return 0; fi
        pid_of "$1" >/dev/null || { sleep 0.2; pid_of "$1" >/dev/null || return 1; }
        sleep 0.1
    done
    return 1
}

stop_one() { # SERVICE-DIR
    local pid end=$((SECONDS + 30))
    if pid=$(pid_of "$1"); then
        kill "$pid" 2>/dev/null || true
        while pid_of "$1" >/dev/null; do
            # Test data: a clean shutdown is only a courtesy.
            if [ $SECONDS -ge $end ]; then kill -9 "$pid" 2>/dev/null || true; fi
            sleep 0.05
        done
    fi
    rm -f "$1/pid"
}

# --- MariaDB ---------------------------------------------------------------------

mysql_answers() {
    MYSQL_PWD=$(cat "$mysql/password") mariadb --no-defaults --protocol=tcp --connect-timeout=2 \
        -h 127.0.0.1 -P "$(cat "$mysql/port")" -u root -e 'SELECT 1' >/dev/null 2>&1
}

mysql_prepare() {
    mkdir -p "$mysql/tmp"
    [ -s "$mysql/password" ] || openssl rand -hex 16 >"$mysql/password"
    free_port >"$mysql/port"

    # Commits are flushed as in production; everything else is as small as it goes,
    # but where the caller has given SWITCHBOARD_MYSQL_POOL and SWITCHBOARD_MYSQL_LOG.
    # The socket is relative to the data folder: its whole path may be at most 107 bytes.
    cat >"$mysql/conf" <<CONF
[mysqld]
datadir=$mysql/data
tmpdir=$mysql/tmp
init_file=$mysql/init.sql
socket=socket
pid_file=$mysql/mariadbd.pid
bind_address=127.0.0.1
port=$(cat "$mysql/port")
skip_name_resolve
skip_log_bin
max_connections=1500
character_set_server=utf8mb4
collation_server=utf8mb4_general_ci
innodb_flush_log_at_trx_commit=1
innodb_buffer_pool_size=${SWITCHBOARD_MYSQL_POOL:-64M}
innodb_log_file_size=${SWITCHBOARD_MYSQL_LOG:-32M}
innodb_data_file_path=ibdata1:4M:autoextend
aria_pagecache_buffer_size=2M
key_buffer_size=1M
performance_schema=OFF
$([ "$(id -u)" != 0 ] || echo user=root)
CONF

    # Run at every start, before the first connection is taken.
    cat >"$mysql/init.sql" <<SQL
CREATE OR REPLACE USER 'root'@'127.0.0.1' IDENTIFIED BY '$(cat "$mysql/password")';
GRANT ALL PRIVILEGES ON *.* TO 'root'@'127.0.0.1' WITH GRANT OPTION;
SQL

    # Made aside and renamed, so that a killed run leaves no half data folder.
    if [ ! -d "$mysql/data" ]; then
        rm -rf "$mysql/data.new"
        sed -e "s|^datadir=.*|datadir=$mysql/data.new|" -e '/^init_file=/d' "$mysql/conf" >"$mysql/conf.new"
        mariadb-install-db --defaults-file="$mysql/conf.new" --skip-test-db \
            --auth-root-authentication-method=normal >>"$mysql/log" 2>&1 </dev/null ||
            { tail -n 30 "$mysql/log" >&2; die "mariadb-install-db failed, see above"; }
        mv "$mysql/data.new" "$mysql/data"
    fi
}

start_mysql() {
    if pid_of "$mysql" >/dev/null && mysql_answers; then return; fi
    stop_one "$mysql"
    # Another program may take the port between our look and the server's bind.
    for _ in 1 2 3; do
        mysql_prepare
        launch "$mysql" mariadbd --defaults-file="$mysql/conf"
        if wait_for "$mysql" mysql_answers; then return; fi
        stop_one "$mysql"
    done
    tail -n 30 "$mysql/log" >&2
    die "MariaDB did not start, see above"
}

# --- Redis -----------------------------------------------------------------------

# Redis has no password here, so ask the one that answers whether it is ours.
redis_answers() {
    local pid
    pid=$(pid_of "$redis") &&
        redis-cli -h 127.0.0.1 -p "$(cat "$redis/port")" INFO server 2>/dev/null | grep -q "^process_id:$pid"$'\r'
}

redis_prepare() {
    mkdir -p "$redis"
    free_port >"$redis/port"
    # Its process title would hide the command line by which we know it.
    cat >"$redis/conf" <<CONF
bind 127.0.0.1
port $(cat "$redis/port")
dir "$redis"
save ""
appendonly no
set-proc-title no
CONF
}

start_redis() {
    if redis_answers; then return; fi
    stop_one "$redis"
    for _ in 1 2 3; do
        redis_prepare
        launch "$redis" redis-server "$redis/conf"
        if wait_for "$redis" redis_answers; then return; fi
        stop_one "$redis"
    done
    tail -n 30 "$redis/log" >&2
    die "Redis did not start, see above"
}

# ---------------------------------------------------------------------------------

case $verb in
    start)
        start_redis
        start_mysql
        cat >"$dir/env" <<ENV
export SWITCHBOARD_TEST_MYSQL=mysql://root:$(cat "$mysql/password")@127.0.0.1:$(cat "$mysql/port")
export SWITCHBOARD_TEST_REDIS=redis://127.0.0.1:$(cat "$redis/port")
ENV
        ;;
    stop)
        rm -f "$dir/env"
        stop_one "$redis"
        stop_one "$mysql"
        ;;
    *) die "usage: $0 start|stop DIR" ;;
esac
