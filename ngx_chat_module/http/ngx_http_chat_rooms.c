/*
 * GET /rooms/:userId: one's rooms with their names.  General comes first, then
 * the other named rooms, then the private ones that have messages.
 *
 * A user may have many rooms, so they are asked for in portions.
 */

#include "ngx_http_chat_http.h"


#define NGX_HTTP_CHAT_ROOMS_PORTION  200


typedef enum {
    ngx_http_chat_rooms_name = 0,
    ngx_http_chat_rooms_exists,
    ngx_http_chat_rooms_peer
} ngx_http_chat_rooms_ask_t;


typedef struct {
    chat_room_t    room;
    ngx_str_t      name;           /* the room's, or the other user's */
    unsigned       named:1;
    unsigned       exists:1;       /* private rooms: has messages */
} ngx_http_chat_rooms_entry_t;


static void ngx_http_chat_rooms_members(ngx_http_chat_ctx_t *ctx,
    redisReply *reply, ngx_uint_t n);
static ngx_http_chat_rooms_entry_t *ngx_http_chat_rooms_add(
    ngx_http_chat_ctx_t *ctx, ngx_array_t *rooms, ngx_str_t *id);
static int ngx_libc_cdecl ngx_http_chat_rooms_compare(const void *a,
    const void *b);
static void ngx_http_chat_rooms_portion(ngx_http_chat_ctx_t *ctx,
    ngx_uint_t i);
static void ngx_http_chat_rooms_answer(ngx_http_chat_ctx_t *ctx,
    redisReply *reply, ngx_uint_t n);
static void ngx_http_chat_rooms_send(ngx_http_chat_ctx_t *ctx);
static ngx_uint_t ngx_http_chat_rooms_is_low(ngx_http_chat_ctx_t *ctx,
    chat_room_t *room);


void
ngx_http_chat_rooms_handler(ngx_http_chat_ctx_t *ctx)
{
    if (ctx->arg.len != ctx->user.id.len
        || ngx_memcmp(ctx->arg.data, ctx->user.id.data, ctx->arg.len) != 0)
    {
        ngx_http_chat_send_error(ctx->request, NGX_HTTP_FORBIDDEN,
                                 "These are not your rooms");
        return;
    }

    (void) ngx_http_chat_command(ctx, ngx_http_chat_rooms_members, 0,
                                 "SMEMBERS " NGX_HTTP_CHAT_KEY_USER "%V"
                                 NGX_HTTP_CHAT_KEY_USER_ROOMS, &ctx->user.id);
}


static void
ngx_http_chat_rooms_members(ngx_http_chat_ctx_t *ctx, redisReply *reply,
    ngx_uint_t n)
{
    ngx_str_t                     id;
    ngx_uint_t                    i;
    ngx_array_t                  *rooms;
    redisReply                   *element;
    ngx_http_chat_rooms_entry_t  *entry;

    if (ngx_http_chat_failed(ctx, reply)) {
        return;
    }

    rooms = ngx_array_create(ctx->request->pool, 16,
                             sizeof(ngx_http_chat_rooms_entry_t));
    if (rooms == NULL) {
        ngx_http_chat_send_unavailable(ctx->request);
        return;
    }

    /* General is everybody's, listed or not */

    ngx_str_set(&id, "0");
    entry = ngx_http_chat_rooms_add(ctx, rooms, &id);

    if (entry == NULL) {
        ngx_http_chat_send_unavailable(ctx->request);
        return;
    }

    ngx_str_set(&entry->name, "General");
    entry->named = 1;

    for (i = 0; /* void */ ; i++) {

        element = ngx_http_chat_redis_element(reply, i);
        if (element == NULL) {
            break;
        }

        id = ngx_http_chat_redis_str(element);

        if (id.len == 1 && id.data[0] == '0') {
            continue;
        }

        if (ngx_http_chat_rooms_add(ctx, rooms, &id) == NULL) {
            ngx_http_chat_send_unavailable(ctx->request);
            return;
        }
    }

    entry = rooms->elts;

    ngx_qsort(entry + 1, rooms->nelts - 1, sizeof(ngx_http_chat_rooms_entry_t),
              ngx_http_chat_rooms_compare);

    ctx->data = rooms;

    ngx_http_chat_rooms_portion(ctx, 0);
}


