/*
 * GET /users?ids[]=...: some users by their ids; GET /users/online: those who
 * are online.  Ids without a user are left out.
 */

#include "ngx_http_chat_http.h"
#include "../proto/chat_http.h"


#define NGX_HTTP_CHAT_USERS_MAX    500
#define NGX_HTTP_CHAT_ONLINE_MAX   1000


typedef struct {
    ngx_str_t     id;
    ngx_str_t     username;
    unsigned      found:1;
    unsigned      online:1;
} ngx_http_chat_user_t;


static ngx_uint_t ngx_http_chat_users_is_ids(chat_str_t name);
static ngx_int_t ngx_http_chat_users_add(ngx_array_t *users, ngx_str_t *id);
static void ngx_http_chat_users_ask(ngx_http_chat_ctx_t *ctx);
static void ngx_http_chat_users_name(ngx_http_chat_ctx_t *ctx,
    redisReply *reply, ngx_uint_t n);
static void ngx_http_chat_users_online(ngx_http_chat_ctx_t *ctx,
    redisReply *reply, ngx_uint_t n);
static void ngx_http_chat_users_send(ngx_http_chat_ctx_t *ctx);
static void ngx_http_chat_online_members(ngx_http_chat_ctx_t *ctx,
    redisReply *reply, ngx_uint_t n);
static int ngx_libc_cdecl ngx_http_chat_online_compare(const void *a,
    const void *b);


void
ngx_http_chat_users_handler(ngx_http_chat_ctx_t *ctx)
{
    u_char              *p;
    long                 len;
    ngx_str_t            id;
    ngx_uint_t           given;
    chat_str_t           args, name, value;
    ngx_array_t         *users;
    ngx_http_request_t  *r;

    r = ctx->request;

    users = ngx_array_create(r->pool, 16, sizeof(ngx_http_chat_user_t));
    if (users == NULL) {
        goto failed;
    }

    ctx->data = users;

    args.len = r->args.len;
    args.data = r->args.data;
    given = 0;

    while (chat_query_next(&args, &name, &value) == CHAT_OK) {

        if (!ngx_http_chat_users_is_ids(name)) {
            continue;
        }

        if (++given > NGX_HTTP_CHAT_USERS_MAX) {
            ngx_http_chat_send_error(r, NGX_HTTP_BAD_REQUEST,
                                     "At most 500 ids, please");
            return;
        }

        p = ngx_pnalloc(r->pool, value.len + 1);
        if (p == NULL) {
            goto failed;
        }

        len = chat_query_decode(value, p);
        if (len < 0) {
            continue;
        }

        id.data = p;
        id.len = (size_t) len;

        if (ngx_http_chat_users_add(users, &id) != NGX_OK) {
            goto failed;
        }
    }

    if (given == 0) {
        ngx_http_chat_send_error(r, NGX_HTTP_NOT_FOUND, "No ids were given");
        return;
    }

    ngx_http_chat_users_ask(ctx);
    return;

failed:

    ngx_http_chat_send_unavailable(r);
}


/* ids, ids[] or ids[0], with the brackets as they are or as %5B and %5D */

static ngx_uint_t
ngx_http_chat_users_is_ids(chat_str_t name)
{
    long    i, len;
    u_char  buf[32];

    if (name.len > sizeof(buf)) {
        return 0;
    }

    len = chat_query_decode(name, buf);

    if (len < 3 || ngx_strncmp(buf, "ids", 3) != 0) {
        return 0;
    }

    if (len == 3) {
        return 1;
    }

    if (len < 5 || buf[3] != '[' || buf[len - 1] != ']') {
        return 0;
    }

    for (i = 4; i < len - 1; i++) {
        if (buf[i] < '0' || buf[i] > '9') {
            return 0;
        }
    }

    return 1;
}


/* adds what is an id and not there yet */

