/*
 * GET /room/:id/messages: a page of a room's history, for its members; and GET
 * /room/0/preload: General's newest messages, for everybody.
 *
 * Pages are read until they have the size that was asked for: what is no
 * message doesn't count.
 */

#include "ngx_http_chat_http.h"


#define NGX_HTTP_CHAT_PAGE_SIZE      15
#define NGX_HTTP_CHAT_PAGE_MAX       1000
#define NGX_HTTP_CHAT_PRELOAD_SIZE   20

/* how often one goes on for a page in which there is too little */
#define NGX_HTTP_CHAT_PAGE_ROUNDS    16


typedef struct {
    chat_room_t              room;
    ngx_http_chat_page_t     page;          /* size: what is still wanted */
    ngx_uint_t               rounds;
    ngx_uint_t               asked;         /* the size of the last page */
    ngx_http_chat_text_t     text;
    unsigned                 any:1;         /* messages in text */
    unsigned                 preload:1;
} ngx_http_chat_history_t;


static ngx_http_chat_history_t *ngx_http_chat_history(ngx_http_chat_ctx_t *ctx);
static ngx_int_t ngx_http_chat_history_args(ngx_http_chat_ctx_t *ctx,
    ngx_http_chat_page_t *page);
static ngx_int_t ngx_http_chat_history_number(ngx_http_request_t *r,
    const char *name, ngx_uint_t *n);
static ngx_int_t ngx_http_chat_history_pos(ngx_http_request_t *r,
    const char *name, uint64_t *pos);
static void ngx_http_chat_history_member(ngx_http_chat_ctx_t *ctx);
static void ngx_http_chat_history_exists(ngx_http_chat_ctx_t *ctx,
    redisReply *reply, ngx_uint_t n);
static void ngx_http_chat_history_is_member(ngx_http_chat_ctx_t *ctx,
    redisReply *reply, ngx_uint_t n);
static void ngx_http_chat_preload_name(ngx_http_chat_ctx_t *ctx,
    redisReply *reply, ngx_uint_t n);
static void ngx_http_chat_history_ask(ngx_http_chat_ctx_t *ctx);
static void ngx_http_chat_history_answer(ngx_http_chat_ctx_t *ctx,
    redisReply *reply, ngx_uint_t n);
static ngx_int_t ngx_http_chat_history_read(ngx_http_chat_ctx_t *ctx,
    redisReply *reply);
static void ngx_http_chat_history_reserve(ngx_http_chat_text_t *text,
    redisReply *reply);
static void ngx_http_chat_history_send(ngx_http_chat_ctx_t *ctx);
static void ngx_http_chat_history_none(ngx_http_chat_ctx_t *ctx);


void
ngx_http_chat_messages_handler(ngx_http_chat_ctx_t *ctx)
{
    ngx_http_chat_history_t  *history;

    history = ngx_http_chat_history(ctx);
    if (history == NULL) {
        return;
    }

    if (ngx_http_chat_history_args(ctx, &history->page) != NGX_OK) {
        ngx_http_chat_send_error(ctx->request, NGX_HTTP_BAD_REQUEST,
                          "\"offset\" and \"size\" must be decimal numbers, "
                          "\"before\" or \"after\" a message's id");
        return;
    }

    ngx_http_chat_history_member(ctx);
}


void
ngx_http_chat_preload_handler(ngx_http_chat_ctx_t *ctx)
{
    ngx_http_chat_history_t  *history;

    history = ngx_http_chat_history(ctx);
    if (history == NULL) {
        return;
    }

    if (!chat_str_eq(history->room.id, chat_str("0"))) {
        ngx_http_chat_history_none(ctx);
        return;
    }

    history->page.size = NGX_HTTP_CHAT_PRELOAD_SIZE;
    history->preload = 1;

    (void) ngx_http_chat_command(ctx, ngx_http_chat_preload_name, 0,
                                 "GET " NGX_HTTP_CHAT_KEY_ROOM "%V"
                                 NGX_HTTP_CHAT_KEY_ROOM_NAME,
                                 &history->page.room);
}


/* what is asked for, or NULL if it has been answered that there is no such
   room */

static ngx_http_chat_history_t *
ngx_http_chat_history(ngx_http_chat_ctx_t *ctx)
{
    chat_str_t                id;
    ngx_http_chat_history_t  *history;

    history = ngx_pcalloc(ctx->request->pool, sizeof(ngx_http_chat_history_t));
    if (history == NULL) {
        ngx_http_chat_send_unavailable(ctx->request);
        return NULL;
    }

    id.len = ctx->arg.len;
    id.data = ctx->arg.data;

    if (chat_room_parse(id, &history->room) != CHAT_OK) {
        ngx_http_chat_history_none(ctx);
        return NULL;
    }

    history->page.type = NGX_HTTP_CHAT_PAGE_OFFSET;
    history->page.room = ctx->arg;

    ngx_http_chat_text_init(&history->text, ctx->request->pool);

    ctx->data = history;

    return history;
}


