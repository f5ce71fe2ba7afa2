/*
 * The event "room.join", and the replay of what a client has missed.
 *
 * A replay reads the history behind a position page by page.  While it runs,
 * live messages of the room wait in its outbox; those that it has read as well
 * are dropped by their position, so that there is neither a gap nor a double at
 * the seam.
 */

#include "ngx_http_chat_socket.h"
#include "ngx_http_chat_relay.h"


#define NGX_HTTP_CHAT_REPLAY_PAGE   200


typedef struct {
    ngx_queue_t                   queue;
    ngx_http_chat_frame_t        *frame;
    uint64_t                      pos;
} ngx_http_chat_held_t;


typedef struct {
    ngx_queue_t                   queue;          /* s->joins */
    ngx_http_chat_session_t      *session;
    ngx_http_chat_op_t           *op;
    ngx_http_chat_ack_t           ack;
    ngx_http_chat_replayed_pt     done;
    chat_room_t                   room;
    u_char                        room_data[NGX_HTTP_CHAT_ROOM_BUF];
    uint64_t                      after;          /* where the client stands */
    uint64_t                      pos;            /* replayed so far */
    ngx_queue_t                   held;           /* of held_t */
    uint64_t                      until;          /* the session moves, and the
                                                     new owner goes on behind
                                                     it; 0: no such bound */
    unsigned                      gap:1;
    unsigned                      live_waits:1;   /* while history is read */
    unsigned                      settled:1;      /* done, but the bus may be
                                                     behind the history */
} ngx_http_chat_replay_t;


static ngx_http_chat_replay_t *ngx_http_chat_replay_create(
    ngx_http_chat_session_t *s, chat_room_t *room, ngx_http_chat_ack_t *ack);
static void ngx_http_chat_replay_free(ngx_http_chat_replay_t *replay);
static void ngx_http_chat_replay_release(ngx_http_chat_replay_t *replay);
static void ngx_http_chat_replay_settle(ngx_http_chat_replay_t *replay);
static void ngx_http_chat_joins_trim(ngx_http_chat_session_t *s);
static void ngx_http_chat_join_last(void *data, redisReply *reply);
static void ngx_http_chat_replay_oldest(void *data, redisReply *reply);
static ngx_int_t ngx_http_chat_replay_next(ngx_http_chat_replay_t *replay);
static void ngx_http_chat_replay_page(void *data, redisReply *reply);
static void ngx_http_chat_replay_done(ngx_http_chat_replay_t *replay,
    ngx_uint_t failed);
static void ngx_http_chat_join_replayed(ngx_http_chat_session_t *s,
    ngx_http_chat_ack_t *ack, chat_room_t *room,
    ngx_http_chat_replayed_t *result);
static uint64_t ngx_http_chat_score(redisReply *reply);


void
ngx_http_chat_on_join(ngx_http_chat_session_t *s, chat_json_t *id,
    chat_json_t *options, ngx_http_chat_ack_t *ack)
{
    u_char                   room_data[NGX_HTTP_CHAT_ROOM_BUF];
    uint64_t                 pos;
    ngx_str_t                name;
    chat_room_t              room;
    chat_str_t               text;
    chat_json_t              after;
    ngx_http_chat_replay_t  *replay;

    if (ngx_http_chat_room_of(id, room_data, &room) != NGX_OK
        || !ngx_http_chat_hub_is_member(s, &room))
    {
        ngx_http_chat_socket_ack_error(s, ack, "You are not in that room",
                                       NGX_HTTP_CHAT_NO_RETRY_FIELD);
        return;
    }

    if (options->type == CHAT_JSON_OBJECT
        && chat_json_get(options, "after", &after))
    {
        text = after.raw;

        if (after.type == CHAT_JSON_STRING) {
            text.data++;
            text.len -= 2;
        }

        if ((after.type != CHAT_JSON_STRING && after.type != CHAT_JSON_NUMBER)
            || chat_pos_parse(text, &pos) != CHAT_OK)
        {
            ngx_http_chat_socket_ack_error(s, ack, "That is no position",
                                           NGX_HTTP_CHAT_NO_RETRY_FIELD);
            return;
        }

        if (ngx_http_chat_replay(s, &room, pos, ack,
                                 ngx_http_chat_join_replayed)
            != NGX_OK)
        {
            ngx_http_chat_socket_ack_error(s, ack,
                                      "The chat is not available right now",
                                           NGX_HTTP_CHAT_NO_RETRY_FIELD);
        }

        return;
    }

    /* only the newest position */

    replay = ngx_http_chat_replay_create(s, &room, ack);

    if (replay) {
        name.data = (u_char *) replay->room.id.data;
        name.len = replay->room.id.len;

        replay->op = ngx_http_chat_store_command(s->hub->redis,
                                                 ngx_http_chat_join_last,
                                                 replay,
                                  "ZREVRANGE " NGX_HTTP_CHAT_KEY_ROOM "%V"
                                  " 0 0 WITHSCORES", &name);
        if (replay->op) {
            replay->done = ngx_http_chat_join_replayed;
            return;
        }

        ngx_http_chat_replay_free(replay);
    }

    ngx_http_chat_socket_ack_error(s, ack,
                                   "The chat is not available right now",
                                   NGX_HTTP_CHAT_NO_RETRY_FIELD);
}


