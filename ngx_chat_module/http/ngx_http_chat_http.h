/*
 * The HTTP side: which requests are the chat's, the route table, and what the
 * resources share: bodies in, JSON out, the session of a request, questions to
 * Redis.
 */

#ifndef NGX_HTTP_CHAT_HTTP_H
#define NGX_HTTP_CHAT_HTTP_H

#include "../store/ngx_http_chat_store.h"

#include <jansson.h>


#define NGX_HTTP_CHAT_BODY_MAX   65536


/*
 * In the precontent phase, before try_files: sets r->content_handler where the
 * URI is one of the chat's routes, and leaves everything else alone.
 */
ngx_int_t ngx_http_chat_precontent_handler(ngx_http_request_t *r);

/* 1 if the URI of r is one of the chat's routes */
ngx_uint_t ngx_http_chat_is_route(ngx_http_request_t *r);

/* in the access phase: chat_require */
ngx_int_t ngx_http_chat_access_handler(ngx_http_request_t *r);

/* the content handler of chat_status */
ngx_int_t ngx_http_chat_status_handler(ngx_http_request_t *r);

/* $chat_user and the others; before the configuration is read */
ngx_int_t ngx_http_chat_add_variables(ngx_conf_t *cf);


/*
 * A request in progress, the module's context of r.  It belongs to r->pool;
 * what it waits for is cancelled when the reply is sent and by the pool's
 * cleanup, so that no answer ever reaches a request that is done or gone.
 * While it waits, a timer keeps a worker that is told to go from going, and
 * ends the wait with 503 should nothing else do so.
 */

typedef struct ngx_http_chat_ctx_s    ngx_http_chat_ctx_t;
typedef struct ngx_http_chat_route_s  ngx_http_chat_route_t;
typedef struct ngx_http_chat_ask_s    ngx_http_chat_ask_t;
typedef struct ngx_http_chat_census_s  ngx_http_chat_census_t;

typedef void (*ngx_http_chat_next_pt)(ngx_http_chat_ctx_t *ctx);

/* the answer to one question, the one that was asked with n */
typedef void (*ngx_http_chat_answer_pt)(ngx_http_chat_ctx_t *ctx,
    redisReply *reply, ngx_uint_t n);

struct ngx_http_chat_ctx_s {
    ngx_http_request_t            *request;
    ngx_http_chat_loc_conf_t      *conf;
    ngx_http_chat_redis_t         *redis;

    const ngx_http_chat_route_t   *route;         /* NULL in live/ */
    ngx_str_t                      arg;           /* the route's parameter */

    ngx_http_chat_token_t          token;
    ngx_http_chat_identity_t       user;          /* id.len 0: no session */

    u_char                        *raw;           /* the body as it comes */
    size_t                         raw_len;
    size_t                         raw_size;
    json_t                        *body;          /* freed by the cleanup; NULL:
                                                     no body came */

    ngx_queue_t                    asks;          /* that wait for an answer */
    void                          *job;           /* a password's, or NULL */
    ngx_http_chat_census_t        *census;        /* who is here, or NULL */
    ngx_event_t                    timer;

    ngx_http_chat_next_pt          identified;    /* NULL: not under way */
    ngx_uint_t                     status;        /* of that: 0, or an error */

    ngx_str_t                     *ending;        /* whose sessions are, and */
    ngx_http_chat_next_pt          ended;         /* what comes then */

    ngx_http_chat_next_pt          next;
    void                          *data;          /* the resource's own */

    unsigned                       fresh:1;       /* Redis is asked, even if the
                                                     session is known */
    unsigned                       banned:1;      /* which is why there is
                                                     nobody */
    unsigned                       checking:1;    /* by chat_require */
    unsigned                       checked:1;
};

/* the context of r, made if there is none; NULL without memory */
ngx_http_chat_ctx_t *ngx_http_chat_ctx(ngx_http_request_t *r);

/* cancels all that is waited for */
void ngx_http_chat_ctx_release(ngx_http_chat_ctx_t *ctx);

/* of a request in which it has been learnt who it comes from, also in another
   location than this one; NULL if there is none */
ngx_http_chat_ctx_t *ngx_http_chat_ctx_known(ngx_http_request_t *r);

/*
 * Learns who r comes from, by its session, and calls next with ctx->status 0
 * and ctx->user set (id.len 0: nobody), or with ctx->status an error: 503 if
 * Redis is away, 403 if chat_user gives what can't be a name.  next may be
 * called before this returns.  ctx->data is void behind it.
 *
 * _with_session() answers errors itself.  Used by live/ as well.  The request
 * is held (r->main->count) by the caller.
 */
void ngx_http_chat_identify(ngx_http_chat_ctx_t *ctx,
    ngx_http_chat_next_pt next);
