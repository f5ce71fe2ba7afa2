/*
 * Event streams: see the header.
 */

#include "ngx_http_chat_sse.h"
#include "ngx_http_chat_life.h"
#include "ngx_http_chat_replay.h"
#include "../http/ngx_http_chat_http.h"
#include "../proto/chat_http.h"


#define NGX_HTTP_CHAT_SSE_HEARTBEAT   15000
#define NGX_HTTP_CHAT_SSE_BUFFER      4096


typedef struct {
    ngx_http_chat_session_t      *session;        /* NULL: closed */
    ngx_http_request_t           *request;
    ngx_chain_t                   chain;
    ngx_buf_t                     buf;
    ngx_http_chat_op_t           *op;             /* the user's rooms */
    ngx_http_chat_identity_t      user;
    uint64_t                      after;          /* Last-Event-ID, 0: none */
    u_char                        data[NGX_HTTP_CHAT_SSE_BUFFER];
} ngx_http_chat_sse_t;


static ngx_int_t ngx_http_chat_sse_handler(ngx_http_request_t *r,
    ngx_http_chat_next_pt next);
static void ngx_http_chat_sse_open_stream(ngx_http_chat_ctx_t *ctx);
static void ngx_http_chat_sse_open_events(ngx_http_chat_ctx_t *ctx);
static ngx_http_chat_sse_t *ngx_http_chat_sse_open(ngx_http_chat_ctx_t *ctx);
static void ngx_http_chat_sse_begin(ngx_http_chat_sse_t *sse);
static void ngx_http_chat_sse_rooms(void *data, redisReply *reply);
static void ngx_http_chat_sse_replay(ngx_http_chat_session_t *s,
    uint64_t after, redisReply *reply);
static ngx_int_t ngx_http_chat_sse_replay_add(ngx_http_chat_session_t *s,
    ngx_http_chat_replay_t *replay, ngx_str_t *name);
static void ngx_http_chat_sse_replayed(ngx_http_chat_session_t *s,
    ngx_http_chat_ack_t *ack, chat_room_t *room,
    ngx_http_chat_replayed_t *result);
static void ngx_http_chat_sse_heartbeat_handler(ngx_http_chat_timer_t *timer);
static void ngx_http_chat_sse_write_handler(ngx_http_request_t *r);
static void ngx_http_chat_sse_cleanup(void *data);
static uint64_t ngx_http_chat_sse_last_id(ngx_http_request_t *r);


ngx_int_t
ngx_http_chat_stream_handler(ngx_http_request_t *r)
{
    return ngx_http_chat_sse_handler(r, ngx_http_chat_sse_open_stream);
}


ngx_int_t
ngx_http_chat_events_handler(ngx_http_request_t *r)
{
    return ngx_http_chat_sse_handler(r, ngx_http_chat_sse_open_events);
}


static ngx_int_t
ngx_http_chat_sse_handler(ngx_http_request_t *r, ngx_http_chat_next_pt next)
{
    ngx_int_t             rc;
    ngx_str_t             allow;
    ngx_http_chat_ctx_t  *ctx;

    ctx = ngx_http_chat_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        ngx_str_set(&allow, "GET, HEAD");
        return ngx_http_chat_options(ctx, &allow);
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    r->main->count++;

    ngx_http_chat_watch(r);

    if (ngx_http_chat_auth_origin(r, ctx->conf) != NGX_OK) {
        ngx_http_chat_send_error(r, NGX_HTTP_FORBIDDEN,
                                 "This site may not use the chat");
        return NGX_DONE;
    }

    ngx_http_chat_with_session(ctx, next);

    return NGX_DONE;
}


static void
ngx_http_chat_sse_open_stream(ngx_http_chat_ctx_t *ctx)
{
    ngx_http_chat_sse_t  *sse;

    sse = ngx_http_chat_sse_open(ctx);

    if (sse) {
        ngx_http_chat_sse_begin(sse);
    }
}