/*
 * Adds a room; what is no room of this user's is passed over.  NULL without
 * memory.
 */

static ngx_http_chat_rooms_entry_t *
ngx_http_chat_rooms_add(ngx_http_chat_ctx_t *ctx, ngx_array_t *rooms,
    ngx_str_t *id)
{
    chat_str_t                    text, user;
    chat_room_t                   room;
    ngx_http_chat_rooms_entry_t  *entry;

    text.len = id->len;
    text.data = id->data;

    user.len = ctx->user.id.len;
    user.data = ctx->user.id.data;

    if (chat_room_parse(text, &room) != CHAT_OK
        || (room.type == CHAT_ROOM_PRIVATE && !chat_room_is_of(&room, user)))
    {
        return rooms->elts;
    }

    entry = ngx_array_push(rooms);
    if (entry == NULL) {
        return NULL;
    }

    ngx_memzero(entry, sizeof(ngx_http_chat_rooms_entry_t));

    text.data = ngx_pstrdup(ctx->request->pool, id);

    if (text.data == NULL || chat_room_parse(text, &entry->room) != CHAT_OK) {
        return NULL;
    }

    return entry;
}


/* named rooms by their ids, private ones by the numbers of the users */

static int ngx_libc_cdecl
ngx_http_chat_rooms_compare(const void *a, const void *b)
{
    int                 n;
    ngx_uint_t          i;
    chat_str_t          x, y;
    const chat_room_t  *first, *second;

    first = &((const ngx_http_chat_rooms_entry_t *) a)->room;
    second = &((const ngx_http_chat_rooms_entry_t *) b)->room;

    if (first->type != second->type) {
        return first->type == CHAT_ROOM_NAMED ? -1 : 1;
    }

    if (first->type == CHAT_ROOM_NAMED) {
        n = ngx_memcmp(first->id.data, second->id.data,
                       ngx_min(first->id.len, second->id.len));

        return n ? n : (int) first->id.len - (int) second->id.len;
    }

    for (i = 0; i < 2; i++) {
        x = i ? first->high : first->low;
        y = i ? second->high : second->low;

        n = x.len == y.len ? ngx_memcmp(x.data, y.data, x.len)
                           : (int) x.len - (int) y.len;
        if (n) {
            return n;
        }
    }

    return 0;
}


/* asks for the rooms from the i-th on */

static void
ngx_http_chat_rooms_portion(ngx_http_chat_ctx_t *ctx, ngx_uint_t i)
{
    ngx_int_t                     rc;
    ngx_str_t                     id, peer;
    ngx_uint_t                    last, n;
    chat_room_t                  *room;
    ngx_array_t                  *rooms;
    ngx_http_chat_rooms_entry_t  *entry;

    rooms = ctx->data;
    entry = rooms->elts;
    last = ngx_min(rooms->nelts, i + NGX_HTTP_CHAT_ROOMS_PORTION);

    for ( /* void */ ; i < last; i++) {

        room = &entry[i].room;
        id.len = room->id.len;
        id.data = (u_char *) room->id.data;

        n = i * 4;

        if (room->type == CHAT_ROOM_NAMED) {
            rc = ngx_http_chat_command(ctx, ngx_http_chat_rooms_answer,
                                       n + ngx_http_chat_rooms_name,
                                       "GET " NGX_HTTP_CHAT_KEY_ROOM "%V"
                                       NGX_HTTP_CHAT_KEY_ROOM_NAME, &id);
            if (rc != NGX_OK) {
                return;
            }

            continue;
        }

        rc = ngx_http_chat_command(ctx, ngx_http_chat_rooms_answer,
                                   n + ngx_http_chat_rooms_exists,
                                   "EXISTS " NGX_HTTP_CHAT_KEY_ROOM "%V", &id);
        if (rc != NGX_OK) {
            return;
        }

        if (ngx_http_chat_rooms_is_low(ctx, room)) {
            peer.len = room->high.len;
            peer.data = (u_char *) room->high.data;

        } else {
            peer.len = room->low.len;
            peer.data = (u_char *) room->low.data;
        }

        rc = ngx_http_chat_command(ctx, ngx_http_chat_rooms_answer,
                                   n + ngx_http_chat_rooms_peer,
                                   "HGET " NGX_HTTP_CHAT_KEY_USER "%V username",
                                   &peer);
        if (rc != NGX_OK) {
            return;
        }
    }
}


