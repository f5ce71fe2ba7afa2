/*
 * What admins may do (chat_admins), below /admin/.  Who is none gets 403, and
 * where there are none all of it is 404: the route table sees to that.
 */

#ifndef NGX_HTTP_CHAT_ADMIN_H
#define NGX_HTTP_CHAT_ADMIN_H

#include "ngx_http_chat_http.h"
#include "../ngx_http_chat_conf.h"


#define NGX_HTTP_CHAT_ADMIN_PAGE    100           /* entries at the most */
#define NGX_HTTP_CHAT_ADMIN_OFFSET  1000000


/* ?size=N, or 0 if it is no number from 1 to NGX_HTTP_CHAT_ADMIN_PAGE */
ngx_uint_t ngx_http_chat_admin_page(ngx_http_chat_ctx_t *ctx);

/* adds ,"name":value */
void ngx_http_chat_admin_number(ngx_http_chat_text_t *text, const char *name,
    int64_t value);

/* GET */

void ngx_http_chat_admin_status_handler(ngx_http_chat_ctx_t *ctx);
void ngx_http_chat_admin_users_handler(ngx_http_chat_ctx_t *ctx);
void ngx_http_chat_admin_rooms_handler(ngx_http_chat_ctx_t *ctx);
void ngx_http_chat_admin_restricted_handler(ngx_http_chat_ctx_t *ctx);

/* POST {"user"}, mute and ban with "seconds" */

void ngx_http_chat_admin_kick_handler(ngx_http_chat_ctx_t *ctx);
void ngx_http_chat_admin_revoke_handler(ngx_http_chat_ctx_t *ctx);
void ngx_http_chat_admin_mute_handler(ngx_http_chat_ctx_t *ctx);
void ngx_http_chat_admin_unmute_handler(ngx_http_chat_ctx_t *ctx);
void ngx_http_chat_admin_ban_handler(ngx_http_chat_ctx_t *ctx);
void ngx_http_chat_admin_unban_handler(ngx_http_chat_ctx_t *ctx);

/* POST {"roomId","id"} */

void ngx_http_chat_admin_delete_handler(ngx_http_chat_ctx_t *ctx);


#endif /* NGX_HTTP_CHAT_ADMIN_H */
