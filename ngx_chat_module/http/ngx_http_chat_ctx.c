/*
 * The context of a request: what it waits for.
 */

#include "ngx_http_chat_http.h"
#include "../auth/ngx_http_chat_password.h"
#include "../live/ngx_http_chat_census.h"
#include "../live/ngx_http_chat_live.h"


/* more than any answer takes: Redis has timeouts of its own, passwords wait in
   a queue that is bounded */
#define NGX_HTTP_CHAT_WAIT           30000

#define NGX_HTTP_CHAT_COMPLAIN_EACH  60


struct ngx_http_chat_ask_s {
    ngx_queue_t                  queue;
    ngx_http_chat_ctx_t         *ctx;
    ngx_http_chat_op_t          *op;
    ngx_http_chat_answer_pt      answer;
    ngx_uint_t                   n;
};


static void ngx_http_chat_ctx_cleanup(void *data);
static void ngx_http_chat_ctx_wait(ngx_http_chat_ctx_t *ctx);
static void ngx_http_chat_ctx_waited(ngx_http_chat_ctx_t *ctx);
static void ngx_http_chat_ctx_timer_handler(ngx_event_t *ev);


ngx_http_chat_ctx_t *
ngx_http_chat_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t   *cln;
    ngx_http_chat_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_chat_module);
    if (ctx) {
        return ctx;
    }

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_chat_ctx_t));
    if (ctx == NULL) {
        return NULL;
    }

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    ctx->request = r;
    ctx->conf = ngx_http_get_module_loc_conf(r, ngx_http_chat_module);
    ctx->redis = ngx_http_chat_hub_redis(ngx_http_chat_hub(ctx->conf));

    ngx_queue_init(&ctx->asks);

    /* not cancelable: see the header */

    ctx->timer.handler = ngx_http_chat_ctx_timer_handler;
    ctx->timer.data = ctx;
    ctx->timer.log = r->connection->log;

    cln->handler = ngx_http_chat_ctx_cleanup;
    cln->data = ctx;

    ngx_http_set_ctx(r, ctx, ngx_http_chat_module);

    return ctx;
}


ngx_http_chat_ctx_t *
ngx_http_chat_ctx_known(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t   *cln;
    ngx_http_chat_ctx_t  *ctx;

    /* an internal redirect forgets the context, but the pool has it */

    for (cln = r->pool->cleanup; cln; cln = cln->next) {

        if (cln->handler == ngx_http_chat_ctx_cleanup) {
            ctx = cln->data;

            if (ctx->user.id.len) {
                return ctx;
            }
        }
    }

    return NULL;
}


static void
ngx_http_chat_ctx_cleanup(void *data)
{
    ngx_http_chat_ctx_t *ctx = data;

    ngx_http_chat_ctx_release(ctx);

    if (ctx->body) {
        json_decref(ctx->body);
    }
}


void
ngx_http_chat_ctx_release(ngx_http_chat_ctx_t *ctx)
{
    ngx_queue_t          *q;
    ngx_http_chat_ask_t  *ask;

    while (!ngx_queue_empty(&ctx->asks)) {
        q = ngx_queue_head(&ctx->asks);
        ngx_queue_remove(q);

        ask = ngx_queue_data(q, ngx_http_chat_ask_t, queue);
        ngx_http_chat_redis_cancel(ask->op);
    }

    ngx_http_chat_password_cancel(ctx->job);
    ctx->job = NULL;

    ngx_http_chat_census_cancel(ctx->census);

    ngx_http_chat_ctx_waited(ctx);
}


static void
ngx_http_chat_ctx_wait(ngx_http_chat_ctx_t *ctx)
{
    if (!ctx->timer.timer_set) {
        ngx_add_timer(&ctx->timer, NGX_HTTP_CHAT_WAIT);
    }
}


static void
ngx_http_chat_ctx_waited(ngx_http_chat_ctx_t *ctx)
{
    if (ctx->timer.timer_set && ctx->job == NULL
        && ngx_queue_empty(&ctx->asks))
    {
        ngx_del_timer(&ctx->timer);
    }
}


