/*
 * A link to Redis: see the header.
 *
 * The link, made by _create, lives as long as its worker; its hiredis context
 * comes and goes with the connection.
 *
 *                create            handshake answered
 *     (none) ------------> FIRST --------------------> UP
 *                            |  failed or timed out     |  lost or moved
 *                            +-----------> DOWN <-------+
 *                                           |  ^
 *                            backoff, dial  +--+  until a handshake succeeds
 */

#include "ngx_http_chat_redis_int.h"
#include "ngx_http_chat_hiredis.h"
#include "../store/ngx_http_chat_store.h"


#define NGX_HTTP_CHAT_REDIS_BACKOFF_MIN   100
#define NGX_HTTP_CHAT_REDIS_BACKOFF_MAX   1000
#define NGX_HTTP_CHAT_REDIS_TICK          500


static void ngx_http_chat_redis_dial(ngx_http_chat_redis_t *link);
static void ngx_http_chat_redis_handshake(ngx_http_chat_redis_t *link);
static void ngx_http_chat_redis_role(redisAsyncContext *ac, void *r,
    void *data);
static void ngx_http_chat_redis_greeted(redisAsyncContext *ac, void *r,
    void *data);
static void ngx_http_chat_redis_subscribed(redisAsyncContext *ac, void *r,
    void *data);
static void ngx_http_chat_redis_set_up(ngx_http_chat_redis_t *link);
static void ngx_http_chat_redis_connect_handler(const redisAsyncContext *ac,
    int status);
static void ngx_http_chat_redis_gone(void *data);
static void ngx_http_chat_redis_complain(ngx_http_chat_redis_t *link,
    const char *why);
static void ngx_http_chat_redis_timer_handler(ngx_event_t *ev);
static void ngx_http_chat_redis_tick_handler(ngx_event_t *ev);


ngx_http_chat_redis_t *
ngx_http_chat_redis_create(ngx_http_chat_redis_conf_t *conf,
    ngx_http_chat_sentinel_t *sentinel, ngx_str_t *channels, ngx_uint_t n,
    ngx_http_chat_redis_message_pt message, ngx_http_chat_redis_state_pt state,
    void *data)
{
    ngx_http_chat_redis_t  *link;

    link = ngx_calloc(sizeof(ngx_http_chat_redis_t), ngx_cycle->log);
    if (link == NULL) {
        return NULL;
    }

    link->conf = conf;
    link->sentinel = sentinel;
    link->channels = channels;
    link->nchannels = n;
    link->message = message;
    link->state = state;
    link->data = data;
    link->log = ngx_cycle->log;
    link->backoff = NGX_HTTP_CHAT_REDIS_BACKOFF_MIN;

    ngx_queue_init(&link->ops);

    /* a worker that is told to go exits although these are set */

    link->timer.handler = ngx_http_chat_redis_timer_handler;
    link->timer.data = link;
    link->timer.log = link->log;
    link->timer.cancelable = 1;

    link->tick.handler = ngx_http_chat_redis_tick_handler;
    link->tick.data = link;
    link->tick.log = link->log;
    link->tick.cancelable = 1;

    ngx_add_timer(&link->tick, NGX_HTTP_CHAT_REDIS_TICK);

    ngx_http_chat_count(channels ? NGX_HTTP_CHAT_STAT_BUS_LINKS
                                 : NGX_HTTP_CHAT_STAT_COMMAND_LINKS);

    if (sentinel) {
        ngx_http_chat_sentinel_follow(sentinel, &link->follow);
    }

    ngx_http_chat_redis_dial(link);

    return link;
}


void
ngx_http_chat_redis_destroy(ngx_http_chat_redis_t *link)
{
    link->exiting = 1;
    link->status = ngx_http_chat_redis_down;

    if (link->ac) {
        redisAsyncFree(link->ac);
    }

    ngx_http_chat_redis_unsent(link);

    if (link->timer.timer_set) {
        ngx_del_timer(&link->timer);
    }

    if (link->sentinel) {
        ngx_queue_remove(&link->follow);
    }

    ngx_del_timer(&link->tick);
    ngx_free(link);
}


