/*
 * What comes in over a WebSocket connection: frames to messages to packets, and
 * the probe that comes before an upgrade.
 */

#include "ngx_http_chat_conn.h"
#include "ngx_http_chat_relay.h"


static void ngx_http_chat_conn_control(ngx_http_chat_conn_t *conn,
    chat_ws_event_t *event);
static ngx_int_t ngx_http_chat_conn_data(ngx_http_chat_conn_t *conn,
    chat_ws_event_t *event);
static ngx_int_t ngx_http_chat_conn_gather(ngx_http_chat_conn_t *conn,
    chat_ws_event_t *event);
static ngx_int_t ngx_http_chat_conn_whole(ngx_http_chat_conn_t *conn,
    chat_ws_event_t *event, u_char *data, size_t len);
static ngx_int_t ngx_http_chat_conn_message(ngx_http_chat_conn_t *conn,
    ngx_uint_t opcode, u_char *data, size_t len);
static ngx_int_t ngx_http_chat_conn_probe(ngx_http_chat_conn_t *conn,
    u_char *data, size_t len);
static ngx_int_t ngx_http_chat_conn_arrive(ngx_http_chat_conn_t *conn);


void
ngx_http_chat_conn_process(ngx_http_chat_conn_t *conn, u_char *data,
    size_t len)
{
    int               rc;
    u_char           *pos, *end;
    ngx_int_t         done;
    chat_ws_event_t   event;

    pos = data;
    end = data + len;

    while (!conn->closed && !conn->close_received) {

        rc = chat_ws_parse(&conn->parser, &pos, end, &event);

        switch (rc) {

        case CHAT_WS_AGAIN:
            return;

        case CHAT_WS_CONTROL:
            ngx_http_chat_conn_control(conn, &event);
            ngx_http_chat_conn_control_free(conn);
            break;

        case CHAT_WS_STORE:
            if (ngx_http_chat_conn_control_alloc(conn) != NGX_OK) {
                ngx_http_chat_conn_fail(conn, 1011, "no memory");
                return;
            }

            break;

        case CHAT_WS_DATA:
            if (conn->close_sent) {
                break;
            }

            done = ngx_http_chat_conn_data(conn, &event);

            if (done == NGX_AGAIN && pos < end) {
                if (ngx_http_chat_conn_hold(conn, pos, end - pos) != NGX_OK) {
                    ngx_http_chat_conn_fail(conn, 1011, "no memory");
                }

                return;
            }

            break;

        default:
            if (conn->close_sent) {
                ngx_http_chat_conn_drop(conn);
                return;
            }

            ngx_http_chat_conn_fail(conn, event.code, "a protocol error");

            /* nothing that follows can be understood */

            conn->close_received = 1;
            return;
        }
    }
}


static void
ngx_http_chat_conn_control(ngx_http_chat_conn_t *conn, chat_ws_event_t *event)
{
    ngx_int_t               rc;
    ngx_http_chat_frame_t  *frame;

    if (event->opcode == CHAT_WS_PONG) {
        return;
    }

    if (event->opcode == CHAT_WS_CLOSE) {
        conn->close_received = 1;

        if (conn->close_sent) {
            ngx_http_chat_conn_flush(conn);
            return;
        }

        ngx_http_chat_conn_fail(conn, event->code, "closed by the client");
        return;
    }

    if (conn->close_sent) {
        return;
    }

    frame = ngx_http_chat_frame_create(event->len);
    rc = NGX_ERROR;

    if (frame) {
        ngx_http_chat_frame_seal(frame,
                           ngx_cpymem(frame->text,
                                      event->data, event->len),
                           CHAT_WS_PONG);
        rc = ngx_http_chat_conn_send(conn, frame);
        ngx_http_chat_frame_unref(frame);
    }

    if (rc != NGX_OK || conn->out.bytes > conn->conf->send_queue) {
        ngx_http_chat_count(NGX_HTTP_CHAT_STAT_SLOW);
        ngx_http_chat_conn_fail(conn, 1013, "the client reads too slowly");
    }
}


/* NGX_OK, or NGX_AGAIN: hold back what follows */

static ngx_int_t
ngx_http_chat_conn_data(ngx_http_chat_conn_t *conn, chat_ws_event_t *event)
{
    u_char     *data;
    size_t      len;
    ngx_int_t   rc;

    if (event->first && event->last) {
        return ngx_http_chat_conn_whole(conn, event, event->data, event->len);
    }

    if (ngx_http_chat_conn_gather(conn, event) != NGX_OK) {
        ngx_http_chat_conn_fail(conn, 1011, "no memory");
        return NGX_OK;
    }

    if (!event->last) {
        return NGX_OK;
    }

    data = conn->message;
    len = conn->len;

    conn->message = NULL;
    conn->len = 0;
    conn->size = 0;

    rc = ngx_http_chat_conn_whole(conn, event, data, len);

    ngx_free(data);

    return rc;
}


/* the parser has checked the message's size against its limit */

