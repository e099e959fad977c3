# Starts and stops linflow for the other scripts. Everything lives under $work; `cleanup` takes all of it away, by id.
# shellcheck shell=bash

linflow=$PWD/target/release/linflow
work=$(mktemp -d "${TMPDIR:-/tmp}/linflow-ci.XXXXXX")
pids=()
failed=0

fail() {
    echo "FAILED: $*" >&2
    failed=$((failed + 1))
}

# await SECONDS WHAT COMMAND…: until the command succeeds; fails at the deadline.
await() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@"; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            echo "no $what in time; the logs:" >&2
            tail -n 20 "$work"/*.log >&2
            return 1
        fi
        sleep 0.1
    done
}

# start_sandbox FLAG…: of $sandbox_nodes; sets $url to the address that the sandbox prints in its last banner line.
start_sandbox() {
    rm -rf "$work/state" "$work/sandbox.out"
    "$linflow" sandbox --listen 127.0.0.1:0 --nodes "${sandbox_nodes:-node-1,node-2,node-3}" --state "$work/state" "$@" \
        >"$work/sandbox.out" 2>"$work/sandbox.log" &
    pids+=($!)
    await 20 "sandbox" grep -qs '^listening on http' "$work/sandbox.out"
    url=$(sed -n 's/^listening on //p' "$work/sandbox.out")
}

# start_driver URL NODE FLAG…: in $role, which is `all` where nothing is said; sets $driver_pid and $socket.
start_driver() {
    socket=$work/${role:-all}.sock
    rm -f "$socket"
    "$linflow" "${role:-all}" --csi-endpoint "unix://$socket" --linstor-url "$1" --node-name "$2" "${@:3}" \
        >"$work/${role:-driver}.log" 2>&1 &
    driver_pid=$!
    pids+=("$driver_pid")
    await 20 "CSI socket" test -S "$socket"
}

is_gone() { ! kill -0 "$1" 2>/dev/null; }

# The newest first: the driver goes before the LINSTOR that it talks to.
stop_all() {
    local i pid
    for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
        pid=${pids[i]}
        if ! kill -TERM "$pid" 2>/dev/null; then
            fail "process $pid had ended by itself"
            continue
        fi
        await 30 "end of process $pid" is_gone "$pid" || kill -KILL "$pid"
        wait "$pid" 2>/dev/null || fail "process $pid ended with status $?"
    done
    pids=()
}

our_mounts() { awk -v under="$work/" 'index($5, under) == 1 { print $5 }' /proc/self/mountinfo | tac; }
our_loops() { losetup --list --noheadings --output NAME,BACK-FILE | awk -v under="$work/" 'index($2, under) == 1 { print $1 }'; }

# What is still there after everything has stopped is a leak: it is taken away, and counted as a failure.
remove_leftovers() {
    local left
    for left in $(our_mounts); do
        fail "left mounted: ${left#"$work"/}"
        umount "$left"
    done
    for left in $(our_loops); do
        fail "left attached: $left"
        losetup --detach "$left"
    done
}

cleanup() {
    stop_all
    remove_leftovers
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
