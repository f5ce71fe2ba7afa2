/*
 * Engine.IO sessions (engine.io-protocol, revision 4): the table by sid, the
 * heartbeat, packets in and out, whatever the transport is.
 *
 * A session is allocated by _create, leaves all tables in _close, and is freed
 * at the end of the turn.
 */

#include "ngx_http_chat_hub.h"
#include "ngx_http_chat_conn.h"
#include "ngx_http_chat_handover.h"
#include "ngx_http_chat_life.h"
#include "ngx_http_chat_polling.h"
#include "ngx_http_chat_relay.h"
#include "ngx_http_chat_replay.h"
#include "ngx_http_chat_sse.h"
#include "../proto/chat_eio.h"


#define NGX_HTTP_CHAT_KICK_WAIT   5000            /* for a GET, ms */


static void ngx_http_chat_session_ready(ngx_http_chat_session_t *s);
static void ngx_http_chat_session_heartbeat_handler(
    ngx_http_chat_timer_t *timer);
static void ngx_http_chat_session_verified(void *data, redisReply *reply);
static void ngx_http_chat_session_connect_handler(
    ngx_http_chat_timer_t *timer);


ngx_http_chat_session_t *
ngx_http_chat_session_create(ngx_http_chat_hub_t *hub,
    ngx_http_chat_loc_conf_t *conf, ngx_http_chat_token_t *token,
    ngx_http_chat_client_t *client, const u_char *sid)
{
    ngx_http_chat_worker_t   *worker;
    ngx_http_chat_session_t  *s;

    worker = ngx_http_chat_worker;

    s = ngx_calloc(sizeof(ngx_http_chat_session_t), worker->log);
    if (s == NULL) {
        ngx_http_chat_client_leave(worker->main, client);
        return NULL;
    }

    s->hub = hub;
    s->conf = conf;
    s->client = client;
    s->renewed = ngx_current_msec;
    s->token = *token;

    ngx_queue_init(&s->sends);
    ngx_queue_init(&s->replays);

    if (sid) {
        ngx_memcpy(s->sid, sid, NGX_HTTP_CHAT_SID_LEN);

    } else {
        ngx_memcpy(s->sid, worker->id.data, worker->id.len);
        ngx_http_chat_random_id(s->sid + worker->id.len,
                                NGX_HTTP_CHAT_SID_LEN - worker->id.len);
    }

    s->node.str.len = NGX_HTTP_CHAT_SID_LEN;
    s->node.str.data = s->sid;
    s->node.node.key = ngx_crc32_short(s->sid, NGX_HTTP_CHAT_SID_LEN);

    ngx_rbtree_insert(&worker->sessions, &s->node.node);
    ngx_http_chat_count(NGX_HTTP_CHAT_STAT_POLLING);
    ngx_http_chat_life_begin(s);
    ngx_http_chat_drain_again();

    ngx_http_chat_session_connect_wait(s, NGX_HTTP_CHAT_CONNECT_WAIT);

    return s;
}


void
ngx_http_chat_session_transport(ngx_http_chat_session_t *s,
    ngx_http_chat_transport_t transport)
{
    ngx_http_chat_uncount(NGX_HTTP_CHAT_STAT_POLLING + s->transport);
    s->transport = transport;
    ngx_http_chat_count(NGX_HTTP_CHAT_STAT_POLLING + transport);
}


ngx_http_chat_session_t *
ngx_http_chat_session_find(const u_char *sid, size_t len)
{
    ngx_str_t  name;

    if (len != NGX_HTTP_CHAT_SID_LEN) {
        return NULL;
    }

    name.len = len;
    name.data = (u_char *) sid;

    return (ngx_http_chat_session_t *)
               ngx_str_rbtree_lookup(&ngx_http_chat_worker->sessions, &name,
                                     ngx_crc32_short(name.data, len));
}


