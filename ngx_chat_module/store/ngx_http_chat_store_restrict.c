/*
 * Who is muted or banned: one sorted set, by when that ends.
 */

#include "ngx_http_chat_store.h"


#define NGX_HTTP_CHAT_RESTRICTED_MAX  "10000"

#define NGX_HTTP_CHAT_RESTRICT_MEMBER (sizeof("mute:") + CHAT_USER_ID_MAX)


ngx_http_chat_op_t *
ngx_http_chat_restrict(ngx_http_chat_redis_t *redis, const char *kind,
    ngx_str_t *user_id, ngx_int_t seconds,
    ngx_http_chat_redis_handler_pt handler, void *data)
{
    u_char     member[NGX_HTTP_CHAT_RESTRICT_MEMBER];
    u_char     number[NGX_INT_T_LEN], text[sizeof("restrict ")
                                           + CHAT_USER_ID_MAX];
    ngx_str_t  argv[6];

    ngx_str_set(&argv[0], NGX_HTTP_CHAT_KEY_RESTRICTED);
    argv[1].data = member;
    argv[1].len = ngx_snprintf(member, sizeof(member), "%s:%V", kind, user_id)
                  - member;
    argv[2].data = number;
    argv[2].len = ngx_sprintf(number, "%i", seconds) - number;
    ngx_str_set(&argv[3], NGX_HTTP_CHAT_RESTRICTED_MAX);
    ngx_str_set(&argv[4], NGX_HTTP_CHAT_CHANNEL_WORKERS);
    argv[5].data = text;
    argv[5].len = ngx_snprintf(text, sizeof(text), "restrict %V", user_id)
                  - text;

    return ngx_http_chat_redis_eval(redis, &ngx_http_chat_script_restrict,
                                    handler, data, 1, 6, argv);
}


ngx_http_chat_op_t *
ngx_http_chat_restricted(ngx_http_chat_redis_t *redis, ngx_str_t *user_id,
    ngx_http_chat_redis_handler_pt handler, void *data)
{
    u_char     mute[NGX_HTTP_CHAT_RESTRICT_MEMBER];
    u_char     ban[NGX_HTTP_CHAT_RESTRICT_MEMBER];
    ngx_str_t  argv[3];

    ngx_str_set(&argv[0], NGX_HTTP_CHAT_KEY_RESTRICTED);
    argv[1].data = mute;
    argv[1].len = ngx_snprintf(mute, sizeof(mute), "mute:%V", user_id) - mute;
    argv[2].data = ban;
    argv[2].len = ngx_snprintf(ban, sizeof(ban), "ban:%V", user_id) - ban;

    return ngx_http_chat_redis_eval(redis, &ngx_http_chat_script_restricted,
                                    handler, data, 1, 3, argv);
}


ngx_int_t
ngx_http_chat_restricted_read(redisReply *reply, int64_t *mute, int64_t *ban)
{
    if (!ngx_http_chat_redis_ok(reply)
        || ngx_http_chat_redis_element(reply, 1) == NULL)
    {
        return NGX_ERROR;
    }

    *mute = ngx_http_chat_redis_int(ngx_http_chat_redis_element(reply, 0));
    *ban = ngx_http_chat_redis_int(ngx_http_chat_redis_element(reply, 1));

    return NGX_OK;
}
