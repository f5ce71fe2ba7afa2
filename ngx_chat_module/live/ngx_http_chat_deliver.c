/*
 * Packets for a client whose waiting GET came over another worker.
 *
 * A payload is kept until the client's next GET shows that it has it.  If Redis
 * did not pass it on, or the other worker, back from an outage of the bus, asks
 * for the same GET again, exactly the same payload is sent again, so that it
 * does not matter which of the two the client got.
 */

#include "ngx_http_chat_relay_int.h"


static void ngx_http_chat_deliver_send(ngx_http_chat_session_t *s);
static void ngx_http_chat_deliver_done(void *data, redisReply *reply);


void
ngx_http_chat_deliver(ngx_http_chat_session_t *s)
{
    s->carrier = s->poll;
    s->poll = NULL;

    s->sent = s->out;
    ngx_memzero(&s->out, sizeof(ngx_http_chat_outbox_t));

    ngx_http_chat_deliver_send(s);
}


/* without Redis, or without memory, it is sent when Redis is back */

static void
ngx_http_chat_deliver_send(ngx_http_chat_session_t *s)
{
    u_char     line[64];
    ngx_str_t  head, body;

    ngx_http_chat_redis_cancel(s->delivery);
    s->delivery = NULL;
    s->undelivered = 1;

    if (ngx_http_chat_port_join(&s->sent, &body) != NGX_OK) {
        return;
    }

    head.data = line;
    head.len = ngx_sprintf(line, "reply %uL 200 0", s->carrier->id) - line;

    s->delivery = ngx_http_chat_relay_publish(s->hub, s->carrier->worker,
                                              &head, &body,
                                              ngx_http_chat_deliver_done, s);
    ngx_free(body.data);
}


/* with nobody there to hear it, whoever asked will ask again later */

static void
ngx_http_chat_deliver_done(void *data, redisReply *reply)
{
    ngx_http_chat_session_t *s = data;

    s->delivery = NULL;

    if (ngx_http_chat_redis_ok(reply) && ngx_http_chat_redis_int(reply)) {
        s->undelivered = 0;
    }

    if (s->cut) {
        ngx_http_chat_relay_try_move(s);
    }
}


ngx_uint_t
ngx_http_chat_deliver_asked(ngx_http_chat_session_t *s,
    ngx_http_chat_port_t *port)
{
    if (s->carrier == NULL) {
        return 0;
    }

    if (!ngx_http_chat_polling_again(s->carrier, port)) {

        /* the client has what was sent */

        ngx_http_chat_deliver_close(s);
        return 0;
    }

    ngx_http_chat_port_free(s->carrier);

    s->carrier = port;
    ngx_http_chat_deliver_send(s);

    return 1;
}


void
ngx_http_chat_deliver_close(ngx_http_chat_session_t *s)
{
    ngx_http_chat_redis_cancel(s->delivery);
    s->delivery = NULL;

    s->undelivered = 0;

    if (s->carrier) {
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

        if (s->hub == hub && s->undelivered && s->delivery == NULL) {
            ngx_http_chat_deliver_send(s);
        }
    }
}
