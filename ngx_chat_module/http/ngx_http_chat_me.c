/*
 * GET /me: who one is, or null.  Clients ask it when they start, so the cookie
 * is renewed here, as the session in Redis is with every request; and they are
 * told with a header where chat_user takes the place of the log-in.
 */

#include "ngx_http_chat_http.h"


static void ngx_http_chat_me_answer(ngx_http_chat_ctx_t *ctx);


void
ngx_http_chat_me_handler(ngx_http_chat_ctx_t *ctx)
{
    ngx_http_chat_with_session(ctx, ngx_http_chat_me_answer);
}


static void
ngx_http_chat_me_answer(ngx_http_chat_ctx_t *ctx)
{
    ngx_http_request_t    *r;
    ngx_http_chat_text_t   text;

    static ngx_str_t  off = ngx_string("off");

    r = ctx->request;

    ngx_http_chat_text_init(&text, r->pool);

    if (ctx->conf->user
        && ngx_http_chat_add_header(r, "Chat-Login", &off) != NGX_OK)
    {
        text.failed = 1;
    }

    if (ctx->user.id.len == 0) {
        ngx_http_chat_text_add(&text, "null");

    } else {
        ngx_http_chat_text_add_identity(&text, &ctx->user);

        if (ngx_http_chat_auth_renew(r, ctx->conf) != NGX_OK) {
            text.failed = 1;
        }
    }

    ngx_http_chat_send_text(r, NGX_HTTP_OK, &text);
}
