/*
 * Replays of the history, one of them: see the header.
 *
 * All rooms are read a page at a time, and what has been read is sent from the
 * room whose next message is the oldest.  A room with nothing left to send is
 * read on before any other is sent, so the order holds across rooms.
 */

#include "ngx_http_chat_replay_int.h"
#include "ngx_http_chat_relay.h"
#include "ngx_http_chat_conn.h"


#define NGX_HTTP_CHAT_REPLAY_PAGE   64            /* of all its rooms */


static ngx_int_t ngx_http_chat_replay_ask(ngx_http_chat_replay_room_t *room);
static void ngx_http_chat_replay_page(void *data, redisReply *reply);
static ngx_int_t ngx_http_chat_replay_read(ngx_http_chat_replay_room_t *room,
    redisReply *reply);
static void ngx_http_chat_replay_oldest(void *data, redisReply *reply);
static void ngx_http_chat_replay_newest(void *data, redisReply *reply);
static ngx_int_t ngx_http_chat_replay_score(ngx_http_chat_replay_room_t *room,
    const char *format, ngx_http_chat_redis_handler_pt handler);
static ngx_uint_t ngx_http_chat_replay_waits(ngx_http_chat_session_t *s);
static ngx_uint_t ngx_http_chat_replay_again(ngx_http_chat_replay_t *replay);
static void ngx_http_chat_replay_done(ngx_http_chat_replay_t *replay,
    ngx_uint_t failed);
static void ngx_http_chat_replay_replace(ngx_http_chat_replay_t *replay);
static uint64_t ngx_http_chat_score(redisReply *reply);


ngx_http_chat_replay_t *
ngx_http_chat_replay_create(ngx_http_chat_session_t *s,
    ngx_http_chat_ack_t *ack, ngx_http_chat_replayed_pt done)
{
    ngx_http_chat_replay_t  *replay;

    if (s->nreplays >= NGX_HTTP_CHAT_MAX_REPLAYS
        && !ngx_http_chat_replays_trim(s))
    {
        return NULL;
    }

    replay = ngx_calloc(sizeof(ngx_http_chat_replay_t),
                        ngx_http_chat_worker->log);
    if (replay == NULL) {
        return NULL;
    }

    replay->session = s;
    replay->done = done;

    if (ack) {
        replay->ack = *ack;
    }

    ngx_queue_init(&replay->active);
    ngx_queue_init(&replay->finished);
    ngx_queue_init(&replay->held);

    ngx_queue_insert_tail(&s->replays, &replay->queue);
    s->nreplays++;

    return replay;
}


void
ngx_http_chat_replay_destroy(ngx_http_chat_replay_t *replay)
{
    ngx_queue_t              *q;
    ngx_http_chat_session_t  *s;

    s = replay->session;

    while (!ngx_queue_empty(&replay->active)) {
        q = ngx_queue_head(&replay->active);
        ngx_http_chat_replay_remove(replay,
                     ngx_queue_data(q, ngx_http_chat_replay_room_t, queue));
    }

    while (!ngx_queue_empty(&replay->finished)) {
        q = ngx_queue_head(&replay->finished);
        ngx_http_chat_replay_remove(replay,
                     ngx_queue_data(q, ngx_http_chat_replay_room_t, queue));
    }

    ngx_http_chat_held_clear(s, &replay->held);

    ngx_queue_remove(&replay->queue);
    s->nreplays--;
    ngx_free(replay);
}


void
ngx_http_chat_replay_remove(ngx_http_chat_replay_t *replay,
    ngx_http_chat_replay_room_t *room)
{
    ngx_http_chat_redis_cancel(room->op);
    ngx_http_chat_held_clear(replay->session, &room->read);

    ngx_queue_remove(&room->queue);
    ngx_free(room);
}


ngx_int_t
ngx_http_chat_replay_add(ngx_http_chat_replay_t *replay, chat_room_t *id)
{
    ngx_http_chat_replay_room_t  *room;

    room = ngx_calloc(sizeof(ngx_http_chat_replay_room_t),
                      ngx_http_chat_worker->log);
    if (room == NULL) {
        return NGX_ERROR;
    }

    room->replay = replay;

    ngx_memcpy(room->data, id->id.data, id->id.len);
    (void) chat_room_parse((chat_str_t) { id->id.len, room->data }, &room->id);

    ngx_queue_init(&room->read);
    ngx_queue_insert_tail(&replay->active, &room->queue);
    replay->nactive++;

    return NGX_OK;
}


