/*
 * Who a request comes from: the user of its session, which is known for a
 * moment or asked for in Redis.
 */

#include "ngx_http_chat_http.h"
#include "../live/ngx_http_chat_known.h"


static void ngx_http_chat_identity_answer(ngx_http_chat_ctx_t *ctx,
    redisReply *reply, ngx_uint_t n);
static void ngx_http_chat_session_done(ngx_http_chat_ctx_t *ctx);


void
ngx_http_chat_identify(ngx_http_chat_ctx_t *ctx, ngx_http_chat_next_pt next)
{
    ngx_http_chat_ask_t  *ask;
    ngx_http_chat_hub_t  *hub;

    ctx->identified = next;

    ngx_http_chat_auth_token(ctx->request, ctx->conf, &ctx->token);

    if (!ctx->token.set) {
        ngx_http_chat_identified(ctx, 0);
        return;
    }

    hub = ngx_http_chat_hub(ctx->conf);

    switch (ngx_http_chat_known_get(hub, &ctx->token, ctx->request->pool,
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
        break;

    default: /* NGX_ERROR */
        ngx_http_chat_unavailable(ctx);
        return;
    }

    ngx_http_chat_identified(ctx, 0);
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

    case NGX_HTTP_INTERNAL_SERVER_ERROR:
        ngx_http_chat_send_error(ctx->request, ctx->status,
                                 "The chat's data is broken");
        return;

    default: /* NGX_HTTP_SERVICE_UNAVAILABLE */
        ngx_http_chat_send_unavailable(ctx->request);
    }
}
