/*
 * WebSocket connections, reading, writing and closing: see the header.
 *
 * A connection belongs to itself: it lives until the peer or an error ends it,
 * or its session closes it.  conn->connection is NULL before _start, when
 * frames are only queued.
 */

#include "ngx_http_chat_conn.h"
#include "ngx_http_chat_relay.h"


#define NGX_HTTP_CHAT_CONN_BUFS     64            /* of one writev() */
#define NGX_HTTP_CHAT_CONN_READS    16            /* of one turn */
#define NGX_HTTP_CHAT_CLOSE_WAIT    3000


static void ngx_http_chat_conn_read_handler(ngx_event_t *rev);
static void ngx_http_chat_conn_write_handler(ngx_event_t *wev);
static void ngx_http_chat_conn_timer_handler(ngx_http_chat_timer_t *timer);
static void ngx_http_chat_conn_read(ngx_http_chat_conn_t *conn);
static void ngx_http_chat_conn_finish(ngx_http_chat_conn_t *conn);
static void ngx_http_chat_conn_lost(ngx_http_chat_conn_t *conn,
    const char *why);
static void ngx_http_chat_conn_leave(ngx_http_chat_conn_t *conn,
    ngx_uint_t code, const char *why);


ngx_http_chat_conn_t *
ngx_http_chat_conn_create(ngx_http_chat_hub_t *hub,
    ngx_http_chat_loc_conf_t *conf)
{
    ngx_http_chat_conn_t  *conn;

    conn = ngx_calloc(sizeof(ngx_http_chat_conn_t), ngx_http_chat_worker->log);

    if (conn) {
        ngx_http_chat_worker->nconns++;

        conn->hub = hub;
        conn->conf = conf;
        chat_ws_init(&conn->parser, conf->max_payload);
    }

    return conn;
}


void
ngx_http_chat_conn_wait(ngx_http_chat_conn_t *conn, ngx_msec_t delay)
{
    ngx_http_chat_timer_set(&ngx_http_chat_worker->wheel, &conn->timer, delay,
                            ngx_http_chat_conn_timer_handler);
}


void
ngx_http_chat_conn_start(ngx_http_chat_conn_t *conn, ngx_connection_t *c)
{
    conn->connection = c;

    c->read->handler = ngx_http_chat_conn_read_handler;
    c->write->handler = ngx_http_chat_conn_write_handler;
    c->idle = 1;
    c->sent = 0;

    if (conn->closed) {

        /* dropped before it had begun */

        conn->connection = NULL;
        c->idle = 0;
        ngx_http_close_connection(c);

        ngx_queue_insert_tail(&ngx_http_chat_worker->dead_conns, &conn->dead);
        ngx_http_chat_turn();
        return;
    }

    (void) ngx_tcp_nodelay(c);

    ngx_http_chat_conn_read(conn);

    if (!conn->closed) {
        ngx_http_chat_conn_flush(conn);
    }
}


static void
ngx_http_chat_conn_read_handler(ngx_event_t *rev)
{
    ngx_connection_t      *c;
    ngx_http_chat_conn_t  *conn;

    c = rev->data;
    conn = c->data;

    if (c->close) {

        /* the worker is told to go; the second time, to be quick about it */

        if (c->error) {
            ngx_http_chat_conn_lost(conn, "the worker exits");
            return;
        }

        c->close = 0;
        return;
    }

    ngx_http_chat_conn_read(conn);
}


static void
ngx_http_chat_conn_write_handler(ngx_event_t *wev)
{
    ngx_connection_t  *c;

    c = wev->data;

    ngx_http_chat_conn_flush(c->data);
}


static void
ngx_http_chat_conn_timer_handler(ngx_http_chat_timer_t *timer)
{
    ngx_http_chat_conn_t  *conn;

    conn = (ngx_http_chat_conn_t *)
               ((u_char *) timer - offsetof(ngx_http_chat_conn_t, timer));

    if (conn->close_sent) {
        ngx_http_chat_conn_drop(conn);
        return;
    }

    ngx_http_chat_conn_fail(conn, 1000, "the upgrade was not completed");
}


