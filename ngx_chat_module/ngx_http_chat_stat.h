/*
 * Figures of what goes on, for chat_status.
 *
 * Each worker has a row of numbers in shared memory that only it writes, so
 * that counting is an addition to a number in its own cache lines, without a
 * lock.  When it exits, or has been found dead, its counters are added to a
 * base row, and what it had at the moment (the gauges) is forgotten.
 */

#ifndef NGX_HTTP_CHAT_STAT_H
#define NGX_HTTP_CHAT_STAT_H

#include "ngx_http_chat_module.h"


#define NGX_HTTP_CHAT_STAT_ROUND_TRIPS   12       /* buckets, the last without
                                                     an end */


typedef enum {

    /* gauges; the first three are in the order of the transports */

    NGX_HTTP_CHAT_STAT_POLLING = 0,
    NGX_HTTP_CHAT_STAT_WEBSOCKET,
    NGX_HTTP_CHAT_STAT_SSE,
    NGX_HTTP_CHAT_STAT_SESSIONS,
    NGX_HTTP_CHAT_STAT_USERS,
    NGX_HTTP_CHAT_STAT_ROOMS,
    NGX_HTTP_CHAT_STAT_HASH_QUEUE,
    NGX_HTTP_CHAT_STAT_COMMAND_LINKS,
    NGX_HTTP_CHAT_STAT_COMMAND_UP,
    NGX_HTTP_CHAT_STAT_BUS_LINKS,
    NGX_HTTP_CHAT_STAT_BUS_UP,
    NGX_HTTP_CHAT_STAT_QUEUE_MOST,                /* bytes; of workers the most
                                                     counts, not the sum */

    NGX_HTTP_CHAT_STAT_GAUGES,

    /* counters */

    NGX_HTTP_CHAT_STAT_MESSAGES = NGX_HTTP_CHAT_STAT_GAUGES,
    NGX_HTTP_CHAT_STAT_REFUSED_RATE,
    NGX_HTTP_CHAT_STAT_REFUSED_ROOM,
    NGX_HTTP_CHAT_STAT_REFUSED_MUTED,
    NGX_HTTP_CHAT_STAT_REFUSED_INVALID,
    NGX_HTTP_CHAT_STAT_REFUSED_UNAVAILABLE,
    NGX_HTTP_CHAT_STAT_DELIVERIES,
    NGX_HTTP_CHAT_STAT_BYTES_IN,
    NGX_HTTP_CHAT_STAT_BYTES_OUT,
    NGX_HTTP_CHAT_STAT_SLOW,
    NGX_HTTP_CHAT_STAT_LOGIN_OK,
    NGX_HTTP_CHAT_STAT_LOGIN_CREATED,
    NGX_HTTP_CHAT_STAT_LOGIN_WRONG,
    NGX_HTTP_CHAT_STAT_LOGIN_LIMITED,
    NGX_HTTP_CHAT_STAT_LOGIN_UNAVAILABLE,
    NGX_HTTP_CHAT_STAT_LOGIN_OUTSIDE,
    NGX_HTTP_CHAT_STAT_PASSWORDS,
    NGX_HTTP_CHAT_STAT_ARGON2ID,
    NGX_HTTP_CHAT_STAT_BCRYPT,
    NGX_HTTP_CHAT_STAT_HASH_MSEC,
    NGX_HTTP_CHAT_STAT_COMMAND_RECONNECTS,
    NGX_HTTP_CHAT_STAT_BUS_RECONNECTS,
    NGX_HTTP_CHAT_STAT_REPAIRS,
    NGX_HTTP_CHAT_STAT_RELAYS,
    NGX_HTTP_CHAT_STAT_MOVES,
    NGX_HTTP_CHAT_STAT_HANDOVERS,
    NGX_HTTP_CHAT_STAT_ROUND_TRIP_MSEC,
    NGX_HTTP_CHAT_STAT_ROUND_TRIP,                /* its first bucket */

    NGX_HTTP_CHAT_STAT_N = NGX_HTTP_CHAT_STAT_ROUND_TRIP
                           + NGX_HTTP_CHAT_STAT_ROUND_TRIPS
} ngx_http_chat_stat_e;


/* the worker's own row; a gauge that is taken from wraps back again */

extern uint64_t  *ngx_http_chat_stat;

#define ngx_http_chat_count(i)       (ngx_http_chat_stat[i]++)
#define ngx_http_chat_uncount(i)     (ngx_http_chat_stat[i]--)
#define ngx_http_chat_count_n(i, n)  (ngx_http_chat_stat[i] += (n))

#define ngx_http_chat_count_most(i, n)                                       \
    (ngx_http_chat_stat[i] = ngx_max(ngx_http_chat_stat[i], (uint64_t) (n)))

/* an answer of Redis took so many ms */
void ngx_http_chat_stat_round_trip(ngx_msec_t ms);

/* the ends of its buckets, in ms; the last has none */
extern const ngx_uint_t
    ngx_http_chat_stat_round_trips[NGX_HTTP_CHAT_STAT_ROUND_TRIPS - 1];


/* the zone, and the worker's row at its start and end */

ngx_int_t ngx_http_chat_stat_zone(ngx_conf_t *cf);
ngx_int_t ngx_http_chat_stat_init(ngx_cycle_t *cycle);
void ngx_http_chat_stat_exit(ngx_cycle_t *cycle);


/* all rows at one moment */

typedef struct {
    ngx_pid_t                     pid;
    uint64_t                      n[NGX_HTTP_CHAT_STAT_N];
} ngx_http_chat_stat_row_t;

/* the living workers' rows, allocated from pool, and what there is in all;
   their number, or NGX_ERROR without memory */
ngx_int_t ngx_http_chat_stat_read(ngx_http_chat_main_conf_t *cmcf,
    ngx_pool_t *pool, ngx_http_chat_stat_row_t **rows,
    ngx_http_chat_stat_row_t *total);


#endif /* NGX_HTTP_CHAT_STAT_H */
