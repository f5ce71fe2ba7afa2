/*
 * Sessions that move, because their WebSocket came to another worker.
 *
 * How one moves without losing, doubling or reordering anything: every worker
 * reads all its channels over one connection, so all of them see one order.
 * The old owner publishes "cut" to itself and "open" to the new one in one
 * step.  What is published on MESSAGES before that, the old owner delivers
 * (into the session's queue), and what is published after it, the new one; when
 * the old owner sees its "cut", its queue is complete and goes over as "state",
 * which the new owner puts in front of what it has gathered meanwhile.
 *
 * Until then the new owner holds live messages as for a socket that opens.  In
 * front of "state" come "read", the positions up to which replays have read
 * rooms, perhaps ahead of the bus, and "held", what the old owner held.
 */

#include "ngx_http_chat_relay_int.h"
#include "ngx_http_chat_conn.h"
#include "ngx_http_chat_handover.h"
#include "ngx_http_chat_life.h"
#include "ngx_http_chat_replay.h"
#include "../proto/chat_eio.h"


static u_char *ngx_http_chat_relay_open(ngx_http_chat_session_t *s,
    size_t *len);
static void ngx_http_chat_relay_read(ngx_http_chat_session_t *s,
    chat_room_t *room, uint64_t pos);
static ngx_int_t ngx_http_chat_relay_pos(ngx_http_chat_relay_t *message,
    chat_room_t *room, uint64_t *pos);


ngx_http_chat_port_t *
ngx_http_chat_relay_probe(ngx_http_chat_hub_t *hub, const u_char *sid,
    ngx_http_chat_token_t *token, ngx_http_chat_relay_probe_pt done,
    void *data)
{
    u_char                *p, line[256];
    ngx_str_t              head, body;
    ngx_http_chat_port_t  *port;

    port = ngx_http_chat_port_remote(hub, sid, 0, 0);
    if (port == NULL) {
        return NULL;
    }

    port->asked = done;
    port->data = data;

    ngx_http_chat_relay_insert(port, sid, NGX_HTTP_CHAT_RELAY_POST);

    p = ngx_sprintf(line, "probe %uL %V %*s ", (uint64_t) port->node.key,
                    &ngx_http_chat_worker->id, (size_t) NGX_HTTP_CHAT_SID_LEN,
                    sid);
    p = ngx_http_chat_relay_hash(p, token);

    head.data = line;
    head.len = p - line;
    ngx_str_null(&body);

    port->op = ngx_http_chat_relay_publish(hub, sid, &head, &body,
                                           ngx_http_chat_relay_sent, port);
    if (port->op == NULL) {
        ngx_http_chat_port_free(port);
        return NULL;
    }

    return port;
}


/* may the session be upgraded by a WebSocket of another worker? */

void
ngx_http_chat_relay_on_probe(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message)
{
    ngx_str_t                 none;
    ngx_http_chat_port_t     *port;
    ngx_http_chat_session_t  *s;

    if (message->word[2].len != NGX_HTTP_CHAT_WORKER_ID_LEN) {
        return;
    }

    port = ngx_http_chat_port_remote(hub, message->word[2].data,
                                     ngx_atoi(message->word[1].data,
                                              message->word[1].len), 0);
    if (port == NULL) {
        return;
    }

    s = ngx_http_chat_relay_session(hub, &message->word[3]);

    if (s == NULL || s->transport != NGX_HTTP_CHAT_POLLING || s->leaving
        || ngx_http_chat_session_probing(s)
        || !ngx_http_chat_relay_hash_is(s, &message->word[4]))
    {
        ngx_http_chat_port_error(port, NGX_HTTP_CHAT_EIO_BAD);
        return;
    }

    s->remote_probe = 1;
    s->probed_at = ngx_current_msec;
    ngx_memcpy(s->prober, message->word[2].data, NGX_HTTP_CHAT_WORKER_ID_LEN);

    ngx_str_null(&none);
    ngx_http_chat_port_reply(port, NGX_HTTP_OK, NGX_HTTP_CHAT_REPLY_PAYLOAD,
                             &none);
}


