/*
 * The event "message": checks, the look-ups that a private room needs before
 * its first message, the append, and the acknowledgement once Redis has it.
 *
 * A send lives from the event until Redis has answered, whatever becomes of its
 * session meanwhile: what was accepted is stored.  Messages of one session are
 * stored in the order in which they came, since a room's look-ups all go the
 * same way over one link.
 */

#include "ngx_http_chat_socket.h"
#include "ngx_http_chat_relay.h"
#include "ngx_http_chat_restrict.h"
#include "../auth/ngx_http_chat_rate.h"


#define NGX_HTTP_CHAT_NONCE_MAX   64              /* characters */
#define NGX_HTTP_CHAT_MUTED_TEXT  128


typedef struct {
    ngx_queue_t                   queue;          /* s->sends; session NULL: in
                                                     none */
    ngx_http_chat_session_t      *session;
    ngx_http_chat_hub_t          *hub;
    ngx_uint_t                    limit;

    /* of a session that has moved: where its ack goes */
    u_char                        sid[NGX_HTTP_CHAT_SID_LEN];
    u_char                        worker[NGX_HTTP_CHAT_WORKER_ID_LEN];
    unsigned                      moved:1;

    ngx_http_chat_ack_t           ack;
    chat_room_t                   room;
    u_char                        room_data[NGX_HTTP_CHAT_ROOM_BUF];
    ngx_str_t                     from;
    ngx_str_t                     name;
    ngx_str_t                     text;
    ngx_str_t                     nonce;
    u_char                        socket_id[NGX_HTTP_CHAT_SOCKET_ID_LEN];
    ngx_uint_t                    clock;          /* when it was asked */
    unsigned                      checking:1;     /* whether it may be sent */
    unsigned                      asking:1;       /* who the other user is */
} ngx_http_chat_send_t;


static ngx_int_t ngx_http_chat_message_limit(ngx_http_chat_session_t *s,
    ngx_http_chat_ack_t *ack);
static const char *ngx_http_chat_message_check(ngx_http_chat_session_t *s,
    chat_json_t *payload, chat_json_t *text, chat_json_t *nonce,
    u_char *room_data, chat_room_t *room);
static ngx_http_chat_send_t *ngx_http_chat_send_create(
    ngx_http_chat_session_t *s, chat_json_t *text, chat_json_t *nonce);
static u_char *ngx_http_chat_message_muted(u_char *p, int64_t seconds);
static ngx_uint_t ngx_http_chat_send_behind(ngx_http_chat_session_t *s);
static void ngx_http_chat_send_checked(void *data, redisReply *reply);
static ngx_int_t ngx_http_chat_send_begin(ngx_http_chat_send_t *send);
static void ngx_http_chat_send_other(void *data, redisReply *reply);
static ngx_int_t ngx_http_chat_send_append(ngx_http_chat_send_t *send,
    ngx_str_t *show_room);
static ngx_int_t ngx_http_chat_send_first(ngx_http_chat_send_t *send,
    ngx_str_t *other_name);
static ngx_uint_t ngx_http_chat_send_waits(ngx_http_chat_session_t *s);
static void ngx_http_chat_send_stored(void *data, redisReply *reply);
static void ngx_http_chat_send_done(ngx_http_chat_send_t *send, ngx_uint_t n,
    const ngx_str_t *pieces);
static void ngx_http_chat_send_fail(ngx_http_chat_send_t *send,
    const char *text, ngx_uint_t retry);


static const char  ngx_http_chat_no_member[] = "You are not in that room";


