/*
 * hiredis on nginx's events: see the header.
 *
 * An adapter lives from attach to hiredis's cleanup call and is freed there.
 *
 * What a turn of the loop has to say to Redis is written at the turn's end, at
 * once.  hiredis would rather wait for the descriptor to become writable, which
 * it nearly always is: two calls of epoll_ctl() and a turn more for nothing.
 */

#include "ngx_http_chat_hiredis.h"
#include "ngx_http_chat_redis_ssl.h"
#include "ngx_http_chat_reply_tree.h"


typedef struct {
    redisAsyncContext            *ac;
    ngx_connection_t             *connection;
    ngx_event_t                   flush;          /* at the end of the turn */
    void                        (*gone)(void *data);
    void                         *data;
    struct ssl_st                *ssl;            /* hiredis's; NULL: no TLS */
} ngx_http_chat_hiredis_t;


static ngx_int_t ngx_http_chat_hiredis_start(redisAsyncContext *ac,
    ngx_http_chat_redis_conf_t *conf, ngx_http_chat_redis_addr_t *addr,
    struct ssl_st **ssl);
static ngx_http_chat_hiredis_t *ngx_http_chat_hiredis_attach(
    redisAsyncContext *ac, ngx_log_t *log);
static void ngx_http_chat_hiredis_handle(ngx_http_chat_hiredis_t *adapter,
    void (*handle)(redisAsyncContext *ac));
static void ngx_http_chat_hiredis_read_handler(ngx_event_t *rev);
static void ngx_http_chat_hiredis_write_handler(ngx_event_t *wev);
static void ngx_http_chat_hiredis_flush_handler(ngx_event_t *ev);
static void ngx_http_chat_hiredis_add_read(void *data);
static void ngx_http_chat_hiredis_del_read(void *data);
static void ngx_http_chat_hiredis_add_write(void *data);
static void ngx_http_chat_hiredis_del_write(void *data);
static void ngx_http_chat_hiredis_cleanup(void *data);


/* whose flush is under way */
static ngx_http_chat_hiredis_t  *ngx_http_chat_hiredis_flushing;


redisAsyncContext *
ngx_http_chat_hiredis_connect(ngx_http_chat_redis_conf_t *conf,
    ngx_http_chat_redis_addr_t *addr, ngx_log_t *log, void (*gone)(void *data),
    void *data, u_char *error)
{
    struct ssl_st            *ssl;
    redisAsyncContext        *ac;
    ngx_http_chat_hiredis_t  *adapter;

    ac = addr ? redisAsyncConnect((char *) addr->host, (int) addr->port)
              : redisAsyncConnectUnix((char *) conf->path);

    ssl = NULL;

    if (ac && !ac->err
        && ngx_http_chat_hiredis_start(ac, conf, addr, &ssl) == NGX_OK)
    {
        adapter = ngx_http_chat_hiredis_attach(ac, log);

        if (adapter) {
            adapter->gone = gone;
            adapter->data = data;
            adapter->ssl = ssl;

            return ac;
        }
    }

    (void) ngx_cpystrn(error, (u_char *) (ac && ac->c.errstr[0] ? ac->c.errstr
                                                                : "no memory"),
                       NGX_HTTP_CHAT_HIREDIS_ERROR);

    if (ac) {
        redisAsyncFree(ac);
    }

    return NULL;
}


/* before anything is sent, so that nothing can be in the clear */

static ngx_int_t
ngx_http_chat_hiredis_start(redisAsyncContext *ac,
    ngx_http_chat_redis_conf_t *conf, ngx_http_chat_redis_addr_t *addr,
    struct ssl_st **ssl)
{
#if (NGX_HTTP_CHAT_REDIS_SSL)
    u_char  *name;

    if (conf->tls) {
        name = conf->ssl_name ? conf->ssl_name
                              : addr->server ? addr->server : addr->host;

        *ssl = ngx_http_chat_redis_ssl_start(ac, conf->ssl, name);

        return *ssl ? NGX_OK : NGX_ERROR;
    }
#endif

    return NGX_OK;
}


static ngx_http_chat_hiredis_t *
ngx_http_chat_hiredis_attach(redisAsyncContext *ac, ngx_log_t *log)
{
    ngx_connection_t         *c;
    ngx_http_chat_hiredis_t  *adapter;

    adapter = ngx_calloc(sizeof(ngx_http_chat_hiredis_t), log);
    if (adapter == NULL) {
        return NULL;
    }

    c = ngx_get_connection(ac->c.fd, log);
    if (c == NULL) {
        ngx_free(adapter);
        return NULL;
    }

    c->data = adapter;
    c->log = log;
    c->read->log = log;
    c->write->log = log;
    c->read->handler = ngx_http_chat_hiredis_read_handler;
    c->write->handler = ngx_http_chat_hiredis_write_handler;

    adapter->ac = ac;
    adapter->connection = c;
    adapter->flush.handler = ngx_http_chat_hiredis_flush_handler;
    adapter->flush.data = adapter;
    adapter->flush.log = log;

    ngx_http_chat_reply_tree_use(ac);

    ac->ev.data = adapter;
    ac->ev.addRead = ngx_http_chat_hiredis_add_read;
    ac->ev.delRead = ngx_http_chat_hiredis_del_read;
    ac->ev.addWrite = ngx_http_chat_hiredis_add_write;
    ac->ev.delWrite = ngx_http_chat_hiredis_del_write;
    ac->ev.cleanup = ngx_http_chat_hiredis_cleanup;

    return adapter;
}


