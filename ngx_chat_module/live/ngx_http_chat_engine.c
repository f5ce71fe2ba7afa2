/*
 * The route /socket.io/: the checks of a request, in the order of engine.io,
 * and its way to a session of this worker or of another.
 *
 * A held request (r->main->count) is answered through a port, or leaves nginx's
 * hands as a WebSocket connection.
 */

#include "ngx_http_chat_hub.h"
#include "ngx_http_chat_conn.h"
#include "ngx_http_chat_life.h"
#include "ngx_http_chat_polling.h"
#include "ngx_http_chat_relay.h"
#include "../http/ngx_http_chat_http.h"
#include "../proto/chat_eio.h"
#include "../proto/chat_http.h"


/* of a request whose answer waits for another worker or for its body */

typedef struct {
    ngx_http_request_t           *request;
    ngx_http_chat_loc_conf_t     *conf;
    ngx_http_chat_hub_t          *hub;
    ngx_http_chat_port_t         *ask;
    ngx_http_chat_token_t         token;
    u_char                        sid[NGX_HTTP_CHAT_SID_LEN];
    unsigned                      posting:1;      /* a session of this worker */
    unsigned                      begun:1;        /* of another one, told so */
} ngx_http_chat_engine_t;


static void ngx_http_chat_engine_identified(ngx_http_chat_ctx_t *ctx);
static ngx_int_t ngx_http_chat_engine_enter(ngx_http_request_t *r,
    ngx_http_chat_ctx_t *ctx, chat_eio_query_t *query);
static ngx_int_t ngx_http_chat_engine_check(ngx_http_request_t *r,
    chat_eio_query_t *query);
static ngx_int_t ngx_http_chat_engine_handshake(ngx_http_request_t *r,
    ngx_http_chat_engine_t *engine, chat_eio_query_t *query);
static ngx_int_t ngx_http_chat_engine_websocket(ngx_http_request_t *r,
    ngx_http_chat_engine_t *engine, ngx_http_chat_session_t *s);
static void ngx_http_chat_engine_asked(void *data, ngx_uint_t ok);
static ngx_int_t ngx_http_chat_engine_get(ngx_http_request_t *r,
    ngx_http_chat_engine_t *engine, ngx_http_chat_session_t *s);
static ngx_int_t ngx_http_chat_engine_post(ngx_http_request_t *r,
    ngx_http_chat_engine_t *engine, ngx_http_chat_session_t *s);
static void ngx_http_chat_engine_body_handler(ngx_http_request_t *r);
static void ngx_http_chat_engine_cleanup(void *data);
static ngx_uint_t ngx_http_chat_engine_is_of(ngx_http_chat_session_t *s,
    ngx_http_chat_engine_t *engine);


ngx_int_t
ngx_http_chat_engine_handler(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    ngx_str_t             allow;
    chat_eio_query_t      query;
    ngx_http_chat_ctx_t  *ctx;

    ctx = ngx_http_chat_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (r->method == NGX_HTTP_OPTIONS) {
        ngx_str_set(&allow, "GET, POST");
        return ngx_http_chat_options(ctx, &allow);
    }

    chat_eio_query((chat_str_t) { r->args.len, r->args.data }, &query);

    rc = ngx_http_chat_engine_check(r, &query);
    if (rc != NGX_OK) {
        return rc;
    }

    if (ctx->conf->user == NULL || query.sid.len) {
        return ngx_http_chat_engine_enter(r, ctx, &query);
    }

    /* the user may be a new one, whose session is made first: CONNECT asks for
       it in Redis */

    ctx->fresh = 1;
    r->main->count++;

    ngx_http_chat_watch(r);
    ngx_http_chat_identify(ctx, ngx_http_chat_engine_identified);

    return NGX_DONE;
}


static void
ngx_http_chat_engine_identified(ngx_http_chat_ctx_t *ctx)
{
    ngx_int_t            rc;
    chat_eio_query_t     query;
    ngx_http_request_t  *r;

    r = ctx->request;
    r->read_event_handler = ngx_http_block_reading;
    ctx->data = NULL;

    switch (ctx->status) {

    case 0:
        chat_eio_query((chat_str_t) { r->args.len, r->args.data }, &query);
        rc = ngx_http_chat_engine_enter(r, ctx, &query);
        break;

    case NGX_HTTP_FORBIDDEN:
        rc = ngx_http_chat_polling_error(r, NGX_HTTP_CHAT_EIO_FORBIDDEN);
        break;

    default:
        rc = ctx->status;
        break;
    }

    ngx_http_finalize_request(r, rc);
}


