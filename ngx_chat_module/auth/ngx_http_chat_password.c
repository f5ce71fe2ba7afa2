/*
 * The pool of threads that hash passwords: see the header.
 *
 * A job is allocated by the event loop and freed by it.  It waits in a queue,
 * is taken by a thread, and comes back in the queue of done ones; the mutex
 * guards both queues, and the handler of a job is the event loop's alone.  A
 * cancelled job that a thread has already taken is freed when it comes back.
 */

#include "ngx_http_chat_password.h"
#include "../ngx_http_chat_stat.h"

#include <crypt.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <sys/eventfd.h>


#define NGX_HTTP_CHAT_PASSWORD_THREADS   2
#define NGX_HTTP_CHAT_PASSWORD_QUEUE     64

/* what a stored hash may ask for: more is no hash that anybody made */
#define NGX_HTTP_CHAT_ARGON2_MEMORY      1048576            /* KiB */
#define NGX_HTTP_CHAT_ARGON2_TIME        64
#define NGX_HTTP_CHAT_ARGON2_LANES       16
#define NGX_HTTP_CHAT_BCRYPT_COST        16

#define NGX_HTTP_CHAT_BCRYPT_NEW_COST    10
#define NGX_HTTP_CHAT_BCRYPT_BYTES       72


struct ngx_http_chat_password_job_s {
    ngx_queue_t                         queue;
    ngx_http_chat_password_handler_pt   handler;     /* NULL: cancelled */
    void                               *data;

    ngx_msec_t                          posted;

    unsigned                            verify:1;
    unsigned                            even:1;
    unsigned                            taken:1;     /* under the mutex */

    unsigned                            argon2id:1;  /* hashes that were made */
    unsigned                            bcrypt:1;

    ngx_uint_t                          scheme;
    ngx_int_t                           rc;
    char                                hash[NGX_HTTP_CHAT_HASH_MAX];
    size_t                              len;
    u_char                              password[1]; /* len bytes and a zero */
};


typedef struct {
    pthread_mutex_t                     mutex;
    pthread_cond_t                      cond;
    ngx_queue_t                         waiting;
    ngx_queue_t                         done;
    ngx_uint_t                          nwaiting;
    ngx_uint_t                          stop;

    pthread_t                           threads[NGX_HTTP_CHAT_PASSWORD_THREADS];
    ngx_uint_t                          nthreads;

    ngx_connection_t                   *connection;  /* of the eventfd */
    int                                 fd;
} ngx_http_chat_password_pool_t;


static ngx_http_chat_password_job_t *ngx_http_chat_password_job(
    ngx_str_t *password, ngx_http_chat_password_handler_pt handler, void *data);
static ngx_http_chat_password_job_t *ngx_http_chat_password_post(
    ngx_http_chat_password_job_t *job);
static ngx_int_t ngx_http_chat_password_start(void);
static void ngx_http_chat_password_done_handler(ngx_event_t *rev);
static void ngx_http_chat_password_count(ngx_http_chat_password_pool_t *pool);
static void ngx_http_chat_password_free(ngx_http_chat_password_job_t *job);

/* in the threads */
static void *ngx_http_chat_password_thread(void *data);
static void ngx_http_chat_password_work(ngx_http_chat_password_job_t *job);
static void ngx_http_chat_password_even(ngx_http_chat_password_job_t *job);
static ngx_int_t ngx_http_chat_argon2id_verify(
    ngx_http_chat_password_job_t *job);
static ngx_int_t ngx_http_chat_argon2id_hash(ngx_http_chat_password_job_t *job);
static ngx_uint_t ngx_http_chat_argon2id_sane(const char *hash);
static ngx_int_t ngx_http_chat_bcrypt_verify(ngx_http_chat_password_job_t *job);
static ngx_int_t ngx_http_chat_bcrypt_hash(ngx_http_chat_password_job_t *job);
static void ngx_http_chat_bcrypt_limit(ngx_http_chat_password_job_t *job);


static ngx_http_chat_password_pool_t  ngx_http_chat_password_pool;


