/*
 * The account of a new name.  The user is written first and the name claimed
 * last, so that what is broken off leaves an id that nobody can use, and of two
 * at once one gets the name; the other is answered as a log-in, or, if its name
 * is another one that looks like it, refused.
 *
 * A user that nginx knows (chat_user) has no password, and can't log in here.
 *
 *     check -> hash -> INCR -> HSETNX -> the rest of the user -> claim
 *                        ^        | taken                         |     |
 *                        +--------+                           got it   lost it
 */

#include "ngx_http_chat_http.h"
#include "../ngx_http_chat_conf.h"
#include "../auth/ngx_http_chat_password.h"


/* what bcrypt reads of a password */
#define NGX_HTTP_CHAT_BCRYPT_MAX      72

/* a counter that was lost starts anew: ids in use are passed over */
#define NGX_HTTP_CHAT_REGISTER_TRIES  100


static void ngx_http_chat_register_hashed(void *data, ngx_int_t rc,
    ngx_str_t *hash);
static void ngx_http_chat_register_id(ngx_http_chat_ctx_t *ctx);
static void ngx_http_chat_register_next(ngx_http_chat_ctx_t *ctx,
    redisReply *reply, ngx_uint_t n);
static void ngx_http_chat_register_free(ngx_http_chat_ctx_t *ctx,
    redisReply *reply, ngx_uint_t n);
static void ngx_http_chat_register_written(ngx_http_chat_ctx_t *ctx,
    redisReply *reply, ngx_uint_t n);
static void ngx_http_chat_register_claimed(ngx_http_chat_ctx_t *ctx,
    redisReply *reply, ngx_uint_t n);
static void ngx_http_chat_register_undone(ngx_http_chat_ctx_t *ctx,
    redisReply *reply, ngx_uint_t n);
static void ngx_http_chat_register_refuse(ngx_http_chat_ctx_t *ctx,
    ngx_uint_t status, const char *why);


void
ngx_http_chat_register(ngx_http_chat_ctx_t *ctx)
{
    chat_str_t                     name;
    chat_name_looks_t              looks;
    ngx_http_chat_login_t         *login;
    ngx_http_chat_password_job_t  *job;

    login = ctx->data;

    name.len = login->username.len;
    name.data = login->username.data;

    if (chat_name_check(name) != CHAT_OK
        || chat_name_looks(name, &looks) != CHAT_OK)
    {
        ngx_http_chat_register_refuse(ctx, NGX_HTTP_BAD_REQUEST,
                          "A new name has 1 to 32 characters, no space at "
                          "either end or behind another, and nothing "
                          "invisible");
        return;
    }

    if (login->outside) {
        ngx_http_chat_register_id(ctx);
        return;
    }

    /* nobody becomes one by being the first to take the name */

    if (ngx_http_chat_is_admin(ctx->conf, &login->username)) {
        ngx_http_chat_register_refuse(ctx, NGX_HTTP_CONFLICT,
                          "An account of this name can't be made here");
        return;
    }

    if (ctx->conf->password_scheme == NGX_HTTP_CHAT_BCRYPT
        && (login->password.len > NGX_HTTP_CHAT_BCRYPT_MAX
            || ngx_strlchr(login->password.data,
                           login->password.data + login->password.len, '\0')))
    {
        ngx_http_chat_send_error(ctx->request, NGX_HTTP_BAD_REQUEST,
                          "A new password has at most 72 bytes, and none of "
                          "them is zero");
        return;
    }

    job = ngx_http_chat_password_hash(&login->password,
                                      ctx->conf->password_scheme,
                                      ngx_http_chat_register_hashed, ctx);
    if (job == NULL) {
        ngx_http_chat_unavailable(ctx);
        return;
    }

    ngx_http_chat_wait_job(ctx, job);
}


