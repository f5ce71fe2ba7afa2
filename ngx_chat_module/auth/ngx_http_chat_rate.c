/*
 * The buckets of failed log-ins.  All memory is the shared zone's, and all
 * access to it is under the zone's mutex.
 */

#include "ngx_http_chat_rate.h"

#include <sodium.h>


#define NGX_HTTP_CHAT_RATE_SIZE      (1024 * 1024)

/* budgets of a name, and of an address */
#define NGX_HTTP_CHAT_RATE_WIDE      10

/* milliseconds that a client has to wait at most */
#define NGX_HTTP_CHAT_RATE_LONGEST   (15 * 60 * 1000)



typedef enum {
    NGX_HTTP_CHAT_RATE_PAIR = 0,
    NGX_HTTP_CHAT_RATE_NAME,
    NGX_HTTP_CHAT_RATE_ADDRESS,
    NGX_HTTP_CHAT_RATE_KINDS
} ngx_http_chat_rate_kind_e;


typedef struct {
    ngx_rbtree_key_t                 key;         /* the tree's, of the hash */
    u_char                           hash[16];
} ngx_http_chat_rate_id_t;


typedef struct {
    ngx_rbtree_node_t                node;
    ngx_queue_t                      queue;       /* head: used last */
    u_char                           hash[16];
    ngx_msec_t                       empty;       /* when it will be, if nothing
                                                     more comes */
    ngx_uint_t                       known;       /* has logged in before */
} ngx_http_chat_rate_bucket_t;


typedef struct {
    ngx_rbtree_t                     rbtree;
    ngx_rbtree_node_t                sentinel;
    ngx_queue_t                      queue;
} ngx_http_chat_rate_shared_t;


static ngx_int_t ngx_http_chat_rate_init_zone(ngx_shm_zone_t *zone, void *data);
static void ngx_http_chat_rate_insert_value(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel);
static ngx_slab_pool_t *ngx_http_chat_rate_pool(ngx_http_request_t *r);
static void ngx_http_chat_rate_ids(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *conf, ngx_str_t *name,
    ngx_http_chat_rate_id_t *ids);
static ngx_str_t ngx_http_chat_rate_address(ngx_http_request_t *r);
static ngx_http_chat_rate_bucket_t *ngx_http_chat_rate_find(
    ngx_slab_pool_t *pool, ngx_http_chat_rate_id_t *id);
static ngx_http_chat_rate_bucket_t *ngx_http_chat_rate_get(
    ngx_slab_pool_t *pool, ngx_http_chat_rate_id_t *id);
static ngx_msec_t ngx_http_chat_rate_left(ngx_http_chat_rate_bucket_t *bucket);
static ngx_msec_t ngx_http_chat_rate_wait(ngx_http_chat_rate_bucket_t *bucket,
    ngx_uint_t budgets, ngx_http_chat_loc_conf_t *conf);
static void ngx_http_chat_rate_add(ngx_http_chat_rate_bucket_t *bucket,
    ngx_http_chat_loc_conf_t *conf);


ngx_int_t
ngx_http_chat_rate_init(ngx_conf_t *cf)
{
    ngx_shm_zone_t             *zone;
    ngx_http_chat_main_conf_t  *cmcf;

    static ngx_str_t  name = ngx_string("chat_login_rate");

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_chat_module);

    zone = ngx_shared_memory_add(cf, &name, NGX_HTTP_CHAT_RATE_SIZE,
                                 &ngx_http_chat_module);
    if (zone == NULL) {
        return NGX_ERROR;
    }

    zone->init = ngx_http_chat_rate_init_zone;
    cmcf->rate_zone = zone;

    return NGX_OK;
}


static ngx_int_t
ngx_http_chat_rate_init_zone(ngx_shm_zone_t *zone, void *data)
{
    ngx_slab_pool_t              *pool;
    ngx_http_chat_rate_shared_t  *shared;

    pool = (ngx_slab_pool_t *) zone->shm.addr;
    zone->data = pool;

    /* kept by a reload, or, on systems that share it by name, by others */

    if (data || zone->shm.exists) {
        return NGX_OK;
    }

    shared = ngx_slab_alloc(pool, sizeof(ngx_http_chat_rate_shared_t));
    if (shared == NULL) {
        return NGX_ERROR;
    }

    ngx_rbtree_init(&shared->rbtree, &shared->sentinel,
                    ngx_http_chat_rate_insert_value);
    ngx_queue_init(&shared->queue);

    pool->data = shared;

    /* a full zone is its usual state */

    pool->log_nomem = 0;

    return NGX_OK;
}