ngx_uint_t
ngx_http_chat_redis_ready(ngx_http_chat_redis_t *link)
{
    return link->status != ngx_http_chat_redis_down;
}


static void
ngx_http_chat_redis_dial(ngx_http_chat_redis_t *link)
{
    u_char                       error[NGX_HTTP_CHAT_HIREDIS_ERROR];
    ngx_http_chat_redis_addr_t  *addr;

    link->since = ngx_current_msec;

    addr = link->conf->addrs;

    if (link->sentinel) {
        addr = ngx_http_chat_sentinel_master(link->sentinel);

        if (addr == NULL) {

            /* ngx_http_chat_redis_moved() will dial */

            return;
        }
    }

    link->ac = ngx_http_chat_hiredis_connect(link->conf, addr, link->log,
                                             ngx_http_chat_redis_gone, link,
                                             error);
    if (link->ac == NULL) {
        ngx_http_chat_redis_complain(link, (char *) error);
        ngx_http_chat_redis_gone(link);
        return;
    }

    link->ac->data = link;

    redisAsyncSetConnectCallback(link->ac, ngx_http_chat_redis_connect_handler);
    ngx_http_chat_redis_handshake(link);
    ngx_http_chat_redis_unsent(link);
}


/* sent before anything else; the answers come in order, the last one counts */

static void
ngx_http_chat_redis_handshake(ngx_http_chat_redis_t *link)
{
    ngx_int_t                      rc;
    ngx_str_t                      argv[3];
    ngx_uint_t                     n;
    u_char                         db[NGX_INT_T_LEN];
    ngx_http_chat_redis_conf_t    *conf;
    ngx_http_chat_redis_script_t **script;

    rc = NGX_OK;
    conf = link->conf;

    if (conf->password.len) {
        n = 0;
        ngx_str_set(&argv[n], "AUTH");
        n++;

        if (conf->user.len) {
            argv[n++] = conf->user;
        }

        argv[n++] = conf->password;

        rc |= ngx_http_chat_redis_send(link, ngx_http_chat_redis_greeted, NULL,
                                       n, argv);
    }

    if (conf->db) {
        ngx_str_set(&argv[0], "SELECT");
        argv[1].data = db;
        argv[1].len = ngx_sprintf(db, "%ui", conf->db) - db;

        rc |= ngx_http_chat_redis_send(link, ngx_http_chat_redis_greeted, NULL,
                                       2, argv);
    }

    if (link->channels == NULL) {
        for (script = ngx_http_chat_scripts; *script; script++) {
            ngx_str_set(&argv[0], "SCRIPT");
            ngx_str_set(&argv[1], "LOAD");
            argv[2] = (*script)->text;

            rc |= ngx_http_chat_redis_send(link, ngx_http_chat_redis_greeted,
                                           NULL, 3, argv);
        }
    }

    if (link->sentinel) {
        ngx_str_set(&argv[0], "ROLE");

        rc |= ngx_http_chat_redis_send(link, ngx_http_chat_redis_role, NULL, 1,
                                       argv);
    }

    ngx_str_set(&argv[0], "PING");

    rc |= ngx_http_chat_redis_send(link, ngx_http_chat_redis_greeted, link, 1,
                                   argv);

    if (rc != NGX_OK) {
        ngx_http_chat_redis_drop(link, "no memory");
    }
}


/* Sentinels may be late to know that a master was made a replica */

static void
ngx_http_chat_redis_role(redisAsyncContext *ac, void *r, void *data)
{
    redisReply             *reply = r;
    ngx_str_t               role;
    ngx_http_chat_redis_t  *link;

    link = ac->data;

    if (reply == NULL || link->ac != ac) {
        return;
    }

    role = ngx_http_chat_redis_str(ngx_http_chat_redis_element(reply, 0));

    if (reply->type == REDIS_REPLY_ERROR) {
        ngx_http_chat_redis_drop(link, reply->str);

    } else if (role.len != 6 || ngx_memcmp(role.data, "master", 6) != 0) {
        ngx_http_chat_redis_drop(link, "it is no master");
    }
}


