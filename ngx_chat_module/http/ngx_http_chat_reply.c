/*
 * Replies: their headers, errors, and JSON put together piece by piece.  All
 * memory is the request's.
 */

#include "ngx_http_chat_http.h"


#define NGX_HTTP_CHAT_TEXT_SIZE  1024
#define NGX_HTTP_CHAT_CROWDED    10     /* seconds to wait */


static u_char *ngx_http_chat_text_room(ngx_http_chat_text_t *text, size_t size);


static ngx_str_t  ngx_http_chat_json_type =
    ngx_string("application/json; charset=utf-8");
static ngx_str_t  ngx_http_chat_no_store = ngx_string("no-store");
static ngx_str_t  ngx_http_chat_nosniff = ngx_string("nosniff");
static ngx_str_t  ngx_http_chat_retry_after = ngx_string("1");


void
ngx_http_chat_send_body(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *content_type, ngx_str_t *body)
{
    u_char               *semicolon;
    ngx_int_t             rc;
    ngx_buf_t            *b;
    ngx_chain_t           out;
    ngx_http_chat_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_chat_module);

    if (ctx) {
        ngx_http_chat_ctx_release(ctx);
    }

    r->headers_out.status = status;
    r->headers_out.content_length_n = body->len;
    r->headers_out.content_type = *content_type;

    /* the type alone is what gzip_types and the like compare with */

    semicolon = ngx_strlchr(content_type->data,
                            content_type->data + content_type->len, ';');

    r->headers_out.content_type_len = semicolon
                                      ? (size_t) (semicolon
                                                  - content_type->data)
                                      : content_type->len;
    r->headers_out.content_type_lowcase = NULL;

    b = ngx_calloc_buf(r->pool);

    if (b == NULL
        || ngx_http_chat_add_header(r, "Cache-Control", &ngx_http_chat_no_store)
           != NGX_OK
        || ngx_http_chat_add_header(r, "X-Content-Type-Options",
                                    &ngx_http_chat_nosniff)
           != NGX_OK)
    {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        ngx_http_finalize_request(r, rc);
        return;
    }

    b->pos = body->data;
    b->last = body->data + body->len;
    b->start = b->pos;
    b->end = b->last;
    b->memory = body->len ? 1 : 0;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    ngx_http_finalize_request(r, ngx_http_output_filter(r, &out));
}


void
ngx_http_chat_send_json(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *json)
{
    ngx_http_chat_send_body(r, status, &ngx_http_chat_json_type, json);
}


void
ngx_http_chat_send_error(ngx_http_request_t *r, ngx_uint_t status,
    const char *message)
{
    ngx_str_t             str;
    ngx_http_chat_text_t  text;

    str.len = ngx_strlen(message);
    str.data = (u_char *) message;

    ngx_http_chat_text_init(&text, r->pool);

    ngx_http_chat_text_add(&text, "{\"message\":");
    ngx_http_chat_text_add_json(&text, &str);
    ngx_http_chat_text_add(&text, "}");

    ngx_http_chat_send_text(r, status, &text);
}


void
ngx_http_chat_send_unavailable(ngx_http_request_t *r)
{
    (void) ngx_http_chat_add_header(r, "Retry-After",
                                    &ngx_http_chat_retry_after);

    ngx_http_chat_send_error(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                             "The chat is not available now, try again later");
}


void
ngx_http_chat_send_too_many(ngx_http_request_t *r, ngx_uint_t seconds,
    const char *message)
{
    ngx_str_t  after;

    after.data = ngx_pnalloc(r->pool, NGX_INT_T_LEN);

    if (after.data) {
        after.len = ngx_sprintf(after.data, "%ui", seconds) - after.data;
        (void) ngx_http_chat_add_header(r, "Retry-After", &after);
    }

    ngx_http_chat_send_error(r, NGX_HTTP_TOO_MANY_REQUESTS, message);
}


void
ngx_http_chat_send_crowded(ngx_http_request_t *r)
{
    ngx_http_chat_send_too_many(r, NGX_HTTP_CHAT_CROWDED,
                                "Too many connections from your network, "
                                "please close some or try again later");
}