ngx_http_chat_frame_t *
ngx_http_chat_session_open(ngx_http_chat_session_t *s, ngx_uint_t upgrade)
{
    u_char                 *p;
    ngx_http_chat_frame_t  *frame;

    frame = ngx_http_chat_frame_create(256);
    if (frame == NULL) {
        return NULL;
    }

    p = frame->text;

    p = ngx_sprintf(p, "0{\"sid\":\"%*s\",\"upgrades\":[%s],"
                    "\"pingInterval\":%M,\"pingTimeout\":%M,"
                    "\"maxPayload\":%uz}",
                    (size_t) NGX_HTTP_CHAT_SID_LEN, s->sid,
                    upgrade ? "\"websocket\"" : "", s->conf->ping_interval,
                    s->conf->ping_timeout, s->conf->max_payload);

    ngx_http_chat_frame_seal(frame, p, CHAT_WS_TEXT);

    return frame;
}


void
ngx_http_chat_session_close(ngx_http_chat_session_t *s, ngx_uint_t code,
    const char *why)
{
    ngx_str_t                body;
    ngx_http_chat_conn_t    *conn;
    ngx_http_chat_port_t    *port;
    ngx_http_chat_worker_t  *worker;

    if (s->closed) {
        return;
    }

    if (s->handing) {
        ngx_http_chat_handover_undo(s);
    }

    if (s->upgrading && !s->moved) {
        ngx_http_chat_relay_gone(s->hub, s->prober, &s->node.str);
    }

    worker = ngx_http_chat_worker;
    s->closed = 1;

    ngx_log_error(NGX_LOG_INFO, worker->log, 0, "chat: session %V closed: %s",
                  &s->node.str, why);

    ngx_http_chat_life_end(s, code, why);

    ngx_rbtree_delete(&worker->sessions, &s->node.node);
    ngx_http_chat_client_leave(worker->main, s->client);
    ngx_http_chat_uncount(NGX_HTTP_CHAT_STAT_POLLING + s->transport);

    ngx_http_chat_timer_del(&worker->wheel, &s->heartbeat);

    ngx_http_chat_socket_close(s, 0);
    ngx_http_chat_timer_del(&worker->wheel, &s->connect);

    ngx_http_chat_deliver_close(s);

    port = s->poll;
    s->poll = NULL;

    if (port) {
        ngx_str_set(&body, "1");
        port->session = NULL;
        ngx_http_chat_port_reply(port, NGX_HTTP_OK,
                                 NGX_HTTP_CHAT_REPLY_PAYLOAD, &body);
    }

    port = s->post;
    s->post = NULL;

    if (port) {
        ngx_str_set(&body, "ok");
        port->session = NULL;
        ngx_http_chat_port_reply(port, NGX_HTTP_OK, NGX_HTTP_CHAT_REPLY_HTML,
                                 &body);
    }

    conn = s->conn;
    s->conn = NULL;

    if (conn) {
        conn->session = NULL;
        ngx_http_chat_conn_close(conn, code, why);
    }

    conn = s->probe;
    s->probe = NULL;

    if (conn) {
        conn->session = NULL;
        ngx_http_chat_conn_close(conn, 1000, why);
    }

    if (s->stream) {
        ngx_http_chat_sse_close(s);
    }

    ngx_http_chat_outbox_clear(&s->out);

    if (s->turn.next) {
        ngx_queue_remove(&s->turn);
    }

    ngx_queue_insert_tail(&worker->dead_sessions, &s->turn);
    ngx_http_chat_turn();
}


void
ngx_http_chat_session_revoke(ngx_http_chat_session_t *s)
{
    if (!s->closed) {
        ngx_http_chat_socket_close(s, 1);
        ngx_http_chat_session_close(s, 1000, "logged out");
    }
}


