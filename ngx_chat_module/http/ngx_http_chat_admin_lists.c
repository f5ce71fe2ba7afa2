/*
 * What admins see of who is here: GET /admin/status, /admin/users and
 * /admin/rooms.
 */

#include "ngx_http_chat_admin.h"
#include "../live/ngx_http_chat_census.h"


/* a user, or a room, as put together from the lines of all workers */

typedef struct {
    ngx_str_t                     id;
    ngx_str_t                     name;
    ngx_uint_t                    n;              /* sessions, members */
    int64_t                       messages;
    ngx_http_chat_census_line_t  *lines;
    ngx_uint_t                    nlines;
} ngx_http_chat_admin_entry_t;

typedef struct {
    ngx_array_t                   entries;        /* of the above */
    ngx_str_t                     after;
    ngx_uint_t                    size;
    int64_t                       online;
    ngx_http_chat_identity_t      one;            /* who was asked for */
} ngx_http_chat_admin_list_t;


static ngx_http_chat_admin_list_t *ngx_http_chat_admin_list(
    ngx_http_chat_ctx_t *ctx);
static ngx_uint_t ngx_http_chat_admin_after(ngx_http_chat_ctx_t *ctx,
    ngx_str_t *after);
static void ngx_http_chat_admin_named(ngx_http_chat_ctx_t *ctx,
    redisReply *reply, ngx_uint_t n);
static void ngx_http_chat_admin_online(ngx_http_chat_ctx_t *ctx,
    redisReply *reply, ngx_uint_t n);
static ngx_uint_t ngx_http_chat_admin_gather(ngx_http_chat_ctx_t *ctx,
    ngx_uint_t *more);
static void ngx_http_chat_admin_users_counted(ngx_http_chat_ctx_t *ctx);
static void ngx_http_chat_admin_connections(ngx_http_chat_text_t *text,
    ngx_http_chat_admin_entry_t *entry);
static void ngx_http_chat_admin_connection(ngx_http_chat_text_t *text,
    ngx_str_t *word);
static void ngx_http_chat_admin_rooms_counted(ngx_http_chat_ctx_t *ctx);
static void ngx_http_chat_admin_room_size(ngx_http_chat_ctx_t *ctx,
    redisReply *reply, ngx_uint_t n);
static void ngx_http_chat_admin_room_name(ngx_http_chat_ctx_t *ctx,
    redisReply *reply, ngx_uint_t n);
static void ngx_http_chat_admin_rooms_send(ngx_http_chat_ctx_t *ctx);
static void ngx_http_chat_admin_end(ngx_http_chat_ctx_t *ctx,
    ngx_http_chat_text_t *text, ngx_str_t *next);


/* ?after=ID&size=N; NULL: it has been answered */

static ngx_http_chat_admin_list_t *
ngx_http_chat_admin_list(ngx_http_chat_ctx_t *ctx)
{
    ngx_http_chat_admin_list_t  *list;

    list = ngx_pcalloc(ctx->request->pool, sizeof(ngx_http_chat_admin_list_t));

    if (list == NULL
        || ngx_array_init(&list->entries, ctx->request->pool, 16,
                          sizeof(ngx_http_chat_admin_entry_t))
           != NGX_OK)
    {
        ngx_http_chat_send_unavailable(ctx->request);
        return NULL;
    }

    ctx->data = list;
    list->size = ngx_http_chat_admin_page(ctx);

    if (list->size == 0 || !ngx_http_chat_admin_after(ctx, &list->after)) {
        ngx_http_chat_send_error(ctx->request, NGX_HTTP_BAD_REQUEST,
                                 "\"after\" must be an id, and \"size\" a "
                                 "number from 1 to 100");
        return NULL;
    }

    return list;
}


/* a user's id has the form of a room's */

static ngx_uint_t
ngx_http_chat_admin_after(ngx_http_chat_ctx_t *ctx, ngx_str_t *after)
{
    chat_room_t  room;

    switch (ngx_http_chat_arg(ctx->request, "after", after)) {

    case NGX_OK:
        return chat_room_parse((chat_str_t) { after->len, after->data }, &room)
               == CHAT_OK;

    case NGX_DECLINED:
        return 1;

    default: /* NGX_ERROR */
        return 0;
    }
}


ngx_uint_t
ngx_http_chat_admin_page(ngx_http_chat_ctx_t *ctx)
{
    ngx_int_t  n;
    ngx_str_t  size;

    switch (ngx_http_chat_arg(ctx->request, "size", &size)) {

    case NGX_OK:
        n = ngx_atoi(size.data, size.len);
        return n >= 1 && n <= NGX_HTTP_CHAT_ADMIN_PAGE ? n : 0;

    case NGX_DECLINED:
        return NGX_HTTP_CHAT_ADMIN_PAGE;

    default: /* NGX_ERROR */
        return 0;
    }
}


