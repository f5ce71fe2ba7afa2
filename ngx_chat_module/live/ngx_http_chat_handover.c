/*
 * Handing over, the old worker's side: see the header.
 *
 * One connection at a time goes into a link, and a limited number wait for
 * their turn to be taken.
 */

#include "ngx_http_chat_handover_int.h"
#include "ngx_http_chat_relay.h"


#define NGX_HTTP_CHAT_HANDOVER_TICK    10         /* ms */
#define NGX_HTTP_CHAT_HANDOVER_START   500        /* for a worker to be there */
#define NGX_HTTP_CHAT_HANDOVER_WAIT    3000
#define NGX_HTTP_CHAT_HANDOVER_MAX     256        /* under way */


/* conn is the session's, which has none meanwhile */

struct ngx_http_chat_handing_s {
    ngx_queue_t                   queue;
    ngx_http_chat_session_t      *session;
    ngx_http_chat_conn_t         *conn;
    ngx_http_chat_link_t         *link;           /* NULL: it was lost */
    ngx_msec_t                    since;
    unsigned                      ready:1;
};


static void ngx_http_chat_handover_handler(ngx_event_t *ev);
static ngx_uint_t ngx_http_chat_handover_connect(
    ngx_http_chat_handover_t *handover);
static ngx_uint_t ngx_http_chat_handover_hopes(
    ngx_http_chat_handover_t *handover);
static void ngx_http_chat_handover_end(ngx_http_chat_handover_t *handover);
static ngx_uint_t ngx_http_chat_handover_sessions(
    ngx_http_chat_handover_t *handover);
static ngx_http_chat_link_t *ngx_http_chat_handover_link(
    ngx_http_chat_handover_t *handover);
static ngx_uint_t ngx_http_chat_handover_can(ngx_http_chat_session_t *s);
static ngx_int_t ngx_http_chat_handover_start(ngx_http_chat_session_t *s,
    ngx_http_chat_link_t *link);
static void ngx_http_chat_handover_detach(ngx_connection_t *c);
static void ngx_http_chat_handover_record(ngx_http_chat_link_t *link,
    ngx_uint_t type, u_char *data, size_t len, int fd);
static void ngx_http_chat_handover_hello(ngx_http_chat_link_t *link,
    u_char *data, size_t len);
static void ngx_http_chat_handover_lost(ngx_http_chat_link_t *link);
static void ngx_http_chat_handover_leave(ngx_http_chat_handing_t *handing);
static void ngx_http_chat_handover_fail(ngx_http_chat_session_t *s);
static ngx_http_chat_conn_t *ngx_http_chat_handing_free(
    ngx_http_chat_handing_t *handing);


void
ngx_http_chat_handover_create(void)
{
    ngx_http_chat_handover_t  *handover;

    if (ngx_process != NGX_PROCESS_WORKER) {
        return;
    }

    handover = ngx_calloc(sizeof(ngx_http_chat_handover_t),
                          ngx_http_chat_worker->log);
    if (handover == NULL) {
        return;
    }

    ngx_queue_init(&handover->incoming);
    ngx_queue_init(&handover->outgoing);
    ngx_queue_init(&handover->handings);

    handover->event.handler = ngx_http_chat_handover_handler;
    handover->event.data = handover;
    handover->event.log = ngx_http_chat_worker->log;

    handover->listener = ngx_http_chat_link_listen(
                                       ngx_http_chat_takeover_accept_handler);

    ngx_http_chat_worker->handover = handover;
}


void
ngx_http_chat_handover_destroy(void)
{
    ngx_http_chat_handover_t  *handover;

    handover = ngx_http_chat_worker->handover;

    if (handover == NULL) {
        return;
    }

    ngx_http_chat_handover_end(handover);
    ngx_http_chat_takeover_destroy(handover);

    ngx_free(handover);
    ngx_http_chat_worker->handover = NULL;
}


/*
 * The master tells all workers of those that it starts (but ngx_last_process
 * stays as it was); which of them are new ones is theirs to say.
 */

void
ngx_http_chat_handover_begin(void)
{
    ngx_http_chat_handover_t  *handover;

    handover = ngx_http_chat_worker->handover;

    if (handover == NULL) {
        return;
    }

    ngx_http_chat_takeover_stop(handover);

    handover->pids = ngx_calloc(NGX_MAX_PROCESSES * sizeof(ngx_pid_t),
                                ngx_http_chat_worker->log);
    if (handover->pids == NULL) {
        return;
    }

    handover->active = 1;
    handover->begun = ngx_current_msec;
    handover->progress = ngx_current_msec;

    ngx_http_chat_handover_handler(&handover->event);
}


