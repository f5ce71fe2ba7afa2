/*
 * Password hashing in threads of the module's own, since a hash takes tens of
 * milliseconds and 64 MB: two threads a worker, and at most 64 jobs waiting.
 * The threads touch nothing but their job; answers come back to the event loop
 * through an eventfd.
 */

#ifndef NGX_HTTP_CHAT_PASSWORD_H
#define NGX_HTTP_CHAT_PASSWORD_H

#include "../ngx_http_chat_module.h"


#define NGX_HTTP_CHAT_PASSWORD_MAX    1024        /* bytes */
#define NGX_HTTP_CHAT_HASH_MAX        256


typedef struct ngx_http_chat_password_job_s  ngx_http_chat_password_job_t;


/*
 * verify: rc NGX_OK if the password is right, NGX_DECLINED if not (also for a
 * hash that is no argon2id or bcrypt one), NGX_ERROR without memory.  even: a
 * password that is wrong takes a hash of each scheme, whatever the user's own
 * is, so that the work doesn't tell them apart, nor from an empty one, which
 * nobody has.
 * hash: rc NGX_OK and the hash, or NGX_ERROR.
 * Never called from within the call that made the job.
 */
typedef void (*ngx_http_chat_password_handler_pt)(void *data, ngx_int_t rc,
    ngx_str_t *hash);


/* per worker, at its start and end; threads start with the first job */
ngx_int_t ngx_http_chat_password_init(ngx_cycle_t *cycle);
void ngx_http_chat_password_exit(ngx_cycle_t *cycle);

/* NULL: the queue is full (or no memory), handler won't be called.  Arguments
   are copied; the copies of passwords are wiped when the job ends. */
ngx_http_chat_password_job_t *ngx_http_chat_password_verify(
    ngx_str_t *password, ngx_str_t *hash, ngx_uint_t even,
    ngx_http_chat_password_handler_pt handler, void *data);
ngx_http_chat_password_job_t *ngx_http_chat_password_hash(
    ngx_str_t *password, ngx_uint_t scheme,
    ngx_http_chat_password_handler_pt handler, void *data);

/* the handler won't be called; job may be NULL */
void ngx_http_chat_password_cancel(ngx_http_chat_password_job_t *job);


#endif /* NGX_HTTP_CHAT_PASSWORD_H */
