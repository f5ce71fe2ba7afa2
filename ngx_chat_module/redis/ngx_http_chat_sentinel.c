/*
 * Redis Sentinel: see the header.
 *
 * A node is one Sentinel of the configuration.  Its connection is dialled and
 * its questions are asked by a timer; each question is two commands, the epoch
 * first: if a failover ends between them, the new address comes with the old
 * epoch, and never the old address with the new one.
 */

#include "ngx_http_chat_redis_int.h"
#include "ngx_http_chat_hiredis.h"


#define NGX_HTTP_CHAT_SENTINEL_TICK   500


typedef struct {
    ngx_http_chat_sentinel_t     *sentinel;
    ngx_http_chat_redis_addr_t   *addr;           /* its own */
    redisAsyncContext            *ac;
    ngx_msec_t                    since;          /* of the question */
    int64_t                       asked_epoch;    /* of the answer that comes */

    /* its last answer */
    int64_t                       epoch;
    ngx_uint_t                    port;           /* 0: none yet */
    u_char                        host[NGX_INET6_ADDRSTRLEN + 1];

    unsigned                      asked:1;
    unsigned                      authorized:1;   /* AUTH was sent */
    unsigned                      complained:1;
} ngx_http_chat_sentinel_node_t;


struct ngx_http_chat_sentinel_s {
    ngx_http_chat_redis_conf_t     *conf;
    ngx_queue_t                     links;
    ngx_event_t                     timer;
    ngx_log_t                      *log;
    ngx_http_chat_redis_addr_t      master;       /* port 0: not known */
    u_char                          host[NGX_INET6_ADDRSTRLEN + 1];
    ngx_uint_t                      exiting;
    ngx_http_chat_sentinel_node_t   nodes[1];     /* conf->naddrs */
};


static void ngx_http_chat_sentinel_timer_handler(ngx_event_t *ev);
static void ngx_http_chat_sentinel_dial(ngx_http_chat_sentinel_node_t *node);
static void ngx_http_chat_sentinel_ask(ngx_http_chat_sentinel_node_t *node);
static ngx_int_t ngx_http_chat_sentinel_send(
    ngx_http_chat_sentinel_node_t *node, redisCallbackFn *fn, ngx_uint_t argc,
    ngx_str_t *argv);
static void ngx_http_chat_sentinel_on_state(redisAsyncContext *ac, void *r,
    void *data);
static void ngx_http_chat_sentinel_on_address(redisAsyncContext *ac, void *r,
    void *data);
static void ngx_http_chat_sentinel_authorize(
    ngx_http_chat_sentinel_node_t *node);
static void ngx_http_chat_sentinel_choose(ngx_http_chat_sentinel_t *sentinel);
static void ngx_http_chat_sentinel_connect_handler(const redisAsyncContext *ac,
    int status);
static void ngx_http_chat_sentinel_gone(void *data);
static void ngx_http_chat_sentinel_drop(ngx_http_chat_sentinel_node_t *node,
    const char *why);
static void ngx_http_chat_sentinel_complain(
    ngx_http_chat_sentinel_node_t *node, const char *why);


ngx_http_chat_sentinel_t *
ngx_http_chat_sentinel_create(ngx_http_chat_redis_conf_t *conf)
{
    ngx_uint_t                 i;
    ngx_http_chat_sentinel_t  *sentinel;

    sentinel = ngx_calloc(sizeof(ngx_http_chat_sentinel_t)
                          + (conf->naddrs - 1)
                            * sizeof(ngx_http_chat_sentinel_node_t),
                          ngx_cycle->log);
    if (sentinel == NULL) {
        return NULL;
    }

    sentinel->conf = conf;
    sentinel->log = ngx_cycle->log;
    sentinel->master.host = sentinel->host;

    ngx_queue_init(&sentinel->links);

    sentinel->timer.handler = ngx_http_chat_sentinel_timer_handler;
    sentinel->timer.data = sentinel;
    sentinel->timer.log = sentinel->log;
    sentinel->timer.cancelable = 1;

    for (i = 0; i < conf->naddrs; i++) {
        sentinel->nodes[i].sentinel = sentinel;
        sentinel->nodes[i].addr = &conf->addrs[i];
    }

    ngx_http_chat_sentinel_timer_handler(&sentinel->timer);

    return sentinel;
}


void
ngx_http_chat_sentinel_destroy(ngx_http_chat_sentinel_t *sentinel)
{
    ngx_uint_t  i;

    sentinel->exiting = 1;

    for (i = 0; i < sentinel->conf->naddrs; i++) {
        if (sentinel->nodes[i].ac) {
            redisAsyncFree(sentinel->nodes[i].ac);
        }
    }

    ngx_del_timer(&sentinel->timer);
    ngx_free(sentinel);
}


ngx_http_chat_redis_addr_t *
ngx_http_chat_sentinel_master(ngx_http_chat_sentinel_t *sentinel)
{
    return sentinel->master.port ? &sentinel->master : NULL;
}


