/*
 * Sessions that are known for a moment: see the header.
 */

#include "ngx_http_chat_hub.h"
#include "ngx_http_chat_known.h"


#define NGX_HTTP_CHAT_KNOWN_TIME   5000           /* ms */
#define NGX_HTTP_CHAT_KNOWN_MAX    4096


typedef struct {
    ngx_str_node_t                node;           /* str: the hash */
    ngx_queue_t                   queue;          /* hub->known_list */
    ngx_msec_t                    since;
    ngx_str_t                     id;
    ngx_str_t                     username;
    /* the strings follow */
} ngx_http_chat_known_t;


static ngx_http_chat_known_t *ngx_http_chat_known_find(
    ngx_http_chat_hub_t *hub, ngx_str_t *hash);
static void ngx_http_chat_known_trim(ngx_http_chat_hub_t *hub);
static void ngx_http_chat_known_remove(ngx_http_chat_hub_t *hub,
    ngx_http_chat_known_t *known);


ngx_uint_t
ngx_http_chat_known_mark(ngx_http_chat_hub_t *hub)
{
    return hub->known_dropped;
}


void
ngx_http_chat_known_put(ngx_http_chat_hub_t *hub,
    ngx_http_chat_token_t *token, ngx_http_chat_identity_t *user,
    ngx_uint_t mark)
{
    u_char                 *p;
    ngx_str_t               hash;
    ngx_http_chat_known_t  *known;

    ngx_http_chat_known_trim(hub);

    hash.data = token->hash;
    hash.len = NGX_HTTP_CHAT_HASH_LEN;

    if (!hub->up || mark != hub->known_dropped
        || hub->nknown >= NGX_HTTP_CHAT_KNOWN_MAX
        || ngx_http_chat_known_find(hub, &hash))
    {
        return;
    }

    known = ngx_alloc(sizeof(ngx_http_chat_known_t) + hash.len + user->id.len
                      + user->username.len, ngx_http_chat_worker->log);
    if (known == NULL) {
        return;
    }

    p = (u_char *) (known + 1);

    known->node.str.len = hash.len;
    known->node.str.data = p;
    p = ngx_cpymem(p, hash.data, hash.len);

    known->id.len = user->id.len;
    known->id.data = p;
    p = ngx_cpymem(p, user->id.data, user->id.len);

    known->username.len = user->username.len;
    known->username.data = p;
    ngx_memcpy(p, user->username.data, user->username.len);

    known->since = ngx_current_msec;
    known->node.node.key = ngx_crc32_short(hash.data, hash.len);

    ngx_rbtree_insert(&hub->known, &known->node.node);
    ngx_queue_insert_tail(&hub->known_list, &known->queue);
    hub->nknown++;
}


ngx_int_t
ngx_http_chat_known_get(ngx_http_chat_hub_t *hub,
    ngx_http_chat_token_t *token, ngx_pool_t *pool,
    ngx_http_chat_identity_t *user)
{
    ngx_str_t               hash;
    ngx_http_chat_known_t  *known;

    ngx_http_chat_known_trim(hub);

    hash.data = token->hash;
    hash.len = NGX_HTTP_CHAT_HASH_LEN;

    known = hub->up ? ngx_http_chat_known_find(hub, &hash) : NULL;

    if (known == NULL) {
        return NGX_DECLINED;
    }

    user->id.data = ngx_pstrdup(pool, &known->id);
    user->username.data = ngx_pstrdup(pool, &known->username);

    if (user->id.data == NULL || user->username.data == NULL) {
        return NGX_ERROR;
    }

    user->id.len = known->id.len;
    user->username.len = known->username.len;

    return NGX_OK;
}


void
ngx_http_chat_known_drop(ngx_http_chat_hub_t *hub, ngx_str_t *hash)
{
    ngx_queue_t            *q;
    ngx_http_chat_known_t  *known;

    hub->known_dropped++;

    if (hash) {
        known = ngx_http_chat_known_find(hub, hash);

        if (known) {
            ngx_http_chat_known_remove(hub, known);
        }

        return;
    }

    while (!ngx_queue_empty(&hub->known_list)) {
        q = ngx_queue_head(&hub->known_list);
        ngx_http_chat_known_remove(hub, ngx_queue_data(q,
                                              ngx_http_chat_known_t, queue));
    }
}


static ngx_http_chat_known_t *
ngx_http_chat_known_find(ngx_http_chat_hub_t *hub, ngx_str_t *hash)
{
    return (ngx_http_chat_known_t *)
               ngx_str_rbtree_lookup(&hub->known, hash,
                                     ngx_crc32_short(hash->data, hash->len));
}


/* the oldest come first */

static void
ngx_http_chat_known_trim(ngx_http_chat_hub_t *hub)
{
    ngx_queue_t            *q;
    ngx_http_chat_known_t  *known;

    while (!ngx_queue_empty(&hub->known_list)) {
        q = ngx_queue_head(&hub->known_list);
        known = ngx_queue_data(q, ngx_http_chat_known_t, queue);

        if (ngx_current_msec - known->since < NGX_HTTP_CHAT_KNOWN_TIME) {
            return;
        }

        ngx_http_chat_known_remove(hub, known);
    }
}


static void
ngx_http_chat_known_remove(ngx_http_chat_hub_t *hub,
    ngx_http_chat_known_t *known)
{
    ngx_rbtree_delete(&hub->known, &known->node.node);
    ngx_queue_remove(&known->queue);
    hub->nknown--;
    ngx_free(known);
}