static ngx_int_t
ngx_http_chat_conn_gather(ngx_http_chat_conn_t *conn, chat_ws_event_t *event)
{
    size_t   size;
    u_char  *message;

    if (conn->message == NULL || conn->size - conn->len < event->len) {
        size = ngx_max(conn->size * 2, conn->len + event->len);
        size = ngx_max(size, 256);

        message = ngx_alloc(size, ngx_http_chat_worker->log);
        if (message == NULL) {
            return NGX_ERROR;
        }

        if (conn->message) {
            ngx_memcpy(message, conn->message, conn->len);
            ngx_free(conn->message);
        }

        conn->message = message;
        conn->size = size;
    }

    ngx_memcpy(conn->message + conn->len, event->data, event->len);
    conn->len += event->len;

    return NGX_OK;
}


static ngx_int_t
ngx_http_chat_conn_whole(ngx_http_chat_conn_t *conn, chat_ws_event_t *event,
    u_char *data, size_t len)
{
    int         rc;
    u_char     *text;
    ngx_int_t   done;

    if (!event->compressed || event->opcode != CHAT_WS_TEXT) {
        return ngx_http_chat_conn_message(conn, event->opcode, data, len);
    }

    rc = chat_deflate_unpack(ngx_http_chat_worker->deflate,
                             (chat_str_t) { len, data },
                             conn->conf->max_payload, &text, &len);

    if (rc == CHAT_DEFLATE_TOO_LONG) {
        ngx_http_chat_conn_fail(conn, 1009, "a protocol error");
        return NGX_OK;
    }

    if (rc != CHAT_OK) {
        ngx_http_chat_conn_fail(conn, 1007, "a protocol error");
        return NGX_OK;
    }

    if (chat_utf8_check((chat_str_t) { len, text }) == CHAT_OK) {
        done = ngx_http_chat_conn_message(conn, CHAT_WS_TEXT, text, len);

    } else {
        ngx_http_chat_conn_fail(conn, 1007, "a protocol error");
        done = NGX_OK;
    }

    ngx_free(text);

    return done;
}


static ngx_int_t
ngx_http_chat_conn_message(ngx_http_chat_conn_t *conn, ngx_uint_t opcode,
    u_char *data, size_t len)
{
    ngx_int_t                 rc;
    ngx_http_chat_session_t  *s;

    if (opcode != CHAT_WS_TEXT) {
        ngx_http_chat_conn_fail(conn, 1003, "a binary message");
        return NGX_OK;
    }

    s = conn->session;

    if (s == NULL || s->conn != conn) {
        return ngx_http_chat_conn_probe(conn, data, len);
    }

    rc = ngx_http_chat_session_packet(s, (chat_str_t) { len, data });

    if (rc == NGX_ERROR) {
        ngx_http_chat_session_close(s, 1002, "an invalid packet");
        return NGX_OK;
    }

    return rc == NGX_AGAIN ? NGX_AGAIN : NGX_OK;
}


/* "2probe", then "5"; anything else ends the attempt */

static ngx_int_t
ngx_http_chat_conn_probe(ngx_http_chat_conn_t *conn, u_char *data, size_t len)
{
    ngx_str_t                 text;
    ngx_http_chat_frame_t    *frame;
    ngx_http_chat_session_t  *s;

    s = conn->session;

    if (!conn->probed && len == 6 && ngx_strncmp(data, "2probe", 6) == 0) {
        conn->probed = 1;

        ngx_str_set(&text, "3probe");
        frame = ngx_http_chat_frame_text_of(1, &text);

        if (frame) {
            (void) ngx_http_chat_conn_send(conn, frame);
            ngx_http_chat_frame_unref(frame);
        }

        if (s == NULL) {
            ngx_http_chat_relay_noop(conn->hub, conn->remote->sid);
            return NGX_OK;
        }

        ngx_http_chat_session_probed(s);

        return NGX_OK;
    }

    if (conn->probed && len == 1 && data[0] == '5') {
        ngx_http_chat_timer_del(&ngx_http_chat_worker->wheel, &conn->timer);

        if (s) {
            ngx_http_chat_session_upgraded(s, conn);
            return ngx_http_chat_conn_busy(conn) ? NGX_AGAIN : NGX_OK;
        }

        return ngx_http_chat_conn_arrive(conn);
    }

    ngx_http_chat_conn_fail(conn, 1002, "an invalid upgrade");

    return NGX_OK;
}


/* the session moves here from the worker that holds it */

static ngx_int_t
ngx_http_chat_conn_arrive(ngx_http_chat_conn_t *conn)
{
    ngx_http_chat_client_t   *client;
    ngx_http_chat_session_t  *s;

    client = ngx_http_chat_client_arrive(ngx_http_chat_worker->main,
                                         &conn->remote->client);

    s = ngx_http_chat_session_create(conn->hub, conn->conf,
                                     &conn->remote->token, client,
                                     conn->remote->sid);
    if (s == NULL) {
        ngx_http_chat_conn_fail(conn, 1011, "no memory");
        return NGX_OK;
    }

    conn->session = s;

    s->conn = conn;
    ngx_http_chat_session_transport(s, NGX_HTTP_CHAT_WEBSOCKET);
    s->polled = 1;
    s->arriving = 1;
    ngx_http_chat_count(NGX_HTTP_CHAT_STAT_MOVES);

    ngx_http_chat_session_connect_wait(s, NGX_HTTP_CHAT_ARRIVE_WAIT);

    ngx_http_chat_relay_move(conn->hub, conn->remote->sid);

    ngx_free(conn->remote);
    conn->remote = NULL;

    return NGX_AGAIN;
}