ngx_int_t
ngx_http_chat_password_init(ngx_cycle_t *cycle)
{
    ngx_connection_t               *c;
    ngx_http_chat_password_pool_t  *pool;

    pool = &ngx_http_chat_password_pool;

    if (sodium_init() == -1) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "chat: sodium_init() failed");
        return NGX_ERROR;
    }

    (void) pthread_mutex_init(&pool->mutex, NULL);
    (void) pthread_cond_init(&pool->cond, NULL);

    ngx_queue_init(&pool->waiting);
    ngx_queue_init(&pool->done);

    pool->nwaiting = 0;
    pool->nthreads = 0;
    pool->stop = 0;

    pool->fd = eventfd(0, EFD_NONBLOCK|EFD_CLOEXEC);
    if (pool->fd == -1) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "chat: eventfd() failed");
        return NGX_ERROR;
    }

    c = ngx_get_connection(pool->fd, cycle->log);
    if (c == NULL) {
        (void) close(pool->fd);
        return NGX_ERROR;
    }

    c->read->handler = ngx_http_chat_password_done_handler;
    c->read->log = cycle->log;
    c->write->log = cycle->log;
    c->data = pool;

    pool->connection = c;

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_close_connection(c);
        pool->connection = NULL;
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* a hash that is being made is waited for: it takes a fraction of a second */

void
ngx_http_chat_password_exit(ngx_cycle_t *cycle)
{
    ngx_queue_t                    *q;
    ngx_http_chat_password_job_t   *job;
    ngx_http_chat_password_pool_t  *pool;

    pool = &ngx_http_chat_password_pool;

    if (pool->connection == NULL) {
        return;
    }

    (void) pthread_mutex_lock(&pool->mutex);
    pool->stop = 1;
    (void) pthread_cond_broadcast(&pool->cond);
    (void) pthread_mutex_unlock(&pool->mutex);

    while (pool->nthreads) {
        (void) pthread_join(pool->threads[--pool->nthreads], NULL);
    }

    ngx_queue_add(&pool->done, &pool->waiting);

    while (!ngx_queue_empty(&pool->done)) {
        q = ngx_queue_head(&pool->done);
        ngx_queue_remove(q);

        job = ngx_queue_data(q, ngx_http_chat_password_job_t, queue);
        ngx_http_chat_password_free(job);
    }

    ngx_close_connection(pool->connection);
    pool->connection = NULL;

    (void) pthread_cond_destroy(&pool->cond);
    (void) pthread_mutex_destroy(&pool->mutex);
}


ngx_http_chat_password_job_t *
ngx_http_chat_password_verify(ngx_str_t *password, ngx_str_t *hash,
    ngx_uint_t even, ngx_http_chat_password_handler_pt handler, void *data)
{
    ngx_http_chat_password_job_t  *job;

    job = ngx_http_chat_password_job(password, handler, data);
    if (job == NULL) {
        return NULL;
    }

    job->verify = 1;
    job->even = even;

    /* a hash with a NUL, or too long, is none: it is left empty */

    if (hash->len && hash->len < NGX_HTTP_CHAT_HASH_MAX
        && ngx_strlchr(hash->data, hash->data + hash->len, '\0') == NULL)
    {
        ngx_memcpy(job->hash, hash->data, hash->len);
    }

    return ngx_http_chat_password_post(job);
}


ngx_http_chat_password_job_t *
ngx_http_chat_password_hash(ngx_str_t *password, ngx_uint_t scheme,
    ngx_http_chat_password_handler_pt handler, void *data)
{
    ngx_http_chat_password_job_t  *job;

    job = ngx_http_chat_password_job(password, handler, data);
    if (job == NULL) {
        return NULL;
    }

    job->scheme = scheme;

    return ngx_http_chat_password_post(job);
}


static ngx_http_chat_password_job_t *
ngx_http_chat_password_job(ngx_str_t *password,
    ngx_http_chat_password_handler_pt handler, void *data)
{
    ngx_http_chat_password_job_t   *job;

    if (ngx_http_chat_password_pool.nwaiting >= NGX_HTTP_CHAT_PASSWORD_QUEUE) {
        return NULL;
    }

    job = ngx_calloc(sizeof(ngx_http_chat_password_job_t) + password->len,
                     ngx_cycle->log);
    if (job == NULL) {
        return NULL;
    }

    job->posted = ngx_current_msec;
    job->handler = handler;
    job->data = data;
    job->len = password->len;
    ngx_memcpy(job->password, password->data, password->len);

    return job;
}


