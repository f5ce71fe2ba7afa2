/*
 * hiredis on nginx's events.
 *
 * hiredis owns the descriptor and closes it; the nginx connection object that
 * watches it is made here and released before that.  The events are level
 * triggered, since hiredis reads 16 KB a call.
 */

#ifndef NGX_HTTP_CHAT_HIREDIS_H
#define NGX_HTTP_CHAT_HIREDIS_H

#include "../ngx_http_chat_module.h"


#define NGX_HTTP_CHAT_HIREDIS_ERROR   128


/*
 * Begins to connect: to addr, with TLS if conf says so, or, if that is NULL, to
 * the Unix socket of conf.  gone(data) is called when hiredis is about to free
 * the context: nothing may touch it afterwards.  NULL: error, of the size
 * above, says why, and gone() is not called.
 */
redisAsyncContext *ngx_http_chat_hiredis_connect(
    ngx_http_chat_redis_conf_t *conf, ngx_http_chat_redis_addr_t *addr,
    ngx_log_t *log, void (*gone)(void *data), void *data, u_char *error);

/* what a connection that takes too long to come up waits for, for a log line */
const char *ngx_http_chat_hiredis_late(redisAsyncContext *ac);


#endif /* NGX_HTTP_CHAT_HIREDIS_H */
