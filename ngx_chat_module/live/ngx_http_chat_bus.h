/*
 * What the two halves of the bus share: envelopes and the events of users in
 * ngx_http_chat_bus.c, messages in ngx_http_chat_bus_room.c.
 */

#ifndef NGX_HTTP_CHAT_BUS_H
#define NGX_HTTP_CHAT_BUS_H

#include "ngx_http_chat_hub.h"


/* scores from here on (the year 2242) are no positions: see script append */
#define NGX_HTTP_CHAT_POS_END       (8589934592ULL * 1000000)


typedef struct {
    ngx_str_t                     json;           /* as clients get it */
    chat_str_t                    from;
    chat_json_t                   nonce;          /* type NONE: none */
    uint64_t                      pos;
    uint64_t                      prev;
    unsigned                      ours:1;         /* has a position before it */
    unsigned                      deleted:1;      /* one that has been, without
                                                     pos */
} ngx_http_chat_post_t;


/* a message; own: the envelope has our server id */
void ngx_http_chat_bus_on_message(ngx_http_chat_hub_t *hub, chat_json_t *data,
    ngx_uint_t own, ngx_pool_t *pool);

/* a message is no longer there */
void ngx_http_chat_bus_on_deleted(ngx_http_chat_hub_t *hub, chat_json_t *data,
    ngx_pool_t *pool);

/* to everybody here who may see it */
void ngx_http_chat_bus_deliver(ngx_http_chat_room_t *room,
    ngx_http_chat_post_t *post, ngx_pool_t *pool);

/* 1 if the room has anybody here */
ngx_uint_t ngx_http_chat_bus_is_live(ngx_http_chat_hub_t *hub,
    chat_room_t *room);

/* 1 if somebody has been here ever since the last message came */
ngx_uint_t ngx_http_chat_bus_followed(ngx_http_chat_room_t *room);

/* reads what is missing behind room->last */
void ngx_http_chat_bus_repair(ngx_http_chat_room_t *room);

/* one of the links is back: goes on if both are */
void ngx_http_chat_hub_resume(ngx_http_chat_hub_t *hub);

/* if the bus was cut and is back: fills the holes of all rooms */
void ngx_http_chat_bus_retry(ngx_http_chat_hub_t *hub);

/* decodes a string value; NGX_DECLINED if it is none */
ngx_int_t ngx_http_chat_bus_string(chat_json_t *value, ngx_pool_t *pool,
    ngx_str_t *str);

/* something came that is not understood */
void ngx_http_chat_bus_dropped(const char *what);


#endif /* NGX_HTTP_CHAT_BUS_H */
