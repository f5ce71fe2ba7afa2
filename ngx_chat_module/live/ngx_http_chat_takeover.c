/*
 * Taking over, the new worker's side: see ngx_http_chat_handover.h.
 *
 * A state that can't be taken is read to its end all the same, and refused.
 */

#include "ngx_http_chat_handover_int.h"


/* of a link: the state that is coming in */

typedef struct {
    ngx_http_chat_state_t         state;
    int                           fd;
    ngx_http_chat_loc_conf_t     *conf;
    u_char                       *data;           /* NULL: it will be refused */
    uint64_t                      size;
    uint64_t                      len;
} ngx_http_chat_taking_t;


static ngx_uint_t ngx_http_chat_takeover_ready(void);
static void ngx_http_chat_takeover_hello(ngx_http_chat_link_t *link);
static void ngx_http_chat_takeover_record(ngx_http_chat_link_t *link,
    ngx_uint_t type, u_char *data, size_t len, int fd);
static void ngx_http_chat_takeover_lost(ngx_http_chat_link_t *link);
static ngx_int_t ngx_http_chat_takeover_begin(ngx_http_chat_taking_t *taking,
    u_char *state, int fd);
static ngx_http_chat_loc_conf_t *ngx_http_chat_takeover_conf(u_char *key);
static void ngx_http_chat_takeover_end(ngx_http_chat_link_t *link);
static ngx_int_t ngx_http_chat_takeover_conn(ngx_http_chat_taking_t *taking);
static ngx_int_t ngx_http_chat_takeover_data(ngx_http_chat_taking_t *taking,
    ngx_http_chat_conn_t *conn);
static void ngx_http_chat_takeover_session(ngx_http_chat_taking_t *taking,
    ngx_http_chat_session_t *s);
static void ngx_http_chat_takeover_cancel(ngx_http_chat_session_t *s);
static void ngx_http_chat_taking_clear(ngx_http_chat_taking_t *taking);


void
ngx_http_chat_takeover_accept_handler(ngx_event_t *rev)
{
    int                       fd;
    ngx_connection_t         *c;
    ngx_http_chat_link_t     *link;
    ngx_http_chat_taking_t   *taking;

    c = rev->data;

    if (c->close) {
        ngx_http_chat_worker->handover->listener = NULL;
        ngx_close_connection(c);
        return;
    }

    for ( ;; ) {
        fd = ngx_http_chat_link_accept(c);
        if (fd == -1) {
            break;
        }

        taking = ngx_calloc(sizeof(ngx_http_chat_taking_t),
                            ngx_http_chat_worker->log);
        if (taking == NULL) {
            (void) close(fd);
            continue;
        }

        taking->fd = -1;

        link = ngx_http_chat_link_create(fd,
                                   &ngx_http_chat_worker->handover->incoming);
        if (link == NULL) {
            ngx_free(taking);
            continue;
        }

        link->record = ngx_http_chat_takeover_record;
        link->lost = ngx_http_chat_takeover_lost;
        link->data = taking;

        if (ngx_exiting || ngx_http_chat_takeover_ready()) {
            ngx_http_chat_takeover_hello(link);
        }
    }

    (void) ngx_handle_read_event(rev, 0);
}


void
ngx_http_chat_takeover_destroy(ngx_http_chat_handover_t *handover)
{
    ngx_queue_t           *q;
    ngx_http_chat_link_t  *link;

    while (!ngx_queue_empty(&handover->incoming)) {
        q = ngx_queue_head(&handover->incoming);
        link = ngx_queue_data(q, ngx_http_chat_link_t, queue);

        ngx_http_chat_takeover_lost(link);
        ngx_http_chat_link_close(link);
    }

    if (handover->listener) {
        ngx_close_connection(handover->listener);
        handover->listener = NULL;
    }
}


/* 1 if what is said reaches this worker */