static void
ngx_http_chat_conn_read(ngx_http_chat_conn_t *conn)
{
    u_char            *unread;
    size_t             len;
    ssize_t            n;
    ngx_uint_t         i;
    ngx_connection_t  *c;

    if (conn->reading || conn->connection == NULL) {
        return;
    }

    c = conn->connection;
    conn->reading = 1;

    if (conn->unread && !ngx_http_chat_conn_busy(conn)) {
        unread = conn->unread;
        len = conn->nunread;

        conn->unread = NULL;
        conn->nunread = 0;

        ngx_http_chat_conn_process(conn, unread, len);
        ngx_free(unread);
    }

    for (i = 0; /* void */ ; i++) {

        if (conn->closed || conn->unread || ngx_http_chat_conn_busy(conn)) {
            break;
        }

        if (i == NGX_HTTP_CHAT_CONN_READS) {

            /* others first */

            ngx_post_event(c->read, &ngx_posted_next_events);
            break;
        }

        n = c->recv(c, ngx_http_chat_worker->scratch, NGX_HTTP_CHAT_SCRATCH);

        if (n == NGX_AGAIN) {
            if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
                ngx_http_chat_conn_lost(conn, "no event");
            }

            break;
        }

        if (n <= 0) {
            ngx_http_chat_conn_lost(conn, "the connection was lost");
            break;
        }

        ngx_http_chat_conn_process(conn, ngx_http_chat_worker->scratch, n);
    }

    conn->reading = 0;
}


/* the session takes no more packets for now */

ngx_uint_t
ngx_http_chat_conn_busy(ngx_http_chat_conn_t *conn)
{
    return conn->session && conn->session->conn == conn
           && ngx_http_chat_session_busy(conn->session);
}


void
ngx_http_chat_conn_resume(ngx_http_chat_conn_t *conn)
{
    if (!conn->closed) {
        ngx_http_chat_conn_read(conn);
    }
}


