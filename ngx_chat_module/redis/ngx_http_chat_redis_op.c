/*
 * Operations of a link, and the reading of replies.
 *
 * They are allocated one by one, so that a slow Redis costs memory only while
 * it is slow; their number and size are bounded.
 */

#include "ngx_http_chat_redis_int.h"


#define NGX_HTTP_CHAT_REDIS_MAX_OPS       65536
#define NGX_HTTP_CHAT_REDIS_MAX_BYTES     (64 * 1024 * 1024)

/* a number as the protocol has it */
#define NGX_HTTP_CHAT_REDIS_COUNT         (1 + NGX_INT64_LEN + 2)


static void ngx_http_chat_redis_reply_handler(redisAsyncContext *ac, void *r,
    void *data);
static ngx_http_chat_redis_op_t *ngx_http_chat_redis_op(
    ngx_http_chat_redis_t *link, ngx_http_chat_redis_handler_pt handler,
    void *data, ngx_uint_t argc, ngx_str_t *argv, size_t extra);
static u_char *ngx_http_chat_redis_count(u_char *p, u_char kind, size_t n);
static ngx_int_t ngx_http_chat_redis_send_script(ngx_http_chat_redis_op_t *op,
    ngx_uint_t whole);
static void ngx_http_chat_redis_op_free(ngx_http_chat_redis_op_t *op);


ngx_http_chat_redis_op_t *
ngx_http_chat_redis_command(ngx_http_chat_redis_t *link,
    ngx_http_chat_redis_handler_pt handler, void *data, ngx_uint_t argc,
    ngx_str_t *argv)
{
    ngx_http_chat_redis_op_t  *op;

    op = ngx_http_chat_redis_op(link, handler, data, argc, argv, 0);
    if (op == NULL) {
        return NULL;
    }

    if (ngx_http_chat_redis_send(link, ngx_http_chat_redis_reply_handler, op,
                                 argc, argv)
        != NGX_OK)
    {
        ngx_http_chat_redis_op_free(op);
        return NULL;
    }

    return op;
}


ngx_http_chat_redis_op_t *
ngx_http_chat_redis_eval(ngx_http_chat_redis_t *link,
    ngx_http_chat_redis_script_t *script,
    ngx_http_chat_redis_handler_pt handler, void *data, ngx_uint_t nkeys,
    ngx_uint_t argc, ngx_str_t *argv)
{
    u_char                    *p;
    size_t                     size;
    ngx_uint_t                 i;
    ngx_http_chat_redis_op_t  *op;

    size = argc * sizeof(ngx_str_t);

    for (i = 0; i < argc; i++) {
        size += argv[i].len;
    }

    op = ngx_http_chat_redis_op(link, handler, data, argc, argv, size);
    if (op == NULL) {
        return NULL;
    }

    op->script = script;
    op->nkeys = nkeys;
    op->argc = argc;
    op->argv = (ngx_str_t *) (op + 1);

    p = (u_char *) (op->argv + argc);

    for (i = 0; i < argc; i++) {
        op->argv[i].len = argv[i].len;
        op->argv[i].data = p;
        p = ngx_cpymem(p, argv[i].data, argv[i].len);
    }

    if (ngx_http_chat_redis_send_script(op, 0) != NGX_OK) {
        ngx_http_chat_redis_op_free(op);
        return NULL;
    }

    return op;
}


void
ngx_http_chat_redis_cancel(ngx_http_chat_redis_op_t *op)
{
    if (op) {
        op->handler = NULL;
    }
}


