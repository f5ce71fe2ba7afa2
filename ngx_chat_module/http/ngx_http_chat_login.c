/*
 * POST /login {"username","password"}: logs in, or makes an account of a name
 * that nobody has.  The name is looked up as it came, since other servers keep
 * names so, and then in NFC, as they are made here.
 *
 *     session -> lookup -> user -> verify -> put -> end the old one -> surplus
 *                  |                 |                                     |
 *                  | unknown name    +--> 404                           200
 *                  v
 *               register (its file) -> put ... 201
 *                  |
 *                  +--> lookup again, if somebody else has got the name
 *
 * With chat_user there is nothing to verify: lookup -> user -> put, or register
 * -> put, on behalf of ngx_http_chat_identify().
 *
 * Before the session is put, and again behind that, it is asked whether the
 * user is banned: 403.
 *
 * A failure changes nothing: the session that the browser has goes on.  Too
 * many of them are 429, before the lookup and when a password has been
 * verified.
 */

#include "ngx_http_chat_http.h"
#include "../auth/ngx_http_chat_password.h"
#include "../auth/ngx_http_chat_rate.h"
#include "../ngx_http_chat_stat.h"
#include "../proto/chat_json.h"
#include "../proto/chat_utf8.h"


static ngx_uint_t ngx_http_chat_login_blank(ngx_str_t *str);
static ngx_int_t ngx_http_chat_login_normalize(ngx_http_request_t *r,
    ngx_http_chat_login_t *login);
static ngx_uint_t ngx_http_chat_login_limited(ngx_http_chat_ctx_t *ctx);
static void ngx_http_chat_login_known(ngx_http_chat_ctx_t *ctx,
    redisReply *reply, ngx_uint_t n);
static void ngx_http_chat_login_unknown(ngx_http_chat_ctx_t *ctx);
static void ngx_http_chat_login_user(ngx_http_chat_ctx_t *ctx,
    redisReply *reply, ngx_uint_t n);
static void ngx_http_chat_login_verified(void *data, ngx_int_t rc,
    ngx_str_t *hash);
static void ngx_http_chat_login_ask_ban(ngx_http_chat_ctx_t *ctx,
    ngx_uint_t n);
static void ngx_http_chat_login_checked(ngx_http_chat_ctx_t *ctx,
    redisReply *reply, ngx_uint_t n);
static void ngx_http_chat_login_begin(ngx_http_chat_ctx_t *ctx);
static void ngx_http_chat_login_undo(ngx_http_chat_ctx_t *ctx);
static void ngx_http_chat_login_banned(ngx_http_chat_ctx_t *ctx,
    redisReply *reply, ngx_uint_t n);
static void ngx_http_chat_login_go_on(ngx_http_chat_ctx_t *ctx);
static void ngx_http_chat_login_put(ngx_http_chat_ctx_t *ctx,
    redisReply *reply, ngx_uint_t n);
static void ngx_http_chat_login_ended(ngx_http_chat_ctx_t *ctx,
    redisReply *reply, ngx_uint_t n);
static void ngx_http_chat_login_limit(ngx_http_chat_ctx_t *ctx);
static void ngx_http_chat_login_surplus(ngx_http_chat_ctx_t *ctx,
    redisReply *reply, ngx_uint_t n);
static void ngx_http_chat_login_send(ngx_http_chat_ctx_t *ctx);


