/*
 * How often log-ins may fail (chat_login_rate), so that passwords can't be
 * guessed by trying; and how often messages may be sent (chat_message_rate).
 *
 * Failures are counted in leaky buckets.  With a rate of 10r/m a bucket takes
 * ten failures at once and forgets ten a minute; a full one refuses the next
 * try.  There are three buckets for a try, each with its own purpose:
 *
 *     address and name   one budget.  It is tight: a refused try counts too, so
 *                        that the delay grows with every try that comes too
 *                        early, up to 15 minutes.
 *     name               ten budgets, over all addresses: against many
 *                        addresses that guess the password of one name.
 *     address            ten budgets, over all names: against one address that
 *                        tries a few passwords on many names.
 *
 * Nobody can lock a name's owner out: who hammers a name from one address fills
 * the bucket of that address and name, and from then on doesn't reach the other
 * two; in those refused tries don't count, so there is always room again a
 * moment later; and they don't apply at all where the name has logged in from
 * that address before.
 *
 * What counts is a log-in that is answered with 404.  One that succeeds and an
 * account that is made count nowhere, and empty the first bucket; nor do
 * malformed requests count, or those that end with 503.
 *
 * A bucket is known by a hash of what it is for (BLAKE2b, 128 bits): the kind,
 * the Redis of the location, the client's address (all clients over a Unix
 * socket are one), and the bytes of the name in NFC.
 *
 * Messages have two buckets for each user (of a Redis).  One takes a burst, and
 * refuses what doesn't fit.  What is refused goes into the other, ten times as
 * large, that leaks as fast: whoever goes on sending too much fills it, and is
 * disconnected.
 *
 * The buckets of log-ins and those of messages are in zones of their own, so
 * that who makes up names doesn't push users out.
 */

#ifndef NGX_HTTP_CHAT_RATE_H
#define NGX_HTTP_CHAT_RATE_H

#include "../ngx_http_chat_module.h"


/* adds the zones to the configuration that is being read */
ngx_int_t ngx_http_chat_rate_init(ngx_conf_t *cf);

/*
 * The client's address as it counts: the bytes of r->connection->sockaddr,
 * which the realip module sets, of IPv6 the first 64 bits, which is what one
 * customer gets.  Over a Unix socket there is none (len 0).
 */
ngx_str_t ngx_http_chat_rate_address(ngx_http_request_t *r);

/*
 * 0 if the name may be tried now, otherwise after how many seconds; the try
 * then counts as refused.
 *
 * Asked twice for a log-in: before its password is hashed, and again before the
 * result is told, because other tries may have failed in between.  So of any
 * number of tries at a time no more are answered than of tries in a row.
 */
ngx_uint_t ngx_http_chat_rate_check(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *conf, ngx_str_t *name);

/* the try failed, or succeeded */
void ngx_http_chat_rate_failure(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *conf, ngx_str_t *name);
void ngx_http_chat_rate_success(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *conf, ngx_str_t *name);

/*
 * Counts a message of a user: NGX_OK; NGX_BUSY: it is one too many; NGX_ABORT:
 * so were many before it, and the connection should be closed.
 */
ngx_int_t ngx_http_chat_rate_message(ngx_http_chat_main_conf_t *cmcf,
    ngx_http_chat_loc_conf_t *conf, ngx_str_t *user_id);


#endif /* NGX_HTTP_CHAT_RATE_H */