static ngx_int_t
ngx_http_chat_history_args(ngx_http_chat_ctx_t *ctx, ngx_http_chat_page_t *page)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r;

    r = ctx->request;

    page->size = NGX_HTTP_CHAT_PAGE_SIZE;

    if (ngx_http_chat_history_number(r, "size", &page->size) == NGX_ERROR
        || ngx_http_chat_history_number(r, "offset", &page->offset)
           == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    page->size = ngx_min(page->size, NGX_HTTP_CHAT_PAGE_MAX);

    rc = ngx_http_chat_history_pos(r, "before", &page->pos);

    if (rc == NGX_OK) {
        page->type = NGX_HTTP_CHAT_PAGE_BEFORE;

        /* one of them, not both */

        return ngx_http_chat_history_pos(r, "after", &page->pos)
               == NGX_DECLINED ? NGX_OK : NGX_ERROR;
    }

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    rc = ngx_http_chat_history_pos(r, "after", &page->pos);

    if (rc == NGX_OK) {
        page->type = NGX_HTTP_CHAT_PAGE_AFTER;
    }

    return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
}


/* a decimal number of at most nine digits */

static ngx_int_t
ngx_http_chat_history_number(ngx_http_request_t *r, const char *name,
    ngx_uint_t *n)
{
    ngx_int_t  rc, value;
    ngx_str_t  text;

    rc = ngx_http_chat_arg(r, name, &text);
    if (rc != NGX_OK) {
        return rc;
    }

    if (text.len > 9) {
        return NGX_ERROR;
    }

    value = ngx_atoi(text.data, text.len);
    if (value == NGX_ERROR) {
        return NGX_ERROR;
    }

    *n = value;

    return NGX_OK;
}


static ngx_int_t
ngx_http_chat_history_pos(ngx_http_request_t *r, const char *name,
    uint64_t *pos)
{
    ngx_int_t   rc;
    ngx_str_t   value;
    chat_str_t  text;

    rc = ngx_http_chat_arg(r, name, &value);
    if (rc != NGX_OK) {
        return rc;
    }

    text.len = value.len;
    text.data = value.data;

    return chat_pos_parse(text, pos) == CHAT_OK ? NGX_OK : NGX_ERROR;
}


/*
 * Who may read: General, everybody; a private room, its two users, if there is
 * the other one; any other room, its members, if there is the room
 */

static void
ngx_http_chat_history_member(ngx_http_chat_ctx_t *ctx)
{
    ngx_str_t                 low, high;
    chat_str_t                user;
    chat_room_t              *room;
    ngx_http_chat_history_t  *history;

    history = ctx->data;
    room = &history->room;

    user.len = ctx->user.id.len;
    user.data = ctx->user.id.data;

    if (room->type == CHAT_ROOM_NAMED) {

        if (chat_room_is_of(room, user)) {
            ngx_http_chat_history_ask(ctx);
            return;
        }

        if (ngx_http_chat_command(ctx, ngx_http_chat_history_exists, 1,
                                  "EXISTS " NGX_HTTP_CHAT_KEY_ROOM "%V"
                                  NGX_HTTP_CHAT_KEY_ROOM_NAME,
                                  &history->page.room)
            == NGX_OK)
        {
            (void) ngx_http_chat_command(ctx, ngx_http_chat_history_is_member,
                                         0, "SISMEMBER "
                                         NGX_HTTP_CHAT_KEY_USER "%V"
                                         NGX_HTTP_CHAT_KEY_USER_ROOMS " %V",
                                         &ctx->user.id, &history->page.room);
        }

        return;
    }

    if (!chat_room_is_of(room, user)) {
        ngx_http_chat_send_error(ctx->request, NGX_HTTP_FORBIDDEN,
                                 "You are not a member of this room");
        return;
    }

    low.len = room->low.len;
    low.data = (u_char *) room->low.data;
    high.len = room->high.len;
    high.data = (u_char *) room->high.data;

    (void) ngx_http_chat_command(ctx, ngx_http_chat_history_exists, 2,
                                 "EXISTS " NGX_HTTP_CHAT_KEY_USER "%V "
                                 NGX_HTTP_CHAT_KEY_USER "%V", &low, &high);
}


/* n keys had to exist */

static void
ngx_http_chat_history_exists(ngx_http_chat_ctx_t *ctx, redisReply *reply,
    ngx_uint_t n)
{
    if (ngx_http_chat_failed(ctx, reply)) {
        return;
    }

    if (ngx_http_chat_redis_int(reply) != (int64_t) n) {
        ngx_http_chat_history_none(ctx);
        return;
    }

    /* of a named room, the member is still to be looked up */

    if (ngx_http_chat_all_answered(ctx)) {
        ngx_http_chat_history_ask(ctx);
    }
}


static void
ngx_http_chat_history_is_member(ngx_http_chat_ctx_t *ctx, redisReply *reply,
    ngx_uint_t n)
{
    if (ngx_http_chat_failed(ctx, reply)) {
        return;
    }

    if (ngx_http_chat_redis_int(reply) == 0) {
        ngx_http_chat_send_error(ctx->request, NGX_HTTP_FORBIDDEN,
                                 "You are not a member of this room");
        return;
    }

    ngx_http_chat_history_ask(ctx);
}