static void
ngx_http_chat_join_last(void *data, redisReply *reply)
{
    ngx_http_chat_replay_t *replay = data;

    replay->op = NULL;
    replay->pos = ngx_http_chat_score(reply);

    ngx_http_chat_replay_done(replay, !ngx_http_chat_redis_ok(reply));
}


static void
ngx_http_chat_join_replayed(ngx_http_chat_session_t *s,
    ngx_http_chat_ack_t *ack, chat_room_t *room,
    ngx_http_chat_replayed_t *result)
{
    u_char     last[CHAT_POS_MAX];
    ngx_str_t  pieces[5];

    if (result->failed) {
        ngx_http_chat_socket_ack_error(s, ack,
                                       "The chat is not available right now",
                                       NGX_HTTP_CHAT_NO_RETRY_FIELD);
        return;
    }

    /* the characters of a room id need no escapes */

    ngx_str_set(&pieces[0], "{\"ok\":true,\"id\":\"");
    pieces[1].len = room->id.len;
    pieces[1].data = (u_char *) room->id.data;
    ngx_str_set(&pieces[2], "\",\"last\":\"");
    pieces[3].data = last;
    pieces[3].len = chat_pos_format(last, result->last) - last;
    ngx_str_set(&pieces[4], "\"}");

    if (result->last == 0) {
        pieces[3].len = 1;
    }

    if (result->gap) {
        ngx_str_set(&pieces[4], "\",\"gap\":true}");
    }

    ngx_http_chat_socket_ack(s, ack, 5, pieces);
}


