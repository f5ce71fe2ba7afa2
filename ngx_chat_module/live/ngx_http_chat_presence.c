/*
 * Who is online.
 *
 * A worker renews its lease and keeps, in Redis, the set of users that are live
 * on it; a user is online as long as some worker has them.  When a worker dies,
 * whichever worker first sees its lease run out takes its users offline.
 *
 * A user without a session stays for the grace period, and then until Redis has
 * confirmed that they are gone from this worker: one that can't be told now is
 * told later.
 */

#include "ngx_http_chat_hub.h"
#include "ngx_http_chat_bus.h"


#define NGX_HTTP_CHAT_LEASE          6000         /* ms */
#define NGX_HTTP_CHAT_LEASE_TICK     1500
#define NGX_HTTP_CHAT_RENEW          (20 * 60 * 1000)
#define NGX_HTTP_CHAT_RENEW_BATCH    500


/* a dead worker's users are read, taken offline, and then it is forgotten */

typedef struct {
    ngx_http_chat_hub_t          *hub;
    ngx_str_t                     worker;
    ngx_uint_t                    left;           /* answers to come */
    ngx_uint_t                    failed;
    u_char                        worker_data[1];
} ngx_http_chat_reap_t;


static void ngx_http_chat_presence_lease_handler(ngx_http_chat_timer_t *timer);
static void ngx_http_chat_presence_leased(void *data, redisReply *reply);
static void ngx_http_chat_presence_renew(ngx_http_chat_hub_t *hub);
static void ngx_http_chat_presence_told(void *data, redisReply *reply);
static void ngx_http_chat_presence_again(ngx_http_chat_hub_t *hub);
static void ngx_http_chat_presence_grace_handler(ngx_http_chat_timer_t *timer);
static void ngx_http_chat_presence_gone(void *data, redisReply *reply);
static void ngx_http_chat_presence_reap(ngx_http_chat_hub_t *hub,
    ngx_str_t *worker);
static void ngx_http_chat_presence_reap_users(void *data, redisReply *reply);
static void ngx_http_chat_presence_reaped(void *data, redisReply *reply);


void
ngx_http_chat_presence_start(ngx_http_chat_hub_t *hub)
{
    hub->leased = ngx_current_msec;

    ngx_http_chat_presence_lease_handler(&hub->lease);
}


void
ngx_http_chat_presence_stop(ngx_http_chat_hub_t *hub)
{
    ngx_http_chat_timer_del(&ngx_http_chat_worker->wheel, &hub->lease);
}


static void
ngx_http_chat_presence_lease_handler(ngx_http_chat_timer_t *timer)
{
    ngx_http_chat_hub_t  *hub;

    hub = (ngx_http_chat_hub_t *)
              ((u_char *) timer - offsetof(ngx_http_chat_hub_t, lease));

    ngx_http_chat_timer_set(&ngx_http_chat_worker->wheel, &hub->lease,
                            NGX_HTTP_CHAT_LEASE_TICK,
                            ngx_http_chat_presence_lease_handler);

    (void) ngx_http_chat_presence_lease(hub->redis, &ngx_http_chat_worker->id,
                                        NGX_HTTP_CHAT_LEASE,
                                        ngx_http_chat_presence_leased, hub);

    ngx_http_chat_presence_renew(hub);
    ngx_http_chat_bus_retry(hub);
}


static void
ngx_http_chat_presence_leased(void *data, redisReply *reply)
{
    ngx_http_chat_hub_t *hub = data;

    ngx_str_t   worker;
    ngx_uint_t  i;

    if (!ngx_http_chat_redis_ok(reply)) {
        hub->lapsed = 1;
        return;
    }

    if (hub->lapsed
        || ngx_http_chat_redis_int(ngx_http_chat_redis_element(reply, 0)) == 0)
    {
        /* Redis took no writes, or this worker has been taken for dead */

        hub->lapsed = 0;
        hub->leased = ngx_current_msec;
        ngx_http_chat_presence_again(hub);
        ngx_http_chat_presence_renew(hub);
    }

    /* what kept this worker from renewing may have kept others from it too */

    if (ngx_exiting || ngx_current_msec - hub->leased < NGX_HTTP_CHAT_LEASE) {
        return;
    }

    for (i = 1; /* void */ ; i++) {
        worker = ngx_http_chat_redis_str(ngx_http_chat_redis_element(reply,
                                                                     i));
        if (worker.data == NULL) {
            break;
        }

        ngx_http_chat_presence_reap(hub, &worker);
    }
}