static ngx_uint_t
ngx_http_chat_takeover_ready(void)
{
    ngx_uint_t               i;
    ngx_http_chat_hub_t     *hub;
    ngx_http_chat_worker_t  *worker;

    worker = ngx_http_chat_worker;

    for (i = 0; i < worker->nhubs; i++) {
        hub = worker->hubs[i];

        if (hub && (!hub->up || !ngx_http_chat_redis_ready(hub->redis))) {
            return 0;
        }
    }

    return 1;
}


void
ngx_http_chat_takeover_resume(void)
{
    ngx_queue_t               *q;
    ngx_http_chat_link_t      *link;
    ngx_http_chat_handover_t  *handover;

    handover = ngx_http_chat_worker->handover;

    if (handover == NULL || !ngx_http_chat_takeover_ready()) {
        return;
    }

    for (q = ngx_queue_head(&handover->incoming);
         q != ngx_queue_sentinel(&handover->incoming);
         q = ngx_queue_next(q))
    {
        link = ngx_queue_data(q, ngx_http_chat_link_t, queue);

        if (!link->greeted) {
            ngx_http_chat_takeover_hello(link);
        }
    }
}


/* this worker goes as well, and says so */

void
ngx_http_chat_takeover_stop(ngx_http_chat_handover_t *handover)
{
    ngx_queue_t  *q;

    for (q = ngx_queue_head(&handover->incoming);
         q != ngx_queue_sentinel(&handover->incoming);
         q = ngx_queue_next(q))
    {
        ngx_http_chat_takeover_hello(ngx_queue_data(q, ngx_http_chat_link_t,
                                                    queue));
    }
}


static void
ngx_http_chat_takeover_hello(ngx_http_chat_link_t *link)
{
    ngx_http_chat_hello_t    hello;
    ngx_http_chat_worker_t  *worker;

    worker = ngx_http_chat_worker;

    ngx_memzero(&hello, sizeof(ngx_http_chat_hello_t));

    hello.version = NGX_HTTP_CHAT_HANDOVER_VERSION;
    hello.size = sizeof(ngx_http_chat_state_t);
    hello.generation = worker->main->generation;
    hello.exiting = ngx_exiting ? 1 : 0;
    ngx_memcpy(hello.worker, worker->id.data, NGX_HTTP_CHAT_WORKER_ID_LEN);

    link->greeted = 1;

    (void) ngx_http_chat_link_send(link, NGX_HTTP_CHAT_RECORD_HELLO, &hello,
                                   sizeof(ngx_http_chat_hello_t), -1);
}


static void
ngx_http_chat_takeover_record(ngx_http_chat_link_t *link, ngx_uint_t type,
    u_char *data, size_t len, int fd)
{
    ngx_int_t                 rc;
    ngx_http_chat_taking_t   *taking;
    ngx_http_chat_session_t  *s;

    taking = link->data;
    rc = NGX_ERROR;

    if (type == NGX_HTTP_CHAT_RECORD_CONN && taking->fd == -1
        && len == sizeof(ngx_http_chat_state_t) && fd != -1)
    {
        rc = ngx_http_chat_takeover_begin(taking, data, fd);
        fd = -1;

    } else if (type == NGX_HTTP_CHAT_RECORD_DATA && taking->fd != -1
               && taking->size - taking->len >= len)
    {
        if (taking->data) {
            ngx_memcpy(taking->data + taking->len, data, len);
        }

        taking->len += len;
        rc = NGX_OK;

    } else if (type == NGX_HTTP_CHAT_RECORD_CANCEL) {
        s = ngx_http_chat_session_find(data, len);

        if (s && s->arriving && s->conn && s->conn->held) {
            ngx_http_chat_takeover_cancel(s);
        }

        rc = NGX_OK;
    }

    if (fd != -1) {
        (void) close(fd);
    }

    if (rc != NGX_OK) {
        ngx_http_chat_takeover_lost(link);
        ngx_http_chat_link_close(link);
        return;
    }

    if (taking->fd != -1 && taking->len == taking->size) {
        ngx_http_chat_takeover_end(link);
    }
}


/* what has been taken may still be completed by the bus */

