/*
 * Leaky buckets in shared memory, which all workers share and a reload keeps.
 * What is in a bucket is counted as the time that it takes to leak out, in
 * microseconds: a rate is what one thing costs.
 *
 * A zone holds 1 MB, about 8000 buckets.  When it is full, the one that has not
 * been used for longest makes room.  Buckets belong to their zone, and are
 * looked at, and changed, only under its lock:
 *
 *     lock -> find or get -> left, add -> unlock
 */

#ifndef NGX_HTTP_CHAT_BUCKET_H
#define NGX_HTTP_CHAT_BUCKET_H

#include "../ngx_http_chat_module.h"


typedef struct {
    ngx_rbtree_key_t             key;             /* the tree's, of the hash */
    u_char                       hash[16];
} ngx_http_chat_bucket_id_t;


typedef struct {
    ngx_rbtree_node_t            node;
    ngx_queue_t                  queue;           /* head: used last */
    u_char                       hash[16];
    uint64_t                     empty;           /* when it will be, if nothing
                                                     more comes */
    uint64_t                     refused;         /* another one: when what was
                                                     refused is forgotten */
    ngx_uint_t                   known;           /* has logged in before */
} ngx_http_chat_bucket_t;


/* adds a zone to the configuration that is being read; NULL: logged */
ngx_shm_zone_t *ngx_http_chat_bucket_zone(ngx_conf_t *cf, ngx_str_t *name);

/*
 * What a bucket is for, as BLAKE2b (128 bits) of some strings: each goes in
 * with its length, so that no two lists of them are alike.
 */
void ngx_http_chat_bucket_id(ngx_http_chat_bucket_id_t *id, ngx_str_t *parts,
    ngx_uint_t n);

void ngx_http_chat_bucket_lock(ngx_shm_zone_t *zone);
void ngx_http_chat_bucket_unlock(ngx_shm_zone_t *zone);

/* NULL: there is none */
ngx_http_chat_bucket_t *ngx_http_chat_bucket_find(ngx_shm_zone_t *zone,
    ngx_http_chat_bucket_id_t *id);

/* an empty one if there is none yet; NULL only if the zone is broken */
ngx_http_chat_bucket_t *ngx_http_chat_bucket_get(ngx_shm_zone_t *zone,
    ngx_http_chat_bucket_id_t *id);

/* the time now, and what is left of one of a bucket's times */
uint64_t ngx_http_chat_bucket_now(void);
uint64_t ngx_http_chat_bucket_left(uint64_t empty);

/* puts something in */
void ngx_http_chat_bucket_add(uint64_t *empty, uint64_t cost);


#endif /* NGX_HTTP_CHAT_BUCKET_H */
