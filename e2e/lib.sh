# What checks.sh and the checks themselves share: processes by name, and waiting for a condition.
# shellcheck shell=bash

: "${work:?}" "${cache:?}" "${repo:?}" # run.sh sets them

export node=node-1 node_address=10.77.0.1
export sandbox_url=http://$node_address:3370
export KUBECONFIG=$work/admin.kubeconfig
export PATH=$cache/bin:$PATH

# start NAME COMMAND…: in a session of its own, so that the terminal's Ctrl-C is not for it; `restart NAME` starts it again.
start() {
    local name=$1
    shift
    mkdir -p "$work/run"
    # shellcheck disable=SC2016 # the script's own number
    printf 'echo $$ >%q\nexec %s\n' "$work/run/$name.pid" "${*@Q}" >"$work/run/$name.sh"
    restart "$name"
}

restart() {
    setsid bash "$work/run/$1.sh" </dev/null >>"$work/logs/$1.log" 2>&1 &
    await 5 "process $1" test -s "$work/run/$1.pid"
}

pid_of() { cat "$work/run/$1.pid"; }
is_gone() { ! kill -0 "$1" 2>/dev/null; }

# stop NAME [SIGNAL]
stop() {
    local pid
    pid=$(pid_of "$1")
    kill -s "${2:-TERM}" "$pid"
    await 60 "end of $1" is_gone "$pid"
    rm "$work/run/$1.pid"
}

# await SECONDS WHAT COMMAND…: until the command succeeds; fails at the deadline, with the last attempt's words.
await() {
    local deadline=$((SECONDS + $1)) what=$2 words
    shift 2
    until words=$("$@" 2>&1); do
        if [ "$SECONDS" -ge "$deadline" ]; then
            printf 'no %s in time: %s\n' "$what" "$words" >&2
            return 1
        fi
        sleep 0.2
    done
}

milliseconds() { date +%s%3N; }