static ngx_int_t
ngx_http_chat_engine_enter(ngx_http_request_t *r, ngx_http_chat_ctx_t *ctx,
    chat_eio_query_t *query)
{
    ngx_pool_cleanup_t       *cln;
    ngx_http_chat_engine_t   *engine;
    ngx_http_chat_session_t  *s;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_chat_engine_t));
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    engine = cln->data;
    ngx_memzero(engine, sizeof(ngx_http_chat_engine_t));

    cln->handler = ngx_http_chat_engine_cleanup;

    engine->request = r;
    engine->conf = ngx_http_get_module_loc_conf(r, ngx_http_chat_module);
    engine->hub = ngx_http_chat_hub(engine->conf);

    ctx->data = engine;

    ngx_http_chat_auth_token(r, engine->conf, &engine->token);
    ctx->token = engine->token;

    if (query->sid.len == 0) {
        return ngx_http_chat_engine_handshake(r, engine, query);
    }

    s = ngx_http_chat_session_find(query->sid.data, query->sid.len);

    if (s == NULL) {
        if (!ngx_http_chat_relay_foreign(query->sid.data, query->sid.len)) {
            return ngx_http_chat_polling_error(r, NGX_HTTP_CHAT_EIO_SID);
        }

    } else if (!ngx_http_chat_engine_is_of(s, engine)) {
        return ngx_http_chat_polling_error(r, NGX_HTTP_CHAT_EIO_SID);
    }

    ngx_memcpy(engine->sid, query->sid.data, NGX_HTTP_CHAT_SID_LEN);

    if (query->transport == CHAT_EIO_WEBSOCKET) {
        return ngx_http_chat_engine_websocket(r, engine, s);
    }

    if (s && s->transport != NGX_HTTP_CHAT_POLLING) {
        return ngx_http_chat_polling_error(r, NGX_HTTP_CHAT_EIO_BAD);
    }

    if (r->method == NGX_HTTP_POST) {
        return ngx_http_chat_engine_post(r, engine, s);
    }

    return ngx_http_chat_engine_get(r, engine, s);
}