void
ngx_http_chat_on_message(ngx_http_chat_session_t *s, chat_json_t *payload,
    ngx_http_chat_ack_t *ack)
{
    u_char                 room_data[NGX_HTTP_CHAT_ROOM_BUF];
    u_char                 muted[NGX_HTTP_CHAT_MUTED_TEXT];
    int64_t                seconds;
    ngx_int_t              rc;
    const char            *error;
    chat_room_t            room;
    chat_json_t            text, nonce;
    ngx_http_chat_send_t  *send;

    if (ngx_http_chat_message_limit(s, ack) != NGX_OK) {
        return;
    }

    error = ngx_http_chat_message_check(s, payload, &text, &nonce, room_data,
                                        &room);
    if (error) {
        ngx_http_chat_count(error == ngx_http_chat_no_member
                                ? NGX_HTTP_CHAT_STAT_REFUSED_ROOM
                                : NGX_HTTP_CHAT_STAT_REFUSED_INVALID);
        ngx_http_chat_socket_ack_error(s, ack, error, 0);
        return;
    }

    rc = ngx_http_chat_restrict_check(s->user, &seconds);

    if (rc == NGX_DECLINED) {
        *ngx_http_chat_message_muted(muted, seconds) = '\0';

        ngx_http_chat_count(NGX_HTTP_CHAT_STAT_REFUSED_MUTED);
        ngx_http_chat_socket_ack_error(s, ack, (char *) muted, 0);
        return;
    }

    send = ngx_http_chat_send_create(s, &text, &nonce);

    if (send == NULL) {
        ngx_http_chat_count(NGX_HTTP_CHAT_STAT_REFUSED_INVALID);
        ngx_http_chat_socket_ack_error(s, ack, "Please check the nonce", 0);
        return;
    }

    send->ack = *ack;

    ngx_memcpy(send->room_data, room_data, sizeof(room_data));
    room.id.data = send->room_data;
    (void) chat_room_parse(room.id, &send->room);

    /* not before what came first and is still being checked */

    if (rc == NGX_AGAIN || ngx_http_chat_send_behind(s)) {
        send->checking = 1;
        send->clock = s->hub->restrict_clock;

        rc = ngx_http_chat_restricted(s->hub->redis, &send->from,
                                      ngx_http_chat_send_checked, send)
             ? NGX_OK : NGX_ERROR;

    } else {
        rc = ngx_http_chat_send_begin(send);
    }

    if (rc != NGX_OK) {
        ngx_http_chat_send_fail(send, "The chat is not available right now",
                                1);
    }
}


static u_char *
ngx_http_chat_message_muted(u_char *p, int64_t seconds)
{
    return seconds < 0 ? ngx_sprintf(p, "You have been muted by an admin")
                       : ngx_sprintf(p, "You have been muted by an admin, for "
                                     "another %L s", seconds);
}


/* also those that are refused below count: they cost something as well */

static ngx_int_t
ngx_http_chat_message_limit(ngx_http_chat_session_t *s,
    ngx_http_chat_ack_t *ack)
{
    ngx_int_t  rc;

    rc = ngx_http_chat_rate_message(ngx_http_chat_worker->main, s->conf,
                                    &s->user->node.str);
    if (rc == NGX_OK) {
        return NGX_OK;
    }

    ngx_http_chat_count(NGX_HTTP_CHAT_STAT_REFUSED_RATE);

    if (rc == NGX_ABORT) {
        ngx_log_error(NGX_LOG_WARN, ngx_http_chat_worker->log, 0,
                      "chat: user %V sends too many messages",
                      &s->user->node.str);
    }

    ngx_http_chat_socket_ack_error(s, ack, "You are sending too many messages, "
                                   "please wait a moment", 1);

    if (rc == NGX_ABORT) {
        ngx_http_chat_session_close(s, 1008, "too many messages");
    }

    return NGX_DECLINED;
}


/* NULL if the message may be stored, otherwise what to tell the sender */

static const char *
ngx_http_chat_message_check(ngx_http_chat_session_t *s, chat_json_t *payload,
    chat_json_t *text, chat_json_t *nonce, u_char *room_data,
    chat_room_t *room)
{
    chat_json_t  id;

    if (payload->type != CHAT_JSON_OBJECT) {
        return "A message must be an object";
    }

    if (!chat_json_get(payload, "roomId", &id)
        || ngx_http_chat_room_of(&id, room_data, room) != NGX_OK
        || !ngx_http_chat_hub_is_member(s, room))
    {
        return ngx_http_chat_no_member;
    }

    if (!chat_json_get(payload, "message", text)
        || text->type != CHAT_JSON_STRING || chat_json_string_blank(text))
    {
        return "A message must have some text";
    }

    if (chat_json_string_chars(text) > s->conf->max_message) {
        return "The message is too long";
    }

    if (!chat_json_get(payload, "nonce", nonce)
        || nonce->type == CHAT_JSON_NULL)
    {
        nonce->type = CHAT_JSON_NONE;
        return NULL;
    }

    if (nonce->type != CHAT_JSON_STRING
        || chat_json_string_chars(nonce) > NGX_HTTP_CHAT_NONCE_MAX)
    {
        return "A nonce is a string of at most 64 characters";
    }

    return NULL;
}