static ngx_http_chat_password_job_t *
ngx_http_chat_password_post(ngx_http_chat_password_job_t *job)
{
    ngx_http_chat_password_pool_t  *pool;

    pool = &ngx_http_chat_password_pool;

    if (ngx_http_chat_password_start() != NGX_OK) {
        ngx_http_chat_password_free(job);
        return NULL;
    }

    (void) pthread_mutex_lock(&pool->mutex);

    ngx_queue_insert_tail(&pool->waiting, &job->queue);
    pool->nwaiting++;

    (void) pthread_cond_signal(&pool->cond);
    ngx_http_chat_password_count(pool);
    (void) pthread_mutex_unlock(&pool->mutex);

    return job;
}


void
ngx_http_chat_password_cancel(ngx_http_chat_password_job_t *job)
{
    ngx_http_chat_password_pool_t  *pool;

    if (job == NULL) {
        return;
    }

    pool = &ngx_http_chat_password_pool;

    job->handler = NULL;

    (void) pthread_mutex_lock(&pool->mutex);

    if (job->taken) {
        job = NULL;

    } else {
        ngx_queue_remove(&job->queue);
        pool->nwaiting--;
    }

    ngx_http_chat_password_count(pool);
    (void) pthread_mutex_unlock(&pool->mutex);

    if (job) {
        ngx_http_chat_password_free(job);
    }
}


/* threads start with the first job, with all signals left to the event loop */

static ngx_int_t
ngx_http_chat_password_start(void)
{
    int                             err;
    sigset_t                        all, old;
    ngx_http_chat_password_pool_t  *pool;

    pool = &ngx_http_chat_password_pool;

    if (pool->connection == NULL) {
        return NGX_ERROR;
    }

    if (pool->nthreads) {
        return NGX_OK;
    }

    (void) sigfillset(&all);
    (void) pthread_sigmask(SIG_SETMASK, &all, &old);

    err = 0;

    while (pool->nthreads < NGX_HTTP_CHAT_PASSWORD_THREADS) {

        err = pthread_create(&pool->threads[pool->nthreads], NULL,
                             ngx_http_chat_password_thread, pool);
        if (err) {
            break;
        }

        pool->nthreads++;
    }

    (void) pthread_sigmask(SIG_SETMASK, &old, NULL);

    if (err) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, err,
                      "chat: pthread_create() failed");
    }

    return pool->nthreads ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_chat_password_done_handler(ngx_event_t *rev)
{
    uint64_t                        n;
    ngx_str_t                       hash;
    ngx_queue_t                    *q;
    ngx_connection_t               *c;
    ngx_http_chat_password_job_t   *job;
    ngx_http_chat_password_pool_t  *pool;

    c = rev->data;
    pool = c->data;

    if (read(pool->fd, &n, sizeof(n)) == -1 && ngx_errno != NGX_EAGAIN) {
        ngx_log_error(NGX_LOG_ALERT, rev->log, ngx_errno,
                      "chat: read() from the eventfd failed");
    }

    rev->ready = 0;

    if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_log_error(NGX_LOG_ALERT, rev->log, 0,
                      "chat: lost the passwords' eventfd");
    }

    for ( ;; ) {
        job = NULL;

        (void) pthread_mutex_lock(&pool->mutex);

        if (!ngx_queue_empty(&pool->done)) {
            q = ngx_queue_head(&pool->done);
            ngx_queue_remove(q);
            job = ngx_queue_data(q, ngx_http_chat_password_job_t, queue);
        }

        ngx_http_chat_password_count(pool);
        (void) pthread_mutex_unlock(&pool->mutex);

        if (job == NULL) {
            return;
        }

        ngx_http_chat_count(NGX_HTTP_CHAT_STAT_PASSWORDS);
        ngx_http_chat_count_n(NGX_HTTP_CHAT_STAT_ARGON2ID, job->argon2id);
        ngx_http_chat_count_n(NGX_HTTP_CHAT_STAT_BCRYPT, job->bcrypt);
        ngx_http_chat_count_n(NGX_HTTP_CHAT_STAT_HASH_MSEC,
                              ngx_current_msec - job->posted);

        if (job->handler) {
            hash.data = (u_char *) job->hash;
            hash.len = ngx_strlen(job->hash);

            job->handler(job->data, job->rc, &hash);
        }

        ngx_http_chat_password_free(job);
    }
}


