/*
 * Event streams (the HTML standard, "Server-sent events").
 *
 * /events is a session without a socket: it gets what the user's sockets get,
 * and resumes by Last-Event-ID.  /stream is a session that gets heartbeats only
 * (see contract.md).  The request stays nginx's; what is written to it goes
 * through one buffer of a fixed size.
 */

#ifndef NGX_HTTP_CHAT_SSE_H
#define NGX_HTTP_CHAT_SSE_H

#include "ngx_http_chat_hub.h"


/* writes as much as the client takes */
void ngx_http_chat_sse_write(ngx_http_chat_session_t *s);

/*
 * Something was missed, and rooms are read from the history one by one: streams
 * of events end.  They know one position for all their rooms, and resume from
 * it in the order of all.
 */
void ngx_http_chat_streams_end(ngx_http_chat_hub_t *hub);

/* ends the response; from ngx_http_chat_session_close() */
void ngx_http_chat_sse_close(ngx_http_chat_session_t *s);


#endif /* NGX_HTTP_CHAT_SSE_H */