static void
ngx_http_chat_handover_handler(ngx_event_t *ev)
{
    ngx_http_chat_handover_t *handover = ev->data;

    ngx_uint_t                waits;
    ngx_queue_t              *q, *next;
    ngx_http_chat_handing_t  *handing;

    waits = ngx_http_chat_handover_connect(handover);

    for (q = ngx_queue_head(&handover->handings);
         q != ngx_queue_sentinel(&handover->handings);
         q = next)
    {
        next = ngx_queue_next(q);
        handing = ngx_queue_data(q, ngx_http_chat_handing_t, queue);

        if (ngx_current_msec - handing->since > NGX_HTTP_CHAT_HANDOVER_WAIT) {
            ngx_http_chat_handover_fail(handing->session);

        } else {
            ngx_http_chat_handover_leave(handing);
        }
    }

    if (ngx_http_chat_handover_sessions(handover) == 0
        || (!waits && !ngx_http_chat_handover_hopes(handover))
        || ngx_current_msec - handover->progress > NGX_HTTP_CHAT_HANDOVER_WAIT)
    {
        ngx_http_chat_handover_end(handover);
        return;
    }

    ngx_add_timer(ev, NGX_HTTP_CHAT_HANDOVER_TICK);
}


/* 1 while it may be worth to try again */

static ngx_uint_t
ngx_http_chat_handover_connect(ngx_http_chat_handover_t *handover)
{
    int                    fd;
    ngx_pid_t              pid;
    ngx_uint_t             i, waits;
    ngx_http_chat_link_t  *link;

    waits = 0;

    for (i = 0; i < NGX_MAX_PROCESSES; i++) {
        pid = ngx_processes[i].pid;

        if (pid <= 0 || pid == ngx_pid || pid == handover->pids[i]) {
            continue;
        }

        fd = ngx_http_chat_link_connect(pid);

        if (fd == -1) {
            waits = 1;
            continue;
        }

        handover->pids[i] = pid;

        link = ngx_http_chat_link_create(fd, &handover->outgoing);

        if (link) {
            link->record = ngx_http_chat_handover_record;
            link->lost = ngx_http_chat_handover_lost;
        }
    }

    return waits && ngx_current_msec - handover->begun
                    <= NGX_HTTP_CHAT_HANDOVER_START;
}


/* 1 if there is a link that takes sessions, or may be about to */

static ngx_uint_t
ngx_http_chat_handover_hopes(ngx_http_chat_handover_t *handover)
{
    ngx_queue_t           *q;
    ngx_http_chat_link_t  *link;

    for (q = ngx_queue_head(&handover->outgoing);
         q != ngx_queue_sentinel(&handover->outgoing);
         q = ngx_queue_next(q))
    {
        link = ngx_queue_data(q, ngx_http_chat_link_t, queue);

        if (!link->gone) {
            return 1;
        }
    }

    return handover->nhandings;
}


/* what is left is drained, from now on */

static void
ngx_http_chat_handover_end(ngx_http_chat_handover_t *handover)
{
    ngx_queue_t              *q;
    ngx_http_chat_link_t     *link;
    ngx_http_chat_handing_t  *handing;

    if (handover->active) {
        ngx_http_chat_worker->drain_step =
                                 ngx_min(ngx_http_chat_worker->drain_step, 1);
    }

    handover->active = 0;

    while (!ngx_queue_empty(&handover->handings)) {
        q = ngx_queue_head(&handover->handings);
        handing = ngx_queue_data(q, ngx_http_chat_handing_t, queue);

        ngx_http_chat_handover_fail(handing->session);
    }

    while (!ngx_queue_empty(&handover->outgoing)) {
        q = ngx_queue_head(&handover->outgoing);
        link = ngx_queue_data(q, ngx_http_chat_link_t, queue);

        ngx_http_chat_link_close(link);
    }

    if (handover->event.timer_set) {
        ngx_del_timer(&handover->event);
    }

    if (handover->pids) {
        ngx_free(handover->pids);
        handover->pids = NULL;
    }
}


ngx_uint_t
ngx_http_chat_handover_wants(ngx_http_chat_session_t *s)
{
    ngx_http_chat_conn_t  *conn;

    if (ngx_http_chat_worker->handover == NULL
        || !ngx_http_chat_worker->handover->active)
    {
        return 0;
    }

    if (s->handing) {
        return 1;
    }

    conn = s->conn;

    return conn && !s->stays && !conn->close_sent && !conn->close_received
#if (NGX_HTTP_SSL)
           && (conn->connection == NULL || conn->connection->ssl == NULL)
#endif
           ;
}


/* hands over as many as there is room for; returns how many wait, or are on
   their way */