ngx_int_t
ngx_http_chat_replay(ngx_http_chat_session_t *s, chat_room_t *room,
    uint64_t pos, ngx_http_chat_ack_t *ack, ngx_http_chat_replayed_pt done)
{
    ngx_str_t                name;
    ngx_http_chat_replay_t  *replay;

    replay = ngx_http_chat_replay_create(s, room, ack);
    if (replay == NULL) {
        return NGX_ERROR;
    }

    replay->done = done;
    replay->live_waits = 1;
    replay->after = pos;
    replay->pos = pos;

    name.data = (u_char *) replay->room.id.data;
    name.len = replay->room.id.len;

    /* has retention passed the position? */

    if (s->conf->history_limit) {
        replay->op = ngx_http_chat_store_command(s->hub->redis,
                                                 ngx_http_chat_replay_oldest,
                                                 replay,
                                     "ZRANGE " NGX_HTTP_CHAT_KEY_ROOM "%V"
                                     " 0 0 WITHSCORES", &name);

    } else if (ngx_http_chat_replay_next(replay) != NGX_OK) {
        replay->op = NULL;
    }

    if (replay->op == NULL) {
        ngx_http_chat_replay_free(replay);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_http_chat_replay_t *
ngx_http_chat_replay_create(ngx_http_chat_session_t *s, chat_room_t *room,
    ngx_http_chat_ack_t *ack)
{
    chat_str_t               id;
    ngx_http_chat_replay_t  *replay;

    if (s->njoins >= NGX_HTTP_CHAT_MAX_JOINS) {
        ngx_http_chat_joins_trim(s);

        if (s->njoins >= NGX_HTTP_CHAT_MAX_JOINS) {
            return NULL;
        }
    }

    replay = ngx_calloc(sizeof(ngx_http_chat_replay_t),
                        ngx_http_chat_worker->log);
    if (replay == NULL) {
        return NULL;
    }

    replay->session = s;
    replay->ack = *ack;

    ngx_memcpy(replay->room_data, room->id.data, room->id.len);
    id.data = replay->room_data;
    id.len = room->id.len;
    (void) chat_room_parse(id, &replay->room);

    ngx_queue_init(&replay->held);
    ngx_queue_insert_tail(&s->joins, &replay->queue);
    s->njoins++;

    return replay;
}


/* what only remembers a position goes */

static void
ngx_http_chat_joins_trim(ngx_http_chat_session_t *s)
{
    ngx_queue_t             *q, *next;
    ngx_http_chat_replay_t  *replay;

    for (q = ngx_queue_head(&s->joins);
         q != ngx_queue_sentinel(&s->joins);
         q = next)
    {
        next = ngx_queue_next(q);
        replay = ngx_queue_data(q, ngx_http_chat_replay_t, queue);

        if (replay->settled) {
            ngx_http_chat_replay_free(replay);
        }
    }
}


static void
ngx_http_chat_replay_free(ngx_http_chat_replay_t *replay)
{
    ngx_http_chat_redis_cancel(replay->op);
    ngx_http_chat_replay_release(replay);

    ngx_queue_remove(&replay->queue);
    replay->session->njoins--;
    ngx_free(replay);
}


static void
ngx_http_chat_replay_release(ngx_http_chat_replay_t *replay)
{
    ngx_queue_t           *q;
    ngx_http_chat_held_t  *held;

    while (!ngx_queue_empty(&replay->held)) {
        q = ngx_queue_head(&replay->held);
        held = ngx_queue_data(q, ngx_http_chat_held_t, queue);

        ngx_queue_remove(q);
        replay->session->held -= held->frame->len;
        ngx_http_chat_frame_unref(held->frame);
        ngx_free(held);
    }
}


void
ngx_http_chat_joins_cancel(ngx_http_chat_session_t *s)
{
    ngx_queue_t  *q;

    while (!ngx_queue_empty(&s->joins)) {
        q = ngx_queue_head(&s->joins);
        ngx_http_chat_replay_free(ngx_queue_data(q, ngx_http_chat_replay_t,
                                                 queue));
    }
}


static void
ngx_http_chat_replay_oldest(void *data, redisReply *reply)
{
    ngx_http_chat_replay_t *replay = data;

    replay->op = NULL;

    if (!ngx_http_chat_redis_ok(reply)) {
        ngx_http_chat_replay_done(replay, 1);
        return;
    }

    replay->gap = (ngx_http_chat_score(reply) > replay->after);

    if (ngx_http_chat_replay_next(replay) != NGX_OK) {
        ngx_http_chat_replay_done(replay, 1);
    }
}


static ngx_int_t
ngx_http_chat_replay_next(ngx_http_chat_replay_t *replay)
{
    ngx_http_chat_page_t  page;

    ngx_memzero(&page, sizeof(ngx_http_chat_page_t));

    page.type = NGX_HTTP_CHAT_PAGE_AFTER;
    page.room.data = (u_char *) replay->room.id.data;
    page.room.len = replay->room.id.len;
    page.pos = replay->pos;
    page.size = NGX_HTTP_CHAT_REPLAY_PAGE;

    replay->op = ngx_http_chat_room_page(replay->session->hub->redis, &page,
                                         ngx_http_chat_replay_page, replay);

    return replay->op ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_chat_replay_page(void *data, redisReply *reply)
{
    ngx_http_chat_replay_t *replay = data;

    uint64_t                  pos;
    ngx_int_t                 rc;
    ngx_str_t                 json, room;
    ngx_uint_t                i;
    ngx_pool_t               *pool;
    ngx_http_chat_session_t  *s;

    replay->op = NULL;
    s = replay->session;

    pool = ngx_create_pool(4096, ngx_http_chat_worker->log);

    if (pool == NULL || !ngx_http_chat_redis_ok(reply)) {
        if (pool) {
            ngx_destroy_pool(pool);
        }

        ngx_http_chat_replay_done(replay, 1);
        return;
    }

    room.data = (u_char *) replay->room.id.data;
    room.len = replay->room.id.len;

    for (i = 0; /* void */ ; i++) {

        rc = ngx_http_chat_room_message(reply, i, &room, pool,
                                        ngx_http_chat_worker->log, &json,
                                        &pos);
        if (rc == NGX_DONE || rc == NGX_ERROR) {
            break;
        }

        if (replay->until && pos > replay->until) {
            rc = NGX_DONE;
            break;
        }

        replay->pos = ngx_max(replay->pos, pos);

        if (rc == NGX_OK) {
            ngx_http_chat_event_send(s, "message", &json, pos);
        }
    }

    ngx_destroy_pool(pool);

    if (s->closed || s->overflow) {
        return;
    }

    if (i < NGX_HTTP_CHAT_REPLAY_PAGE || rc == NGX_ERROR
        || (replay->until && replay->pos >= replay->until))
    {
        ngx_http_chat_replay_done(replay, rc == NGX_ERROR);
        return;
    }

    if (ngx_http_chat_replay_next(replay) != NGX_OK) {
        ngx_http_chat_replay_done(replay, 1);
    }
}


/* what had to wait goes out, then the answer */

static void
ngx_http_chat_replay_done(ngx_http_chat_replay_t *replay, ngx_uint_t failed)
{
    u_char                     room_data[NGX_HTTP_CHAT_ROOM_BUF];
    chat_str_t                 id;
    chat_room_t                room;
    ngx_queue_t               *q;
    ngx_http_chat_ack_t        ack;
    ngx_http_chat_held_t      *held;
    ngx_http_chat_session_t   *s;
    ngx_http_chat_replayed_t   result;
    ngx_http_chat_replayed_pt  done;

    s = replay->session;

    for (q = ngx_queue_head(&replay->held);
         q != ngx_queue_sentinel(&replay->held);
         q = ngx_queue_next(q))
    {
        held = ngx_queue_data(q, ngx_http_chat_held_t, queue);

        if (held->pos == 0 || held->pos > replay->pos) {
            ngx_http_chat_session_send(s, held->frame);
            replay->pos = ngx_max(replay->pos, held->pos);
        }
    }

    result.last = replay->pos;
    result.gap = replay->gap;
    result.failed = failed;

    /* what is called may close the session, and with it the replay */

    ack = replay->ack;
    done = replay->done;

    ngx_memcpy(room_data, replay->room_data, sizeof(room_data));
    id.data = room_data;
    id.len = replay->room.id.len;
    (void) chat_room_parse(id, &room);

    ngx_http_chat_replay_settle(replay);

    done(s, &ack, &room, &result);

    if (s->cut) {
        ngx_http_chat_relay_try_move(s);
    }
}


/*
 * The history may have been ahead of the bus: messages that have been replayed
 * can still come from there.  So the replay stays, for its position, until
 * something newer has come.
 */

static void
ngx_http_chat_replay_settle(ngx_http_chat_replay_t *replay)
{
    ngx_http_chat_room_t  *room;

    room = ngx_http_chat_room_find(replay->session->hub, replay->room.id);

    if (!replay->live_waits || replay->pos == replay->after
        || (room && room->last >= replay->pos))
    {
        ngx_http_chat_replay_free(replay);
        return;
    }

    ngx_http_chat_replay_release(replay);

    replay->live_waits = 0;
    replay->settled = 1;
}


ngx_uint_t
ngx_http_chat_joins_done(ngx_http_chat_session_t *s)
{
    ngx_queue_t             *q;
    ngx_http_chat_replay_t  *replay;

    for (q = ngx_queue_head(&s->joins);
         q != ngx_queue_sentinel(&s->joins);
         q = ngx_queue_next(q))
    {
        replay = ngx_queue_data(q, ngx_http_chat_replay_t, queue);

        if (!replay->settled) {
            return 0;
        }
    }

    return 1;
}


void
ngx_http_chat_joins_cut(ngx_http_chat_session_t *s)
{
    ngx_queue_t             *q;
    ngx_http_chat_room_t    *room;
    ngx_http_chat_replay_t  *replay;

    for (q = ngx_queue_head(&s->joins);
         q != ngx_queue_sentinel(&s->joins);
         q = ngx_queue_next(q))
    {
        replay = ngx_queue_data(q, ngx_http_chat_replay_t, queue);
        room = ngx_http_chat_room_get(s->hub, &replay->room);

        replay->until = room ? room->last : 0;
    }
}


ngx_uint_t
ngx_http_chat_socket_hold(ngx_http_chat_session_t *s,
    ngx_http_chat_room_t *room, ngx_http_chat_frame_t *frame, uint64_t pos)
{
    ngx_queue_t             *q;
    ngx_http_chat_held_t    *held;
    ngx_http_chat_replay_t  *replay;

    for (q = ngx_queue_head(&s->joins);
         q != ngx_queue_sentinel(&s->joins);
         q = ngx_queue_next(q))
    {
        replay = ngx_queue_data(q, ngx_http_chat_replay_t, queue);

        if (!chat_str_eq(replay->room.id, room->id.id)) {
            continue;
        }

        if (replay->settled) {

            if (pos > replay->after && pos <= replay->pos) {
                return 1;
            }

            if (pos > replay->pos) {
                ngx_http_chat_replay_free(replay);
                return 0;
            }

            continue;
        }

        if (!replay->live_waits) {
            continue;
        }

        held = s->held + frame->len > s->conf->send_queue ? NULL
                   : ngx_alloc(sizeof(ngx_http_chat_held_t),
                               ngx_http_chat_worker->log);

        if (held == NULL) {
            ngx_http_chat_session_overflow(s);
            return 1;
        }

        s->held += frame->len;
        frame->refs++;
        held->frame = frame;
        held->pos = pos;

        ngx_queue_insert_tail(&replay->held, &held->queue);
        return 1;
    }

    return 0;
}


/* the score of the first row of a reply WITHSCORES, 0 if there is none */

static uint64_t
ngx_http_chat_score(redisReply *reply)
{
    uint64_t    pos;
    ngx_str_t   score;
    chat_str_t  text;

    score = ngx_http_chat_redis_str(ngx_http_chat_redis_element(reply, 1));
    text.data = score.data;
    text.len = score.len;

    return score.len && chat_pos_from_score(text, &pos) == CHAT_OK ? pos : 0;
}
