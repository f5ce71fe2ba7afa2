/*
 * The rows of figures: see the header.  The zone's mutex guards which row is
 * whose, and the base row.
 */

#include "ngx_http_chat_stat.h"


/* for several hundred rows: more than there are ever used */
#define NGX_HTTP_CHAT_STAT_SIZE   (512 * 1024)


typedef struct {
    ngx_http_chat_stat_row_t      base;           /* of workers that are gone */
    ngx_http_chat_stat_row_t     *rows[NGX_MAX_PROCESSES]; /* by process slot */
} ngx_http_chat_stats_t;


static ngx_int_t ngx_http_chat_stat_init_zone(ngx_shm_zone_t *zone,
    void *data);
static void ngx_http_chat_stat_fold(ngx_http_chat_stats_t *stats,
    ngx_http_chat_stat_row_t *row);
static ngx_slab_pool_t *ngx_http_chat_stat_pool(
    ngx_http_chat_main_conf_t *cmcf);


/* of processes that have no row */

static uint64_t  ngx_http_chat_stat_nowhere[NGX_HTTP_CHAT_STAT_N];

uint64_t  *ngx_http_chat_stat = ngx_http_chat_stat_nowhere;


const ngx_uint_t
    ngx_http_chat_stat_round_trips[NGX_HTTP_CHAT_STAT_ROUND_TRIPS - 1] =
{
    1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500
};


ngx_int_t
ngx_http_chat_stat_zone(ngx_conf_t *cf)
{
    ngx_http_chat_main_conf_t  *cmcf;

    static ngx_str_t  name = ngx_string("chat_status");

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_chat_module);

    cmcf->stat_zone = ngx_shared_memory_add(cf, &name, NGX_HTTP_CHAT_STAT_SIZE,
                                            &ngx_http_chat_module);
    if (cmcf->stat_zone == NULL) {
        return NGX_ERROR;
    }

    cmcf->stat_zone->init = ngx_http_chat_stat_init_zone;

    return NGX_OK;
}


static ngx_int_t
ngx_http_chat_stat_init_zone(ngx_shm_zone_t *zone, void *data)
{
    ngx_slab_pool_t  *pool;

    pool = (ngx_slab_pool_t *) zone->shm.addr;
    zone->data = pool;

    if (data || zone->shm.exists) {
        return NGX_OK;
    }

    pool->data = ngx_slab_calloc(pool, sizeof(ngx_http_chat_stats_t));

    return pool->data ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_http_chat_stat_init(ngx_cycle_t *cycle)
{
    ngx_slab_pool_t            *pool;
    ngx_http_chat_stats_t      *stats;
    ngx_http_chat_stat_row_t  **row;
    ngx_http_chat_main_conf_t  *cmcf;

    cmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_chat_module);
    pool = ngx_http_chat_stat_pool(cmcf);
    stats = pool->data;

    ngx_shmtx_lock(&pool->mutex);

    row = &stats->rows[ngx_process_slot];

    if (*row) {

        /* of a worker that crashed */

        ngx_http_chat_stat_fold(stats, *row);

    } else {

        /* a power of two, and so in cache lines of its own */

        *row = ngx_slab_calloc_locked(pool, sizeof(ngx_http_chat_stat_row_t));
    }

    if (*row) {
        (*row)->pid = ngx_pid;
        ngx_http_chat_stat = (*row)->n;
    }

    ngx_shmtx_unlock(&pool->mutex);

    return *row ? NGX_OK : NGX_ERROR;
}


void
ngx_http_chat_stat_exit(ngx_cycle_t *cycle)
{
    ngx_slab_pool_t            *pool;
    ngx_http_chat_stats_t      *stats;
    ngx_http_chat_main_conf_t  *cmcf;

    if (ngx_http_chat_stat == ngx_http_chat_stat_nowhere) {
        return;
    }

    cmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_chat_module);
    pool = ngx_http_chat_stat_pool(cmcf);
    stats = pool->data;

    ngx_shmtx_lock(&pool->mutex);
    ngx_http_chat_stat_fold(stats, stats->rows[ngx_process_slot]);
    ngx_shmtx_unlock(&pool->mutex);

    ngx_http_chat_stat = ngx_http_chat_stat_nowhere;
}


static void
ngx_http_chat_stat_fold(ngx_http_chat_stats_t *stats,
    ngx_http_chat_stat_row_t *row)
{
    ngx_uint_t  i;

    for (i = NGX_HTTP_CHAT_STAT_GAUGES; i < NGX_HTTP_CHAT_STAT_N; i++) {
        stats->base.n[i] += row->n[i];
    }

    ngx_memzero(row, sizeof(ngx_http_chat_stat_row_t));
}


void
ngx_http_chat_stat_round_trip(ngx_msec_t ms)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_CHAT_STAT_ROUND_TRIPS - 1; i++) {
        if (ms <= ngx_http_chat_stat_round_trips[i]) {
            break;
        }
    }

    ngx_http_chat_count(NGX_HTTP_CHAT_STAT_ROUND_TRIP + i);
    ngx_http_chat_count_n(NGX_HTTP_CHAT_STAT_ROUND_TRIP_MSEC, ms);
}


ngx_int_t
ngx_http_chat_stat_read(ngx_http_chat_main_conf_t *cmcf, ngx_pool_t *pool,
    ngx_http_chat_stat_row_t **rows, ngx_http_chat_stat_row_t *total)
{
    ngx_uint_t                 i, k, n;
    ngx_slab_pool_t           *shpool;
    ngx_http_chat_stats_t     *stats;
    ngx_http_chat_stat_row_t  *row;

    shpool = ngx_http_chat_stat_pool(cmcf);
    stats = shpool->data;
    n = 0;

    ngx_shmtx_lock(&shpool->mutex);

    for (i = 0; i < NGX_MAX_PROCESSES; i++) {
        row = stats->rows[i];

        if (row == NULL || row->pid == 0) {
            continue;
        }

        if (kill(row->pid, 0) == -1) {
            ngx_http_chat_stat_fold(stats, row);
            continue;
        }

        n++;
    }

    *total = stats->base;
    *rows = ngx_palloc(pool, (n + 1) * sizeof(ngx_http_chat_stat_row_t));

    for (i = 0, n = 0; i < NGX_MAX_PROCESSES && *rows; i++) {
        row = stats->rows[i];

        if (row && row->pid) {
            (*rows)[n++] = *row;
        }
    }

    ngx_shmtx_unlock(&shpool->mutex);

    for (i = 0; i < n; i++) {
        for (k = 0; k < NGX_HTTP_CHAT_STAT_N; k++) {
            total->n[k] = k == NGX_HTTP_CHAT_STAT_QUEUE_MOST
                          ? ngx_max(total->n[k], (*rows)[i].n[k])
                          : total->n[k] + (*rows)[i].n[k];
        }
    }

    return *rows ? (ngx_int_t) n : NGX_ERROR;
}


static ngx_slab_pool_t *
ngx_http_chat_stat_pool(ngx_http_chat_main_conf_t *cmcf)
{
    return (ngx_slab_pool_t *) cmcf->stat_zone->shm.addr;
}
