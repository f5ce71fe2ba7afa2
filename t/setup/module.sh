#!/usr/bin/env bash
# What "config" asks of compiler and linker is in the module.  Prints TAP.

set -euo pipefail
cd "$(dirname "$0")/../.."

module=.build/normal/objs/ngx_http_chat_module.so
tests=0

# check NAME WORDS PATTERN: that readelf shows

check() {
    local shown

    tests=$((tests + 1))
    # shellcheck disable=SC2086
    shown=$(readelf -W $2 "$module")

    if grep -qE "$3" <<<"$shown"; then
        printf 'ok %d - %s\n' "$tests" "$1"
    else
        printf 'not ok %d - %s\n' "$tests" "$1"
        sed 's/^/# /' <<<"$shown"
    fi
}

# the symbols that others may look up, in a line

exported() {
    readelf -W --dyn-syms "$module" \
        | awk '$5 ~ /GLOBAL|WEAK/ && $7 != "UND" { print $8 }' | sort | xargs
}

check "stack protector" --dyn-syms 'UND __stack_chk_fail'
check "FORTIFY_SOURCE" --dyn-syms 'UND __[a-z]+_chk@'
check "relocations are read-only" --program-headers 'GNU_RELRO'
check "and bound at once" --dynamic 'BIND_NOW'
check "no stack to execute" --program-headers 'GNU_STACK.* RW '

tests=$((tests + 1))

if [[ $(exported) == "ngx_module_names ngx_module_order ngx_modules" ]]; then
    echo "ok $tests - what nginx looks up is visible, and nothing else"
else
    echo "not ok $tests - what nginx looks up is visible, and nothing else"
    exported | fold -s -w 76 | sed 's/^/# /'
fi

echo "1..$tests"