static void
ngx_http_chat_register_hashed(void *data, ngx_int_t rc, ngx_str_t *hash)
{
    ngx_http_chat_ctx_t *ctx = data;

    ngx_connection_t       *c;
    ngx_http_chat_login_t  *login;

    c = ctx->request->connection;
    login = ctx->data;

    ngx_http_set_log_request(c->log, ctx->request);
    ngx_http_chat_job_done(ctx);

    if (rc == NGX_OK) {
        login->hash.len = hash->len;
        login->hash.data = ngx_pstrdup(ctx->request->pool, hash);
    }

    if (login->hash.data == NULL) {
        ngx_http_chat_unavailable(ctx);

    } else {
        ngx_http_chat_register_id(ctx);
    }

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_chat_register_id(ngx_http_chat_ctx_t *ctx)
{
    (void) ngx_http_chat_command(ctx, ngx_http_chat_register_next, 0,
                                 "INCR " NGX_HTTP_CHAT_KEY_TOTAL_USERS);
}


static void
ngx_http_chat_register_next(ngx_http_chat_ctx_t *ctx, redisReply *reply,
    ngx_uint_t n)
{
    u_char                 *p;
    ngx_http_chat_login_t  *login;

    if (ngx_http_chat_failed(ctx, reply)) {
        return;
    }

    login = ctx->data;

    p = ngx_pnalloc(ctx->request->pool, NGX_INT64_LEN);
    if (p == NULL) {
        ngx_http_chat_unavailable(ctx);
        return;
    }

    login->user.id.data = p;
    login->user.id.len = ngx_sprintf(p, "%L", ngx_http_chat_redis_int(reply))
                         - p;

    (void) ngx_http_chat_command(ctx, ngx_http_chat_register_free, 0,
                                 "HSETNX " NGX_HTTP_CHAT_KEY_USER "%V "
                                 "username %V", &login->user.id,
                                 &login->username);
}


static void
ngx_http_chat_register_free(ngx_http_chat_ctx_t *ctx, redisReply *reply,
    ngx_uint_t n)
{
    ngx_http_chat_login_t  *login;

    if (ngx_http_chat_failed(ctx, reply)) {
        return;
    }

    login = ctx->data;

    if (ngx_http_chat_redis_int(reply) == 0) {

        if (++login->tries < NGX_HTTP_CHAT_REGISTER_TRIES) {
            ngx_http_chat_register_id(ctx);
            return;
        }

        ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                      "chat: " NGX_HTTP_CHAT_KEY_TOTAL_USERS " is behind the "
                      "users that there are");

        ngx_http_chat_unavailable(ctx);
        return;
    }

    if ((login->outside
         || ngx_http_chat_command(ctx, ngx_http_chat_register_written, 0,
                                  "HSET " NGX_HTTP_CHAT_KEY_USER "%V "
                                  "password %V", &login->user.id, &login->hash)
            == NGX_OK)
        && ngx_http_chat_command(ctx, ngx_http_chat_register_written, 0,
                                 "SADD " NGX_HTTP_CHAT_KEY_USER "%V"
                                 NGX_HTTP_CHAT_KEY_USER_ROOMS " 0",
                                 &login->user.id)
           == NGX_OK)
    {
        (void) ngx_http_chat_command(ctx, ngx_http_chat_register_written, 0,
                                     "SET " NGX_HTTP_CHAT_KEY_ROOM "0"
                                     NGX_HTTP_CHAT_KEY_ROOM_NAME
                                     " General NX");
    }
}


static void
ngx_http_chat_register_written(ngx_http_chat_ctx_t *ctx, redisReply *reply,
    ngx_uint_t n)
{
    ngx_http_chat_ask_t    *ask;
    ngx_http_chat_login_t  *login;

    if (ngx_http_chat_failed(ctx, reply)
        || !ngx_http_chat_all_answered(ctx))
    {
        return;
    }

    login = ctx->data;

    ask = ngx_http_chat_ask(ctx, ngx_http_chat_register_claimed, 0);
    if (ask == NULL) {
        return;
    }

    (void) ngx_http_chat_asked(ask,
                  ngx_http_chat_name_claim(ctx->redis, &login->username,
                                           &login->user.id,
                                           ngx_http_chat_answer, ask));
}


static void
ngx_http_chat_register_claimed(ngx_http_chat_ctx_t *ctx, redisReply *reply,
    ngx_uint_t n)
{
    ngx_http_chat_login_t  *login;

    if (ngx_http_chat_failed(ctx, reply)) {
        return;
    }

    login = ctx->data;

    if (ngx_http_chat_redis_int(reply) == 1) {
        login->user.username = login->username;
        login->status = NGX_HTTP_CREATED;

        ngx_http_chat_login_success(ctx);
        return;
    }

    login->lost = 1;
    login->alike = ngx_http_chat_redis_int(reply) == -1;

    (void) ngx_http_chat_command(ctx, ngx_http_chat_register_undone, 0,
                                 "DEL " NGX_HTTP_CHAT_KEY_USER "%V "
                                 NGX_HTTP_CHAT_KEY_USER "%V"
                                 NGX_HTTP_CHAT_KEY_USER_ROOMS,
                                 &login->user.id, &login->user.id);
}


static void
ngx_http_chat_register_undone(ngx_http_chat_ctx_t *ctx, redisReply *reply,
    ngx_uint_t n)
{
    ngx_http_chat_login_t  *login;

    if (ngx_http_chat_failed(ctx, reply)) {
        return;
    }

    login = ctx->data;

    if (login->alike) {
        ngx_http_chat_register_refuse(ctx, NGX_HTTP_CONFLICT,
                                "This name looks like one that somebody has");
        return;
    }

    ngx_http_chat_login_lookup(ctx);
}


static void
ngx_http_chat_register_refuse(ngx_http_chat_ctx_t *ctx, ngx_uint_t status,
    const char *why)
{
    ngx_http_chat_login_t  *login;

    login = ctx->data;

    if (login->outside) {

        /* the name has been checked: there is nothing in it that could spoil
           the log */

        ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                      "chat: chat_user gives \"%V\": %s", &login->username,
                      why);

        ngx_http_chat_identified(ctx, NGX_HTTP_FORBIDDEN);
        return;
    }

    ngx_http_chat_send_error(ctx->request, status, why);
}
