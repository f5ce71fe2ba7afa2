/*
 * How many connections a client's address has open (chat_max_connections).  A
 * connection is what live/ calls a session: a WebSocket, a polling session
 * (however many requests it has) or an event stream.
 *
 * The counts are in a zone of shared memory, a row for each worker and address.
 * So a worker that is killed leaks nothing: rows of processes that are gone are
 * dropped when a worker starts, and before anybody is refused.  A row lasts
 * while it counts something, and belongs to its worker, which holds pointers to
 * it; others look at it, under the zone's lock.
 *
 *     enter (may refuse) or arrive -> id, to hand it on -> leave
 *
 * An address is known by a hash (BLAKE2b, 128 bits) of the Redis of the
 * location and of what ngx_http_chat_rate_address() gives.  Clients over a Unix
 * socket have none, and are not counted; nor are those of a location without a
 * limit.
 *
 * The zone has room for 260,000 rows.  When it is full, connections from
 * addresses that have no row yet are let in and not counted: the limit is there
 * to keep an address from taking more than its share, not to shut out those
 * that have none; of all together worker_connections is the limit.
 */

#ifndef NGX_HTTP_CHAT_CLIENTS_H
#define NGX_HTTP_CHAT_CLIENTS_H

#include "../ngx_http_chat_module.h"


typedef struct ngx_http_chat_client_s  ngx_http_chat_client_t;


typedef struct {
    u_char                       hash[16];        /* all 0: not counted */
} ngx_http_chat_client_id_t;


/* adds the zone to the configuration that is being read */
ngx_int_t ngx_http_chat_clients_init(ngx_conf_t *cf);

/* a worker starts */
void ngx_http_chat_clients_start(ngx_http_chat_main_conf_t *cmcf);

void ngx_http_chat_client_id(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *conf, ngx_http_chat_client_id_t *id);
void ngx_http_chat_client_id_of(ngx_http_chat_client_t *client,
    ngx_http_chat_client_id_t *id);

/*
 * One connection more from the address of r.  NGX_OK: *client is what _leave()
 * takes, or NULL if nothing is counted; NGX_BUSY: it is one too many.
 */
ngx_int_t ngx_http_chat_client_enter(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *conf, ngx_http_chat_client_t **client);

/* one that another worker has let in; may be NULL */
ngx_http_chat_client_t *ngx_http_chat_client_arrive(
    ngx_http_chat_main_conf_t *cmcf, ngx_http_chat_client_id_t *id);

/* one less; client may be NULL */
void ngx_http_chat_client_leave(ngx_http_chat_main_conf_t *cmcf,
    ngx_http_chat_client_t *client);


#endif /* NGX_HTTP_CHAT_CLIENTS_H */
