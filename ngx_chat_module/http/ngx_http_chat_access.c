/*
 * chat_require: a location that only users of the chat may see.  While Redis is
 * asked the request waits in the access phase, as one of limit_req does, and a
 * client that goes away is noticed.
 */

#include "ngx_http_chat_http.h"


static void ngx_http_chat_access_identified(ngx_http_chat_ctx_t *ctx);


ngx_int_t
ngx_http_chat_access_handler(ngx_http_request_t *r)
{
    ngx_http_chat_ctx_t       *ctx;
    ngx_http_chat_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_chat_module);

    /* the chat's own routes check who they are for themselves */

    if (!conf->require || ngx_http_chat_is_route(r)) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_chat_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (!ctx->checked) {
        ctx->checking = 1;
        ngx_http_chat_identify(ctx, ngx_http_chat_access_identified);
        ctx->checking = 0;

        if (!ctx->checked) {
            ngx_http_chat_watch(r);
            return NGX_AGAIN;
        }
    }

    if (ctx->status) {
        return ctx->status;
    }

    return ctx->user.id.len ? NGX_OK : NGX_HTTP_FORBIDDEN;
}


static void
ngx_http_chat_access_identified(ngx_http_chat_ctx_t *ctx)
{
    ngx_http_request_t  *r;

    ctx->checked = 1;

    if (ctx->checking) {

        /* it was known at once */

        return;
    }

    r = ctx->request;

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_core_run_phases(r);
}
