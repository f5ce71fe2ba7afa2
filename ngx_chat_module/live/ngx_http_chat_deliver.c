/*
 * Packets for a client whose waiting GET came over another worker.
 *
 * They are kept until the client's next GET shows that it has them.  If Redis
 * did not pass them on, or the other worker, back from an outage of the bus,
 * asks for the same GET again, they go back to the front of the queue.
 */

#include "ngx_http_chat_relay_int.h"
#include "ngx_http_chat_socket.h"
#include "../proto/chat_eio.h"


static void ngx_http_chat_deliver_done(void *data, redisReply *reply);
static ngx_int_t ngx_http_chat_deliver_restore(ngx_http_chat_session_t *s);


void
ngx_http_chat_deliver(ngx_http_chat_session_t *s)
{
    u_char                line[64];
    ngx_str_t             head, body;
    ngx_http_chat_port_t *port;

    port = s->poll;

    if (s->delivery || port->stale
        || !ngx_http_chat_redis_ready(s->hub->redis))
    {
        return;
    }

    if (ngx_http_chat_port_join(&s->out, &body) != NGX_OK) {
        return;
    }

    head.data = line;
    head.len = ngx_sprintf(line, "reply %uL 200 0", port->id) - line;

    s->delivery = ngx_http_chat_relay_publish(s->hub, port->worker, &head,
                                              &body,
                                              ngx_http_chat_deliver_done, s);
    ngx_free(body.data);

    if (s->delivery == NULL) {
        return;
    }

    s->poll = NULL;
    s->carrier = port;
    s->sent = s->out;
    ngx_memzero(&s->out, sizeof(ngx_http_chat_outbox_t));
}


static void
ngx_http_chat_deliver_done(void *data, redisReply *reply)
{
    ngx_http_chat_session_t *s = data;

    ngx_http_chat_port_t  *port;

    s->delivery = NULL;

    if (ngx_http_chat_redis_ok(reply) && ngx_http_chat_redis_int(reply)) {

        if (s->cut) {
            ngx_http_chat_relay_try_move(s);
        }

        return;
    }

    port = s->carrier;
    s->carrier = NULL;

    if (ngx_http_chat_deliver_restore(s) != NGX_OK) {
        port->session = NULL;
        ngx_http_chat_port_free(port);
        ngx_http_chat_session_overflow(s);
        return;
    }

    /* nobody was there to hear it, or Redis is away */

    port->stale = ngx_http_chat_redis_ok(reply);
    s->poll = port;

    if (s->cut) {
        ngx_http_chat_relay_try_move(s);
        return;
    }

    ngx_http_chat_session_flush(s);
}


/* a GET has come: the next one, or the same again */

void
ngx_http_chat_deliver_asked(ngx_http_chat_session_t *s,
    ngx_http_chat_port_t *port)
{
    if (s->carrier == NULL) {
        return;
    }

    if (ngx_http_chat_polling_again(s->carrier, port)
        && ngx_http_chat_deliver_restore(s) != NGX_OK)
    {
        ngx_http_chat_session_overflow(s);
    }

    ngx_http_chat_deliver_close(s);
}


/* what was sent comes first again */

static ngx_int_t
ngx_http_chat_deliver_restore(ngx_http_chat_session_t *s)
{
    ngx_http_chat_outbox_t  later;

    later = s->out;
    s->out = s->sent;
    ngx_memzero(&s->sent, sizeof(ngx_http_chat_outbox_t));

    while (later.n) {
        if (ngx_http_chat_outbox_push(&s->out,
                                      ngx_http_chat_outbox_get(&later, 0))
            != NGX_OK)
        {
            ngx_http_chat_outbox_clear(&later);
            return NGX_ERROR;
        }

        ngx_http_chat_outbox_shift(&later);
    }

    return NGX_OK;
}


void
ngx_http_chat_deliver_close(ngx_http_chat_session_t *s)
{
    ngx_http_chat_redis_cancel(s->delivery);
    s->delivery = NULL;

    if (s->carrier) {
        s->carrier->session = NULL;
        ngx_http_chat_port_free(s->carrier);
        s->carrier = NULL;
    }

    ngx_http_chat_outbox_clear(&s->sent);
}


void
ngx_http_chat_deliver_resume(ngx_http_chat_hub_t *hub)
{
    ngx_rbtree_node_t        *node, *next;
    ngx_http_chat_worker_t   *worker;
    ngx_http_chat_session_t  *s;

    worker = ngx_http_chat_worker;

    if (worker->sessions.root == &worker->sessions_sentinel) {
        return;
    }

    node = ngx_rbtree_min(worker->sessions.root, &worker->sessions_sentinel);

    for ( /* void */ ; node; node = next) {
        next = ngx_rbtree_next(&worker->sessions, node);
        s = (ngx_http_chat_session_t *) node;

        if (s->hub == hub && s->poll && s->poll->request == NULL) {
            ngx_http_chat_session_flush(s);
        }
    }
}
