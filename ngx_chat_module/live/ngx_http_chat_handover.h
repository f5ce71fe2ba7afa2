/*
 * What becomes of WebSocket connections when nginx reloads: a worker that goes
 * hands each to a new worker, with its session, and the client does not notice.
 *
 *      old worker                                    new worker
 *      a socket and its state  --- by a link --->    a session that arrives
 *                              <-- ready --------
 *      cut                     === by the bus ==>    open
 *      read, held, state       === by the bus ==>    goes on
 *
 * The second half is that of a session that moves: ngx_http_chat_move.c has how
 * nothing is lost, doubled or reordered.  Until "state" the connection is the
 * old worker's, nobody reads from it or writes to it, and if anything fails,
 * the old worker goes on with it and ends it as if there was no new worker.
 *
 * It is for connections without TLS, whose state is all ours, and for those
 * with a location in the new configuration that they might have been opened in
 * (conf->key).
 */

#ifndef NGX_HTTP_CHAT_HANDOVER_H
#define NGX_HTTP_CHAT_HANDOVER_H

#include "ngx_http_chat_hub.h"


/* per worker; without memory, or a socket, there is just no handover */
void ngx_http_chat_handover_create(void);
void ngx_http_chat_handover_destroy(void);

/* the worker goes: looks for new ones, and hands over what it can */
void ngx_http_chat_handover_begin(void);

/* 1 if the session need not be ended yet */
ngx_uint_t ngx_http_chat_handover_wants(ngx_http_chat_session_t *s);

/*
 * A session that is being handed over (s->handing): it has gone, and the
 * connection here with it; it stays, and has its connection back
 */
void ngx_http_chat_handover_done(ngx_http_chat_session_t *s);
void ngx_http_chat_handover_undo(ngx_http_chat_session_t *s);

/* Redis is there: other workers may hand over to this one */
void ngx_http_chat_takeover_resume(void);


#endif /* NGX_HTTP_CHAT_HANDOVER_H */
