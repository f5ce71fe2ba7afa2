/*
 * Long-polling (engine.io-protocol, "HTTP long-polling"): see the header.
 */

#include "ngx_http_chat_life.h"
#include "ngx_http_chat_polling.h"
#include "ngx_http_chat_relay.h"
#include "../http/ngx_http_chat_http.h"
#include "../proto/chat_eio.h"


static ngx_http_chat_port_t *ngx_http_chat_port_create(
    ngx_http_chat_hub_t *hub, ngx_uint_t is_post);
static void ngx_http_chat_port_cleanup(void *data);
static void ngx_http_chat_polling_error_body(ngx_uint_t code,
    ngx_str_t *body, u_char *buf);


static const char  *ngx_http_chat_polling_errors[] = {
    "Transport unknown",
    "Session ID unknown",
    "Bad handshake method",
    "Bad request",
    "Forbidden",
    "Unsupported protocol version"
};


static ngx_str_t  ngx_http_chat_polling_types[] = {
    ngx_string("text/plain; charset=UTF-8"),
    ngx_string("text/html"),
    ngx_string("application/json; charset=utf-8")
};


static ngx_http_chat_port_t *
ngx_http_chat_port_create(ngx_http_chat_hub_t *hub, ngx_uint_t is_post)
{
    ngx_http_chat_port_t  *port;

    port = ngx_calloc(sizeof(ngx_http_chat_port_t), ngx_http_chat_worker->log);

    if (port) {
        port->hub = hub;
        port->is_post = is_post;
    }

    return port;
}


ngx_http_chat_port_t *
ngx_http_chat_port_local(ngx_http_chat_hub_t *hub, ngx_http_request_t *r,
    ngx_uint_t is_post)
{
    ngx_pool_cleanup_t    *cln;
    ngx_http_chat_port_t  *port;

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    port = ngx_http_chat_port_create(hub, is_post);
    if (port == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_chat_port_cleanup;
    cln->data = port;

    port->cleanup = cln;
    port->request = r;

    return port;
}


ngx_http_chat_port_t *
ngx_http_chat_port_remote(ngx_http_chat_hub_t *hub, const u_char *worker,
    uint64_t id, ngx_uint_t is_post)
{
    ngx_http_chat_port_t  *port;

    port = ngx_http_chat_port_create(hub, is_post);

    if (port) {
        ngx_memcpy(port->worker, worker, NGX_HTTP_CHAT_WORKER_ID_LEN);
        port->id = id;
    }

    return port;
}


/* the request is being freed before its answer: its client has gone */

static void
ngx_http_chat_port_cleanup(void *data)
{
    ngx_http_chat_port_t *port = data;

    port->request = NULL;
    port->cleanup = NULL;

    ngx_http_chat_port_abort(port);
}


void
ngx_http_chat_port_abort(ngx_http_chat_port_t *port)
{
    if (port->replying) {
        ngx_http_chat_port_free(port);
        return;
    }

    if (port->relayed) {
        ngx_http_chat_relay_abort(port);
        return;
    }

    if (port->is_post) {

        /* its packets have arrived and are processed all the same */

        port->id = 0;

        if (port->session == NULL) {
            ngx_http_chat_port_free(port);
        }

        return;
    }

    if (port->session) {
        port->session->poll = NULL;
    }

    ngx_http_chat_port_free(port);
}


void
ngx_http_chat_port_free(ngx_http_chat_port_t *port)
{
    if (port->cleanup) {
        port->cleanup->handler = NULL;
    }

    ngx_http_chat_timer_del(&ngx_http_chat_worker->wheel, &port->timer);
    ngx_http_chat_redis_cancel(port->op);

    if (port->relayed) {
        ngx_rbtree_delete(&ngx_http_chat_worker->relays, &port->node);
    }

    if (port->replying) {
        ngx_queue_remove(&port->replies);
    }

    if (port->body) {
        ngx_free(port->body);
    }

    ngx_free(port);
}


void
ngx_http_chat_port_reply(ngx_http_chat_port_t *port, ngx_uint_t status,
    ngx_uint_t type, ngx_str_t *body)
{
    ngx_http_request_t  *r;

    r = port->request;

    if (r == NULL) {
        if (port->id) {
            ngx_http_chat_relay_reply(port, status, type, body);
        }

        ngx_http_chat_port_free(port);
        return;
    }

    if (port->relayed) {
        port->relayed = 0;
        ngx_rbtree_delete(&ngx_http_chat_worker->relays, &port->node);
    }

    ngx_http_chat_timer_del(&ngx_http_chat_worker->wheel, &port->timer);
    ngx_http_chat_redis_cancel(port->op);
    port->op = NULL;

    port->status = status;
    port->type = type;
    port->reply.len = body->len;
    port->reply.data = ngx_pnalloc(r->pool, body->len);

    if (port->reply.data) {
        ngx_memcpy(port->reply.data, body->data, body->len);
    }

    port->replying = 1;

    ngx_queue_insert_tail(&ngx_http_chat_worker->replies, &port->replies);
    ngx_http_chat_turn();
}


void
ngx_http_chat_port_send(ngx_http_chat_port_t *port)
{
    ngx_str_t            body;
    ngx_uint_t           status, type;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = port->request;
    c = r->connection;
    status = port->status;
    type = port->type;
    body = port->reply;

    ngx_http_chat_port_free(port);
    ngx_http_set_log_request(c->log, r);

    if (body.data == NULL) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);

    } else {
        ngx_http_chat_send_body(r, status, &ngx_http_chat_polling_types[type],
                                &body);
    }

    ngx_http_run_posted_requests(c);
}


