/*
 * The HTTP side: which requests are the chat's, the route table, and what the
 * resources share: bodies in, JSON out, the session of a request.
 */

#ifndef NGX_HTTP_CHAT_HTTP_H
#define NGX_HTTP_CHAT_HTTP_H

#include "../store/ngx_http_chat_store.h"

#include <jansson.h>


#define NGX_HTTP_CHAT_BODY_MAX   65536


/*
 * In the precontent phase, before try_files: sets r->content_handler where the
 * URI is one of the chat's routes, and leaves everything else alone.
 */
ngx_int_t ngx_http_chat_precontent_handler(ngx_http_request_t *r);


/*
 * A request in progress, the module's context of r.  It belongs to r->pool;
 * what waits for it (op, job) is cancelled by the pool's cleanup, so that
 * no answer ever reaches a request that has gone.
 */

typedef struct ngx_http_chat_ctx_s  ngx_http_chat_ctx_t;

typedef void (*ngx_http_chat_next_pt)(ngx_http_chat_ctx_t *ctx);

struct ngx_http_chat_ctx_s {
    ngx_http_request_t            *request;
    ngx_http_chat_loc_conf_t      *conf;
    ngx_http_chat_redis_t         *redis;

    ngx_str_t                      path;          /* below the base */
    ngx_str_t                      arg;           /* the route's parameter */

    ngx_http_chat_token_t          token;
    ngx_http_chat_identity_t       user;          /* id.len 0: no session */

    json_t                        *body;          /* freed by the cleanup */

    ngx_http_chat_op_t            *op;
    void                          *job;
    ngx_http_chat_next_pt          next;
    void                          *data;          /* the resource's own */
};


/*
 * Sends a reply and finalizes the request.  {"message":...} for errors; json
 * must live in r->pool (or be constant).
 */
void ngx_http_chat_send_json(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *json);
void ngx_http_chat_send_error(ngx_http_request_t *r, ngx_uint_t status,
    const char *message);


/*
 * Looks the session of r up and calls next with ctx->user set (id.len 0:
 * none); answers 503 itself if Redis is away.  Used by live/ as well, for
 * /stream and /events.  The request is held (r->main->count) by the caller.
 */
ngx_http_chat_ctx_t *ngx_http_chat_ctx(ngx_http_request_t *r);
void ngx_http_chat_with_session(ngx_http_chat_ctx_t *ctx,
    ngx_http_chat_next_pt next);


#endif /* NGX_HTTP_CHAT_HTTP_H */