void
ngx_http_chat_admin_users_handler(ngx_http_chat_ctx_t *ctx)
{
    ngx_http_chat_admin_list_t  *list;

    list = ngx_http_chat_admin_list(ctx);
    if (list == NULL) {
        return;
    }

    switch (ngx_http_chat_arg(ctx->request, "name", &list->one.username)) {

    case NGX_OK:
        (void) ngx_http_chat_command(ctx, ngx_http_chat_admin_named, 0,
                                     "GET " NGX_HTTP_CHAT_KEY_USERNAME "%V",
                                     &list->one.username);
        return;

    case NGX_ERROR:
        ngx_http_chat_send_error(ctx->request, NGX_HTTP_BAD_REQUEST,
                                 "\"name\" must be a user's name");
        return;
    }

    (void) ngx_http_chat_command(ctx, ngx_http_chat_admin_online, 0,
                                 "SCARD " NGX_HTTP_CHAT_KEY_ONLINE);
}


/* somebody, online or not: "user:{id}" */

static void
ngx_http_chat_admin_named(ngx_http_chat_ctx_t *ctx, redisReply *reply,
    ngx_uint_t n)
{
    size_t                        prefix;
    ngx_str_t                     key;
    ngx_http_chat_admin_list_t   *list;
    ngx_http_chat_admin_entry_t  *entry;

    if (ngx_http_chat_failed(ctx, reply)) {
        return;
    }

    list = ctx->data;
    key = ngx_http_chat_redis_str(reply);
    prefix = sizeof(NGX_HTTP_CHAT_KEY_USER) - 1;

    if (key.len <= prefix
        || chat_user_id_check((chat_str_t) { key.len - prefix,
                                             key.data + prefix })
           != CHAT_OK)
    {
        ngx_str_set(&key, "{\"users\":[]}");
        ngx_http_chat_send_json(ctx->request, NGX_HTTP_OK, &key);
        return;
    }

    key.data += prefix;
    key.len -= prefix;

    list->one.id.len = key.len;
    list->one.id.data = ngx_pstrdup(ctx->request->pool, &key);

    entry = ngx_array_push(&list->entries);

    if (list->one.id.data == NULL || entry == NULL) {
        ngx_http_chat_send_unavailable(ctx->request);
        return;
    }

    ngx_memzero(entry, sizeof(ngx_http_chat_admin_entry_t));
    entry->id = list->one.id;
    entry->name = list->one.username;

    (void) ngx_http_chat_command(ctx, ngx_http_chat_admin_online, 0,
                                 "SCARD " NGX_HTTP_CHAT_KEY_ONLINE);
}


static void
ngx_http_chat_admin_online(ngx_http_chat_ctx_t *ctx, redisReply *reply,
    ngx_uint_t n)
{
    ngx_http_chat_admin_list_t  *list;

    if (ngx_http_chat_failed(ctx, reply)) {
        return;
    }

    list = ctx->data;
    list->online = ngx_http_chat_redis_int(reply);

    ngx_http_chat_census(ctx, list->one.id.len ? "user" : "users",
                         list->one.id.len ? &list->one.id : &list->after,
                         list->size, ngx_http_chat_admin_users_counted);
}


/*
 * Makes entries of the census's lines; *more: there are more behind the last.
 * 0: it has been answered
 */

static ngx_uint_t
ngx_http_chat_admin_gather(ngx_http_chat_ctx_t *ctx, ngx_uint_t *more)
{
    ngx_int_t                     n;
    ngx_uint_t                    i;
    ngx_http_chat_census_t       *census;
    ngx_http_chat_admin_list_t   *list;
    ngx_http_chat_admin_entry_t  *entry;
    ngx_http_chat_census_line_t  *line;

    list = ctx->data;
    census = ctx->census;
    line = census->lines.elts;
    entry = list->entries.nelts ? list->entries.elts : NULL;

    *more = census->more;

    for (i = 0; i < census->lines.nelts; i++) {

        if (entry == NULL || entry->id.len != line[i].word[0].len
            || ngx_memcmp(entry->id.data, line[i].word[0].data, entry->id.len)
               != 0)
        {
            if (list->entries.nelts == list->size) {
                *more = 1;
                break;
            }

            entry = ngx_array_push(&list->entries);
            if (entry == NULL) {
                ngx_http_chat_send_unavailable(ctx->request);
                return 0;
            }

            ngx_memzero(entry, sizeof(ngx_http_chat_admin_entry_t));
            entry->id = line[i].word[0];
        }

        if (entry->lines == NULL) {
            entry->lines = &line[i];
        }

        n = ngx_atoi(line[i].word[1].data, line[i].word[1].len);

        entry->n += ngx_max(n, 0);
        entry->nlines++;
    }

    return 1;
}


