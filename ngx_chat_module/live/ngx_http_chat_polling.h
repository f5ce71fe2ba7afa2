/*
 * Long-polling: a GET or POST of a session, wherever its client's connection
 * is, and the answer to it.
 *
 * A port is where an answer goes: to a request of this worker, or to another
 * worker that relayed it.  It is freed by the reply.  A port whose client has
 * gone is freed at once if it is a waiting GET, and answers nobody otherwise.
 */

#ifndef NGX_HTTP_CHAT_POLLING_H
#define NGX_HTTP_CHAT_POLLING_H

#include "ngx_http_chat_hub.h"


struct ngx_http_chat_port_s {
    ngx_http_chat_hub_t          *hub;
    ngx_http_chat_session_t      *session;        /* whose poll or post it is */
    ngx_http_request_t           *request;        /* NULL: relayed, or gone */
    ngx_pool_cleanup_t           *cleanup;        /* the request's */

    u_char                        worker[NGX_HTTP_CHAT_WORKER_ID_LEN];
    uint64_t                      id;             /* of the relayed request, 0:
                                                     not relayed */
    ngx_http_chat_timer_t         timer;          /* relayed from here: until
                                                     the owner has answered */
    ngx_rbtree_node_t             node;           /* in worker->relays, key: the
                                                     id of its message */
    u_char                        sid[NGX_HTTP_CHAT_SID_LEN];
    ngx_http_chat_op_t           *op;
    void                        (*asked)(void *data, ngx_uint_t ok);
    void                         *data;           /* a probe's */

    ngx_http_chat_token_t         token;
    ngx_msec_t                    deadline;       /* of relayed */
    u_char                       *body;           /* a POST's, owned */
    chat_str_t                    rest;           /* not processed yet */
    ngx_queue_t                   replies;        /* worker->replies, with: */
    ngx_uint_t                    status;
    ngx_uint_t                    type;
    ngx_str_t                     reply;          /* in the request's pool */

    unsigned                      is_post:1;
    unsigned                      replying:1;
    unsigned                      relayed:1;      /* to another worker, whose
                                                     answer is awaited */
    unsigned                      unsent:1;       /* Redis is awaited first */
    unsigned                      doubtful:1;     /* its owner was away */
};


/* what kind of body a reply has */
#define NGX_HTTP_CHAT_REPLY_PAYLOAD   0           /* text/plain */
#define NGX_HTTP_CHAT_REPLY_HTML      1
#define NGX_HTTP_CHAT_REPLY_JSON      2


/* codes of Engine.IO's error replies */
#define NGX_HTTP_CHAT_EIO_TRANSPORT   0
#define NGX_HTTP_CHAT_EIO_SID         1
#define NGX_HTTP_CHAT_EIO_METHOD      2
#define NGX_HTTP_CHAT_EIO_BAD         3
#define NGX_HTTP_CHAT_EIO_FORBIDDEN   4
#define NGX_HTTP_CHAT_EIO_VERSION     5


/* for a request of this worker, which the caller holds (r->main->count); NULL
   without memory */
ngx_http_chat_port_t *ngx_http_chat_port_local(ngx_http_chat_hub_t *hub,
    ngx_http_request_t *r, ngx_uint_t is_post);
ngx_http_chat_port_t *ngx_http_chat_port_remote(ngx_http_chat_hub_t *hub,
    const u_char *worker, uint64_t id, ngx_uint_t is_post);

/*
 * To a request of this worker the reply is sent at the end of the turn, where
 * none of nginx's functions for it is on the stack
 */
void ngx_http_chat_port_reply(ngx_http_chat_port_t *port, ngx_uint_t status,
    ngx_uint_t type, ngx_str_t *body);
void ngx_http_chat_port_send(ngx_http_chat_port_t *port);
void ngx_http_chat_port_error(ngx_http_chat_port_t *port, ngx_uint_t code);

/* the packets of an outbox as one payload, which the caller frees */
ngx_int_t ngx_http_chat_port_join(ngx_http_chat_outbox_t *box, ngx_str_t *body);

/* the client has gone */
void ngx_http_chat_port_abort(ngx_http_chat_port_t *port);

/* frees without a reply */
void ngx_http_chat_port_free(ngx_http_chat_port_t *port);


/* a GET or POST has reached its session; both own the port from here on */
void ngx_http_chat_polling_get(ngx_http_chat_session_t *s,
    ngx_http_chat_port_t *port);
void ngx_http_chat_polling_post(ngx_http_chat_session_t *s,
    ngx_http_chat_port_t *port);

/* 1 if it is the same GET, asked for again by a worker that was off the bus */
ngx_uint_t ngx_http_chat_polling_again(ngx_http_chat_port_t *waiting,
    ngx_http_chat_port_t *port);

/* goes on with a POST whose processing was held back */
void ngx_http_chat_polling_resume(ngx_http_chat_session_t *s);

/* an error reply to a request that never got a port; for content handlers */
ngx_int_t ngx_http_chat_polling_error(ngx_http_request_t *r, ngx_uint_t code);


#endif /* NGX_HTTP_CHAT_POLLING_H */
