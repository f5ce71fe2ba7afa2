/*
 * Redis Sentinel: who is the master now.
 *
 * All Sentinels of the configuration are asked, twice a second and over a
 * connection that is kept to each, for the master's address and for its
 * configuration epoch, which grows with every failover.  The answer with the
 * highest epoch counts: a Sentinel that is cut off from the others, together
 * with an old master perhaps, can't lead anybody back to it.  What was known
 * last stays when no Sentinel answers.
 *
 * One for each Redis and worker.  The two links follow it, and move together.
 */

#ifndef NGX_HTTP_CHAT_SENTINEL_H
#define NGX_HTTP_CHAT_SENTINEL_H

#include "../ngx_http_chat_module.h"


typedef struct ngx_http_chat_sentinel_s  ngx_http_chat_sentinel_t;


/* starts to ask; NULL without memory */
ngx_http_chat_sentinel_t *ngx_http_chat_sentinel_create(
    ngx_http_chat_redis_conf_t *conf);

/* after the links that follow */
void ngx_http_chat_sentinel_destroy(ngx_http_chat_sentinel_t *sentinel);

/* the master's address, without a name; NULL: not known yet */
ngx_http_chat_redis_addr_t *ngx_http_chat_sentinel_master(
    ngx_http_chat_sentinel_t *sentinel);

/* queues a link, which is told when the master is another; it leaves itself */
void ngx_http_chat_sentinel_follow(ngx_http_chat_sentinel_t *sentinel,
    ngx_queue_t *follow);


#endif /* NGX_HTTP_CHAT_SENTINEL_H */
