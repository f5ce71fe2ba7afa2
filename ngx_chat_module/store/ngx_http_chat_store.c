/*
 * What the parts of the store share: the table of scripts, commands written as
 * text, and JSON strings out of bytes that anybody may have written.
 */

#include "ngx_http_chat_store.h"
#include "../proto/chat_json.h"
#include "../proto/chat_utf8.h"

#include <ngx_sha1.h>

/* made from scripts/ by config, one array for each script */
#include "ngx_http_chat_scripts.h"


#define NGX_HTTP_CHAT_STORE_WORDS  16


static size_t ngx_http_chat_store_words(u_char *buf, ngx_str_t *argv,
    ngx_uint_t *argc, const char *words, va_list args);


ngx_http_chat_redis_script_t  ngx_http_chat_script_append = {
    ngx_string(ngx_http_chat_lua_append), { 0 }
};

ngx_http_chat_redis_script_t  ngx_http_chat_script_page = {
    ngx_string(ngx_http_chat_lua_page), { 0 }
};

ngx_http_chat_redis_script_t  ngx_http_chat_script_online = {
    ngx_string(ngx_http_chat_lua_online), { 0 }
};

ngx_http_chat_redis_script_t  ngx_http_chat_script_offline = {
    ngx_string(ngx_http_chat_lua_offline), { 0 }
};

ngx_http_chat_redis_script_t  ngx_http_chat_script_cut = {
    ngx_string(ngx_http_chat_lua_cut), { 0 }
};

ngx_http_chat_redis_script_t  ngx_http_chat_script_list = {
    ngx_string(ngx_http_chat_lua_list), { 0 }
};

ngx_http_chat_redis_script_t  ngx_http_chat_script_surplus = {
    ngx_string(ngx_http_chat_lua_surplus), { 0 }
};

ngx_http_chat_redis_script_t  ngx_http_chat_script_lease = {
    ngx_string(ngx_http_chat_lua_lease), { 0 }
};

ngx_http_chat_redis_script_t  ngx_http_chat_script_demo = {
    ngx_string(ngx_http_chat_lua_demo), { 0 }
};

ngx_http_chat_redis_script_t  ngx_http_chat_script_name = {
    ngx_string(ngx_http_chat_lua_name), { 0 }
};

ngx_http_chat_redis_script_t  ngx_http_chat_script_restrict = {
    ngx_string(ngx_http_chat_lua_restrict), { 0 }
};

ngx_http_chat_redis_script_t  ngx_http_chat_script_restricted = {
    ngx_string(ngx_http_chat_lua_restricted), { 0 }
};

ngx_http_chat_redis_script_t  ngx_http_chat_script_delete = {
    ngx_string(ngx_http_chat_lua_delete), { 0 }
};


ngx_http_chat_redis_script_t  *ngx_http_chat_scripts[] = {
    &ngx_http_chat_script_append,
    &ngx_http_chat_script_page,
    &ngx_http_chat_script_online,
    &ngx_http_chat_script_offline,
    &ngx_http_chat_script_cut,
    &ngx_http_chat_script_list,
    &ngx_http_chat_script_surplus,
    &ngx_http_chat_script_lease,
    &ngx_http_chat_script_demo,
    &ngx_http_chat_script_name,
    &ngx_http_chat_script_restrict,
    &ngx_http_chat_script_restricted,
    &ngx_http_chat_script_delete,
    NULL
};


void
ngx_http_chat_store_init(void)
{
    u_char                          sha1[20];
    ngx_sha1_t                      ctx;
    ngx_http_chat_redis_script_t  **script;

    for (script = ngx_http_chat_scripts; *script; script++) {
        ngx_sha1_init(&ctx);
        ngx_sha1_update(&ctx, (*script)->text.data, (*script)->text.len);
        ngx_sha1_final(sha1, &ctx);

        ngx_hex_dump((*script)->sha1, sha1, sizeof(sha1));
    }
}