static ngx_http_chat_send_t *
ngx_http_chat_send_create(ngx_http_chat_session_t *s, chat_json_t *text,
    chat_json_t *nonce)
{
    long                     len;
    u_char                  *p;
    size_t                   size;
    ngx_http_chat_user_t    *user;
    ngx_http_chat_send_t    *send;

    user = s->user;

    size = user->node.str.len + user->name.len + text->raw.len;

    if (nonce->type != CHAT_JSON_NONE) {
        size += nonce->raw.len;
    }

    send = ngx_alloc(sizeof(ngx_http_chat_send_t) + size,
                     ngx_http_chat_worker->log);
    if (send == NULL) {
        return NULL;
    }

    ngx_memzero(send, sizeof(ngx_http_chat_send_t));

    p = (u_char *) (send + 1);

    send->from.data = p;
    send->from.len = user->node.str.len;
    p = ngx_cpymem(p, user->node.str.data, user->node.str.len);

    send->name.data = p;
    send->name.len = user->name.len;
    p = ngx_cpymem(p, user->name.data, user->name.len);

    send->text.data = p;
    send->text.len = text->raw.len;
    p = ngx_cpymem(p, text->raw.data, text->raw.len);

    if (nonce->type != CHAT_JSON_NONE) {
        len = chat_json_string_decode(nonce, p);

        if (len < 0) {

            /* half a surrogate pair can't be part of a key */

            ngx_free(send);
            return NULL;
        }

        send->nonce.data = p;
        send->nonce.len = len;
    }

    send->session = s;
    send->hub = s->hub;
    send->limit = s->conf->history_limit;
    ngx_memcpy(send->socket_id, s->socket_id, NGX_HTTP_CHAT_SOCKET_ID_LEN);

    ngx_queue_insert_tail(&s->sends, &send->queue);
    s->nsends++;

    return send;
}


static ngx_uint_t
ngx_http_chat_send_behind(ngx_http_chat_session_t *s)
{
    ngx_queue_t           *q;
    ngx_http_chat_send_t  *send;

    for (q = ngx_queue_head(&s->sends);
         q != ngx_queue_sentinel(&s->sends);
         q = ngx_queue_next(q))
    {
        send = ngx_queue_data(q, ngx_http_chat_send_t, queue);

        if (send->checking) {
            return 1;
        }
    }

    return 0;
}


static void
ngx_http_chat_send_checked(void *data, redisReply *reply)
{
    ngx_http_chat_send_t *send = data;

    int64_t    seconds;
    u_char     muted[NGX_HTTP_CHAT_MUTED_TEXT];
    ngx_int_t  rc;
    ngx_str_t  pieces[3];

    send->checking = 0;

    rc = ngx_http_chat_restrict_answer(send->hub, &send->from, send->clock,
                                       reply, &seconds);

    if (rc == NGX_DECLINED) {
        ngx_http_chat_count(NGX_HTTP_CHAT_STAT_REFUSED_MUTED);

        ngx_str_set(&pieces[0], "{\"error\":\"");
        pieces[1].data = muted;
        pieces[1].len = ngx_http_chat_message_muted(muted, seconds) - muted;
        ngx_str_set(&pieces[2], "\",\"retry\":false}");

        ngx_http_chat_send_done(send, 3, pieces);
        return;
    }

    if (rc != NGX_OK || ngx_http_chat_send_begin(send) != NGX_OK) {
        ngx_http_chat_send_fail(send, "The chat is not available right now",
                                1);
    }
}