void
ngx_http_chat_session_kick(ngx_http_chat_session_t *s)
{
    ngx_str_t  text;

    if (s->stream == NULL) {
        ngx_str_set(&text, "41");
        ngx_http_chat_session_send_text(s, 1, &text);

        /* a waiting GET takes it along */

        ngx_http_chat_session_flush(s);
    }

    if (s->closed) {
        return;
    }

    ngx_http_chat_socket_close(s, 1);

    if (s->transport == NGX_HTTP_CHAT_POLLING && s->out.n && !s->leaving) {

        /* or the next one does */

        ngx_http_chat_session_connect_wait(s, NGX_HTTP_CHAT_KICK_WAIT);
        return;
    }

    ngx_http_chat_session_close(s, 1000, "kicked by an admin");
}


void
ngx_http_chat_session_send(ngx_http_chat_session_t *s,
    ngx_http_chat_frame_t *frame)
{
    ngx_http_chat_outbox_t  *box;

    if (s->closed || s->overflow) {
        return;
    }

    if (s->life) {
        s->life->sent++;
    }

    box = s->conn && !s->arriving ? &s->conn->out : &s->out;

    /* this may be in the middle of a fan-out: it is closed when that is done */

    if (box->bytes + frame->head + frame->len > s->conf->send_queue) {
        ngx_http_chat_session_overflow(s);
        return;
    }

    if (box != &s->out) {
        if (ngx_http_chat_conn_send(s->conn, frame) != NGX_OK) {
            ngx_http_chat_session_overflow(s);
        }

        return;
    }

    if (ngx_http_chat_outbox_push(box, frame) != NGX_OK) {
        ngx_http_chat_session_overflow(s);
        return;
    }

    if (s->poll || s->stream) {
        ngx_http_chat_session_ready(s);
    }
}


void
ngx_http_chat_session_overflow(ngx_http_chat_session_t *s)
{
    s->overflow = 1;
    ngx_http_chat_session_ready(s);
}


void
ngx_http_chat_session_drained(ngx_http_chat_session_t *s)
{
    if (s->nreplays) {
        ngx_http_chat_session_ready(s);
    }
}


static void
ngx_http_chat_session_ready(ngx_http_chat_session_t *s)
{
    if (s->turn.next == NULL) {
        ngx_queue_insert_tail(&ngx_http_chat_worker->ready, &s->turn);
        ngx_http_chat_turn();
    }
}


void
ngx_http_chat_session_send_text(ngx_http_chat_session_t *s, ngx_uint_t n,
    const ngx_str_t *pieces)
{
    ngx_http_chat_frame_t  *frame;

    frame = ngx_http_chat_frame_text_of(n, pieces);

    if (frame == NULL) {
        ngx_http_chat_session_close(s, 1011, "no memory");
        return;
    }

    ngx_http_chat_session_send(s, frame);
    ngx_http_chat_frame_unref(frame);
}


void
ngx_http_chat_session_flush(ngx_http_chat_session_t *s)
{
    ngx_str_t              body;
    ngx_http_chat_port_t  *port;

    if (s->closed) {
        return;
    }

    if (s->overflow) {
        ngx_http_chat_count(NGX_HTTP_CHAT_STAT_SLOW);
        ngx_http_chat_session_close(s, 1013, "the client reads too slowly");
        return;
    }

    if (s->stream) {
        ngx_http_chat_sse_write(s);
        return;
    }

    if (s->poll == NULL || s->out.n == 0) {
        return;
    }

    ngx_http_chat_count_most(NGX_HTTP_CHAT_STAT_QUEUE_MOST, s->out.bytes);

    if (s->poll->request == NULL) {
        ngx_http_chat_life_sent(s, s->out.bytes);
        ngx_http_chat_deliver(s);
        return;
    }

    if (ngx_http_chat_port_join(&s->out, &body) != NGX_OK) {

        /* it stays queued */

        return;
    }

    ngx_http_chat_life_sent(s, body.len);

    ngx_http_chat_outbox_clear(&s->out);

    port = s->poll;
    s->poll = NULL;
    port->session = NULL;

    ngx_http_chat_port_reply(port, NGX_HTTP_OK, NGX_HTTP_CHAT_REPLY_PAYLOAD,
                             &body);
    ngx_free(body.data);
}