ngx_http_chat_op_t *
ngx_http_chat_store_command(ngx_http_chat_redis_t *redis,
    ngx_http_chat_redis_handler_pt handler, void *data, const char *words, ...)
{
    va_list              args;
    ngx_http_chat_op_t  *op;

    va_start(args, words);
    op = ngx_http_chat_store_vcommand(redis, handler, data, words, args);
    va_end(args);

    return op;
}


ngx_http_chat_op_t *
ngx_http_chat_store_vcommand(ngx_http_chat_redis_t *redis,
    ngx_http_chat_redis_handler_pt handler, void *data, const char *words,
    va_list args)
{
    size_t               size;
    u_char              *buf, stack[512];
    va_list              again;
    ngx_str_t            argv[NGX_HTTP_CHAT_STORE_WORDS];
    ngx_uint_t           argc;
    ngx_http_chat_op_t  *op;

    va_copy(again, args);
    size = ngx_http_chat_store_words(NULL, argv, &argc, words, again);
    va_end(again);

    buf = stack;

    if (size > sizeof(stack)) {
        buf = ngx_alloc(size, ngx_cycle->log);
        if (buf == NULL) {
            return NULL;
        }
    }

    (void) ngx_http_chat_store_words(buf, argv, &argc, words, args);

    op = ngx_http_chat_redis_command(redis, handler, data, argc, argv);

    if (buf != stack) {
        ngx_free(buf);
    }

    return op;
}


/*
 * Without buf it only counts the bytes; with it, it writes them and points argv
 * to the words.
 */

static size_t
ngx_http_chat_store_words(u_char *buf, ngx_str_t *argv, ngx_uint_t *argc,
    const char *words, va_list args)
{
    size_t       size, start;
    u_char      *p, number[NGX_INT64_LEN + 1];
    ngx_str_t   *str, decimal;
    ngx_uint_t   n;

    size = 0;
    start = 0;
    n = 0;

    for (p = (u_char *) words; /* void */ ; p++) {

        if (*p == ' ' || *p == '\0') {
            if (buf) {
                argv[n].data = buf + start;
                argv[n].len = size - start;
            }

            n++;
            start = size;

            if (*p == '\0' || n == NGX_HTTP_CHAT_STORE_WORDS) {
                break;
            }

            continue;
        }

        if (*p != '%') {
            if (buf) {
                buf[size] = *p;
            }

            size++;
            continue;
        }

        if (*++p == 'V') {
            str = va_arg(args, ngx_str_t *);

        } else {
            decimal.data = number;
            decimal.len = ngx_sprintf(number, "%L", va_arg(args, int64_t))
                          - number;
            str = &decimal;
        }

        if (buf && str->len) {
            ngx_memcpy(buf + size, str->data, str->len);
        }

        size += str->len;
    }

    *argc = n;

    return size;
}


u_char *
ngx_http_chat_store_escape(u_char *out, ngx_str_t *text)
{
    u_char      *p, *last, *end;
    chat_str_t   str;

    str.len = text->len;
    str.data = text->data;

    if (chat_utf8_check(str) == CHAT_OK) {
        return chat_json_escape(out, str);
    }

    /*
     * The rare case, character by character: each is escaped by itself and its
     * quotes taken off, and a byte that begins none is replaced.
     */

    *out++ = '"';

    p = text->data;
    end = p + text->len;

    while (p < end) {
        str.data = p;

        for (str.len = 1; str.len <= (size_t) (end - p); str.len++) {
            if (str.len > 4 || chat_utf8_check(str) == CHAT_OK) {
                break;
            }
        }

        if (str.len > 4 || str.len > (size_t) (end - p)) {
            out = ngx_cpymem(out, "\xef\xbf\xbd", 3);
            p++;
            continue;
        }

        last = chat_json_escape(out, str);
        ngx_memmove(out, out + 1, last - out - 2);

        out = last - 2;
        p += str.len;
    }

    *out++ = '"';

    return out;
}
