/*
 * The worker: start, end of turn, shutdown.
 */

#include "ngx_http_chat_hub.h"
#include "ngx_http_chat_conn.h"
#include "ngx_http_chat_handover.h"
#include "ngx_http_chat_polling.h"
#include "ngx_http_chat_relay.h"
#include "ngx_http_chat_replay.h"

#include <sodium.h>
#include <sys/eventfd.h>


#define NGX_HTTP_CHAT_DRAIN_TICK    50            /* ms */
#define NGX_HTTP_CHAT_DRAIN_USERS   10000


static ngx_int_t ngx_http_chat_watch_create(ngx_http_chat_worker_t *worker);
static void ngx_http_chat_watch_handler(ngx_event_t *rev);
static void ngx_http_chat_drain_handler(ngx_event_t *ev);
static void ngx_http_chat_turn_handler(ngx_event_t *ev);


ngx_http_chat_worker_t  *ngx_http_chat_worker;


ngx_int_t
ngx_http_chat_live_init(ngx_cycle_t *cycle)
{
    ngx_uint_t                    i;
    ngx_http_chat_worker_t       *worker;
    ngx_http_chat_main_conf_t    *cmcf;
    ngx_http_chat_redis_conf_t  **redis;

    cmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_chat_module);

    worker = ngx_calloc(sizeof(ngx_http_chat_worker_t), cycle->log);
    if (worker == NULL) {
        return NGX_ERROR;
    }

    ngx_http_chat_worker = worker;

    worker->main = cmcf;
    worker->log = cycle->log;
    worker->id.data = worker->id_data;
    worker->id.len = NGX_HTTP_CHAT_WORKER_ID_LEN;
    ngx_http_chat_random_id(worker->id_data, NGX_HTTP_CHAT_WORKER_ID_LEN);

    ngx_http_chat_clients_start(cmcf);

    ngx_rbtree_init(&worker->sessions, &worker->sessions_sentinel,
                    ngx_str_rbtree_insert_value);
    ngx_rbtree_init(&worker->relays, &worker->relays_sentinel,
                    ngx_rbtree_insert_value);

    ngx_queue_init(&worker->dirty);
    ngx_queue_init(&worker->ready);
    ngx_queue_init(&worker->replies);
    ngx_queue_init(&worker->dead_sessions);
    ngx_queue_init(&worker->dead_conns);

    ngx_http_chat_wheel_init(&worker->wheel, cycle->log);

    worker->turn.handler = ngx_http_chat_turn_handler;
    worker->turn.log = cycle->log;

    worker->drain.handler = ngx_http_chat_drain_handler;
    worker->drain.data = worker;
    worker->drain.log = cycle->log;

    worker->scratch = ngx_alloc(NGX_HTTP_CHAT_SCRATCH, cycle->log);
    worker->hubs = ngx_calloc(cmcf->redis.nelts * sizeof(void *), cycle->log);

    if (worker->scratch == NULL || worker->hubs == NULL
        || ngx_http_chat_watch_create(worker) != NGX_OK)
    {
        return NGX_ERROR;
    }

    worker->nhubs = cmcf->redis.nelts;
    redis = cmcf->redis.elts;

    for (i = 0; i < worker->nhubs; i++) {
        if (redis[i]->used && ngx_http_chat_hub_create(redis[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    ngx_http_chat_handover_create();

    return NGX_OK;
}


void
ngx_http_chat_live_exit(ngx_cycle_t *cycle)
{
    ngx_uint_t               i;
    ngx_rbtree_node_t       *node;
    ngx_http_chat_worker_t  *worker;

    worker = ngx_http_chat_worker;

    if (worker == NULL) {
        return;
    }

    /* a worker that has to exit at once may still have some */

    while (worker->sessions.root != &worker->sessions_sentinel) {
        node = ngx_rbtree_min(worker->sessions.root,
                              &worker->sessions_sentinel);
        ngx_http_chat_session_close((ngx_http_chat_session_t *) node, 1001,
                                    "the worker exits");
    }

    ngx_http_chat_handover_destroy();

    ngx_http_chat_turn_handler(&worker->turn);

    for (i = 0; i < worker->nhubs; i++) {
        if (worker->hubs[i]) {
            ngx_http_chat_hub_destroy(worker->hubs[i]);
        }
    }

    ngx_http_chat_turn_handler(&worker->turn);

    if (worker->turn.posted) {
        ngx_delete_posted_event(&worker->turn);
    }

    if (worker->drain.timer_set) {
        ngx_del_timer(&worker->drain);
    }

    ngx_http_chat_wheel_exit(&worker->wheel);

    if (worker->watch) {
        ngx_close_connection(worker->watch);
    }

    ngx_http_chat_outbox_exit();
    chat_deflate_destroy(worker->deflate);
    ngx_free(worker->scratch);
    ngx_free(worker->hubs);
    ngx_free(worker);

    ngx_http_chat_worker = NULL;
}


ngx_http_chat_hub_t *
ngx_http_chat_hub(ngx_http_chat_loc_conf_t *conf)
{
    return ngx_http_chat_worker->hubs[conf->redis->index];
}


ngx_http_chat_redis_t *
ngx_http_chat_hub_redis(ngx_http_chat_hub_t *hub)
{
    return hub->redis;
}


/*
 * nginx tells only idle connections that it is shutting down, and a waiting
 * GET's is none: this one hears of it for all.
 */

static ngx_int_t
ngx_http_chat_watch_create(ngx_http_chat_worker_t *worker)
{
    int                fd;
    ngx_connection_t  *c;

    fd = eventfd(0, EFD_NONBLOCK|EFD_CLOEXEC);
    if (fd == -1) {
        ngx_log_error(NGX_LOG_EMERG, worker->log, ngx_errno,
                      "eventfd() failed");
        return NGX_ERROR;
    }

    c = ngx_get_connection(fd, worker->log);
    if (c == NULL) {
        (void) close(fd);
        return NGX_ERROR;
    }

    c->data = worker;
    c->log = worker->log;
    c->read->log = worker->log;
    c->write->log = worker->log;
    c->read->handler = ngx_http_chat_watch_handler;
    c->idle = 1;

    worker->watch = c;

    return NGX_OK;
}


static void
ngx_http_chat_watch_handler(ngx_event_t *rev)
{
    ngx_uint_t               i;
    ngx_connection_t        *c;
    ngx_http_chat_worker_t  *worker;

    c = rev->data;
    worker = c->data;

    if (c->close && !worker->drain.timer_set) {
        c->idle = 0;

        for (i = 0; i < worker->nhubs; i++) {
            if (worker->hubs[i]) {
                ngx_http_chat_announce_flush(worker->hubs[i]);
            }
        }

        /* unlike the others, this timer keeps the worker until all are told */

        ngx_add_timer(&worker->drain, 1);
        ngx_http_chat_handover_begin();
    }
}


/*
 * Closes a share of the sessions at each step, so that they don't all come to
 * the new workers at once; then waits for what still has to be said.
 */

static void
ngx_http_chat_drain_handler(ngx_event_t *ev)
{
    ngx_http_chat_worker_t *worker = ev->data;

    ngx_uint_t                n, i, left, users;
    ngx_msec_t                time;
    ngx_rbtree_node_t        *node, *next;
    ngx_http_chat_session_t  *s;

    time = 0;
    users = 0;

    for (i = 0; i < worker->nhubs; i++) {
        if (worker->hubs[i]) {
            time = ngx_max(time, worker->hubs[i]->conf->drain_time);
        }
    }

    left = 1 + time / NGX_HTTP_CHAT_DRAIN_TICK;
    left -= ngx_min(left - 1, worker->drain_step);

    if (worker->drain_step++ == 0) {
        ngx_http_chat_relay_drain();
    }

    n = 0;
    next = NULL;

    if (worker->sessions.root != &worker->sessions_sentinel) {
        next = ngx_rbtree_min(worker->sessions.root,
                              &worker->sessions_sentinel);
    }

    for (node = next; node; node = ngx_rbtree_next(&worker->sessions, node)) {
        if (!ngx_http_chat_handover_wants((ngx_http_chat_session_t *) node)) {
            n++;
        }
    }

    n = (n + left - 1) / left;

    while (next && n) {
        s = (ngx_http_chat_session_t *) next;
        next = ngx_rbtree_next(&worker->sessions, next);

        if (!ngx_http_chat_handover_wants(s)) {
            ngx_http_chat_session_close(s, 1001, "the server restarts");
            n--;
        }
    }

    /* users are taken offline when their time of grace is over */

    for (i = 0; i < worker->nhubs; i++) {
        if (worker->hubs[i]
            && !ngx_queue_empty(&worker->hubs[i]->user_list))
        {
            users = 1;
        }
    }

    if (worker->sessions.root != &worker->sessions_sentinel || worker->nconns
        || worker->relays.root != &worker->relays_sentinel
        || (users && worker->drain_step
                     < (time + NGX_HTTP_CHAT_DRAIN_USERS)
                       / NGX_HTTP_CHAT_DRAIN_TICK))
    {
        ngx_add_timer(ev, NGX_HTTP_CHAT_DRAIN_TICK);
    }
}


/* something has begun that was not there when the worker was told to go */

void
ngx_http_chat_drain_again(void)
{
    ngx_http_chat_worker_t  *worker;

    worker = ngx_http_chat_worker;

    if (ngx_exiting && !worker->drain.timer_set) {
        worker->drain_step = 0;
        ngx_add_timer(&worker->drain, 1);
    }
}


void
ngx_http_chat_turn(void)
{
    ngx_post_event(&ngx_http_chat_worker->turn, &ngx_posted_events);
}


static void
ngx_http_chat_turn_handler(ngx_event_t *ev)
{
    ngx_queue_t              *q;
    ngx_http_chat_conn_t     *conn;
    ngx_http_chat_worker_t   *worker;
    ngx_http_chat_session_t  *s;

    worker = ngx_http_chat_worker;

    while (!ngx_queue_empty(&worker->ready)
           || !ngx_queue_empty(&worker->dirty)
           || !ngx_queue_empty(&worker->replies))
    {
        while (!ngx_queue_empty(&worker->ready)) {
            q = ngx_queue_head(&worker->ready);
            s = ngx_queue_data(q, ngx_http_chat_session_t, turn);

            ngx_queue_remove(q);
            q->next = NULL;

            ngx_http_chat_session_flush(s);

            if (!s->closed && s->nreplays) {
                ngx_http_chat_replays_pump(s);
            }
        }

        while (!ngx_queue_empty(&worker->dirty)) {
            q = ngx_queue_head(&worker->dirty);
            conn = ngx_queue_data(q, ngx_http_chat_conn_t, turn);

            ngx_queue_remove(q);
            q->next = NULL;

            ngx_http_chat_conn_flush(conn);
        }

        while (!ngx_queue_empty(&worker->replies)) {
            q = ngx_queue_head(&worker->replies);
            ngx_http_chat_port_send(ngx_queue_data(q, ngx_http_chat_port_t,
                                                   replies));
        }
    }

    ngx_http_chat_batch_end();

    while (!ngx_queue_empty(&worker->dead_sessions)) {
        q = ngx_queue_head(&worker->dead_sessions);
        ngx_queue_remove(q);
        ngx_free(ngx_queue_data(q, ngx_http_chat_session_t, turn));
    }

    while (!ngx_queue_empty(&worker->dead_conns)) {
        q = ngx_queue_head(&worker->dead_conns);
        ngx_queue_remove(q);
        ngx_http_chat_conn_free(ngx_queue_data(q, ngx_http_chat_conn_t, turn));
    }
}


/*
 * The kernel is asked for many ids' bytes at once.  Nobody but this worker has
 * them, and none of them is used twice, nor kept when it has been.
 */

void
ngx_http_chat_random_id(u_char *out, size_t len)
{
    size_t                   i;
    u_char                  *random;
    ngx_http_chat_worker_t  *worker;

    static const char  alphabet[] =
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";

    worker = ngx_http_chat_worker;

    if (worker->nrandom < len) {
        randombytes_buf(worker->random, NGX_HTTP_CHAT_RANDOM);
        worker->nrandom = NGX_HTTP_CHAT_RANDOM;
    }

    worker->nrandom -= len;
    random = worker->random + worker->nrandom;

    for (i = 0; i < len; i++) {
        out[i] = alphabet[random[i] & 63];
    }

    sodium_memzero(random, len);
}