static void
ngx_http_chat_sse_open_events(ngx_http_chat_ctx_t *ctx)
{
    ngx_http_chat_sse_t      *sse;
    ngx_http_chat_session_t  *s;

    if (!ngx_http_chat_hub(ctx->conf)->up) {
        ngx_http_chat_send_unavailable(ctx->request);
        return;
    }

    sse = ngx_http_chat_sse_open(ctx);
    if (sse == NULL) {
        return;
    }

    s = sse->session;

    sse->user = ctx->user;
    sse->after = ngx_http_chat_sse_last_id(ctx->request);

    sse->op = ngx_http_chat_store_command(s->hub->redis,
                                          ngx_http_chat_sse_rooms, sse,
                              "SMEMBERS " NGX_HTTP_CHAT_KEY_USER "%V"
                                          NGX_HTTP_CHAT_KEY_USER_ROOMS,
                                          &ctx->user.id);
    if (sse->op == NULL) {
        ngx_http_chat_session_close(s, 1013, "redis is away");
    }
}


static ngx_http_chat_sse_t *
ngx_http_chat_sse_open(ngx_http_chat_ctx_t *ctx)
{
    ngx_pool_cleanup_t       *cln;
    ngx_http_request_t       *r;
    ngx_http_chat_sse_t      *sse;
    ngx_http_chat_client_t   *client;
    ngx_http_chat_session_t  *s;

    r = ctx->request;

    if (ctx->user.id.len == 0) {
        ngx_http_chat_send_error(r, NGX_HTTP_FORBIDDEN, "Please log in first");
        return NULL;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_chat_sse_t));

    if (cln == NULL || ngx_exiting) {
        ngx_http_chat_send_unavailable(r);
        return NULL;
    }

    if (ngx_http_chat_client_enter(r, ctx->conf, &client) != NGX_OK) {
        ngx_http_chat_send_crowded(r);
        return NULL;
    }

    s = ngx_http_chat_session_create(ngx_http_chat_hub(ctx->conf), ctx->conf,
                                     &ctx->token, client, NULL);
    if (s == NULL) {
        ngx_http_chat_send_unavailable(r);
        return NULL;
    }

    ngx_http_chat_timer_del(&ngx_http_chat_worker->wheel, &s->connect);

    sse = cln->data;
    ngx_memzero(sse, offsetof(ngx_http_chat_sse_t, data));

    cln->handler = ngx_http_chat_sse_cleanup;

    sse->session = s;
    sse->request = r;

    ngx_http_chat_session_transport(s, NGX_HTTP_CHAT_SSE);
    ngx_http_chat_life_address(s, &r->connection->addr_text);
    ngx_http_chat_life_user(s, &ctx->user.id, &ctx->user.username);

    s->stream = r;
    ctx->data = sse;

    return sse;
}


static void
ngx_http_chat_sse_begin(ngx_http_chat_sse_t *sse)
{
    ngx_int_t            rc;
    ngx_str_t            value;
    ngx_http_request_t  *r;

    r = sse->request;

    r->headers_out.status = NGX_HTTP_OK;
    ngx_str_set(&r->headers_out.content_type, "text/event-stream");
    r->headers_out.content_type_len = r->headers_out.content_type.len;

    ngx_str_set(&value, "no-store");
    (void) ngx_http_chat_add_header(r, "Cache-Control", &value);
    ngx_str_set(&value, "no");
    (void) ngx_http_chat_add_header(r, "X-Accel-Buffering", &value);
    ngx_str_set(&value, "nosniff");
    (void) ngx_http_chat_add_header(r, "X-Content-Type-Options", &value);

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        ngx_http_finalize_request(r, rc);
        return;
    }

    r->write_event_handler = ngx_http_chat_sse_write_handler;

    ngx_http_chat_sse_heartbeat_handler(&sse->session->heartbeat);
}


static void
ngx_http_chat_sse_heartbeat_handler(ngx_http_chat_timer_t *timer)
{
    ngx_str_t                 comment;
    ngx_http_chat_session_t  *s;

    s = (ngx_http_chat_session_t *)
            ((u_char *) timer - offsetof(ngx_http_chat_session_t, heartbeat));

    ngx_http_chat_timer_set(&ngx_http_chat_worker->wheel, &s->heartbeat,
                            NGX_HTTP_CHAT_SSE_HEARTBEAT,
                            ngx_http_chat_sse_heartbeat_handler);

    ngx_http_chat_session_verify(s);
    ngx_http_chat_replays_heard(s);

    ngx_str_set(&comment, ":\n\n");
    ngx_http_chat_session_send_text(s, 1, &comment);
}


/*
 * The stream begins: named rooms are joined, and what was missed in all rooms
 * is replayed.  All in one step, so that nothing live gets in before it, and
 * whoever has seen the head of the response misses nothing from then on.
 */

