/*
 * The directives whose values nginx's own setters can't read.  Each logs what
 * is wrong, or returns it, as nginx's setters do.
 */

#ifndef NGX_HTTP_CHAT_CONF_H
#define NGX_HTTP_CHAT_CONF_H

#include "ngx_http_chat_module.h"


char *ngx_http_chat_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_chat_set_user(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_chat_set_admins(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_chat_set_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_chat_set_log(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_chat_set_redis(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_chat_set_links(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_chat_set_cookie(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_chat_set_login_rate(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_chat_set_limit(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_chat_set_message_rate(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_chat_set_origins(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* 1 if a user of that name, as it is stored, is one of chat_admins */
ngx_uint_t ngx_http_chat_is_admin(ngx_http_chat_loc_conf_t *conf,
    ngx_str_t *name);

/* sets conf->key, of a location with a chat, and lists it */
char *ngx_http_chat_conf_key(ngx_conf_t *cf, ngx_http_chat_loc_conf_t *conf);

/* the Redis of a URL, the same for equal ones; NULL: logged */
ngx_http_chat_redis_conf_t *ngx_http_chat_redis_conf(ngx_conf_t *cf,
    ngx_str_t *text);

/* what chat_redis_... say, for all that are used; when all has been read */
ngx_int_t ngx_http_chat_redis_conf_init(ngx_conf_t *cf);


#endif /* NGX_HTTP_CHAT_CONF_H */