/* data is set for the last command of the handshake */

static void
ngx_http_chat_redis_greeted(redisAsyncContext *ac, void *r, void *data)
{
    redisReply             *reply = r;
    ngx_int_t               rc;
    ngx_str_t              *argv;
    ngx_uint_t              i;
    ngx_http_chat_redis_t  *link;

    link = ac->data;

    if (reply == NULL || link->ac != ac) {
        return;
    }

    if (reply->type == REDIS_REPLY_ERROR) {
        ngx_http_chat_redis_drop(link, reply->str);
        return;
    }

    if (data == NULL) {
        return;
    }

    if (link->channels == NULL) {
        ngx_http_chat_redis_set_up(link);
        return;
    }

    argv = ngx_alloc((link->nchannels + 1) * sizeof(ngx_str_t), link->log);
    rc = NGX_ERROR;

    if (argv) {
        ngx_str_set(&argv[0], "SUBSCRIBE");

        for (i = 0; i < link->nchannels; i++) {
            argv[i + 1] = link->channels[i];
        }

        rc = ngx_http_chat_redis_send(link, ngx_http_chat_redis_subscribed,
                                      NULL, link->nchannels + 1, argv);
        ngx_free(argv);
    }

    if (rc != NGX_OK) {
        ngx_http_chat_redis_drop(link, "no memory");
    }
}


/* ["subscribe", channel, count] or ["message", channel, payload] */

static void
ngx_http_chat_redis_subscribed(redisAsyncContext *ac, void *r, void *data)
{
    redisReply             *reply = r, *count;
    ngx_str_t               kind, channel, payload;
    ngx_http_chat_redis_t  *link;

    link = ac->data;

    if (reply == NULL || link->ac != ac) {
        return;
    }

    if (reply->type == REDIS_REPLY_ERROR) {
        ngx_http_chat_redis_drop(link, reply->str);
        return;
    }

    link->since = ngx_current_msec;

    kind = ngx_http_chat_redis_str(ngx_http_chat_redis_element(reply, 0));
    count = ngx_http_chat_redis_element(reply, 2);

    if (kind.len == 9 && ngx_memcmp(kind.data, "subscribe", 9) == 0) {
        if (ngx_http_chat_redis_int(count) == (int64_t) link->nchannels) {
            ngx_http_chat_redis_set_up(link);
        }

        return;
    }

    if (kind.len == 7 && ngx_memcmp(kind.data, "message", 7) == 0) {
        channel = ngx_http_chat_redis_str(
                                       ngx_http_chat_redis_element(reply, 1));
        payload = ngx_http_chat_redis_str(count);

        link->message(link->data, &channel, &payload);
    }
}


static void
ngx_http_chat_redis_set_up(ngx_http_chat_redis_t *link)
{
    if (link->complained) {
        ngx_log_error(NGX_LOG_NOTICE, link->log, 0,
                      "chat: redis %V is back (%s link)", &link->conf->name,
                      link->channels ? "subscriber" : "command");
    }

    ngx_http_chat_count(link->channels ? NGX_HTTP_CHAT_STAT_BUS_UP
                                       : NGX_HTTP_CHAT_STAT_COMMAND_UP);

    if (link->known) {
        ngx_http_chat_count(link->channels
                                ? NGX_HTTP_CHAT_STAT_BUS_RECONNECTS
                                : NGX_HTTP_CHAT_STAT_COMMAND_RECONNECTS);
    }

    link->known = 1;
    link->status = ngx_http_chat_redis_up;
    link->backoff = NGX_HTTP_CHAT_REDIS_BACKOFF_MIN;
    link->complained = 0;
    link->told = 1;

    if (link->state) {
        link->state(link->data, 1);
    }
}


static void
ngx_http_chat_redis_connect_handler(const redisAsyncContext *ac, int status)
{
    if (status != REDIS_OK) {
        ngx_http_chat_redis_complain(ac->data, ac->errstr);
    }
}


/* hiredis is about to free the context, for whatever reason */