static ngx_int_t
ngx_http_chat_send_begin(ngx_http_chat_send_t *send)
{
    ngx_str_t              other;
    ngx_http_chat_room_t  *room;

    if (send->room.type != CHAT_ROOM_PRIVATE) {
        return ngx_http_chat_send_append(send, NULL);
    }

    room = ngx_http_chat_room_get(send->hub, &send->room);

    /* not before what came first and is still asking */

    if (room && room->known && send->session
        && !ngx_http_chat_send_waits(send->session))
    {
        return ngx_http_chat_send_append(send, NULL);
    }

    send->asking = 1;

    other.data = (u_char *) send->room.low.data;
    other.len = send->room.low.len;

    if (other.len == send->from.len
        && ngx_memcmp(other.data, send->from.data, other.len) == 0)
    {
        other.data = (u_char *) send->room.high.data;
        other.len = send->room.high.len;
    }

    return ngx_http_chat_store_command(send->hub->redis,
                                       ngx_http_chat_send_other, send,
                                       "HGET " NGX_HTTP_CHAT_KEY_USER "%V "
                                       "username", &other)
           ? NGX_OK : NGX_ERROR;
}


static ngx_uint_t
ngx_http_chat_send_waits(ngx_http_chat_session_t *s)
{
    ngx_queue_t           *q;
    ngx_http_chat_send_t  *send;

    for (q = ngx_queue_head(&s->sends);
         q != ngx_queue_sentinel(&s->sends);
         q = ngx_queue_next(q))
    {
        send = ngx_queue_data(q, ngx_http_chat_send_t, queue);

        if (send->asking) {
            return 1;
        }
    }

    return 0;
}


/* the other user's name, or nil if there is no such user */

static void
ngx_http_chat_send_other(void *data, redisReply *reply)
{
    ngx_http_chat_send_t *send = data;

    ngx_str_t  name;

    send->asking = 0;

    if (!ngx_http_chat_redis_ok(reply)) {
        ngx_http_chat_send_fail(send, "The chat is not available right now",
                                1);
        return;
    }

    name = ngx_http_chat_redis_str(reply);

    if (name.data == NULL) {
        ngx_http_chat_send_fail(send, ngx_http_chat_no_member, 0);
        return;
    }

    if (ngx_http_chat_send_first(send, &name) != NGX_OK) {
        ngx_http_chat_send_fail(send, "The chat is not available right now",
                                1);
    }
}


/* a private room that this worker doesn't know: made, in case it isn't there */

