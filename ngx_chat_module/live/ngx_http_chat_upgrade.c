/*
 * The opening handshake of a WebSocket (RFC 6455, section 4.2), and the way of
 * its connection out of nginx's request.
 *
 * The request is left at the end of the turn, from a posted event, when none of
 * nginx's functions for it is on the stack any more.  As in nginx's own change
 * to keepalive, the request, its pool and all header buffers are freed, and
 * what is kept is the connection with its small pool.
 */

#include "ngx_http_chat_conn.h"
#include "../http/ngx_http_chat_http.h"
#include "../proto/chat_http.h"

#include <ngx_sha1.h>


#define NGX_HTTP_CHAT_WS_GUID  "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


typedef struct {
    ngx_event_t                   event;
    ngx_http_request_t           *request;
    ngx_http_chat_conn_t         *conn;
} ngx_http_chat_leave_t;


static ngx_table_elt_t *ngx_http_chat_upgrade_header(ngx_http_request_t *r,
    const char *name);
static ngx_uint_t ngx_http_chat_upgrade_has(ngx_http_request_t *r,
    const char *name, chat_str_t token);
static ngx_int_t ngx_http_chat_upgrade_version(ngx_http_request_t *r);
static ngx_http_chat_frame_t *ngx_http_chat_upgrade_reply(
    ngx_http_request_t *r, chat_deflate_offer_t *offer);
static ngx_uint_t ngx_http_chat_upgrade_deflate(ngx_http_request_t *r,
    chat_deflate_offer_t *offer);
static void *ngx_http_chat_upgrade_alloc(void *data, size_t len);
static void ngx_http_chat_upgrade_dealloc(void *data, void *block);
static void ngx_http_chat_upgrade_leave(ngx_event_t *ev);
static void ngx_http_chat_upgrade_free_pool(ngx_connection_t *c);
static void ngx_http_chat_upgrade_free_buffers(ngx_connection_t *c,
    ngx_http_connection_t *hc);


ngx_int_t
ngx_http_chat_conn_check(ngx_http_request_t *r)
{
    u_char            nonce[32];
    ngx_str_t         decoded;
    ngx_table_elt_t  *key, *version;

    version = ngx_http_chat_upgrade_header(r, "sec-websocket-version");
    key = ngx_http_chat_upgrade_header(r, "sec-websocket-key");

    if (key == NULL
        || !ngx_http_chat_upgrade_has(r, "upgrade", chat_str("websocket"))
        || !ngx_http_chat_upgrade_has(r, "connection", chat_str("upgrade"))
        || r->headers_in.content_length_n > 0 || r->headers_in.chunked)
    {
        return NGX_HTTP_BAD_REQUEST;
    }

    if (version == NULL || version->value.len != 2
        || ngx_strncmp(version->value.data, "13", 2) != 0)
    {
        return ngx_http_chat_upgrade_version(r);
    }

    /* 16 bytes in base64 */

    decoded.data = nonce;

    if (key->value.len != 24
        || ngx_decode_base64(&decoded, &key->value) != NGX_OK
        || decoded.len != 16)
    {
        return NGX_HTTP_BAD_REQUEST;
    }

    return NGX_OK;
}


/* the header of a name, in lower case; NULL if there is none, or several */

static ngx_table_elt_t *
ngx_http_chat_upgrade_header(ngx_http_request_t *r, const char *name)
{
    size_t            len;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h, *found;

    len = ngx_strlen(name);
    found = NULL;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len != len
                || ngx_strncasecmp(h[i].key.data, (u_char *) name, len) != 0)
            {
                continue;
            }

            if (found) {
                return NULL;
            }

            found = &h[i];
        }
    }

    return found;
}


/* a list may be in several headers: RFC 9110, 5.3 */

static ngx_uint_t
ngx_http_chat_upgrade_has(ngx_http_request_t *r, const char *name,
    chat_str_t token)
{
    size_t            len;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    len = ngx_strlen(name);

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len == len
                && ngx_strncasecmp(h[i].key.data, (u_char *) name, len) == 0
                && chat_token_in_list((chat_str_t) { h[i].value.len,
                                                     h[i].value.data },
                                      token))
            {
                return 1;
            }
        }
    }

    return 0;
}


/* 426 and what goes with it: RFC 6455, 4.4; RFC 9110, 15.5.22 and 7.8 */

static ngx_int_t
ngx_http_chat_upgrade_version(ngx_http_request_t *r)
{
    ngx_uint_t        i;
    ngx_table_elt_t  *h;

    static const struct {
        ngx_str_t     key;
        ngx_str_t     value;
    } headers[] = {
        { ngx_string("Sec-WebSocket-Version"), ngx_string("13") },
        { ngx_string("Upgrade"), ngx_string("websocket") },
        { ngx_string("Connection"), ngx_string("Upgrade") }
    };

    for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        h = ngx_http_chat_push_header(r);
        if (h == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        h->key = headers[i].key;
        h->value = headers[i].value;
    }

    return 426;                         /* Upgrade Required */
}


