/*
 * Socket.IO's side of a session: see the header.
 */

#include "ngx_http_chat_replay.h"
#include "ngx_http_chat_conn.h"


#define NGX_HTTP_CHAT_LEFT_WAIT   45000           /* for another CONNECT, ms */


typedef struct {
    ngx_pool_t                   *pool;
    ngx_http_chat_session_t      *session;
    ngx_http_chat_identity_t      user;
} ngx_http_chat_lookup_t;


static ngx_int_t ngx_http_chat_socket_connect(ngx_http_chat_session_t *s,
    chat_sio_packet_t *packet);
static void ngx_http_chat_socket_lookup(ngx_http_chat_session_t *s,
    void *lookup);
static void ngx_http_chat_socket_refuse(ngx_http_chat_session_t *s);
static void ngx_http_chat_socket_accept(ngx_http_chat_session_t *s);
static void ngx_http_chat_socket_session(void *data, redisReply *reply);
static void ngx_http_chat_socket_rooms(void *data, redisReply *reply);
static ngx_int_t ngx_http_chat_socket_event(ngx_http_chat_session_t *s,
    chat_sio_packet_t *packet);


ngx_int_t
ngx_http_chat_socket_packet(ngx_http_chat_session_t *s, chat_str_t text)
{
    ngx_uint_t         root, connected;
    chat_sio_packet_t  packet;

    if (chat_sio_parse(text, &packet) != CHAT_OK) {
        return NGX_ERROR;
    }

    root = chat_str_eq(packet.nsp, chat_str("/"));
    connected = (s->socket == NGX_HTTP_CHAT_SOCKET_CONNECTED);

    if (packet.type == CHAT_SIO_CONNECT) {
        return ngx_http_chat_socket_connect(s, &packet);
    }

    if (!root || !connected) {
        return NGX_ERROR;
    }

    switch (packet.type) {

    case CHAT_SIO_DISCONNECT:
        ngx_http_chat_socket_close(s, 1);
        ngx_http_chat_session_connect_wait(s, NGX_HTTP_CHAT_LEFT_WAIT);
        return NGX_OK;

    case CHAT_SIO_EVENT:
        s->spoken = 1;
        return ngx_http_chat_socket_event(s, &packet);

    case CHAT_SIO_ACK:

        /* nothing here asks for one */

        return NGX_OK;

    default:
        return NGX_ERROR;
    }
}