void
ngx_http_chat_relay_noop(ngx_http_chat_hub_t *hub, const u_char *sid)
{
    ngx_http_chat_relay_tell(hub, "noop", sid);
}


void
ngx_http_chat_relay_on_noop(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message)
{
    ngx_http_chat_session_t  *s;

    s = ngx_http_chat_relay_session(hub, &message->word[1]);

    if (s && s->remote_probe) {
        ngx_http_chat_session_probed(s);
    }
}


void
ngx_http_chat_relay_unprobe(ngx_http_chat_hub_t *hub, const u_char *sid)
{
    ngx_http_chat_relay_tell(hub, "unprobe", sid);
}


void
ngx_http_chat_relay_on_unprobe(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message)
{
    ngx_http_chat_session_t  *s;

    s = ngx_http_chat_relay_session(hub, &message->word[1]);

    if (s && s->remote_probe && !s->leaving) {
        s->remote_probe = 0;
        s->probed = 0;
    }
}


void
ngx_http_chat_relay_move(ngx_http_chat_hub_t *hub, const u_char *sid)
{
    u_char     command[64];

    *ngx_sprintf(command, "move %V", &ngx_http_chat_worker->id) = '\0';

    ngx_http_chat_relay_tell(hub, (char *) command, sid);
}


void
ngx_http_chat_relay_on_move(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message)
{
    ngx_http_chat_session_t  *s;

    if (message->word[1].len != NGX_HTTP_CHAT_WORKER_ID_LEN) {
        return;
    }

    s = ngx_http_chat_relay_session(hub, &message->word[2]);

    if (s == NULL || !s->remote_probe
        || ngx_memcmp(s->prober, message->word[1].data,
                      NGX_HTTP_CHAT_WORKER_ID_LEN)
           != 0)
    {
        ngx_http_chat_relay_gone(hub, message->word[1].data,
                                 &message->word[2]);
        return;
    }

    s->upgrading = 1;

    ngx_http_chat_relay_looked_up(s);
}


void
ngx_http_chat_relay_looked_up(ngx_http_chat_session_t *s)
{
    if (s->upgrading && !s->leaving && !s->closed
        && s->socket != NGX_HTTP_CHAT_SOCKET_LOOKUP)
    {
        (void) ngx_http_chat_relay_leave(s);
    }
}


void
ngx_http_chat_relay_gone(ngx_http_chat_hub_t *hub, const u_char *worker,
    ngx_str_t *sid)
{
    u_char     line[64];
    ngx_str_t  head, none;

    if (sid->len != NGX_HTTP_CHAT_SID_LEN) {
        return;
    }

    head.data = line;
    head.len = ngx_sprintf(line, "gone %V", sid) - line;
    ngx_str_null(&none);

    (void) ngx_http_chat_relay_publish(hub, worker, &head, &none, NULL, NULL);
}


void
ngx_http_chat_relay_on_gone(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message)
{
    ngx_http_chat_session_t  *s;

    s = ngx_http_chat_relay_session(hub, &message->word[1]);

    if (s && s->arriving) {
        ngx_http_chat_session_close(s, 1000, "the session is gone");
    }
}


ngx_int_t
ngx_http_chat_relay_leave(ngx_http_chat_session_t *s)
{
    u_char     here[64], there[64], cut[96];
    ngx_str_t  argv[4], open;

    open.data = ngx_http_chat_relay_open(s, &open.len);
    if (open.data == NULL) {
        return NGX_ERROR;
    }

    argv[0].data = here;
    argv[0].len = ngx_sprintf(here, NGX_HTTP_CHAT_CHANNEL_WORKER "%V",
                              &ngx_http_chat_worker->id)
                  - here;
    argv[1].data = cut;
    argv[1].len = ngx_sprintf(cut, "cut %V %*s", &s->node.str,
                              (size_t) NGX_HTTP_CHAT_WORKER_ID_LEN, s->prober)
                  - cut;
    argv[2].data = there;
    argv[2].len = ngx_sprintf(there, NGX_HTTP_CHAT_CHANNEL_WORKER "%*s",
                              (size_t) NGX_HTTP_CHAT_WORKER_ID_LEN, s->prober)
                  - there;
    argv[3] = open;

    if (ngx_http_chat_redis_eval(s->hub->redis, &ngx_http_chat_script_cut, NULL,
                                 NULL, 0, 4, argv))
    {
        s->leaving = 1;
    }

    ngx_free(open.data);

    return s->leaving ? NGX_OK : NGX_ERROR;
}