static void
ngx_http_chat_redis_gone(void *data)
{
    ngx_http_chat_redis_t *link = data;

    ngx_msec_t  delay;

    if (link->ac && link->ac->err) {
        ngx_http_chat_redis_complain(link, link->ac->errstr);
    }

    if (link->status == ngx_http_chat_redis_up) {
        ngx_http_chat_uncount(link->channels ? NGX_HTTP_CHAT_STAT_BUS_UP
                                             : NGX_HTTP_CHAT_STAT_COMMAND_UP);
    }

    link->ac = NULL;
    link->status = ngx_http_chat_redis_down;

    if (link->exiting) {
        return;
    }

    /* half of it fixed, half by chance: workers don't all dial at once */

    delay = link->backoff / 2 + ngx_random() % (link->backoff / 2 + 1);
    link->backoff = ngx_min(link->backoff * 2, NGX_HTTP_CHAT_REDIS_BACKOFF_MAX);

    ngx_add_timer(&link->timer, delay);

    ngx_http_chat_redis_unsent(link);

    if (link->told) {
        link->told = 0;

        if (link->state) {
            link->state(link->data, 0);
        }
    }
}


/* once for each outage, not for each try */

static void
ngx_http_chat_redis_complain(ngx_http_chat_redis_t *link, const char *why)
{
    if (link->complained || link->exiting) {
        return;
    }

    link->complained = 1;

    ngx_log_error(NGX_LOG_ERR, link->log, 0,
                  "chat: redis %V is away (%s link): %s", &link->conf->name,
                  link->channels ? "subscriber" : "command", why);
}


void
ngx_http_chat_redis_moved(ngx_http_chat_redis_t *link)
{
    link->backoff = NGX_HTTP_CHAT_REDIS_BACKOFF_MIN;

    if (link->ac) {
        ngx_http_chat_redis_drop(link, "another is the master now");
        return;
    }

    if (link->timer.timer_set) {
        ngx_del_timer(&link->timer);
    }

    ngx_http_chat_redis_dial(link);
}


void
ngx_http_chat_redis_drop(ngx_http_chat_redis_t *link, const char *why)
{
    ngx_http_chat_redis_complain(link, why);

    link->status = ngx_http_chat_redis_down;

    /* within a callback of hiredis it is freed when that returns */

    if (link->ac) {
        redisAsyncFree(link->ac);
    }
}


static void
ngx_http_chat_redis_timer_handler(ngx_event_t *ev)
{
    ngx_http_chat_redis_dial(ev->data);
}


static void
ngx_http_chat_redis_tick_handler(ngx_event_t *ev)
{
    ngx_http_chat_redis_t *link = ev->data;

    ngx_msec_t                 now;
    ngx_queue_t               *q;
    ngx_http_chat_redis_op_t  *op;

    now = ngx_current_msec;

    ngx_add_timer(ev, NGX_HTTP_CHAT_REDIS_TICK);

    if (link->status != ngx_http_chat_redis_up) {

        if (now - link->since <= link->conf->connect_timeout) {
            return;
        }

        if (link->ac) {
            ngx_http_chat_redis_drop(link,
                                     ngx_http_chat_hiredis_late(link->ac));

        } else if (link->status == ngx_http_chat_redis_first) {
            ngx_http_chat_redis_drop(link, "no Sentinel names a master");
            ngx_http_chat_redis_unsent(link);
        }

        return;
    }

    /*
     * each worker publishes a sign of life to itself, so that silence on the
     * subscriber link means that it is dead
     */

    if (link->channels) {
        if (now - link->since > link->conf->read_timeout) {
            ngx_http_chat_redis_drop(link, "nothing came for too long");
        }

        return;
    }

    if (!ngx_queue_empty(&link->ops)) {
        q = ngx_queue_head(&link->ops);
        op = ngx_queue_data(q, ngx_http_chat_redis_op_t, queue);

        if (now - op->sent > link->conf->read_timeout) {
            ngx_http_chat_redis_drop(link, "a reply timed out");
        }
    }
}