static void
ngx_http_chat_redis_reply_handler(redisAsyncContext *ac, void *r, void *data)
{
    redisReply                *reply = r;
    ngx_http_chat_redis_op_t  *op = data;

    ngx_http_chat_redis_t  *link;

    link = op->link;

    if (reply && reply->type == REDIS_REPLY_ERROR && op->script
        && ngx_strncmp(reply->str, "NOSCRIPT", 8) == 0
        && ngx_http_chat_redis_send_script(op, 1) == NGX_OK)
    {
        /* sent whole, and only once: EVAL has no such error */
        return;
    }

    if (reply) {
        ngx_http_chat_stat_round_trip(ngx_current_msec - op->sent);
    }

    if (op->handler) {
        op->handler(op->data, reply);
    }

    ngx_http_chat_redis_op_free(op);

    /* a script's error may have it further behind */

    if (link->sentinel && link->ac == ac
        && reply && reply->type == REDIS_REPLY_ERROR
        && ngx_strstr(reply->str, "READONLY"))
    {
        ngx_http_chat_redis_drop(link, "it was made a replica");
    }
}


static ngx_http_chat_redis_op_t *
ngx_http_chat_redis_op(ngx_http_chat_redis_t *link,
    ngx_http_chat_redis_handler_pt handler, void *data, ngx_uint_t argc,
    ngx_str_t *argv, size_t extra)
{
    size_t                     bytes;
    ngx_uint_t                 i;
    ngx_http_chat_redis_op_t  *op;

    bytes = 0;

    for (i = 0; i < argc; i++) {
        bytes += argv[i].len;
    }

    if (!ngx_http_chat_redis_ready(link)
        || link->nops >= NGX_HTTP_CHAT_REDIS_MAX_OPS
        || link->bytes + bytes > NGX_HTTP_CHAT_REDIS_MAX_BYTES)
    {
        return NULL;
    }

    op = ngx_alloc(sizeof(ngx_http_chat_redis_op_t) + extra, link->log);
    if (op == NULL) {
        return NULL;
    }

    op->link = link;
    op->handler = handler;
    op->data = data;
    op->sent = ngx_current_msec;
    op->bytes = bytes;
    op->unsent = NULL;
    op->script = NULL;

    ngx_queue_insert_tail(&link->ops, &op->queue);
    link->nops++;
    link->bytes += bytes;

    return op;
}


/* hiredis would format the command with an allocation for nearly each word */

ngx_int_t
ngx_http_chat_redis_send(ngx_http_chat_redis_t *link, redisCallbackFn *fn,
    void *data, ngx_uint_t argc, ngx_str_t *argv)
{
    int                        rc;
    u_char                    *buf, *p, stack[1024];
    size_t                     size;
    ngx_uint_t                 i;
    ngx_http_chat_redis_op_t  *op;

    if (link->ac == NULL && link->status != ngx_http_chat_redis_first) {
        return NGX_ERROR;
    }

    size = NGX_HTTP_CHAT_REDIS_COUNT + 1;

    for (i = 0; i < argc; i++) {
        size += NGX_HTTP_CHAT_REDIS_COUNT + argv[i].len + 2;
    }

    buf = stack;

    if (size > sizeof(stack) || link->ac == NULL) {
        buf = ngx_alloc(size, link->log);
        if (buf == NULL) {
            return NGX_ERROR;
        }
    }

    p = ngx_http_chat_redis_count(buf, '*', argc);

    for (i = 0; i < argc; i++) {
        p = ngx_http_chat_redis_count(p, '$', argv[i].len);

        if (argv[i].len) {
            p = ngx_cpymem(p, argv[i].data, argv[i].len);
        }

        *p++ = CR;
        *p++ = LF;
    }

    /* hiredis looks for the channels of a SUBSCRIBE up to here */

    *p = '\0';

    if (link->ac == NULL) {
        op = data;
        op->unsent = buf;
        op->unsent_len = p - buf;

        return NGX_OK;
    }

    rc = redisAsyncFormattedCommand(link->ac, fn, data, (char *) buf, p - buf);

    if (buf != stack) {
        ngx_free(buf);
    }

    return rc == REDIS_OK ? NGX_OK : NGX_ERROR;
}


/* "*3" or "$5", and the line's end */

static u_char *
ngx_http_chat_redis_count(u_char *p, u_char kind, size_t n)
{
    u_char  digits[NGX_INT64_LEN];
    size_t  len;

    *p++ = kind;
    len = 0;

    do {
        digits[len++] = (u_char) ('0' + n % 10);
        n /= 10;
    } while (n);

    while (len) {
        *p++ = digits[--len];
    }

    *p++ = CR;
    *p++ = LF;

    return p;
}


