/*
 * The event "room.join", and the moments before a client can have sent one.
 *
 * A client that resumes says where it left off as soon as it is connected, but
 * its user's rooms are live at once.  So for OPENING_WAIT ms, or until the
 * client shows that it does not resume, by joining without a position, messages
 * to a new socket are held; a join with a position takes those of its room
 * over, behind what it replays.  When they become too many, only where each
 * room's begin is remembered, and they are read from the history.
 *
 * A client that polls joins by a request of its own, which may come over
 * another worker, and wait there until that one has found Redis again.
 */

#include "ngx_http_chat_replay.h"
#include "ngx_http_chat_relay.h"


#define NGX_HTTP_CHAT_OPENING_WAIT   1000         /* ms */
#define NGX_HTTP_CHAT_OPENING_POLLS  2500


static void ngx_http_chat_opening_handler(ngx_http_chat_timer_t *timer);
static void ngx_http_chat_opening_squeeze(ngx_http_chat_session_t *s);
static ngx_uint_t ngx_http_chat_opening_squeezed(ngx_http_chat_session_t *s,
    chat_str_t room);
static void ngx_http_chat_opening_read(ngx_http_chat_session_t *s,
    ngx_http_chat_held_t *held);
static void ngx_http_chat_opening_replayed(ngx_http_chat_session_t *s,
    ngx_http_chat_ack_t *ack, chat_room_t *room,
    ngx_http_chat_replayed_t *result);
static ngx_int_t ngx_http_chat_join_start(ngx_http_chat_session_t *s,
    chat_room_t *room, uint64_t *after, ngx_http_chat_ack_t *ack);
static void ngx_http_chat_join_replayed(ngx_http_chat_session_t *s,
    ngx_http_chat_ack_t *ack, chat_room_t *room,
    ngx_http_chat_replayed_t *result);


void
ngx_http_chat_opening_begin(ngx_http_chat_session_t *s)
{
    ngx_queue_init(&s->held_back);
    s->opening = 1;
    s->squeezed = 0;
}


void
ngx_http_chat_opening_wait(ngx_http_chat_session_t *s)
{
    ngx_http_chat_timer_set(&ngx_http_chat_worker->wheel, &s->connect,
                            s->transport == NGX_HTTP_CHAT_POLLING
                                ? NGX_HTTP_CHAT_OPENING_POLLS
                                : NGX_HTTP_CHAT_OPENING_WAIT,
                            ngx_http_chat_opening_handler);
}


static void
ngx_http_chat_opening_handler(ngx_http_chat_timer_t *timer)
{
    ngx_http_chat_opening_end((ngx_http_chat_session_t *)
                                  ((u_char *) timer
                                   - offsetof(ngx_http_chat_session_t,
                                              connect)));
}


void
ngx_http_chat_opening_end(ngx_http_chat_session_t *s)
{
    ngx_http_chat_held_t  *held;

    if (!s->opening) {
        return;
    }

    s->opening = 0;
    ngx_http_chat_timer_del(&ngx_http_chat_worker->wheel, &s->connect);

    if (s->squeezed) {

        /* again, as what came over from an old owner may have been */

        ngx_http_chat_opening_squeeze(s);
    }

    while (!ngx_queue_empty(&s->held_back)) {
        held = ngx_queue_data(ngx_queue_head(&s->held_back),
                              ngx_http_chat_held_t, queue);

        if (held->frame) {
            ngx_http_chat_session_send(s, held->frame);

        } else {
            ngx_http_chat_opening_read(s, held);
        }

        ngx_http_chat_held_free(s, held);
    }
}


/*
 * What came from the old owner says that some rooms are joined already: what is
 * held of those goes on
 */