/* the event loop's part of the pool, under the mutex */

static void
ngx_http_chat_password_count(ngx_http_chat_password_pool_t *pool)
{
    ngx_http_chat_stat[NGX_HTTP_CHAT_STAT_HASH_QUEUE] = pool->nwaiting;
}


static void
ngx_http_chat_password_free(ngx_http_chat_password_job_t *job)
{
    sodium_memzero(job->password, job->len);
    ngx_free(job);
}


static void *
ngx_http_chat_password_thread(void *data)
{
    ngx_http_chat_password_pool_t *pool = data;

    uint64_t                       n;
    ngx_queue_t                   *q;
    ngx_http_chat_password_job_t  *job;

    (void) pthread_mutex_lock(&pool->mutex);

    for ( ;; ) {

        while (!pool->stop && ngx_queue_empty(&pool->waiting)) {
            (void) pthread_cond_wait(&pool->cond, &pool->mutex);
        }

        if (pool->stop) {
            break;
        }

        q = ngx_queue_head(&pool->waiting);
        ngx_queue_remove(q);
        pool->nwaiting--;

        job = ngx_queue_data(q, ngx_http_chat_password_job_t, queue);
        job->taken = 1;

        (void) pthread_mutex_unlock(&pool->mutex);

        ngx_http_chat_password_work(job);

        (void) pthread_mutex_lock(&pool->mutex);

        ngx_queue_insert_tail(&pool->done, &job->queue);

        /* can't fail: the counter would have to be full */

        n = 1;
        (void) (write(pool->fd, &n, sizeof(n)) + 1);
    }

    (void) pthread_mutex_unlock(&pool->mutex);

    return NULL;
}


static void
ngx_http_chat_password_work(ngx_http_chat_password_job_t *job)
{
    if (job->verify) {

        if (ngx_strncmp(job->hash, "$argon2id$", 10) == 0) {
            job->rc = ngx_http_chat_argon2id_verify(job);

        } else {
            job->rc = ngx_http_chat_bcrypt_verify(job);
        }

        if (job->rc == NGX_DECLINED && job->even) {
            ngx_http_chat_password_even(job);
        }

    } else if (job->scheme == NGX_HTTP_CHAT_BCRYPT) {
        job->rc = ngx_http_chat_bcrypt_hash(job);

    } else {
        job->rc = ngx_http_chat_argon2id_hash(job);
    }

    sodium_memzero(job->password, job->len);
}


/* the work that the hash, whose password it wasn't, has not taken */

static void
ngx_http_chat_password_even(ngx_http_chat_password_job_t *job)
{
    if (!job->argon2id && ngx_http_chat_argon2id_hash(job) != NGX_OK) {
        job->rc = NGX_ERROR;
    }

    if (!job->bcrypt && ngx_http_chat_bcrypt_hash(job) != NGX_OK) {
        job->rc = NGX_ERROR;
    }
}


static ngx_int_t
ngx_http_chat_argon2id_verify(ngx_http_chat_password_job_t *job)
{
    if (!ngx_http_chat_argon2id_sane(job->hash)) {
        return NGX_DECLINED;
    }

    job->argon2id = 1;
    ngx_set_errno(0);

    if (crypto_pwhash_str_verify(job->hash, (char *) job->password, job->len)
        == 0)
    {
        return NGX_OK;
    }

    return ngx_errno == NGX_ENOMEM ? NGX_ERROR : NGX_DECLINED;
}


static ngx_int_t
ngx_http_chat_argon2id_hash(ngx_http_chat_password_job_t *job)
{
    job->argon2id = 1;

    return crypto_pwhash_str_alg(job->hash, (char *) job->password, job->len,
                                 crypto_pwhash_OPSLIMIT_INTERACTIVE,
                                 crypto_pwhash_MEMLIMIT_INTERACTIVE,
                                 crypto_pwhash_ALG_ARGON2ID13)
           == 0 ? NGX_OK : NGX_ERROR;
}


