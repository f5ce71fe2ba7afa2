/*
 * The event "room.join", and the moments before a client can have sent one.
 *
 * A client that resumes says where it left off as soon as it is connected, but
 * its user's rooms are live at once.  So for OPENING_WAIT ms, or until the
 * client shows that it does not resume (by any other event, or by joining
 * without a position), messages to a new socket are held; a join with a
 * position takes those of its room over, behind what it replays.
 */

#include "ngx_http_chat_replay.h"
#include "ngx_http_chat_relay.h"


#define NGX_HTTP_CHAT_OPENING_WAIT   500          /* ms */


static void ngx_http_chat_opening_handler(ngx_http_chat_timer_t *timer);
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
}


void
ngx_http_chat_opening_wait(ngx_http_chat_session_t *s)
{
    ngx_http_chat_timer_set(&ngx_http_chat_worker->wheel, &s->connect,
                            NGX_HTTP_CHAT_OPENING_WAIT,
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

    while (!ngx_queue_empty(&s->held_back)) {
        held = ngx_queue_data(ngx_queue_head(&s->held_back),
                              ngx_http_chat_held_t, queue);

        ngx_http_chat_session_send(s, held->frame);
        ngx_http_chat_held_free(s, held);
    }
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

    if (s->held + frame->len > s->conf->send_queue / 2
        || ngx_http_chat_held_push(s, &s->held_back, room->id.id, frame, pos)
           != NGX_OK)
    {
        if (s->arriving) {
            ngx_http_chat_session_overflow(s);
            return 1;
        }

        ngx_http_chat_opening_end(s);
        return 0;
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
        != NGX_OK)
    {
        ngx_http_chat_socket_ack_error(s, ack,
                                       "The chat is not available right now",
                                       NGX_HTTP_CHAT_NO_RETRY_FIELD);
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

        packet.data = held->frame->text;
        packet.len = held->frame->len;
        room.data = held->room;
        room.len = held->len;

        ngx_http_chat_relay_held(s, room, held->pos, &packet);
        ngx_http_chat_held_free(s, held);
    }
}
