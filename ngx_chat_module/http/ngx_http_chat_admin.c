/*
 * What admins do: POST /admin/kick and the others.  Each is in nginx's log, at
 * level notice, once Redis has it.
 *
 *     user -> (other admins: 409) -> Redis, the bus -> log -> 200
 *
 * Nothing is done to admins, who are what the configuration says: so nobody
 * shuts out the others, or, by a slip, themselves.
 */

#include "ngx_http_chat_admin.h"
#include "../live/ngx_http_chat_life.h"


#define NGX_HTTP_CHAT_ADMIN_NAME   256            /* bytes of it, in the log */
#define NGX_HTTP_CHAT_ADMIN_LINE   (8 * NGX_HTTP_CHAT_ADMIN_NAME + 256)
#define NGX_HTTP_CHAT_ADMIN_TIME   (10 * 365 * 24 * 3600)

#define NGX_HTTP_CHAT_FOR_EVER     (-1)


typedef enum {
    NGX_HTTP_CHAT_ADMIN_KICK = 0,
    NGX_HTTP_CHAT_ADMIN_REVOKE,
    NGX_HTTP_CHAT_ADMIN_MUTE,
    NGX_HTTP_CHAT_ADMIN_UNMUTE,
    NGX_HTTP_CHAT_ADMIN_BAN,
    NGX_HTTP_CHAT_ADMIN_UNBAN
} ngx_http_chat_admin_act_e;


typedef struct {
    ngx_http_chat_admin_act_e     act;
    ngx_http_chat_identity_t      user;
    ngx_int_t                     seconds;
} ngx_http_chat_admin_t;


static void ngx_http_chat_admin_begin(ngx_http_chat_ctx_t *ctx,
    ngx_http_chat_admin_act_e act);
static ngx_int_t ngx_http_chat_admin_user_id(ngx_http_chat_ctx_t *ctx,
    ngx_str_t *id);
static ngx_int_t ngx_http_chat_admin_seconds(ngx_http_chat_ctx_t *ctx,
    ngx_http_chat_admin_t *admin);
static void ngx_http_chat_admin_found(ngx_http_chat_ctx_t *ctx,
    redisReply *reply, ngx_uint_t n);
static void ngx_http_chat_admin_kick(ngx_http_chat_ctx_t *ctx);
static void ngx_http_chat_admin_restrict(ngx_http_chat_ctx_t *ctx,
    const char *kind);
static void ngx_http_chat_admin_acted(ngx_http_chat_ctx_t *ctx,
    redisReply *reply, ngx_uint_t n);
static void ngx_http_chat_admin_done(ngx_http_chat_ctx_t *ctx);
static void ngx_http_chat_admin_deleted(ngx_http_chat_ctx_t *ctx,
    redisReply *reply, ngx_uint_t n);
static u_char *ngx_http_chat_admin_log_name(u_char *p, ngx_str_t *name);


void
ngx_http_chat_admin_kick_handler(ngx_http_chat_ctx_t *ctx)
{
    ngx_http_chat_admin_begin(ctx, NGX_HTTP_CHAT_ADMIN_KICK);
}


void
ngx_http_chat_admin_revoke_handler(ngx_http_chat_ctx_t *ctx)
{
    ngx_http_chat_admin_begin(ctx, NGX_HTTP_CHAT_ADMIN_REVOKE);
}


void
ngx_http_chat_admin_mute_handler(ngx_http_chat_ctx_t *ctx)
{
    ngx_http_chat_admin_begin(ctx, NGX_HTTP_CHAT_ADMIN_MUTE);
}


void
ngx_http_chat_admin_unmute_handler(ngx_http_chat_ctx_t *ctx)
{
    ngx_http_chat_admin_begin(ctx, NGX_HTTP_CHAT_ADMIN_UNMUTE);
}


void
ngx_http_chat_admin_ban_handler(ngx_http_chat_ctx_t *ctx)
{
    ngx_http_chat_admin_begin(ctx, NGX_HTTP_CHAT_ADMIN_BAN);
}


void
ngx_http_chat_admin_unban_handler(ngx_http_chat_ctx_t *ctx)
{
    ngx_http_chat_admin_begin(ctx, NGX_HTTP_CHAT_ADMIN_UNBAN);
}