void
ngx_http_chat_opening_joined(ngx_http_chat_session_t *s)
{
    uint64_t               pos;
    chat_str_t             room;
    ngx_queue_t           *q, *next;
    ngx_http_chat_held_t  *held;

    for (q = ngx_queue_head(&s->held_back);
         s->opening && q != ngx_queue_sentinel(&s->held_back);
         q = next)
    {
        next = ngx_queue_next(q);
        held = ngx_queue_data(q, ngx_http_chat_held_t, queue);
        room.data = held->room;
        room.len = held->len;

        if (held->frame == NULL) {
            pos = ngx_http_chat_replays_position(s, room);

            if (pos) {
                held->pos = ngx_max(held->pos, pos + 1);
                ngx_http_chat_opening_read(s, held);
                ngx_http_chat_held_free(s, held);
            }

            continue;
        }

        switch (ngx_http_chat_replays_hold(s, room, held->frame, held->pos)) {

        case NGX_OK:
            ngx_http_chat_session_send(s, held->frame);

            /* fall through */

        case NGX_DONE:
            ngx_http_chat_held_free(s, held);
        }
    }
}


/* from the first message of a room that is no longer held */

static void
ngx_http_chat_opening_read(ngx_http_chat_session_t *s,
    ngx_http_chat_held_t *held)
{
    chat_room_t              room;
    ngx_queue_t              none;
    ngx_http_chat_replay_t  *replay;

    (void) chat_room_parse((chat_str_t) { held->len, held->room }, &room);
    ngx_queue_init(&none);

    replay = ngx_http_chat_replay_create(s, NULL,
                                         ngx_http_chat_opening_replayed);

    if (replay == NULL
        || ngx_http_chat_replay_add(replay, &room) != NGX_OK
        || ngx_http_chat_replay_start(replay, held->pos - 1, &none) != NGX_OK)
    {
        ngx_http_chat_session_overflow(s);
    }
}


static void
ngx_http_chat_opening_replayed(ngx_http_chat_session_t *s,
    ngx_http_chat_ack_t *ack, chat_room_t *room,
    ngx_http_chat_replayed_t *result)
{
    /* nobody asked for it */
}


/* messages with a position are let go, but for where each room's begin */

static void
ngx_http_chat_opening_squeeze(ngx_http_chat_session_t *s)
{
    chat_str_t             room;
    ngx_queue_t           *q, *next, all;
    ngx_http_chat_held_t  *held;

    ngx_queue_init(&all);

    while (!ngx_queue_empty(&s->held_back)) {
        q = ngx_queue_head(&s->held_back);
        ngx_queue_remove(q);
        ngx_queue_insert_tail(&all, q);
    }

    for (q = ngx_queue_head(&all); q != ngx_queue_sentinel(&all); q = next) {
        next = ngx_queue_next(q);
        held = ngx_queue_data(q, ngx_http_chat_held_t, queue);
        room.data = held->room;
        room.len = held->len;

        if (held->pos && ngx_http_chat_opening_squeezed(s, room)) {
            ngx_http_chat_held_free(s, held);
            continue;
        }

        if (held->pos && held->frame) {
            s->held -= held->frame->len;
            ngx_http_chat_frame_unref(held->frame);
            held->frame = NULL;
        }

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&s->held_back, q);
    }
}


static ngx_uint_t
ngx_http_chat_opening_squeezed(ngx_http_chat_session_t *s, chat_str_t room)
{
    ngx_queue_t           *q;
    ngx_http_chat_held_t  *held;

    for (q = ngx_queue_head(&s->held_back);
         q != ngx_queue_sentinel(&s->held_back);
         q = ngx_queue_next(q))
    {
        held = ngx_queue_data(q, ngx_http_chat_held_t, queue);

        /* it takes the queue's end for an element:
           NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult) */
        if (held->frame == NULL
            && chat_str_eq((chat_str_t) { held->len, held->room }, room))
        {
            return 1;
        }
    }

    return 0;
}


void
ngx_http_chat_opening_cancel(ngx_http_chat_session_t *s)
{
    if (s->opening) {
        s->opening = 0;
        ngx_http_chat_held_clear(s, &s->held_back);
    }
}