ngx_int_t
ngx_http_chat_replay_start(ngx_http_chat_replay_t *replay, uint64_t pos,
    ngx_queue_t *held)
{
    chat_str_t                    id;
    ngx_queue_t                  *q, *next;
    ngx_http_chat_held_t         *h;
    ngx_http_chat_replay_room_t  *room;

    replay->after = pos;

    for (q = ngx_queue_head(&replay->active);
         q != ngx_queue_sentinel(&replay->active);
         q = ngx_queue_next(q))
    {
        room = ngx_queue_data(q, ngx_http_chat_replay_room_t, queue);
        room->pos = pos;

        if (ngx_http_chat_replay_ask(room) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    replay->holds = 1;

    ngx_http_chat_replay_replace(replay);

    for (q = ngx_queue_head(held); q != ngx_queue_sentinel(held); q = next) {
        next = ngx_queue_next(q);
        h = ngx_queue_data(q, ngx_http_chat_held_t, queue);
        id.data = h->room;
        id.len = h->len;

        if (ngx_http_chat_replay_find(replay, id)) {
            ngx_queue_remove(q);
            ngx_queue_insert_tail(&replay->held, q);
        }
    }

    return NGX_OK;
}


/* from now on it is this one that holds what comes live */

static void
ngx_http_chat_replay_replace(ngx_http_chat_replay_t *replay)
{
    ngx_queue_t                  *q;
    ngx_http_chat_replay_t       *old;
    ngx_http_chat_replay_room_t  *room, *settled;

    for (q = ngx_queue_head(&replay->active);
         q != ngx_queue_sentinel(&replay->active);
         q = ngx_queue_next(q))
    {
        room = ngx_queue_data(q, ngx_http_chat_replay_room_t, queue);
        settled = ngx_http_chat_replays_settled(replay->session, room->id.id);

        if (settled == NULL) {
            continue;
        }

        old = settled->replay;
        ngx_http_chat_replay_remove(old, settled);

        if (ngx_queue_empty(&old->finished)) {
            ngx_http_chat_replay_destroy(old);
        }
    }
}


ngx_int_t
ngx_http_chat_replay_last(ngx_http_chat_replay_t *replay)
{
    ngx_http_chat_replay_room_t  *room;

    room = ngx_queue_data(ngx_queue_head(&replay->active),
                          ngx_http_chat_replay_room_t, queue);

    return ngx_http_chat_replay_score(room, "ZREVRANGE " NGX_HTTP_CHAT_KEY_ROOM
                                            "%V 0 0 WITHSCORES",
                                      ngx_http_chat_replay_newest);
}


ngx_int_t
ngx_http_chat_replay_settled(ngx_http_chat_session_t *s, chat_room_t *id,
    uint64_t pos)
{
    ngx_queue_t                  *q;
    ngx_http_chat_replay_t       *replay;
    ngx_http_chat_replay_room_t  *room;

    replay = ngx_http_chat_replay_create(s, NULL, NULL);

    if (replay == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_chat_replay_add(replay, id) != NGX_OK) {
        ngx_http_chat_replay_destroy(replay);
        return NGX_ERROR;
    }

    q = ngx_queue_head(&replay->active);
    room = ngx_queue_data(q, ngx_http_chat_replay_room_t, queue);
    room->pos = pos;

    ngx_queue_remove(q);
    ngx_queue_insert_tail(&replay->finished, q);
    replay->nactive = 0;

    replay->holds = 1;
    replay->settled = 1;

    return NGX_OK;
}


/* the next page of a room */

static ngx_int_t
ngx_http_chat_replay_ask(ngx_http_chat_replay_room_t *room)
{
    ngx_http_chat_page_t     page;
    ngx_http_chat_replay_t  *replay;

    replay = room->replay;

    ngx_memzero(&page, sizeof(ngx_http_chat_page_t));

    page.type = NGX_HTTP_CHAT_PAGE_AFTER;
    page.room.data = room->data;
    page.room.len = room->id.id.len;
    page.pos = room->pos;
    page.size = ngx_max(1, NGX_HTTP_CHAT_REPLAY_PAGE / replay->nactive);

    room->from = room->pos;
    room->size = page.size;
    room->op = ngx_http_chat_room_page(replay->session->hub->redis, &page,
                                       ngx_http_chat_replay_page, room);

    return room->op ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_chat_replay_page(void *data, redisReply *reply)
{
    ngx_http_chat_replay_room_t *room = data;

    ngx_http_chat_replay_t  *replay;

    replay = room->replay;
    room->op = NULL;

    if (!ngx_http_chat_redis_ok(reply)
        || ngx_http_chat_replay_read(room, reply) != NGX_OK)
    {
        ngx_http_chat_replay_done(replay, 1);
        return;
    }

    /* has retention passed where the page began? */

    if (replay->session->conf->history_limit && !room->gap) {

        if (ngx_http_chat_replay_score(room, "ZRANGE " NGX_HTTP_CHAT_KEY_ROOM
                                             "%V 0 0 WITHSCORES",
                                       ngx_http_chat_replay_oldest)
            != NGX_OK)
        {
            ngx_http_chat_replay_done(replay, 1);
        }

        return;
    }

    ngx_http_chat_replay_pump(replay);
}


static ngx_int_t
ngx_http_chat_replay_read(ngx_http_chat_replay_room_t *room,
    redisReply *reply)
{
    uint64_t                  pos;
    ngx_int_t                 rc;
    ngx_str_t                 json, name;
    ngx_uint_t                i;
    ngx_pool_t               *pool;
    ngx_http_chat_frame_t    *frame;
    ngx_http_chat_session_t  *s;

    s = room->replay->session;

    pool = ngx_create_pool(4096, ngx_http_chat_worker->log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    name.data = room->data;
    name.len = room->id.id.len;

    for (i = 0; /* void */ ; i++) {

        rc = ngx_http_chat_room_message(reply, i, &name, pool,
                                        ngx_http_chat_worker->log, &json,
                                        &pos);
        if (rc == NGX_DONE || rc == NGX_ERROR) {
            break;
        }

        room->pos = ngx_max(room->pos, pos);

        if (rc == NGX_DECLINED) {
            continue;
        }

        frame = ngx_http_chat_event_frame(s, "message", &json, pos);
        rc = NGX_ERROR;

        if (frame) {
            rc = ngx_http_chat_held_push(s, &room->read, room->id.id, frame,
                                         pos);
            ngx_http_chat_frame_unref(frame);
        }

        if (rc != NGX_OK) {
            break;
        }
    }

    ngx_destroy_pool(pool);

    room->more = (i >= room->size);

    return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
}


static void
ngx_http_chat_replay_oldest(void *data, redisReply *reply)
{
    ngx_http_chat_replay_room_t *room = data;

    room->op = NULL;

    if (!ngx_http_chat_redis_ok(reply)) {
        ngx_http_chat_replay_done(room->replay, 1);
        return;
    }

    room->gap = (ngx_http_chat_score(reply) > room->from);

    ngx_http_chat_replay_pump(room->replay);
}


static void
ngx_http_chat_replay_newest(void *data, redisReply *reply)
{
    ngx_http_chat_replay_room_t *room = data;

    room->op = NULL;
    room->pos = ngx_http_chat_score(reply);

    ngx_http_chat_replay_done(room->replay, !ngx_http_chat_redis_ok(reply));
}


static ngx_int_t
ngx_http_chat_replay_score(ngx_http_chat_replay_room_t *room,
    const char *format, ngx_http_chat_redis_handler_pt handler)
{
    ngx_str_t  name;

    name.data = room->data;
    name.len = room->id.id.len;

    room->op = ngx_http_chat_store_command(room->replay->session->hub->redis,
                                           handler, room, format, &name);

    return room->op ? NGX_OK : NGX_ERROR;
}


/*
 * Sends what can be sent by now: nothing while a room that might have the
 * oldest message is being read
 */

void
ngx_http_chat_replay_pump(ngx_http_chat_replay_t *replay)
{
    ngx_uint_t                    asked;
    ngx_queue_t                  *q, *next;
    ngx_http_chat_held_t         *held, *oldest;
    ngx_http_chat_session_t      *s;
    ngx_http_chat_replay_room_t  *room;

    s = replay->session;

    while (!s->closed && !s->overflow && !ngx_http_chat_replay_waits(s)) {

        oldest = NULL;
        asked = 0;

        for (q = ngx_queue_head(&replay->active);
             q != ngx_queue_sentinel(&replay->active);
             q = next)
        {
            next = ngx_queue_next(q);
            room = ngx_queue_data(q, ngx_http_chat_replay_room_t, queue);

            if (room->op) {
                asked = 1;

            } else if (!ngx_queue_empty(&room->read)) {
                held = ngx_queue_data(ngx_queue_head(&room->read),
                                      ngx_http_chat_held_t, queue);

                if (oldest == NULL || held->pos < oldest->pos) {
                    oldest = held;
                }

            } else if (!room->more) {
                ngx_queue_remove(q);
                ngx_queue_insert_tail(&replay->finished, q);
                replay->nactive--;

            } else if (ngx_http_chat_replay_ask(room) == NGX_OK) {
                asked = 1;

            } else {
                ngx_http_chat_replay_done(replay, 1);
                return;
            }
        }

        if (asked) {
            return;
        }

        if (oldest) {
            ngx_http_chat_session_send(s, oldest->frame);
            ngx_http_chat_held_free(s, oldest);

        } else if (!ngx_http_chat_replay_again(replay)) {
            ngx_http_chat_replay_done(replay, 0);
            return;
        }
    }
}


/*
 * 1 if the client has enough to read.  One that moves is not read from here any
 * more: all of it goes over.
 */

static ngx_uint_t
ngx_http_chat_replay_waits(ngx_http_chat_session_t *s)
{
    ngx_http_chat_outbox_t  *box;

    box = s->conn && !s->arriving ? &s->conn->out : &s->out;

    return !s->cut && box->bytes > s->conf->send_queue / 2;
}


/* what was held and didn't fit is in the history: all rooms are read on */

static ngx_uint_t
ngx_http_chat_replay_again(ngx_http_chat_replay_t *replay)
{
    ngx_queue_t                  *q;
    ngx_http_chat_replay_room_t  *room;

    if (!replay->dropped) {
        return 0;
    }

    replay->dropped = 0;

    while (!ngx_queue_empty(&replay->finished)) {
        q = ngx_queue_head(&replay->finished);
        room = ngx_queue_data(q, ngx_http_chat_replay_room_t, queue);
        room->more = 1;

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&replay->active, q);
        replay->nactive++;
    }

    return 1;
}


/* what had to wait goes out, then the answer */

static void
ngx_http_chat_replay_done(ngx_http_chat_replay_t *replay, ngx_uint_t failed)
{
    chat_str_t                    id;
    ngx_queue_t                  *q;
    ngx_http_chat_held_t         *held;
    ngx_http_chat_session_t      *s;
    ngx_http_chat_replayed_t      result;
    ngx_http_chat_replay_room_t  *room;

    s = replay->session;

    while (!ngx_queue_empty(&replay->active)) {
        q = ngx_queue_head(&replay->active);
        room = ngx_queue_data(q, ngx_http_chat_replay_room_t, queue);

        ngx_http_chat_redis_cancel(room->op);
        room->op = NULL;

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&replay->finished, q);
    }

    while (!failed && !ngx_queue_empty(&replay->held)) {
        q = ngx_queue_head(&replay->held);
        held = ngx_queue_data(q, ngx_http_chat_held_t, queue);
        id.data = held->room;
        id.len = held->len;
        room = ngx_http_chat_replay_find(replay, id);

        if (held->frame == NULL) {
            ngx_http_chat_held_free(s, held);
            continue;
        }

        if (held->pos == 0 || held->pos > room->pos) {
            ngx_http_chat_session_send(s, held->frame);
            room->pos = ngx_max(room->pos, held->pos);
        }

        ngx_http_chat_held_free(s, held);
    }

    replay->settled = 1;

    for (q = ngx_queue_head(&replay->finished);
         q != ngx_queue_sentinel(&replay->finished);
         q = ngx_queue_next(q))
    {
        room = ngx_queue_data(q, ngx_http_chat_replay_room_t, queue);

        result.last = room->pos;
        result.gap = room->gap;
        result.failed = failed;

        replay->done(s, &replay->ack, &room->id, &result);

        if (s->closed) {
            return;
        }
    }

    if (failed && replay->holds) {
        ngx_http_chat_session_close(s, 1013, "a replay was not possible");
        return;
    }

    ngx_http_chat_replay_settle(replay, 0);

    if (s->cut) {
        ngx_http_chat_relay_try_move(s);
    }
}


/* keeps the positions that are not older than what was heard from the bus */

void
ngx_http_chat_replay_settle(ngx_http_chat_replay_t *replay, uint64_t heard)
{
    ngx_queue_t                  *q, *next;
    ngx_http_chat_replay_room_t  *room;

    for (q = ngx_queue_head(&replay->finished);
         q != ngx_queue_sentinel(&replay->finished);
         q = next)
    {
        next = ngx_queue_next(q);
        room = ngx_queue_data(q, ngx_http_chat_replay_room_t, queue);

        if (!replay->holds || (heard && heard > room->pos)) {
            ngx_http_chat_replay_remove(replay, room);
        }
    }

    if (ngx_queue_empty(&replay->finished)) {
        ngx_http_chat_replay_destroy(replay);
    }
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
