/*
 * WebSocket connections, reading, writing and closing: see the header.
 *
 * A connection belongs to itself: it lives until the peer or an error ends it,
 * or its session closes it.  conn->connection is NULL before _start, when
 * frames are only queued.
 */

#include "ngx_http_chat_conn.h"
#include "ngx_http_chat_relay.h"
#include "ngx_http_chat_handover.h"
#include "ngx_http_chat_life.h"


#define NGX_HTTP_CHAT_CONN_BUFS     64            /* of one writev() */
#define NGX_HTTP_CHAT_CONN_READS    16            /* of one turn */
#define NGX_HTTP_CHAT_CLOSE_WAIT    3000


static void ngx_http_chat_conn_read_handler(ngx_event_t *rev);
static void ngx_http_chat_conn_write_handler(ngx_event_t *wev);
static void ngx_http_chat_conn_timer_handler(ngx_http_chat_timer_t *timer);
static void ngx_http_chat_conn_read(ngx_http_chat_conn_t *conn);
static ngx_int_t ngx_http_chat_conn_write(ngx_http_chat_conn_t *conn);
#if (NGX_HTTP_SSL)
static ngx_int_t ngx_http_chat_conn_encrypt(ngx_http_chat_conn_t *conn);
#endif
static void ngx_http_chat_conn_release(ngx_connection_t *c);
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
        ngx_http_chat_drain_again();

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
        ngx_http_chat_conn_release(c);

        ngx_queue_insert_tail(&ngx_http_chat_worker->dead_conns, &conn->turn);
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
            if (conn->handed) {
                ngx_http_chat_handover_undo(conn->session);
            }

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

        ngx_http_chat_life_received(conn->session, n);
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
ngx_http_chat_conn_control_alloc(ngx_http_chat_conn_t *conn)
{
    conn->parser.control = ngx_alloc(CHAT_WS_MAX_CONTROL,
                                     ngx_http_chat_worker->log);

    return conn->parser.control ? NGX_OK : NGX_ERROR;
}


