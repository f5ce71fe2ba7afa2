/*
 * Directives, configuration and life-cycle hooks.  Tables and checks only: the
 * work is done in http/ and live/.
 */

#include "ngx_http_chat_conf.h"
#include "ngx_http_chat_stat.h"
#include "http/ngx_http_chat_http.h"
#include "live/ngx_http_chat_live.h"
#include "auth/ngx_http_chat_clients.h"
#include "auth/ngx_http_chat_password.h"
#include "auth/ngx_http_chat_rate.h"

#include <sodium.h>


#define NGX_HTTP_CHAT_ANY_CONF                                                \
    (NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF)


static ngx_int_t ngx_http_chat_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_chat_init_process(ngx_cycle_t *cycle);
static void ngx_http_chat_exit_process(ngx_cycle_t *cycle);
static ngx_uint_t ngx_http_chat_is_worker(ngx_cycle_t *cycle);
static void *ngx_http_chat_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_chat_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_chat_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);


static ngx_conf_enum_t  ngx_http_chat_password_schemes[] = {
    { ngx_string("argon2id"), NGX_HTTP_CHAT_ARGON2ID },
    { ngx_string("bcrypt"), NGX_HTTP_CHAT_BCRYPT },
    { ngx_null_string, 0 }
};


/* bounds of times are in the unit of their field */

static ngx_conf_num_bounds_t  ngx_http_chat_session_ttl_bounds = {
    ngx_conf_check_num_bounds, 60, 10 * 365 * 24 * 3600
};

static ngx_conf_num_bounds_t  ngx_http_chat_max_sessions_bounds = {
    ngx_conf_check_num_bounds, 1, 10 * 1000
};

static ngx_conf_num_bounds_t  ngx_http_chat_max_connections_bounds = {
    ngx_conf_check_num_bounds, 1, 1000 * 1000
};

static ngx_conf_num_bounds_t  ngx_http_chat_ping_bounds = {
    ngx_conf_check_num_bounds, 100, 3600 * 1000
};

static ngx_conf_num_bounds_t  ngx_http_chat_wait_bounds = {
    ngx_conf_check_num_bounds, 0, 60 * 1000
};

static ngx_conf_num_bounds_t  ngx_http_chat_max_payload_bounds = {
    ngx_conf_check_num_bounds, 64, 64 * 1024 * 1024
};

static ngx_conf_num_bounds_t  ngx_http_chat_send_queue_bounds = {
    ngx_conf_check_num_bounds, 4096, 1024 * 1024 * 1024
};

static ngx_conf_num_bounds_t  ngx_http_chat_max_message_bounds = {
    ngx_conf_check_num_bounds, 1, 1024 * 1024
};

static ngx_conf_num_bounds_t  ngx_http_chat_history_bounds = {
    ngx_conf_check_num_bounds, 0, 1000 * 1000 * 1000
};


static ngx_conf_num_bounds_t  ngx_http_chat_redis_connect_bounds = {
    ngx_conf_check_num_bounds, 500, 60 * 1000
};

/* a worker gives itself a sign of life over Redis every 1.5 seconds */

static ngx_conf_num_bounds_t  ngx_http_chat_redis_read_bounds = {
    ngx_conf_check_num_bounds, 3000, 60 * 1000
};