static void
ngx_http_chat_takeover_lost(ngx_http_chat_link_t *link)
{
    ngx_http_chat_taking_clear(link->data);
    ngx_free(link->data);
    link->data = NULL;
}


static ngx_int_t
ngx_http_chat_takeover_begin(ngx_http_chat_taking_t *taking, u_char *data,
    int fd)
{
    ngx_http_chat_state_t     *state;
    ngx_http_chat_loc_conf_t  *conf;

    state = &taking->state;

    ngx_memcpy(state, data, sizeof(ngx_http_chat_state_t));

    taking->fd = fd;
    taking->len = 0;

    if (state->out > UINT32_MAX || state->unread > UINT32_MAX
        || state->message > UINT32_MAX)
    {
        return NGX_ERROR;
    }

    taking->size = state->out + state->unread + state->message;

    conf = ngx_http_chat_takeover_conf(state->key);
    taking->conf = conf;

    /* what is sent to a client may be over the limit by a last frame */

    if (conf && state->out <= conf->send_queue + NGX_HTTP_CHAT_SCRATCH
        && state->unread <= NGX_HTTP_CHAT_SCRATCH
        && state->message <= conf->max_payload)
    {
        taking->data = ngx_alloc(taking->size + 1, ngx_http_chat_worker->log);
    }

    return NGX_OK;
}


static ngx_http_chat_loc_conf_t *
ngx_http_chat_takeover_conf(u_char *key)
{
    ngx_uint_t                  i;
    ngx_array_t                *locations;
    ngx_http_chat_loc_conf_t  **conf;

    locations = &ngx_http_chat_worker->main->locations;
    conf = locations->elts;

    for (i = 0; i < locations->nelts; i++) {
        if (ngx_memcmp(conf[i]->key, key, NGX_HTTP_CHAT_KEY_LEN) == 0) {
            return conf[i];
        }
    }

    return NULL;
}


/* the state is complete */

static void
ngx_http_chat_takeover_end(ngx_http_chat_link_t *link)
{
    ngx_uint_t               type;
    ngx_http_chat_hub_t     *hub;
    ngx_http_chat_taking_t  *taking;

    taking = link->data;
    type = NGX_HTTP_CHAT_RECORD_REFUSE;

    if (taking->data && !ngx_exiting) {
        hub = ngx_http_chat_hub(taking->conf);

        if (hub->up && ngx_http_chat_redis_ready(hub->redis)
            && !ngx_http_chat_hub_behind(hub)
            && ngx_http_chat_takeover_conn(taking) == NGX_OK)
        {
            type = NGX_HTTP_CHAT_RECORD_READY;
        }
    }

    (void) ngx_http_chat_link_send(link, type, taking->state.sid,
                                   NGX_HTTP_CHAT_SID_LEN, -1);

    ngx_http_chat_taking_clear(taking);
}


static ngx_int_t
ngx_http_chat_takeover_conn(ngx_http_chat_taking_t *taking)
{
    ngx_connection_t         *c;
    ngx_http_chat_hub_t      *hub;
    ngx_http_chat_conn_t     *conn;
    ngx_http_chat_client_t   *client;
    ngx_http_chat_session_t  *s;

    if (ngx_http_chat_session_find(taking->state.sid, NGX_HTTP_CHAT_SID_LEN)) {
        return NGX_ERROR;
    }

    hub = ngx_http_chat_hub(taking->conf);

    conn = ngx_http_chat_conn_create(hub, taking->conf);
    if (conn == NULL) {
        return NGX_ERROR;
    }

    c = NULL;
    s = NULL;

    if (ngx_http_chat_takeover_data(taking, conn) == NGX_OK) {
        c = ngx_http_chat_link_connection(taking->fd);
    }

    if (c) {
        client = ngx_http_chat_client_arrive(ngx_http_chat_worker->main,
                                             &taking->state.client);

        s = ngx_http_chat_session_create(hub, taking->conf,
                                         &taking->state.token, client,
                                         taking->state.sid);
    }

    if (s == NULL) {
        if (c) {
            ngx_free_connection(c);
            c->fd = (ngx_socket_t) -1;
        }

        ngx_http_chat_outbox_clear(&conn->out);
        ngx_http_chat_conn_free(conn);
        return NGX_ERROR;
    }

    taking->fd = -1;

    c->data = conn;
    c->recv = ngx_recv;
    c->send = ngx_send;
    c->recv_chain = ngx_recv_chain;
    c->send_chain = ngx_send_chain;

#if (NGX_STAT_STUB)
    (void) ngx_atomic_fetch_add(ngx_stat_active, 1);
#endif

    conn->session = s;
    conn->held = 1;
    s->conn = conn;

    ngx_http_chat_takeover_session(taking, s);
    ngx_http_chat_conn_start(conn, c);

    return NGX_OK;
}


