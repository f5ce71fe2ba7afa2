/*
 * All replays of a session, and the live messages that wait for them: see the
 * header.
 */

#include "ngx_http_chat_replay_int.h"


void
ngx_http_chat_replays_pump(ngx_http_chat_session_t *s)
{
    ngx_queue_t             *q, *next;
    ngx_http_chat_replay_t  *replay;

    for (q = ngx_queue_head(&s->replays);
         q != ngx_queue_sentinel(&s->replays);
         q = next)
    {
        next = ngx_queue_next(q);
        replay = ngx_queue_data(q, ngx_http_chat_replay_t, queue);

        if (!replay->settled) {
            ngx_http_chat_replay_pump(replay);
        }

        if (s->closed) {
            return;
        }
    }
}


void
ngx_http_chat_replays_heard(ngx_http_chat_session_t *s)
{
    ngx_queue_t             *q, *next;
    ngx_http_chat_hub_t     *hub;
    ngx_http_chat_replay_t  *replay;

    hub = s->hub;

    if (hub->missed || hub->catching_up || s->opening) {
        return;
    }

    for (q = ngx_queue_head(&s->replays);
         q != ngx_queue_sentinel(&s->replays);
         q = next)
    {
        next = ngx_queue_next(q);
        replay = ngx_queue_data(q, ngx_http_chat_replay_t, queue);

        if (replay->settled) {
            ngx_http_chat_replay_settle(replay, hub->heard);
        }
    }
}


/* 1 if there is room for one more: what only remembers positions goes */

ngx_uint_t
ngx_http_chat_replays_trim(ngx_http_chat_session_t *s)
{
    ngx_queue_t             *q, *next;
    ngx_http_chat_replay_t  *replay;

    for (q = ngx_queue_head(&s->replays);
         q != ngx_queue_sentinel(&s->replays);
         q = next)
    {
        next = ngx_queue_next(q);
        replay = ngx_queue_data(q, ngx_http_chat_replay_t, queue);

        if (replay->settled) {
            ngx_http_chat_replay_destroy(replay);
        }
    }

    return s->nreplays < NGX_HTTP_CHAT_MAX_REPLAYS;
}


ngx_uint_t
ngx_http_chat_replays_done(ngx_http_chat_session_t *s)
{
    ngx_queue_t             *q;
    ngx_http_chat_replay_t  *replay;

    for (q = ngx_queue_head(&s->replays);
         q != ngx_queue_sentinel(&s->replays);
         q = ngx_queue_next(q))
    {
        replay = ngx_queue_data(q, ngx_http_chat_replay_t, queue);

        if (!replay->settled) {
            return 0;
        }
    }

    return 1;
}


uint64_t
ngx_http_chat_replays_position(ngx_http_chat_session_t *s, chat_str_t id)
{
    ngx_http_chat_replay_room_t  *room;

    room = ngx_http_chat_replays_settled(s, id);

    return room ? room->pos : 0;
}


ngx_http_chat_replay_room_t *
ngx_http_chat_replays_settled(ngx_http_chat_session_t *s, chat_str_t id)
{
    ngx_queue_t                  *q;
    ngx_http_chat_replay_t       *replay;
    ngx_http_chat_replay_room_t  *room;

    for (q = ngx_queue_head(&s->replays);
         q != ngx_queue_sentinel(&s->replays);
         q = ngx_queue_next(q))
    {
        replay = ngx_queue_data(q, ngx_http_chat_replay_t, queue);
        room = replay->settled ? ngx_http_chat_replay_find(replay, id) : NULL;

        if (room) {
            return room;
        }
    }

    return NULL;
}


void
ngx_http_chat_replays_visit(ngx_http_chat_session_t *s,
    void (*visit)(ngx_http_chat_session_t *s, chat_room_t *room,
                  uint64_t pos))
{
    ngx_queue_t                  *q, *p;
    ngx_http_chat_replay_t       *replay;
    ngx_http_chat_replay_room_t  *room;

    for (q = ngx_queue_head(&s->replays);
         q != ngx_queue_sentinel(&s->replays);
         q = ngx_queue_next(q))
    {
        replay = ngx_queue_data(q, ngx_http_chat_replay_t, queue);

        for (p = ngx_queue_head(&replay->finished);
             replay->settled && p != ngx_queue_sentinel(&replay->finished);
             p = ngx_queue_next(p))
        {
            room = ngx_queue_data(p, ngx_http_chat_replay_room_t, queue);
            visit(s, &room->id, room->pos);
        }
    }
}


