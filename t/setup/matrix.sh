#!/usr/bin/env bash
# "./chat matrix": the suites on every version that is supported, each in a
# Debian of its own (debian.sh).  Ends with a line for each and their sum.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# inside REDIS SUITE...: in that Debian; with Valkey its programs are found by
# the names of Redis's

inside() {
    local store=$1 dir=/opt/valkey name
    shift

    if [[ $store == valkey ]]; then
        command -v valkey-server >/dev/null \
            || { apt-get -q update
                 apt-get -q -y install --no-install-recommends \
                     valkey-server valkey-tools; } >/dev/null
        mkdir -p "$dir"
        for name in server cli; do
            ln -sf "$(command -v "valkey-$name")" "$dir/redis-$name"
        done
        PATH=$dir:$PATH
    fi

    local status=0
    ./chat test "$@" || status=$?
    printf 'versions: %s, hiredis %s, %s\n' \
        "$(nginx -v 2>&1 | sed 's|.*nginx/|nginx |')" \
        "$(dpkg-query -f '${source:Upstream-Version}' -W libhiredis-dev)" \
        "$(redis-server --version \
            | sed -E 's/^(Redis|Valkey) server v=([^ ]+).*/\1 \2/')"
    return "$status"
}

if [[ ${1-} == inside ]]; then
    shift
    inside "$@"
    exit
fi

targets=('12 redis' '13 redis' '13 valkey')

if [[ ${1-} == --smoke ]]; then
    targets=('13 redis')
    set -- smoke
fi

(($#)) || set -- unit nginx e2e

mkdir -p .build
log=.build/matrix.log
lines=()
passed=0
failed=0

for target in "${targets[@]}"; do
    read -r release store <<<"$target"
    printf '\n=== Debian %s, %s: %s\n' "$release" "$store" "$*"

    status=0
    t/setup/debian.sh "$release" t/setup/matrix.sh inside "$store" "$@" 2>&1 \
        | tee "$log" || status=$?

    counts=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$log" | tail -n 1 || true)
    versions=$(sed -n 's/^versions: //p' "$log")

    if ((status == 77)); then
        lines+=("Debian $release, $store: LEFT OUT, nothing was tested")
        continue
    fi

    # one that ends without having counted has failed
    read -r good _ bad _ <<<"${counts:-0 passed, 1 failed}"
    ((status == 0 || bad > 0)) || bad=1

    lines+=("Debian $release: $versions: $good passed, $bad failed")
    passed=$((passed + good))
    failed=$((failed + bad))
done

printf '\n'
printf '%s\n' "${lines[@]}"
printf '%d passed, %d failed\n' "$passed" "$failed"
((passed > 0 && failed == 0))
