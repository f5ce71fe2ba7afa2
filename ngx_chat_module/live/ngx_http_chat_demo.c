/*
 * The demo's data (chat_demo_data), made once in an empty Redis: the first
 * worker whose script finds it empty does it all in one step.  The passwords
 * are hashed before that, in the usual threads; a lock spares the other workers
 * the same work, and is given up by itself should its owner die.
 */

#include "ngx_http_chat_hub.h"
#include "../auth/ngx_http_chat_password.h"


#define NGX_HTTP_CHAT_DEMO_USERS   4
#define NGX_HTTP_CHAT_DEMO_RETRY   1000           /* ms */


struct ngx_http_chat_demo_s {
    ngx_http_chat_hub_t          *hub;
    ngx_http_chat_timer_t         timer;
    ngx_http_chat_op_t           *op;
    ngx_http_chat_password_job_t *job;
    ngx_uint_t                    n;
    ngx_str_t                     hash[NGX_HTTP_CHAT_DEMO_USERS];
    u_char                        data[NGX_HTTP_CHAT_DEMO_USERS]
                                      [NGX_HTTP_CHAT_HASH_MAX];
};


static void ngx_http_chat_demo_ask(ngx_http_chat_timer_t *timer);
static void ngx_http_chat_demo_asked(void *data, redisReply *reply);
static void ngx_http_chat_demo_locked(void *data, redisReply *reply);
static void ngx_http_chat_demo_hash(ngx_http_chat_demo_t *demo);
static void ngx_http_chat_demo_hashed(void *data, ngx_int_t rc,
    ngx_str_t *hash);
static void ngx_http_chat_demo_made(void *data, redisReply *reply);
static void ngx_http_chat_demo_mark(ngx_http_chat_demo_t *demo);
static void ngx_http_chat_demo_later(ngx_http_chat_demo_t *demo);


void
ngx_http_chat_demo_start(ngx_http_chat_hub_t *hub)
{
    ngx_http_chat_demo_t  *demo;

    demo = ngx_calloc(sizeof(ngx_http_chat_demo_t), ngx_http_chat_worker->log);

    if (demo) {
        hub->demo = demo;
        demo->hub = hub;
        ngx_http_chat_demo_ask(&demo->timer);
    }
}


void
ngx_http_chat_demo_stop(ngx_http_chat_hub_t *hub)
{
    ngx_http_chat_demo_t *demo = hub->demo;

    if (demo) {
        hub->demo = NULL;

        ngx_http_chat_timer_del(&ngx_http_chat_worker->wheel, &demo->timer);
        ngx_http_chat_redis_cancel(demo->op);
        ngx_http_chat_password_cancel(demo->job);
        ngx_free(demo);
    }
}


static void
ngx_http_chat_demo_ask(ngx_http_chat_timer_t *timer)
{
    ngx_http_chat_demo_t  *demo;

    demo = (ngx_http_chat_demo_t *)
               ((u_char *) timer - offsetof(ngx_http_chat_demo_t, timer));

    demo->op = ngx_http_chat_store_command(demo->hub->redis,
                                           ngx_http_chat_demo_asked, demo,
                                      "EXISTS " NGX_HTTP_CHAT_KEY_TOTAL_USERS);
    if (demo->op == NULL) {
        ngx_http_chat_demo_later(demo);
    }
}


static void
ngx_http_chat_demo_asked(void *data, redisReply *reply)
{
    ngx_http_chat_demo_t *demo = data;

    demo->op = NULL;

    if (!ngx_http_chat_redis_ok(reply)) {
        ngx_http_chat_demo_later(demo);
        return;
    }

    if (ngx_http_chat_redis_int(reply)) {
        ngx_http_chat_demo_stop(demo->hub);
        return;
    }

    demo->op = ngx_http_chat_store_command(demo->hub->redis,
                                           ngx_http_chat_demo_locked, demo,
                                           "SET " NGX_HTTP_CHAT_KEY_DEMO
                                           " %V NX PX 20000",
                                           &ngx_http_chat_worker->id);
    if (demo->op == NULL) {
        ngx_http_chat_demo_later(demo);
    }
}


