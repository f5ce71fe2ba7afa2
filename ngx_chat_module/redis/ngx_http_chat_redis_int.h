/*
 * A link and its operations from within: ngx_http_chat_redis.c keeps the
 * connection up, ngx_http_chat_redis_op.c sends commands over it.
 */

#ifndef NGX_HTTP_CHAT_REDIS_INT_H
#define NGX_HTTP_CHAT_REDIS_INT_H

#include "../ngx_http_chat_stat.h"
#include "ngx_http_chat_redis.h"


typedef enum {
    ngx_http_chat_redis_first = 0,
    ngx_http_chat_redis_up,
    ngx_http_chat_redis_down
} ngx_http_chat_redis_status_t;


struct ngx_http_chat_redis_s {
    ngx_http_chat_redis_conf_t      *conf;
    ngx_http_chat_sentinel_t        *sentinel;    /* NULL: none */
    ngx_queue_t                      follow;      /* the sentinel's links */
    redisAsyncContext               *ac;          /* NULL: down, or it isn't
                                                     known yet where to go */

    ngx_http_chat_redis_status_t     status;
    ngx_msec_t                       backoff;
    ngx_event_t                      timer;       /* dial again */
    ngx_event_t                      tick;        /* timeouts */
    ngx_msec_t                       since;       /* of this dial; subscriber:
                                                     last sign of life */

    ngx_queue_t                      ops;         /* in the order sent */
    ngx_uint_t                       nops;
    size_t                           bytes;       /* of their arguments */

    ngx_str_t                       *channels;
    ngx_uint_t                       nchannels;
    ngx_http_chat_redis_message_pt   message;
    ngx_http_chat_redis_state_pt     state;
    void                            *data;

    ngx_log_t                       *log;

    unsigned                         exiting:1;
    unsigned                         told:1;      /* state(up) was called */
    unsigned                         complained:1;
    unsigned                         known:1;     /* it was up before */
};


struct ngx_http_chat_redis_op_s {
    ngx_queue_t                      queue;
    ngx_http_chat_redis_t           *link;
    ngx_http_chat_redis_handler_pt   handler;
    void                            *data;
    ngx_msec_t                       sent;
    size_t                           bytes;

    u_char                          *unsent;      /* as Redis wants it, while */
    size_t                           unsent_len;  /* there is no context yet */

    /* of a script, to send it in full when Redis doesn't know it */
    ngx_http_chat_redis_script_t    *script;
    ngx_uint_t                       nkeys;
    ngx_uint_t                       argc;
    ngx_str_t                       *argv;
};


/* the Sentinels have named another master, or the first */
void ngx_http_chat_redis_moved(ngx_http_chat_redis_t *link);

/* closes the connection; the link tries again by itself */
void ngx_http_chat_redis_drop(ngx_http_chat_redis_t *link, const char *why);

/*
 * Writes a command; fn is hiredis's callback.  Without a context the command
 * waits for one, and data is its operation.
 */
ngx_int_t ngx_http_chat_redis_send(ngx_http_chat_redis_t *link,
    redisCallbackFn *fn, void *data, ngx_uint_t argc, ngx_str_t *argv);

/* commands that wait for a context: sends them, or fails them if it is down */
void ngx_http_chat_redis_unsent(ngx_http_chat_redis_t *link);


#endif /* NGX_HTTP_CHAT_REDIS_INT_H */