/*
 * 1 if an offer of permessage-deflate is accepted; several headers are one
 * list.  The worker's streams are made at the first.
 */

static ngx_uint_t
ngx_http_chat_upgrade_deflate(ngx_http_request_t *r,
    chat_deflate_offer_t *offer)
{
    ngx_uint_t              i, found;
    ngx_list_part_t        *part;
    ngx_table_elt_t        *h;
    chat_deflate_offer_t    one;

    static const ngx_str_t  name = ngx_string("sec-websocket-extensions");

    found = 0;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len != name.len
                || ngx_strncasecmp(h[i].key.data, name.data, name.len) != 0)
            {
                continue;
            }

            switch (chat_deflate_negotiate((chat_str_t) { h[i].value.len,
                                                          h[i].value.data },
                                           &one))
            {
            case CHAT_ERROR:
                return 0;

            case CHAT_OK:
                if (!found) {
                    *offer = one;
                }

                found = 1;
                break;
            }
        }
    }

    return found && ngx_http_chat_deflate_init() == NGX_OK;
}


ngx_int_t
ngx_http_chat_deflate_init(void)
{
    chat_deflate_mem_t       mem;
    ngx_http_chat_worker_t  *worker;

    worker = ngx_http_chat_worker;

    if (worker->deflate == NULL) {
        mem.alloc = ngx_http_chat_upgrade_alloc;
        mem.free = ngx_http_chat_upgrade_dealloc;
        mem.data = worker->log;

        worker->deflate = chat_deflate_create(&mem);
    }

    return worker->deflate ? NGX_OK : NGX_ERROR;
}


static void *
ngx_http_chat_upgrade_alloc(void *data, size_t len)
{
    return ngx_alloc(len, data);
}


static void
ngx_http_chat_upgrade_dealloc(void *data, void *block)
{
    ngx_free(block);
}


/* the 101, in a frame without a WebSocket header; offer NULL: no extension */

static ngx_http_chat_frame_t *
ngx_http_chat_upgrade_reply(ngx_http_request_t *r, chat_deflate_offer_t *offer)
{
    u_char                 *p, digest[20];
    ngx_str_t               accept, src;
    ngx_sha1_t              sha1;
    ngx_table_elt_t        *key;
    ngx_http_chat_frame_t  *frame;

    frame = ngx_http_chat_frame_create(512);
    if (frame == NULL) {
        return NULL;
    }

    key = ngx_http_chat_upgrade_header(r, "sec-websocket-key");

    ngx_sha1_init(&sha1);
    ngx_sha1_update(&sha1, key->value.data, key->value.len);
    ngx_sha1_update(&sha1, NGX_HTTP_CHAT_WS_GUID,
                    sizeof(NGX_HTTP_CHAT_WS_GUID) - 1);
    ngx_sha1_final(digest, &sha1);

    p = frame->text;

    p = ngx_cpymem(p, "HTTP/1.1 101 Switching Protocols" CRLF
                      "Upgrade: websocket" CRLF
                      "Connection: Upgrade" CRLF
                      "Sec-WebSocket-Accept: ",
                   sizeof("HTTP/1.1 101 Switching Protocols" CRLF
                          "Upgrade: websocket" CRLF
                          "Connection: Upgrade" CRLF
                          "Sec-WebSocket-Accept: ") - 1);

    src.data = digest;
    src.len = sizeof(digest);
    accept.data = p;

    ngx_encode_base64(&accept, &src);

    p += accept.len;

    if (offer) {
        p = ngx_sprintf(p, CRLF "Sec-WebSocket-Extensions: permessage-deflate; "
                        "server_no_context_takeover; "
                        "client_no_context_takeover");

        if (offer->asked) {
            p = ngx_sprintf(p, "; server_max_window_bits=%ui",
                            (ngx_uint_t) offer->window);
        }
    }

    p = ngx_cpymem(p, CRLF CRLF, 4);

    frame->len = (uint32_t) (p - frame->text);

    return frame;
}


