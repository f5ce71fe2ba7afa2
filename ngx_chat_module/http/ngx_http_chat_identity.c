/*
 * Who a request comes from: the user of its session, which is known for a
 * moment or asked for in Redis.
 *
 * With chat_user the session is made when it isn't there, and so is the user:
 * that is a log-in without a password, see ngx_http_chat_login.c.
 */

#include "ngx_http_chat_http.h"
#include "../live/ngx_http_chat_known.h"
#include "../ngx_http_chat_stat.h"


#define NGX_HTTP_CHAT_SHOWN_NAME  128             /* bytes, in the log */


static ngx_int_t ngx_http_chat_identity_name(ngx_http_chat_ctx_t *ctx,
    ngx_str_t *name);
static void ngx_http_chat_identity_answer(ngx_http_chat_ctx_t *ctx,
    redisReply *reply, ngx_uint_t n);
static void ngx_http_chat_identity_make(ngx_http_chat_ctx_t *ctx);
static void ngx_http_chat_session_done(ngx_http_chat_ctx_t *ctx);


void
ngx_http_chat_identify(ngx_http_chat_ctx_t *ctx, ngx_http_chat_next_pt next)
{
    ngx_str_t             name;
    ngx_http_chat_ask_t  *ask;
    ngx_http_chat_hub_t  *hub;

    ctx->identified = next;

    if (ctx->conf->user && ngx_http_chat_identity_name(ctx, &name) != NGX_OK) {
        return;
    }

    ngx_http_chat_auth_token(ctx->request, ctx->conf, &ctx->token);

    if (!ctx->token.set) {
        ngx_http_chat_identified(ctx, 0);
        return;
    }

    hub = ngx_http_chat_hub(ctx->conf);

    switch (ctx->fresh ? NGX_DECLINED
                       : ngx_http_chat_known_get(hub, &ctx->token,
                                                 ctx->request->pool,
                                                 &ctx->user))
    {
    case NGX_OK:
        ngx_http_chat_identified(ctx, 0);
        return;

    case NGX_ERROR:
        ngx_http_chat_unavailable(ctx);
        return;
    }

    ask = ngx_http_chat_ask(ctx, ngx_http_chat_identity_answer,
                            ngx_http_chat_known_mark(hub));
    if (ask == NULL) {
        return;
    }

    (void) ngx_http_chat_asked(ask,
                  ngx_http_chat_session_get(ctx->redis, &ctx->token,
                                            ctx->conf->session_ttl,
                                            ngx_http_chat_answer, ask));
}


/* the name that nginx gives; otherwise than NGX_OK: that is the end of it */

static ngx_int_t
ngx_http_chat_identity_name(ngx_http_chat_ctx_t *ctx, ngx_str_t *name)
{
    u_char     *p;
    ngx_str_t   shown;

    if (ngx_http_chat_auth_user(ctx->request, ctx->conf, name) != NGX_OK) {
        ngx_http_chat_unavailable(ctx);
        return NGX_ERROR;
    }

    if (name->len == 0
        || chat_name_check((chat_str_t) { name->len, name->data }) == CHAT_OK)
    {
        return NGX_OK;
    }

    /* it comes from anywhere: what could spoil the log is escaped */

    shown.len = ngx_min(name->len, NGX_HTTP_CHAT_SHOWN_NAME);
    shown.data = name->data;

    p = ngx_pnalloc(ctx->request->pool, 6 * shown.len + 2);

    if (p) {
        shown.len = ngx_http_chat_store_escape(p, &shown) - p;
        shown.data = p;

        ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                      "chat: chat_user gives %V, which can't be a name in the "
                      "chat", &shown);
    }

    ngx_http_chat_identified(ctx, NGX_HTTP_FORBIDDEN);

    return NGX_DECLINED;
}


static void
ngx_http_chat_identity_answer(ngx_http_chat_ctx_t *ctx, redisReply *reply,
    ngx_uint_t n)
{
    if (ngx_http_chat_failed(ctx, reply)) {
        return;
    }

    switch (ngx_http_chat_session_read(reply, ctx->request->pool, &ctx->user)) {

    case NGX_OK:
        ngx_http_chat_session_renew(ctx->redis, &ctx->token, &ctx->user.id,
                                    ctx->conf->session_ttl);
        ngx_http_chat_known_put(ngx_http_chat_hub(ctx->conf), &ctx->token,
                                &ctx->user, n);
        break;

    case NGX_DECLINED:

        if (ctx->conf->user) {
            ngx_http_chat_identity_make(ctx);
            return;
        }

        break;

    default: /* NGX_ERROR */
        ngx_http_chat_unavailable(ctx);
        return;
    }

    ngx_http_chat_identified(ctx, 0);
}


/* the name is seen for the first time, or after a long while */

static void
ngx_http_chat_identity_make(ngx_http_chat_ctx_t *ctx)
{
    ngx_http_chat_login_t  *login;

    login = ngx_pcalloc(ctx->request->pool, sizeof(ngx_http_chat_login_t));

    if (login == NULL
        || ngx_http_chat_auth_user(ctx->request, ctx->conf, &login->username)
           != NGX_OK)
    {
        ngx_http_chat_unavailable(ctx);
        return;
    }

    login->given = login->username;
    login->outside = 1;
    login->token = ctx->token;
    ctx->data = login;

    ngx_http_chat_login_lookup(ctx);
}


void
ngx_http_chat_identified(ngx_http_chat_ctx_t *ctx, ngx_uint_t status)
{
    ngx_http_chat_next_pt  next;

    next = ctx->identified;

    ctx->identified = NULL;
    ctx->status = status;

    /* nothing that was asked meanwhile may be answered behind an error */

    ngx_http_chat_ctx_release(ctx);

    next(ctx);
}


void
ngx_http_chat_unavailable(ngx_http_chat_ctx_t *ctx)
{
    if (ctx->identified) {
        ngx_http_chat_identified(ctx, NGX_HTTP_SERVICE_UNAVAILABLE);
        return;
    }

    if (ctx->route && ctx->route->handler == ngx_http_chat_login_handler) {
        ngx_http_chat_count(NGX_HTTP_CHAT_STAT_LOGIN_UNAVAILABLE);
    }

    ngx_http_chat_send_unavailable(ctx->request);
}


void
ngx_http_chat_with_session(ngx_http_chat_ctx_t *ctx, ngx_http_chat_next_pt next)
{
    ctx->next = next;
    ngx_http_chat_identify(ctx, ngx_http_chat_session_done);
}


static void
ngx_http_chat_session_done(ngx_http_chat_ctx_t *ctx)
{
    switch (ctx->status) {

    case 0:
        ctx->next(ctx);
        return;

    case NGX_HTTP_FORBIDDEN:

        if (ctx->banned) {
            ngx_http_chat_send_banned(ctx->request);
            return;
        }

        ngx_http_chat_send_error(ctx->request, ctx->status,
                                 "This name can't be used in the chat");
        return;

    case NGX_HTTP_INTERNAL_SERVER_ERROR:
        ngx_http_chat_send_error(ctx->request, ctx->status,
                                 "The chat's data is broken");
        return;

    default: /* NGX_HTTP_SERVICE_UNAVAILABLE */
        ngx_http_chat_unavailable(ctx);
    }
}
