/*
 * Request bodies.  A resource's JSON is read as it comes, without nginx's
 * buffering, so that it never gets into a file and its limit holds for chunked
 * bodies too; it is kept in the request's pool, and the tree that is made of it
 * is freed with the context.
 */

#include "ngx_http_chat_http.h"
#include "../proto/chat_http.h"
#include "../proto/chat_json.h"


static ngx_int_t ngx_http_chat_body_refuse(ngx_http_chat_ctx_t *ctx,
    ngx_uint_t status, const char *message);
static void ngx_http_chat_body_handler(ngx_http_request_t *r);
static void ngx_http_chat_body_event_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_chat_body_take(ngx_http_chat_ctx_t *ctx);
static void ngx_http_chat_body_error(ngx_http_chat_ctx_t *ctx, ngx_int_t rc);
static void ngx_http_chat_body_complete(ngx_http_chat_ctx_t *ctx);


static const char  ngx_http_chat_too_large[] = "The request is too large";


ngx_int_t
ngx_http_chat_body_read(ngx_http_chat_ctx_t *ctx, ngx_uint_t optional,
    ngx_http_chat_next_pt next)
{
    off_t                length;
    ngx_int_t            rc;
    chat_str_t           type;
    ngx_table_elt_t     *h;
    ngx_http_request_t  *r;

    r = ctx->request;
    ctx->next = next;

    length = r->headers_in.content_length_n;

    if (optional && length <= 0 && !r->headers_in.chunked) {
        r->main->count++;
        ngx_http_chat_watch(r);
        next(ctx);
        return NGX_DONE;
    }

    h = r->headers_in.content_type;
    type.len = h ? h->value.len : 0;
    type.data = h ? h->value.data : NULL;

    if (!chat_content_type_json(type)) {
        return ngx_http_chat_body_refuse(ctx,
                                         NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
                                         "The request must be JSON");
    }

    if (length > NGX_HTTP_CHAT_BODY_MAX) {

        /* who asks first is told, and may or may not send the body then */

        if (r->headers_in.expect) {
            r->expect_tested = 1;
            r->keepalive = 0;
        }

        return ngx_http_chat_body_refuse(ctx,
                                         NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                         ngx_http_chat_too_large);
    }

    ctx->raw_size = length > 0 ? (size_t) length : 1024;

    ctx->raw = ngx_pnalloc(r->pool, ctx->raw_size);
    if (ctx->raw == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->request_body_no_buffering = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_chat_body_handler);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        r->main->count++;
        ngx_http_chat_body_error(ctx, rc);
    }

    return NGX_DONE;
}


/* a reply to a request whose body nobody wants */

static ngx_int_t
ngx_http_chat_body_refuse(ngx_http_chat_ctx_t *ctx, ngx_uint_t status,
    const char *message)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r;

    r = ctx->request;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    r->main->count++;
    ngx_http_chat_send_error(r, status, message);

    return NGX_DONE;
}


/* called once, when nginx has the first of the body, if not all */

static void
ngx_http_chat_body_handler(ngx_http_request_t *r)
{
    r->read_event_handler = ngx_http_chat_body_event_handler;

    ngx_http_chat_body_event_handler(r);
}


static void
ngx_http_chat_body_event_handler(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    ngx_http_chat_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_chat_module);

    for ( ;; ) {
        rc = ngx_http_chat_body_take(ctx);

        if (rc != NGX_OK) {
            ngx_http_chat_body_error(ctx, rc);
            return;
        }

        if (!r->reading_body) {
            ngx_http_chat_body_complete(ctx);
            return;
        }

        rc = ngx_http_read_unbuffered_request_body(r);

        if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
            ngx_http_chat_body_error(ctx, rc);
            return;
        }

        if (rc == NGX_AGAIN && r->request_body->bufs == NULL) {
            return;
        }
    }
}


/* appends what nginx has read to ctx->raw, and gives nginx its buffers back */

