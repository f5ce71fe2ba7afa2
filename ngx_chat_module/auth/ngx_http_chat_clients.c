/*
 * Connections of a client's address: a tree of rows in shared memory, in the
 * order of address and worker, so that an address's rows are neighbours.
 */

#include "ngx_http_chat_clients.h"
#include "ngx_http_chat_bucket.h"
#include "ngx_http_chat_rate.h"


#define NGX_HTTP_CHAT_CLIENTS_SIZE   (16 * 1024 * 1024)

/* seconds between two lines in the log */
#define NGX_HTTP_CHAT_CLIENTS_QUIET  60


/* 64 bytes, and so is what the slab pool takes for it */

struct ngx_http_chat_client_s {
    ngx_rbtree_node_t            node;            /* has no key */
    ngx_http_chat_client_id_t    id;
    uint32_t                     slot;            /* the worker's */
    uint32_t                     count;
};


typedef struct {
    ngx_rbtree_t                 rbtree;
    ngx_rbtree_node_t            sentinel;
    ngx_pid_t                    pids[NGX_MAX_PROCESSES];  /* by slot; 0: none,
                                                              or it is gone */
} ngx_http_chat_clients_t;


static ngx_int_t ngx_http_chat_clients_init_zone(ngx_shm_zone_t *zone,
    void *data);
static void ngx_http_chat_clients_insert_value(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel);
static ngx_int_t ngx_http_chat_clients_compare(ngx_rbtree_node_t *node,
    ngx_http_chat_client_id_t *id, uint32_t slot);
static ngx_rbtree_node_t *ngx_http_chat_clients_first(
    ngx_http_chat_clients_t *clients, ngx_http_chat_client_id_t *id,
    uint32_t slot);
static uint32_t ngx_http_chat_clients_count(ngx_http_chat_clients_t *clients,
    ngx_http_chat_client_id_t *id);
static ngx_http_chat_client_t *ngx_http_chat_clients_add(ngx_slab_pool_t *pool,
    ngx_http_chat_client_id_t *id);
static void ngx_http_chat_clients_full(void);
static ngx_uint_t ngx_http_chat_clients_bury(ngx_slab_pool_t *pool);
static void ngx_http_chat_clients_sweep(ngx_slab_pool_t *pool);
static void ngx_http_chat_clients_drop(ngx_slab_pool_t *pool,
    ngx_http_chat_client_t *client);
static ngx_uint_t ngx_http_chat_client_is_none(ngx_http_chat_client_id_t *id);


ngx_int_t
ngx_http_chat_clients_init(ngx_conf_t *cf)
{
    ngx_shm_zone_t             *zone;
    ngx_http_chat_main_conf_t  *cmcf;

    static ngx_str_t  name = ngx_string("chat_max_connections");

    zone = ngx_shared_memory_add(cf, &name, NGX_HTTP_CHAT_CLIENTS_SIZE,
                                 &ngx_http_chat_module);
    if (zone == NULL) {
        return NGX_ERROR;
    }

    zone->init = ngx_http_chat_clients_init_zone;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_chat_module);
    cmcf->client_zone = zone;

    return NGX_OK;
}


static ngx_int_t
ngx_http_chat_clients_init_zone(ngx_shm_zone_t *zone, void *data)
{
    ngx_slab_pool_t          *pool;
    ngx_http_chat_clients_t  *clients;

    pool = (ngx_slab_pool_t *) zone->shm.addr;
    zone->data = pool;

    /* kept by a reload, or, on systems that share it by name, by others */

    if (data || zone->shm.exists) {
        return NGX_OK;
    }

    clients = ngx_slab_calloc(pool, sizeof(ngx_http_chat_clients_t));
    if (clients == NULL) {
        return NGX_ERROR;
    }

    ngx_rbtree_init(&clients->rbtree, &clients->sentinel,
                    ngx_http_chat_clients_insert_value);

    pool->data = clients;
    pool->log_nomem = 0;

    return NGX_OK;
}


