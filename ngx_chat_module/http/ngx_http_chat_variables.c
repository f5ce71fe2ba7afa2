/*
 * Variables: who is behind a request, as far as it has been learnt by then.
 * None of them asks Redis, since a variable can't wait.
 *
 *     $chat_user, $chat_user_id    the user's name and id
 *     $chat_session                the beginning of the session's name in
 *                                  Redis: tells sessions apart, opens none
 *     $chat_transport              of a request for something live
 */

#include "ngx_http_chat_http.h"
#include "../live/ngx_http_chat_live.h"
#include "../live/ngx_http_chat_known.h"
#include "../proto/chat_eio.h"


#define NGX_HTTP_CHAT_SHORT_LEN  12

enum {
    NGX_HTTP_CHAT_VARIABLE_USER = 0,
    NGX_HTTP_CHAT_VARIABLE_USER_ID,
    NGX_HTTP_CHAT_VARIABLE_SESSION
};


static ngx_int_t ngx_http_chat_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_chat_variable_caller(ngx_http_request_t *r,
    ngx_http_chat_identity_t *user, ngx_http_chat_token_t *token);
static ngx_int_t ngx_http_chat_variable_transport(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


/* what is not known yet may be known later, so nothing is cached */

static ngx_http_variable_t  ngx_http_chat_variables[] = {

    { ngx_string("chat_user"), NULL, ngx_http_chat_variable,
      NGX_HTTP_CHAT_VARIABLE_USER, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("chat_user_id"), NULL, ngx_http_chat_variable,
      NGX_HTTP_CHAT_VARIABLE_USER_ID, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("chat_session"), NULL, ngx_http_chat_variable,
      NGX_HTTP_CHAT_VARIABLE_SESSION, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("chat_transport"), NULL, ngx_http_chat_variable_transport,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_chat_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_chat_variables; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_chat_variable(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_int_t                 rc;
    ngx_str_t                 str;
    ngx_http_chat_token_t     token;
    ngx_http_chat_identity_t  user;

    rc = ngx_http_chat_variable_caller(r->main, &user, &token);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED) {
        v->not_found = 1;
        return NGX_OK;
    }

    switch (data) {

    case NGX_HTTP_CHAT_VARIABLE_USER:
        str = user.username;
        break;

    case NGX_HTTP_CHAT_VARIABLE_USER_ID:
        str = user.id;
        break;

    default: /* NGX_HTTP_CHAT_VARIABLE_SESSION */
        str.data = token.hash;
        str.len = NGX_HTTP_CHAT_SHORT_LEN;
        break;
    }

    v->data = ngx_pstrdup(r->pool, &str);
    if (v->data == NULL) {
        return NGX_ERROR;
    }

    v->len = str.len;
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;

    return NGX_OK;
}


/* NGX_OK, NGX_DECLINED: not known, or NGX_ERROR without memory */

static ngx_int_t
ngx_http_chat_variable_caller(ngx_http_request_t *r,
    ngx_http_chat_identity_t *user, ngx_http_chat_token_t *token)
{
    ngx_http_chat_ctx_t  *ctx;

    ctx = ngx_http_chat_ctx_known(r);

    if (ctx) {
        *user = ctx->user;
        *token = ctx->token;
        return NGX_OK;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_chat_module);

    if (ctx == NULL || !ctx->token.set) {
        return NGX_DECLINED;
    }

    *token = ctx->token;

    if (ngx_http_chat_engine_user(r, &user->id, &user->username) == NGX_OK) {
        return NGX_OK;
    }

    /* /socket.io/ asks who it is later, but somebody else may have */

    return ngx_http_chat_known_get(ngx_http_chat_hub(ctx->conf), token,
                                   r->pool, user);
}


static ngx_int_t
ngx_http_chat_variable_transport(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t         name;
    chat_eio_query_t  query;

    r = r->main;
    ngx_str_null(&name);

    if (r->content_handler == ngx_http_chat_engine_handler) {
        chat_eio_query((chat_str_t) { r->args.len, r->args.data }, &query);

        if (query.transport == CHAT_EIO_WEBSOCKET) {
            ngx_str_set(&name, "websocket");

        } else if (query.transport == CHAT_EIO_POLLING) {
            ngx_str_set(&name, "polling");
        }

    } else if (r->content_handler == ngx_http_chat_events_handler
               || r->content_handler == ngx_http_chat_stream_handler)
    {
        ngx_str_set(&name, "sse");
    }

    if (name.len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->len = name.len;
    v->data = name.data;
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;

    return NGX_OK;
}
