/*
 * Who may not send, as this worker knows it.
 *
 * A user is asked about with the first message, and from then on known until a
 * worker is told of a change, or the bus has been cut since; while it is cut,
 * with each message.  So no message passes because something was not heard.
 */

#ifndef NGX_HTTP_CHAT_RESTRICT_H
#define NGX_HTTP_CHAT_RESTRICT_H

#include "ngx_http_chat_relay_int.h"


/*
 * NGX_OK: the user may send; NGX_DECLINED: not for *seconds more (-1: for
 * ever); NGX_AGAIN: not known, ask (store/)
 */
ngx_int_t ngx_http_chat_restrict_check(ngx_http_chat_user_t *user,
    int64_t *seconds);

/* what the answer says; clock: the hub's restrict_clock when it was asked */
ngx_int_t ngx_http_chat_restrict_answer(ngx_http_chat_hub_t *hub,
    ngx_str_t *user_id, ngx_uint_t clock, redisReply *reply, int64_t *seconds);

/* over the bus: "restrict USER" */
void ngx_http_chat_restrict_on_change(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message);


#endif /* NGX_HTTP_CHAT_RESTRICT_H */
