/*
 * What a client has missed: the history of some rooms behind a position, sent
 * as message events in the order of their positions, before anything live.
 *
 *   created -> reading -> done -> settled -> gone
 *
 * While it reads, live messages of its rooms are held; those that it has read
 * as well are dropped by their position, so that there is neither a gap nor a
 * double at the seam.  If more is held than fits, it is dropped, and read from
 * the history in its turn.  A client that reads slowly makes the replay wait.
 *
 * The history may have been ahead of the bus: what has been replayed can still
 * come from there, or be read again after an outage of the bus.  So a replay
 * stays, settled, for the positions of its rooms, until something newer has
 * come, or the bus is known to be past them.
 *
 * A replay that fails closes the session, so that the client resumes from where
 * it is: with a hole behind it nothing newer may reach it.
 *
 * A replay belongs to its session and goes with it.
 */

#ifndef NGX_HTTP_CHAT_REPLAY_H
#define NGX_HTTP_CHAT_REPLAY_H

#include "ngx_http_chat_socket.h"


/* a message that waits, or one that has been read */

typedef struct {
    ngx_queue_t                   queue;
    ngx_http_chat_frame_t        *frame;          /* NULL: this one and what
                                                     came behind it is to be
                                                     read from the history */
    uint64_t                      pos;            /* 0: not known */
    size_t                        len;
    u_char                        room[CHAT_ROOM_ID_MAX];
} ngx_http_chat_held_t;


typedef struct ngx_http_chat_replay_s  ngx_http_chat_replay_t;


/*
 * last: the newest position read (where it began, if there was none); gap 1 if
 * some messages in between are no longer kept; failed 1 if Redis did not answer
 */
typedef struct {
    uint64_t                      last;
    unsigned                      gap:1;
    unsigned                      failed:1;
} ngx_http_chat_replayed_t;

/* called for each of the rooms; it may close the session */
typedef void (*ngx_http_chat_replayed_pt)(ngx_http_chat_session_t *s,
    ngx_http_chat_ack_t *ack, chat_room_t *room,
    ngx_http_chat_replayed_t *result);


/* NULL: no memory, or too many at once */
ngx_http_chat_replay_t *ngx_http_chat_replay_create(
    ngx_http_chat_session_t *s, ngx_http_chat_ack_t *ack,
    ngx_http_chat_replayed_pt done);
void ngx_http_chat_replay_destroy(ngx_http_chat_replay_t *replay);

ngx_int_t ngx_http_chat_replay_add(ngx_http_chat_replay_t *replay,
    chat_room_t *room);

/*
 * Begins behind pos, and takes the place of what has settled in its rooms.
 * Their live messages that wait in held, which came before, are taken over.
 * NGX_ERROR: Redis is away, and done won't be called.
 */
ngx_int_t ngx_http_chat_replay_start(ngx_http_chat_replay_t *replay,
    uint64_t pos, ngx_queue_t *held);

/* only asks for the newest position of its room; nothing is sent or held */
ngx_int_t ngx_http_chat_replay_last(ngx_http_chat_replay_t *replay);

/* one that is settled: what comes of a room up to pos has been sent before */
ngx_int_t ngx_http_chat_replay_settled(ngx_http_chat_session_t *s,
    chat_room_t *room, uint64_t pos);


/* of all of a session's: */

/* goes on with what waited for the client to read */
void ngx_http_chat_replays_pump(ngx_http_chat_session_t *s);

/* 1 if all have settled */
ngx_uint_t ngx_http_chat_replays_done(ngx_http_chat_session_t *s);

/* the bus may have passed some positions: those are forgotten */
void ngx_http_chat_replays_heard(ngx_http_chat_session_t *s);

/* up to where a room has been replayed, 0: not at all, or not settled */
uint64_t ngx_http_chat_replays_position(ngx_http_chat_session_t *s,
    chat_str_t room);

/* calls visit for each room that has settled at a position */
void ngx_http_chat_replays_visit(ngx_http_chat_session_t *s,
    void (*visit)(ngx_http_chat_session_t *s, chat_room_t *room,
                  uint64_t pos));

void ngx_http_chat_replays_cancel(ngx_http_chat_session_t *s);

/*
 * A live message: NGX_OK, it may go out; NGX_DECLINED, no replay has to do with
 * it; NGX_DONE, it was sent before, or is held
 */
ngx_int_t ngx_http_chat_replays_hold(ngx_http_chat_session_t *s,
    chat_str_t room, ngx_http_chat_frame_t *frame, uint64_t pos);


/* held messages, which count in s->held */
ngx_int_t ngx_http_chat_held_push(ngx_http_chat_session_t *s,
    ngx_queue_t *held, chat_str_t room, ngx_http_chat_frame_t *frame,
    uint64_t pos);
void ngx_http_chat_held_free(ngx_http_chat_session_t *s,
    ngx_http_chat_held_t *held);
void ngx_http_chat_held_clear(ngx_http_chat_session_t *s, ngx_queue_t *held);


#endif /* NGX_HTTP_CHAT_REPLAY_H */
