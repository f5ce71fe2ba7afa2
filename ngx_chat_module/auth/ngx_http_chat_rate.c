/*
 * Log-ins that failed, and messages, in leaky buckets.
 */

#include "ngx_http_chat_rate.h"
#include "ngx_http_chat_bucket.h"


/* budgets of a name, and of an address */
#define NGX_HTTP_CHAT_RATE_WIDE      10

/* microseconds that a client has to wait at most */
#define NGX_HTTP_CHAT_RATE_LONGEST   ((uint64_t) 15 * 60 * 1000000)

/* bursts of messages that may be refused */
#define NGX_HTTP_CHAT_RATE_REFUSED   10


typedef enum {
    NGX_HTTP_CHAT_RATE_PAIR = 0,
    NGX_HTTP_CHAT_RATE_NAME,
    NGX_HTTP_CHAT_RATE_ADDRESS,
    NGX_HTTP_CHAT_RATE_KINDS
} ngx_http_chat_rate_kind_e;


static ngx_shm_zone_t *ngx_http_chat_rate_zone(ngx_http_request_t *r);
static void ngx_http_chat_rate_ids(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *conf, ngx_str_t *name,
    ngx_http_chat_bucket_id_t *ids);
static uint64_t ngx_http_chat_rate_cost(ngx_http_chat_loc_conf_t *conf);
static uint64_t ngx_http_chat_rate_wait(ngx_http_chat_bucket_t *bucket,
    ngx_uint_t budgets, ngx_http_chat_loc_conf_t *conf);


ngx_int_t
ngx_http_chat_rate_init(ngx_conf_t *cf)
{
    ngx_http_chat_main_conf_t  *cmcf;

    static ngx_str_t  logins = ngx_string("chat_login_rate");
    static ngx_str_t  messages = ngx_string("chat_message_rate");

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_chat_module);

    cmcf->login_zone = ngx_http_chat_bucket_zone(cf, &logins);
    cmcf->message_zone = ngx_http_chat_bucket_zone(cf, &messages);

    return cmcf->login_zone && cmcf->message_zone ? NGX_OK : NGX_ERROR;
}


ngx_uint_t
ngx_http_chat_rate_check(ngx_http_request_t *r, ngx_http_chat_loc_conf_t *conf,
    ngx_str_t *name)
{
    uint64_t                    wait;
    ngx_uint_t                  kind;
    ngx_shm_zone_t             *zone;
    ngx_http_chat_bucket_t     *bucket;
    ngx_http_chat_bucket_id_t   ids[NGX_HTTP_CHAT_RATE_KINDS];

    if (conf->login_rate == 0) {
        return 0;
    }

    ngx_http_chat_rate_ids(r, conf, name, ids);

    zone = ngx_http_chat_rate_zone(r);
    wait = 0;

    ngx_http_chat_bucket_lock(zone);

    for (kind = 0; kind < NGX_HTTP_CHAT_RATE_KINDS && wait == 0; kind++) {

        bucket = ngx_http_chat_bucket_find(zone, &ids[kind]);
        if (bucket == NULL) {
            continue;
        }

        if (kind != NGX_HTTP_CHAT_RATE_PAIR) {
            wait = ngx_http_chat_rate_wait(bucket, NGX_HTTP_CHAT_RATE_WIDE,
                                           conf);
            continue;
        }

        wait = ngx_http_chat_rate_wait(bucket, 1, conf);

        if (wait) {
            ngx_http_chat_bucket_add(&bucket->empty,
                                     ngx_http_chat_rate_cost(conf));

            wait = ngx_http_chat_rate_wait(bucket, 1, conf);

            if (wait > NGX_HTTP_CHAT_RATE_LONGEST) {
                bucket->empty -= wait - NGX_HTTP_CHAT_RATE_LONGEST;
                wait = NGX_HTTP_CHAT_RATE_LONGEST;
            }

        } else if (bucket->known) {
            break;
        }
    }

    ngx_http_chat_bucket_unlock(zone);

    return (wait + 999999) / 1000000;
}


void
ngx_http_chat_rate_failure(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *conf, ngx_str_t *name)
{
    ngx_uint_t                  kind;
    ngx_shm_zone_t             *zone;
    ngx_http_chat_bucket_t     *bucket;
    ngx_http_chat_bucket_id_t   ids[NGX_HTTP_CHAT_RATE_KINDS];

    if (conf->login_rate == 0) {
        return;
    }

    ngx_http_chat_rate_ids(r, conf, name, ids);

    zone = ngx_http_chat_rate_zone(r);

    ngx_http_chat_bucket_lock(zone);

    for (kind = 0; kind < NGX_HTTP_CHAT_RATE_KINDS; kind++) {

        bucket = ngx_http_chat_bucket_get(zone, &ids[kind]);

        if (bucket) {
            ngx_http_chat_bucket_add(&bucket->empty,
                                     ngx_http_chat_rate_cost(conf));
        }
    }

    ngx_http_chat_bucket_unlock(zone);
}


