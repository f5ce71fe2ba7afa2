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


/*
 * Attaches a context that has just begun to connect.  gone(data) is called when
 * hiredis is about to free the context: nothing may touch it afterwards.
 */
ngx_int_t ngx_http_chat_hiredis_attach(redisAsyncContext *ac, ngx_log_t *log,
    void (*gone)(void *data), void *data);


#endif /* NGX_HTTP_CHAT_HIREDIS_H */
