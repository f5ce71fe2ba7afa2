/*
 * The module's configuration, and the entry points of its life cycle.
 *
 * Configuration lives in the cycle's pool.  A live connection keeps a pointer
 * to the location configuration it was opened under; workers keep their cycle
 * until they exit.
 */

#ifndef NGX_HTTP_CHAT_MODULE_H
#define NGX_HTTP_CHAT_MODULE_H

#include "ngx_http_chat_compat.h"
#include "proto/chat_str.h"


typedef struct ngx_http_chat_hub_s  ngx_http_chat_hub_t;


#define NGX_HTTP_CHAT_AUTO            2

#define NGX_HTTP_CHAT_SAMESITE_LAX    0
#define NGX_HTTP_CHAT_SAMESITE_STRICT 1
#define NGX_HTTP_CHAT_SAMESITE_NONE   2

#define NGX_HTTP_CHAT_ARGON2ID        0
#define NGX_HTTP_CHAT_BCRYPT          1

#define NGX_HTTP_CHAT_ORIGIN_SAME     0
#define NGX_HTTP_CHAT_ORIGIN_ANY      1
#define NGX_HTTP_CHAT_ORIGIN_LIST     2

#define NGX_HTTP_CHAT_KEY_LEN         32


/* where to connect to: hosts have been resolved when workers see this */

typedef struct {
    u_char                       *host;           /* a numeric address, an IPv6
                                                     one without brackets */
    ngx_uint_t                    port;
    ngx_str_t                     name;           /* both, for logs */
    u_char                       *server;         /* the host as written; NULL:
                                                     it has only the address */
} ngx_http_chat_redis_addr_t;


/* one Redis, as chat_redis names it; equal URLs share one (and so one hub) */

typedef struct {
    ngx_str_t                     url;            /* as written, the key */
    ngx_str_t                     name;           /* for logs: no password */
    ngx_str_t                     user;
    ngx_str_t                     password;
    ngx_http_chat_redis_addr_t   *addrs;          /* one, or the Sentinels */
    ngx_uint_t                    naddrs;         /* 0 for a Unix socket */
    ngx_str_t                     master;         /* its name at the Sentinels;
                                                     len 0: there are none */
    u_char                       *path;           /* as hosts: with a 0 */
    ngx_uint_t                    db;
    ngx_uint_t                    tls;            /* rediss, sentinels */
    struct ssl_ctx_st            *ssl;            /* OpenSSL's, with tls */
    u_char                       *ssl_name;       /* of the certificate; NULL:
                                                     that of the address */
    ngx_msec_t                    connect_timeout;
    ngx_msec_t                    read_timeout;

    ngx_uint_t                    index;          /* in main->redis */
    ngx_uint_t                    used;           /* by some location */
    ngx_msec_t                    drain_time;     /* longest of its locations */
    ngx_uint_t                    demo_data;      /* chat_demo_data on */
    ngx_uint_t                    password_scheme; /* of the demo's users */
} ngx_http_chat_redis_conf_t;


typedef struct {
    ngx_array_t                   redis;          /* of pointers to the above */
    ngx_msec_t                    redis_connect_timeout;
    ngx_msec_t                    redis_read_timeout;
    ngx_str_t                     redis_ssl_name; /* len 0: not given, as of */
    ngx_str_t                     redis_ssl_trusted;      /* these files */
    ngx_str_t                     redis_ssl_certificate;
    ngx_str_t                     redis_ssl_key;

    ngx_str_t                     server_id;      /* of this nginx instance */
    ngx_shm_zone_t               *stat_zone;      /* of chat_status */
    ngx_shm_zone_t               *login_zone;     /* of chat_login_rate, */
    ngx_shm_zone_t               *message_zone;   /* chat_message_rate, */
    ngx_shm_zone_t               *client_zone;    /* chat_max_connections */
    ngx_array_t                   locations;      /* of pointers to those with
                                                     a chat */
    uint64_t                      generation;     /* of two configurations the
                                                     newer has the higher */
} ngx_http_chat_main_conf_t;


