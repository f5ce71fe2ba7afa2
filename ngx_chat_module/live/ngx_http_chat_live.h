/*
 * What the rest of the module asks of live/: the worker's hubs, and the
 * handlers of the routes that stay open.
 */

#ifndef NGX_HTTP_CHAT_LIVE_H
#define NGX_HTTP_CHAT_LIVE_H

#include "../ngx_http_chat_module.h"
#include "../redis/ngx_http_chat_redis.h"


/* this worker's hub for the Redis of conf; never NULL in a running worker */
ngx_http_chat_hub_t *ngx_http_chat_hub(ngx_http_chat_loc_conf_t *conf);

/* the hub's command link */
ngx_http_chat_redis_t *ngx_http_chat_hub_redis(ngx_http_chat_hub_t *hub);

/* per worker, at its start and end */
ngx_int_t ngx_http_chat_live_init(ngx_cycle_t *cycle);
void ngx_http_chat_live_exit(ngx_cycle_t *cycle);

/*
 * Content handlers of /socket.io/, /stream and /events, as nginx defines them
 * (NGX_DONE, a status, ...).  Origin and method are theirs to check.
 */
ngx_int_t ngx_http_chat_engine_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_chat_stream_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_chat_events_handler(ngx_http_request_t *r);

/*
 * NGX_OK: the engine's handler has the request, and its session is one of this
 * worker's and connected: its user's id and name, which are the session's.
 * Otherwise NGX_DECLINED.
 */
ngx_int_t ngx_http_chat_engine_user(ngx_http_request_t *r, ngx_str_t *id,
    ngx_str_t *username);


#endif /* NGX_HTTP_CHAT_LIVE_H */