static ngx_int_t
ngx_http_chat_body_take(ngx_http_chat_ctx_t *ctx)
{
    u_char               *p;
    size_t                n;
    ngx_buf_t            *b;
    ngx_chain_t          *cl, *next;
    ngx_http_request_t   *r;

    r = ctx->request;

    for (cl = r->request_body->bufs; cl; cl = next) {

        b = cl->buf;
        n = ngx_buf_in_memory(b) ? (size_t) (b->last - b->pos) : 0;

        if (ctx->raw_len + n > NGX_HTTP_CHAT_BODY_MAX) {
            return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
        }

        if (ctx->raw_len + n > ctx->raw_size) {

            ctx->raw_size = ngx_min(2 * (ctx->raw_len + n),
                                    NGX_HTTP_CHAT_BODY_MAX);

            p = ngx_pnalloc(r->pool, ctx->raw_size);
            if (p == NULL) {
                return NGX_HTTP_INTERNAL_SERVER_ERROR;
            }

            ngx_memcpy(p, ctx->raw, ctx->raw_len);
            (void) ngx_pfree(r->pool, ctx->raw);

            ctx->raw = p;
        }

        if (n) {
            ngx_memcpy(ctx->raw + ctx->raw_len, b->pos, n);
            ctx->raw_len += n;
            b->pos = b->last;
        }

        next = cl->next;
        ngx_free_chain(r->pool, cl);
    }

    r->request_body->bufs = NULL;

    return NGX_OK;
}


/*
 * The rest of the body is still in the way: nginx closes the connection after
 * the reply, as it does for its own error pages
 */

static void
ngx_http_chat_body_error(ngx_http_chat_ctx_t *ctx, ngx_int_t rc)
{
    ngx_http_request_t  *r;

    r = ctx->request;

    r->keepalive = 0;

    if (rc == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE) {
        ngx_http_chat_send_error(r, rc, ngx_http_chat_too_large);
        return;
    }

    if (rc == NGX_HTTP_BAD_REQUEST && !r->connection->error) {
        ngx_http_chat_send_error(r, rc, "The request is malformed");
        return;
    }

    ngx_http_finalize_request(r, rc);
}


static void
ngx_http_chat_body_complete(ngx_http_chat_ctx_t *ctx)
{
    chat_str_t           text;
    chat_json_t          value;
    ngx_http_request_t  *r;

    r = ctx->request;

    ngx_http_chat_watch(r);

    text.len = ctx->raw_len;
    text.data = ctx->raw;

    if (text.len == 0 && ctx->route->optional) {
        ctx->next(ctx);
        return;
    }

    if (chat_json_check(text, &value) == CHAT_OK
        && value.type == CHAT_JSON_OBJECT)
    {
        ctx->body = json_loadb((char *) ctx->raw, ctx->raw_len,
                               JSON_ALLOW_NUL, NULL);
    }

    if (ctx->body == NULL) {
        ngx_http_chat_send_error(r, NGX_HTTP_BAD_REQUEST,
                                 "The request is no valid JSON object");
        return;
    }

    ctx->next(ctx);
}


ngx_int_t
ngx_http_chat_body_string(ngx_http_chat_ctx_t *ctx, const char *key,
    ngx_str_t *str)
{
    json_t  *value;

    value = json_object_get(ctx->body, key);

    if (!json_is_string(value)) {
        return NGX_DECLINED;
    }

    str->data = (u_char *) json_string_value(value);
    str->len = json_string_length(value);

    return NGX_OK;
}


ssize_t
ngx_http_chat_body_copy(ngx_http_request_t *r, u_char *out)
{
    size_t        n, len;
    ssize_t       got;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    len = 0;

    if (r->request_body == NULL) {
        return 0;
    }

    for (cl = r->request_body->bufs; cl; cl = cl->next) {

        b = cl->buf;

        if (ngx_buf_in_memory(b)) {
            n = b->last - b->pos;

            if (out && n) {
                ngx_memcpy(out + len, b->pos, n);
            }

        } else if (b->in_file) {
            n = (size_t) (b->file_last - b->file_pos);

            if (out) {
                got = ngx_read_file(b->file, out + len, n, b->file_pos);

                if (got == NGX_ERROR || (size_t) got != n) {
                    return NGX_ERROR;
                }
            }

        } else {
            continue;
        }

        len += n;
    }

    return (ssize_t) len;
}