static void
ngx_http_chat_rate_insert_value(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel)
{
    ngx_rbtree_node_t           **p;
    ngx_http_chat_rate_bucket_t  *a, *b;

    for ( ;; ) {

        if (node->key != temp->key) {
            p = (node->key < temp->key) ? &temp->left : &temp->right;

        } else {
            a = (ngx_http_chat_rate_bucket_t *) node;
            b = (ngx_http_chat_rate_bucket_t *) temp;

            p = (ngx_memcmp(a->hash, b->hash, sizeof(a->hash)) < 0)
                    ? &temp->left : &temp->right;
        }

        if (*p == sentinel) {
            break;
        }

        temp = *p;
    }

    *p = node;
    node->parent = temp;
    node->left = sentinel;
    node->right = sentinel;
    ngx_rbt_red(node);
}


ngx_uint_t
ngx_http_chat_rate_check(ngx_http_request_t *r, ngx_http_chat_loc_conf_t *conf,
    ngx_str_t *name)
{
    ngx_msec_t                    wait;
    ngx_uint_t                    kind;
    ngx_slab_pool_t              *pool;
    ngx_http_chat_rate_id_t       ids[NGX_HTTP_CHAT_RATE_KINDS];
    ngx_http_chat_rate_bucket_t  *bucket;

    if (conf->login_rate == 0) {
        return 0;
    }

    ngx_http_chat_rate_ids(r, conf, name, ids);

    pool = ngx_http_chat_rate_pool(r);
    wait = 0;

    ngx_shmtx_lock(&pool->mutex);

    for (kind = 0; kind < NGX_HTTP_CHAT_RATE_KINDS && wait == 0; kind++) {

        bucket = ngx_http_chat_rate_find(pool, &ids[kind]);
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
            ngx_http_chat_rate_add(bucket, conf);

            wait = ngx_http_chat_rate_wait(bucket, 1, conf);

            if (wait > NGX_HTTP_CHAT_RATE_LONGEST) {
                bucket->empty -= wait - NGX_HTTP_CHAT_RATE_LONGEST;
                wait = NGX_HTTP_CHAT_RATE_LONGEST;
            }

        } else if (bucket->known) {
            break;
        }
    }

    ngx_shmtx_unlock(&pool->mutex);

    return (wait + 999) / 1000;
}


void
ngx_http_chat_rate_failure(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *conf, ngx_str_t *name)
{
    ngx_uint_t                    kind;
    ngx_slab_pool_t              *pool;
    ngx_http_chat_rate_id_t       ids[NGX_HTTP_CHAT_RATE_KINDS];
    ngx_http_chat_rate_bucket_t  *bucket;

    if (conf->login_rate == 0) {
        return;
    }

    ngx_http_chat_rate_ids(r, conf, name, ids);

    pool = ngx_http_chat_rate_pool(r);

    ngx_shmtx_lock(&pool->mutex);

    for (kind = 0; kind < NGX_HTTP_CHAT_RATE_KINDS; kind++) {

        bucket = ngx_http_chat_rate_get(pool, &ids[kind]);

        if (bucket) {
            ngx_http_chat_rate_add(bucket, conf);
        }
    }

    ngx_shmtx_unlock(&pool->mutex);
}


void
ngx_http_chat_rate_success(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *conf, ngx_str_t *name)
{
    ngx_slab_pool_t              *pool;
    ngx_http_chat_rate_id_t       ids[NGX_HTTP_CHAT_RATE_KINDS];
    ngx_http_chat_rate_bucket_t  *bucket;

    if (conf->login_rate == 0) {
        return;
    }

    ngx_http_chat_rate_ids(r, conf, name, ids);

    pool = ngx_http_chat_rate_pool(r);

    ngx_shmtx_lock(&pool->mutex);

    bucket = ngx_http_chat_rate_get(pool, &ids[NGX_HTTP_CHAT_RATE_PAIR]);

    if (bucket) {
        bucket->empty = ngx_current_msec;
        bucket->known = 1;
    }

    ngx_shmtx_unlock(&pool->mutex);
}


static ngx_slab_pool_t *
ngx_http_chat_rate_pool(ngx_http_request_t *r)
{
    ngx_http_chat_main_conf_t  *cmcf;

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_chat_module);

    return (ngx_slab_pool_t *) cmcf->rate_zone->shm.addr;
}


/* each part goes in with its length, so that no two lists of parts are alike */

