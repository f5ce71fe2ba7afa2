/*
 * Presence in Redis: which worker has which user live, and who is online.
 */

#include "ngx_http_chat_store.h"


#define NGX_HTTP_CHAT_PRESENCE_MEMORY  "3600"     /* seconds */


static u_char *ngx_http_chat_presence_keys(u_char *p, ngx_str_t *argv,
    ngx_str_t *worker, ngx_str_t *user_id);


ngx_http_chat_op_t *
ngx_http_chat_presence_online(ngx_http_chat_redis_t *redis,
    ngx_str_t *server_id, ngx_str_t *worker, ngx_str_t *user_id,
    ngx_str_t *username, ngx_http_chat_redis_handler_pt handler, void *data)
{
    u_char              *p, *buf, channel[128];
    ngx_str_t            argv[9];
    ngx_http_chat_op_t  *op;

    buf = ngx_alloc(512 + 6 * (server_id->len + username->len)
                    + 4 * (worker->len + user_id->len), ngx_cycle->log);
    if (buf == NULL) {
        return NULL;
    }

    p = ngx_http_chat_presence_keys(buf, argv, worker, user_id);

    argv[3] = *worker;
    argv[4] = *user_id;
    ngx_str_set(&argv[5], NGX_HTTP_CHAT_PRESENCE_MEMORY);
    ngx_str_set(&argv[6], NGX_HTTP_CHAT_CHANNEL);

    argv[7].data = p;
    p = ngx_sprintf(p, "{\"serverId\":\"%V\",\"type\":\"user.connected\","
                       "\"data\":{\"id\":\"%V\",\"username\":",
                    server_id, user_id);
    p = ngx_http_chat_store_escape(p, username);
    p = ngx_sprintf(p, ",\"online\":true}}");
    argv[7].len = p - argv[7].data;

    argv[8].data = channel;
    argv[8].len = ngx_sprintf(channel, NGX_HTTP_CHAT_CHANNEL_WORKER "%V",
                              worker)
                  - channel;

    op = ngx_http_chat_redis_eval(redis, &ngx_http_chat_script_online, handler,
                                  data, 3, 9, argv);
    ngx_free(buf);

    return op;
}


ngx_http_chat_op_t *
ngx_http_chat_presence_offline(ngx_http_chat_redis_t *redis,
    ngx_str_t *server_id, ngx_str_t *worker, ngx_str_t *user_id,
    ngx_uint_t dead, ngx_http_chat_redis_handler_pt handler, void *data)
{
    u_char              *p, *buf;
    ngx_str_t            argv[10];
    ngx_http_chat_op_t  *op;

    buf = ngx_alloc(512 + server_id->len + 4 * (worker->len + user_id->len),
                    ngx_cycle->log);
    if (buf == NULL) {
        return NULL;
    }

    p = ngx_http_chat_presence_keys(buf, argv, worker, user_id);

    argv[3].data = p;
    p = ngx_sprintf(p, NGX_HTTP_CHAT_KEY_USER "%V", user_id);
    argv[3].len = p - argv[3].data;

    ngx_str_set(&argv[4], NGX_HTTP_CHAT_KEY_WORKERS);

    argv[5] = *worker;
    argv[6] = *user_id;
    ngx_str_set(&argv[7], NGX_HTTP_CHAT_CHANNEL);

    argv[8].data = p;
    p = ngx_sprintf(p, "{\"serverId\":\"%V\",\"type\":\"user.disconnected\","
                       "\"data\":{\"id\":\"%V\",\"username\":",
                    server_id, user_id);
    argv[8].len = p - argv[8].data;

    ngx_str_set(&argv[9], "dead");
    argv[9].len = dead ? argv[9].len : 0;

    op = ngx_http_chat_redis_eval(redis, &ngx_http_chat_script_offline,
                                  handler, data, 5, 10, argv);
    ngx_free(buf);

    return op;
}


/* what both scripts begin with: argv[0] to argv[2] */

static u_char *
ngx_http_chat_presence_keys(u_char *p, ngx_str_t *argv, ngx_str_t *worker,
    ngx_str_t *user_id)
{
    argv[0].data = p;
    p = ngx_sprintf(p, NGX_HTTP_CHAT_KEY_LIVE "%V", user_id);
    argv[0].len = p - argv[0].data;

    ngx_str_set(&argv[1], NGX_HTTP_CHAT_KEY_ONLINE);

    argv[2].data = p;
    p = ngx_sprintf(p, NGX_HTTP_CHAT_KEY_WORKER_USERS "%V", worker);
    argv[2].len = p - argv[2].data;

    return p;
}


ngx_http_chat_op_t *
ngx_http_chat_presence_lease(ngx_http_chat_redis_t *redis, ngx_str_t *worker,
    ngx_msec_t lease, ngx_http_chat_redis_handler_pt handler, void *data)
{
    u_char     users[128], channel[128], length[NGX_INT_T_LEN];
    ngx_str_t  argv[6];

    ngx_str_set(&argv[0], NGX_HTTP_CHAT_KEY_WORKERS);
    argv[1].data = users;
    argv[1].len = ngx_sprintf(users, NGX_HTTP_CHAT_KEY_WORKER_USERS "%V",
                              worker)
                  - users;
    argv[2] = *worker;
    argv[3].data = length;
    argv[3].len = ngx_sprintf(length, "%M", lease) - length;
    ngx_str_set(&argv[4], NGX_HTTP_CHAT_PRESENCE_MEMORY);
    argv[5].data = channel;
    argv[5].len = ngx_sprintf(channel, NGX_HTTP_CHAT_CHANNEL_WORKER "%V",
                              worker)
                  - channel;

    return ngx_http_chat_redis_eval(redis, &ngx_http_chat_script_lease,
                                    handler, data, 2, 6, argv);
}