/* the message "open" for the new owner */

static u_char *
ngx_http_chat_relay_open(ngx_http_chat_session_t *s, size_t *len)
{
    u_char                *p, *open;
    size_t                 size;
    ngx_uint_t             i;
    ngx_http_chat_room_t  *room;

    size = sizeof("open  - -") + NGX_HTTP_CHAT_SID_LEN
           + NGX_HTTP_CHAT_SOCKET_ID_LEN + 2
           + s->nmembers * (CHAT_ROOM_ID_MAX + 1);

    if (s->user) {
        size += s->user->node.str.len + s->user->name.len;
    }

    open = ngx_alloc(size, ngx_http_chat_worker->log);
    if (open == NULL) {
        return NULL;
    }

    p = ngx_sprintf(open, "open %V ", &s->node.str);

    if (s->user) {
        p = ngx_sprintf(p, "%*s %V", (size_t) NGX_HTTP_CHAT_SOCKET_ID_LEN,
                        s->socket_id, &s->user->node.str);

        for (i = 0; i < s->nmembers; i++) {
            room = s->members[i].room;

            if (room != s->hub->general) {
                p = ngx_sprintf(p, " %V", &room->node.str);
            }
        }

        *p++ = LF;
        p = ngx_cpymem(p, s->user->name.data, s->user->name.len);

    } else {
        p = ngx_cpymem(p, "- -", 3);
    }

    *len = p - open;

    return open;
}


void
ngx_http_chat_relay_on_cut(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message)
{
    ngx_http_chat_session_t  *s;

    s = ngx_http_chat_relay_session(hub, &message->word[1]);

    if (s == NULL || !s->leaving
        || message->word[2].len != NGX_HTTP_CHAT_WORKER_ID_LEN
        || ngx_memcmp(s->prober, message->word[2].data,
                      NGX_HTTP_CHAT_WORKER_ID_LEN)
           != 0)
    {
        return;
    }

    if (ngx_http_chat_hub_behind(hub)) {

        /* what is being read would not get into its queue any more */

        ngx_http_chat_session_close(s, 1013, "something was missed");
        return;
    }

    s->cut = 1;

    /* replays under way end here: what they read goes over */

    ngx_http_chat_replays_pump(s);
    ngx_http_chat_relay_try_move(s);
}


void
ngx_http_chat_relay_try_move(ngx_http_chat_session_t *s)
{
    u_char               line[64 + NGX_HTTP_CHAT_LIFE_STATE];
    ngx_str_t            head, body;
    ngx_http_chat_op_t  *op;

    if (s->closed || !ngx_http_chat_replays_done(s) || s->delivery) {
        return;
    }

    if (ngx_http_chat_port_join(&s->out, &body) != NGX_OK) {
        ngx_http_chat_session_close(s, 1011, "no memory");
        return;
    }

    ngx_http_chat_replays_visit(s, ngx_http_chat_relay_read);
    ngx_http_chat_opening_move(s);

    head.data = line;
    head.len = ngx_http_chat_life_write(ngx_sprintf(line, "state %V %ui",
                                                    &s->node.str,
                                                    (ngx_uint_t) s->opening),
                                        s)
               - line;

    op = ngx_http_chat_relay_publish(s->hub, s->prober, &head, &body, NULL,
                                     NULL);
    ngx_free(body.data);

    if (s->handing && op == NULL) {
        ngx_http_chat_session_close(s, 1001, "the server restarts");
        return;
    }

    if (s->handing) {
        ngx_http_chat_handover_done(s);
    }

    s->moved = (op != NULL);

    ngx_http_chat_session_close(s, 1000, "moved to another worker");
}