static void
ngx_http_chat_preload_name(ngx_http_chat_ctx_t *ctx, redisReply *reply,
    ngx_uint_t n)
{
    ngx_str_t                 name;
    ngx_http_chat_history_t  *history;

    if (ngx_http_chat_failed(ctx, reply)) {
        return;
    }

    history = ctx->data;
    name = ngx_http_chat_redis_str(reply);

    if (name.len == 0) {
        ngx_str_set(&name, "General");
    }

    ngx_http_chat_text_add(&history->text, "{\"id\":\"0\",\"name\":");
    ngx_http_chat_text_add_json(&history->text, &name);
    ngx_http_chat_text_add(&history->text, ",\"messages\":");

    ngx_http_chat_history_ask(ctx);
}


static void
ngx_http_chat_history_ask(ngx_http_chat_ctx_t *ctx)
{
    ngx_http_chat_ask_t      *ask;
    ngx_http_chat_history_t  *history;

    history = ctx->data;

    if (history->page.size == 0) {
        ngx_http_chat_history_send(ctx);
        return;
    }

    history->asked = history->page.size;

    ask = ngx_http_chat_ask(ctx, ngx_http_chat_history_answer, 0);
    if (ask == NULL) {
        return;
    }

    (void) ngx_http_chat_asked(ask,
                  ngx_http_chat_room_page(ctx->redis, &history->page,
                                          ngx_http_chat_answer, ask));
}


static void
ngx_http_chat_history_answer(ngx_http_chat_ctx_t *ctx, redisReply *reply,
    ngx_uint_t n)
{
    ngx_int_t                 rows;
    ngx_http_chat_history_t  *history;

    if (ngx_http_chat_failed(ctx, reply)) {
        return;
    }

    history = ctx->data;
    rows = ngx_http_chat_history_read(ctx, reply);

    if (rows == NGX_ERROR) {
        ngx_http_chat_send_unavailable(ctx->request);
        return;
    }

    if ((ngx_uint_t) rows < history->asked || history->page.size == 0
        || ++history->rounds == NGX_HTTP_CHAT_PAGE_ROUNDS)
    {
        ngx_http_chat_history_send(ctx);
        return;
    }

    ngx_http_chat_history_ask(ctx);
}


/*
 * Appends a page's messages, and makes page the rest of what was asked for.
 * The number of its rows, whether they were messages or not.
 */

static ngx_int_t
ngx_http_chat_history_read(ngx_http_chat_ctx_t *ctx, redisReply *reply)
{
    uint64_t                  pos, end;
    ngx_int_t                 i, rc;
    ngx_str_t                 json;
    ngx_http_chat_page_t     *page;
    ngx_http_chat_history_t  *history;

    history = ctx->data;
    page = &history->page;

    end = page->pos;

    ngx_http_chat_history_reserve(&history->text, reply);

    for (i = 0; /* void */ ; i++) {

        pos = 0;

        rc = ngx_http_chat_room_message(reply, i, &page->room,
                                        ctx->request->pool,
                                        ctx->request->connection->log, &json,
                                        &pos);
        if (rc == NGX_DONE) {
            break;
        }

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        /*
         * a foreign score may have more digits than a position: rounded, it
         * may be what the last page ended with
         */

        if ((page->type == NGX_HTTP_CHAT_PAGE_BEFORE && pos >= end)
            || (page->type == NGX_HTTP_CHAT_PAGE_AFTER && pos <= end))
        {
            continue;
        }

        page->pos = pos;

        if (rc == NGX_DECLINED) {
            continue;
        }

        page->size -= page->size ? 1 : 0;

        ngx_http_chat_text_add(&history->text, history->any ? "," : "[");
        ngx_http_chat_text_add_str(&history->text, &json);

        history->any = 1;
    }

    page->offset += i;

    return i;
}


/* room for all messages of a page, if they are sent as they are */

static void
ngx_http_chat_history_reserve(ngx_http_chat_text_t *text, redisReply *reply)
{
    size_t       size;
    ngx_uint_t   i;
    redisReply  *member;

    size = sizeof("[]}") - 1;

    for (i = 0; /* void */ ; i += 2) {

        member = ngx_http_chat_redis_element(reply, i);
        if (member == NULL) {
            break;
        }

        size += ngx_http_chat_redis_str(member).len + 1;
    }

    ngx_http_chat_text_reserve(text, size);
}


static void
ngx_http_chat_history_send(ngx_http_chat_ctx_t *ctx)
{
    ngx_http_chat_history_t  *history;

    history = ctx->data;

    ngx_http_chat_text_add(&history->text, history->any ? "]" : "[]");

    if (history->preload) {
        ngx_http_chat_text_add(&history->text, "}");
    }

    ngx_http_chat_send_text(ctx->request, NGX_HTTP_OK, &history->text);
}


static void
ngx_http_chat_history_none(ngx_http_chat_ctx_t *ctx)
{
    ngx_http_chat_send_error(ctx->request, NGX_HTTP_NOT_FOUND,
                             "There is no such room");
}