static ngx_int_t
ngx_http_chat_socket_connect(ngx_http_chat_session_t *s,
    chat_sio_packet_t *packet)
{
    ngx_str_t                pieces[3];
    ngx_pool_t              *pool;
    ngx_http_chat_lookup_t  *lookup;

    if (!chat_str_eq(packet->nsp, chat_str("/"))) {
        ngx_str_set(&pieces[0], "44");
        pieces[1].len = packet->nsp.len;
        pieces[1].data = (u_char *) packet->nsp.data;
        ngx_str_set(&pieces[2], ",{\"message\":\"Invalid namespace\"}");

        ngx_http_chat_session_send_text(s, 3, pieces);
        return NGX_OK;
    }

    if (s->socket != NGX_HTTP_CHAT_SOCKET_NONE) {

        /*
         * A second CONNECT is an error.  But the demo's client, of
         * socket.io-client 3.0, sends two behind each other when it begins
         * with polling, before it has read the answer to the first: it gets
         * that answer again.
         */

        if (!s->polled || s->spoken) {
            return NGX_ERROR;
        }

        if (s->socket == NGX_HTTP_CHAT_SOCKET_CONNECTED) {
            ngx_http_chat_socket_accept(s);
        }

        return NGX_OK;
    }

    if (!s->token.set) {
        ngx_http_chat_socket_refuse(s);
        return NGX_OK;
    }

    pool = ngx_create_pool(1024, ngx_http_chat_worker->log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    lookup = ngx_pcalloc(pool, sizeof(ngx_http_chat_lookup_t));

    /*
     * Without the bus it would miss what is said from now on.  When the worker
     * has just begun, the bus is waited for.
     */

    if (lookup) {
        lookup->pool = pool;
        lookup->session = s;

        if (s->hub->up) {
            ngx_http_chat_socket_lookup(s, lookup);

        } else if (ngx_http_chat_redis_ready(s->hub->bus)) {
            s->waiting = lookup;
        }
    }

    if (s->lookup == NULL && s->waiting == NULL) {
        ngx_destroy_pool(pool);

        /* a client that is closed comes again, one that is refused does not */

        ngx_http_chat_session_close(s, 1013, "redis is away");
        return NGX_OK;
    }

    s->lookup_pool = pool;
    s->socket = NGX_HTTP_CHAT_SOCKET_LOOKUP;

    return NGX_OK;
}


static void
ngx_http_chat_socket_lookup(ngx_http_chat_session_t *s, void *lookup)
{
    s->lookup = ngx_http_chat_session_get(s->hub->redis, &s->token,
                                          s->conf->session_ttl,
                                          ngx_http_chat_socket_session,
                                          lookup);
}


void
ngx_http_chat_sockets_resume(ngx_http_chat_hub_t *hub)
{
    void                     *lookup;
    ngx_rbtree_t             *sessions;
    ngx_rbtree_node_t        *node, *next;
    ngx_http_chat_session_t  *s;

    sessions = &ngx_http_chat_worker->sessions;

    if (sessions->root == sessions->sentinel) {
        return;
    }

    node = ngx_rbtree_min(sessions->root, sessions->sentinel);

    for ( /* void */ ; node; node = next) {
        next = ngx_rbtree_next(sessions, node);
        s = (ngx_http_chat_session_t *) node;

        if (s->hub != hub || s->waiting == NULL) {
            continue;
        }

        lookup = s->waiting;
        s->waiting = NULL;

        ngx_http_chat_socket_lookup(s, lookup);

        if (s->lookup == NULL) {
            ngx_http_chat_session_close(s, 1013, "redis is away");
        }
    }
}


static void
ngx_http_chat_socket_refuse(ngx_http_chat_session_t *s)
{
    ngx_str_t  text;

    ngx_str_set(&text, "44{\"message\":\"Please log in first\"}");
    ngx_http_chat_session_send_text(s, 1, &text);
}


static void
ngx_http_chat_socket_accept(ngx_http_chat_session_t *s)
{
    ngx_str_t  pieces[3];

    ngx_str_set(&pieces[0], "40{\"sid\":\"");
    pieces[1].len = NGX_HTTP_CHAT_SOCKET_ID_LEN;
    pieces[1].data = s->socket_id;
    ngx_str_set(&pieces[2], "\"}");

    ngx_http_chat_session_send_text(s, 3, pieces);
}


static void
ngx_http_chat_socket_session(void *data, redisReply *reply)
{
    ngx_http_chat_lookup_t *lookup = data;

    ngx_int_t                 rc;
    ngx_http_chat_session_t  *s;

    s = lookup->session;
    s->lookup = NULL;

    rc = ngx_http_chat_session_read(reply, lookup->pool, &lookup->user);

    if (rc == NGX_DECLINED) {
        ngx_destroy_pool(s->lookup_pool);
        s->lookup_pool = NULL;
        s->socket = NGX_HTTP_CHAT_SOCKET_NONE;

        ngx_http_chat_socket_refuse(s);
        ngx_http_chat_session_resume(s);
        return;
    }

    if (rc == NGX_OK) {
        s->lookup = ngx_http_chat_store_command(s->hub->redis,
                                                ngx_http_chat_socket_rooms,
                                                lookup,
                              "SMEMBERS " NGX_HTTP_CHAT_KEY_USER "%V"
                                          NGX_HTTP_CHAT_KEY_USER_ROOMS,
                                                &lookup->user.id);
    }

    if (s->lookup == NULL) {
        ngx_http_chat_session_close(s, 1013, "redis is away");
    }
}


/* named rooms are joined here; private ones need no joining */

static void
ngx_http_chat_socket_rooms(void *data, redisReply *reply)
{
    ngx_http_chat_lookup_t *lookup = data;

    ngx_int_t                 rc;
    ngx_str_t                 room;
    ngx_uint_t                i;
    ngx_http_chat_session_t  *s;

    s = lookup->session;
    s->lookup = NULL;

    if (!ngx_http_chat_redis_ok(reply)) {
        ngx_http_chat_session_close(s, 1013, "redis is away");
        return;
    }

    ngx_http_chat_random_id(s->socket_id, NGX_HTTP_CHAT_SOCKET_ID_LEN);
    ngx_http_chat_socket_accept(s);

    s->socket = NGX_HTTP_CHAT_SOCKET_CONNECTED;

    ngx_http_chat_opening_begin(s);
    ngx_http_chat_opening_wait(s);

    rc = ngx_http_chat_hub_attach(s, &lookup->user.id, &lookup->user.username);

    for (i = 0; rc == NGX_OK; i++) {
        room = ngx_http_chat_redis_str(ngx_http_chat_redis_element(reply, i));

        if (room.data == NULL) {
            break;
        }

        rc = ngx_http_chat_hub_join(s, &room);
    }

    ngx_destroy_pool(s->lookup_pool);
    s->lookup_pool = NULL;

    if (rc != NGX_OK) {
        ngx_http_chat_session_close(s, 1011, "no memory");
        return;
    }

    ngx_http_chat_session_resume(s);
}


void
ngx_http_chat_socket_close(ngx_http_chat_session_t *s, ngx_uint_t at_once)
{
    ngx_http_chat_redis_cancel(s->lookup);
    s->lookup = NULL;
    s->waiting = NULL;

    if (s->lookup_pool) {
        ngx_destroy_pool(s->lookup_pool);
        s->lookup_pool = NULL;
    }

    ngx_http_chat_sends_orphan(s);
    ngx_http_chat_replays_cancel(s);
    ngx_http_chat_opening_cancel(s);

    if (s->user) {
        ngx_http_chat_hub_detach(s, at_once);
    }

    s->socket = NGX_HTTP_CHAT_SOCKET_NONE;
}


static ngx_int_t
ngx_http_chat_socket_event(ngx_http_chat_session_t *s,
    chat_sio_packet_t *packet)
{
    chat_json_t          first, second;
    chat_sio_event_t     event;
    ngx_http_chat_ack_t  ack;

    chat_sio_event(packet, &event);

    ack.len = packet->ack.len;
    ngx_memcpy(ack.data, packet->ack.data, ack.len);

    if (!chat_json_next(&event.args, NULL, &first)) {
        first.type = CHAT_JSON_NONE;
        second.type = CHAT_JSON_NONE;

    } else if (!chat_json_next(&event.args, NULL, &second)) {
        second.type = CHAT_JSON_NONE;
    }

    if (event.name.type == CHAT_JSON_STRING
        && chat_json_string_eq(&event.name, chat_str("room.join")))
    {
        ngx_http_chat_on_join(s, &first, &second, &ack);

    } else if (event.name.type == CHAT_JSON_STRING
        && chat_json_string_eq(&event.name, chat_str("message")))
    {
        ngx_http_chat_on_message(s, &first, &ack);

    } else {
        ngx_http_chat_socket_ack_error(s, &ack, "There is no such event",
                                       NGX_HTTP_CHAT_NO_RETRY_FIELD);
    }

    return NGX_OK;
}


void
ngx_http_chat_socket_ack(ngx_http_chat_session_t *s, ngx_http_chat_ack_t *ack,
    ngx_uint_t n, const ngx_str_t *pieces)
{
    ngx_str_t   text[12];
    ngx_uint_t  i;

    if (ack->len == 0 || s->closed) {
        return;
    }

    ngx_str_set(&text[0], "43");
    text[1].len = ack->len;
    text[1].data = ack->data;
    ngx_str_set(&text[2], "[");

    for (i = 0; i < n; i++) {
        text[3 + i] = pieces[i];
    }

    ngx_str_set(&text[3 + n], "]");

    ngx_http_chat_session_send_text(s, n + 4, text);
}


void
ngx_http_chat_socket_ack_error(ngx_http_chat_session_t *s,
    ngx_http_chat_ack_t *ack, const char *text, ngx_int_t retry)
{
    ngx_str_t  pieces[3];

    ngx_str_set(&pieces[0], "{\"error\":\"");
    pieces[1].len = ngx_strlen(text);
    pieces[1].data = (u_char *) text;

    if (retry == NGX_HTTP_CHAT_NO_RETRY_FIELD) {
        ngx_str_set(&pieces[2], "\"}");

    } else if (retry) {
        ngx_str_set(&pieces[2], "\",\"retry\":true}");

    } else {
        ngx_str_set(&pieces[2], "\",\"retry\":false}");
    }

    ngx_http_chat_socket_ack(s, ack, 3, pieces);
}


ngx_int_t
ngx_http_chat_room_of(chat_json_t *value, u_char *out, chat_room_t *room)
{
    long        len;
    chat_str_t  id;

    /* without a type there is no text either */

    if ((value->type != CHAT_JSON_NUMBER && value->type != CHAT_JSON_STRING)
        || value->raw.len > NGX_HTTP_CHAT_ROOM_BUF)
    {
        return NGX_ERROR;
    }

    if (value->type == CHAT_JSON_NUMBER) {
        ngx_memcpy(out, value->raw.data, value->raw.len);
        len = value->raw.len;

    } else {
        len = chat_json_string_decode(value, out);
    }

    if (len < 0) {
        return NGX_ERROR;
    }

    id.data = out;
    id.len = len;

    return chat_room_parse(id, room) == CHAT_OK ? NGX_OK : NGX_ERROR;
}