void
ngx_http_chat_redis_unsent(ngx_http_chat_redis_t *link)
{
    int                        rc;
    ngx_queue_t               *q, *next;
    ngx_http_chat_redis_op_t  *op;

    for (q = ngx_queue_head(&link->ops);
         q != ngx_queue_sentinel(&link->ops);
         q = next)
    {
        next = ngx_queue_next(q);
        op = ngx_queue_data(q, ngx_http_chat_redis_op_t, queue);

        if (op->unsent == NULL) {
            continue;
        }

        rc = link->status == ngx_http_chat_redis_down
             ? REDIS_ERR
             : redisAsyncFormattedCommand(link->ac,
                                          ngx_http_chat_redis_reply_handler,
                                          op, (char *) op->unsent,
                                          op->unsent_len);
        if (rc == REDIS_OK) {
            ngx_free(op->unsent);
            op->unsent = NULL;
            continue;
        }

        if (op->handler) {
            op->handler(op->data, NULL);
        }

        ngx_http_chat_redis_op_free(op);
    }
}


static ngx_int_t
ngx_http_chat_redis_send_script(ngx_http_chat_redis_op_t *op, ngx_uint_t whole)
{
    u_char      count[NGX_INT_T_LEN];
    ngx_int_t   rc;
    ngx_str_t   args[16], *argv;

    argv = args;

    if (op->argc + 3 > 16) {
        argv = ngx_alloc((op->argc + 3) * sizeof(ngx_str_t), op->link->log);
        if (argv == NULL) {
            return NGX_ERROR;
        }
    }

    if (whole) {
        ngx_str_set(&argv[0], "EVAL");
        argv[1] = op->script->text;

    } else {
        ngx_str_set(&argv[0], "EVALSHA");
        argv[1].data = op->script->sha1;
        argv[1].len = sizeof(op->script->sha1);
    }

    argv[2].data = count;
    argv[2].len = ngx_sprintf(count, "%ui", op->nkeys) - count;

    ngx_memcpy(&argv[3], op->argv, op->argc * sizeof(ngx_str_t));

    rc = ngx_http_chat_redis_send(op->link, ngx_http_chat_redis_reply_handler,
                                  op, op->argc + 3, argv);

    if (argv != args) {
        ngx_free(argv);
    }

    return rc;
}


static void
ngx_http_chat_redis_op_free(ngx_http_chat_redis_op_t *op)
{
    ngx_queue_remove(&op->queue);
    op->link->nops--;
    op->link->bytes -= op->bytes;

    if (op->unsent) {
        ngx_free(op->unsent);
    }

    ngx_free(op);
}


ngx_uint_t
ngx_http_chat_redis_ok(redisReply *reply)
{
    return reply != NULL && reply->type != REDIS_REPLY_ERROR;
}


ngx_str_t
ngx_http_chat_redis_str(redisReply *reply)
{
    ngx_str_t  str;

    ngx_str_null(&str);

    if (reply && (reply->type == REDIS_REPLY_STRING
                  || reply->type == REDIS_REPLY_STATUS))
    {
        str.len = reply->len;
        str.data = (u_char *) reply->str;
    }

    return str;
}


redisReply *
ngx_http_chat_redis_element(redisReply *reply, ngx_uint_t i)
{
    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY
        || i >= (ngx_uint_t) reply->elements)
    {
        return NULL;
    }

    return reply->element[i];
}


int64_t
ngx_http_chat_redis_int(redisReply *reply)
{
    ngx_int_t  n;
    ngx_str_t  str;

    if (reply && reply->type == REDIS_REPLY_INTEGER) {
        return reply->integer;
    }

    str = ngx_http_chat_redis_str(reply);
    n = ngx_atoi(str.data, str.len);

    return n == NGX_ERROR ? 0 : n;
}