static void
ngx_http_chat_admin_begin(ngx_http_chat_ctx_t *ctx,
    ngx_http_chat_admin_act_e act)
{
    ngx_http_chat_admin_t  *admin;

    admin = ngx_pcalloc(ctx->request->pool, sizeof(ngx_http_chat_admin_t));
    if (admin == NULL) {
        ngx_http_chat_send_unavailable(ctx->request);
        return;
    }

    ctx->data = admin;
    admin->act = act;

    if (ngx_http_chat_admin_user_id(ctx, &admin->user.id) != NGX_OK) {
        ngx_http_chat_send_error(ctx->request, NGX_HTTP_BAD_REQUEST,
                                 "\"user\" must be a user's id");
        return;
    }

    if (ngx_http_chat_admin_seconds(ctx, admin) != NGX_OK) {
        ngx_http_chat_send_error(ctx->request, NGX_HTTP_BAD_REQUEST,
                                 "\"seconds\" must be a whole number from 1 to "
                                 "315360000, or null for ever");
        return;
    }

    (void) ngx_http_chat_command(ctx, ngx_http_chat_admin_found, 0,
                                 "HGET " NGX_HTTP_CHAT_KEY_USER "%V username",
                                 &admin->user.id);
}


/* a string, or a number */

static ngx_int_t
ngx_http_chat_admin_user_id(ngx_http_chat_ctx_t *ctx, ngx_str_t *id)
{
    u_char  *p;
    json_t  *value;

    value = json_object_get(ctx->body, "user");

    if (json_is_integer(value)) {
        p = ngx_pnalloc(ctx->request->pool, NGX_INT64_LEN + 1);
        if (p == NULL) {
            return NGX_ERROR;
        }

        id->data = p;
        id->len = ngx_sprintf(p, "%L", (int64_t) json_integer_value(value)) - p;

    } else if (ngx_http_chat_body_string(ctx, "user", id) != NGX_OK) {
        return NGX_DECLINED;
    }

    return chat_user_id_check((chat_str_t) { id->len, id->data }) == CHAT_OK
           ? NGX_OK : NGX_DECLINED;
}


/* of mute and ban; it has to be there, so that for ever is no slip */

static ngx_int_t
ngx_http_chat_admin_seconds(ngx_http_chat_ctx_t *ctx,
    ngx_http_chat_admin_t *admin)
{
    json_t  *value;

    if (admin->act != NGX_HTTP_CHAT_ADMIN_MUTE
        && admin->act != NGX_HTTP_CHAT_ADMIN_BAN)
    {
        return NGX_OK;
    }

    value = json_object_get(ctx->body, "seconds");

    if (json_is_null(value)) {
        admin->seconds = NGX_HTTP_CHAT_FOR_EVER;
        return NGX_OK;
    }

    if (!json_is_integer(value) || json_integer_value(value) < 1
        || json_integer_value(value) > NGX_HTTP_CHAT_ADMIN_TIME)
    {
        return NGX_DECLINED;
    }

    admin->seconds = json_integer_value(value);

    return NGX_OK;
}


static void
ngx_http_chat_admin_found(ngx_http_chat_ctx_t *ctx, redisReply *reply,
    ngx_uint_t n)
{
    ngx_str_t               name;
    ngx_http_chat_admin_t  *admin;

    if (ngx_http_chat_failed(ctx, reply)) {
        return;
    }

    if (reply->type != REDIS_REPLY_STRING) {
        ngx_http_chat_send_error(ctx->request, NGX_HTTP_NOT_FOUND,
                                 "There is no such user");
        return;
    }

    admin = ctx->data;
    name = ngx_http_chat_redis_str(reply);

    admin->user.username.len = name.len;
    admin->user.username.data = ngx_pstrdup(ctx->request->pool, &name);

    if (admin->user.username.data == NULL) {
        ngx_http_chat_send_unavailable(ctx->request);
        return;
    }

    if (ngx_http_chat_is_admin(ctx->conf, &admin->user.username)
        && admin->act != NGX_HTTP_CHAT_ADMIN_UNMUTE
        && admin->act != NGX_HTTP_CHAT_ADMIN_UNBAN)
    {
        ngx_http_chat_send_error(ctx->request, NGX_HTTP_CONFLICT,
                                 "That is an admin: take the name out of the "
                                 "server's configuration first");
        return;
    }

    switch (admin->act) {

    case NGX_HTTP_CHAT_ADMIN_KICK:
        ngx_http_chat_admin_kick(ctx);
        return;

    case NGX_HTTP_CHAT_ADMIN_REVOKE:
        ngx_http_chat_end_sessions(ctx, &admin->user.id,
                                   ngx_http_chat_admin_done);
        return;

    case NGX_HTTP_CHAT_ADMIN_MUTE:
    case NGX_HTTP_CHAT_ADMIN_UNMUTE:
        ngx_http_chat_admin_restrict(ctx, "mute");
        return;

    default: /* ban, unban */
        ngx_http_chat_admin_restrict(ctx, "ban");
    }
}