static ngx_int_t
ngx_http_chat_send_first(ngx_http_chat_send_t *send, ngx_str_t *other)
{
    ngx_int_t              rc;
    ngx_str_t              show, user, id, *low, *high;
    ngx_uint_t             i;
    ngx_pool_t            *pool;
    ngx_http_chat_room_t  *room;

    id.data = (u_char *) send->room.id.data;
    id.len = send->room.id.len;

    for (i = 0; i < 2; i++) {
        user.data = (u_char *) (i ? send->room.high.data : send->room.low.data);
        user.len = i ? send->room.high.len : send->room.low.len;

        if (ngx_http_chat_store_command(send->hub->redis, NULL, NULL,
                                        "SADD " NGX_HTTP_CHAT_KEY_USER "%V"
                                        NGX_HTTP_CHAT_KEY_USER_ROOMS " %V",
                                        &user, &id)
            == NULL)
        {
            return NGX_ERROR;
        }
    }

    low = &send->name;
    high = other;

    if (send->room.low.len != send->from.len
        || ngx_memcmp(send->room.low.data, send->from.data, send->from.len)
           != 0)
    {
        low = other;
        high = &send->name;
    }

    pool = ngx_create_pool(1024, ngx_http_chat_worker->log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_http_chat_room_json(pool, &send->room, low, high, &show);

    if (rc == NGX_OK) {
        rc = ngx_http_chat_send_append(send, &show);
    }

    ngx_destroy_pool(pool);

    room = ngx_http_chat_room_get(send->hub, &send->room);

    if (rc == NGX_OK && room) {
        room->known = 1;

        /* whose connection is not told of the room that it has made */

        room->unshown = 1;
        ngx_memcpy(room->maker, send->socket_id, NGX_HTTP_CHAT_SOCKET_ID_LEN);
    }

    return rc;
}


static ngx_int_t
ngx_http_chat_send_append(ngx_http_chat_send_t *send, ngx_str_t *show_room)
{
    ngx_http_chat_append_t  append;

    ngx_memzero(&append, sizeof(ngx_http_chat_append_t));

    append.server_id = ngx_http_chat_worker->main->server_id;
    append.room.data = (u_char *) send->room.id.data;
    append.room.len = send->room.id.len;
    append.from = send->from;
    append.text = send->text;
    append.nonce = send->nonce;
    append.limit = send->limit;

    if (show_room) {
        append.show_room = *show_room;
    }

    return ngx_http_chat_room_append(send->hub->redis, &append,
                                     ngx_http_chat_send_stored, send)
           ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_chat_send_stored(void *data, redisReply *reply)
{
    ngx_http_chat_send_t *send = data;

    ngx_str_t  pieces[5];

    if (ngx_http_chat_room_append_read(reply, &pieces[1], &pieces[3])
        != NGX_OK)
    {
        if (reply && reply->type == REDIS_REPLY_ERROR) {
            ngx_log_error(NGX_LOG_ERR, ngx_http_chat_worker->log, 0,
                          "chat: redis %V refused a message: %s",
                          &send->hub->conf->name, reply->str);
        }

        ngx_http_chat_send_fail(send, "The chat is not available right now",
                                1);
        return;
    }

    ngx_http_chat_count(NGX_HTTP_CHAT_STAT_MESSAGES);

    ngx_str_set(&pieces[0], "{\"ok\":true,\"id\":\"");
    ngx_str_set(&pieces[2], "\",\"date\":");
    ngx_str_set(&pieces[4], "}");

    ngx_http_chat_send_done(send, 5, pieces);
}


static void
ngx_http_chat_send_fail(ngx_http_chat_send_t *send, const char *text,
    ngx_uint_t retry)
{
    ngx_str_t  pieces[3];

    ngx_http_chat_count(retry ? NGX_HTTP_CHAT_STAT_REFUSED_UNAVAILABLE
                              : NGX_HTTP_CHAT_STAT_REFUSED_ROOM);

    ngx_str_set(&pieces[0], "{\"error\":\"");
    pieces[1].len = ngx_strlen(text);
    pieces[1].data = (u_char *) text;
    ngx_str_set(&pieces[2], "\",\"retry\":true}");

    if (!retry) {
        ngx_str_set(&pieces[2], "\",\"retry\":false}");
    }

    ngx_http_chat_send_done(send, 3, pieces);
}


/* acks, here or where the session has moved to, and frees */

static void
ngx_http_chat_send_done(ngx_http_chat_send_t *send, ngx_uint_t n,
    const ngx_str_t *pieces)
{
    u_char                   *p, buf[512];
    ngx_str_t                 packet;
    ngx_uint_t                i, full;
    ngx_http_chat_session_t  *s;

    s = send->session;

    if (s) {
        full = (s->nsends == NGX_HTTP_CHAT_MAX_SENDS);

        ngx_queue_remove(&send->queue);
        s->nsends--;

        ngx_http_chat_socket_ack(s, &send->ack, n, pieces);

        if (full) {
            ngx_http_chat_session_resume(s);
        }

    } else if (send->moved && send->ack.len) {
        p = ngx_sprintf(buf, "43%*s[", send->ack.len, send->ack.data);

        for (i = 0; i < n; i++) {
            p = ngx_slprintf(p, buf + sizeof(buf) - 1, "%V", &pieces[i]);
        }

        *p++ = ']';

        packet.data = buf;
        packet.len = p - buf;

        ngx_http_chat_relay_packet(send->hub, send->worker, send->sid, &packet);
    }

    ngx_free(send);
}


void
ngx_http_chat_sends_orphan(ngx_http_chat_session_t *s)
{
    ngx_queue_t           *q;
    ngx_http_chat_send_t  *send;

    while (!ngx_queue_empty(&s->sends)) {
        q = ngx_queue_head(&s->sends);
        send = ngx_queue_data(q, ngx_http_chat_send_t, queue);

        ngx_queue_remove(q);
        send->session = NULL;

        if (s->leaving) {
            send->moved = 1;
            ngx_memcpy(send->sid, s->sid, NGX_HTTP_CHAT_SID_LEN);
            ngx_memcpy(send->worker, s->prober, NGX_HTTP_CHAT_WORKER_ID_LEN);
        }
    }

    s->nsends = 0;
}