/* $argon2id$v=19$m=65536,t=2,p=1$salt$hash */

static ngx_uint_t
ngx_http_chat_argon2id_sane(const char *hash)
{
    char           *end;
    unsigned long   n;

    hash = strstr(hash, "$m=");
    if (hash == NULL) {
        return 0;
    }

    n = strtoul(hash + 3, &end, 10);

    if (n > NGX_HTTP_CHAT_ARGON2_MEMORY || ngx_strncmp(end, ",t=", 3) != 0) {
        return 0;
    }

    n = strtoul(end + 3, &end, 10);

    if (n > NGX_HTTP_CHAT_ARGON2_TIME || ngx_strncmp(end, ",p=", 3) != 0) {
        return 0;
    }

    n = strtoul(end + 3, &end, 10);

    return n <= NGX_HTTP_CHAT_ARGON2_LANES && *end == '$';
}


static ngx_int_t
ngx_http_chat_bcrypt_verify(ngx_http_chat_password_job_t *job)
{
    char               *hash;
    size_t              len;
    ngx_int_t           rc;
    ngx_uint_t          cut;
    struct crypt_data  *data;

    hash = job->hash;
    len = strlen(hash);

    /* $2b$10$ and 53 characters of salt and hash */

    if (len != 60 || hash[0] != '$' || hash[1] != '2'
        || (hash[2] != 'a' && hash[2] != 'b' && hash[2] != 'y')
        || hash[3] != '$' || hash[6] != '$'
        || ngx_atoi((u_char *) hash + 4, 2) == NGX_ERROR
        || ngx_atoi((u_char *) hash + 4, 2) > NGX_HTTP_CHAT_BCRYPT_COST)
    {
        return NGX_DECLINED;
    }

    /*
     * A NUL would end the password early: what follows would not count.  The
     * work is done all the same, as for any password that is wrong.
     */

    cut = memchr(job->password, '\0', job->len) != NULL;

    ngx_http_chat_bcrypt_limit(job);

    data = calloc(1, sizeof(struct crypt_data));
    if (data == NULL) {
        return NGX_ERROR;
    }

    job->bcrypt = 1;
    (void) crypt_r((char *) job->password, hash, data);

    rc = strlen(data->output) == len
         && sodium_memcmp(data->output, hash, len) == 0 && !cut
         ? NGX_OK : NGX_DECLINED;

    sodium_memzero(data, sizeof(struct crypt_data));
    free(data);

    return rc;
}


static ngx_int_t
ngx_http_chat_bcrypt_hash(ngx_http_chat_password_job_t *job)
{
    char                setting[CRYPT_GENSALT_OUTPUT_SIZE];
    ngx_int_t           rc;
    struct crypt_data  *data;

    if (crypt_gensalt_rn("$2b$", NGX_HTTP_CHAT_BCRYPT_NEW_COST, NULL, 0,
                         setting, sizeof(setting))
        == NULL)
    {
        return NGX_ERROR;
    }

    ngx_http_chat_bcrypt_limit(job);

    data = calloc(1, sizeof(struct crypt_data));
    if (data == NULL) {
        return NGX_ERROR;
    }

    job->bcrypt = 1;
    (void) crypt_r((char *) job->password, setting, data);

    rc = NGX_ERROR;

    if (data->output[0] == '$' && strlen(data->output) == 60) {
        ngx_memcpy(job->hash, data->output, 61);
        rc = NGX_OK;
    }

    sodium_memzero(data, sizeof(struct crypt_data));
    free(data);

    return rc;
}


/* bcrypt reads no more than this, and crypt(3) refuses long passwords */

static void
ngx_http_chat_bcrypt_limit(ngx_http_chat_password_job_t *job)
{
    if (job->len > NGX_HTTP_CHAT_BCRYPT_BYTES) {
        job->password[NGX_HTTP_CHAT_BCRYPT_BYTES] = '\0';
    }
}
