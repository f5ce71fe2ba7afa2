/*
 * Socket.IO's side of a session (socket.io-protocol, revision 5): connecting,
 * events in, acknowledgements out.  room.join and message have files of their
 * own.
 */

#ifndef NGX_HTTP_CHAT_SOCKET_H
#define NGX_HTTP_CHAT_SOCKET_H

#include "ngx_http_chat_hub.h"


/* an ack id, digit for digit as it came; len 0: none was asked for */
typedef struct {
    size_t                        len;
    u_char                        data[CHAT_SIO_MAX_ACK];
} ngx_http_chat_ack_t;


/* acknowledges with one JSON value made of n pieces; nothing if none was asked
   for */
void ngx_http_chat_socket_ack(ngx_http_chat_session_t *s,
    ngx_http_chat_ack_t *ack, ngx_uint_t n, const ngx_str_t *pieces);

/* {"error":text} or {"error":text,"retry":...}; text is constant, and plain */
void ngx_http_chat_socket_ack_error(ngx_http_chat_session_t *s,
    ngx_http_chat_ack_t *ack, const char *text, ngx_int_t retry);

#define NGX_HTTP_CHAT_NO_RETRY_FIELD  (-1)


/* events; payload is the first argument (type NONE: there is none) */

void ngx_http_chat_on_message(ngx_http_chat_session_t *s,
    chat_json_t *payload, ngx_http_chat_ack_t *ack);
void ngx_http_chat_on_join(ngx_http_chat_session_t *s, chat_json_t *room,
    chat_json_t *options, ngx_http_chat_ack_t *ack);

/* the session closes: its messages still get into Redis, and are acked where
   it has moved to */
void ngx_http_chat_sends_orphan(ngx_http_chat_session_t *s);

/*
 * A new socket holds live messages for a moment: until _end, which sends them,
 * or for the time that _wait begins, or until the session moves (_move: they
 * go over) or closes (_cancel)
 */
void ngx_http_chat_opening_begin(ngx_http_chat_session_t *s);
void ngx_http_chat_opening_wait(ngx_http_chat_session_t *s);
void ngx_http_chat_opening_end(ngx_http_chat_session_t *s);
void ngx_http_chat_opening_joined(ngx_http_chat_session_t *s);
void ngx_http_chat_opening_move(ngx_http_chat_session_t *s);
void ngx_http_chat_opening_cancel(ngx_http_chat_session_t *s);


/* a room id in a payload: a string, or a number as some clients send it; out
   has room for NGX_HTTP_CHAT_ROOM_BUF bytes (an id with its quotes) */
#define NGX_HTTP_CHAT_ROOM_BUF  (CHAT_ROOM_ID_MAX + 2)

ngx_int_t ngx_http_chat_room_of(chat_json_t *value, u_char *out,
    chat_room_t *room);


#endif /* NGX_HTTP_CHAT_SOCKET_H */