static ngx_command_t  ngx_http_chat_commands[] = {

    { ngx_string("chat"),
      NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_http_chat_set,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, enable),
      NULL },

    { ngx_string("chat_redis"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_chat_set_redis,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_redis_connect_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_chat_main_conf_t, redis_connect_timeout),
      &ngx_http_chat_redis_connect_bounds },

    { ngx_string("chat_redis_read_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_chat_main_conf_t, redis_read_timeout),
      &ngx_http_chat_redis_read_bounds },

    { ngx_string("chat_redis_ssl_name"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_chat_main_conf_t, redis_ssl_name),
      NULL },

    { ngx_string("chat_redis_ssl_trusted_certificate"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_chat_main_conf_t, redis_ssl_trusted),
      NULL },

    { ngx_string("chat_redis_ssl_certificate"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_chat_main_conf_t, redis_ssl_certificate),
      NULL },

    { ngx_string("chat_redis_ssl_certificate_key"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_chat_main_conf_t, redis_ssl_key),
      NULL },

    { ngx_string("chat_user"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_chat_set_user,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_require"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, require),
      NULL },

    { ngx_string("chat_admins"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_1MORE,
      ngx_http_chat_set_admins,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_chat_set_status,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_log"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE12,
      ngx_http_chat_set_log,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_registration"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, registration),
      NULL },

    { ngx_string("chat_demo_data"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, demo_data),
      NULL },

    { ngx_string("chat_links"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_chat_set_links,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_session_ttl"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_sec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, session_ttl),
      &ngx_http_chat_session_ttl_bounds },

    { ngx_string("chat_cookie"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE1234,
      ngx_http_chat_set_cookie,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_password_scheme"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, password_scheme),
      &ngx_http_chat_password_schemes },

    { ngx_string("chat_login_rate"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_chat_set_login_rate,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_max_sessions"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_chat_set_limit,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, max_sessions),
      &ngx_http_chat_max_sessions_bounds },

    { ngx_string("chat_max_connections"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_chat_set_limit,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, max_connections),
      &ngx_http_chat_max_connections_bounds },

    { ngx_string("chat_message_rate"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE12,
      ngx_http_chat_set_message_rate,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_ping_interval"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, ping_interval),
      &ngx_http_chat_ping_bounds },

    { ngx_string("chat_ping_timeout"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, ping_timeout),
      &ngx_http_chat_ping_bounds },

    { ngx_string("chat_presence_grace"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, presence_grace),
      &ngx_http_chat_wait_bounds },

    { ngx_string("chat_drain_time"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, drain_time),
      &ngx_http_chat_wait_bounds },

    { ngx_string("chat_max_payload"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, max_payload),
      &ngx_http_chat_max_payload_bounds },

    { ngx_string("chat_deflate"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, deflate),
      NULL },

    { ngx_string("chat_send_queue"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, send_queue),
      &ngx_http_chat_send_queue_bounds },

    { ngx_string("chat_max_message"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, max_message),
      &ngx_http_chat_max_message_bounds },

    { ngx_string("chat_allowed_origins"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_1MORE,
      ngx_http_chat_set_origins,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_history_limit"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, history_limit),
      &ngx_http_chat_history_bounds },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_chat_module_ctx = {
    ngx_http_chat_add_variables,           /* preconfiguration */
    ngx_http_chat_init,                    /* postconfiguration */

    ngx_http_chat_create_main_conf,        /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_chat_create_loc_conf,         /* create location configuration */
    ngx_http_chat_merge_loc_conf           /* merge location configuration */
};


ngx_module_t  ngx_http_chat_module = {
    NGX_MODULE_V1,
    &ngx_http_chat_module_ctx,             /* module context */
    ngx_http_chat_commands,                /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_chat_init_process,            /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_chat_exit_process,            /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_chat_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    ngx_http_chat_store_init();

    if (ngx_http_chat_redis_conf_init(cf) != NGX_OK
        || ngx_http_chat_rate_init(cf) != NGX_OK
        || ngx_http_chat_clients_init(cf) != NGX_OK
        || ngx_http_chat_stat_zone(cf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    /*
     * handlers of a phase run last registered first, so this one is before
     * those of nginx itself, try_files among them
     */

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_chat_precontent_handler;

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_ACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_chat_access_handler;

    return NGX_OK;
}


static ngx_int_t
ngx_http_chat_init_process(ngx_cycle_t *cycle)
{
    if (!ngx_http_chat_is_worker(cycle)) {
        return NGX_OK;
    }

    if (ngx_http_chat_stat_init(cycle) != NGX_OK
        || ngx_http_chat_password_init(cycle) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_chat_live_init(cycle);
}


static void
ngx_http_chat_exit_process(ngx_cycle_t *cycle)
{
    if (!ngx_http_chat_is_worker(cycle)) {
        return;
    }

    ngx_http_chat_live_exit(cycle);
    ngx_http_chat_password_exit(cycle);
    ngx_http_chat_stat_exit(cycle);
}


/* a process that serves requests, in a configuration that has a chat */

static ngx_uint_t
ngx_http_chat_is_worker(ngx_cycle_t *cycle)
{
    ngx_uint_t                    i;
    ngx_http_chat_main_conf_t    *cmcf;
    ngx_http_chat_redis_conf_t  **redis;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return 0;
    }

    cmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_chat_module);
    if (cmcf == NULL) {
        return 0;
    }

    redis = cmcf->redis.elts;

    for (i = 0; i < cmcf->redis.nelts; i++) {
        if (redis[i]->used) {
            return 1;
        }
    }

    return 0;
}


static void *
ngx_http_chat_create_main_conf(ngx_conf_t *cf)
{
    u_char                      random[8];
    struct timespec             ts;
    ngx_http_chat_main_conf_t  *cmcf;

    if (sodium_init() < 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "sodium_init() failed");
        return NULL;
    }

    cmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_chat_main_conf_t));
    if (cmcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&cmcf->redis, cf->pool, 1, sizeof(void *)) != NGX_OK
        || ngx_array_init(&cmcf->locations, cf->pool, 1, sizeof(void *))
           != NGX_OK)
    {
        return NULL;
    }

    cmcf->redis_connect_timeout = NGX_CONF_UNSET_MSEC;
    cmcf->redis_read_timeout = NGX_CONF_UNSET_MSEC;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);
    cmcf->generation = (uint64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;

    cmcf->server_id.len = 2 * sizeof(random);
    cmcf->server_id.data = ngx_pnalloc(cf->pool, cmcf->server_id.len);
    if (cmcf->server_id.data == NULL) {
        return NULL;
    }

    randombytes_buf(random, sizeof(random));
    ngx_hex_dump(cmcf->server_id.data, random, sizeof(random));

    return cmcf;
}


static void *
ngx_http_chat_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_chat_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_chat_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->enable = NGX_CONF_UNSET;
    conf->require = NGX_CONF_UNSET;
    conf->log = NGX_CONF_UNSET_PTR;
    conf->user = NGX_CONF_UNSET_PTR;
    conf->admins = NGX_CONF_UNSET_PTR;
    conf->registration = NGX_CONF_UNSET;
    conf->demo_data = NGX_CONF_UNSET;
    conf->session_ttl = NGX_CONF_UNSET;
    conf->cookie_secure = NGX_CONF_UNSET_UINT;
    conf->cookie_samesite = NGX_CONF_UNSET_UINT;
    conf->password_scheme = NGX_CONF_UNSET_UINT;
    conf->login_rate = NGX_CONF_UNSET_UINT;
    conf->login_rate_time = NGX_CONF_UNSET_MSEC;
    conf->max_sessions = NGX_CONF_UNSET_UINT;
    conf->max_connections = NGX_CONF_UNSET_UINT;
    conf->message_burst = NGX_CONF_UNSET_UINT;
    conf->ping_interval = NGX_CONF_UNSET_MSEC;
    conf->ping_timeout = NGX_CONF_UNSET_MSEC;
    conf->presence_grace = NGX_CONF_UNSET_MSEC;
    conf->drain_time = NGX_CONF_UNSET_MSEC;
    conf->max_payload = NGX_CONF_UNSET_SIZE;
    conf->send_queue = NGX_CONF_UNSET_SIZE;
    conf->deflate = NGX_CONF_UNSET;
    conf->max_message = NGX_CONF_UNSET_UINT;
    conf->history_limit = NGX_CONF_UNSET_UINT;
    conf->origin = NGX_CONF_UNSET_UINT;
    conf->origins = NGX_CONF_UNSET_PTR;

    return conf;
}


static char *
ngx_http_chat_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_chat_loc_conf_t  *prev = parent;
    ngx_http_chat_loc_conf_t  *conf = child;

    if (conf->enable == NGX_CONF_UNSET) {
        conf->enable = (prev->enable == 1);
        conf->base = prev->base;
    }

    ngx_conf_merge_str_value(conf->redis_url, prev->redis_url,
                             "redis://127.0.0.1:6379/0");
    ngx_conf_merge_value(conf->require, prev->require, 0);
    ngx_conf_merge_ptr_value(conf->log, prev->log, NULL);
    ngx_conf_merge_ptr_value(conf->user, prev->user, NULL);
    ngx_conf_merge_ptr_value(conf->admins, prev->admins, NULL);
    ngx_conf_merge_value(conf->registration, prev->registration, 1);
    ngx_conf_merge_value(conf->demo_data, prev->demo_data, 0);
    ngx_conf_merge_str_value(conf->links_file, prev->links_file, "");
    ngx_conf_merge_str_value(conf->links, prev->links, "{}");
    ngx_conf_merge_sec_value(conf->session_ttl, prev->session_ttl,
                             7 * 24 * 3600);

    if (conf->cookie.data == NULL) {
        conf->cookie_path = prev->cookie_path;
    }

    ngx_conf_merge_str_value(conf->cookie, prev->cookie, "chat_session");
    ngx_conf_merge_uint_value(conf->cookie_secure, prev->cookie_secure,
                              NGX_HTTP_CHAT_AUTO);
    ngx_conf_merge_uint_value(conf->cookie_samesite, prev->cookie_samesite,
                              NGX_HTTP_CHAT_SAMESITE_LAX);
    ngx_conf_merge_uint_value(conf->password_scheme, prev->password_scheme,
                              NGX_HTTP_CHAT_ARGON2ID);
    ngx_conf_merge_uint_value(conf->login_rate, prev->login_rate, 10);
    ngx_conf_merge_msec_value(conf->login_rate_time, prev->login_rate_time,
                              60000);
    ngx_conf_merge_uint_value(conf->max_sessions, prev->max_sessions, 32);
    ngx_conf_merge_uint_value(conf->max_connections, prev->max_connections,
                              200);

    if (conf->message_burst == NGX_CONF_UNSET_UINT) {
        ngx_conf_merge_uint_value(conf->message_burst, prev->message_burst, 30);

        conf->message_cost = prev->message_burst == NGX_CONF_UNSET_UINT
                             ? 100000 : prev->message_cost;
    }

    ngx_conf_merge_msec_value(conf->ping_interval, prev->ping_interval, 25000);
    ngx_conf_merge_msec_value(conf->ping_timeout, prev->ping_timeout, 20000);
    ngx_conf_merge_msec_value(conf->presence_grace, prev->presence_grace, 3000);
    ngx_conf_merge_msec_value(conf->drain_time, prev->drain_time, 5000);
    ngx_conf_merge_size_value(conf->max_payload, prev->max_payload,
                              1024 * 1024);
    ngx_conf_merge_size_value(conf->send_queue, prev->send_queue, 1024 * 1024);
    ngx_conf_merge_value(conf->deflate, prev->deflate, 0);
    ngx_conf_merge_uint_value(conf->max_message, prev->max_message, 32768);
    ngx_conf_merge_uint_value(conf->history_limit, prev->history_limit, 0);

    if (conf->origin == NGX_CONF_UNSET_UINT) {
        conf->origin = prev->origin == NGX_CONF_UNSET_UINT
                           ? NGX_HTTP_CHAT_ORIGIN_SAME : prev->origin;
    }

    ngx_conf_merge_ptr_value(conf->origins, prev->origins, NULL);

    if (!conf->enable && !conf->require) {
        return NGX_CONF_OK;
    }

    conf->redis = ngx_http_chat_redis_conf(cf, &conf->redis_url);
    if (conf->redis == NULL) {
        return NGX_CONF_ERROR;
    }

    conf->redis->used = 1;

    if (!conf->enable) {
        return NGX_CONF_OK;
    }

    if (conf->demo_data) {
        conf->redis->demo_data = 1;
        conf->redis->password_scheme = conf->password_scheme;
    }

    conf->redis->drain_time = ngx_max(conf->redis->drain_time,
                                      conf->drain_time);

    return ngx_http_chat_conf_key(cf, conf);
}
