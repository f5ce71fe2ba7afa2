/*
 * Who is here, and in which rooms, asked of all workers of all hosts over the
 * bus, for the admins' page.  Nothing is kept for it: a worker looks when it is
 * asked.
 *
 *     who TOKEN FROM KIND AFTER SIZE   (to all) KIND: "users", "rooms", or
 *                                      "user", that one alone; AFTER "*": from
 *                                      the beginning on
 *     here TOKEN MORE                  the answer, body: lines; MORE "1": there
 *                                      are more behind the last line's
 *
 * A line of users is "ID SESSIONS NAME TRANSPORT SECONDS ADDR SESSION", one for
 * each connection, at most 16 of a user.  SESSIONS is how many the worker has,
 * in the user's first line, and else 0; NAME is in base64url there, and else
 * "-", as is what is not known.  A line of rooms is "ID MEMBERS".
 *
 * Ids are in the order of the workers' trees (by hash), which is the same
 * everywhere: so a page begins where the last one ended, and no worker has to
 * look at more than it tells.
 */

#ifndef NGX_HTTP_CHAT_CENSUS_H
#define NGX_HTTP_CHAT_CENSUS_H

#include "ngx_http_chat_relay_int.h"
#include "../http/ngx_http_chat_http.h"


#define NGX_HTTP_CHAT_CENSUS_WORDS   7
#define NGX_HTTP_CHAT_CENSUS_SIZE    100          /* users, or rooms */


typedef struct {
    uint32_t                      key;            /* the id's hash */
    ngx_str_t                     word[NGX_HTTP_CHAT_CENSUS_WORDS];
    ngx_uint_t                    n;
} ngx_http_chat_census_line_t;


struct ngx_http_chat_census_s {
    ngx_queue_t                   queue;          /* hub->censuses */
    ngx_http_chat_ctx_t          *ctx;
    ngx_http_chat_next_pt         next;
    uint64_t                      token;
    ngx_event_t                   timer;
    ngx_uint_t                    asked;          /* workers, once known */
    ngx_uint_t                    answered;
    size_t                        bytes;          /* of all answers */
    ngx_array_t                   answers;        /* of ngx_str_t */
    ngx_str_t                     end;            /* the first id at which an
                                                     answer ended early */

    /* the result */
    ngx_array_t                   lines;          /* by id */
    ngx_uint_t                    missing;        /* workers without answer */
    unsigned                      known:1;        /* asked is */
    unsigned                      more:1;         /* behind the lines' end */
};


/*
 * Asks, and calls next with ctx->census set, when all workers have answered or
 * a second is over.  after: an id, or len 0.  Answers with 503 if Redis is away
 * or too many ask.  Ends with the request.
 */
void ngx_http_chat_census(ngx_http_chat_ctx_t *ctx, const char *kind,
    ngx_str_t *after, ngx_uint_t size, ngx_http_chat_next_pt next);

/* nobody waits for it any more; may be NULL */
void ngx_http_chat_census_cancel(ngx_http_chat_census_t *census);

/* what comes over the bus */
void ngx_http_chat_census_on_who(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message);
void ngx_http_chat_census_on_here(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message);


#endif /* NGX_HTTP_CHAT_CENSUS_H */