static void
ngx_http_chat_sse_rooms(void *data, redisReply *reply)
{
    ngx_http_chat_sse_t *sse = data;

    uint64_t                  after;
    ngx_str_t                 room;
    ngx_uint_t                i;
    ngx_http_chat_session_t  *s;

    sse->op = NULL;
    s = sse->session;

    if (!ngx_http_chat_redis_ok(reply)) {
        ngx_http_chat_session_close(s, 1013, "redis is away");
        return;
    }

    if (!s->hub->up
        || ngx_http_chat_hub_attach(s, &sse->user.id, &sse->user.username)
           != NGX_OK)
    {
        ngx_http_chat_session_close(s, 1013, "the bus is away");
        return;
    }

    s->socket = NGX_HTTP_CHAT_SOCKET_CONNECTED;
    after = sse->after;

    ngx_http_chat_sse_begin(sse);

    /* a HEAD request is over here, and sse with it */

    if (s->closed) {
        return;
    }

    for (i = 0; /* void */ ; i++) {
        room = ngx_http_chat_redis_str(ngx_http_chat_redis_element(reply, i));

        if (room.data == NULL) {
            break;
        }

        if (ngx_http_chat_hub_join(s, &room) != NGX_OK) {
            ngx_http_chat_session_close(s, 1011, "no memory");
            return;
        }
    }

    if (after) {
        ngx_http_chat_sse_replay(s, after, reply);
    }
}


static void
ngx_http_chat_sse_replay(ngx_http_chat_session_t *s, uint64_t after,
    redisReply *reply)
{
    ngx_str_t                room;
    ngx_uint_t               i;
    ngx_queue_t              none;
    ngx_http_chat_replay_t  *replay;

    replay = ngx_http_chat_replay_create(s, NULL, ngx_http_chat_sse_replayed);
    if (replay == NULL) {
        goto failed;
    }

    ngx_str_set(&room, "0");

    for (i = 0; room.data; i++) {
        if (ngx_http_chat_sse_replay_add(s, replay, &room) != NGX_OK) {
            goto failed;
        }

        do {
            room = ngx_http_chat_redis_str(
                                       ngx_http_chat_redis_element(reply, i));
        } while (room.len == 1 && room.data[0] == '0' && ++i);
    }

    ngx_queue_init(&none);

    if (ngx_http_chat_replay_start(replay, after, &none) == NGX_OK) {
        return;
    }

failed:

    ngx_http_chat_session_close(s, 1013, "a replay is not possible");
}


static ngx_int_t
ngx_http_chat_sse_replay_add(ngx_http_chat_session_t *s,
    ngx_http_chat_replay_t *replay, ngx_str_t *name)
{
    chat_room_t  room;

    if (chat_room_parse((chat_str_t) { name->len, name->data }, &room)
        != CHAT_OK
        || !ngx_http_chat_hub_is_member(s, &room))
    {
        return NGX_OK;
    }

    return ngx_http_chat_replay_add(replay, &room);
}


static void
ngx_http_chat_sse_replayed(ngx_http_chat_session_t *s,
    ngx_http_chat_ack_t *ack, chat_room_t *room,
    ngx_http_chat_replayed_t *result)
{
    u_char     json[CHAT_ROOM_ID_MAX + 16];
    ngx_str_t  data;

    if (result->gap) {
        data.data = json;
        data.len = ngx_sprintf(json, "{\"roomId\":\"%*s\"}", room->id.len,
                               room->id.data)
                   - json;

        ngx_http_chat_event_send(s, "gap", &data);
    }
}