void
ngx_http_chat_sentinel_follow(ngx_http_chat_sentinel_t *sentinel,
    ngx_queue_t *follow)
{
    ngx_queue_insert_tail(&sentinel->links, follow);
}


static void
ngx_http_chat_sentinel_timer_handler(ngx_event_t *ev)
{
    ngx_http_chat_sentinel_t *sentinel = ev->data;

    ngx_uint_t                      i;
    ngx_http_chat_sentinel_node_t  *node;

    ngx_add_timer(ev, NGX_HTTP_CHAT_SENTINEL_TICK);

    for (i = 0; i < sentinel->conf->naddrs; i++) {
        node = &sentinel->nodes[i];

        if (node->ac == NULL) {
            ngx_http_chat_sentinel_dial(node);

        } else if (!node->asked) {
            ngx_http_chat_sentinel_ask(node);

        } else if (ngx_current_msec - node->since
                   > sentinel->conf->connect_timeout)
        {
            ngx_http_chat_sentinel_drop(node, "it doesn't answer");
        }
    }
}


static void
ngx_http_chat_sentinel_dial(ngx_http_chat_sentinel_node_t *node)
{
    u_char  error[NGX_HTTP_CHAT_HIREDIS_ERROR];

    node->authorized = 0;

    node->ac = ngx_http_chat_hiredis_connect(node->sentinel->conf, node->addr,
                                             node->sentinel->log,
                                             ngx_http_chat_sentinel_gone, node,
                                             error);
    if (node->ac == NULL) {
        ngx_http_chat_sentinel_complain(node, (char *) error);
        return;
    }

    node->ac->data = node;

    redisAsyncSetConnectCallback(node->ac,
                                 ngx_http_chat_sentinel_connect_handler);
    ngx_http_chat_sentinel_ask(node);
}


static void
ngx_http_chat_sentinel_ask(ngx_http_chat_sentinel_node_t *node)
{
    ngx_str_t  argv[3];

    node->asked = 1;
    node->since = ngx_current_msec;

    ngx_str_set(&argv[0], "SENTINEL");
    ngx_str_set(&argv[1], "MASTER");
    argv[2] = node->sentinel->conf->master;

    if (ngx_http_chat_sentinel_send(node, ngx_http_chat_sentinel_on_state, 3,
                                    argv)
        == NGX_OK)
    {
        ngx_str_set(&argv[1], "GET-MASTER-ADDR-BY-NAME");

        if (ngx_http_chat_sentinel_send(node,
                                        ngx_http_chat_sentinel_on_address, 3,
                                        argv)
            == NGX_OK)
        {
            return;
        }
    }

    ngx_http_chat_sentinel_drop(node, "no memory");
}


static ngx_int_t
ngx_http_chat_sentinel_send(ngx_http_chat_sentinel_node_t *node,
    redisCallbackFn *fn, ngx_uint_t argc, ngx_str_t *argv)
{
    size_t       len[3];
    ngx_uint_t   i;
    const char  *arg[3];

    for (i = 0; i < argc; i++) {
        arg[i] = (const char *) argv[i].data;
        len[i] = argv[i].len;
    }

    return redisAsyncCommandArgv(node->ac, fn, NULL, (int) argc, arg, len)
           == REDIS_OK ? NGX_OK : NGX_ERROR;
}


/* names and values, one after the other */

static void
ngx_http_chat_sentinel_on_state(redisAsyncContext *ac, void *r, void *data)
{
    redisReply                     *reply = r;
    ngx_str_t                       name;
    ngx_uint_t                      i;
    ngx_http_chat_sentinel_node_t  *node;

    node = ac->data;

    if (reply == NULL || node->ac != ac) {
        return;
    }

    node->asked_epoch = -1;

    if (reply->type == REDIS_REPLY_ERROR) {
        if (ngx_strncmp(reply->str, "NOAUTH", 6) == 0 && !node->authorized
            && node->sentinel->conf->password.len)
        {
            ngx_http_chat_sentinel_authorize(node);
            return;
        }

        ngx_http_chat_sentinel_complain(node, reply->str);
        return;
    }

    for (i = 0; /* void */ ; i += 2) {
        name = ngx_http_chat_redis_str(ngx_http_chat_redis_element(reply, i));

        if (name.data == NULL) {
            ngx_http_chat_sentinel_complain(node, "it names no epoch");
            return;
        }

        if (name.len == 12 && ngx_memcmp(name.data, "config-epoch", 12) == 0) {
            node->asked_epoch = ngx_http_chat_redis_int(
                                   ngx_http_chat_redis_element(reply, i + 1));
            return;
        }
    }
}


/* an address and a port */