static void
ngx_http_chat_ctx_timer_handler(ngx_event_t *ev)
{
    ngx_http_chat_ctx_t *ctx = ev->data;

    ngx_connection_t  *c;

    c = ctx->request->connection;

    ngx_http_chat_ctx_release(ctx);
    ngx_http_chat_unavailable(ctx);
    ngx_http_run_posted_requests(c);
}


void
ngx_http_chat_wait_job(ngx_http_chat_ctx_t *ctx, void *job)
{
    ctx->job = job;
    ngx_http_chat_ctx_wait(ctx);
}


void
ngx_http_chat_job_done(ngx_http_chat_ctx_t *ctx)
{
    ctx->job = NULL;
    ngx_http_chat_ctx_waited(ctx);
}


ngx_int_t
ngx_http_chat_command(ngx_http_chat_ctx_t *ctx, ngx_http_chat_answer_pt answer,
    ngx_uint_t n, const char *words, ...)
{
    va_list               args;
    ngx_http_chat_op_t   *op;
    ngx_http_chat_ask_t  *ask;

    ask = ngx_http_chat_ask(ctx, answer, n);
    if (ask == NULL) {
        return NGX_ERROR;
    }

    va_start(args, words);
    op = ngx_http_chat_store_vcommand(ctx->redis, ngx_http_chat_answer, ask,
                                      words, args);
    va_end(args);

    return ngx_http_chat_asked(ask, op);
}


ngx_http_chat_ask_t *
ngx_http_chat_ask(ngx_http_chat_ctx_t *ctx, ngx_http_chat_answer_pt answer,
    ngx_uint_t n)
{
    ngx_http_chat_ask_t  *ask;

    ask = ngx_palloc(ctx->request->pool, sizeof(ngx_http_chat_ask_t));
    if (ask == NULL) {
        ngx_http_chat_unavailable(ctx);
        return NULL;
    }

    ask->ctx = ctx;
    ask->answer = answer;
    ask->n = n;

    return ask;
}


ngx_int_t
ngx_http_chat_asked(ngx_http_chat_ask_t *ask, ngx_http_chat_op_t *op)
{
    ngx_http_chat_ctx_t *ctx = ask->ctx;

    if (op == NULL) {
        ngx_http_chat_unavailable(ctx);
        return NGX_ERROR;
    }

    ask->op = op;

    ngx_queue_insert_tail(&ctx->asks, &ask->queue);
    ngx_http_chat_ctx_wait(ctx);

    return NGX_OK;
}


void
ngx_http_chat_answer(void *data, redisReply *reply)
{
    ngx_http_chat_ask_t *ask = data;

    ngx_connection_t     *c;
    ngx_http_chat_ctx_t  *ctx;

    ctx = ask->ctx;
    c = ctx->request->connection;

    ngx_http_set_log_request(c->log, ctx->request);

    ngx_queue_remove(&ask->queue);
    ngx_http_chat_ctx_waited(ctx);

    ask->answer(ctx, reply, ask->n);

    ngx_http_run_posted_requests(c);
}


ngx_uint_t
ngx_http_chat_all_answered(ngx_http_chat_ctx_t *ctx)
{
    return ngx_queue_empty(&ctx->asks);
}


ngx_uint_t
ngx_http_chat_failed(ngx_http_chat_ctx_t *ctx, redisReply *reply)
{
    static time_t  last;

    if (ngx_http_chat_redis_ok(reply)) {
        return 0;
    }

    /* the link itself tells when Redis is away */

    if (reply && ngx_time() - last >= NGX_HTTP_CHAT_COMPLAIN_EACH) {
        last = ngx_time();

        ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                      "chat: redis answered \"%s\"", reply->str);
    }

    if (reply && ngx_strncmp(reply->str, "WRONGTYPE", 9) == 0) {

        if (ctx->identified) {
            ngx_http_chat_identified(ctx, NGX_HTTP_INTERNAL_SERVER_ERROR);
            return 1;
        }

        ngx_http_chat_send_error(ctx->request, NGX_HTTP_INTERNAL_SERVER_ERROR,
                                 "The chat's data is broken");
        return 1;
    }

    ngx_http_chat_unavailable(ctx);

    return 1;
}