/* what chat_log's format is made of: text, or (text.len 0) a variable */

typedef enum {
    NGX_HTTP_CHAT_LOG_TIME_ISO8601 = 0,
    NGX_HTTP_CHAT_LOG_TIME_LOCAL,
    NGX_HTTP_CHAT_LOG_MSEC,
    NGX_HTTP_CHAT_LOG_REMOTE_ADDR,
    NGX_HTTP_CHAT_LOG_USER,
    NGX_HTTP_CHAT_LOG_USER_ID,
    NGX_HTTP_CHAT_LOG_SESSION,
    NGX_HTTP_CHAT_LOG_TRANSPORT,
    NGX_HTTP_CHAT_LOG_DURATION,
    NGX_HTTP_CHAT_LOG_PACKETS_RECEIVED,
    NGX_HTTP_CHAT_LOG_PACKETS_SENT,
    NGX_HTTP_CHAT_LOG_BYTES_RECEIVED,
    NGX_HTTP_CHAT_LOG_BYTES_SENT,
    NGX_HTTP_CHAT_LOG_CODE,
    NGX_HTTP_CHAT_LOG_REASON
} ngx_http_chat_log_variable_e;

typedef struct {
    ngx_str_t                     text;
    ngx_http_chat_log_variable_e  variable;
} ngx_http_chat_log_part_t;

typedef struct {
    ngx_open_file_t              *file;
    ngx_array_t                   parts;          /* of the above */
    size_t                        len;            /* of all text */
} ngx_http_chat_log_t;


typedef struct {
    ngx_flag_t                    enable;
    ngx_str_t                     base;           /* the location that said
                                                     "chat on", without the
                                                     slash at its end */
    ngx_str_t                     redis_url;
    ngx_http_chat_redis_conf_t   *redis;          /* set where enabled or
                                                     required */

    ngx_flag_t                    require;        /* may be without enable */
    ngx_http_complex_value_t     *user;           /* NULL: the chat has its own
                                                     log-in */
    ngx_array_t                  *admins;         /* of ngx_str_t, their names;
                                                     NULL: there are none */
    ngx_flag_t                    registration;
    ngx_flag_t                    demo_data;
    ngx_str_t                     links_file;
    ngx_str_t                     links;          /* the file's content */

    time_t                        session_ttl;
    ngx_str_t                     cookie;
    ngx_str_t                     cookie_path;    /* len 0: base */
    ngx_uint_t                    cookie_secure;  /* 0, 1 or AUTO */
    ngx_uint_t                    cookie_samesite;
    ngx_uint_t                    password_scheme;
    ngx_uint_t                    login_rate;     /* failures, 0: no limit */
    ngx_msec_t                    login_rate_time; /* in which they may be */
    ngx_uint_t                    max_sessions;   /* of a user, 0: no limit */
    ngx_uint_t                    max_connections; /* of an address, the same */
    uint64_t                      message_cost;   /* microseconds for one, 0:
                                                     no limit */
    ngx_uint_t                    message_burst;  /* so many at once */

    ngx_msec_t                    ping_interval;
    ngx_msec_t                    ping_timeout;
    ngx_msec_t                    presence_grace;
    ngx_msec_t                    drain_time;
    size_t                        max_payload;
    size_t                        send_queue;
    ngx_flag_t                    deflate;
    ngx_uint_t                    max_message;    /* characters */
    ngx_uint_t                    history_limit;  /* 0: unlimited */

    ngx_http_chat_log_t          *log;            /* NULL: none */

    ngx_uint_t                    origin;
    ngx_array_t                  *origins;        /* of ngx_str_t */

    /* what live connections depend on, see ngx_http_chat_conf_key() */
    u_char                        key[NGX_HTTP_CHAT_KEY_LEN];
} ngx_http_chat_loc_conf_t;


extern ngx_module_t  ngx_http_chat_module;


#endif /* NGX_HTTP_CHAT_MODULE_H */