void
ngx_http_chat_sse_write(ngx_http_chat_session_t *s)
{
    size_t                   n, room;
    ngx_int_t                rc;
    ngx_buf_t               *b;
    ngx_http_request_t      *r;
    ngx_http_chat_ctx_t     *ctx;
    ngx_http_chat_sse_t     *sse;
    ngx_http_chat_frame_t   *frame;
    ngx_http_chat_outbox_t  *box;

    r = s->stream;
    ctx = ngx_http_get_module_ctx(r, ngx_http_chat_module);
    sse = ctx->data;
    b = &sse->buf;
    box = &s->out;

    ngx_http_chat_count_most(NGX_HTTP_CHAT_STAT_QUEUE_MOST, box->bytes);

    for ( ;; ) {

        if (r->buffered || r->connection->buffered) {

            rc = ngx_http_output_filter(r, NULL);

            if (rc == NGX_ERROR) {
                ngx_http_chat_session_close(s, 0, "the stream was lost");
                return;
            }

            if (rc == NGX_AGAIN) {
                break;
            }
        }

        if (box->n == 0) {
            return;
        }

        /* the buffer is free: as much as it holds */

        ngx_memzero(b, sizeof(ngx_buf_t));

        b->start = sse->data;
        b->pos = sse->data;
        b->last = sse->data;
        b->end = sse->data + NGX_HTTP_CHAT_SSE_BUFFER;
        b->temporary = 1;
        b->flush = 1;

        while (box->n && b->last < b->end) {
            frame = ngx_http_chat_outbox_get(box, 0);
            room = b->end - b->last;
            n = ngx_min(room, frame->len - box->sent);

            b->last = ngx_cpymem(b->last,
                              frame->text + box->sent, n);
            box->sent += (uint32_t) n;

            if (box->sent == frame->len) {
                ngx_http_chat_outbox_shift(box);
            }
        }

        ngx_http_chat_life_sent(s, b->last - b->pos);

        sse->chain.buf = b;
        sse->chain.next = NULL;

        rc = ngx_http_output_filter(r, &sse->chain);

        if (rc == NGX_ERROR) {
            ngx_http_chat_session_close(s, 0, "the stream was lost");
            return;
        }

        if (rc == NGX_AGAIN) {
            break;
        }
    }

    if (ngx_handle_write_event(r->connection->write, 0) != NGX_OK) {
        ngx_http_chat_session_close(s, 0, "no event");
    }
}


static void
ngx_http_chat_sse_write_handler(ngx_http_request_t *r)
{
    ngx_http_chat_ctx_t      *ctx;
    ngx_http_chat_sse_t      *sse;
    ngx_http_chat_session_t  *s;

    ctx = ngx_http_get_module_ctx(r, ngx_http_chat_module);
    sse = ctx->data;

    s = sse->session;

    if (s) {
        ngx_http_chat_sse_write(s);
        ngx_http_chat_session_drained(s);
    }
}


void
ngx_http_chat_sse_close(ngx_http_chat_session_t *s)
{
    ngx_connection_t     *c;
    ngx_http_request_t   *r;
    ngx_http_chat_ctx_t  *ctx;
    ngx_http_chat_sse_t  *sse;

    r = s->stream;
    c = r->connection;
    s->stream = NULL;

    ctx = ngx_http_get_module_ctx(r, ngx_http_chat_module);
    sse = ctx->data;

    sse->session = NULL;
    ngx_http_chat_redis_cancel(sse->op);
    sse->op = NULL;

    if (!r->header_sent) {
        ngx_http_chat_send_unavailable(r);

    } else {

        /* cut off, so that no proxy takes half an event for a whole one */

        r->keepalive = 0;
        ngx_http_finalize_request(r, ngx_http_send_special(r, NGX_HTTP_LAST));
    }

    ngx_http_run_posted_requests(c);
}


void
ngx_http_chat_streams_end(ngx_http_chat_hub_t *hub)
{
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

        if (s->hub == hub && s->stream && s->user) {
            ngx_http_chat_session_close(s, 1013, "something was missed");
        }
    }
}


static void
ngx_http_chat_sse_cleanup(void *data)
{
    ngx_http_chat_sse_t *sse = data;

    ngx_http_chat_session_t  *s;

    s = sse->session;
    sse->session = NULL;

    ngx_http_chat_redis_cancel(sse->op);
    sse->op = NULL;

    if (s) {
        s->stream = NULL;
        ngx_http_chat_session_close(s, 0, "the stream was closed");
    }
}


/* what is no position is taken for none: a client then begins anew */

static uint64_t
ngx_http_chat_sse_last_id(ngx_http_request_t *r)
{
    uint64_t          pos;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len == sizeof("Last-Event-ID") - 1
                && ngx_strncasecmp(h[i].key.data, (u_char *) "Last-Event-ID",
                                   h[i].key.len)
                   == 0
                && chat_pos_parse((chat_str_t) { h[i].value.len,
                                                 h[i].value.data },
                                  &pos)
                   == CHAT_OK)
            {
                return pos;
            }
        }
    }

    return 0;
}