ngx_int_t
ngx_http_chat_port_join(ngx_http_chat_outbox_t *box, ngx_str_t *body)
{
    u_char                 *p;
    ngx_uint_t              i;
    ngx_http_chat_frame_t  *frame;

    body->data = ngx_alloc(box->bytes + box->n + 1, ngx_http_chat_worker->log);
    if (body->data == NULL) {
        return NGX_ERROR;
    }

    p = body->data;

    for (i = 0; i < box->n; i++) {
        frame = ngx_http_chat_outbox_get(box, i);

        if (i) {
            *p++ = CHAT_EIO_SEPARATOR;
        }

        p = ngx_cpymem(p, frame->text, frame->len);
    }

    body->len = p - body->data;

    return NGX_OK;
}


void
ngx_http_chat_port_error(ngx_http_chat_port_t *port, ngx_uint_t code)
{
    u_char     buf[128];
    ngx_str_t  body;

    ngx_http_chat_polling_error_body(code, &body, buf);

    ngx_http_chat_port_reply(port, code == NGX_HTTP_CHAT_EIO_FORBIDDEN
                                       ? NGX_HTTP_FORBIDDEN
                                       : NGX_HTTP_BAD_REQUEST,
                             NGX_HTTP_CHAT_REPLY_JSON, &body);
}