static void
ngx_http_chat_demo_locked(void *data, redisReply *reply)
{
    ngx_http_chat_demo_t *demo = data;

    demo->op = NULL;

    if (!ngx_http_chat_redis_ok(reply) || reply->type == REDIS_REPLY_NIL) {
        ngx_http_chat_demo_later(demo);
        return;
    }

    demo->n = 0;
    ngx_http_chat_demo_hash(demo);
}


static void
ngx_http_chat_demo_hash(ngx_http_chat_demo_t *demo)
{
    ngx_str_t  password;

    ngx_str_set(&password, "password123");

    demo->job = ngx_http_chat_password_hash(&password,
                                            demo->hub->conf->password_scheme,
                                            ngx_http_chat_demo_hashed, demo);
    if (demo->job == NULL) {
        ngx_http_chat_demo_later(demo);
    }
}


static void
ngx_http_chat_demo_hashed(void *data, ngx_int_t rc, ngx_str_t *hash)
{
    ngx_http_chat_demo_t *demo = data;

    ngx_str_t   argv[3 + NGX_HTTP_CHAT_DEMO_USERS], *to;
    ngx_uint_t  i;

    demo->job = NULL;

    if (rc != NGX_OK || hash->len > NGX_HTTP_CHAT_HASH_MAX) {
        ngx_http_chat_demo_later(demo);
        return;
    }

    to = &demo->hash[demo->n];
    to->len = hash->len;
    to->data = demo->data[demo->n];
    ngx_memcpy(to->data, hash->data, hash->len);

    if (++demo->n < NGX_HTTP_CHAT_DEMO_USERS) {
        ngx_http_chat_demo_hash(demo);
        return;
    }

    ngx_str_set(&argv[0], NGX_HTTP_CHAT_KEY_TOTAL_USERS);
    ngx_str_set(&argv[1], NGX_HTTP_CHAT_KEY_ROOM "0"
                          NGX_HTTP_CHAT_KEY_ROOM_NAME);
    ngx_str_set(&argv[2], NGX_HTTP_CHAT_KEY_ROOM "0");

    for (i = 0; i < NGX_HTTP_CHAT_DEMO_USERS; i++) {
        argv[3 + i] = demo->hash[i];
    }

    demo->op = ngx_http_chat_redis_eval(demo->hub->redis,
                                        &ngx_http_chat_script_demo,
                                        ngx_http_chat_demo_made, demo, 3,
                                        3 + NGX_HTTP_CHAT_DEMO_USERS, argv);
    if (demo->op == NULL) {
        ngx_http_chat_demo_later(demo);
    }
}


static void
ngx_http_chat_demo_made(void *data, redisReply *reply)
{
    ngx_http_chat_demo_t *demo = data;

    demo->op = NULL;

    if (!ngx_http_chat_redis_ok(reply)) {
        ngx_http_chat_demo_later(demo);
        return;
    }

    if (ngx_http_chat_redis_int(reply)) {
        ngx_http_chat_demo_mark(demo);

        ngx_log_error(NGX_LOG_NOTICE, ngx_http_chat_worker->log, 0,
                      "chat: redis %V was empty and has the demo's data now",
                      &demo->hub->conf->name);
    }

    ngx_http_chat_demo_stop(demo->hub);
}


/* as the script has made them */

static void
ngx_http_chat_demo_mark(ngx_http_chat_demo_t *demo)
{
    u_char      buf[NGX_INT_T_LEN];
    ngx_str_t   id;
    ngx_uint_t  i;

    static ngx_str_t  names[NGX_HTTP_CHAT_DEMO_USERS] = {
        ngx_string("Pablo"),
        ngx_string("Joe"),
        ngx_string("Mary"),
        ngx_string("Alex")
    };

    id.data = buf;

    for (i = 0; i < NGX_HTTP_CHAT_DEMO_USERS; i++) {
        id.len = ngx_sprintf(buf, "%ui", i + 1) - buf;
        ngx_http_chat_name_mark(demo->hub->redis, &names[i], &id);
    }
}


static void
ngx_http_chat_demo_later(ngx_http_chat_demo_t *demo)
{
    ngx_http_chat_timer_set(&ngx_http_chat_worker->wheel, &demo->timer,
                            NGX_HTTP_CHAT_DEMO_RETRY, ngx_http_chat_demo_ask);
}