static ngx_uint_t
ngx_http_chat_handover_sessions(ngx_http_chat_handover_t *handover)
{
    ngx_uint_t                n;
    ngx_rbtree_t             *sessions;
    ngx_rbtree_node_t        *node, *next;
    ngx_http_chat_link_t     *link;
    ngx_http_chat_session_t  *s;

    sessions = &ngx_http_chat_worker->sessions;

    if (sessions->root == sessions->sentinel) {
        return 0;
    }

    n = 0;
    node = ngx_rbtree_min(sessions->root, sessions->sentinel);

    for ( /* void */ ; node; node = next) {
        next = ngx_rbtree_next(sessions, node);
        s = (ngx_http_chat_session_t *) node;

        if (!ngx_http_chat_handover_wants(s)) {
            continue;
        }

        n++;

        if (s->handing || !ngx_http_chat_handover_can(s)
            || handover->nhandings >= NGX_HTTP_CHAT_HANDOVER_MAX)
        {
            continue;
        }

        link = ngx_http_chat_handover_link(handover);

        if (link && ngx_http_chat_handover_start(s, link) != NGX_OK) {

            /* half a state may have gone into it */

            ngx_http_chat_handover_lost(link);
            ngx_http_chat_link_close(link);
            break;
        }
    }

    return n;
}


/* one that takes more, in turn */

static ngx_http_chat_link_t *
ngx_http_chat_handover_link(ngx_http_chat_handover_t *handover)
{
    ngx_queue_t           *q;
    ngx_http_chat_link_t  *link;

    for (q = ngx_queue_head(&handover->outgoing);
         q != ngx_queue_sentinel(&handover->outgoing);
         q = ngx_queue_next(q))
    {
        link = ngx_queue_data(q, ngx_http_chat_link_t, queue);

        if (link->greeted && !link->gone && ngx_http_chat_link_idle(link)) {
            ngx_queue_remove(q);
            ngx_queue_insert_tail(&handover->outgoing, q);

            return link;
        }
    }

    return NULL;
}


/*
 * Now, that is: a session that is just connecting can soon, and so can one that
 * may yet say that it resumes, for which many messages may be held.
 */

static ngx_uint_t
ngx_http_chat_handover_can(ngx_http_chat_session_t *s)
{
    return s->conn->connection && !s->arriving && !s->opening && !s->overflow
           && s->lookup == NULL && s->socket != NGX_HTTP_CHAT_SOCKET_LOOKUP
           && !ngx_http_chat_hub_behind(s->hub);
}


static ngx_int_t
ngx_http_chat_handover_start(ngx_http_chat_session_t *s,
    ngx_http_chat_link_t *link)
{
    ngx_http_chat_conn_t      *conn;
    ngx_http_chat_handing_t   *handing;
    ngx_http_chat_handover_t  *handover;

    handover = ngx_http_chat_worker->handover;
    conn = s->conn;

    handing = ngx_calloc(sizeof(ngx_http_chat_handing_t),
                         ngx_http_chat_worker->log);
    if (handing == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_chat_handover_send(s, link) != NGX_OK) {
        ngx_free(handing);
        return NGX_ERROR;
    }

    handing->session = s;
    handing->conn = conn;
    handing->link = link;
    handing->since = ngx_current_msec;

    ngx_queue_insert_tail(&handover->handings, &handing->queue);
    handover->nhandings++;

    ngx_http_chat_handover_detach(conn->connection);

    if (conn->turn.next) {
        ngx_queue_remove(&conn->turn);
        conn->turn.next = NULL;
    }

    ngx_http_chat_timer_del(&ngx_http_chat_worker->wheel, &s->heartbeat);

    /* from here on packets for it are queued as those of a session that polls,
       and it asks for none */

    conn->handed = 1;
    s->handing = handing;
    s->conn = NULL;

    return NGX_OK;
}


/*
 * No events any more.  They have to be deleted one by one: the socket stays
 * open elsewhere, and the kernel would go on to report them after a close.
 */

static void
ngx_http_chat_handover_detach(ngx_connection_t *c)
{
    if (ngx_del_conn) {
        if (c->read->active || c->write->active) {
            (void) ngx_del_conn(c, 0);
        }

    } else {
        if (c->read->active) {
            (void) ngx_del_event(c->read, NGX_READ_EVENT, 0);
        }

        if (c->write->active) {
            (void) ngx_del_event(c->write, NGX_WRITE_EVENT, 0);
        }
    }

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    if (c->write->posted) {
        ngx_delete_posted_event(c->write);
    }

    c->read->ready = 0;
}