void
ngx_http_chat_send_banned(ngx_http_request_t *r)
{
    ngx_http_chat_send_error(r, NGX_HTTP_FORBIDDEN,
                             "You have been banned from this chat by an admin");
}


ngx_int_t
ngx_http_chat_add_header(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_http_chat_push_header(r);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->key.len = ngx_strlen(name);
    h->key.data = (u_char *) name;
    h->value = *value;

    return NGX_OK;
}


void
ngx_http_chat_text_init(ngx_http_chat_text_t *text, ngx_pool_t *pool)
{
    ngx_memzero(text, sizeof(ngx_http_chat_text_t));
    text->pool = pool;
}


void
ngx_http_chat_text_reserve(ngx_http_chat_text_t *text, size_t size)
{
    (void) ngx_http_chat_text_room(text, size);
}


/* where size more bytes have room */

static u_char *
ngx_http_chat_text_room(ngx_http_chat_text_t *text, size_t size)
{
    u_char  *p;
    size_t   used, wanted;

    if (text->failed) {
        return NULL;
    }

    used = text->last - text->start;

    if (text->start && (size_t) (text->end - text->last) >= size) {
        return text->last;
    }

    wanted = ngx_max(2 * used, NGX_HTTP_CHAT_TEXT_SIZE);
    wanted = ngx_max(wanted, used + size);

    p = ngx_pnalloc(text->pool, wanted);
    if (p == NULL) {
        text->failed = 1;
        return NULL;
    }

    if (text->start) {
        ngx_memcpy(p, text->start, used);
        (void) ngx_pfree(text->pool, text->start);
    }

    text->start = p;
    text->last = p + used;
    text->end = p + wanted;

    return text->last;
}


void
ngx_http_chat_text_add(ngx_http_chat_text_t *text, const char *s)
{
    ngx_str_t  str;

    str.len = ngx_strlen(s);
    str.data = (u_char *) s;

    ngx_http_chat_text_add_str(text, &str);
}


void
ngx_http_chat_text_add_str(ngx_http_chat_text_t *text, ngx_str_t *str)
{
    u_char  *p;

    p = ngx_http_chat_text_room(text, str->len);

    if (p && str->len) {
        text->last = ngx_cpymem(p, str->data, str->len);
    }
}


void
ngx_http_chat_text_add_json(ngx_http_chat_text_t *text, ngx_str_t *str)
{
    u_char  *p;

    p = ngx_http_chat_text_room(text, 6 * str->len + 2);

    if (p) {
        text->last = ngx_http_chat_store_escape(p, str);
    }
}


void
ngx_http_chat_text_add_identity(ngx_http_chat_text_t *text,
    ngx_http_chat_identity_t *user)
{
    ngx_http_chat_text_add(text, "{\"id\":");
    ngx_http_chat_text_add_json(text, &user->id);
    ngx_http_chat_text_add(text, ",\"username\":");
    ngx_http_chat_text_add_json(text, &user->username);
    ngx_http_chat_text_add(text, "}");
}


void
ngx_http_chat_text_add_user(ngx_http_chat_text_t *text, ngx_str_t *id,
    ngx_str_t *username, ngx_uint_t online)
{
    if (text->start && text->last[-1] == '}') {
        ngx_http_chat_text_add(text, ",");
    }

    ngx_http_chat_text_add_json(text, id);
    ngx_http_chat_text_add(text, ":{\"id\":");
    ngx_http_chat_text_add_json(text, id);
    ngx_http_chat_text_add(text, ",\"username\":");
    ngx_http_chat_text_add_json(text, username);
    ngx_http_chat_text_add(text, online ? ",\"online\":true}"
                                        : ",\"online\":false}");
}


void
ngx_http_chat_send_text(ngx_http_request_t *r, ngx_uint_t status,
    ngx_http_chat_text_t *text)
{
    ngx_str_t             json;
    ngx_http_chat_ctx_t  *ctx;

    if (text->failed) {
        ctx = ngx_http_get_module_ctx(r, ngx_http_chat_module);

        if (ctx) {
            ngx_http_chat_ctx_release(ctx);
        }

        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    json.data = text->start;
    json.len = text->last - text->start;

    ngx_http_chat_send_json(r, status, &json);
}
