/*
 * Who may not send: see the header.
 */

#include "ngx_http_chat_restrict.h"


ngx_int_t
ngx_http_chat_restrict_check(ngx_http_chat_user_t *user, int64_t *seconds)
{
    if (!user->hub->up || user->checked != user->hub->outages) {
        return NGX_AGAIN;
    }

    if (user->muted == 0) {
        return NGX_OK;
    }

    if (user->muted == -1) {
        *seconds = -1;
        return NGX_DECLINED;
    }

    *seconds = user->muted - ngx_time();

    if (*seconds > 0) {
        return NGX_DECLINED;
    }

    user->muted = 0;

    return NGX_OK;
}


/* a ban is as good as a mute, until it has closed the connection */

ngx_int_t
ngx_http_chat_restrict_answer(ngx_http_chat_hub_t *hub, ngx_str_t *user_id,
    ngx_uint_t clock, redisReply *reply, int64_t *seconds)
{
    int64_t                mute, ban;
    ngx_http_chat_user_t  *user;

    if (ngx_http_chat_restricted_read(reply, &mute, &ban) != NGX_OK) {
        return NGX_ERROR;
    }

    *seconds = (mute < 0 || ban < 0) ? -1 : ngx_max(mute, ban);

    user = ngx_http_chat_user_find(hub, user_id->data, user_id->len);

    if (user && hub->up && clock == hub->restrict_clock) {
        user->checked = hub->outages;
        user->muted = *seconds > 0 ? ngx_time() + *seconds : *seconds;
    }

    return *seconds ? NGX_DECLINED : NGX_OK;
}


void
ngx_http_chat_restrict_on_change(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message)
{
    ngx_http_chat_user_t  *user;

    /* an answer that is under way may be older */

    hub->restrict_clock++;

    user = ngx_http_chat_user_find(hub, message->word[1].data,
                                   message->word[1].len);
    if (user) {
        user->checked = 0;
    }
}
