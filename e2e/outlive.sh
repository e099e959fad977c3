# How run.sh and inside.sh, which pass signals on, see their child through.
# shellcheck shell=bash

# outlive PID: waits for a child to its end, and ends as it does; after a signal, as the wait that it cut.
outlive() {
    local status=0
    wait "$1" || status=$?
    # A trap ends the first wait before the child has stopped.
    while kill -0 "$1" 2>/dev/null; do
        wait "$1" || status=$?
    done
    return "$status"
}