ngx_uint_t
ngx_http_chat_session_busy(ngx_http_chat_session_t *s)
{
    return s->arriving
           || s->socket == NGX_HTTP_CHAT_SOCKET_LOOKUP
           || s->nsends >= NGX_HTTP_CHAT_MAX_SENDS;
}


void
ngx_http_chat_session_resume(ngx_http_chat_session_t *s)
{
    ngx_http_chat_relay_looked_up(s);

    if (!s->closed && s->post && !ngx_http_chat_session_busy(s)) {
        ngx_http_chat_polling_resume(s);
    }

    if (!s->closed && s->conn && !ngx_http_chat_session_busy(s)) {
        ngx_http_chat_conn_resume(s->conn);
    }
}


ngx_int_t
ngx_http_chat_session_packet(ngx_http_chat_session_t *s, chat_str_t text)
{
    ngx_int_t          rc;
    chat_eio_packet_t  packet;

    if (chat_eio_packet(text, &packet) != CHAT_OK) {
        return NGX_ERROR;
    }

    switch (packet.type) {

    case CHAT_EIO_MESSAGE:
        if (s->life) {
            s->life->received++;
        }

        rc = ngx_http_chat_socket_packet(s, packet.data);

        if (s->closed) {
            return NGX_DONE;
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }

        return ngx_http_chat_session_busy(s) ? NGX_AGAIN : NGX_OK;

    case CHAT_EIO_PONG:
        if (s->pinged) {
            ngx_http_chat_session_heartbeat(s);
        }

        return NGX_OK;

    case CHAT_EIO_CLOSE:
        ngx_http_chat_session_close(s, 1000, "closed by the client");
        return NGX_DONE;

    case CHAT_EIO_PING:                 /* the wrong direction */
    case CHAT_EIO_BINARY:               /* nothing here takes any */
        return NGX_ERROR;

    default:
        return NGX_OK;
    }
}


/* starts anew: a ping is due ping_interval from now */

void
ngx_http_chat_session_heartbeat(ngx_http_chat_session_t *s)
{
    ngx_http_chat_session_heartbeat_on(s, s->conf->ping_interval, 0);
}


void
ngx_http_chat_session_heartbeat_on(ngx_http_chat_session_t *s,
    ngx_msec_t delay, ngx_uint_t pinged)
{
    s->pinged = pinged;

    ngx_http_chat_timer_set(&ngx_http_chat_worker->wheel, &s->heartbeat,
                            delay, ngx_http_chat_session_heartbeat_handler);
}


static void
ngx_http_chat_session_heartbeat_handler(ngx_http_chat_timer_t *timer)
{
    ngx_str_t                 ping;
    ngx_http_chat_session_t  *s;

    s = (ngx_http_chat_session_t *)
            ((u_char *) timer - offsetof(ngx_http_chat_session_t, heartbeat));

    if (s->pinged) {
        ngx_http_chat_session_close(s, 1000, "ping timeout");
        return;
    }

    s->pinged = 1;

    ngx_http_chat_session_verify(s);

    ngx_http_chat_timer_set(&ngx_http_chat_worker->wheel, &s->heartbeat,
                            s->conf->ping_timeout,
                            ngx_http_chat_session_heartbeat_handler);

    ngx_http_chat_replays_heard(s);

    ngx_str_set(&ping, "2");
    ngx_http_chat_session_send_text(s, 1, &ping);
}


