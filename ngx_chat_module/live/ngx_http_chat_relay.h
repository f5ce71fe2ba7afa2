/*
 * Worker to worker: requests for sessions of other workers, and sessions that
 * move because their WebSocket came to another worker.
 *
 * Everything goes over Redis channels, one a worker ("chat:worker:{id}") and
 * one for all ("chat:workers").  A message is a line of words separated by one
 * space, then a line feed, then the body (any bytes):
 *
 *     get ID FROM SID HASH          a GET; HASH is the session token's, or "-"
 *     post ID FROM SID HASH         a POST, body: the payload
 *     begin SID                     a POST has begun, its body is still coming
 *     end SID                       it is complete, or will never be
 *     abort ID FROM SID             the client of a get has gone
 *     release ID FROM SID           end a get: its worker is going
 *     reply ID STATUS TYPE          the answer to it, body: the answer's
 *     probe ID FROM SID HASH        may a WebSocket upgrade this session?
 *     noop SID                      it answered the probe: end the waiting GET
 *     unprobe SID                   it went away before the upgrade
 *     move FROM SID                 it is upgraded: send the session to FROM
 *     gone SID                      there is none to send, or no more
 *     cut SID WORKER                (to itself) here ends what the old owner
 *     open SID SOCKET USER ROOM...  delivers, and here begins what the new one,
 *                                   WORKER, does: both published in one step;
 *                                   before "open" comes an "alive"; SOCKET
 *                                   "-": not connected; body: the user's name
 *     state SID OPENING [LIFE]      the old owner's queue, body: packets;
 *                                   OPENING "1": it may yet resume; LIFE: for
 *                                   chat_log, see life.h
 *     packet SID                    an ack that came late, body: the packet
 *     revoke HASH                   (to all) the session has been logged out
 *     kick USER                     (to all) close the user's connections
 *     restrict USER                 (to all) what the user may do has changed
 *     who, here                     see census.h
 *     dead WORKER                   (to all) its sessions are gone
 *     back WORKER                   (to all) it was off the bus: ask again
 *     alive TIME                    (to itself, by script lease) a sign of life
 */

#ifndef NGX_HTTP_CHAT_RELAY_H
#define NGX_HTTP_CHAT_RELAY_H

#include "ngx_http_chat_polling.h"


/* a message on one of the worker channels */
void ngx_http_chat_relay_message(ngx_http_chat_hub_t *hub, ngx_str_t *payload);

/* 1 if a sid has our form and names another worker as its owner */
ngx_uint_t ngx_http_chat_relay_foreign(const u_char *sid, size_t len);

/* sends a GET or POST to the owner; the port gets the answer */
void ngx_http_chat_relay_request(ngx_http_chat_port_t *port, const u_char *sid,
    ngx_http_chat_token_t *token);
void ngx_http_chat_relay_abort(ngx_http_chat_port_t *port);
void ngx_http_chat_relay_begin(ngx_http_chat_hub_t *hub, const u_char *sid);
void ngx_http_chat_relay_end(ngx_http_chat_hub_t *hub, const u_char *sid);
void ngx_http_chat_relay_reply(ngx_http_chat_port_t *port, ngx_uint_t status,
    ngx_uint_t type, ngx_str_t *body);

/*
 * The WebSocket's worker: asks the owner, then done(data, ok) is called once.
 * The returned port is to be freed by ngx_http_chat_relay_abort() if data goes
 * away before.
 */
typedef void (*ngx_http_chat_relay_probe_pt)(void *data, ngx_uint_t ok);

ngx_http_chat_port_t *ngx_http_chat_relay_probe(ngx_http_chat_hub_t *hub,
    const u_char *sid, ngx_http_chat_token_t *token,
    ngx_http_chat_relay_probe_pt done, void *data);

void ngx_http_chat_relay_noop(ngx_http_chat_hub_t *hub, const u_char *sid);
void ngx_http_chat_relay_unprobe(ngx_http_chat_hub_t *hub, const u_char *sid);
void ngx_http_chat_relay_move(ngx_http_chat_hub_t *hub, const u_char *sid);

/* to a worker that waits for a session: it won't come */
void ngx_http_chat_relay_gone(ngx_http_chat_hub_t *hub, const u_char *worker,
    ngx_str_t *sid);

/* it is known who it is: now the session may leave */
void ngx_http_chat_relay_looked_up(ngx_http_chat_session_t *s);

/*
 * "cut" and "open", for s->prober: the session leaves.  NGX_ERROR: Redis is
 * away
 */
ngx_int_t ngx_http_chat_relay_leave(ngx_http_chat_session_t *s);

/*
 * The old owner's last act, when nothing is left to wait for: hands its queue
 * over and closes the session
 */
void ngx_http_chat_relay_try_move(ngx_http_chat_session_t *s);

/* a waiting GET that came over another worker gets what is queued; another GET
   has come (1: it was the same again, and is taken care of); the session
   closes; Redis is back */
void ngx_http_chat_deliver(ngx_http_chat_session_t *s);
ngx_uint_t ngx_http_chat_deliver_asked(ngx_http_chat_session_t *s,
    ngx_http_chat_port_t *port);
void ngx_http_chat_deliver_close(ngx_http_chat_session_t *s);
void ngx_http_chat_deliver_resume(ngx_http_chat_hub_t *hub);

/*
 * The bus is back, here (worker NULL) or at that worker: what waits for an
 * answer asks again; tells the others so
 */
void ngx_http_chat_relay_resume(ngx_http_chat_hub_t *hub,
    const u_char *worker);
void ngx_http_chat_relay_back(ngx_http_chat_hub_t *hub);

/* before the last act: a live message that is held, and goes on to be */
void ngx_http_chat_relay_held(ngx_http_chat_session_t *s, chat_str_t room,
    uint64_t pos, ngx_str_t *packet);

/* passes a late packet on to where the session has moved */
void ngx_http_chat_relay_packet(ngx_http_chat_hub_t *hub, const u_char *worker,
    const u_char *sid, ngx_str_t *packet);

/* the worker is going: has waiting GETs end, so that clients poll elsewhere */
void ngx_http_chat_relay_drain(void);


#endif /* NGX_HTTP_CHAT_RELAY_H */
