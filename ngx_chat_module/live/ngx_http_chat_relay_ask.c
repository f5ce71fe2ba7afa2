/*
 * Worker to worker, the side that asks.
 *
 * A request that was sent to another worker waits as a port in worker->relays
 * until the answer comes, its time is up, or its client goes.  While Redis is
 * away it waits too; a GET is then asked for again, under the same id, which
 * its owner recognises.
 */

#include "ngx_http_chat_relay_int.h"


#define NGX_HTTP_CHAT_RELAY_SLACK    5000         /* ms */
#define NGX_HTTP_CHAT_RELAY_SETTLE   5000         /* after an outage */
#define NGX_HTTP_CHAT_RELAY_AGAIN    300
#define NGX_HTTP_CHAT_RELAY_DOUBT    1000


static void ngx_http_chat_relay_ask(ngx_http_chat_port_t *port);
static void ngx_http_chat_relay_timeout(ngx_http_chat_timer_t *timer);
static void ngx_http_chat_relay_fail(ngx_http_chat_port_t *port,
    ngx_uint_t status);
static void ngx_http_chat_relay_about(ngx_http_chat_port_t *port,
    const char *command);


void
ngx_http_chat_relay_request(ngx_http_chat_port_t *port, const u_char *sid,
    ngx_http_chat_token_t *token)
{
    ngx_http_chat_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(port->request, ngx_http_chat_module);

    port->token = *token;
    ngx_http_chat_count(NGX_HTTP_CHAT_STAT_RELAYS);

    ngx_http_chat_relay_insert(port, sid, port->is_post
                                   ? NGX_HTTP_CHAT_RELAY_POST
                                   : conf->ping_interval + conf->ping_timeout
                                     + NGX_HTTP_CHAT_RELAY_SLACK);

    ngx_http_chat_relay_ask(port);
}


/* sends the request, or has it wait until that is possible */

static void
ngx_http_chat_relay_ask(ngx_http_chat_port_t *port)
{
    u_char     *p, line[256];
    ngx_str_t   head, body;

    port->unsent = 1;

    if (!port->hub->up) {
        return;
    }

    p = ngx_sprintf(line, "%s %uL %V %*s ", port->is_post ? "post" : "get",
                    (uint64_t) port->node.key, &ngx_http_chat_worker->id,
                    (size_t) NGX_HTTP_CHAT_SID_LEN, port->sid);
    p = ngx_http_chat_relay_hash(p, &port->token);

    head.data = line;
    head.len = p - line;
    body.data = (u_char *) port->rest.data;
    body.len = port->rest.len;

    port->op = ngx_http_chat_relay_publish(port->hub, port->sid, &head, &body,
                                           ngx_http_chat_relay_sent, port);
    if (port->op) {
        port->unsent = 0;
    }
}


void
ngx_http_chat_relay_resume(ngx_http_chat_hub_t *hub, const u_char *worker)
{
    ngx_rbtree_t          *relays;
    ngx_rbtree_node_t     *node, *next;
    ngx_http_chat_port_t  *port;

    relays = &ngx_http_chat_worker->relays;

    if (relays->root == relays->sentinel) {
        return;
    }

    node = ngx_rbtree_min(relays->root, relays->sentinel);

    for ( /* void */ ; node; node = next) {
        next = ngx_rbtree_next(relays, node);

        port = (ngx_http_chat_port_t *)
                   ((u_char *) node - offsetof(ngx_http_chat_port_t, node));

        if (port->hub != hub || port->asked || port->op
            || (worker && ngx_memcmp(port->sid, worker,
                                     NGX_HTTP_CHAT_WORKER_ID_LEN)
                          != 0))
        {
            continue;
        }

        /*
         * A GET may be asked for twice.  A POST may not be sent twice, and the
         * answer to one that was sent may have been lost.
         */

        if (port->unsent || !port->is_post) {
            ngx_http_chat_relay_ask(port);

        } else if (worker) {

            /* or it was sent when its owner was just back, and is answered */

            port->doubtful = 1;
            port->deadline = ngx_current_msec + NGX_HTTP_CHAT_RELAY_DOUBT;

            ngx_http_chat_timer_set(&ngx_http_chat_worker->wheel, &port->timer,
                                    NGX_HTTP_CHAT_RELAY_DOUBT,
                                    ngx_http_chat_relay_timeout);

        } else {
            ngx_http_chat_relay_fail(port, NGX_HTTP_SERVICE_UNAVAILABLE);
        }
    }
}


void
ngx_http_chat_relay_insert(ngx_http_chat_port_t *port, const u_char *sid,
    ngx_msec_t timeout)
{
    ngx_http_chat_worker_t  *worker;

    worker = ngx_http_chat_worker;

    ngx_memcpy(port->sid, sid, NGX_HTTP_CHAT_SID_LEN);

    port->relayed = 1;
    port->deadline = ngx_current_msec + timeout;
    port->node.key = (ngx_rbtree_key_t) ++worker->request;

    ngx_rbtree_insert(&worker->relays, &port->node);
    ngx_http_chat_timer_set(&worker->wheel, &port->timer, timeout,
                            ngx_http_chat_relay_timeout);

    ngx_http_chat_drain_again();
}


u_char *
ngx_http_chat_relay_hash(u_char *p, ngx_http_chat_token_t *token)
{
    if (!token->set) {
        *p++ = '-';
        return p;
    }

    return ngx_cpymem(p, token->hash, NGX_HTTP_CHAT_HASH_LEN);
}


/* the number of subscribers: 0 means that the owner is dead */

