/*
 * Which requests are the chat's, and who answers them.
 */

#include "ngx_http_chat_admin.h"
#include "../live/ngx_http_chat_live.h"
#include "../proto/chat_http.h"


typedef struct {
    const char                  *path;
    ngx_http_handler_pt          handler;
} ngx_http_chat_live_route_t;


static ngx_int_t ngx_http_chat_path(ngx_http_request_t *r, ngx_str_t *path);
static ngx_uint_t ngx_http_chat_match(const char *pattern, ngx_str_t *path,
    ngx_str_t *arg);
static ngx_int_t ngx_http_chat_content_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_chat_refuse(ngx_http_chat_ctx_t *ctx,
    ngx_uint_t status, const char *message);
static void ngx_http_chat_dispatch(ngx_http_chat_ctx_t *ctx);
static void ngx_http_chat_checked(ngx_http_chat_ctx_t *ctx);


#define NGX_HTTP_CHAT_READ  (NGX_HTTP_GET|NGX_HTTP_HEAD)


static const ngx_http_chat_route_t  ngx_http_chat_routes[] = {

    { "/me", NGX_HTTP_CHAT_READ, ngx_http_chat_me_handler, 0, 0, 0, 0 },

    { "/login", NGX_HTTP_POST, ngx_http_chat_login_handler, 0, 1, 0, 0 },

    { "/logout", NGX_HTTP_POST, ngx_http_chat_logout_handler, 1, 1, 1, 0 },

    { "/links", NGX_HTTP_CHAT_READ, ngx_http_chat_links_handler, 0, 0, 0, 0 },

    { "/randomname", NGX_HTTP_CHAT_READ, ngx_http_chat_randomname_handler,
      0, 0, 0, 0 },

    { "/users", NGX_HTTP_CHAT_READ, ngx_http_chat_users_handler, 1, 0, 0, 0 },

    { "/users/online", NGX_HTTP_CHAT_READ, ngx_http_chat_online_handler,
      1, 0, 0, 0 },

    { "/rooms/*", NGX_HTTP_CHAT_READ, ngx_http_chat_rooms_handler, 1, 0, 0, 0 },

    { "/room", NGX_HTTP_POST, ngx_http_chat_room_handler, 1, 1, 0, 0 },

    { "/room/*/preload", NGX_HTTP_CHAT_READ, ngx_http_chat_preload_handler,
      0, 0, 0, 0 },

    { "/room/*/messages", NGX_HTTP_CHAT_READ, ngx_http_chat_messages_handler,
      1, 0, 0, 0 },

    { "/admin/status", NGX_HTTP_CHAT_READ, ngx_http_chat_admin_status_handler,
      1, 0, 0, 1 },

    { "/admin/users", NGX_HTTP_CHAT_READ, ngx_http_chat_admin_users_handler,
      1, 0, 0, 1 },

    { "/admin/rooms", NGX_HTTP_CHAT_READ, ngx_http_chat_admin_rooms_handler,
      1, 0, 0, 1 },

    { "/admin/restricted", NGX_HTTP_CHAT_READ,
      ngx_http_chat_admin_restricted_handler, 1, 0, 0, 1 },

    { "/admin/kick", NGX_HTTP_POST, ngx_http_chat_admin_kick_handler,
      1, 1, 0, 1 },

    { "/admin/revoke", NGX_HTTP_POST, ngx_http_chat_admin_revoke_handler,
      1, 1, 0, 1 },

    { "/admin/mute", NGX_HTTP_POST, ngx_http_chat_admin_mute_handler,
      1, 1, 0, 1 },

    { "/admin/unmute", NGX_HTTP_POST, ngx_http_chat_admin_unmute_handler,
      1, 1, 0, 1 },

    { "/admin/ban", NGX_HTTP_POST, ngx_http_chat_admin_ban_handler,
      1, 1, 0, 1 },

    { "/admin/unban", NGX_HTTP_POST, ngx_http_chat_admin_unban_handler,
      1, 1, 0, 1 },

    { "/admin/delete", NGX_HTTP_POST, ngx_http_chat_admin_delete_handler,
      1, 1, 0, 1 }
};


/* these check method, origin and session themselves */

static const ngx_http_chat_live_route_t  ngx_http_chat_live_routes[] = {
    { "/socket.io/", ngx_http_chat_engine_handler },
    { "/stream", ngx_http_chat_stream_handler },
    { "/events", ngx_http_chat_events_handler }
};


