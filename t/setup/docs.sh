#!/usr/bin/env bash
# The README's reference against the module's table of directives: the same
# names, and the same contexts.  SECURITY.md against that, against nginx, and
# against the rights in Redis that are tested.  Prints TAP.

set -euo pipefail
cd "$(dirname "$0")/../.."

code=ngx_chat_module/ngx_http_chat_module.c
security=ngx_chat_module/SECURITY.md
module=$PWD/.build/normal/objs/ngx_http_chat_module.so

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

# its configuration, with files that are there and a port of loopback

dir=$(mktemp -d /tmp/ngx_chat-docs.XXXXXX)
trap 'rm -rf "$dir"' EXIT

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -subj /CN=localhost -keyout "$dir/key" -out "$dir/pem" 2>/dev/null

temporary=$(printf "%s_temp_path $dir/%s; " client_body body proxy proxy \
    fastcgi fastcgi uwsgi uwsgi scgi scgi)

{
    printf 'pid %s;\n' "$dir/pid"
    sed -n '/^```nginx/,/^```$/p' "$security" | sed \
        -e '/^```/d' -e "s#modules/ngx_http_chat_module.so#$module#" \
        -e 's#include mime.types#include /etc/nginx/mime.types#' \
        -e "s#listen 443 #listen 127.0.0.1:${CHAT_SETUP_PORT:-22050} #" \
        -e "s#/etc/ssl/chat.pem#$dir/pem#" \
        -e "s#/etc/ssl/private/chat.key#$dir/key#" \
        -e "s#^http {#& $temporary#"
} >"$dir/nginx.conf"

if out=$(nginx -t -e stderr -c "$dir/nginx.conf" 2>&1) \
    && grep -q 'chat on;' "$dir/nginx.conf"
then
    result ok "nginx takes the configuration of $security"
else
    result "not ok" "nginx takes the configuration of $security"
    sed 's/^/# /' <<<"$out"
fi

printf '1..%d\n' "$tests"
((tests > 0))