static void
ngx_http_chat_sentinel_on_address(redisAsyncContext *ac, void *r, void *data)
{
    redisReply                     *reply = r;
    ngx_int_t                       port;
    ngx_str_t                       host;
    struct in6_addr                 in6;
    ngx_http_chat_sentinel_node_t  *node;

    node = ac->data;

    if (reply == NULL || node->ac != ac) {
        return;
    }

    node->asked = 0;

    if (node->asked_epoch < 0) {

        /* it has been complained about */

        return;
    }

    host = ngx_http_chat_redis_str(ngx_http_chat_redis_element(reply, 0));
    port = (ngx_int_t) ngx_http_chat_redis_int(
                                       ngx_http_chat_redis_element(reply, 1));

    if (host.len == 0 || port < 1 || port > 65535) {
        ngx_http_chat_sentinel_complain(node, "it names no address");
        return;
    }

    if (host.len > NGX_INET6_ADDRSTRLEN
        || (ngx_inet_addr(host.data, host.len) == INADDR_NONE
            && ngx_inet6_addr(host.data, host.len, in6.s6_addr) != NGX_OK))
    {
        /* a worker can't wait for a resolver */

        ngx_http_chat_sentinel_complain(node, "it gives a host name as the "
                                "master's address, which has to be numeric");
        return;
    }

    if (node->complained) {
        node->complained = 0;

        ngx_log_error(NGX_LOG_NOTICE, node->sentinel->log, 0,
                      "chat: sentinel %V is back", &node->addr->name);
    }

    node->epoch = node->asked_epoch;
    node->port = port;
    ngx_memcpy(node->host, host.data, host.len);
    node->host[host.len] = '\0';

    ngx_http_chat_sentinel_choose(node->sentinel);
}


/* it wants a password: the same as Redis has, or none that we know */

static void
ngx_http_chat_sentinel_authorize(ngx_http_chat_sentinel_node_t *node)
{
    ngx_str_t                    argv[3];
    ngx_uint_t                   n;
    ngx_http_chat_redis_conf_t  *conf;

    conf = node->sentinel->conf;
    node->authorized = 1;

    n = 0;
    ngx_str_set(&argv[n], "AUTH");
    n++;

    if (conf->user.len) {
        argv[n++] = conf->user;
    }

    argv[n++] = conf->password;

    /* the answer is that of the next question */

    if (ngx_http_chat_sentinel_send(node, NULL, n, argv) != NGX_OK) {
        ngx_http_chat_sentinel_drop(node, "no memory");
        return;
    }

    ngx_http_chat_sentinel_ask(node);
}


/* from the first Sentinel of those with the highest epoch */

static void
ngx_http_chat_sentinel_choose(ngx_http_chat_sentinel_t *sentinel)
{
    ngx_uint_t                      i;
    ngx_queue_t                    *q;
    ngx_http_chat_sentinel_node_t  *node, *best;

    best = NULL;

    for (i = 0; i < sentinel->conf->naddrs; i++) {
        node = &sentinel->nodes[i];

        if (node->port && (best == NULL || node->epoch > best->epoch)) {
            best = node;
        }
    }

    if (best == NULL
        || (best->port == sentinel->master.port
            && ngx_strcmp(best->host, sentinel->host) == 0))
    {
        return;
    }

    sentinel->master.port = best->port;
    (void) ngx_cpystrn(sentinel->host, best->host, sizeof(sentinel->host));

    ngx_log_error(NGX_LOG_NOTICE, sentinel->log, 0,
                  "chat: redis %V is %s port %ui, says sentinel %V",
                  &sentinel->conf->name, sentinel->host, sentinel->master.port,
                  &best->addr->name);

    for (q = ngx_queue_head(&sentinel->links);
         q != ngx_queue_sentinel(&sentinel->links);
         q = ngx_queue_next(q))
    {
        ngx_http_chat_redis_moved(ngx_queue_data(q, ngx_http_chat_redis_t,
                                                 follow));
    }
}


static void
ngx_http_chat_sentinel_connect_handler(const redisAsyncContext *ac, int status)
{
    if (status != REDIS_OK) {
        ngx_http_chat_sentinel_complain(ac->data, ac->errstr);
    }
}


/* hiredis is about to free the context, for whatever reason */

static void
ngx_http_chat_sentinel_gone(void *data)
{
    ngx_http_chat_sentinel_node_t *node = data;

    if (node->ac && node->ac->err) {
        ngx_http_chat_sentinel_complain(node, node->ac->errstr);
    }

    node->ac = NULL;
    node->asked = 0;
}


static void
ngx_http_chat_sentinel_drop(ngx_http_chat_sentinel_node_t *node,
    const char *why)
{
    ngx_http_chat_sentinel_complain(node, why);

    if (node->ac) {
        redisAsyncFree(node->ac);
    }
}


/* once, until it answers again */

static void
ngx_http_chat_sentinel_complain(ngx_http_chat_sentinel_node_t *node,
    const char *why)
{
    if (node->complained || node->sentinel->exiting) {
        return;
    }

    node->complained = 1;

    ngx_log_error(NGX_LOG_ERR, node->sentinel->log, 0,
                  "chat: sentinel %V is of no use for redis %V: %s",
                  &node->addr->name, &node->sentinel->conf->name, why);
}