void
ngx_http_chat_login_handler(ngx_http_chat_ctx_t *ctx)
{
    ngx_http_request_t     *r;
    ngx_http_chat_login_t  *login;

    r = ctx->request;

    login = ngx_pcalloc(r->pool, sizeof(ngx_http_chat_login_t));
    if (login == NULL) {
        ngx_http_chat_send_unavailable(r);
        return;
    }

    ctx->data = login;
    login->status = NGX_HTTP_OK;

    if (ngx_http_chat_body_string(ctx, "username", &login->given) != NGX_OK
        || ngx_http_chat_body_string(ctx, "password", &login->password)
           != NGX_OK
        || ngx_http_chat_login_blank(&login->given)
        || ngx_http_chat_login_blank(&login->password))
    {
        ngx_http_chat_send_error(r, NGX_HTTP_BAD_REQUEST,
                                 "A name and a password are needed");
        return;
    }

    if (login->given.len > CHAT_NAME_LONGEST
        || login->password.len > NGX_HTTP_CHAT_PASSWORD_MAX)
    {
        ngx_http_chat_send_error(r, NGX_HTTP_BAD_REQUEST,
                                 "The name or the password is too long");
        return;
    }

    if (ngx_http_chat_login_normalize(r, login) != NGX_OK) {
        ngx_http_chat_send_unavailable(r);
        return;
    }

    if (ngx_http_chat_login_limited(ctx)) {
        return;
    }

    /* the session that success will end */

    ngx_http_chat_with_session(ctx, ngx_http_chat_login_lookup);
}


static ngx_uint_t
ngx_http_chat_login_blank(ngx_str_t *str)
{
    const u_char  *p, *end;

    p = str->data;
    end = p + str->len;

    while (p < end) {
        if (!chat_utf8_space(chat_utf8_next(&p))) {
            return 0;
        }
    }

    return 1;
}


static ngx_int_t
ngx_http_chat_login_normalize(ngx_http_request_t *r,
    ngx_http_chat_login_t *login)
{
    chat_str_t  given;

    given.len = login->given.len;
    given.data = login->given.data;

    login->username.data = ngx_pnalloc(r->pool, 3 * given.len);
    if (login->username.data == NULL) {
        return NGX_ERROR;
    }

    login->username.len = chat_name_normalize(given, login->username.data);

    if (login->username.len == 0) {
        login->username = login->given;
    }

    return NGX_OK;
}


/* 1 if there were too many tries: the request has been answered with 429 */

static ngx_uint_t
ngx_http_chat_login_limited(ngx_http_chat_ctx_t *ctx)
{
    ngx_uint_t              wait;
    ngx_http_request_t     *r;
    ngx_http_chat_login_t  *login;

    r = ctx->request;
    login = ctx->data;

    wait = ngx_http_chat_rate_check(r, ctx->conf, &login->username);

    if (wait == 0) {
        return 0;
    }

    ngx_http_chat_count(NGX_HTTP_CHAT_STAT_LOGIN_LIMITED);
    ngx_http_chat_send_too_many(r, wait,
                                "Too many tries, please wait a moment");

    return 1;
}


void
ngx_http_chat_login_lookup(ngx_http_chat_ctx_t *ctx)
{
    ngx_http_chat_login_t *login = ctx->data;

    (void) ngx_http_chat_command(ctx, ngx_http_chat_login_known, 0,
                                 "GET " NGX_HTTP_CHAT_KEY_USERNAME "%V",
                                 &login->given);
}


/* username:{name} holds "user:{id}" */

static void
ngx_http_chat_login_known(ngx_http_chat_ctx_t *ctx, redisReply *reply,
    ngx_uint_t n)
{
    size_t                  prefix;
    ngx_str_t               key;
    chat_str_t              id;
    ngx_http_chat_login_t  *login;

    if (ngx_http_chat_failed(ctx, reply)) {
        return;
    }

    login = ctx->data;

    if (reply->type == REDIS_REPLY_NIL) {

        if (login->given.len != login->username.len
            || ngx_memcmp(login->given.data, login->username.data,
                          login->given.len)
               != 0)
        {
            login->given = login->username;
            ngx_http_chat_login_lookup(ctx);
            return;
        }

        ngx_http_chat_login_unknown(ctx);
        return;
    }

    key = ngx_http_chat_redis_str(reply);
    prefix = sizeof(NGX_HTTP_CHAT_KEY_USER) - 1;

    if (key.len <= prefix
        || ngx_strncmp(key.data, NGX_HTTP_CHAT_KEY_USER, prefix) != 0)
    {
        ngx_http_chat_login_failure(ctx);
        return;
    }

    key.data += prefix;
    key.len -= prefix;

    id.len = key.len;
    id.data = key.data;

    if (chat_user_id_check(id) != CHAT_OK) {
        ngx_http_chat_login_failure(ctx);
        return;
    }

    login->user.id.len = key.len;
    login->user.id.data = ngx_pstrdup(ctx->request->pool, &key);

    if (login->user.id.data == NULL) {
        ngx_http_chat_unavailable(ctx);
        return;
    }

    (void) ngx_http_chat_command(ctx, ngx_http_chat_login_user, 0,
                                 "HMGET " NGX_HTTP_CHAT_KEY_USER "%V "
                                 "username password", &login->user.id);
}