ngx_uint_t
ngx_http_chat_socket_hold(ngx_http_chat_session_t *s,
    ngx_http_chat_room_t *room, ngx_http_chat_frame_t *frame, uint64_t pos)
{
    ngx_int_t  rc;

    rc = ngx_http_chat_replays_hold(s, room->id.id, frame, pos);

    if (rc != NGX_DECLINED || !s->opening) {
        return rc == NGX_DONE;
    }

    if (s->held + frame->len > s->conf->send_queue / 2 && !s->squeezed) {
        s->squeezed = 1;
        ngx_http_chat_opening_squeeze(s);
    }

    if (s->squeezed && pos) {

        /* only the first of a room */

        if (ngx_http_chat_opening_squeezed(s, room->id.id)) {
            return 1;
        }

        frame = NULL;
    }

    if (ngx_http_chat_held_push(s, &s->held_back, room->id.id, frame, pos)
        != NGX_OK)
    {
        ngx_http_chat_session_overflow(s);
    }

    return 1;
}


void
ngx_http_chat_on_join(ngx_http_chat_session_t *s, chat_json_t *id,
    chat_json_t *options, ngx_http_chat_ack_t *ack)
{
    u_char       room_data[NGX_HTTP_CHAT_ROOM_BUF];
    uint64_t     pos;
    ngx_uint_t   resumes;
    chat_room_t  room;
    chat_str_t   text;
    chat_json_t  after;

    resumes = (options->type == CHAT_JSON_OBJECT
               && chat_json_get(options, "after", &after));

    if (!resumes) {
        ngx_http_chat_opening_end(s);
    }

    if (ngx_http_chat_room_of(id, room_data, &room) != NGX_OK
        || !ngx_http_chat_hub_is_member(s, &room))
    {
        ngx_http_chat_socket_ack_error(s, ack, "You are not in that room",
                                       NGX_HTTP_CHAT_NO_RETRY_FIELD);
        return;
    }

    if (resumes) {
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
    }

    if (ngx_http_chat_join_start(s, &room, resumes ? &pos : NULL, ack)
        == NGX_OK)
    {
        return;
    }

    ngx_http_chat_socket_ack_error(s, ack,
                                   "The chat is not available right now",
                                   NGX_HTTP_CHAT_NO_RETRY_FIELD);

    if (resumes) {

        /* as for a replay that fails */

        ngx_http_chat_session_close(s, 1013, "a replay is not possible");
    }
}


static ngx_int_t
ngx_http_chat_join_start(ngx_http_chat_session_t *s, chat_room_t *room,
    uint64_t *after, ngx_http_chat_ack_t *ack)
{
    ngx_int_t                rc;
    ngx_http_chat_replay_t  *replay;

    replay = ngx_http_chat_replay_create(s, ack, ngx_http_chat_join_replayed);
    if (replay == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_http_chat_replay_add(replay, room);

    if (rc == NGX_OK) {
        rc = after ? ngx_http_chat_replay_start(replay, *after, &s->held_back)
                   : ngx_http_chat_replay_last(replay);
    }

    if (rc != NGX_OK) {
        ngx_http_chat_replay_destroy(replay);
    }

    return rc;
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


/* the session moves: what is held goes over to the new owner's hold */

void
ngx_http_chat_opening_move(ngx_http_chat_session_t *s)
{
    ngx_str_t              packet;
    chat_str_t             room;
    ngx_http_chat_held_t  *held;

    while (s->opening && !ngx_queue_empty(&s->held_back)) {
        held = ngx_queue_data(ngx_queue_head(&s->held_back),
                              ngx_http_chat_held_t, queue);

        ngx_str_null(&packet);

        if (held->frame) {
            packet.data = held->frame->text;
            packet.len = held->frame->len;
        }

        room.data = held->room;
        room.len = held->len;

        ngx_http_chat_relay_held(s, room, held->pos, &packet);
        ngx_http_chat_held_free(s, held);
    }
}