void ngx_http_chat_with_session(ngx_http_chat_ctx_t *ctx,
    ngx_http_chat_next_pt next);

/* ends that, with an error or 0 */
void ngx_http_chat_identified(ngx_http_chat_ctx_t *ctx, ngx_uint_t status);

/* 503, or the end of the identification that is under way */
void ngx_http_chat_unavailable(ngx_http_chat_ctx_t *ctx);

/*
 * Asks Redis; any number of questions may be out at a time, and answers come in
 * the order of the questions.  NGX_ERROR: Redis is away; the request has been
 * answered with 503 and may be gone.
 *
 * _command() takes the words of ngx_http_chat_store_command().  For the store's
 * other calls, _ask() makes the data that goes with ngx_http_chat_answer() as
 * their handler (NULL without memory), and _asked() takes their result.
 */
ngx_int_t ngx_http_chat_command(ngx_http_chat_ctx_t *ctx,
    ngx_http_chat_answer_pt answer, ngx_uint_t n, const char *words, ...);
ngx_http_chat_ask_t *ngx_http_chat_ask(ngx_http_chat_ctx_t *ctx,
    ngx_http_chat_answer_pt answer, ngx_uint_t n);
ngx_int_t ngx_http_chat_asked(ngx_http_chat_ask_t *ask, ngx_http_chat_op_t *op);
void ngx_http_chat_answer(void *ask, redisReply *reply);

/*
 * From here on a client that goes away is noticed, and the request ends.  To be
 * called within the first call of the content handler, or when the body has
 * been read.
 */
void ngx_http_chat_watch(ngx_http_request_t *r);

/*
 * Answers a method that a route doesn't have: a preflight from a site that may
 * use the chat, otherwise 405 with Allow.  Returns what a content handler does.
 */
ngx_int_t ngx_http_chat_options(ngx_http_chat_ctx_t *ctx, ngx_str_t *allow);

/* 1 if all questions have been answered */
ngx_uint_t ngx_http_chat_all_answered(ngx_http_chat_ctx_t *ctx);

/*
 * 1 if reply is no answer but an error, or missing: the request has then been
 * answered, with 500 for a key that holds something else and with 503 for
 * anything else
 */
ngx_uint_t ngx_http_chat_failed(ngx_http_chat_ctx_t *ctx, redisReply *reply);

/* starts and ends the wait for a password job (ctx->job) */
void ngx_http_chat_wait_job(ngx_http_chat_ctx_t *ctx, void *job);
void ngx_http_chat_job_done(ngx_http_chat_ctx_t *ctx);


/*
 * Sends a reply and finalizes the request.  {"message":...} for errors; what is
 * sent must live in r->pool (or be constant).
 */
void ngx_http_chat_send_body(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *content_type, ngx_str_t *body);
void ngx_http_chat_send_json(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *json);
void ngx_http_chat_send_error(ngx_http_request_t *r, ngx_uint_t status,
    const char *message);

/* 503, with Retry-After */
void ngx_http_chat_send_unavailable(ngx_http_request_t *r);

/* 429, with Retry-After */
void ngx_http_chat_send_too_many(ngx_http_request_t *r, ngx_uint_t seconds,
    const char *message);

/* the same: an address has as many connections as it may */
void ngx_http_chat_send_crowded(ngx_http_request_t *r);

/* adds a header to the reply; both live in r->pool or are constant */
ngx_int_t ngx_http_chat_add_header(ngx_http_request_t *r, const char *name,
    ngx_str_t *value);


/*
 * JSON that is put together piece by piece, in r->pool.  Without memory it
 * stays failed, and sending it answers 500.
 */
typedef struct {
    ngx_pool_t                    *pool;
    u_char                        *start;
    u_char                        *last;
    u_char                        *end;
    unsigned                       failed:1;
} ngx_http_chat_text_t;

void ngx_http_chat_text_init(ngx_http_chat_text_t *text, ngx_pool_t *pool);
void ngx_http_chat_text_reserve(ngx_http_chat_text_t *text, size_t size);
void ngx_http_chat_text_add(ngx_http_chat_text_t *text, const char *s);
void ngx_http_chat_text_add_str(ngx_http_chat_text_t *text, ngx_str_t *str);
void ngx_http_chat_text_add_json(ngx_http_chat_text_t *text, ngx_str_t *str);
void ngx_http_chat_send_text(ngx_http_request_t *r, ngx_uint_t status,
    ngx_http_chat_text_t *text);

/* {"id":"1","username":"..."} */
void ngx_http_chat_text_add_identity(ngx_http_chat_text_t *text,
    ngx_http_chat_identity_t *user);

/* "1":{"id":"1","username":"...","online":true}, behind a comma if need be */
void ngx_http_chat_text_add_user(ngx_http_chat_text_t *text, ngx_str_t *id,
    ngx_str_t *username, ngx_uint_t online);