/* so that what Redis knows of living users neither expires nor stays lost */

static void
ngx_http_chat_presence_renew(ngx_http_chat_hub_t *hub)
{
    ngx_uint_t             i;
    ngx_queue_t           *q;
    ngx_http_chat_user_t  *user;

    for (i = 0; i < NGX_HTTP_CHAT_RENEW_BATCH; i++) {

        if (ngx_queue_empty(&hub->user_list)) {
            return;
        }

        q = ngx_queue_head(&hub->user_list);
        user = ngx_queue_data(q, ngx_http_chat_user_t, list);

        if (user->renewed
            && ngx_current_msec - user->renewed < NGX_HTTP_CHAT_RENEW)
        {
            return;
        }

        if (user->nsessions
            && ngx_http_chat_presence_online(hub->redis,
                                   &ngx_http_chat_worker->main->server_id,
                                   &ngx_http_chat_worker->id, &user->node.str,
                                   &user->name, ngx_http_chat_presence_told,
                                   hub)
               == NULL)
        {
            return;
        }

        user->renewed = ngx_current_msec;

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&hub->user_list, q);
    }
}


/* whom Redis could not note is told again, with all, when it can */

static void
ngx_http_chat_presence_told(void *data, redisReply *reply)
{
    ngx_http_chat_hub_t *hub = data;

    if (!ngx_http_chat_redis_ok(reply)) {
        hub->lapsed = 1;
    }
}


/* Redis may have come back without its data */

void
ngx_http_chat_presence_redis_state(void *data, ngx_uint_t up)
{
    ngx_http_chat_hub_t *hub = data;

    if (up) {
        ngx_http_chat_presence_again(hub);
        ngx_http_chat_hub_resume(hub);
    }
}


/* all users are due for a renewal, or for being told when they come back */

static void
ngx_http_chat_presence_again(ngx_http_chat_hub_t *hub)
{
    ngx_queue_t           *q;
    ngx_http_chat_user_t  *user;

    for (q = ngx_queue_head(&hub->user_list);
         q != ngx_queue_sentinel(&hub->user_list);
         q = ngx_queue_next(q))
    {
        user = ngx_queue_data(q, ngx_http_chat_user_t, list);
        user->renewed = 0;

        if (user->nsessions == 0) {
            user->left = 1;
        }
    }
}


/* a session more */

void
ngx_http_chat_presence_join(ngx_http_chat_user_t *user)
{
    ngx_http_chat_hub_t  *hub;

    hub = user->hub;

    if (user->grace.queue.next) {

        ngx_http_chat_timer_del(&ngx_http_chat_worker->wheel, &user->grace);

        if (!user->left) {

            /* back in time: nobody has been told anything */

            return;
        }
    }

    if (user->nsessions != 1 || user->leaving) {

        /* known, or about to be told when Redis has answered */

        return;
    }

    user->renewed = ngx_current_msec;
    user->left = 0;

    if (ngx_http_chat_presence_online(hub->redis,
                                      &ngx_http_chat_worker->main->server_id,
                                      &ngx_http_chat_worker->id,
                                      &user->node.str, &user->name,
                                      ngx_http_chat_presence_told, hub)
        == NULL)
    {
        user->renewed = 0;

        ngx_queue_remove(&user->list);
        ngx_queue_insert_head(&hub->user_list, &user->list);
    }
}


/* the last session has ended */

void
ngx_http_chat_presence_leave(ngx_http_chat_user_t *user, ngx_msec_t grace)
{
    if (user->leaving) {
        return;
    }

    ngx_http_chat_timer_set(&ngx_http_chat_worker->wheel, &user->grace, grace,
                            ngx_http_chat_presence_grace_handler);

    if (grace == 0) {
        ngx_http_chat_timer_del(&ngx_http_chat_worker->wheel, &user->grace);
        ngx_http_chat_presence_grace_handler(&user->grace);
    }
}