static void
ngx_http_chat_handover_record(ngx_http_chat_link_t *link, ngx_uint_t type,
    u_char *data, size_t len, int fd)
{
    ngx_http_chat_handing_t  *handing;
    ngx_http_chat_session_t  *s;

    if (fd != -1) {
        (void) close(fd);
    }

    if (type == NGX_HTTP_CHAT_RECORD_HELLO) {
        ngx_http_chat_handover_hello(link, data, len);
        return;
    }

    s = ngx_http_chat_session_find(data, len);
    handing = s ? s->handing : NULL;

    if (handing == NULL || handing->link != link) {
        return;
    }

    if (type == NGX_HTTP_CHAT_RECORD_READY) {
        ngx_memcpy(s->prober, link->worker, NGX_HTTP_CHAT_WORKER_ID_LEN);

        handing->ready = 1;
        ngx_http_chat_handover_leave(handing);
        return;
    }

    if (type == NGX_HTTP_CHAT_RECORD_REFUSE) {
        handing->link = NULL;
        ngx_http_chat_handover_fail(s);

        /* another worker may take it */

        s->stays = !link->gone;
    }
}


static void
ngx_http_chat_handover_hello(ngx_http_chat_link_t *link, u_char *data,
    size_t len)
{
    ngx_http_chat_hello_t  hello;

    if (len == sizeof(ngx_http_chat_hello_t)) {
        ngx_memcpy(&hello, data, len);

        if (hello.version == NGX_HTTP_CHAT_HANDOVER_VERSION
            && hello.size == sizeof(ngx_http_chat_state_t)
            && hello.generation > ngx_http_chat_worker->main->generation)
        {
            if (hello.exiting) {

                /* what it has begun it ends; and there is a newer one */

                link->gone = 1;
                ngx_http_chat_worker->handover->begun = ngx_current_msec;
                return;
            }

            ngx_memcpy(link->worker, hello.worker,
                       NGX_HTTP_CHAT_WORKER_ID_LEN);
            link->greeted = 1;

            ngx_http_chat_worker->handover->progress = ngx_current_msec;
            return;
        }
    }

    ngx_http_chat_link_close(link);
}


/* what was on its way stays here */

static void
ngx_http_chat_handover_lost(ngx_http_chat_link_t *link)
{
    ngx_queue_t               *q, *next;
    ngx_http_chat_handing_t   *handing;
    ngx_http_chat_handover_t  *handover;

    handover = ngx_http_chat_worker->handover;

    for (q = ngx_queue_head(&handover->handings);
         q != ngx_queue_sentinel(&handover->handings);
         q = next)
    {
        next = ngx_queue_next(q);
        handing = ngx_queue_data(q, ngx_http_chat_handing_t, queue);

        if (handing->link == link) {
            handing->link = NULL;
            ngx_http_chat_handover_fail(handing->session);
        }
    }
}


/* once the new worker is ready and all the session's messages are stored */

static void
ngx_http_chat_handover_leave(ngx_http_chat_handing_t *handing)
{
    ngx_http_chat_session_t  *s;

    s = handing->session;

    if (!handing->ready || s->leaving || s->nsends) {
        return;
    }

    if (ngx_http_chat_relay_leave(s) != NGX_OK) {
        ngx_http_chat_handover_fail(s);
    }
}


static void
ngx_http_chat_handover_fail(ngx_http_chat_session_t *s)
{
    if (s->cut) {

        /* some of what came is not in its queue */

        ngx_http_chat_session_close(s, 1001, "the server restarts");
        return;
    }

    ngx_http_chat_handover_undo(s);
}


void
ngx_http_chat_handover_done(ngx_http_chat_session_t *s)
{
    ngx_http_chat_conn_t  *conn;

    conn = ngx_http_chat_handing_free(s->handing);
    conn->session = NULL;

    ngx_http_chat_worker->handover->progress = ngx_current_msec;

    /* the socket is closed here, and stays open there */

    ngx_http_chat_conn_drop(conn);
}


void
ngx_http_chat_handover_undo(ngx_http_chat_session_t *s)
{
    ngx_http_chat_conn_t  *conn;
    ngx_http_chat_link_t  *link;

    link = s->handing->link;

    if (link) {
        (void) ngx_http_chat_link_send(link, NGX_HTTP_CHAT_RECORD_CANCEL,
                                       s->sid, NGX_HTTP_CHAT_SID_LEN, -1);
    }

    conn = ngx_http_chat_handing_free(s->handing);

    s->stays = 1;
    s->leaving = 0;

    ngx_http_chat_session_upgraded(s, conn);
    ngx_http_chat_session_heartbeat(s);

    if (s->overflow) {

        /* it is no longer queued to be closed */

        ngx_http_chat_session_overflow(s);
    }

    ngx_post_event(conn->connection->read, &ngx_posted_events);
    ngx_post_event(conn->connection->write, &ngx_posted_events);
}


static ngx_http_chat_conn_t *
ngx_http_chat_handing_free(ngx_http_chat_handing_t *handing)
{
    ngx_http_chat_conn_t  *conn;

    conn = handing->conn;

    conn->handed = 0;
    handing->session->handing = NULL;

    ngx_queue_remove(&handing->queue);
    ngx_http_chat_worker->handover->nhandings--;
    ngx_free(handing);

    return conn;
}
