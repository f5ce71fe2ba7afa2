/*
 * GET /links: the file of chat_links, as it was when the configuration was
 * read.
 */

#include "ngx_http_chat_http.h"


void
ngx_http_chat_links_handler(ngx_http_chat_ctx_t *ctx)
{
    ngx_str_t  json;

    json = ctx->conf->links;

    if (json.len == 0) {
        ngx_str_set(&json, "{}");
    }

    ngx_http_chat_send_json(ctx->request, NGX_HTTP_OK, &json);
}