static void
ngx_http_chat_clients_insert_value(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel)
{
    ngx_rbtree_node_t       **p;
    ngx_http_chat_client_t   *client;

    client = (ngx_http_chat_client_t *) node;

    for ( ;; ) {
        p = ngx_http_chat_clients_compare(temp, &client->id, client->slot) > 0
                ? &temp->left : &temp->right;

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


/* as strcmp(): of a row, and an address and a worker */

static ngx_int_t
ngx_http_chat_clients_compare(ngx_rbtree_node_t *node,
    ngx_http_chat_client_id_t *id, uint32_t slot)
{
    ngx_int_t                rc;
    ngx_http_chat_client_t  *client;

    client = (ngx_http_chat_client_t *) node;

    rc = ngx_memcmp(client->id.hash, id->hash, sizeof(id->hash));

    if (rc == 0) {
        rc = (client->slot > slot) - (client->slot < slot);
    }

    return rc;
}


/* the first row that is not before an address and a worker, or NULL */

static ngx_rbtree_node_t *
ngx_http_chat_clients_first(ngx_http_chat_clients_t *clients,
    ngx_http_chat_client_id_t *id, uint32_t slot)
{
    ngx_rbtree_node_t  *node, *first;

    first = NULL;
    node = clients->rbtree.root;

    while (node != &clients->sentinel) {

        if (ngx_http_chat_clients_compare(node, id, slot) < 0) {
            node = node->right;

        } else {
            first = node;
            node = node->left;
        }
    }

    return first;
}


static uint32_t
ngx_http_chat_clients_count(ngx_http_chat_clients_t *clients,
    ngx_http_chat_client_id_t *id)
{
    uint32_t                 n;
    ngx_rbtree_node_t       *node;
    ngx_http_chat_client_t  *client;

    n = 0;

    for (node = ngx_http_chat_clients_first(clients, id, 0);
         node;
         node = ngx_rbtree_next(&clients->rbtree, node))
    {
        client = (ngx_http_chat_client_t *) node;

        if (ngx_memcmp(client->id.hash, id->hash, sizeof(id->hash)) != 0) {
            break;
        }

        n += client->count;
    }

    return n;
}


/* counts one in this worker's row; NULL: the zone is full */

static ngx_http_chat_client_t *
ngx_http_chat_clients_add(ngx_slab_pool_t *pool, ngx_http_chat_client_id_t *id)
{
    uint32_t                  slot;
    ngx_rbtree_node_t        *node;
    ngx_http_chat_client_t   *client;
    ngx_http_chat_clients_t  *clients;

    clients = pool->data;
    slot = (uint32_t) ngx_process_slot;
    node = ngx_http_chat_clients_first(clients, id, slot);

    if (node && ngx_http_chat_clients_compare(node, id, slot) == 0) {
        client = (ngx_http_chat_client_t *) node;
        client->count++;

        return client;
    }

    client = ngx_slab_alloc_locked(pool, sizeof(ngx_http_chat_client_t));
    if (client == NULL) {
        return NULL;
    }

    client->id = *id;
    client->slot = slot;
    client->count = 1;

    ngx_rbtree_insert(&clients->rbtree, &client->node);

    return client;
}


static void
ngx_http_chat_clients_full(void)
{
    static time_t  last;

    if (ngx_time() - last >= NGX_HTTP_CHAT_CLIENTS_QUIET) {
        last = ngx_time();

        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "chat: the zone of chat_max_connections is full, new "
                      "addresses are not counted");
    }
}


/* drops the rows of processes that are gone; 1 if there was one */

static ngx_uint_t
ngx_http_chat_clients_bury(ngx_slab_pool_t *pool)
{
    ngx_pid_t                *pid;
    ngx_uint_t                i, found;
    ngx_http_chat_clients_t  *clients;

    clients = pool->data;
    found = 0;

    for (i = 0; i < NGX_MAX_PROCESSES; i++) {
        pid = &clients->pids[i];

        if (*pid && kill(*pid, 0) == -1 && ngx_errno == NGX_ESRCH) {
            *pid = 0;
            found = 1;
        }
    }

    if (found) {
        ngx_http_chat_clients_sweep(pool);
    }

    return found;
}


/* drops the rows of slots without a process */

static void
ngx_http_chat_clients_sweep(ngx_slab_pool_t *pool)
{
    ngx_rbtree_node_t        *node, *next;
    ngx_http_chat_client_t   *client;
    ngx_http_chat_clients_t  *clients;

    clients = pool->data;
    node = NULL;

    if (clients->rbtree.root != &clients->sentinel) {
        node = ngx_rbtree_min(clients->rbtree.root, &clients->sentinel);
    }

    for ( /* void */ ; node; node = next) {
        next = ngx_rbtree_next(&clients->rbtree, node);
        client = (ngx_http_chat_client_t *) node;

        if (clients->pids[client->slot] == 0) {
            ngx_http_chat_clients_drop(pool, client);
        }
    }
}


static void
ngx_http_chat_clients_drop(ngx_slab_pool_t *pool,
    ngx_http_chat_client_t *client)
{
    ngx_http_chat_clients_t  *clients;

    clients = pool->data;

    ngx_rbtree_delete(&clients->rbtree, &client->node);
    ngx_slab_free_locked(pool, client);
}


/* nobody else alive has this slot: what is counted in it is of a dead one */

void
ngx_http_chat_clients_start(ngx_http_chat_main_conf_t *cmcf)
{
    ngx_slab_pool_t          *pool;
    ngx_http_chat_clients_t  *clients;

    pool = cmcf->client_zone->data;
    clients = pool->data;

    ngx_shmtx_lock(&pool->mutex);

    clients->pids[ngx_process_slot] = 0;

    if (!ngx_http_chat_clients_bury(pool)) {
        ngx_http_chat_clients_sweep(pool);
    }

    clients->pids[ngx_process_slot] = ngx_pid;

    ngx_shmtx_unlock(&pool->mutex);
}


void
ngx_http_chat_client_id(ngx_http_request_t *r, ngx_http_chat_loc_conf_t *conf,
    ngx_http_chat_client_id_t *id)
{
    ngx_str_t                  parts[2];
    ngx_http_chat_bucket_id_t  hashed;

    ngx_memzero(id, sizeof(ngx_http_chat_client_id_t));

    parts[0] = conf->redis_url;
    parts[1] = ngx_http_chat_rate_address(r);

    if (conf->max_connections && parts[1].len) {
        ngx_http_chat_bucket_id(&hashed, parts, 2);
        ngx_memcpy(id->hash, hashed.hash, sizeof(id->hash));
    }
}


void
ngx_http_chat_client_id_of(ngx_http_chat_client_t *client,
    ngx_http_chat_client_id_t *id)
{
    if (client) {
        *id = client->id;

    } else {
        ngx_memzero(id, sizeof(ngx_http_chat_client_id_t));
    }
}


static ngx_uint_t
ngx_http_chat_client_is_none(ngx_http_chat_client_id_t *id)
{
    static ngx_http_chat_client_id_t  none;

    return ngx_memcmp(id, &none, sizeof(none)) == 0;
}


ngx_int_t
ngx_http_chat_client_enter(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *conf, ngx_http_chat_client_t **client)
{
    ngx_uint_t                  busy;
    ngx_slab_pool_t            *pool;
    ngx_http_chat_client_id_t   id;
    ngx_http_chat_main_conf_t  *cmcf;

    *client = NULL;

    ngx_http_chat_client_id(r, conf, &id);

    if (ngx_http_chat_client_is_none(&id)) {
        return NGX_OK;
    }

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_chat_module);
    pool = cmcf->client_zone->data;

    ngx_shmtx_lock(&pool->mutex);

    busy = ngx_http_chat_clients_count(pool->data, &id)
           >= conf->max_connections;

    if (busy && ngx_http_chat_clients_bury(pool)) {
        busy = ngx_http_chat_clients_count(pool->data, &id)
               >= conf->max_connections;
    }

    if (!busy) {
        *client = ngx_http_chat_clients_add(pool, &id);
    }

    ngx_shmtx_unlock(&pool->mutex);

    if (busy) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "chat: too many connections from this address");
        return NGX_BUSY;
    }

    if (*client == NULL) {
        ngx_http_chat_clients_full();
    }

    return NGX_OK;
}


ngx_http_chat_client_t *
ngx_http_chat_client_arrive(ngx_http_chat_main_conf_t *cmcf,
    ngx_http_chat_client_id_t *id)
{
    ngx_slab_pool_t         *pool;
    ngx_http_chat_client_t  *client;

    if (ngx_http_chat_client_is_none(id)) {
        return NULL;
    }

    pool = cmcf->client_zone->data;

    ngx_shmtx_lock(&pool->mutex);
    client = ngx_http_chat_clients_add(pool, id);
    ngx_shmtx_unlock(&pool->mutex);

    if (client == NULL) {
        ngx_http_chat_clients_full();
    }

    return client;
}


void
ngx_http_chat_client_leave(ngx_http_chat_main_conf_t *cmcf,
    ngx_http_chat_client_t *client)
{
    ngx_slab_pool_t  *pool;

    if (client == NULL) {
        return;
    }

    pool = cmcf->client_zone->data;

    ngx_shmtx_lock(&pool->mutex);

    if (--client->count == 0) {
        ngx_http_chat_clients_drop(pool, client);
    }

    ngx_shmtx_unlock(&pool->mutex);
}