static void
ngx_http_chat_login_unknown(ngx_http_chat_ctx_t *ctx)
{
    ngx_str_t                      none;
    ngx_http_chat_login_t         *login;
    ngx_http_chat_password_job_t  *job;

    login = ctx->data;

    /* the name was there a moment ago, and now it isn't */

    if (login->lost) {
        ngx_http_chat_unavailable(ctx);
        return;
    }

    if (ctx->conf->registration || login->outside) {
        ngx_http_chat_register(ctx);
        return;
    }

    /* takes as much work as a name that there is, so that it doesn't tell */

    ngx_str_null(&none);

    job = ngx_http_chat_password_verify(&login->password, &none, 1,
                                        ngx_http_chat_login_verified, ctx);
    if (job == NULL) {
        ngx_http_chat_unavailable(ctx);
        return;
    }

    ngx_http_chat_wait_job(ctx, job);
}


static void
ngx_http_chat_login_user(ngx_http_chat_ctx_t *ctx, redisReply *reply,
    ngx_uint_t n)
{
    ngx_str_t                      name, hash;
    ngx_http_chat_login_t         *login;
    ngx_http_chat_password_job_t  *job;

    if (ngx_http_chat_failed(ctx, reply)) {
        return;
    }

    login = ctx->data;
    name = ngx_http_chat_redis_str(ngx_http_chat_redis_element(reply, 0));
    hash = ngx_http_chat_redis_str(ngx_http_chat_redis_element(reply, 1));

    if (name.len == 0) {
        name = login->given;
    }

    login->user.username.len = name.len;
    login->user.username.data = ngx_pstrdup(ctx->request->pool, &name);

    if (login->user.username.data == NULL) {
        ngx_http_chat_unavailable(ctx);
        return;
    }

    if (login->outside) {
        ngx_http_chat_login_success(ctx);
        return;
    }

    /* where names that there aren't become users, they need no hiding */

    job = ngx_http_chat_password_verify(&login->password, &hash,
                                        !ctx->conf->registration,
                                        ngx_http_chat_login_verified, ctx);
    if (job == NULL) {
        ngx_http_chat_unavailable(ctx);
        return;
    }

    ngx_http_chat_wait_job(ctx, job);
}


static void
ngx_http_chat_login_verified(void *data, ngx_int_t rc, ngx_str_t *hash)
{
    ngx_http_chat_ctx_t *ctx = data;

    ngx_connection_t       *c;
    ngx_http_chat_login_t  *login;

    c = ctx->request->connection;
    login = ctx->data;

    ngx_http_set_log_request(c->log, ctx->request);
    ngx_http_chat_job_done(ctx);

    if (rc != NGX_ERROR && ngx_http_chat_login_limited(ctx)) {

        /* void: others have failed while this one was being looked at */

    } else if (rc == NGX_OK) {
        ngx_http_chat_name_mark(ctx->redis, &login->given, &login->user.id);
        ngx_http_chat_login_success(ctx);

    } else if (rc == NGX_DECLINED) {
        ngx_http_chat_login_failure(ctx);

    } else {
        ngx_http_chat_unavailable(ctx);
    }

    ngx_http_run_posted_requests(c);
}