const char *
ngx_http_chat_hiredis_late(redisAsyncContext *ac)
{
#if (NGX_HTTP_CHAT_REDIS_SSL)
    ngx_http_chat_hiredis_t  *adapter;

    adapter = ac->ev.data;

    if (adapter->ssl && (ac->c.flags & REDIS_CONNECTED)
        && !SSL_is_init_finished(adapter->ssl))
    {
        return "the TLS handshake timed out";
    }
#endif

    return "connecting timed out";
}


/*
 * This may free the context, and with it the adapter.  OpenSSL keeps errors for
 * the whole thread: hiredis must not see nginx's, nor nginx hiredis's.
 */

static void
ngx_http_chat_hiredis_handle(ngx_http_chat_hiredis_t *adapter,
    void (*handle)(redisAsyncContext *ac))
{
#if (NGX_HTTP_CHAT_REDIS_SSL)
    if (adapter->ssl) {
        ERR_clear_error();
        handle(adapter->ac);
        ERR_clear_error();
        return;
    }
#endif

    handle(adapter->ac);
}


static void
ngx_http_chat_hiredis_read_handler(ngx_event_t *rev)
{
    ngx_connection_t         *c;
    ngx_http_chat_hiredis_t  *adapter;

    c = rev->data;
    adapter = c->data;

    ngx_http_chat_hiredis_handle(adapter, redisAsyncHandleRead);
}


static void
ngx_http_chat_hiredis_write_handler(ngx_event_t *wev)
{
    ngx_connection_t         *c;
    ngx_http_chat_hiredis_t  *adapter;

    c = wev->data;
    adapter = c->data;

    ngx_http_chat_hiredis_handle(adapter, redisAsyncHandleWrite);
}


static void
ngx_http_chat_hiredis_flush_handler(ngx_event_t *ev)
{
    ngx_http_chat_hiredis_t *adapter = ev->data;

    ngx_http_chat_hiredis_flushing = adapter;

    ngx_http_chat_hiredis_handle(adapter, redisAsyncHandleWrite);

    ngx_http_chat_hiredis_flushing = NULL;
}


static void
ngx_http_chat_hiredis_add_read(void *data)
{
    ngx_http_chat_hiredis_t  *adapter = data;

    ngx_event_t  *rev;

    rev = adapter->connection->read;

    if (!rev->active) {
        (void) ngx_add_event(rev, NGX_READ_EVENT, NGX_LEVEL_EVENT);
    }
}


static void
ngx_http_chat_hiredis_del_read(void *data)
{
    ngx_http_chat_hiredis_t  *adapter = data;

    ngx_event_t  *rev;

    rev = adapter->connection->read;

    if (rev->active) {
        (void) ngx_del_event(rev, NGX_READ_EVENT, 0);
    }
}


static void
ngx_http_chat_hiredis_add_write(void *data)
{
    ngx_http_chat_hiredis_t  *adapter = data;

    ngx_event_t  *wev;

    wev = adapter->connection->write;

    if (wev->active) {
        return;
    }

    /* during a flush: not all of it could be written */

    if ((adapter->ac->c.flags & REDIS_CONNECTED)
        && adapter != ngx_http_chat_hiredis_flushing)
    {
        ngx_post_event(&adapter->flush, &ngx_posted_events);

    } else {
        (void) ngx_add_event(wev, NGX_WRITE_EVENT, NGX_LEVEL_EVENT);
    }
}


static void
ngx_http_chat_hiredis_del_write(void *data)
{
    ngx_http_chat_hiredis_t  *adapter = data;

    ngx_event_t  *wev;

    wev = adapter->connection->write;

    if (wev->active) {
        (void) ngx_del_event(wev, NGX_WRITE_EVENT, 0);
    }
}


static void
ngx_http_chat_hiredis_cleanup(void *data)
{
    ngx_http_chat_hiredis_t  *adapter = data;

    ngx_connection_t  *c;

    c = adapter->connection;

    ngx_http_chat_hiredis_del_read(adapter);
    ngx_http_chat_hiredis_del_write(adapter);

    if (adapter->flush.posted) {
        ngx_delete_posted_event(&adapter->flush);
    }

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    if (c->write->posted) {
        ngx_delete_posted_event(c->write);
    }

#if (NGX_HTTP_CHAT_REDIS_SSL)
    if (adapter->ssl && adapter->ac->err) {
        ngx_http_chat_redis_ssl_error(adapter->ac, adapter->ssl);
    }
#endif

    c->read->closed = 1;
    c->write->closed = 1;

    ngx_free_connection(c);
    c->fd = (ngx_socket_t) -1;

    adapter->gone(adapter->data);

    ngx_free(adapter);
}