static ngx_int_t
ngx_http_chat_engine_check(ngx_http_request_t *r, chat_eio_query_t *query)
{
    ngx_uint_t                 method;
    ngx_http_chat_loc_conf_t  *conf;

    if (query->transport == CHAT_EIO_NO_TRANSPORT) {
        return ngx_http_chat_polling_error(r, NGX_HTTP_CHAT_EIO_TRANSPORT);
    }

    if (query->sid.len && query->sid.len != NGX_HTTP_CHAT_SID_LEN) {
        return ngx_http_chat_polling_error(r, NGX_HTTP_CHAT_EIO_SID);
    }

    method = r->method;

    if (query->sid.len == 0 && method != NGX_HTTP_GET) {
        return ngx_http_chat_polling_error(r, NGX_HTTP_CHAT_EIO_METHOD);
    }

    if ((method != NGX_HTTP_GET && method != NGX_HTTP_POST)
        || (query->transport == CHAT_EIO_WEBSOCKET
            && (r->headers_in.upgrade == NULL || method != NGX_HTTP_GET
                || r->http_version != NGX_HTTP_VERSION_11)))
    {
        return ngx_http_chat_polling_error(r, NGX_HTTP_CHAT_EIO_BAD);
    }

    conf = ngx_http_get_module_loc_conf(r, ngx_http_chat_module);

    if (ngx_http_chat_auth_origin(r, conf) != NGX_OK) {
        return ngx_http_chat_polling_error(r, NGX_HTTP_CHAT_EIO_FORBIDDEN);
    }

    if (query->sid.len == 0 && query->version != 4) {
        return ngx_http_chat_polling_error(r, NGX_HTTP_CHAT_EIO_VERSION);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_chat_engine_handshake(ngx_http_request_t *r,
    ngx_http_chat_engine_t *engine, chat_eio_query_t *query)
{
    ngx_int_t                 rc;
    ngx_http_chat_port_t     *port;
    ngx_http_chat_frame_t    *frame;
    ngx_http_chat_client_t   *client;
    ngx_http_chat_session_t  *s;

    if (ngx_exiting) {
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    if (query->transport == CHAT_EIO_WEBSOCKET) {
        rc = ngx_http_chat_conn_check(r);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (ngx_http_chat_client_enter(r, engine->conf, &client) != NGX_OK) {

        rc = ngx_http_discard_request_body(r);
        if (rc != NGX_OK) {
            return rc;
        }

        r->main->count++;
        ngx_http_chat_send_crowded(r);

        return NGX_DONE;
    }

    s = ngx_http_chat_session_create(engine->hub, engine->conf, &engine->token,
                                     client, NULL);
    if (s == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    frame = ngx_http_chat_session_open(s,
                                     query->transport == CHAT_EIO_POLLING);
    if (frame == NULL) {
        ngx_http_chat_session_close(s, 1011, "no memory");
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_chat_life_address(s, &r->connection->addr_text);
    ngx_http_chat_session_heartbeat(s);
    ngx_http_chat_session_send(s, frame);
    ngx_http_chat_frame_unref(frame);

    if (query->transport == CHAT_EIO_WEBSOCKET) {
        ngx_http_chat_session_transport(s, NGX_HTTP_CHAT_WEBSOCKET);

        rc = ngx_http_chat_conn_upgrade(r, engine->hub, engine->conf, s, NULL,
                                        &engine->token);
        if (rc != NGX_DONE) {
            ngx_http_chat_session_close(s, 1011, "no memory");
        }

        return rc;
    }

    if (ngx_http_discard_request_body(r) != NGX_OK
        || (port = ngx_http_chat_port_local(engine->hub, r, 0)) == NULL)
    {
        ngx_http_chat_session_close(s, 1011, "no memory");
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->main->count++;
    ngx_http_chat_polling_get(s, port);

    return NGX_DONE;
}


/* an upgrade: of a session of this worker, or (s NULL) of another one's */

static ngx_int_t
ngx_http_chat_engine_websocket(ngx_http_request_t *r,
    ngx_http_chat_engine_t *engine, ngx_http_chat_session_t *s)
{
    ngx_int_t  rc;

    rc = ngx_http_chat_conn_check(r);
    if (rc != NGX_OK) {
        return rc;
    }

    if (s) {
        if (s->transport != NGX_HTTP_CHAT_POLLING || s->leaving
            || ngx_http_chat_session_probing(s))
        {
            return ngx_http_chat_polling_error(r, NGX_HTTP_CHAT_EIO_BAD);
        }

        return ngx_http_chat_conn_upgrade(r, engine->hub, engine->conf, s,
                                          NULL, &engine->token);
    }

    engine->ask = ngx_http_chat_relay_probe(engine->hub, engine->sid,
                                            &engine->token,
                                            ngx_http_chat_engine_asked,
                                            engine);
    if (engine->ask == NULL) {
        return ngx_http_chat_polling_error(r, NGX_HTTP_CHAT_EIO_SID);
    }

    r->read_event_handler = ngx_http_block_reading;
    r->main->count++;

    return NGX_DONE;
}


static void
ngx_http_chat_engine_asked(void *data, ngx_uint_t ok)
{
    ngx_http_chat_engine_t *engine = data;

    ngx_int_t            rc;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    engine->ask = NULL;

    r = engine->request;
    c = r->connection;

    rc = ok ? ngx_http_chat_conn_upgrade(r, engine->hub, engine->conf, NULL,
                                         engine->sid, &engine->token)
            : ngx_http_chat_polling_error(r, NGX_HTTP_CHAT_EIO_BAD);

    /* this is no content handler: what was counted there is given back */

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


static ngx_int_t
ngx_http_chat_engine_get(ngx_http_request_t *r, ngx_http_chat_engine_t *engine,
    ngx_http_chat_session_t *s)
{
    ngx_http_chat_port_t  *port;

    if (ngx_http_discard_request_body(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    port = ngx_http_chat_port_local(engine->hub, r, 0);
    if (port == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->main->count++;

    /* a client that goes away is noticed */

    r->read_event_handler = ngx_http_test_reading;

    if (s) {
        ngx_http_chat_polling_get(s, port);

    } else {
        ngx_http_chat_relay_request(port, engine->sid, &engine->token);
    }

    return NGX_DONE;
}


static ngx_int_t
ngx_http_chat_engine_post(ngx_http_request_t *r,
    ngx_http_chat_engine_t *engine, ngx_http_chat_session_t *s)
{
    ngx_int_t  rc;

    if (r->headers_in.content_length_n > (off_t) engine->conf->max_payload) {
        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    }

    if (s) {
        if (s->posting) {
            ngx_http_chat_session_close(s, 1000, "two POSTs at a time");
            return ngx_http_chat_polling_error(r, NGX_HTTP_CHAT_EIO_BAD);
        }

        /* in flight from here on, not from the end of its body */

        s->posting = 1;
        engine->posting = 1;

    } else if (r->headers_in.chunked
               || r->header_in->last - r->header_in->pos
                  < r->headers_in.content_length_n)
    {
        /* the same at the owner, unless the whole of it is here already */

        ngx_http_chat_relay_begin(engine->hub, engine->sid);
        engine->begun = 1;
    }

    rc = ngx_http_read_client_request_body(r,
                                           ngx_http_chat_engine_body_handler);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    return NGX_DONE;
}


static void
ngx_http_chat_engine_body_handler(ngx_http_request_t *r)
{
    ssize_t                   len;
    ngx_http_chat_ctx_t      *ctx;
    ngx_http_chat_port_t     *port;
    ngx_http_chat_engine_t   *engine;
    ngx_http_chat_session_t  *s;

    ctx = ngx_http_get_module_ctx(r, ngx_http_chat_module);
    engine = ctx->data;

    /* it may have gone, or changed, while the body came */

    s = ngx_http_chat_session_find(engine->sid, NGX_HTTP_CHAT_SID_LEN);

    if (engine->posting && s) {
        s->posting = 0;
        engine->posting = 0;
    }

    if (engine->begun) {
        ngx_http_chat_relay_end(engine->hub, engine->sid);
        engine->begun = 0;
    }

    len = ngx_http_chat_body_copy(r, NULL);

    if (len > (ssize_t) engine->conf->max_payload) {
        ngx_http_finalize_request(r, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE);
        return;
    }

    port = len < 0 ? NULL : ngx_http_chat_port_local(engine->hub, r, 1);

    if (port) {
        port->body = ngx_alloc(len + 1, r->connection->log);
    }

    if (port == NULL || port->body == NULL
        || ngx_http_chat_body_copy(r, port->body) != len)
    {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    port->rest.data = port->body;
    port->rest.len = len;

    if (s) {
        ngx_http_chat_polling_post(s, port);

    } else if (ngx_http_chat_relay_foreign(engine->sid, NGX_HTTP_CHAT_SID_LEN))
    {
        ngx_http_chat_relay_request(port, engine->sid, &engine->token);

    } else {
        ngx_http_chat_port_error(port, NGX_HTTP_CHAT_EIO_SID);
    }
}


static void
ngx_http_chat_engine_cleanup(void *data)
{
    ngx_http_chat_engine_t *engine = data;

    ngx_http_chat_session_t  *s;

    if (engine->posting) {
        s = ngx_http_chat_session_find(engine->sid, NGX_HTTP_CHAT_SID_LEN);

        if (s) {
            s->posting = 0;
        }
    }

    if (engine->begun) {
        ngx_http_chat_relay_end(engine->hub, engine->sid);
    }

    if (engine->ask) {
        ngx_http_chat_relay_abort(engine->ask);
    }
}


ngx_int_t
ngx_http_chat_engine_user(ngx_http_request_t *r, ngx_str_t *id,
    ngx_str_t *username)
{
    ngx_http_chat_ctx_t      *ctx;
    ngx_http_chat_engine_t   *engine;
    ngx_http_chat_session_t  *s;

    ctx = ngx_http_get_module_ctx(r, ngx_http_chat_module);

    /* while it is being identified the data is something else */

    if (r->content_handler != ngx_http_chat_engine_handler || ctx == NULL
        || ctx->data == NULL || ctx->identified)
    {
        return NGX_DECLINED;
    }

    engine = ctx->data;
    s = ngx_http_chat_session_find(engine->sid, NGX_HTTP_CHAT_SID_LEN);

    if (s == NULL || s->user == NULL
        || !ngx_http_chat_engine_is_of(s, engine))
    {
        return NGX_DECLINED;
    }

    *id = s->user->node.str;
    *username = s->user->name;

    return NGX_OK;
}


/* whoever has learnt a sid still needs the cookie that it was opened with */

static ngx_uint_t
ngx_http_chat_engine_is_of(ngx_http_chat_session_t *s,
    ngx_http_chat_engine_t *engine)
{
    return s->hub == engine->hub
           && s->token.set == engine->token.set
           && (!s->token.set
               || ngx_memcmp(s->token.hash, engine->token.hash,
                             NGX_HTTP_CHAT_HASH_LEN)
                  == 0);
}