ngx_int_t
ngx_http_chat_polling_error(ngx_http_request_t *r, ngx_uint_t code)
{
    u_char     *buf;
    ngx_str_t   body;

    if (ngx_http_discard_request_body(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    buf = ngx_pnalloc(r->pool, 128);
    if (buf == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_chat_polling_error_body(code, &body, buf);

    r->main->count++;

    ngx_http_chat_send_body(r, code == NGX_HTTP_CHAT_EIO_FORBIDDEN
                                   ? NGX_HTTP_FORBIDDEN : NGX_HTTP_BAD_REQUEST,
                     &ngx_http_chat_polling_types[NGX_HTTP_CHAT_REPLY_JSON],
                            &body);
    return NGX_DONE;
}


static void
ngx_http_chat_polling_error_body(ngx_uint_t code, ngx_str_t *body, u_char *buf)
{
    body->data = buf;
    body->len = ngx_sprintf(buf, "{\"code\":%ui,\"message\":\"%s\"}", code,
                            ngx_http_chat_polling_errors[code])
                - buf;
}


ngx_uint_t
ngx_http_chat_polling_again(ngx_http_chat_port_t *waiting,
    ngx_http_chat_port_t *port)
{
    return waiting->request == NULL
           && waiting->id == port->id
           && ngx_memcmp(waiting->worker, port->worker,
                         NGX_HTTP_CHAT_WORKER_ID_LEN)
              == 0;
}


void
ngx_http_chat_polling_get(ngx_http_chat_session_t *s,
    ngx_http_chat_port_t *port)
{
    ngx_str_t              body;
    ngx_http_chat_port_t  *waiting;

    if (s->transport != NGX_HTTP_CHAT_POLLING || s->leaving) {
        ngx_http_chat_port_error(port, NGX_HTTP_CHAT_EIO_BAD);
        return;
    }

    if (ngx_http_chat_deliver_asked(s, port)) {
        return;
    }

    waiting = s->poll;

    if (waiting && ngx_http_chat_polling_again(waiting, port)) {
        s->poll = NULL;
        waiting->session = NULL;
        ngx_http_chat_port_free(waiting);
        waiting = NULL;
    }

    if (waiting) {
        s->poll = NULL;
        waiting->session = NULL;

        ngx_str_set(&body, "1");
        ngx_http_chat_port_reply(waiting, NGX_HTTP_OK,
                                 NGX_HTTP_CHAT_REPLY_PAYLOAD, &body);

        ngx_http_chat_port_error(port, NGX_HTTP_CHAT_EIO_BAD);
        ngx_http_chat_session_close(s, 1000, "two GETs at a time");
        return;
    }

    if (s->out.n == 0 && s->probed && ngx_http_chat_session_probing(s)) {

        /* the client waits for its GET to end before it upgrades */

        ngx_str_set(&body, "6");
        ngx_http_chat_port_reply(port, NGX_HTTP_OK,
                                 NGX_HTTP_CHAT_REPLY_PAYLOAD, &body);
        return;
    }

    s->polled = 1;

    port->session = s;
    s->poll = port;

    ngx_http_chat_session_flush(s);
    ngx_http_chat_session_drained(s);
}


void
ngx_http_chat_polling_post(ngx_http_chat_session_t *s,
    ngx_http_chat_port_t *port)
{
    if (s->transport != NGX_HTTP_CHAT_POLLING || s->leaving) {
        ngx_http_chat_port_error(port, NGX_HTTP_CHAT_EIO_BAD);
        return;
    }

    if (s->post) {
        ngx_http_chat_port_error(port, NGX_HTTP_CHAT_EIO_BAD);
        ngx_http_chat_session_close(s, 1000, "two POSTs at a time");
        return;
    }

    ngx_http_chat_life_received(s, port->rest.len);

    port->session = s;
    s->post = port;

    ngx_http_chat_polling_resume(s);
}


void
ngx_http_chat_polling_resume(ngx_http_chat_session_t *s)
{
    int                    rc;
    ngx_str_t              body;
    ngx_int_t              done;
    ngx_http_chat_port_t  *port;
    chat_eio_packet_t      packet;
    chat_str_t             text;

    port = s->post;

    do {
        text = port->rest;
        rc = chat_eio_next(&port->rest, &packet);

        if (rc != CHAT_OK) {
            break;
        }

        /* the packet with its type */

        text.len = packet.data.len + 1;

        done = ngx_http_chat_session_packet(s, text);

        if (done == NGX_DONE) {
            return;
        }

        if (done == NGX_ERROR) {
            rc = CHAT_ERROR;
            break;
        }

        if (done == NGX_AGAIN) {
            return;
        }

    } while (rc == CHAT_OK);

    s->post = NULL;
    port->session = NULL;

    if (rc == CHAT_ERROR) {
        ngx_http_chat_port_error(port, NGX_HTTP_CHAT_EIO_BAD);
        ngx_http_chat_session_close(s, 1000, "an invalid packet");
        return;
    }

    ngx_str_set(&body, "ok");
    ngx_http_chat_port_reply(port, NGX_HTTP_OK, NGX_HTTP_CHAT_REPLY_HTML,
                             &body);
}