static ngx_int_t
ngx_http_chat_takeover_data(ngx_http_chat_taking_t *taking,
    ngx_http_chat_conn_t *conn)
{
    u_char                 *p;
    ngx_int_t               rc;
    ngx_http_chat_frame_t  *frame;
    ngx_http_chat_state_t  *state;

    state = &taking->state;
    p = taking->data;

    if (state->out) {
        frame = ngx_http_chat_frame_create(state->out);
        if (frame == NULL) {
            return NGX_ERROR;
        }

        /* frames with their headers, the first perhaps in part */

        ngx_memcpy(frame->text, p, state->out);
        frame->len = (uint32_t) state->out;

        rc = ngx_http_chat_outbox_push(&conn->out, frame);
        ngx_http_chat_frame_unref(frame);

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }

        p += state->out;
    }

    if (state->unread) {
        if (ngx_http_chat_conn_hold(conn, p, state->unread) != NGX_OK) {
            return NGX_ERROR;
        }

        p += state->unread;
    }

    if (state->message) {
        conn->message = ngx_alloc(state->message, ngx_http_chat_worker->log);
        if (conn->message == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(conn->message, p, state->message);
        conn->len = state->message;
        conn->size = state->message;
    }

    if (state->parser.deflate && ngx_http_chat_deflate_init() != NGX_OK) {
        return NGX_ERROR;
    }

    conn->parser = state->parser;

    if (state->parser.control) {
        if (ngx_http_chat_conn_control_alloc(conn) != NGX_OK) {
            return NGX_ERROR;
        }

        ngx_memcpy(conn->parser.control, state->control, CHAT_WS_MAX_CONTROL);
    }

    conn->window = state->window;

    return NGX_OK;
}


static void
ngx_http_chat_takeover_session(ngx_http_chat_taking_t *taking,
    ngx_http_chat_session_t *s)
{
    ngx_http_chat_state_t  *state;

    state = &taking->state;

    ngx_http_chat_session_transport(s, NGX_HTTP_CHAT_WEBSOCKET);
    s->arriving = 1;
    ngx_http_chat_count(NGX_HTTP_CHAT_STAT_HANDOVERS);

    s->spoken = state->spoken;
    s->polled = state->polled;
    s->renewed = ngx_current_msec - state->renewed;

    ngx_http_chat_session_heartbeat_on(s, state->heartbeat, state->pinged);
    ngx_http_chat_session_connect_wait(s, NGX_HTTP_CHAT_ARRIVE_WAIT);
}


/* the old worker goes on with the connection */

static void
ngx_http_chat_takeover_cancel(ngx_http_chat_session_t *s)
{
    ngx_http_chat_conn_t  *conn;

    conn = s->conn;

    s->conn = NULL;
    conn->session = NULL;

    ngx_http_chat_conn_drop(conn);
    ngx_http_chat_session_close(s, 0, "it was not handed over");
}


static void
ngx_http_chat_taking_clear(ngx_http_chat_taking_t *taking)
{
    if (taking->fd != -1) {
        (void) close(taking->fd);
        taking->fd = -1;
    }

    if (taking->data) {
        ngx_free(taking->data);
        taking->data = NULL;
    }
}
