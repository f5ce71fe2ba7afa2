/*
 * A WebSocket connection (RFC 6455) that has left nginx's HTTP request: the
 * request with its pool and buffers is freed, and the connection has handlers
 * of its own.
 *
 *      upgrade         detached          close sent or received
 *     (request) ------> OPEN ---------------> CLOSING ------> gone
 *                         |   end of file, error, reset         ^
 *                         +-------------------------------------+
 *
 * While closing, what is queued is still sent, then our side is shut down and
 * the peer's end of file is awaited for a bounded time, so that no reset
 * destroys data under way.
 */

#ifndef NGX_HTTP_CHAT_CONN_H
#define NGX_HTTP_CHAT_CONN_H

#include "ngx_http_chat_hub.h"


#define NGX_HTTP_CHAT_ARRIVE_WAIT   5000          /* for a session, ms */


typedef struct {
    u_char                        sid[NGX_HTTP_CHAT_SID_LEN];
    ngx_http_chat_token_t         token;
    ngx_http_chat_client_id_t     client;
} ngx_http_chat_remote_t;


struct ngx_http_chat_conn_s {
    ngx_connection_t             *connection;
    ngx_http_chat_hub_t          *hub;
    ngx_http_chat_loc_conf_t     *conf;
    ngx_http_chat_session_t      *session;        /* its transport or probe;
                                                     NULL while closing or
                                                     asking another worker */
    ngx_http_chat_outbox_t        out;
    ngx_queue_t                   turn;           /* dirty, later dead; next
                                                     NULL: neither */

    u_char                       *message;        /* one in pieces */
    size_t                        len;
    size_t                        size;
    u_char                       *unread;         /* received, held back */
    size_t                        nunread;

    ngx_http_chat_timer_t         timer;          /* upgrade; then closing */
    ngx_http_chat_remote_t       *remote;         /* it wants to upgrade
                                                     another worker's session */
    chat_ws_parser_t              parser;

    unsigned                      window:4;       /* bits, of what we compress;
                                                     0: we don't */
    unsigned                      probed:1;       /* 3probe was sent */
    unsigned                      close_sent:1;
    unsigned                      close_received:1;
    unsigned                      shut:1;         /* our side is shut down */
    unsigned                      reading:1;      /* in the read loop */
    unsigned                      held:1;         /* still another worker's */
    unsigned                      handed:1;       /* to another worker */
    unsigned                      closed:1;
};


/*
 * Content handler's part: checks the handshake and the origin has been checked.
 * Answers with 101 and leaves the request at the end of the turn.  session is
 * the new one (sid NULL) or the one to be upgraded, or NULL with sid for one of
 * another worker.
 */
ngx_int_t ngx_http_chat_conn_upgrade(ngx_http_request_t *r,
    ngx_http_chat_hub_t *hub, ngx_http_chat_loc_conf_t *conf,
    ngx_http_chat_session_t *session, const u_char *sid,
    ngx_http_chat_token_t *token);

/* the worker's streams of permessage-deflate, made at their first use */
ngx_int_t ngx_http_chat_deflate_init(void);

/* NGX_OK, or the status to answer with (400, 426) */
ngx_int_t ngx_http_chat_conn_check(ngx_http_request_t *r);

/* the parts of an upgrade: an object without a connection yet; memory for a
   control frame in pieces; bytes that have been received and wait; a time
   within which the upgrade has to be complete; the connection, out of nginx's
   hands */
ngx_http_chat_conn_t *ngx_http_chat_conn_create(ngx_http_chat_hub_t *hub,
    ngx_http_chat_loc_conf_t *conf);
ngx_int_t ngx_http_chat_conn_control_alloc(ngx_http_chat_conn_t *conn);
void ngx_http_chat_conn_control_free(ngx_http_chat_conn_t *conn);
ngx_int_t ngx_http_chat_conn_hold(ngx_http_chat_conn_t *conn, u_char *data,
    size_t len);
void ngx_http_chat_conn_wait(ngx_http_chat_conn_t *conn, ngx_msec_t delay);
void ngx_http_chat_conn_start(ngx_http_chat_conn_t *conn, ngx_connection_t *c);

/* queues a frame, written at the end of the turn.  NGX_ERROR: no memory */
ngx_int_t ngx_http_chat_conn_send(ngx_http_chat_conn_t *conn,
    ngx_http_chat_frame_t *frame);

/* writes what is queued; called at the end of the turn */
void ngx_http_chat_conn_flush(ngx_http_chat_conn_t *conn);

/* begins to close: the session, if any, must have been detached before */
void ngx_http_chat_conn_close(ngx_http_chat_conn_t *conn, ngx_uint_t code,
    const char *why);

/* no close frame, at once */
void ngx_http_chat_conn_drop(ngx_http_chat_conn_t *conn);

/* frees a closed one; called at the end of the turn */
void ngx_http_chat_conn_free(ngx_http_chat_conn_t *conn);

/* what has been received, whole frames or not */
void ngx_http_chat_conn_process(ngx_http_chat_conn_t *conn, u_char *data,
    size_t len);

/* 1 if its session takes no more packets for now */
ngx_uint_t ngx_http_chat_conn_busy(ngx_http_chat_conn_t *conn);

/* ends the connection and what hangs on it, in an orderly way */
void ngx_http_chat_conn_fail(ngx_http_chat_conn_t *conn, ngx_uint_t code,
    const char *why);

/* goes on reading after a pause */
void ngx_http_chat_conn_resume(ngx_http_chat_conn_t *conn);


#endif /* NGX_HTTP_CHAT_CONN_H */