static void
ngx_http_chat_admin_users_counted(ngx_http_chat_ctx_t *ctx)
{
    ngx_uint_t                    i, more;
    ngx_http_chat_text_t          text;
    ngx_http_chat_admin_list_t   *list;
    ngx_http_chat_admin_entry_t  *entry;

    if (!ngx_http_chat_admin_gather(ctx, &more)) {
        return;
    }

    list = ctx->data;
    entry = list->entries.elts;

    ngx_http_chat_text_init(&text, ctx->request->pool);
    ngx_http_chat_text_add(&text, "{\"users\":[");

    for (i = 0; i < list->entries.nelts; i++) {
        ngx_http_chat_text_add(&text, i ? ",{\"id\":" : "{\"id\":");
        ngx_http_chat_text_add_json(&text, &entry[i].id);
        ngx_http_chat_admin_connections(&text, &entry[i]);
        ngx_http_chat_text_add(&text, "}");
    }

    ngx_http_chat_text_add(&text, "]");
    ngx_http_chat_admin_number(&text, "online", list->online);

    ngx_http_chat_admin_end(ctx, &text, more && i ? &entry[i - 1].id : NULL);
}


/* the name is in one of the lines, if not known already */

static void
ngx_http_chat_admin_connections(ngx_http_chat_text_t *text,
    ngx_http_chat_admin_entry_t *entry)
{
    ngx_str_t                    *word, name;
    ngx_uint_t                    i;
    ngx_http_chat_census_line_t  *line;

    name = entry->name;
    line = entry->lines;

    for (i = 0; i < entry->nlines && name.len == 0; i++) {
        word = &line[i].word[2];

        if (line[i].n < 3 || word->len < 2) {
            continue;
        }

        name.data = ngx_pnalloc(text->pool,
                                ngx_base64_decoded_length(word->len));

        if (name.data == NULL
            || ngx_decode_base64url(&name, word) != NGX_OK)
        {
            name.len = 0;
        }
    }

    ngx_http_chat_text_add(text, ",\"username\":");
    ngx_http_chat_text_add_json(text, &name);
    ngx_http_chat_admin_number(text, "count", entry->n);
    ngx_http_chat_text_add(text, ",\"connections\":[");

    for (i = 0; i < entry->nlines; i++) {
        if (line[i].n == NGX_HTTP_CHAT_CENSUS_WORDS) {
            ngx_http_chat_text_add(text, i ? ",{" : "{");
            ngx_http_chat_admin_connection(text, line[i].word);
            ngx_http_chat_text_add(text, "}");
        }
    }

    ngx_http_chat_text_add(text, "]");
}


static void
ngx_http_chat_admin_connection(ngx_http_chat_text_t *text, ngx_str_t *word)
{
    ngx_int_t  seconds;

    ngx_http_chat_text_add(text, "\"transport\":");
    ngx_http_chat_text_add_json(text, &word[3]);

    seconds = ngx_atoi(word[4].data, word[4].len);

    if (seconds == NGX_ERROR) {
        ngx_http_chat_text_add(text, ",\"seconds\":null,\"address\":null");

    } else {
        ngx_http_chat_admin_number(text, "seconds", seconds);
        ngx_http_chat_text_add(text, ",\"address\":");
        ngx_http_chat_text_add_json(text, &word[5]);
    }

    ngx_http_chat_text_add(text, ",\"session\":");
    ngx_http_chat_text_add_json(text, &word[6]);
}


void
ngx_http_chat_admin_rooms_handler(ngx_http_chat_ctx_t *ctx)
{
    ngx_http_chat_admin_list_t  *list;

    list = ngx_http_chat_admin_list(ctx);

    if (list) {
        ngx_http_chat_census(ctx, "rooms", &list->after, list->size,
                             ngx_http_chat_admin_rooms_counted);
    }
}


static void
ngx_http_chat_admin_rooms_counted(ngx_http_chat_ctx_t *ctx)
{
    ngx_uint_t                    i, more;
    ngx_http_chat_admin_list_t   *list;
    ngx_http_chat_admin_entry_t  *entry;

    if (!ngx_http_chat_admin_gather(ctx, &more)) {
        return;
    }

    list = ctx->data;
    list->size = more;
    entry = list->entries.elts;

    if (list->entries.nelts == 0) {
        ngx_http_chat_admin_rooms_send(ctx);
        return;
    }

    for (i = 0; i < list->entries.nelts; i++) {
        if (ngx_http_chat_command(ctx, ngx_http_chat_admin_room_size, i,
                                  "ZCARD " NGX_HTTP_CHAT_KEY_ROOM "%V",
                                  &entry[i].id)
            != NGX_OK
            || ngx_http_chat_command(ctx, ngx_http_chat_admin_room_name, i,
                                     "GET " NGX_HTTP_CHAT_KEY_ROOM "%V"
                                     NGX_HTTP_CHAT_KEY_ROOM_NAME, &entry[i].id)
               != NGX_OK)
        {
            return;
        }
    }
}