static void
ngx_http_chat_presence_grace_handler(ngx_http_chat_timer_t *timer)
{
    ngx_http_chat_user_t  *user;

    user = (ngx_http_chat_user_t *)
               ((u_char *) timer - offsetof(ngx_http_chat_user_t, grace));

    user->leaving = ngx_http_chat_presence_offline(user->hub->redis,
                                    &ngx_http_chat_worker->main->server_id,
                                    &ngx_http_chat_worker->id,
                                    &user->node.str, 0,
                                    ngx_http_chat_presence_gone, user);

    user->left = 1;

    if (user->leaving == NULL) {
        ngx_http_chat_timer_set(&ngx_http_chat_worker->wheel, &user->grace,
                                NGX_HTTP_CHAT_LEASE_TICK,
                                ngx_http_chat_presence_grace_handler);
    }
}


static void
ngx_http_chat_presence_gone(void *data, redisReply *reply)
{
    ngx_http_chat_user_t *user = data;

    user->leaving = NULL;

    if (user->nsessions) {

        /* came back after all: announced at the next renewal, which is now */

        user->renewed = 0;
        user->left = 0;

        ngx_queue_remove(&user->list);
        ngx_queue_insert_head(&user->hub->user_list, &user->list);

        ngx_http_chat_presence_renew(user->hub);
        return;
    }

    if (ngx_http_chat_redis_ok(reply)) {
        ngx_http_chat_user_destroy(user);
        return;
    }

    ngx_http_chat_timer_set(&ngx_http_chat_worker->wheel, &user->grace,
                            NGX_HTTP_CHAT_LEASE_TICK,
                            ngx_http_chat_presence_grace_handler);
}


static void
ngx_http_chat_presence_reap(ngx_http_chat_hub_t *hub, ngx_str_t *worker)
{
    ngx_http_chat_reap_t  *reap;

    reap = ngx_calloc(sizeof(ngx_http_chat_reap_t) + worker->len,
                      ngx_http_chat_worker->log);
    if (reap == NULL) {
        return;
    }

    reap->hub = hub;
    reap->worker.len = worker->len;
    reap->worker.data = reap->worker_data;
    ngx_memcpy(reap->worker_data, worker->data, worker->len);

    if (ngx_http_chat_store_command(hub->redis,
                                    ngx_http_chat_presence_reap_users, reap,
                                    "SMEMBERS " NGX_HTTP_CHAT_KEY_WORKER_USERS
                                    "%V", &reap->worker)
        == NULL)
    {
        ngx_free(reap);
    }
}


static void
ngx_http_chat_presence_reap_users(void *data, redisReply *reply)
{
    ngx_http_chat_reap_t *reap = data;

    ngx_str_t   user;
    ngx_uint_t  i;

    if (!ngx_http_chat_redis_ok(reply)) {
        ngx_free(reap);
        return;
    }

    reap->left = 1;

    for (i = 0; /* void */ ; i++) {
        user = ngx_http_chat_redis_str(ngx_http_chat_redis_element(reply, i));

        if (user.data == NULL) {
            break;
        }

        if (ngx_http_chat_presence_offline(reap->hub->redis,
                                    &ngx_http_chat_worker->main->server_id,
                                    &reap->worker, &user, 1,
                                    ngx_http_chat_presence_reaped, reap))
        {
            reap->left++;

        } else {
            reap->failed = 1;
        }
    }

    ngx_http_chat_presence_reaped(reap, reply);
}


/*
 * Forgotten only when all its users are settled: else somebody tries again, or
 * it lives after all
 */

static void
ngx_http_chat_presence_reaped(void *data, redisReply *reply)
{
    ngx_http_chat_reap_t *reap = data;

    u_char     dead[64];
    ngx_str_t  argv[3];

    if (!ngx_http_chat_redis_ok(reply)
        || (reply->type == REDIS_REPLY_INTEGER && reply->integer == -1))
    {
        reap->failed = 1;
    }

    if (--reap->left) {
        return;
    }

    if (!reap->failed) {
        (void) ngx_http_chat_store_command(reap->hub->redis, NULL, NULL,
                                      "ZREM " NGX_HTTP_CHAT_KEY_WORKERS " %V",
                                           &reap->worker);

        ngx_str_set(&argv[0], "PUBLISH");
        ngx_str_set(&argv[1], NGX_HTTP_CHAT_CHANNEL_WORKERS);
        argv[2].data = dead;
        argv[2].len = ngx_snprintf(dead, sizeof(dead), "dead %V",
                                   &reap->worker)
                      - dead;

        (void) ngx_http_chat_redis_command(reap->hub->redis, NULL, NULL, 3,
                                           argv);
    }

    ngx_free(reap);
}
