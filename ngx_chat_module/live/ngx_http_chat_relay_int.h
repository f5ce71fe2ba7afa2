/*
 * What ngx_http_chat_relay.c (requests) and ngx_http_chat_move.c (sessions)
 * share.
 */

#ifndef NGX_HTTP_CHAT_RELAY_INT_H
#define NGX_HTTP_CHAT_RELAY_INT_H

#include "ngx_http_chat_relay.h"


#define NGX_HTTP_CHAT_RELAY_WORDS    16
#define NGX_HTTP_CHAT_RELAY_POST     10000        /* ms to wait for an answer */


typedef struct {
    ngx_str_t                     word[NGX_HTTP_CHAT_RELAY_WORDS];
    ngx_uint_t                    n;
    ngx_str_t                     rest;           /* of the line: more words */
    ngx_str_t                     body;
} ngx_http_chat_relay_t;


/* the session of a message, if it is on this worker and of this hub */
ngx_http_chat_session_t *ngx_http_chat_relay_session(
    ngx_http_chat_hub_t *hub, ngx_str_t *sid);

/* 1 if HASH is the one the session was opened with */
ngx_uint_t ngx_http_chat_relay_hash_is(ngx_http_chat_session_t *s,
    ngx_str_t *hash);

/* publishes to a worker; worker points to the characters of its id */
ngx_http_chat_op_t *ngx_http_chat_relay_publish(ngx_http_chat_hub_t *hub,
    const u_char *worker, ngx_str_t *line, ngx_str_t *body,
    ngx_http_chat_redis_handler_pt handler, void *data);

/* nothing will ever come from that worker */
void ngx_http_chat_relay_dead(ngx_http_chat_hub_t *hub, const u_char *worker);

/* what becomes of a request's message: the port's handler */
void ngx_http_chat_relay_sent(void *data, redisReply *reply);

/* publishes "COMMAND SID" to the owner of sid */
void ngx_http_chat_relay_tell(ngx_http_chat_hub_t *hub, const char *command,
    const u_char *sid);

/* the port waits for an answer */
void ngx_http_chat_relay_insert(ngx_http_chat_port_t *port,
    const u_char *sid, ngx_msec_t timeout);

/* writes HASH, returns its end */
u_char *ngx_http_chat_relay_hash(u_char *p,
    ngx_http_chat_token_t *token);


/* messages that move a session */

void ngx_http_chat_relay_on_probe(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message);
void ngx_http_chat_relay_on_noop(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message);
void ngx_http_chat_relay_on_unprobe(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message);
void ngx_http_chat_relay_on_move(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message);
void ngx_http_chat_relay_on_gone(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message);
void ngx_http_chat_relay_on_cut(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message);
void ngx_http_chat_relay_on_open(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message);
void ngx_http_chat_relay_on_read(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message);
void ngx_http_chat_relay_on_held(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message);
void ngx_http_chat_relay_on_state(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message);
void ngx_http_chat_relay_on_packet(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message);


#endif /* NGX_HTTP_CHAT_RELAY_INT_H */