static void
ngx_http_chat_admin_room_size(ngx_http_chat_ctx_t *ctx, redisReply *reply,
    ngx_uint_t n)
{
    ngx_http_chat_admin_list_t   *list;
    ngx_http_chat_admin_entry_t  *entry;

    if (ngx_http_chat_failed(ctx, reply)) {
        return;
    }

    list = ctx->data;
    entry = list->entries.elts;
    entry[n].messages = ngx_http_chat_redis_int(reply);
}


static void
ngx_http_chat_admin_room_name(ngx_http_chat_ctx_t *ctx, redisReply *reply,
    ngx_uint_t n)
{
    ngx_str_t                     name;
    ngx_http_chat_admin_list_t   *list;
    ngx_http_chat_admin_entry_t  *entry;

    if (ngx_http_chat_failed(ctx, reply)) {
        return;
    }

    list = ctx->data;
    entry = list->entries.elts;
    name = ngx_http_chat_redis_str(reply);

    entry[n].name.data = ngx_pnalloc(ctx->request->pool, name.len + 1);

    if (entry[n].name.data == NULL) {
        ngx_http_chat_send_unavailable(ctx->request);
        return;
    }

    if (name.len) {
        ngx_memcpy(entry[n].name.data, name.data, name.len);
    }

    entry[n].name.len = name.len;

    if (ngx_http_chat_all_answered(ctx)) {
        ngx_http_chat_admin_rooms_send(ctx);
    }
}


static void
ngx_http_chat_admin_rooms_send(ngx_http_chat_ctx_t *ctx)
{
    ngx_uint_t                    i;
    ngx_http_chat_text_t          text;
    ngx_http_chat_admin_list_t   *list;
    ngx_http_chat_admin_entry_t  *entry;

    list = ctx->data;
    entry = list->entries.elts;

    ngx_http_chat_text_init(&text, ctx->request->pool);
    ngx_http_chat_text_add(&text, "{\"rooms\":[");

    for (i = 0; i < list->entries.nelts; i++) {
        ngx_http_chat_text_add(&text, i ? ",{\"id\":" : "{\"id\":");
        ngx_http_chat_text_add_json(&text, &entry[i].id);
        ngx_http_chat_text_add(&text, ",\"name\":");
        ngx_http_chat_text_add_json(&text, &entry[i].name);
        ngx_http_chat_admin_number(&text, "members", entry[i].n);
        ngx_http_chat_admin_number(&text, "messages", entry[i].messages);
        ngx_http_chat_text_add(&text, "}");
    }

    ngx_http_chat_text_add(&text, "]");

    ngx_http_chat_admin_end(ctx, &text,
                            list->size && i ? &entry[i - 1].id : NULL);
}


void
ngx_http_chat_admin_status_handler(ngx_http_chat_ctx_t *ctx)
{
    ngx_http_chat_text_t  text;

    ngx_http_chat_text_init(&text, ctx->request->pool);

    if (ngx_http_chat_status_add(ctx->request, &text) != NGX_OK) {
        text.failed = 1;
    }

    ngx_http_chat_send_text(ctx->request, NGX_HTTP_OK, &text);
}


void
ngx_http_chat_admin_number(ngx_http_chat_text_t *text, const char *name,
    int64_t value)
{
    u_char     buf[NGX_INT64_LEN + 1];
    ngx_str_t  number;

    number.data = buf;
    number.len = ngx_sprintf(buf, "%L", value) - buf;

    ngx_http_chat_text_add(text, ",\"");
    ngx_http_chat_text_add(text, name);
    ngx_http_chat_text_add(text, "\":");
    ngx_http_chat_text_add_str(text, &number);
}


/* next: where the next page begins, or NULL */

static void
ngx_http_chat_admin_end(ngx_http_chat_ctx_t *ctx, ngx_http_chat_text_t *text,
    ngx_str_t *next)
{
    ngx_http_chat_admin_number(text, "missing", ctx->census->missing);
    ngx_http_chat_text_add(text, ",\"next\":");

    if (next) {
        ngx_http_chat_text_add_json(text, next);

    } else {
        ngx_http_chat_text_add(text, "null");
    }

    ngx_http_chat_text_add(text, "}");
    ngx_http_chat_send_text(ctx->request, NGX_HTTP_OK, text);
}