ngx_int_t
ngx_http_chat_conn_hold(ngx_http_chat_conn_t *conn, u_char *data, size_t len)
{
    conn->unread = ngx_alloc(len, ngx_http_chat_worker->log);
    if (conn->unread == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(conn->unread, data, len);
    conn->nunread = len;

    return NGX_OK;
}


ngx_int_t
ngx_http_chat_conn_send(ngx_http_chat_conn_t *conn,
    ngx_http_chat_frame_t *frame)
{
    if (conn->closed || conn->close_sent) {
        return NGX_OK;
    }

    if (ngx_http_chat_outbox_push(&conn->out, frame) != NGX_OK) {
        return NGX_ERROR;
    }

    if (conn->dirty.next == NULL) {
        ngx_queue_insert_tail(&ngx_http_chat_worker->dirty, &conn->dirty);
        ngx_http_chat_turn();
    }

    return NGX_OK;
}


void
ngx_http_chat_conn_flush(ngx_http_chat_conn_t *conn)
{
    off_t                    size;
    ngx_buf_t                bufs[NGX_HTTP_CHAT_CONN_BUFS], *b;
    ngx_uint_t               i, n;
    ngx_chain_t              chain[NGX_HTTP_CHAT_CONN_BUFS], *rest;
    ngx_connection_t        *c;
    ngx_http_chat_frame_t   *frame;
    ngx_http_chat_outbox_t  *box;

    c = conn->connection;
    box = &conn->out;

    if (c == NULL || conn->closed) {
        return;
    }

    while ((box->n || c->buffered) && c->write->ready) {

        n = ngx_min(box->n, NGX_HTTP_CHAT_CONN_BUFS);

        ngx_memzero(bufs, n * sizeof(ngx_buf_t));

        for (i = 0; i < n; i++) {
            frame = ngx_http_chat_outbox_get(box, i);
            b = &bufs[i];

            b->start = ngx_http_chat_frame_text(frame) - frame->head;
            b->pos = b->start + (i == 0 ? box->sent : 0);
            b->last = ngx_http_chat_frame_text(frame) + frame->len;
            b->end = b->last;
            b->memory = 1;
            b->flush = (i == n - 1);

            chain[i].buf = b;
            chain[i].next = i == n - 1 ? NULL : &chain[i + 1];
        }

        rest = c->send_chain(c, n ? chain : NULL, 0);

        if (rest == NGX_CHAIN_ERROR) {
            ngx_http_chat_conn_lost(conn, "the connection was lost");
            return;
        }

        for (i = 0; i < n && &chain[i] != rest; i++) {
            ngx_http_chat_outbox_shift(box);
        }

        if (rest) {
            size = rest->buf->pos - rest->buf->start;
            box->sent = (uint32_t) size;
        }
    }

    if (conn->session && conn->session->conn == conn) {
        ngx_http_chat_session_drained(conn->session);
    }

    if (box->n || c->buffered) {
        if (ngx_handle_write_event(c->write, 0) != NGX_OK) {
            ngx_http_chat_conn_lost(conn, "no event");
        }

        return;
    }

#if (NGX_HTTP_SSL)
    if (c->ssl) {
        ngx_ssl_free_buffer(c);
    }
#endif

    if (conn->close_sent) {
        ngx_http_chat_conn_finish(conn);
    }
}


/* all is sent, our close frame at last */

static void
ngx_http_chat_conn_finish(ngx_http_chat_conn_t *conn)
{
    ngx_connection_t  *c;

    c = conn->connection;

#if (NGX_HTTP_SSL)
    if (c->ssl) {
        if (conn->close_received) {
            ngx_http_chat_conn_drop(conn);
        }

        return;
    }
#endif

    if (!conn->shut) {
        conn->shut = 1;

        if (ngx_shutdown_socket(c->fd, NGX_WRITE_SHUTDOWN) == -1) {
            ngx_http_chat_conn_drop(conn);
        }
    }
}


void
ngx_http_chat_conn_close(ngx_http_chat_conn_t *conn, ngx_uint_t code,
    const char *why)
{
    u_char                 *p;
    size_t                  len;
    ngx_http_chat_frame_t  *frame;

    if (conn->closed || conn->close_sent) {
        return;
    }

    len = ngx_min(ngx_strlen(why), CHAT_WS_MAX_CONTROL - 2);

    frame = ngx_http_chat_frame_create(CHAT_WS_MAX_CONTROL);

    if (frame == NULL) {
        ngx_http_chat_conn_drop(conn);
        return;
    }

    p = ngx_http_chat_frame_text(frame);

    /* 1005: the peer gave no code, so neither do we */

    if (code != 1005) {
        *p++ = (u_char) (code >> 8);
        *p++ = (u_char) code;
        p = ngx_cpymem(p, why, len);
    }

    ngx_http_chat_frame_seal(frame, p, CHAT_WS_CLOSE);
    (void) ngx_http_chat_conn_send(conn, frame);
    ngx_http_chat_frame_unref(frame);

    conn->close_sent = 1;
    ngx_http_chat_conn_wait(conn, NGX_HTTP_CHAT_CLOSE_WAIT);
}


/* ends the connection and what hangs on it, in an orderly way */

void
ngx_http_chat_conn_fail(ngx_http_chat_conn_t *conn, ngx_uint_t code,
    const char *why)
{
    ngx_http_chat_session_t  *s;

    s = conn->session;

    if (s && s->conn == conn) {

        /* this closes the connection as well */

        ngx_http_chat_session_close(s, code, why);
        return;
    }

    ngx_http_chat_conn_leave(conn, code, why);
    ngx_http_chat_conn_close(conn, code, why);
}


/* the connection is no more */

static void
ngx_http_chat_conn_lost(ngx_http_chat_conn_t *conn, const char *why)
{
    ngx_http_chat_conn_leave(conn, 0, why);
    ngx_http_chat_conn_drop(conn);
}


/* undoes the ties between a connection and a session, here or elsewhere */

static void
ngx_http_chat_conn_leave(ngx_http_chat_conn_t *conn, ngx_uint_t code,
    const char *why)
{
    ngx_http_chat_session_t  *s;

    s = conn->session;
    conn->session = NULL;

    if (s && s->conn == conn) {
        s->conn = NULL;
        ngx_http_chat_session_close(s, code, why);

    } else if (s) {

        /* polling goes on as if there had been no attempt */

        s->probe = NULL;
        s->probed = 0;

    } else if (conn->remote) {
        conn->remote = 0;
        ngx_http_chat_relay_unprobe(conn->hub, conn->sid);
    }
}


void
ngx_http_chat_conn_drop(ngx_http_chat_conn_t *conn)
{
    ngx_connection_t  *c;

    if (conn->closed) {
        return;
    }

    conn->closed = 1;

    if (conn->dirty.next) {
        ngx_queue_remove(&conn->dirty);
        conn->dirty.next = NULL;
    }

    ngx_http_chat_timer_del(&ngx_http_chat_worker->wheel, &conn->timer);
    ngx_http_chat_outbox_clear(&conn->out);

    c = conn->connection;

    if (c == NULL) {

        /* still in nginx's request: _start frees it */

        return;
    }

    conn->connection = NULL;

    c->idle = 0;
    ngx_http_close_connection(c);

    ngx_queue_insert_tail(&ngx_http_chat_worker->dead_conns, &conn->dead);
    ngx_http_chat_turn();
}


void
ngx_http_chat_conn_free(ngx_http_chat_conn_t *conn)
{
    if (conn->message) {
        ngx_free(conn->message);
    }

    if (conn->unread) {
        ngx_free(conn->unread);
    }

    ngx_http_chat_worker->nconns--;
    ngx_free(conn);
}