ngx_int_t
ngx_http_chat_precontent_handler(ngx_http_request_t *r)
{
    ngx_str_t             path, arg;
    ngx_uint_t            i;
    ngx_http_chat_ctx_t  *ctx;

    if (ngx_http_chat_path(r, &path) != NGX_OK) {
        return NGX_DECLINED;
    }

    for (i = 0; i < sizeof(ngx_http_chat_live_routes)
                    / sizeof(ngx_http_chat_live_route_t); i++)
    {
        if (ngx_http_chat_match(ngx_http_chat_live_routes[i].path, &path, &arg))
        {
            r->content_handler = ngx_http_chat_live_routes[i].handler;
            return NGX_OK;
        }
    }

    for (i = 0; i < sizeof(ngx_http_chat_routes)
                    / sizeof(ngx_http_chat_route_t); i++)
    {
        if (ngx_http_chat_match(ngx_http_chat_routes[i].path, &path, &arg)) {

            ctx = ngx_http_chat_ctx(r);
            if (ctx == NULL) {
                return NGX_HTTP_INTERNAL_SERVER_ERROR;
            }

            ctx->route = &ngx_http_chat_routes[i];
            ctx->arg = arg;

            r->content_handler = ngx_http_chat_content_handler;

            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


ngx_uint_t
ngx_http_chat_is_route(ngx_http_request_t *r)
{
    ngx_str_t   path, arg;
    ngx_uint_t  i;

    if (ngx_http_chat_path(r, &path) != NGX_OK) {
        return 0;
    }

    for (i = 0; i < sizeof(ngx_http_chat_live_routes)
                    / sizeof(ngx_http_chat_live_route_t); i++)
    {
        if (ngx_http_chat_match(ngx_http_chat_live_routes[i].path, &path, &arg))
        {
            return 1;
        }
    }

    for (i = 0; i < sizeof(ngx_http_chat_routes)
                    / sizeof(ngx_http_chat_route_t); i++)
    {
        if (ngx_http_chat_match(ngx_http_chat_routes[i].path, &path, &arg)) {
            return 1;
        }
    }

    return 0;
}


/* what is behind the prefix of a chat's location */

static ngx_int_t
ngx_http_chat_path(ngx_http_request_t *r, ngx_str_t *path)
{
    ngx_http_chat_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_chat_module);

    if (!conf->enable || r != r->main || r->error_page
        || r->uri.len <= conf->base.len
        || (conf->base.len
            && ngx_memcmp(r->uri.data, conf->base.data, conf->base.len) != 0))
    {
        return NGX_DECLINED;
    }

    path->data = r->uri.data + conf->base.len;
    path->len = r->uri.len - conf->base.len;

    return NGX_OK;
}


/* a "*" in the pattern stands for one segment that is not empty: arg */

static ngx_uint_t
ngx_http_chat_match(const char *pattern, ngx_str_t *path, ngx_str_t *arg)
{
    u_char  *p, *last;

    p = path->data;
    last = p + path->len;

    ngx_str_null(arg);

    for ( /* void */ ; *pattern; pattern++) {

        if (*pattern != '*') {
            if (p == last || *p++ != (u_char) *pattern) {
                return 0;
            }

            continue;
        }

        arg->data = p;

        while (p < last && *p != '/') {
            p++;
        }

        arg->len = p - arg->data;

        if (arg->len == 0) {
            return 0;
        }
    }

    return p == last;
}


static ngx_int_t
ngx_http_chat_content_handler(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    ngx_str_t                     allow;
    ngx_http_chat_ctx_t          *ctx;
    const ngx_http_chat_route_t  *route;

    ctx = ngx_http_get_module_ctx(r, ngx_http_chat_module);
    route = ctx->route;

    if (ctx->conf->user && route->handler == ngx_http_chat_login_handler) {
        return ngx_http_chat_refuse(ctx, NGX_HTTP_NOT_FOUND,
                                    "There is no log-in here");
    }

    if (route->admin && ctx->conf->admins == NULL) {
        return ngx_http_chat_refuse(ctx, NGX_HTTP_NOT_FOUND,
                                    "There are no admins here");
    }

    if (!(r->method & route->methods)) {

        if (route->methods & NGX_HTTP_GET) {
            ngx_str_set(&allow, "GET, HEAD");

        } else {
            ngx_str_set(&allow, "POST");
        }

        return ngx_http_chat_options(ctx, &allow);
    }

    rc = ngx_http_chat_auth_origin(r, ctx->conf);

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* what only reads is answered, but the browser won't hand it over */

    if (rc == NGX_DECLINED && r->method == NGX_HTTP_POST) {
        return ngx_http_chat_refuse(ctx, NGX_HTTP_FORBIDDEN,
                                    "The request comes from another site");
    }

    if (route->body) {
        return ngx_http_chat_body_read(ctx, route->optional,
                                       ngx_http_chat_dispatch);
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    r->main->count++;

    ngx_http_chat_watch(r);
    ngx_http_chat_dispatch(ctx);

    return NGX_DONE;
}


static ngx_int_t
ngx_http_chat_refuse(ngx_http_chat_ctx_t *ctx, ngx_uint_t status,
    const char *message)
{
    ngx_int_t  rc;

    rc = ngx_http_discard_request_body(ctx->request);
    if (rc != NGX_OK) {
        return rc;
    }

    ctx->request->main->count++;
    ngx_http_chat_send_error(ctx->request, status, message);

    return NGX_DONE;
}


ngx_int_t
ngx_http_chat_options(ngx_http_chat_ctx_t *ctx, ngx_str_t *allow)
{
    ngx_int_t            rc;
    ngx_str_t            empty;
    ngx_http_request_t  *r;

    r = ctx->request;

    rc = ngx_http_chat_auth_preflight(r, ctx->conf, allow);

    if (rc == NGX_DECLINED) {
        rc = ngx_http_chat_add_header(r, "Allow", allow);

        if (rc == NGX_OK) {
            return ngx_http_chat_refuse(ctx, NGX_HTTP_NOT_ALLOWED,
                                        "The method is not allowed here");
        }
    }

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    ngx_str_set(&empty, "");

    r->main->count++;
    ngx_http_chat_send_body(r, NGX_HTTP_NO_CONTENT, &empty, &empty);

    return NGX_DONE;
}


static void
ngx_http_chat_dispatch(ngx_http_chat_ctx_t *ctx)
{
    /* a session that has just been ended does nothing any more */

    ctx->fresh = ctx->route->admin;

    if (ctx->route->session) {
        ngx_http_chat_with_session(ctx, ngx_http_chat_checked);
        return;
    }

    ctx->route->handler(ctx);
}


static void
ngx_http_chat_checked(ngx_http_chat_ctx_t *ctx)
{
    if (ctx->user.id.len == 0) {
        ngx_http_chat_send_error(ctx->request, NGX_HTTP_FORBIDDEN,
                                 "Please log in first");
        return;
    }

    if (ctx->route->admin
        && !ngx_http_chat_is_admin(ctx->conf, &ctx->user.username))
    {
        ngx_http_chat_send_error(ctx->request, NGX_HTTP_FORBIDDEN,
                                 "Only admins may do that");
        return;
    }

    ctx->route->handler(ctx);
}


void
ngx_http_chat_watch(ngx_http_request_t *r)
{
    r->write_event_handler = ngx_http_request_empty_handler;

    /* nginx reads what is left of a body that it throws away */

    if (r->discard_body) {
        return;
    }

    r->read_event_handler = ngx_http_test_reading;

    /* a stream of HTTP/2 has no events of its own */

    if (r->stream == NULL
        && ngx_handle_read_event(r->connection->read, 0) != NGX_OK)
    {
        r->connection->error = 1;
    }
}


ngx_int_t
ngx_http_chat_arg(ngx_http_request_t *r, const char *name, ngx_str_t *value)
{
    long        len;
    chat_str_t  args, key, text, wanted;

    wanted.len = ngx_strlen(name);
    wanted.data = (u_char *) name;

    args.len = r->args.len;
    args.data = r->args.data;

    while (chat_query_next(&args, &key, &text) == CHAT_OK) {

        if (!chat_str_eq(key, wanted)) {
            continue;
        }

        value->data = ngx_pnalloc(r->pool, text.len + 1);
        if (value->data == NULL) {
            return NGX_ERROR;
        }

        len = chat_query_decode(text, value->data);
        if (len < 0) {
            return NGX_ERROR;
        }

        value->len = (size_t) len;

        return NGX_OK;
    }

    return NGX_DECLINED;
}
