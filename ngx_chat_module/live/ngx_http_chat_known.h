/*
 * Sessions that this worker has looked up a moment ago: requests that follow
 * each other don't ask Redis again.
 *
 * An entry counts for NGX_HTTP_CHAT_KNOWN_TIME ms and only while the bus is up,
 * since a log-out is heard of there; an answer that was under way when one was
 * heard is not kept.  A session that ends otherwise (its time is up, its key is
 * deleted) may be known for so long.
 */

#ifndef NGX_HTTP_CHAT_KNOWN_H
#define NGX_HTTP_CHAT_KNOWN_H

#include "../store/ngx_http_chat_store.h"
#include "ngx_http_chat_live.h"


/* to be taken before Redis is asked, and given to _put */
ngx_uint_t ngx_http_chat_known_mark(ngx_http_chat_hub_t *hub);

void ngx_http_chat_known_put(ngx_http_chat_hub_t *hub,
    ngx_http_chat_token_t *token, ngx_http_chat_identity_t *user,
    ngx_uint_t mark);

/* NGX_OK: user is copied into pool; NGX_DECLINED: ask Redis; NGX_ERROR */
ngx_int_t ngx_http_chat_known_get(ngx_http_chat_hub_t *hub,
    ngx_http_chat_token_t *token, ngx_pool_t *pool,
    ngx_http_chat_identity_t *user);

/* a session has ended: HASH, or NULL for the bus, and with it all of them */
void ngx_http_chat_known_drop(ngx_http_chat_hub_t *hub, ngx_str_t *hash);


#endif /* NGX_HTTP_CHAT_KNOWN_H */