void
ngx_http_chat_replays_cancel(ngx_http_chat_session_t *s)
{
    ngx_queue_t  *q;

    while (!ngx_queue_empty(&s->replays)) {
        q = ngx_queue_head(&s->replays);
        ngx_http_chat_replay_destroy(ngx_queue_data(q, ngx_http_chat_replay_t,
                                                    queue));
    }
}


ngx_int_t
ngx_http_chat_replays_hold(ngx_http_chat_session_t *s, chat_str_t id,
    ngx_http_chat_frame_t *frame, uint64_t pos)
{
    ngx_queue_t                  *q, *next;
    ngx_http_chat_replay_t       *replay;
    ngx_http_chat_replay_room_t  *room;

    for (q = ngx_queue_head(&s->replays);
         q != ngx_queue_sentinel(&s->replays);
         q = next)
    {
        next = ngx_queue_next(q);
        replay = ngx_queue_data(q, ngx_http_chat_replay_t, queue);
        room = ngx_http_chat_replay_find(replay, id);

        if (room == NULL || (!replay->settled && !replay->holds)) {
            continue;
        }

        if (pos && pos <= room->pos) {
            return NGX_DONE;
        }

        if (!replay->settled) {

            if (!replay->dropped
                && (s->held + frame->len > s->conf->send_queue / 2
                    || ngx_http_chat_held_push(s, &replay->held, id, frame,
                                               pos)
                       != NGX_OK))
            {
                ngx_http_chat_held_clear(s, &replay->held);
                replay->dropped = 1;
            }

            return NGX_DONE;
        }

        if (s->opening) {

            /* this room is no longer held back: see join.c */

            room->pos = ngx_max(room->pos, pos);

        } else if (pos) {
            ngx_http_chat_replay_remove(replay, room);

            if (ngx_queue_empty(&replay->finished)) {
                ngx_http_chat_replay_destroy(replay);
            }
        }

        return NGX_OK;
    }

    return NGX_DECLINED;
}


ngx_http_chat_replay_room_t *
ngx_http_chat_replay_find(ngx_http_chat_replay_t *replay, chat_str_t id)
{
    ngx_uint_t                    i;
    ngx_queue_t                  *q, *list[2];
    ngx_http_chat_replay_room_t  *room;

    list[0] = &replay->active;
    list[1] = &replay->finished;

    for (i = 0; i < 2; i++) {
        for (q = ngx_queue_head(list[i]);
             q != ngx_queue_sentinel(list[i]);
             q = ngx_queue_next(q))
        {
            room = ngx_queue_data(q, ngx_http_chat_replay_room_t, queue);

            if (chat_str_eq(room->id.id, id)) {
                return room;
            }
        }
    }

    return NULL;
}


ngx_int_t
ngx_http_chat_held_push(ngx_http_chat_session_t *s, ngx_queue_t *queue,
    chat_str_t room, ngx_http_chat_frame_t *frame, uint64_t pos)
{
    ngx_http_chat_held_t  *held;

    held = ngx_alloc(sizeof(ngx_http_chat_held_t), ngx_http_chat_worker->log);
    if (held == NULL) {
        return NGX_ERROR;
    }

    if (frame) {
        s->held += frame->len;
        frame->refs++;
    }

    held->frame = frame;
    held->pos = pos;
    held->len = room.len;
    ngx_memcpy(held->room, room.data, room.len);

    ngx_queue_insert_tail(queue, &held->queue);

    return NGX_OK;
}


void
ngx_http_chat_held_free(ngx_http_chat_session_t *s, ngx_http_chat_held_t *held)
{
    ngx_queue_remove(&held->queue);

    if (held->frame) {
        s->held -= held->frame->len;
        ngx_http_chat_frame_unref(held->frame);
    }

    ngx_free(held);
}


void
ngx_http_chat_held_clear(ngx_http_chat_session_t *s, ngx_queue_t *queue)
{
    ngx_queue_t  *q;

    while (!ngx_queue_empty(queue)) {
        q = ngx_queue_head(queue);
        ngx_http_chat_held_free(s, ngx_queue_data(q, ngx_http_chat_held_t,
                                                  queue));
    }
}
