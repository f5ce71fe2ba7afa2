/*
 * Leaky buckets: a tree to find them, a queue to forget them.
 */

#include "ngx_http_chat_bucket.h"

#include <sodium.h>


#define NGX_HTTP_CHAT_BUCKET_SIZE    (1024 * 1024)

/* microseconds that no bucket takes to leak out */
#define NGX_HTTP_CHAT_BUCKET_MOST    ((uint64_t) 30 * 24 * 3600 * 1000000)


typedef struct {
    ngx_rbtree_t                 rbtree;
    ngx_rbtree_node_t            sentinel;
    ngx_queue_t                  queue;
} ngx_http_chat_buckets_t;


static ngx_int_t ngx_http_chat_bucket_init_zone(ngx_shm_zone_t *zone,
    void *data);
static void ngx_http_chat_bucket_insert_value(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel);
static ngx_slab_pool_t *ngx_http_chat_bucket_pool(ngx_shm_zone_t *zone);


ngx_shm_zone_t *
ngx_http_chat_bucket_zone(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_shm_zone_t  *zone;

    zone = ngx_shared_memory_add(cf, name, NGX_HTTP_CHAT_BUCKET_SIZE,
                                 &ngx_http_chat_module);
    if (zone) {
        zone->init = ngx_http_chat_bucket_init_zone;
    }

    return zone;
}


static ngx_int_t
ngx_http_chat_bucket_init_zone(ngx_shm_zone_t *zone, void *data)
{
    ngx_slab_pool_t          *pool;
    ngx_http_chat_buckets_t  *buckets;

    pool = ngx_http_chat_bucket_pool(zone);
    zone->data = pool;

    /* kept by a reload, or, on systems that share it by name, by others */

    if (data || zone->shm.exists) {
        return NGX_OK;
    }

    buckets = ngx_slab_alloc(pool, sizeof(ngx_http_chat_buckets_t));
    if (buckets == NULL) {
        return NGX_ERROR;
    }

    ngx_rbtree_init(&buckets->rbtree, &buckets->sentinel,
                    ngx_http_chat_bucket_insert_value);
    ngx_queue_init(&buckets->queue);

    pool->data = buckets;

    /* a full zone is its usual state */

    pool->log_nomem = 0;

    return NGX_OK;
}


static void
ngx_http_chat_bucket_insert_value(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel)
{
    ngx_rbtree_node_t       **p;
    ngx_http_chat_bucket_t   *a, *b;

    for ( ;; ) {

        if (node->key != temp->key) {
            p = (node->key < temp->key) ? &temp->left : &temp->right;

        } else {
            a = (ngx_http_chat_bucket_t *) node;
            b = (ngx_http_chat_bucket_t *) temp;

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


static ngx_slab_pool_t *
ngx_http_chat_bucket_pool(ngx_shm_zone_t *zone)
{
    return (ngx_slab_pool_t *) zone->shm.addr;
}


void
ngx_http_chat_bucket_id(ngx_http_chat_bucket_id_t *id, ngx_str_t *parts,
    ngx_uint_t n)
{
    ngx_uint_t                i;
    crypto_generichash_state  state;

    (void) crypto_generichash_init(&state, NULL, 0, sizeof(id->hash));

    for (i = 0; i < n; i++) {
        (void) crypto_generichash_update(&state, (u_char *) &parts[i].len,
                                         sizeof(parts[i].len));
        (void) crypto_generichash_update(&state, parts[i].data, parts[i].len);
    }

    (void) crypto_generichash_final(&state, id->hash, sizeof(id->hash));

    ngx_memcpy(&id->key, id->hash, sizeof(ngx_rbtree_key_t));
}


void
ngx_http_chat_bucket_lock(ngx_shm_zone_t *zone)
{
    ngx_shmtx_lock(&ngx_http_chat_bucket_pool(zone)->mutex);
}


void
ngx_http_chat_bucket_unlock(ngx_shm_zone_t *zone)
{
    ngx_shmtx_unlock(&ngx_http_chat_bucket_pool(zone)->mutex);
}


ngx_http_chat_bucket_t *
ngx_http_chat_bucket_find(ngx_shm_zone_t *zone, ngx_http_chat_bucket_id_t *id)
{
    ngx_int_t                 rc;
    ngx_rbtree_node_t        *node;
    ngx_http_chat_bucket_t   *bucket;
    ngx_http_chat_buckets_t  *buckets;

    buckets = ngx_http_chat_bucket_pool(zone)->data;
    node = buckets->rbtree.root;

    while (node != &buckets->sentinel) {

        if (id->key != node->key) {
            node = (id->key < node->key) ? node->left : node->right;
            continue;
        }

        bucket = (ngx_http_chat_bucket_t *) node;

        rc = ngx_memcmp(id->hash, bucket->hash, sizeof(bucket->hash));

        if (rc == 0) {
            ngx_queue_remove(&bucket->queue);
            ngx_queue_insert_head(&buckets->queue, &bucket->queue);

            return bucket;
        }

        node = (rc < 0) ? node->left : node->right;
    }

    return NULL;
}


ngx_http_chat_bucket_t *
ngx_http_chat_bucket_get(ngx_shm_zone_t *zone, ngx_http_chat_bucket_id_t *id)
{
    ngx_queue_t              *q;
    ngx_slab_pool_t          *pool;
    ngx_http_chat_bucket_t   *bucket;
    ngx_http_chat_buckets_t  *buckets;

    bucket = ngx_http_chat_bucket_find(zone, id);
    if (bucket) {
        return bucket;
    }

    pool = ngx_http_chat_bucket_pool(zone);
    buckets = pool->data;

    bucket = ngx_slab_alloc_locked(pool, sizeof(ngx_http_chat_bucket_t));

    if (bucket == NULL && !ngx_queue_empty(&buckets->queue)) {

        q = ngx_queue_last(&buckets->queue);
        bucket = ngx_queue_data(q, ngx_http_chat_bucket_t, queue);

        ngx_queue_remove(q);
        ngx_rbtree_delete(&buckets->rbtree, &bucket->node);
    }

    if (bucket == NULL) {
        return NULL;
    }

    bucket->node.key = id->key;
    ngx_memcpy(bucket->hash, id->hash, sizeof(bucket->hash));
    bucket->empty = ngx_http_chat_bucket_now();
    bucket->refused = bucket->empty;
    bucket->known = 0;

    ngx_rbtree_insert(&buckets->rbtree, &bucket->node);
    ngx_queue_insert_head(&buckets->queue, &bucket->queue);

    return bucket;
}


uint64_t
ngx_http_chat_bucket_now(void)
{
    return (uint64_t) ngx_current_msec * 1000;
}


/* far away: the clock, which has 32 bits on some systems, has begun anew */

uint64_t
ngx_http_chat_bucket_left(uint64_t empty)
{
    uint64_t  now;

    now = ngx_http_chat_bucket_now();

    return empty > now && empty - now < NGX_HTTP_CHAT_BUCKET_MOST
           ? empty - now : 0;
}


void
ngx_http_chat_bucket_add(uint64_t *empty, uint64_t cost)
{
    *empty = ngx_http_chat_bucket_now() + ngx_http_chat_bucket_left(*empty)
             + cost;
}
