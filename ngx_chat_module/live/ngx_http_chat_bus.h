/*
 * What the two halves of the bus share: envelopes and the events of users in
 * ngx_http_chat_bus.c, messages in ngx_http_chat_bus_room.c.
 */

#ifndef NGX_HTTP_CHAT_BUS_H
#define NGX_HTTP_CHAT_BUS_H

#include "ngx_http_chat_hub.h"


/* a message; own: the envelope has our server id */
void ngx_http_chat_bus_on_message(ngx_http_chat_hub_t *hub, chat_json_t *data,
    ngx_uint_t own, ngx_pool_t *pool);

/* the bus is back */
void ngx_http_chat_bus_resume(ngx_http_chat_hub_t *hub);

/* decodes a string value; NGX_DECLINED if it is none */
ngx_int_t ngx_http_chat_bus_string(chat_json_t *value, ngx_pool_t *pool,
    ngx_str_t *str);

/* something came that is not understood */
void ngx_http_chat_bus_dropped(const char *what);


#endif /* NGX_HTTP_CHAT_BUS_H */