static ngx_int_t
ngx_http_chat_users_add(ngx_array_t *users, ngx_str_t *id)
{
    ngx_uint_t             i;
    chat_str_t             text;
    ngx_http_chat_user_t  *user;

    text.len = id->len;
    text.data = id->data;

    if (chat_user_id_check(text) != CHAT_OK) {
        return NGX_OK;
    }

    user = users->elts;

    for (i = 0; i < users->nelts; i++) {
        if (user[i].id.len == id->len
            && ngx_memcmp(user[i].id.data, id->data, id->len) == 0)
        {
            return NGX_OK;
        }
    }

    user = ngx_array_push(users);
    if (user == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(user, sizeof(ngx_http_chat_user_t));
    user->id = *id;

    return NGX_OK;
}


static void
ngx_http_chat_users_ask(ngx_http_chat_ctx_t *ctx)
{
    ngx_uint_t             i;
    ngx_array_t           *users;
    ngx_http_chat_user_t  *user;

    users = ctx->data;
    user = users->elts;

    if (users->nelts == 0) {
        ngx_http_chat_users_send(ctx);
        return;
    }

    for (i = 0; i < users->nelts; i++) {

        if (ngx_http_chat_command(ctx, ngx_http_chat_users_name, i,
                                  "HGET " NGX_HTTP_CHAT_KEY_USER "%V username",
                                  &user[i].id)
            != NGX_OK)
        {
            return;
        }

        /* whom _online_ has found is online */

        if (!user[i].online
            && ngx_http_chat_command(ctx, ngx_http_chat_users_online, i,
                                     "SISMEMBER " NGX_HTTP_CHAT_KEY_ONLINE
                                     " %V", &user[i].id)
               != NGX_OK)
        {
            return;
        }
    }
}


static void
ngx_http_chat_users_name(ngx_http_chat_ctx_t *ctx, redisReply *reply,
    ngx_uint_t n)
{
    ngx_str_t              name;
    ngx_array_t           *users;
    ngx_http_chat_user_t  *user;

    if (ngx_http_chat_failed(ctx, reply)) {
        return;
    }

    users = ctx->data;
    user = users->elts;
    user += n;

    if (reply->type == REDIS_REPLY_STRING) {
        name = ngx_http_chat_redis_str(reply);

        user->username.data = ngx_pstrdup(ctx->request->pool, &name);
        if (user->username.data == NULL) {
            ngx_http_chat_send_unavailable(ctx->request);
            return;
        }

        user->username.len = name.len;
        user->found = 1;
    }

    if (ngx_http_chat_all_answered(ctx)) {
        ngx_http_chat_users_send(ctx);
    }
}


static void
ngx_http_chat_users_online(ngx_http_chat_ctx_t *ctx, redisReply *reply,
    ngx_uint_t n)
{
    ngx_array_t           *users;
    ngx_http_chat_user_t  *user;

    if (ngx_http_chat_failed(ctx, reply)) {
        return;
    }

    users = ctx->data;
    user = users->elts;
    user[n].online = ngx_http_chat_redis_int(reply) ? 1 : 0;

    if (ngx_http_chat_all_answered(ctx)) {
        ngx_http_chat_users_send(ctx);
    }
}


static void
ngx_http_chat_users_send(ngx_http_chat_ctx_t *ctx)
{
    ngx_uint_t             i;
    ngx_array_t           *users;
    ngx_http_chat_text_t   text;
    ngx_http_chat_user_t  *user;

    users = ctx->data;
    user = users->elts;

    ngx_http_chat_text_init(&text, ctx->request->pool);
    ngx_http_chat_text_add(&text, "{");

    for (i = 0; i < users->nelts; i++) {
        if (user[i].found) {
            ngx_http_chat_text_add_user(&text, &user[i].id, &user[i].username,
                                        user[i].online);
        }
    }

    ngx_http_chat_text_add(&text, "}");

    ngx_http_chat_send_text(ctx->request, NGX_HTTP_OK, &text);
}


void
ngx_http_chat_online_handler(ngx_http_chat_ctx_t *ctx)
{
    ngx_str_t    after;
    chat_str_t   id;
    ngx_int_t    rc;

    rc = ngx_http_chat_arg(ctx->request, "after", &after);

    if (rc == NGX_OK) {
        id.len = after.len;
        id.data = after.data;

        rc = chat_user_id_check(id) == CHAT_OK ? NGX_OK : NGX_ERROR;

    } else if (rc == NGX_DECLINED) {
        ngx_str_set(&after, "0");
        rc = NGX_OK;
    }

    if (rc != NGX_OK) {
        ngx_http_chat_send_error(ctx->request, NGX_HTTP_BAD_REQUEST,
                                 "\"after\" must be a user's id");
        return;
    }

    ctx->arg = after;

    (void) ngx_http_chat_command(ctx, ngx_http_chat_online_members, 0,
                                 "SMEMBERS " NGX_HTTP_CHAT_KEY_ONLINE);
}


/* the ids behind ctx->arg, in numeric order: the first of them make the page */

static void
ngx_http_chat_online_members(ngx_http_chat_ctx_t *ctx, redisReply *reply,
    ngx_uint_t n)
{
    u_char                *p;
    int64_t                after, *ids;
    ngx_uint_t             i, nids;
    chat_str_t             text;
    redisReply            *element;
    ngx_str_t              id;
    ngx_array_t           *users;
    ngx_http_chat_user_t  *user;

    if (ngx_http_chat_failed(ctx, reply)) {
        return;
    }

    if (reply->type != REDIS_REPLY_ARRAY) {
        ngx_http_chat_send_unavailable(ctx->request);
        return;
    }

    after = ngx_atoi(ctx->arg.data, ctx->arg.len);

    ids = ngx_alloc((reply->elements + 1) * sizeof(int64_t),
                    ctx->request->connection->log);
    users = ngx_array_create(ctx->request->pool, 16,
                             sizeof(ngx_http_chat_user_t));

    if (ids == NULL || users == NULL) {
        goto failed;
    }

    nids = 0;

    for (i = 0; i < reply->elements; i++) {
        element = ngx_http_chat_redis_element(reply, i);
        id = ngx_http_chat_redis_str(element);

        text.len = id.len;
        text.data = id.data;

        if (chat_user_id_check(text) == CHAT_OK) {
            ids[nids] = ngx_http_chat_redis_int(element);

            if (ids[nids] > after) {
                nids++;
            }
        }
    }

    ngx_qsort(ids, nids, sizeof(int64_t), ngx_http_chat_online_compare);

    nids = ngx_min(nids, NGX_HTTP_CHAT_ONLINE_MAX);

    for (i = 0; i < nids; i++) {

        user = ngx_array_push(users);
        p = ngx_pnalloc(ctx->request->pool, NGX_INT64_LEN);

        if (user == NULL || p == NULL) {
            goto failed;
        }

        ngx_memzero(user, sizeof(ngx_http_chat_user_t));

        user->id.data = p;
        user->id.len = ngx_sprintf(p, "%L", ids[i]) - p;
        user->online = 1;
    }

    ngx_free(ids);

    ctx->data = users;
    ngx_http_chat_users_ask(ctx);

    return;

failed:

    if (ids) {
        ngx_free(ids);
    }

    ngx_http_chat_send_unavailable(ctx->request);
}


static int ngx_libc_cdecl
ngx_http_chat_online_compare(const void *a, const void *b)
{
    int64_t  first, second;

    first = *(const int64_t *) a;
    second = *(const int64_t *) b;

    return first < second ? -1 : first > second;
}