static void
ngx_http_chat_admin_kick(ngx_http_chat_ctx_t *ctx)
{
    u_char                  text[sizeof("kick ") + CHAT_USER_ID_MAX];
    ngx_str_t               message;
    ngx_http_chat_admin_t  *admin;

    admin = ctx->data;

    message.data = text;
    message.len = ngx_snprintf(text, sizeof(text), "kick %V", &admin->user.id)
                  - text;

    (void) ngx_http_chat_command(ctx, ngx_http_chat_admin_acted, 0,
                                 "PUBLISH " NGX_HTTP_CHAT_CHANNEL_WORKERS
                                 " %V", &message);
}


static void
ngx_http_chat_admin_restrict(ngx_http_chat_ctx_t *ctx, const char *kind)
{
    ngx_http_chat_ask_t    *ask;
    ngx_http_chat_admin_t  *admin;

    ask = ngx_http_chat_ask(ctx, ngx_http_chat_admin_acted, 0);
    if (ask == NULL) {
        return;
    }

    admin = ctx->data;

    (void) ngx_http_chat_asked(ask,
                  ngx_http_chat_restrict(ctx->redis, kind, &admin->user.id,
                                         admin->seconds, ngx_http_chat_answer,
                                         ask));
}


static void
ngx_http_chat_admin_acted(ngx_http_chat_ctx_t *ctx, redisReply *reply,
    ngx_uint_t n)
{
    ngx_http_chat_admin_t  *admin;

    if (ngx_http_chat_failed(ctx, reply)) {
        return;
    }

    admin = ctx->data;

    if (admin->seconds && ngx_http_chat_redis_int(reply) == 0) {
        ngx_http_chat_send_error(ctx->request, NGX_HTTP_CONFLICT,
                                 "Too many users are muted or banned");
        return;
    }

    /* who begins a session now is seen to be banned, so that none is left */

    if (admin->act == NGX_HTTP_CHAT_ADMIN_BAN) {
        ngx_http_chat_end_sessions(ctx, &admin->user.id,
                                   ngx_http_chat_admin_done);
        return;
    }

    ngx_http_chat_admin_done(ctx);
}


static void
ngx_http_chat_admin_done(ngx_http_chat_ctx_t *ctx)
{
    u_char                  line[NGX_HTTP_CHAT_ADMIN_LINE], *p;
    ngx_str_t               str;
    ngx_http_chat_text_t    text;
    ngx_http_chat_admin_t  *admin;

    static const char  *acts[] = {
        "kicked", "ended all sessions of", "muted", "unmuted", "banned",
        "unbanned"
    };

    admin = ctx->data;

    p = ngx_http_chat_admin_log_name(line, &ctx->user.username);
    p = ngx_sprintf(p, " %s ", acts[admin->act]);
    p = ngx_http_chat_admin_log_name(p, &admin->user.username);
    p = ngx_sprintf(p, " (user %V)", &admin->user.id);

    if (admin->seconds == NGX_HTTP_CHAT_FOR_EVER) {
        p = ngx_cpymem(p, " for ever", 9);

    } else if (admin->seconds) {
        p = ngx_sprintf(p, " for %i s", admin->seconds);
    }

    str.data = line;
    str.len = p - line;

    ngx_log_error(NGX_LOG_NOTICE, ctx->request->connection->log, 0,
                  "chat: admin %V", &str);

    ngx_http_chat_text_init(&text, ctx->request->pool);
    ngx_http_chat_text_add_identity(&text, &admin->user);
    ngx_http_chat_send_text(ctx->request, NGX_HTTP_OK, &text);
}