/*
 * Reads the request's body and calls next with ctx->body set.  What is no JSON
 * object, too long or of another type is answered here.  optional: an empty
 * body is none.  Returns what a content handler does.
 */
ngx_int_t ngx_http_chat_body_read(ngx_http_chat_ctx_t *ctx,
    ngx_uint_t optional, ngx_http_chat_next_pt next);

/*
 * Copies a request body that nginx has read, from memory or from its temporary
 * file.  The length; out may be NULL, otherwise it has room for as much.
 * NGX_ERROR if the file can't be read.  For live/.
 */
ssize_t ngx_http_chat_body_copy(ngx_http_request_t *r, u_char *out);

/* a string member of the body; NGX_DECLINED if there is none */
ngx_int_t ngx_http_chat_body_string(ngx_http_chat_ctx_t *ctx, const char *key,
    ngx_str_t *str);


/*
 * The first argument of that name in the query string, decoded.  NGX_DECLINED
 * if there is none, NGX_ERROR if its escapes are broken (or without memory).
 */
ngx_int_t ngx_http_chat_arg(ngx_http_request_t *r, const char *name,
    ngx_str_t *value);


/* the resources: handlers of the route table */

struct ngx_http_chat_route_s {
    const char                    *path;          /* a segment "*" is any one */
    ngx_uint_t                     methods;
    ngx_http_chat_next_pt          handler;
    unsigned                       session:1;     /* 403 without one */
    unsigned                       body:1;        /* JSON is expected */
    unsigned                       optional:1;    /* but need not come */
    unsigned                       admin:1;       /* 403 for others, and 404
                                                     where there are none */
};

/*
 * A log-in in progress, ctx->data of /login.  Strings live in r->pool or in
 * ctx->body.
 */
typedef struct {
    ngx_str_t                      username;      /* in NFC, */
    ngx_str_t                      given;         /* as it came; what is looked
                                                     up */
    ngx_str_t                      password;
    ngx_http_chat_identity_t       user;          /* who it is */
    ngx_str_t                      hash;

    ngx_http_chat_token_t          token;         /* the new session's */
    u_char                         text[NGX_HTTP_CHAT_HASH_LEN];

    ngx_uint_t                     tries;         /* for a free id */
    ngx_uint_t                     status;        /* of success */
    unsigned                       lost:1;        /* the name, to another */
    unsigned                       alike:1;       /* or to one like it */
    unsigned                       outside:1;     /* by chat_user: there is no
                                                     password, and who waits is
                                                     ctx->identified */
} ngx_http_chat_login_t;

/* looks the name up and goes on from there; _register() comes back to it when
   somebody else has been quicker */
void ngx_http_chat_login_lookup(ngx_http_chat_ctx_t *ctx);

/* makes the account of a name that is free */
void ngx_http_chat_register(ngx_http_chat_ctx_t *ctx);

/* the user is known and has proved it: makes the session and answers */
void ngx_http_chat_login_success(ngx_http_chat_ctx_t *ctx);
void ngx_http_chat_login_failure(ngx_http_chat_ctx_t *ctx);

/*
 * Ends all sessions of a user, with their connections, and calls next.  id
 * lasts as long as the request.
 */
void ngx_http_chat_end_sessions(ngx_http_chat_ctx_t *ctx, ngx_str_t *id,
    ngx_http_chat_next_pt next);

/* adds the figures of chat_status as JSON; NGX_ERROR without memory */
ngx_int_t ngx_http_chat_status_add(ngx_http_request_t *r,
    ngx_http_chat_text_t *text);

/* 403: whose log-in would be right otherwise */
void ngx_http_chat_send_banned(ngx_http_request_t *r);

void ngx_http_chat_me_handler(ngx_http_chat_ctx_t *ctx);
void ngx_http_chat_login_handler(ngx_http_chat_ctx_t *ctx);
void ngx_http_chat_logout_handler(ngx_http_chat_ctx_t *ctx);
void ngx_http_chat_links_handler(ngx_http_chat_ctx_t *ctx);
void ngx_http_chat_randomname_handler(ngx_http_chat_ctx_t *ctx);
void ngx_http_chat_users_handler(ngx_http_chat_ctx_t *ctx);
void ngx_http_chat_online_handler(ngx_http_chat_ctx_t *ctx);
void ngx_http_chat_rooms_handler(ngx_http_chat_ctx_t *ctx);
void ngx_http_chat_room_handler(ngx_http_chat_ctx_t *ctx);
void ngx_http_chat_preload_handler(ngx_http_chat_ctx_t *ctx);
void ngx_http_chat_messages_handler(ngx_http_chat_ctx_t *ctx);


#endif /* NGX_HTTP_CHAT_HTTP_H */