static void
ngx_http_chat_relay_read(ngx_http_chat_session_t *s, chat_room_t *room,
    uint64_t pos)
{
    u_char    *p, line[64 + CHAT_ROOM_ID_MAX + CHAT_POS_MAX];
    ngx_str_t  head, none;

    p = ngx_sprintf(line, "read %V %*s ", &s->node.str, room->id.len,
                    room->id.data);
    p = chat_pos_format(p, pos);

    head.data = line;
    head.len = p - line;
    ngx_str_null(&none);

    (void) ngx_http_chat_relay_publish(s->hub, s->prober, &head, &none, NULL,
                                       NULL);
}


void
ngx_http_chat_relay_held(ngx_http_chat_session_t *s, chat_str_t room,
    uint64_t pos, ngx_str_t *packet)
{
    u_char    *p, line[64 + CHAT_ROOM_ID_MAX + CHAT_POS_MAX];
    ngx_str_t  head;

    p = ngx_sprintf(line, "held %V %*s ", &s->node.str, room.len, room.data);
    p = chat_pos_format(p, pos);

    head.data = line;
    head.len = p - line;

    (void) ngx_http_chat_relay_publish(s->hub, s->prober, &head, packet, NULL,
                                       NULL);
}


/* COMMAND SID ROOM POS */