static u_char *
ngx_http_chat_admin_log_name(u_char *p, ngx_str_t *name)
{
    *p++ = '"';
    p = ngx_http_chat_life_text(p, name->data,
                                ngx_min(name->len, NGX_HTTP_CHAT_ADMIN_NAME));
    *p++ = '"';

    return p;
}


void
ngx_http_chat_admin_delete_handler(ngx_http_chat_ctx_t *ctx)
{
    u_char                  pos[CHAT_POS_MAX], *p;
    uint64_t                usec;
    ngx_str_t               id, *message;
    chat_room_t             room;
    ngx_http_chat_ask_t    *ask;

    message = ngx_palloc(ctx->request->pool, 2 * sizeof(ngx_str_t));
    p = ngx_pnalloc(ctx->request->pool, CHAT_POS_MAX);

    if (message == NULL || p == NULL) {
        ngx_http_chat_send_unavailable(ctx->request);
        return;
    }

    if (ngx_http_chat_body_string(ctx, "roomId", &message[0]) != NGX_OK
        || chat_room_parse((chat_str_t) { message[0].len, message[0].data },
                           &room)
           != CHAT_OK
        || ngx_http_chat_body_string(ctx, "id", &id) != NGX_OK
        || chat_pos_parse((chat_str_t) { id.len, id.data }, &usec) != CHAT_OK)
    {
        ngx_http_chat_send_error(ctx->request, NGX_HTTP_BAD_REQUEST,
                                 "\"roomId\" and \"id\" must be those of a "
                                 "message");
        return;
    }

    /* in the form in which a message of ours has it */

    message[1].len = chat_pos_format(pos, usec) - pos;
    message[1].data = p;
    ngx_memcpy(p, pos, message[1].len);

    ctx->data = message;

    ask = ngx_http_chat_ask(ctx, ngx_http_chat_admin_deleted, 0);
    if (ask == NULL) {
        return;
    }

    (void) ngx_http_chat_asked(ask,
                  ngx_http_chat_room_delete(ctx->redis,
                                    &ngx_http_chat_worker->main->server_id,
                                            &message[0], &message[1],
                                            ngx_http_chat_answer, ask));
}


static void
ngx_http_chat_admin_deleted(ngx_http_chat_ctx_t *ctx, redisReply *reply,
    ngx_uint_t n)
{
    u_char                 name[4 * NGX_HTTP_CHAT_ADMIN_NAME + 2];
    ngx_str_t             *message, str;
    ngx_http_chat_text_t   text;

    if (ngx_http_chat_failed(ctx, reply)) {
        return;
    }

    switch (ngx_http_chat_redis_int(reply)) {

    case 1:
        break;

    case -1:
        ngx_http_chat_send_error(ctx->request, NGX_HTTP_CONFLICT,
                                 "Several messages of that second have no id "
                                 "of their own");
        return;

    case -2:
        ngx_http_chat_send_error(ctx->request, NGX_HTTP_CONFLICT,
                                 "That message is newer than the clock of the "
                                 "server, try again later");
        return;

    default:
        ngx_http_chat_send_error(ctx->request, NGX_HTTP_NOT_FOUND,
                                 "There is no such message");
        return;
    }

    message = ctx->data;

    str.data = name;
    str.len = ngx_http_chat_admin_log_name(name, &ctx->user.username) - name;

    ngx_log_error(NGX_LOG_NOTICE, ctx->request->connection->log, 0,
                  "chat: admin %V deleted message %V of room %V", &str,
                  &message[1], &message[0]);

    ngx_http_chat_text_init(&text, ctx->request->pool);
    ngx_http_chat_text_add(&text, "{\"roomId\":");
    ngx_http_chat_text_add_json(&text, &message[0]);
    ngx_http_chat_text_add(&text, ",\"id\":");
    ngx_http_chat_text_add_json(&text, &message[1]);
    ngx_http_chat_text_add(&text, "}");
    ngx_http_chat_send_text(ctx->request, NGX_HTTP_OK, &text);
}
