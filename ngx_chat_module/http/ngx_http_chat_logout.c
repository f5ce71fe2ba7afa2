/*
 * POST /logout: ends the session, or, with {"everywhere":true}, all of the
 * user's.  The cookie is cleared once Redis has confirmed.
 */

#include "ngx_http_chat_http.h"
#include "../live/ngx_http_chat_known.h"


static void ngx_http_chat_logout_list(ngx_http_chat_ctx_t *ctx);
static void ngx_http_chat_logout_listed(ngx_http_chat_ctx_t *ctx,
    redisReply *reply, ngx_uint_t n);
static void ngx_http_chat_logout_end(ngx_http_chat_ctx_t *ctx);
static void ngx_http_chat_logout_ended(ngx_http_chat_ctx_t *ctx,
    redisReply *reply, ngx_uint_t n);


void
ngx_http_chat_logout_handler(ngx_http_chat_ctx_t *ctx)
{
    json_t  *everywhere;

    everywhere = json_object_get(ctx->body, "everywhere");

    if (everywhere && !json_is_boolean(everywhere)) {
        ngx_http_chat_send_error(ctx->request, NGX_HTTP_BAD_REQUEST,
                                 "\"everywhere\" must be true or false");
        return;
    }

    if (json_is_true(everywhere)) {
        ngx_http_chat_end_sessions(ctx, &ctx->user.id,
                                   ngx_http_chat_logout_end);
        return;
    }

    ngx_http_chat_logout_end(ctx);
}


void
ngx_http_chat_end_sessions(ngx_http_chat_ctx_t *ctx, ngx_str_t *id,
    ngx_http_chat_next_pt next)
{
    ctx->ending = id;
    ctx->ended = next;

    ngx_http_chat_logout_list(ctx);
}


static void
ngx_http_chat_logout_list(ngx_http_chat_ctx_t *ctx)
{
    ngx_http_chat_ask_t  *ask;

    ask = ngx_http_chat_ask(ctx, ngx_http_chat_logout_listed, 0);
    if (ask == NULL) {
        return;
    }

    (void) ngx_http_chat_asked(ask,
                  ngx_http_chat_session_list(ctx->redis, ctx->ending,
                                             ngx_http_chat_answer, ask));
}


static void
ngx_http_chat_logout_listed(ngx_http_chat_ctx_t *ctx, redisReply *reply,
    ngx_uint_t n)
{
    ngx_int_t  ended;

    if (ngx_http_chat_failed(ctx, reply)) {
        return;
    }

    ended = ngx_http_chat_session_end_listed(ctx->redis, ctx->ending, reply);

    if (ended == NGX_ERROR) {
        ngx_http_chat_send_unavailable(ctx->request);
        return;
    }

    if (ended) {
        ngx_http_chat_logout_list(ctx);
        return;
    }

    ctx->ended(ctx);
}


/* this session too, in case that it was not listed */

static void
ngx_http_chat_logout_end(ngx_http_chat_ctx_t *ctx)
{
    ngx_http_chat_ask_t  *ask;

    ask = ngx_http_chat_ask(ctx, ngx_http_chat_logout_ended, 0);
    if (ask == NULL) {
        return;
    }

    (void) ngx_http_chat_asked(ask,
                  ngx_http_chat_session_end(ctx->redis, &ctx->token,
                                            &ctx->user.id,
                                            ngx_http_chat_answer, ask));
}


static void
ngx_http_chat_logout_ended(ngx_http_chat_ctx_t *ctx, redisReply *reply,
    ngx_uint_t n)
{
    ngx_str_t             json, hash;
    ngx_http_request_t   *r;

    r = ctx->request;

    if (ngx_http_chat_failed(ctx, reply)) {
        return;
    }

    /* other workers hear of it on the bus */

    hash.data = ctx->token.hash;
    hash.len = NGX_HTTP_CHAT_HASH_LEN;
    ngx_http_chat_known_drop(ngx_http_chat_hub(ctx->conf), &hash);

    if (ngx_http_chat_auth_clear(r, ctx->conf) != NGX_OK) {
        ngx_http_chat_send_unavailable(r);
        return;
    }

    ngx_str_set(&json, "null");
    ngx_http_chat_send_json(r, NGX_HTTP_OK, &json);
}
