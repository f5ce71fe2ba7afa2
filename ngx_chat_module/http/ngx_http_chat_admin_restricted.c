/*
 * GET /admin/restricted: who is muted or banned.
 */

#include "ngx_http_chat_admin.h"


typedef struct {
    ngx_str_t                     id;
    ngx_str_t                     name;
    int64_t                       end;            /* in seconds; NGX_ERROR: for
                                                     ever */
    unsigned                      ban:1;
} ngx_http_chat_restricted_t;


static void ngx_http_chat_admin_restricted(ngx_http_chat_ctx_t *ctx,
    redisReply *reply, ngx_uint_t n);
static ngx_int_t ngx_http_chat_admin_restricted_add(ngx_http_chat_ctx_t *ctx,
    ngx_str_t *member, ngx_str_t *score);
static void ngx_http_chat_admin_restricted_name(ngx_http_chat_ctx_t *ctx,
    redisReply *reply, ngx_uint_t n);
static void ngx_http_chat_admin_restricted_send(ngx_http_chat_ctx_t *ctx);


/* by when it ends, the soonest first; ?offset=N&size=N */

void
ngx_http_chat_admin_restricted_handler(ngx_http_chat_ctx_t *ctx)
{
    ngx_int_t     rc, offset;
    ngx_str_t     value;
    ngx_uint_t    size;
    ngx_array_t  *list;

    list = ngx_array_create(ctx->request->pool, 16,
                            sizeof(ngx_http_chat_restricted_t));
    if (list == NULL) {
        ngx_http_chat_send_unavailable(ctx->request);
        return;
    }

    ctx->data = list;
    size = ngx_http_chat_admin_page(ctx);
    offset = 0;

    rc = ngx_http_chat_arg(ctx->request, "offset", &value);

    if (rc == NGX_OK) {
        offset = ngx_atoi(value.data, value.len);
    }

    if (size == 0 || rc == NGX_ERROR || offset == NGX_ERROR
        || offset > NGX_HTTP_CHAT_ADMIN_OFFSET)
    {
        ngx_http_chat_send_error(ctx->request, NGX_HTTP_BAD_REQUEST,
                                 "\"offset\" must be a number, and \"size\" "
                                 "one from 1 to 100");
        return;
    }

    (void) ngx_http_chat_command(ctx, ngx_http_chat_admin_restricted, 0,
                                 "ZRANGEBYSCORE " NGX_HTTP_CHAT_KEY_RESTRICTED
                                 " (%L +inf WITHSCORES LIMIT %L %L",
                                 (int64_t) ngx_time(), (int64_t) offset,
                                 (int64_t) size);
}


static void
ngx_http_chat_admin_restricted(ngx_http_chat_ctx_t *ctx, redisReply *reply,
    ngx_uint_t n)
{
    ngx_str_t                    member, score;
    ngx_uint_t                   i;
    ngx_array_t                 *list;
    ngx_http_chat_restricted_t  *entry;

    if (ngx_http_chat_failed(ctx, reply)) {
        return;
    }

    for (i = 0; /* void */ ; i += 2) {
        member = ngx_http_chat_redis_str(ngx_http_chat_redis_element(reply, i));
        score = ngx_http_chat_redis_str(ngx_http_chat_redis_element(reply,
                                                                    i + 1));
        if (member.data == NULL || score.data == NULL) {
            break;
        }

        if (ngx_http_chat_admin_restricted_add(ctx, &member, &score) != NGX_OK)
        {
            ngx_http_chat_send_unavailable(ctx->request);
            return;
        }
    }

    list = ctx->data;
    entry = list->elts;

    if (list->nelts == 0) {
        ngx_http_chat_admin_restricted_send(ctx);
        return;
    }

    for (i = 0; i < list->nelts; i++) {
        if (ngx_http_chat_command(ctx, ngx_http_chat_admin_restricted_name, i,
                                  "HGET " NGX_HTTP_CHAT_KEY_USER "%V username",
                                  &entry[i].id)
            != NGX_OK)
        {
            return;
        }
    }
}


/* "mute:{id}" or "ban:{id}"; what is neither is passed over */

static ngx_int_t
ngx_http_chat_admin_restricted_add(ngx_http_chat_ctx_t *ctx, ngx_str_t *member,
    ngx_str_t *score)
{
    u_char                      *p;
    ngx_str_t                    id;
    ngx_http_chat_restricted_t  *entry;

    p = ngx_strlchr(member->data, member->data + member->len, ':');

    if (p == NULL) {
        return NGX_OK;
    }

    id.data = p + 1;
    id.len = member->data + member->len - id.data;

    if (chat_user_id_check((chat_str_t) { id.len, id.data }) != CHAT_OK) {
        return NGX_OK;
    }

    entry = ngx_array_push(ctx->data);
    if (entry == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(entry, sizeof(ngx_http_chat_restricted_t));

    entry->ban = (member->data[0] == 'b');
    entry->end = ngx_atoi(score->data, score->len);
    entry->id.len = id.len;
    entry->id.data = ngx_pstrdup(ctx->request->pool, &id);

    return entry->id.data ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_chat_admin_restricted_name(ngx_http_chat_ctx_t *ctx,
    redisReply *reply, ngx_uint_t n)
{
    ngx_str_t                    name;
    ngx_array_t                 *list;
    ngx_http_chat_restricted_t  *entry;

    if (ngx_http_chat_failed(ctx, reply)) {
        return;
    }

    list = ctx->data;
    entry = list->elts;
    name = ngx_http_chat_redis_str(reply);

    if (name.len) {
        entry[n].name.data = ngx_pstrdup(ctx->request->pool, &name);
        entry[n].name.len = entry[n].name.data ? name.len : 0;
    }

    if (ngx_http_chat_all_answered(ctx)) {
        ngx_http_chat_admin_restricted_send(ctx);
    }
}


static void
ngx_http_chat_admin_restricted_send(ngx_http_chat_ctx_t *ctx)
{
    ngx_uint_t                   i;
    ngx_array_t                 *list;
    ngx_http_chat_text_t         text;
    ngx_http_chat_restricted_t  *entry;

    list = ctx->data;
    entry = list->elts;

    ngx_http_chat_text_init(&text, ctx->request->pool);
    ngx_http_chat_text_add(&text, "{\"restricted\":[");

    for (i = 0; i < list->nelts; i++) {
        ngx_http_chat_text_add(&text, i ? ",{\"id\":" : "{\"id\":");
        ngx_http_chat_text_add_json(&text, &entry[i].id);
        ngx_http_chat_text_add(&text, ",\"username\":");
        ngx_http_chat_text_add_json(&text, &entry[i].name);
        ngx_http_chat_text_add(&text, entry[i].ban ? ",\"kind\":\"ban\""
                                                   : ",\"kind\":\"mute\"");

        if (entry[i].end == NGX_ERROR) {
            ngx_http_chat_text_add(&text, ",\"seconds\":null");

        } else {
            ngx_http_chat_admin_number(&text, "seconds",
                                       entry[i].end - ngx_time());
        }

        ngx_http_chat_text_add(&text, "}");
    }

    ngx_http_chat_text_add(&text, "]}");
    ngx_http_chat_send_text(ctx->request, NGX_HTTP_OK, &text);
}
