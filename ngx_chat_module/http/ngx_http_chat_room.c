/*
 * POST /room {"user1","user2"}: the private room of two users.  It becomes one
 * of both users' rooms; doing it again changes nothing.
 */

#include "ngx_http_chat_http.h"


typedef struct {
    chat_room_t    room;
    ngx_str_t      users[2];       /* low, high */
    ngx_str_t      names[2];
} ngx_http_chat_pair_t;


static ngx_int_t ngx_http_chat_room_user(ngx_http_chat_ctx_t *ctx,
    const char *key, chat_str_t *id);
static void ngx_http_chat_room_name(ngx_http_chat_ctx_t *ctx,
    redisReply *reply, ngx_uint_t n);
static void ngx_http_chat_room_added(ngx_http_chat_ctx_t *ctx,
    redisReply *reply, ngx_uint_t n);


void
ngx_http_chat_room_handler(ngx_http_chat_ctx_t *ctx)
{
    u_char                *p;
    ngx_uint_t             i;
    chat_str_t             a, b, id, user;
    ngx_http_request_t    *r;
    ngx_http_chat_pair_t  *pair;

    r = ctx->request;

    pair = ngx_pcalloc(r->pool, sizeof(ngx_http_chat_pair_t));
    p = ngx_pnalloc(r->pool, CHAT_ROOM_ID_MAX);

    if (pair == NULL || p == NULL) {
        ngx_http_chat_send_unavailable(r);
        return;
    }

    ctx->data = pair;

    if (ngx_http_chat_room_user(ctx, "user1", &a) != NGX_OK
        || ngx_http_chat_room_user(ctx, "user2", &b) != NGX_OK)
    {
        ngx_http_chat_send_error(r, NGX_HTTP_BAD_REQUEST,
                          "\"user1\" and \"user2\" must be the ids of users");
        return;
    }

    id.data = p;
    id.len = chat_room_private(a, b, p);

    if (id.len == 0 || chat_room_parse(id, &pair->room) != CHAT_OK) {
        ngx_http_chat_send_error(r, NGX_HTTP_BAD_REQUEST,
                                 "A private room has two different users");
        return;
    }

    user.len = ctx->user.id.len;
    user.data = ctx->user.id.data;

    if (!chat_room_is_of(&pair->room, user)) {
        ngx_http_chat_send_error(r, NGX_HTTP_FORBIDDEN,
                                 "You must be one of the two users");
        return;
    }

    pair->users[0].len = pair->room.low.len;
    pair->users[0].data = (u_char *) pair->room.low.data;
    pair->users[1].len = pair->room.high.len;
    pair->users[1].data = (u_char *) pair->room.high.data;

    for (i = 0; i < 2; i++) {
        if (ngx_http_chat_command(ctx, ngx_http_chat_room_name, i,
                                  "HGET " NGX_HTTP_CHAT_KEY_USER "%V username",
                                  &pair->users[i])
            != NGX_OK)
        {
            return;
        }
    }
}


/* an id, as a string or as a number */

static ngx_int_t
ngx_http_chat_room_user(ngx_http_chat_ctx_t *ctx, const char *key,
    chat_str_t *id)
{
    u_char     *p;
    json_t     *value;
    ngx_str_t   str;

    if (ngx_http_chat_body_string(ctx, key, &str) == NGX_OK) {
        id->data = str.data;
        id->len = str.len;

    } else {
        value = json_object_get(ctx->body, key);
        p = ngx_pnalloc(ctx->request->pool, NGX_INT64_LEN);

        if (!json_is_integer(value) || p == NULL) {
            return NGX_ERROR;
        }

        id->data = p;
        id->len = ngx_sprintf(p, "%L", (int64_t) json_integer_value(value)) - p;
    }

    return chat_user_id_check(*id) == CHAT_OK ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_chat_room_name(ngx_http_chat_ctx_t *ctx, redisReply *reply,
    ngx_uint_t n)
{
    ngx_str_t              name, id;
    ngx_uint_t             i;
    ngx_http_chat_pair_t  *pair;

    if (ngx_http_chat_failed(ctx, reply)) {
        return;
    }

    if (reply->type != REDIS_REPLY_STRING) {
        ngx_http_chat_send_error(ctx->request, NGX_HTTP_NOT_FOUND,
                                 "There is no such user");
        return;
    }

    pair = ctx->data;
    name = ngx_http_chat_redis_str(reply);

    pair->names[n].len = name.len;
    pair->names[n].data = ngx_pstrdup(ctx->request->pool, &name);

    if (pair->names[n].data == NULL) {
        ngx_http_chat_send_unavailable(ctx->request);
        return;
    }

    if (!ngx_http_chat_all_answered(ctx)) {
        return;
    }

    id.len = pair->room.id.len;
    id.data = (u_char *) pair->room.id.data;

    for (i = 0; i < 2; i++) {
        if (ngx_http_chat_command(ctx, ngx_http_chat_room_added, i,
                                  "SADD " NGX_HTTP_CHAT_KEY_USER "%V"
                                  NGX_HTTP_CHAT_KEY_USER_ROOMS " %V",
                                  &pair->users[i], &id)
            != NGX_OK)
        {
            return;
        }
    }
}


static void
ngx_http_chat_room_added(ngx_http_chat_ctx_t *ctx, redisReply *reply,
    ngx_uint_t n)
{
    ngx_str_t              json;
    ngx_http_chat_pair_t  *pair;

    if (ngx_http_chat_failed(ctx, reply)
        || !ngx_http_chat_all_answered(ctx))
    {
        return;
    }

    pair = ctx->data;

    if (ngx_http_chat_room_json(ctx->request->pool, &pair->room,
                                &pair->names[0], &pair->names[1], &json)
        != NGX_OK)
    {
        ngx_http_chat_send_unavailable(ctx->request);
        return;
    }

    ngx_http_chat_send_json(ctx->request, NGX_HTTP_CREATED, &json);
}
