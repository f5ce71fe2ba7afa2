#!/usr/bin/env bash
# The README's reference against the module's table of directives: the same
# names, and the same contexts.  SECURITY.md against that, and against the
# rights in Redis that are tested.  Prints TAP.  The rest is in t/docs/.

set -euo pipefail
cd "$(dirname "$0")/../.."

code=ngx_chat_module/ngx_http_chat_module.c
security=ngx_chat_module/SECURITY.md

# "name context, context" of each directive, as the code has it

in_code() {
    awk '
        /^#define NGX_HTTP_CHAT_ANY_CONF/ { getline any }
        /^static ngx_command_t/ { table = 1 }
        table && /ngx_null_command/ { exit }

        table && /\{ *ngx_string\("/ {
            split($0, part, "\"")
            name = part[2]
            flags = ""
        }

        table && name { flags = flags $0 }

        table && name && /,$/ && flags ~ /NGX_CONF_/ {
            list = ""
            gsub(/NGX_HTTP_CHAT_ANY_CONF/, any, flags)
            if (flags ~ /NGX_HTTP_MAIN_CONF/) list = list ", http"
            if (flags ~ /NGX_HTTP_SRV_CONF/) list = list ", server"
            if (flags ~ /NGX_HTTP_LOC_CONF/) list = list ", location"
            print name, substr(list, 3)
            name = ""
        }' "$code" | sort
}

# the same from the reference: a heading, and a table row below it

in_readme() {
    awk '
        /^### chat/ { name = $2 }
        /^\*\*Context:\*\*/ && name {
            sub(/^\*\*Context:\*\* */, "")
            gsub(/`|<br>| *$/, "")
            print name, $0
            name = ""
        }' README.md | sort
}

tests=0

result() {
    tests=$((tests + 1))
    printf '%s %d - %s\n' "$1" "$tests" "$2"
}

while read -r name context; do
    if grep -qxF "$name $context" <(in_readme); then
        result ok "$name is in the reference, with its contexts"
    else
        result "not ok" "$name is in the reference, with its contexts"
        printf '# code:   %s\n# README: %s\n' "$context" \
            "$(in_readme | sed -n "s/^$name //p")"
    fi
done < <(in_code)

while read -r name _; do
    if grep -q "^$name " <(in_code); then
        result ok "$name of the reference exists"
    else
        result "not ok" "$name of the reference exists"
    fi
done < <(in_readme)

while read -r name; do
    if grep -q "^$name " <(in_code); then
        result ok "$name of $security exists"
    else
        result "not ok" "$name of $security exists"
    fi
done < <(grep -oE '`chat_[a-z_]+`' "$security" | tr -d '`' | sort -u)

if grep -qxF -- "$(cat ngx_chat_module/redis.acl)" "$security"; then
    result ok "$security has the rights in redis.acl"
else
    result "not ok" "$security has the rights in redis.acl"
fi

printf '1..%d\n' "$tests"
((tests > 0))