void
ngx_http_chat_session_verify(ngx_http_chat_session_t *s)
{
    ngx_uint_t  due;

    due = s->user && ngx_current_msec - s->renewed
                     > (ngx_msec_t) s->conf->session_ttl * 1000 / 3;

    if (s->lookup || (s->user == NULL && s->stream == NULL)
        || (!due && s->verified == s->hub->outages))
    {
        return;
    }

    s->lookup = ngx_http_chat_session_get(s->hub->redis, &s->token,
                                          s->conf->session_ttl,
                                          ngx_http_chat_session_verified, s);
    if (s->lookup == NULL) {
        return;
    }

    s->verified = s->hub->outages;

    if (due) {
        s->renewed = ngx_current_msec;
        ngx_http_chat_session_renew(s->hub->redis, &s->token,
                                    &s->user->node.str, s->conf->session_ttl);
    }
}


static void
ngx_http_chat_session_verified(void *data, redisReply *reply)
{
    ngx_http_chat_session_t *s = data;

    s->lookup = NULL;

    if (!ngx_http_chat_redis_ok(reply)) {

        /* at the next heartbeat, then */

        s->verified = 0;
        return;
    }

    if (reply->type == REDIS_REPLY_NIL) {
        ngx_http_chat_session_revoke(s);
    }
}


void
ngx_http_chat_session_connect_wait(ngx_http_chat_session_t *s,
    ngx_msec_t delay)
{
    ngx_http_chat_timer_set(&ngx_http_chat_worker->wheel, &s->connect, delay,
                            ngx_http_chat_session_connect_handler);
}


static void
ngx_http_chat_session_connect_handler(ngx_http_chat_timer_t *timer)
{
    ngx_http_chat_session_t  *s;

    s = (ngx_http_chat_session_t *)
            ((u_char *) timer - offsetof(ngx_http_chat_session_t, connect));

    ngx_http_chat_session_close(s, 1000, s->arriving
                                             ? "it did not come over"
                                             : "it did not connect");
}


/* a WebSocket has answered the probe: the client waits for its GET to end */

void
ngx_http_chat_session_probed(ngx_http_chat_session_t *s)
{
    ngx_str_t              noop;
    ngx_http_chat_port_t  *port;

    s->probed = 1;
    s->probed_at = ngx_current_msec;

    port = s->poll;

    if (port && s->out.n == 0) {
        s->poll = NULL;
        port->session = NULL;

        ngx_str_set(&noop, "6");
        ngx_http_chat_port_reply(port, NGX_HTTP_OK,
                                 NGX_HTTP_CHAT_REPLY_PAYLOAD, &noop);
    }
}


ngx_uint_t
ngx_http_chat_session_probing(ngx_http_chat_session_t *s)
{
    return s->probe
           || ((s->probed || s->remote_probe)
               && ngx_current_msec - s->probed_at
                  < NGX_HTTP_CHAT_UPGRADE_WAIT);
}


void
ngx_http_chat_session_upgraded(ngx_http_chat_session_t *s,
    ngx_http_chat_conn_t *conn)
{
    ngx_str_t              noop;
    ngx_http_chat_port_t  *port;

    s->probe = NULL;
    s->probed = 0;
    s->conn = conn;
    ngx_http_chat_session_transport(s, NGX_HTTP_CHAT_WEBSOCKET);

    if (s->turn.next) {
        ngx_queue_remove(&s->turn);
        s->turn.next = NULL;
    }

    while (s->out.n) {
        if (ngx_http_chat_conn_send(conn, ngx_http_chat_outbox_get(&s->out, 0))
            != NGX_OK)
        {
            ngx_http_chat_session_overflow(s);
            break;
        }

        ngx_http_chat_outbox_shift(&s->out);
    }

    if (s->opening) {

        /* it need not wait for a request any more */

        ngx_http_chat_opening_wait(s);
    }

    port = s->poll;
    s->poll = NULL;

    if (port) {
        ngx_str_set(&noop, "6");
        port->session = NULL;
        ngx_http_chat_port_reply(port, NGX_HTTP_OK,
                                 NGX_HTTP_CHAT_REPLY_PAYLOAD, &noop);
    }
}