static void
ngx_http_chat_rooms_answer(ngx_http_chat_ctx_t *ctx, redisReply *reply,
    ngx_uint_t n)
{
    ngx_str_t                     name;
    ngx_uint_t                    i;
    ngx_array_t                  *rooms;
    ngx_http_chat_rooms_entry_t  *entry;

    if (ngx_http_chat_failed(ctx, reply)) {
        return;
    }

    i = n / 4;
    rooms = ctx->data;
    entry = rooms->elts;
    entry += i;

    if (n % 4 == ngx_http_chat_rooms_exists) {
        entry->exists = ngx_http_chat_redis_int(reply) ? 1 : 0;

    } else if (reply->type == REDIS_REPLY_STRING) {
        name = ngx_http_chat_redis_str(reply);

        entry->name.len = name.len;
        entry->name.data = ngx_pstrdup(ctx->request->pool, &name);
        entry->named = 1;

        if (entry->name.data == NULL) {
            ngx_http_chat_send_unavailable(ctx->request);
            return;
        }
    }

    if (!ngx_http_chat_all_answered(ctx)) {
        return;
    }

    if (i + 1 < rooms->nelts) {
        ngx_http_chat_rooms_portion(ctx, i + 1);
        return;
    }

    ngx_http_chat_rooms_send(ctx);
}


static void
ngx_http_chat_rooms_send(ngx_http_chat_ctx_t *ctx)
{
    ngx_str_t                     id, json, *low, *high;
    ngx_uint_t                    i;
    ngx_array_t                  *rooms;
    ngx_http_chat_text_t          text;
    ngx_http_chat_rooms_entry_t  *entry;

    rooms = ctx->data;
    entry = rooms->elts;

    ngx_http_chat_text_init(&text, ctx->request->pool);
    ngx_http_chat_text_add(&text, "[");

    for (i = 0; i < rooms->nelts; i++) {

        if (!entry[i].named) {
            continue;
        }

        if (entry[i].room.type == CHAT_ROOM_PRIVATE) {

            if (!entry[i].exists) {
                continue;
            }

            low = &ctx->user.username;
            high = &entry[i].name;

            if (!ngx_http_chat_rooms_is_low(ctx, &entry[i].room)) {
                low = high;
                high = &ctx->user.username;
            }

            if (ngx_http_chat_room_json(ctx->request->pool, &entry[i].room, low,
                                        high, &json)
                != NGX_OK)
            {
                ngx_http_chat_send_unavailable(ctx->request);
                return;
            }

            ngx_http_chat_text_add(&text, ",");
            ngx_http_chat_text_add_str(&text, &json);

            continue;
        }

        id.len = entry[i].room.id.len;
        id.data = (u_char *) entry[i].room.id.data;

        ngx_http_chat_text_add(&text, i ? ",{\"id\":" : "{\"id\":");
        ngx_http_chat_text_add_json(&text, &id);
        ngx_http_chat_text_add(&text, ",\"names\":[");
        ngx_http_chat_text_add_json(&text, &entry[i].name);
        ngx_http_chat_text_add(&text, "]}");
    }

    ngx_http_chat_text_add(&text, "]");

    ngx_http_chat_send_text(ctx->request, NGX_HTTP_OK, &text);
}


/* whether the user is the first of a private room's two */

static ngx_uint_t
ngx_http_chat_rooms_is_low(ngx_http_chat_ctx_t *ctx, chat_room_t *room)
{
    chat_str_t  user;

    user.len = ctx->user.id.len;
    user.data = ctx->user.id.data;

    return chat_str_eq(room->low, user);
}