static void
ngx_http_chat_rate_ids(ngx_http_request_t *r, ngx_http_chat_loc_conf_t *conf,
    ngx_str_t *name, ngx_http_chat_rate_id_t *ids)
{
    ngx_uint_t                kind, i;
    ngx_str_t                 parts[3];
    crypto_generichash_state  state;

    for (kind = 0; kind < NGX_HTTP_CHAT_RATE_KINDS; kind++) {

        parts[0] = conf->redis_url;
        parts[1] = ngx_http_chat_rate_address(r);
        parts[2] = *name;

        if (kind == NGX_HTTP_CHAT_RATE_NAME) {
            parts[1].len = 0;
        }

        if (kind == NGX_HTTP_CHAT_RATE_ADDRESS) {
            parts[2].len = 0;
        }

        (void) crypto_generichash_init(&state, NULL, 0, sizeof(ids->hash));
        (void) crypto_generichash_update(&state, (u_char *) &kind,
                                         sizeof(kind));

        for (i = 0; i < 3; i++) {
            (void) crypto_generichash_update(&state, (u_char *) &parts[i].len,
                                             sizeof(parts[i].len));
            (void) crypto_generichash_update(&state, parts[i].data,
                                             parts[i].len);
        }

        (void) crypto_generichash_final(&state, ids[kind].hash,
                                        sizeof(ids->hash));

        ngx_memcpy(&ids[kind].key, ids[kind].hash, sizeof(ngx_rbtree_key_t));
    }
}


static ngx_str_t
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
        ngx_str_set(&address, "unix");
    }

    return address;
}


static ngx_http_chat_rate_bucket_t *
ngx_http_chat_rate_find(ngx_slab_pool_t *pool, ngx_http_chat_rate_id_t *id)
{
    ngx_int_t                     rc;
    ngx_rbtree_node_t            *node;
    ngx_http_chat_rate_shared_t  *shared;
    ngx_http_chat_rate_bucket_t  *bucket;

    shared = pool->data;
    node = shared->rbtree.root;

    while (node != &shared->sentinel) {

        if (id->key != node->key) {
            node = (id->key < node->key) ? node->left : node->right;
            continue;
        }

        bucket = (ngx_http_chat_rate_bucket_t *) node;

        rc = ngx_memcmp(id->hash, bucket->hash, sizeof(bucket->hash));

        if (rc == 0) {
            ngx_queue_remove(&bucket->queue);
            ngx_queue_insert_head(&shared->queue, &bucket->queue);

            return bucket;
        }

        node = (rc < 0) ? node->left : node->right;
    }

    return NULL;
}


/* an empty bucket if there is none yet; NULL only if the zone is broken */

static ngx_http_chat_rate_bucket_t *
ngx_http_chat_rate_get(ngx_slab_pool_t *pool, ngx_http_chat_rate_id_t *id)
{
    ngx_queue_t                  *q;
    ngx_http_chat_rate_shared_t  *shared;
    ngx_http_chat_rate_bucket_t  *bucket, *oldest;

    bucket = ngx_http_chat_rate_find(pool, id);
    if (bucket) {
        return bucket;
    }

    shared = pool->data;

    bucket = ngx_slab_alloc_locked(pool, sizeof(ngx_http_chat_rate_bucket_t));

    if (bucket == NULL && !ngx_queue_empty(&shared->queue)) {

        q = ngx_queue_last(&shared->queue);
        oldest = ngx_queue_data(q, ngx_http_chat_rate_bucket_t, queue);

        ngx_queue_remove(q);
        ngx_rbtree_delete(&shared->rbtree, &oldest->node);

        bucket = oldest;
    }

    if (bucket == NULL) {
        return NULL;
    }

    bucket->node.key = id->key;
    ngx_memcpy(bucket->hash, id->hash, sizeof(bucket->hash));
    bucket->empty = ngx_current_msec;
    bucket->known = 0;

    ngx_rbtree_insert(&shared->rbtree, &bucket->node);
    ngx_queue_insert_head(&shared->queue, &bucket->queue);

    return bucket;
}


/* what is in the bucket, as the time that it takes to leak out */

static ngx_msec_t
ngx_http_chat_rate_left(ngx_http_chat_rate_bucket_t *bucket)
{
    ngx_msec_int_t  left;

    left = (ngx_msec_int_t) (bucket->empty - ngx_current_msec);

    return left > 0 ? (ngx_msec_t) left : 0;
}


/* how long until one more try has room */

static ngx_msec_t
ngx_http_chat_rate_wait(ngx_http_chat_rate_bucket_t *bucket,
    ngx_uint_t budgets, ngx_http_chat_loc_conf_t *conf)
{
    ngx_msec_t  filled, size;

    filled = ngx_http_chat_rate_left(bucket)
             + conf->login_rate_time / conf->login_rate;
    size = budgets * conf->login_rate_time;

    return filled > size ? filled - size : 0;
}


static void
ngx_http_chat_rate_add(ngx_http_chat_rate_bucket_t *bucket,
    ngx_http_chat_loc_conf_t *conf)
{
    bucket->empty = ngx_current_msec + ngx_http_chat_rate_left(bucket)
                    + conf->login_rate_time / conf->login_rate;
}