void
ngx_http_chat_relay_sent(void *data, redisReply *reply)
{
    ngx_http_chat_port_t *port = data;

    port->op = NULL;

    if (ngx_http_chat_redis_ok(reply) && ngx_http_chat_redis_int(reply)) {
        return;
    }

    if (!ngx_http_chat_redis_ok(reply)) {

        if (port->asked || port->is_post) {
            ngx_http_chat_relay_fail(port, NGX_HTTP_SERVICE_UNAVAILABLE);
        }

        /* a GET is asked for again when the bus is back */

        return;
    }

    if (port->asked == NULL
        && ngx_current_msec - port->hub->since < NGX_HTTP_CHAT_RELAY_SETTLE)
    {
        /* just after an outage the owner may not be back on the bus yet */

        port->unsent = 1;

        ngx_http_chat_timer_set(&ngx_http_chat_worker->wheel, &port->timer,
                                NGX_HTTP_CHAT_RELAY_AGAIN,
                                ngx_http_chat_relay_timeout);
        return;
    }

    ngx_http_chat_relay_fail(port, NGX_HTTP_BAD_REQUEST);
}


static void
ngx_http_chat_relay_timeout(ngx_http_chat_timer_t *timer)
{
    ngx_http_chat_port_t  *port;

    port = (ngx_http_chat_port_t *)
               ((u_char *) timer - offsetof(ngx_http_chat_port_t, timer));

    if ((ngx_msec_int_t) (port->deadline - ngx_current_msec) > 0) {

        /* once more, and from then on the time that is left */

        ngx_http_chat_timer_set(&ngx_http_chat_worker->wheel, &port->timer,
                                port->deadline - ngx_current_msec,
                                ngx_http_chat_relay_timeout);

        if (port->unsent) {
            ngx_http_chat_relay_ask(port);
        }

        return;
    }

    ngx_http_chat_relay_fail(port, port->unsent || port->doubtful
                                       ? NGX_HTTP_SERVICE_UNAVAILABLE
                                       : NGX_HTTP_BAD_REQUEST);
}


static void
ngx_http_chat_relay_fail(ngx_http_chat_port_t *port, ngx_uint_t status)
{
    ngx_str_t  body;

    if (port->asked) {
        port->asked(port->data, 0);
        ngx_http_chat_port_free(port);
        return;
    }

    if (status == NGX_HTTP_BAD_REQUEST) {
        ngx_http_chat_port_error(port, NGX_HTTP_CHAT_EIO_SID);
        return;
    }

    ngx_str_set(&body, "{\"message\":\"The chat is not available right now\"}");
    ngx_http_chat_port_reply(port, status, NGX_HTTP_CHAT_REPLY_JSON, &body);
}


void
ngx_http_chat_relay_abort(ngx_http_chat_port_t *port)
{
    if (!port->is_post && port->asked == NULL) {
        ngx_http_chat_relay_about(port, "abort");

    } else if (port->asked) {
        ngx_http_chat_relay_unprobe(port->hub, port->sid);
    }

    ngx_http_chat_port_free(port);
}


void
ngx_http_chat_relay_begin(ngx_http_chat_hub_t *hub, const u_char *sid)
{
    ngx_http_chat_relay_tell(hub, "begin", sid);
}


void
ngx_http_chat_relay_end(ngx_http_chat_hub_t *hub, const u_char *sid)
{
    ngx_http_chat_relay_tell(hub, "end", sid);
}


void
ngx_http_chat_relay_dead(ngx_http_chat_hub_t *hub, const u_char *worker)
{
    ngx_rbtree_t          *relays;
    ngx_rbtree_node_t     *node, *next;
    ngx_http_chat_port_t  *port;

    relays = &ngx_http_chat_worker->relays;

    if (relays->root == relays->sentinel) {
        return;
    }

    node = ngx_rbtree_min(relays->root, relays->sentinel);

    for ( /* void */ ; node; node = next) {
        next = ngx_rbtree_next(relays, node);

        port = (ngx_http_chat_port_t *)
                   ((u_char *) node - offsetof(ngx_http_chat_port_t, node));

        if (port->hub == hub
            && ngx_memcmp(port->sid, worker, NGX_HTTP_CHAT_WORKER_ID_LEN) == 0)
        {
            ngx_http_chat_relay_fail(port, NGX_HTTP_BAD_REQUEST);
        }
    }
}


/*
 * The owner is asked to end them: an answer of its own may be under way, and
 * the client's next GET would say that it has got that one.
 */

void
ngx_http_chat_relay_drain(void)
{
    ngx_rbtree_node_t       *node;
    ngx_http_chat_port_t    *port;
    ngx_http_chat_worker_t  *worker;

    worker = ngx_http_chat_worker;

    if (worker->relays.root == &worker->relays_sentinel) {
        return;
    }

    for (node = ngx_rbtree_min(worker->relays.root, &worker->relays_sentinel);
         node;
         node = ngx_rbtree_next(&worker->relays, node))
    {
        port = (ngx_http_chat_port_t *)
                   ((u_char *) node - offsetof(ngx_http_chat_port_t, node));

        if (!port->is_post && port->asked == NULL) {
            ngx_http_chat_relay_about(port, "release");
        }
    }
}


static void
ngx_http_chat_relay_about(ngx_http_chat_port_t *port, const char *command)
{
    u_char     line[128];
    ngx_str_t  head, none;

    head.data = line;
    head.len = ngx_sprintf(line, "%s %uL %V %*s", command,
                           (uint64_t) port->node.key, &ngx_http_chat_worker->id,
                           (size_t) NGX_HTTP_CHAT_SID_LEN, port->sid)
               - line;
    ngx_str_null(&none);

    (void) ngx_http_chat_relay_publish(port->hub, port->sid, &head, &none,
                                       NULL, NULL);
}