void
ngx_http_chat_login_failure(ngx_http_chat_ctx_t *ctx)
{
    ngx_http_chat_login_t *login = ctx->data;

    if (login->outside) {
        ngx_http_chat_identified(ctx, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    ngx_http_chat_count(NGX_HTTP_CHAT_STAT_LOGIN_WRONG);
    ngx_http_chat_rate_failure(ctx->request, ctx->conf, &login->username);

    ngx_http_chat_send_error(ctx->request, NGX_HTTP_NOT_FOUND,
                             "Invalid username or password");
}


void
ngx_http_chat_login_success(ngx_http_chat_ctx_t *ctx)
{
    ngx_http_chat_login_t  *login;

    login = ctx->data;

    if (!login->outside) {
        ngx_http_chat_rate_success(ctx->request, ctx->conf, &login->username);
        ngx_http_chat_auth_create(&login->token, login->text);
    }

    ngx_http_chat_login_ask_ban(ctx, 0);
}


/* n: 0 before the session is made, 1 behind it */

static void
ngx_http_chat_login_ask_ban(ngx_http_chat_ctx_t *ctx, ngx_uint_t n)
{
    ngx_http_chat_ask_t    *ask;
    ngx_http_chat_login_t  *login;

    ask = ngx_http_chat_ask(ctx, ngx_http_chat_login_checked, n);
    if (ask == NULL) {
        return;
    }

    login = ctx->data;

    (void) ngx_http_chat_asked(ask,
                  ngx_http_chat_restricted(ctx->redis, &login->user.id,
                                           ngx_http_chat_answer, ask));
}


/*
 * A ban is written before the user's sessions are ended.  So one that begins
 * meanwhile is ended there, or seen to be banned here.
 */

static void
ngx_http_chat_login_checked(ngx_http_chat_ctx_t *ctx, redisReply *reply,
    ngx_uint_t n)
{
    int64_t  mute, ban;

    if (ngx_http_chat_failed(ctx, reply)) {
        return;
    }

    if (ngx_http_chat_restricted_read(reply, &mute, &ban) != NGX_OK) {
        ngx_http_chat_unavailable(ctx);
        return;
    }

    if (n == 0) {
        if (ban) {
            ngx_http_chat_login_banned(ctx, reply, 0);

        } else {
            ngx_http_chat_login_begin(ctx);
        }

        return;
    }

    if (ban) {
        ngx_http_chat_login_undo(ctx);

    } else {
        ngx_http_chat_login_go_on(ctx);
    }
}


static void
ngx_http_chat_login_begin(ngx_http_chat_ctx_t *ctx)
{
    ngx_http_chat_ask_t    *ask;
    ngx_http_chat_login_t  *login;

    ask = ngx_http_chat_ask(ctx, ngx_http_chat_login_put, 0);
    if (ask == NULL) {
        return;
    }

    login = ctx->data;

    if (ngx_http_chat_asked(ask,
                  ngx_http_chat_session_put(ctx->redis, &login->token,
                                            &login->user,
                                            ctx->conf->session_ttl,
                                            ngx_http_chat_answer, ask))
        == NGX_OK)
    {
        ngx_http_chat_login_ask_ban(ctx, 1);
    }
}


static void
ngx_http_chat_login_undo(ngx_http_chat_ctx_t *ctx)
{
    ngx_http_chat_ask_t    *ask;
    ngx_http_chat_login_t  *login;

    ask = ngx_http_chat_ask(ctx, ngx_http_chat_login_banned, 0);
    if (ask == NULL) {
        return;
    }

    login = ctx->data;

    (void) ngx_http_chat_asked(ask,
                  ngx_http_chat_session_end(ctx->redis, &login->token,
                                            &login->user.id,
                                            ngx_http_chat_answer, ask));
}


static void
ngx_http_chat_login_banned(ngx_http_chat_ctx_t *ctx, redisReply *reply,
    ngx_uint_t n)
{
    ngx_http_chat_login_t  *login;

    if (ngx_http_chat_failed(ctx, reply)) {
        return;
    }

    login = ctx->data;

    if (login->outside) {
        ctx->banned = 1;
        ngx_http_chat_identified(ctx, NGX_HTTP_FORBIDDEN);
        return;
    }

    ngx_http_chat_send_banned(ctx->request);
}


static void
ngx_http_chat_login_put(ngx_http_chat_ctx_t *ctx, redisReply *reply,
    ngx_uint_t n)
{
    if (ngx_http_chat_failed(ctx, reply)) {
        return;
    }

    if (ngx_http_chat_redis_int(reply) != 1) {
        ngx_http_chat_unavailable(ctx);
    }
}


static void
ngx_http_chat_login_go_on(ngx_http_chat_ctx_t *ctx)
{
    ngx_http_chat_ask_t    *ask;
    ngx_http_chat_login_t  *login;

    login = ctx->data;

    if (login->outside) {
        ngx_http_chat_count(NGX_HTTP_CHAT_STAT_LOGIN_OUTSIDE);
        ctx->user = login->user;
        ngx_http_chat_identified(ctx, 0);
        return;
    }

    if (ctx->user.id.len == 0) {
        ngx_http_chat_login_limit(ctx);
        return;
    }

    ask = ngx_http_chat_ask(ctx, ngx_http_chat_login_ended, 0);
    if (ask == NULL) {
        return;
    }

    (void) ngx_http_chat_asked(ask,
                  ngx_http_chat_session_end(ctx->redis, &ctx->token,
                                            &ctx->user.id,
                                            ngx_http_chat_answer, ask));
}


static void
ngx_http_chat_login_ended(ngx_http_chat_ctx_t *ctx, redisReply *reply,
    ngx_uint_t n)
{
    if (!ngx_http_chat_failed(ctx, reply)) {
        ngx_http_chat_login_limit(ctx);
    }
}


/* one session more may be one too many */

static void
ngx_http_chat_login_limit(ngx_http_chat_ctx_t *ctx)
{
    ngx_http_chat_ask_t    *ask;
    ngx_http_chat_login_t  *login;

    if (ctx->conf->max_sessions == 0) {
        ngx_http_chat_login_send(ctx);
        return;
    }

    ask = ngx_http_chat_ask(ctx, ngx_http_chat_login_surplus, 0);
    if (ask == NULL) {
        return;
    }

    login = ctx->data;

    (void) ngx_http_chat_asked(ask,
                  ngx_http_chat_session_surplus(ctx->redis, &login->token,
                                                &login->user.id,
                                                ctx->conf->max_sessions,
                                                ngx_http_chat_answer, ask));
}


static void
ngx_http_chat_login_surplus(ngx_http_chat_ctx_t *ctx, redisReply *reply,
    ngx_uint_t n)
{
    ngx_http_chat_login_t  *login;

    if (ngx_http_chat_failed(ctx, reply)) {
        return;
    }

    login = ctx->data;

    if (ngx_http_chat_session_end_listed(ctx->redis, &login->user.id, reply)
        == NGX_ERROR)
    {
        ngx_http_chat_unavailable(ctx);
        return;
    }

    ngx_http_chat_login_send(ctx);
}


static void
ngx_http_chat_login_send(ngx_http_chat_ctx_t *ctx)
{
    ngx_http_chat_text_t    text;
    ngx_http_chat_login_t  *login;

    login = ctx->data;

    ngx_http_chat_count(login->status == NGX_HTTP_CREATED
                            ? NGX_HTTP_CHAT_STAT_LOGIN_CREATED
                            : NGX_HTTP_CHAT_STAT_LOGIN_OK);

    /* whom $chat_user shows from here on */

    ctx->user = login->user;
    ctx->token = login->token;

    ngx_http_chat_text_init(&text, ctx->request->pool);
    ngx_http_chat_text_add_identity(&text, &login->user);

    if (ngx_http_chat_auth_set(ctx->request, ctx->conf, login->text)
        != NGX_OK)
    {
        text.failed = 1;
    }

    ngx_http_chat_send_text(ctx->request, login->status, &text);
}