ngx_int_t
ngx_http_chat_conn_upgrade(ngx_http_request_t *r, ngx_http_chat_hub_t *hub,
    ngx_http_chat_loc_conf_t *conf, ngx_http_chat_session_t *s,
    const u_char *sid, ngx_http_chat_token_t *token)
{
    ngx_buf_t              *b;
    ngx_uint_t              deflate;
    chat_deflate_offer_t    offer;
    ngx_http_chat_conn_t   *conn;
    ngx_http_chat_frame_t  *frame;
    ngx_http_chat_leave_t  *leave;

    leave = ngx_pcalloc(r->pool, sizeof(ngx_http_chat_leave_t));
    conn = ngx_http_chat_conn_create(hub, conf);
    deflate = conf->deflate && ngx_http_chat_upgrade_deflate(r, &offer);
    frame = ngx_http_chat_upgrade_reply(r, deflate ? &offer : NULL);

    if (leave == NULL || conn == NULL || frame == NULL
        || ngx_http_chat_outbox_push(&conn->out, frame) != NGX_OK)
    {
        goto failed;
    }

    ngx_http_chat_frame_unref(frame);
    frame = NULL;

    if (deflate) {
        conn->window = offer.window;
        conn->parser.deflate = 1;
    }

    /* what the client has sent behind its handshake */

    b = r->header_in;

    if (b->pos < b->last
        && ngx_http_chat_conn_hold(conn, b->pos, b->last - b->pos) != NGX_OK)
    {
        goto failed;
    }

    if (s == NULL) {
        conn->remote = ngx_alloc(sizeof(ngx_http_chat_remote_t),
                                 r->connection->log);
        if (conn->remote == NULL) {
            goto failed;
        }

        conn->remote->token = *token;
        ngx_http_chat_client_id(r, conf, &conn->remote->client);
        ngx_memcpy(conn->remote->sid, sid, NGX_HTTP_CHAT_SID_LEN);

    } else {
        conn->session = s;

        if (s->transport == NGX_HTTP_CHAT_POLLING) {
            s->probe = conn;

        } else {
            ngx_http_chat_session_upgraded(s, conn);
        }
    }

    if (s == NULL || s->probe) {
        ngx_http_chat_conn_wait(conn, NGX_HTTP_CHAT_UPGRADE_WAIT);
    }

    leave->request = r;
    leave->conn = conn;
    leave->event.handler = ngx_http_chat_upgrade_leave;
    leave->event.data = leave;
    leave->event.log = r->connection->log;

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    r->headers_out.status = NGX_HTTP_SWITCHING_PROTOCOLS;
    r->header_sent = 1;
    r->main->count++;

    ngx_post_event(&leave->event, &ngx_posted_events);

    return NGX_DONE;

failed:

    ngx_http_chat_frame_unref(frame);

    if (conn) {
        ngx_http_chat_outbox_clear(&conn->out);
        ngx_http_chat_conn_free(conn);
    }

    return NGX_HTTP_INTERNAL_SERVER_ERROR;
}


static void
ngx_http_chat_upgrade_leave(ngx_event_t *ev)
{
    ngx_http_chat_leave_t *leave = ev->data;

    ngx_connection_t       *c;
    ngx_http_request_t     *r;
    ngx_http_chat_conn_t   *conn;
    ngx_http_connection_t  *hc;

    r = leave->request;
    conn = leave->conn;
    c = r->connection;
    hc = r->http_connection;

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    /* the line in the access log is written here */

    r->keepalive = 0;
    ngx_http_free_request(r, 0);

    c->destroyed = 0;
    c->data = conn;
    c->log->action = "serving a chat connection";

    ngx_http_chat_upgrade_free_buffers(c, hc);

#if (NGX_HTTP_SSL)

    /* TLS has its state in the pool */

    if (c->ssl == NULL)
#endif
    {
        ngx_http_chat_upgrade_free_pool(c);
    }

    ngx_http_chat_conn_start(conn, c);
}


/* the address and the log are in the pool as well */

static void
ngx_http_chat_upgrade_free_pool(ngx_connection_t *c)
{
    ngx_pool_t  *pool;

    pool = c->pool;

    c->pool = NULL;
    c->log = ngx_http_chat_worker->log;
    c->read->log = c->log;
    c->write->log = c->log;

    c->sockaddr = NULL;
    c->socklen = 0;
    ngx_str_null(&c->addr_text);
    c->local_sockaddr = NULL;
    c->local_socklen = 0;

    ngx_destroy_pool(pool);
}


static void
ngx_http_chat_upgrade_free_buffers(ngx_connection_t *c,
    ngx_http_connection_t *hc)
{
    ngx_chain_t  *cl, *ln;

    ngx_pfree(c->pool, c->buffer->start);

    for (cl = hc->free; cl; /* void */) {
        ln = cl;
        cl = cl->next;
        ngx_pfree(c->pool, ln->buf->start);
        ngx_free_chain(c->pool, ln);
    }

    for (cl = hc->busy; cl; /* void */) {
        ln = cl;
        cl = cl->next;
        ngx_pfree(c->pool, ln->buf->start);
        ngx_free_chain(c->pool, ln);
    }

    hc->free = NULL;
    hc->busy = NULL;
    hc->nbusy = 0;
    c->buffer = NULL;
}