static ngx_int_t
ngx_http_chat_relay_pos(ngx_http_chat_relay_t *message, chat_room_t *room,
    uint64_t *pos)
{
    if (chat_room_parse((chat_str_t) { message->word[2].len,
                                       message->word[2].data }, room)
        != CHAT_OK
        || chat_pos_parse((chat_str_t) { message->word[3].len,
                                         message->word[3].data }, pos)
           != CHAT_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_http_chat_relay_on_read(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message)
{
    uint64_t                  pos;
    chat_str_t                id;
    chat_room_t               room;
    ngx_queue_t              *q, *next;
    ngx_http_chat_held_t     *held;
    ngx_http_chat_session_t  *s;

    s = ngx_http_chat_relay_session(hub, &message->word[1]);

    if (s == NULL || !s->arriving || !s->opening
        || ngx_http_chat_relay_pos(message, &room, &pos) != NGX_OK)
    {
        return;
    }

    if (ngx_http_chat_replay_settled(s, &room, pos) != NGX_OK) {
        ngx_http_chat_session_close(s, 1011, "no memory");
        return;
    }

    /* what has come since "open" may be what was read */

    for (q = ngx_queue_head(&s->held_back);
         q != ngx_queue_sentinel(&s->held_back);
         q = next)
    {
        next = ngx_queue_next(q);
        held = ngx_queue_data(q, ngx_http_chat_held_t, queue);
        id.data = held->room;
        id.len = held->len;

        if (held->frame && held->pos && held->pos <= pos
            && chat_str_eq(id, room.id))
        {
            ngx_http_chat_held_free(s, held);
        }
    }
}


/* these are older than all that is held here */

void
ngx_http_chat_relay_on_held(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message)
{
    uint64_t                  pos;
    chat_room_t               room;
    ngx_queue_t              *q;
    ngx_http_chat_frame_t    *frame;
    ngx_http_chat_session_t  *s;

    s = ngx_http_chat_relay_session(hub, &message->word[1]);

    if (s == NULL || !s->arriving || !s->opening
        || ngx_http_chat_relay_pos(message, &room, &pos) != NGX_OK)
    {
        return;
    }

    frame = NULL;

    if (message->body.len) {
        frame = ngx_http_chat_frame_text_of(1, &message->body);

    } else {
        s->squeezed = 1;
    }

    if ((frame == NULL && message->body.len)
        || ngx_http_chat_held_push(s, &s->held_back, room.id, frame, pos)
           != NGX_OK)
    {
        ngx_http_chat_frame_unref(frame);
        ngx_http_chat_session_close(s, 1011, "no memory");
        return;
    }

    ngx_http_chat_frame_unref(frame);

    q = ngx_queue_last(&s->held_back);
    ngx_queue_remove(q);
    ngx_queue_insert_after(s->arrived, q);
    s->arrived = q;
}


void
ngx_http_chat_relay_on_open(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message)
{
    u_char                   *p, *last, *end;
    ngx_str_t                 room;
    ngx_http_chat_session_t  *s;

    s = ngx_http_chat_relay_session(hub, &message->word[1]);

    if (s == NULL || !s->arriving || s->user
        || message->word[2].len != NGX_HTTP_CHAT_SOCKET_ID_LEN)
    {
        return;
    }

    if (ngx_http_chat_hub_behind(hub)) {

        /* what is being read is from before, and would come twice */

        ngx_http_chat_session_close(s, 1013, "something was missed");
        return;
    }

    ngx_memcpy(s->socket_id, message->word[2].data,
               NGX_HTTP_CHAT_SOCKET_ID_LEN);

    ngx_http_chat_opening_begin(s);
    s->arrived = &s->held_back;

    if (ngx_http_chat_hub_attach(s, &message->word[3], &message->body)
        != NGX_OK)
    {
        ngx_http_chat_session_close(s, 1011, "no memory");
        return;
    }

    s->socket = NGX_HTTP_CHAT_SOCKET_CONNECTED;

    /* the rooms are the words from the fifth on, however many */

    p = message->word[3].data + message->word[3].len;
    end = message->rest.data + message->rest.len;

    while (p < end) {
        room.data = ++p;
        last = ngx_strlchr(p, end, ' ');
        p = last ? last : end;
        room.len = p - room.data;

        (void) ngx_http_chat_hub_join(s, &room);
    }
}


void
ngx_http_chat_relay_on_state(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message)
{
    ngx_str_t                 text;
    chat_str_t                rest;
    chat_eio_packet_t         packet;
    ngx_http_chat_conn_t     *conn;
    ngx_http_chat_frame_t    *frame;
    ngx_http_chat_session_t  *s;

    s = ngx_http_chat_relay_session(hub, &message->word[1]);

    if (s == NULL || !s->arriving) {
        return;
    }

    conn = s->conn;
    rest.data = message->body.data;
    rest.len = message->body.len;

    while (rest.len && chat_eio_next(&rest, &packet) == CHAT_OK) {
        text.data = (u_char *) packet.data.data - 1;
        text.len = packet.data.len + 1;

        frame = ngx_http_chat_frame_text_of(1, &text);

        if (frame == NULL || ngx_http_chat_conn_send(conn, frame) != NGX_OK) {
            ngx_http_chat_frame_unref(frame);
            ngx_http_chat_session_close(s, 1011, "no memory");
            return;
        }

        ngx_http_chat_frame_unref(frame);
    }

    s->arriving = 0;
    ngx_http_chat_life_read(s, message->n - 3, &message->word[3]);

    ngx_http_chat_session_upgraded(s, conn);

    if (!conn->held) {
        ngx_http_chat_session_heartbeat(s);
    }

    if (s->user) {
        ngx_http_chat_timer_del(&ngx_http_chat_worker->wheel, &s->connect);

    } else {
        ngx_http_chat_session_connect_wait(s, NGX_HTTP_CHAT_CONNECT_WAIT);
    }

    ngx_http_chat_opening_joined(s);

    if (message->word[2].data[0] == '1') {
        ngx_http_chat_opening_wait(s);

    } else {
        ngx_http_chat_opening_end(s);
    }

    if (conn->held) {
        conn->held = 0;
        ngx_http_chat_conn_flush(conn);
    }

    ngx_http_chat_session_resume(s);
}


void
ngx_http_chat_relay_packet(ngx_http_chat_hub_t *hub, const u_char *worker,
    const u_char *sid, ngx_str_t *packet)
{
    u_char     line[64];
    ngx_str_t  head;

    head.data = line;
    head.len = ngx_sprintf(line, "packet %*s",
                           (size_t) NGX_HTTP_CHAT_SID_LEN, sid)
               - line;

    (void) ngx_http_chat_relay_publish(hub, worker, &head, packet, NULL, NULL);
}


void
ngx_http_chat_relay_on_packet(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message)
{
    ngx_http_chat_session_t  *s;

    s = ngx_http_chat_relay_session(hub, &message->word[1]);

    if (s) {
        ngx_http_chat_session_send_text(s, 1, &message->body);
    }
}