void
ngx_http_chat_rate_success(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *conf, ngx_str_t *name)
{
    ngx_shm_zone_t             *zone;
    ngx_http_chat_bucket_t     *bucket;
    ngx_http_chat_bucket_id_t   ids[NGX_HTTP_CHAT_RATE_KINDS];

    if (conf->login_rate == 0) {
        return;
    }

    ngx_http_chat_rate_ids(r, conf, name, ids);

    zone = ngx_http_chat_rate_zone(r);

    ngx_http_chat_bucket_lock(zone);

    bucket = ngx_http_chat_bucket_get(zone, &ids[NGX_HTTP_CHAT_RATE_PAIR]);

    if (bucket) {
        bucket->empty = ngx_http_chat_bucket_now();
        bucket->known = 1;
    }

    ngx_http_chat_bucket_unlock(zone);
}


static ngx_shm_zone_t *
ngx_http_chat_rate_zone(ngx_http_request_t *r)
{
    ngx_http_chat_main_conf_t  *cmcf;

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_chat_module);

    return cmcf->login_zone;
}


static void
ngx_http_chat_rate_ids(ngx_http_request_t *r, ngx_http_chat_loc_conf_t *conf,
    ngx_str_t *name, ngx_http_chat_bucket_id_t *ids)
{
    u_char      number;
    ngx_str_t   parts[4];
    ngx_uint_t  kind;

    for (kind = 0; kind < NGX_HTTP_CHAT_RATE_KINDS; kind++) {

        number = (u_char) kind;

        parts[0].len = 1;
        parts[0].data = &number;
        parts[1] = conf->redis_url;
        parts[2] = ngx_http_chat_rate_address(r);
        parts[3] = *name;

        if (kind == NGX_HTTP_CHAT_RATE_NAME) {
            parts[2].len = 0;
        }

        if (kind == NGX_HTTP_CHAT_RATE_ADDRESS) {
            parts[3].len = 0;
        }

        ngx_http_chat_bucket_id(&ids[kind], parts, 4);
    }
}


ngx_str_t
ngx_http_chat_rate_address(ngx_http_request_t *r)
{
    ngx_str_t             address;
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    switch (r->connection->sockaddr->sa_family) {

    case AF_INET:
        sin = (struct sockaddr_in *) r->connection->sockaddr;
        address.len = sizeof(sin->sin_addr);
        address.data = (u_char *) &sin->sin_addr;
        break;

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) r->connection->sockaddr;
        address.len = 8;
        address.data = (u_char *) &sin6->sin6_addr;

        /* an IPv4 client of a socket that takes both */

        if (IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr)) {
            address.len = 4;
            address.data += 12;
        }

        break;
#endif

    default:
        ngx_str_null(&address);
    }

    return address;
}


static uint64_t
ngx_http_chat_rate_cost(ngx_http_chat_loc_conf_t *conf)
{
    return (uint64_t) conf->login_rate_time * 1000 / conf->login_rate;
}


/* how long until one more try has room */

static uint64_t
ngx_http_chat_rate_wait(ngx_http_chat_bucket_t *bucket, ngx_uint_t budgets,
    ngx_http_chat_loc_conf_t *conf)
{
    uint64_t  filled, size;

    filled = ngx_http_chat_bucket_left(bucket->empty)
             + ngx_http_chat_rate_cost(conf);
    size = budgets * (uint64_t) conf->login_rate_time * 1000;

    return filled > size ? filled - size : 0;
}


ngx_int_t
ngx_http_chat_rate_message(ngx_http_chat_main_conf_t *cmcf,
    ngx_http_chat_loc_conf_t *conf, ngx_str_t *user_id)
{
    uint64_t                    size;
    ngx_int_t                   rc;
    ngx_str_t                   parts[2];
    ngx_http_chat_bucket_t     *bucket;
    ngx_http_chat_bucket_id_t   id;

    if (conf->message_cost == 0) {
        return NGX_OK;
    }

    parts[0] = conf->redis_url;
    parts[1] = *user_id;
    ngx_http_chat_bucket_id(&id, parts, 2);

    size = conf->message_cost * conf->message_burst;
    rc = NGX_OK;

    ngx_http_chat_bucket_lock(cmcf->message_zone);

    bucket = ngx_http_chat_bucket_get(cmcf->message_zone, &id);

    if (bucket == NULL) {

        /* void */

    } else if (ngx_http_chat_bucket_left(bucket->empty) + conf->message_cost
               <= size)
    {
        ngx_http_chat_bucket_add(&bucket->empty, conf->message_cost);

    } else if (ngx_http_chat_bucket_left(bucket->refused) + conf->message_cost
               <= size * NGX_HTTP_CHAT_RATE_REFUSED)
    {
        ngx_http_chat_bucket_add(&bucket->refused, conf->message_cost);
        rc = NGX_BUSY;

    } else {
        rc = NGX_ABORT;
    }

    ngx_http_chat_bucket_unlock(cmcf->message_zone);

    return rc;
}
