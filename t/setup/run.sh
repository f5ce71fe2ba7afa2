#!/usr/bin/env bash
# "./chat run" as a person uses it: it starts, refuses what it can't do, keeps
# its data, and leaves no process behind however it ends.  Prints TAP.

set -euo pipefail
set -m      # a process group for each command, as a terminal gives it
cd "$(dirname "$0")/../.."

port=${CHAT_SETUP_PORT:-22050}
state=$(mktemp -d /tmp/ngx_chat-setup.XXXXXX)
out=$state/out
chat=

tests=0

# check NAME COMMAND...

check() {
    tests=$((tests + 1))

    if "${@:2}"; then
        printf 'ok %d - %s\n' "$tests" "$1"
    else
        printf 'not ok %d - %s\n' "$tests" "$1"
        sed 's/^/# /' "$out"
    fi
}

start() {
    local i

    # what is there of the run before must not be taken for this one's
    : >"$out"

    ./chat run --port "$port" --workers 2 --state "$state" >"$out" 2>&1 &
    chat=$!

    for ((i = 0; i < 300; i++)); do
        ! grep -q 'Ctrl-C stops it' "$out" || return 0
        kill -0 "$chat" 2>/dev/null || return 1
        sleep 0.1
    done

    return 1
}

# end SIGNAL: to the script alone; true if it exits with 0

end() {
    local status=0

    kill -s "$1" "$chat"
    wait "$chat" 2>/dev/null || status=$?
    ((status == 0))
}

# Ctrl-C: to the whole process group

interrupt() {
    local status=0

    kill -s INT -- "-$chat"
    wait "$chat" 2>/dev/null || status=$?
    ((status == 0))
}

# processes of this run: redis-server names its socket, nginx its folder

ours() {
    local file

    for file in /proc/[0-9]*/cmdline; do
        { tr '\0' ' ' <"$file"; } 2>/dev/null \
            | grep -qE "^(nginx|redis).*($state|ngx_chat-$port)" || continue
        file=${file%/cmdline}
        printf '%s\n' "${file##*/}"
    done
}

nothing_left() {
    local i

    for ((i = 0; i < 50; i++)); do
        [[ $(ours) ]] || return 0
        sleep 0.1
    done

    return 1
}

get() {
    exec {http}<>"/dev/tcp/127.0.0.1/$port"
    printf 'GET %s HTTP/1.0\r\nHost: 127.0.0.1:%s\r\n\r\n' "$1" "$port" \
        >&"$http"
    timeout 5 cat <&"$http"
    exec {http}>&-
}

answers_with() { get "$1" | grep -qi -- "$2"; }

redis() {
    redis-cli -s "$socket" "$@"
}

redis_has() { [[ $(redis get "$1") == "$2" ]]; }

refused() {
    local status=0

    ./chat run "${@:2}" >"$out" 2>&1 || status=$?
    ((status == 1)) && grep -q -- "$1" "$out"
}

clean_up() {
    if [[ $chat ]]; then
        kill "$chat" 2>/dev/null || true
        wait "$chat" 2>/dev/null || true
    fi
    rm -rf "$state"
}

trap clean_up EXIT

if ((EUID == 0)); then
    socket=/run/ngx_chat-$port/redis/redis.sock
else
    socket=$state/run/redis/redis.sock
fi

check "starts" start
check "prints the URL" grep -qx "The chat is at http://127.0.0.1:$port/" "$out"
check "serves the client" answers_with / '<title>'
check "serves it with a strict policy" \
    answers_with / "^Content-Security-Policy: default-src 'self'"
check "serves index.html to be asked for every time" \
    answers_with / '^Cache-Control: no-cache'
check "serves the chat" answers_with /me '^null'
check "serves the links" answers_with /links '^{'
check "has the demo users" redis_has username:Pablo user:1

check "refuses a port that is taken" \
    refused "port $port is taken" --port "$port" --state "$state/other"
check "refuses a state folder in use" \
    refused "already runs" --port $((port + 1)) --state "$state"
check "refuses a bad port" refused "--port" --port 0
check "refuses an unknown option" refused "unknown option" --prot 1

redis set setup:kept yes >/dev/null
check "ends on Ctrl-C" interrupt
check "leaves no process behind" nothing_left

check "starts again" start
check "has built and installed nothing" \
    eval "! grep -qE 'Building|Configuring|Installing' '$out'"
check "has kept its data" redis_has setup:kept yes
check "ends on TERM" end TERM
check "leaves no process behind" nothing_left

check "starts a third time" start
check "ends when the terminal hangs up" end HUP
check "leaves no process behind" nothing_left

check "starts a fourth time" start
kill -s KILL "$chat"
wait "$chat" 2>/dev/null || true
check "leaves no process behind when killed" nothing_left

check "starts after that" start
redis shutdown nosave >/dev/null 2>&1 || true
check "says when Redis has ended, and ends" \
    eval "! wait $chat && grep -q 'has ended' '$out'"
check "leaves no process behind" nothing_left

printf '1..%d\n' "$tests"
