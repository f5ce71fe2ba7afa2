/*
 * Names in Redis: who has which, and what they look like.
 */

#include "ngx_http_chat_store.h"


#define NGX_HTTP_CHAT_NAME_KEYS  (1 + CHAT_NAME_LOOKS + CHAT_NAME_SPELLINGS)


static u_char *ngx_http_chat_name_key(u_char *p, ngx_str_t *key,
    const char *prefix, chat_str_t text);


ngx_http_chat_op_t *
ngx_http_chat_name_claim(ngx_http_chat_redis_t *redis, ngx_str_t *name,
    ngx_str_t *user_id, ngx_http_chat_redis_handler_pt handler, void *data)
{
    u_char                  user[64], count[NGX_INT_T_LEN], *p;
    u_char                  keys[(NGX_HTTP_CHAT_NAME_KEYS) * 16
                                 + sizeof(chat_name_looks_t)
                                 + sizeof(chat_name_spellings_t)
                                 + 4 * CHAT_NAME_MAX];
    size_t                  i;
    ngx_str_t               argv[NGX_HTTP_CHAT_NAME_KEYS + 2];
    ngx_uint_t              n;
    chat_str_t              text;
    chat_name_looks_t       looks;
    chat_name_spellings_t   spellings;

    text.len = name->len;
    text.data = name->data;

    if (chat_name_looks(text, &looks) != CHAT_OK) {
        return NULL;
    }

    chat_name_spell(text, &spellings);

    p = ngx_http_chat_name_key(keys, &argv[0], NGX_HTTP_CHAT_KEY_USERNAME,
                               text);
    n = 1;

    for (i = 0; i < looks.n; i++) {
        p = ngx_http_chat_name_key(p, &argv[n++], NGX_HTTP_CHAT_KEY_NAME,
                                   looks.look[i]);
    }

    for (i = 0; i < spellings.n; i++) {
        p = ngx_http_chat_name_key(p, &argv[n++], NGX_HTTP_CHAT_KEY_USERNAME,
                                   spellings.spelling[i]);
    }

    argv[n].data = user;
    argv[n].len = ngx_sprintf(user, NGX_HTTP_CHAT_KEY_USER "%V", user_id)
                  - user;
    argv[n + 1].data = count;
    argv[n + 1].len = ngx_sprintf(count, "%uz", looks.n) - count;

    return ngx_http_chat_redis_eval(redis, &ngx_http_chat_script_name, handler,
                                    data, n, n + 2, argv);
}


static u_char *
ngx_http_chat_name_key(u_char *p, ngx_str_t *key, const char *prefix,
    chat_str_t text)
{
    key->data = p;
    p = ngx_cpymem(p, prefix, ngx_strlen(prefix));
    p = ngx_cpymem(p, text.data, text.len);
    key->len = p - key->data;

    return p;
}


void
ngx_http_chat_name_mark(ngx_http_chat_redis_t *redis, ngx_str_t *name,
    ngx_str_t *user_id)
{
    size_t             i;
    ngx_str_t          look;
    chat_name_looks_t  looks;

    if (chat_name_looks((chat_str_t) { name->len, name->data }, &looks)
        != CHAT_OK)
    {
        return;
    }

    for (i = 0; i < looks.n; i++) {
        look.len = looks.look[i].len;
        look.data = looks.data[i];

        (void) ngx_http_chat_store_command(redis, NULL, NULL,
                                      "SET " NGX_HTTP_CHAT_KEY_NAME "%V "
                                      NGX_HTTP_CHAT_KEY_USER "%V NX",
                                      &look, user_id);
    }
}