void
ngx_http_chat_conn_control_free(ngx_http_chat_conn_t *conn)
{
    if (conn->parser.control) {
        ngx_free(conn->parser.control);
        conn->parser.control = NULL;
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

    if (conn->window) {
        frame = ngx_http_chat_frame_deflated(frame, conn->window);
    }

    if (ngx_http_chat_outbox_push(&conn->out, frame) != NGX_OK) {
        return NGX_ERROR;
    }

    if (conn->turn.next == NULL) {
        ngx_queue_insert_tail(&ngx_http_chat_worker->dirty, &conn->turn);
        ngx_http_chat_turn();
    }

    return NGX_OK;
}


void
ngx_http_chat_conn_flush(ngx_http_chat_conn_t *conn)
{
    ngx_int_t                rc;
    ngx_connection_t        *c;
    ngx_http_chat_outbox_t  *box;

    c = conn->connection;
    box = &conn->out;

    if (c == NULL || conn->closed || conn->held) {
        return;
    }

    rc = NGX_OK;
    ngx_http_chat_count_most(NGX_HTTP_CHAT_STAT_QUEUE_MOST, box->bytes);

    while ((box->n || c->buffered) && c->write->ready && rc == NGX_OK) {
#if (NGX_HTTP_SSL)
        rc = c->ssl ? ngx_http_chat_conn_encrypt(conn)
                    : ngx_http_chat_conn_write(conn);
#else
        rc = ngx_http_chat_conn_write(conn);
#endif
    }

    if (rc != NGX_OK) {
        ngx_http_chat_conn_lost(conn, "the connection was lost");
        return;
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


/*
 * One system call for what is queued.  Frames that lie behind each other, as
 * those of one turn do, go as one piece: that costs the kernel least.
 */

static ngx_int_t
ngx_http_chat_conn_write(ngx_http_chat_conn_t *conn)
{
    u_char                  *start, *end;
    size_t                   size, rest;
    ssize_t                  n;
    ngx_err_t                err;
    ngx_uint_t               i, niov;
    struct iovec             iov[NGX_HTTP_CHAT_CONN_BUFS];
    ngx_connection_t        *c;
    ngx_http_chat_frame_t   *frame;
    ngx_http_chat_outbox_t  *box;

    c = conn->connection;
    box = &conn->out;

    niov = 0;
    size = 0;
    end = NULL;

    for (i = 0; i < box->n; i++) {
        frame = ngx_http_chat_outbox_get(box, i);
        start = frame->text - frame->head + (i == 0 ? box->sent : 0);

        if (niov == 0 || start != end) {
            if (niov == NGX_HTTP_CHAT_CONN_BUFS) {
                break;
            }

            iov[niov].iov_base = start;
            iov[niov++].iov_len = 0;
        }

        end = frame->text + frame->len;
        iov[niov - 1].iov_len += end - start;
        size += end - start;
    }

    do {
        n = niov == 1 ? send(c->fd, iov[0].iov_base, size, 0)
                      : writev(c->fd, iov, niov);
        err = n == -1 ? ngx_socket_errno : 0;
    } while (err == NGX_EINTR);

    if (n == -1 && err != NGX_EAGAIN) {
        ngx_connection_error(c, err, "send() failed");
        return NGX_ERROR;
    }

    n = ngx_max(n, 0);
    c->sent += n;
    ngx_http_chat_life_sent(conn->session, n);

    if ((size_t) n < size) {
        c->write->ready = 0;
    }

    while (n) {
        frame = ngx_http_chat_outbox_get(box, 0);
        rest = frame->head + frame->len - box->sent;

        if ((size_t) n < rest) {
            box->sent += (uint32_t) n;
            break;
        }

        n -= rest;
        ngx_http_chat_outbox_shift(box);
    }

    return NGX_OK;
}


#if (NGX_HTTP_SSL)

/* nginx gathers the frames in a record */

static ngx_int_t
ngx_http_chat_conn_encrypt(ngx_http_chat_conn_t *conn)
{
    off_t                    sent;
    ngx_buf_t                bufs[NGX_HTTP_CHAT_CONN_BUFS], *b;
    ngx_uint_t               i, n;
    ngx_chain_t              chain[NGX_HTTP_CHAT_CONN_BUFS], *rest;
    ngx_connection_t        *c;
    ngx_http_chat_frame_t   *frame;
    ngx_http_chat_outbox_t  *box;

    c = conn->connection;
    box = &conn->out;

    n = ngx_min(box->n, NGX_HTTP_CHAT_CONN_BUFS);

    ngx_memzero(bufs, n * sizeof(ngx_buf_t));

    for (i = 0; i < n; i++) {
        frame = ngx_http_chat_outbox_get(box, i);
        b = &bufs[i];

        b->start = frame->text - frame->head;
        b->pos = b->start + (i == 0 ? box->sent : 0);
        b->last = frame->text + frame->len;
        b->end = b->last;
        b->memory = 1;
        b->flush = (i == n - 1);

        chain[i].buf = b;
        chain[i].next = i == n - 1 ? NULL : &chain[i + 1];
    }

    sent = c->sent;
    rest = c->send_chain(c, n ? chain : NULL, 0);
    ngx_http_chat_life_sent(conn->session, c->sent - sent);

    if (rest == NGX_CHAIN_ERROR) {
        return NGX_ERROR;
    }

    for (i = 0; i < n && &chain[i] != rest; i++) {
        ngx_http_chat_outbox_shift(box);
    }

    if (rest) {
        box->sent = (uint32_t) (rest->buf->pos - rest->buf->start);
    }

    return NGX_OK;
}

#endif


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

    conn->held = 0;

    len = ngx_min(ngx_strlen(why), CHAT_WS_MAX_CONTROL - 2);

    frame = ngx_http_chat_frame_create(CHAT_WS_MAX_CONTROL);

    if (frame == NULL) {
        ngx_http_chat_conn_drop(conn);
        return;
    }

    p = frame->text;

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
        ngx_http_chat_relay_unprobe(conn->hub, conn->remote->sid);

        ngx_free(conn->remote);
        conn->remote = NULL;
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

    if (conn->turn.next) {
        ngx_queue_remove(&conn->turn);
        conn->turn.next = NULL;
    }

    ngx_http_chat_timer_del(&ngx_http_chat_worker->wheel, &conn->timer);
    ngx_http_chat_outbox_clear(&conn->out);

    c = conn->connection;

    if (c == NULL) {

        /* still in nginx's request: _start frees it */

        return;
    }

    conn->connection = NULL;
    ngx_http_chat_conn_release(c);

    ngx_queue_insert_tail(&ngx_http_chat_worker->dead_conns, &conn->turn);
    ngx_http_chat_turn();
}


/* as ngx_http_close_connection() does, for one that may have no pool */

static void
ngx_http_chat_conn_release(ngx_connection_t *c)
{
    c->idle = 0;

    if (c->pool) {
        ngx_http_close_connection(c);
        return;
    }

#if (NGX_STAT_STUB)
    (void) ngx_atomic_fetch_add(ngx_stat_active, -1);
#endif

    c->destroyed = 1;
    ngx_close_connection(c);
}


void
ngx_http_chat_conn_free(ngx_http_chat_conn_t *conn)
{
    ngx_http_chat_conn_control_free(conn);

    if (conn->message) {
        ngx_free(conn->message);
    }

    if (conn->unread) {
        ngx_free(conn->unread);
    }

    if (conn->remote) {
        ngx_free(conn->remote);
    }

    ngx_http_chat_worker->nconns--;
    ngx_free(conn);
}
