/*
 * What is inside of a replay, for the two files that deal with it.
 */

#ifndef NGX_HTTP_CHAT_REPLAY_INT_H
#define NGX_HTTP_CHAT_REPLAY_INT_H

#include "ngx_http_chat_replay.h"


typedef struct {
    ngx_queue_t                   queue;          /* active, or finished */
    ngx_http_chat_replay_t       *replay;
    ngx_http_chat_op_t           *op;
    chat_room_t                   id;
    u_char                        data[CHAT_ROOM_ID_MAX];
    uint64_t                      from;           /* this page is behind it */
    uint64_t                      pos;            /* read up to here */
    ngx_uint_t                    size;           /* of the page */
    ngx_queue_t                   read;           /* of held_t */
    unsigned                      more:1;
    unsigned                      gap:1;
} ngx_http_chat_replay_room_t;


struct ngx_http_chat_replay_s {
    ngx_queue_t                   queue;          /* s->replays */
    ngx_http_chat_session_t      *session;
    ngx_http_chat_ack_t           ack;
    ngx_http_chat_replayed_pt     done;
    uint64_t                      after;
    ngx_queue_t                   active;
    ngx_uint_t                    nactive;
    ngx_queue_t                   finished;
    ngx_queue_t                   held;
    unsigned                      holds:1;        /* live messages */
    unsigned                      dropped:1;      /* some that it held */
    unsigned                      settled:1;
};


/* NULL: the room is not one of its rooms */
ngx_http_chat_replay_room_t *ngx_http_chat_replay_find(
    ngx_http_chat_replay_t *replay, chat_str_t id);

void ngx_http_chat_replay_remove(ngx_http_chat_replay_t *replay,
    ngx_http_chat_replay_room_t *room);

/* sends what can be sent by now */
void ngx_http_chat_replay_pump(ngx_http_chat_replay_t *replay);

/* keeps the positions that are not older than what was heard from the bus */
void ngx_http_chat_replay_settle(ngx_http_chat_replay_t *replay,
    uint64_t heard);

/* the room in one that has settled, or NULL */
ngx_http_chat_replay_room_t *ngx_http_chat_replays_settled(
    ngx_http_chat_session_t *s, chat_str_t id);

/* 1 if there is room for one more: what only remembers positions goes */
ngx_uint_t ngx_http_chat_replays_trim(ngx_http_chat_session_t *s);


#endif /* NGX_HTTP_CHAT_REPLAY_INT_H */
