/*
 * A link to Redis: one connection that is kept up, with AUTH and SELECT,
 * timeouts and a jittered backoff.  A worker has two for each Redis it uses: a
 * command link and a subscriber link.
 *
 * States: connecting (the first try since the start: commands are queued),
 * up, down (commands are refused at once; it tries again by itself).
 *
 * With Sentinels it connects to the master that they name, makes sure that it
 * is one, and is lost when they name another or it takes no writes any more.
 *
 * An operation is owned by its link.  Its handler is called exactly once, from
 * the event loop and never from within the call that made it, unless it was
 * cancelled before.  Whoever may die before the answer keeps the pointer and
 * cancels; after the handler has been entered the pointer is void.
 */

#ifndef NGX_HTTP_CHAT_REDIS_H
#define NGX_HTTP_CHAT_REDIS_H

#include "ngx_http_chat_sentinel.h"


typedef struct ngx_http_chat_redis_s     ngx_http_chat_redis_t;
typedef struct ngx_http_chat_redis_op_s  ngx_http_chat_redis_op_t;


/*
 * reply is NULL when the link broke, or timed out, before the answer: whether
 * Redis carried the command out is then unknown.  It may be an error reply.
 * It is freed after the handler returns.
 */
typedef void (*ngx_http_chat_redis_handler_pt)(void *data, redisReply *reply);

/* a message on a subscribed channel */
typedef void (*ngx_http_chat_redis_message_pt)(void *data, ngx_str_t *channel,
    ngx_str_t *payload);

/* up 1: the link is usable (again); 0: it has just been lost */
typedef void (*ngx_http_chat_redis_state_pt)(void *data, ngx_uint_t up);


/* a Lua script: its text and, filled in by ngx_http_chat_store_init(), SHA1 */
typedef struct {
    ngx_str_t                       text;
    u_char                          sha1[40];
} ngx_http_chat_redis_script_t;


/*
 * Makes the link and starts to connect; sentinel is NULL where there are none.
 * channels (may be NULL: a command link)
 * is an array of n names that the link subscribes to whenever it comes up;
 * state(up) is then called once all are subscribed.  NULL without memory.
 */
ngx_http_chat_redis_t *ngx_http_chat_redis_create(
    ngx_http_chat_redis_conf_t *conf, ngx_http_chat_sentinel_t *sentinel,
    ngx_str_t *channels, ngx_uint_t n, ngx_http_chat_redis_message_pt message,
    ngx_http_chat_redis_state_pt state, void *data);

/* fails what is pending (reply NULL) and frees the link; not from a handler */
void ngx_http_chat_redis_destroy(ngx_http_chat_redis_t *link);

/* 1 unless commands are refused at once */
ngx_uint_t ngx_http_chat_redis_ready(ngx_http_chat_redis_t *link);

/*
 * Sends a command of argc arguments, which are copied.  NULL: it was not sent
 * (the link is down, or too much is queued) and the handler won't be called.
 * handler may be NULL when nobody cares for the answer; the returned operation
 * then only tells that the command was sent.
 */
ngx_http_chat_redis_op_t *ngx_http_chat_redis_command(
    ngx_http_chat_redis_t *link, ngx_http_chat_redis_handler_pt handler,
    void *data, ngx_uint_t argc, ngx_str_t *argv);

/*
 * The same for a script: EVALSHA, and EVAL if Redis doesn't know it.  argv is
 * the keys and then the arguments.  A script that Redis has lost is sent again
 * behind what was sent meanwhile: order among scripts holds only for those that
 * Redis knows.  So each link loads all scripts of ngx_http_chat_redis_scripts
 * when it comes up.
 */
ngx_http_chat_redis_op_t *ngx_http_chat_redis_eval(
    ngx_http_chat_redis_t *link, ngx_http_chat_redis_script_t *script,
    ngx_http_chat_redis_handler_pt handler, void *data, ngx_uint_t nkeys,
    ngx_uint_t argc, ngx_str_t *argv);

/* the handler won't be called; op may be NULL */
void ngx_http_chat_redis_cancel(ngx_http_chat_redis_op_t *op);


/* reply helpers; all take NULL */

/* 1 if there is an answer and it is no error */
ngx_uint_t ngx_http_chat_redis_ok(redisReply *reply);

/* a string (or status) reply's bytes; len 0 and data NULL for anything else */
ngx_str_t ngx_http_chat_redis_str(redisReply *reply);

/* element i of an array reply, or NULL */
redisReply *ngx_http_chat_redis_element(redisReply *reply, ngx_uint_t i);

/* an integer reply, or a string that is one; 0 for anything else */
int64_t ngx_http_chat_redis_int(redisReply *reply);


#endif /* NGX_HTTP_CHAT_REDIS_H */
