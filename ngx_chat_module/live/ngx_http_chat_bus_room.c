/*
 * Messages from the bus, and their way to the sessions that may see them.
 *
 * Our own messages have one form, written by script append, and their bytes go
 * on to the clients as they are.  What other servers publish is rewritten.
 */

#include "ngx_http_chat_bus.h"
#include "ngx_http_chat_sse.h"


static uint64_t ngx_http_chat_bus_now(void);
static ngx_int_t ngx_http_chat_bus_ours(chat_json_t *data,
    ngx_http_chat_post_t *post, ngx_pool_t *pool);
static ngx_int_t ngx_http_chat_bus_foreign(chat_json_t *data, ngx_str_t *room,
    ngx_http_chat_post_t *post, ngx_pool_t *pool);
static void ngx_http_chat_bus_private(ngx_http_chat_room_t *room,
    ngx_http_chat_user_t *sender, ngx_http_chat_event_t *event,
    ngx_http_chat_event_t *echo);


void
ngx_http_chat_bus_on_message(ngx_http_chat_hub_t *hub, chat_json_t *data,
    ngx_uint_t own, ngx_pool_t *pool)
{
    ngx_str_t              id, none;
    chat_room_t            room_id;
    chat_json_t            value;
    ngx_http_chat_post_t   post;
    ngx_http_chat_room_t  *room;

    ngx_str_set(&id, "0");
    ngx_str_null(&none);

    /* the original client takes a message without a room for General's */

    if (chat_json_get(data, "roomId", &value)
        || chat_json_get(data, "RoomId", &value))
    {
        if (value.type == CHAT_JSON_NUMBER) {
            id.data = (u_char *) value.raw.data;
            id.len = value.raw.len;

        } else if (ngx_http_chat_bus_string(&value, pool, &id) != NGX_OK) {
            id = none;
        }
    }

    if (chat_room_parse((chat_str_t) { id.len, id.data }, &room_id)
        != CHAT_OK)
    {
        ngx_http_chat_bus_dropped("a message of no room");
        return;
    }

    ngx_memzero(&post, sizeof(ngx_http_chat_post_t));

    if (ngx_http_chat_bus_ours(data, &post, pool) != NGX_OK) {

        if (own) {
            ngx_http_chat_bus_dropped("a replay");
            return;
        }

        if (ngx_http_chat_bus_foreign(data, &id, &post, pool) != NGX_OK) {
            ngx_http_chat_bus_dropped("no message");
            return;
        }
    }

    if (!ngx_http_chat_bus_is_live(hub, &room_id)) {
        return;
    }

    room = ngx_http_chat_room_get(hub, &room_id);
    if (room == NULL) {
        return;
    }

    if (!ngx_http_chat_bus_followed(room)) {

        /* nobody who is here now has seen what came last: no hole to fill */

        room->last = 0;
    }

    if (room->last == 0 && (hub->missed || hub->catching_up)) {

        /* after an outage, and this room's turn has not come yet */

        room->last = hub->heard;
    }

    room->seen = hub->clock;
    room->unshown = 0;

    if (room->repair
        && (post.pos > room->last || (post.ours && room->outage)))
    {
        room->behind = 1;

        if (post.pos <= room->last) {

            /* the history is another, see ngx_http_chat_bus_newest() */

            room->last = ngx_max(ngx_min(room->last, post.prev), 1);
        }

        return;
    }

    if (post.ours && post.pos <= room->last && (post.prev || !room->outage)) {

        /*
         * Delivered already, from the history perhaps.  But after an outage a
         * room may have lost its history, and begins anew with nothing before.
         */

        return;
    }

    room->outage = 0;

    if (post.ours && room->last && post.prev > room->last) {
        ngx_http_chat_streams_end(hub);
        ngx_http_chat_bus_repair(room);
        return;
    }

    if (!post.ours && post.pos > ngx_http_chat_bus_now()) {

        /*
         * Only what is in the history can be in the future and yet before what
         * comes next, see script append.  Were it taken at its word, all that
         * is said until then would look like something delivered already.
         */

        room->last = room->last ? room->last : hub->heard;

        if (room->last) {
            ngx_http_chat_streams_end(hub);
            ngx_http_chat_bus_repair(room);
        }

        return;
    }

    ngx_http_chat_bus_deliver(room, &post, pool);

    if (post.ours) {
        room->last = post.pos;

    } else {
        room->last = ngx_max(room->last, post.pos);
    }
}


/*
 * {"roomId","id","last"}: to all who may have it.
 *
 * A room's next message names as the one before it what is the last one now, so
 * that no hole is seen.  But where the last one itself has gone, the next one
 * may get a position before it, if Redis's clock is set back meanwhile: so that
 * is no longer what has been delivered last.  And what is just being read from
 * the history is read again, since it may have been read before.
 */

void
ngx_http_chat_bus_on_deleted(ngx_http_chat_hub_t *hub, chat_json_t *data,
    ngx_pool_t *pool)
{
    u_char                 *p;
    uint64_t                pos, last;
    ngx_str_t               id, name, before;
    chat_room_t             room_id;
    chat_json_t             value;
    ngx_http_chat_post_t    post;
    ngx_http_chat_room_t   *room;

    if (!chat_json_get(data, "roomId", &value)
        || ngx_http_chat_bus_string(&value, pool, &name) != NGX_OK
        || chat_room_parse((chat_str_t) { name.len, name.data }, &room_id)
           != CHAT_OK
        || !chat_json_get(data, "id", &value)
        || ngx_http_chat_bus_string(&value, pool, &id) != NGX_OK
        || chat_pos_parse((chat_str_t) { id.len, id.data }, &pos) != CHAT_OK
        || !chat_json_get(data, "last", &value)
        || ngx_http_chat_bus_string(&value, pool, &before) != NGX_OK)
    {
        ngx_http_chat_bus_dropped("no deleted message");
        return;
    }

    if (!ngx_http_chat_bus_is_live(hub, &room_id)) {
        return;
    }

    room = ngx_http_chat_room_get(hub, &room_id);
    if (room == NULL) {
        return;
    }

    if (room->last == pos
        && chat_pos_parse((chat_str_t) { before.len, before.data }, &last)
           == CHAT_OK)
    {
        room->last = ngx_max(last, 1);
    }

    if (room->repair) {
        ngx_http_chat_redis_cancel(room->repair);
        room->repair = NULL;
        hub->repairs--;

        ngx_http_chat_bus_repair(room);
    }

    ngx_memzero(&post, sizeof(ngx_http_chat_post_t));

    post.deleted = 1;
    post.json.data = ngx_pnalloc(pool, 64 + name.len + CHAT_POS_MAX);
    if (post.json.data == NULL) {
        return;
    }

    p = ngx_sprintf(post.json.data, "{\"roomId\":\"%V\",\"id\":\"", &name);
    p = chat_pos_format(p, pos);
    p = ngx_cpymem(p, "\"}", 2);
    post.json.len = p - post.json.data;

    ngx_http_chat_bus_deliver(room, &post, pool);
}


static uint64_t
ngx_http_chat_bus_now(void)
{
    ngx_time_t  *now;

    now = ngx_timeofday();

    return (uint64_t) now->sec * 1000000 + now->msec * 1000 + 999;
}


/*
 * NGX_OK if data is what script append publishes: these keys in this order,
 * without white space, so that the client's object is its beginning
 */

static ngx_int_t
ngx_http_chat_bus_ours(chat_json_t *data, ngx_http_chat_post_t *post,
    ngx_pool_t *pool)
{
    size_t            len;
    ngx_uint_t        i;
    chat_str_t        text;
    chat_json_t       key, value[7];
    chat_json_iter_t  it;

    static const char *const  keys[] = {
        "id", "from", "date", "message", "roomId", "prev", "nonce"
    };

    chat_json_iter(&it, data);
    value[6].type = CHAT_JSON_NONE;
    len = 0;

    for (i = 0; i < 7 && chat_json_next(&it, &key, &value[i]); i++) {
        text.data = (const u_char *) keys[i];
        text.len = ngx_strlen(keys[i]);

        if (!chat_json_string_eq(&key, text)) {
            return NGX_DECLINED;
        }

        if (i == 5) {

            /* up to the comma before "prev" */

            if (key.raw.data[-1] != ',') {
                return NGX_DECLINED;
            }

            len = key.raw.data - data->raw.data - 1;
        }
    }

    if (i < 6
        || value[0].type != CHAT_JSON_STRING
        || value[1].type != CHAT_JSON_STRING
        || value[2].type != CHAT_JSON_NUMBER
        || value[3].type != CHAT_JSON_STRING
        || value[4].type != CHAT_JSON_STRING
        || value[5].type != CHAT_JSON_STRING)
    {
        return NGX_DECLINED;
    }

    text.data = value[0].raw.data + 1;
    text.len = value[0].raw.len - 2;

    if (chat_pos_parse(text, &post->pos) != CHAT_OK || post->pos == 0) {
        return NGX_DECLINED;
    }

    text.data = value[5].raw.data + 1;
    text.len = value[5].raw.len - 2;

    if (chat_pos_parse(text, &post->prev) != CHAT_OK) {
        return NGX_DECLINED;
    }

    post->from.data = value[1].raw.data + 1;
    post->from.len = value[1].raw.len - 2;

    if (chat_user_id_check(post->from) != CHAT_OK) {
        return NGX_DECLINED;
    }

    post->json.data = ngx_pnalloc(pool, len + 1);
    if (post->json.data == NULL) {
        return NGX_DECLINED;
    }

    ngx_memcpy(post->json.data, data->raw.data, len);
    post->json.data[len] = '}';
    post->json.len = len + 1;
    post->nonce = value[6];
    post->ours = 1;

    return NGX_OK;
}


/* another server's: its date is its score in the room, and so its position */

static ngx_int_t
ngx_http_chat_bus_foreign(chat_json_t *data, ngx_str_t *room,
    ngx_http_chat_post_t *post, ngx_pool_t *pool)
{
    chat_json_t  date, from, object;

    if ((chat_json_get(data, "date", &date)
         || chat_json_get(data, "Date", &date))
        && date.type == CHAT_JSON_NUMBER)
    {
        (void) chat_pos_from_score(date.raw, &post->pos);
    }

    if (ngx_http_chat_room_normalise(data->raw, room, post->pos, pool,
                                     &post->json)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    (void) chat_json_check((chat_str_t) { post->json.len, post->json.data },
                           &object);

    if (!chat_json_get(&object, "from", &from)) {
        return NGX_DECLINED;
    }

    post->from.data = from.raw.data + 1;
    post->from.len = from.raw.len - 2;

    return NGX_OK;
}


void
ngx_http_chat_bus_deliver(ngx_http_chat_room_t *room,
    ngx_http_chat_post_t *post, ngx_pool_t *pool)
{
    u_char                   *p;
    ngx_uint_t                i;
    ngx_http_chat_user_t     *sender;
    ngx_http_chat_event_t     event, echo, *mine;
    ngx_http_chat_session_t  *s;

    ngx_memzero(&event, sizeof(ngx_http_chat_event_t));

    ngx_str_set(&event.name, "message");

    if (post->deleted) {
        ngx_str_set(&event.name, "message.deleted");
    }

    event.json = post->json;
    event.pos = post->pos;

    mine = &event;
    sender = NULL;

    if (post->nonce.type != CHAT_JSON_NONE) {

        /* the sender's own connections learn which of theirs it is */

        echo = event;
        mine = &echo;
        sender = ngx_http_chat_user_find(room->hub, post->from.data,
                                         post->from.len);

        p = ngx_pnalloc(pool, post->json.len + post->nonce.raw.len + 16);
        if (p == NULL) {
            return;
        }

        echo.json.data = p;
        p = ngx_cpymem(p, post->json.data, post->json.len - 1);
        p = ngx_cpymem(p, ",\"nonce\":", 9);
        p = ngx_cpymem(p, post->nonce.raw.data, post->nonce.raw.len);
        *p++ = '}';
        echo.json.len = p - echo.json.data;
    }

    if (room->id.type == CHAT_ROOM_PRIVATE) {
        ngx_http_chat_bus_private(room, sender, &event, mine);

    } else {
        ngx_http_chat_count_n(NGX_HTTP_CHAT_STAT_DELIVERIES, room->nmembers);

        for (i = 0; i < room->nmembers; i++) {
            s = room->members[i];
            ngx_http_chat_event_deliver(s->user == sender ? mine : &event, s,
                                        room);
        }
    }

    ngx_http_chat_event_done(&event);

    if (mine != &event) {
        ngx_http_chat_event_done(&echo);
    }
}


static void
ngx_http_chat_bus_private(ngx_http_chat_room_t *room,
    ngx_http_chat_user_t *sender, ngx_http_chat_event_t *event,
    ngx_http_chat_event_t *echo)
{
    ngx_uint_t             i;
    ngx_queue_t           *q;
    chat_str_t             id;
    ngx_http_chat_user_t  *user;

    for (i = 0; i < 2; i++) {
        id = i ? room->id.high : room->id.low;
        user = ngx_http_chat_user_find(room->hub, id.data, id.len);

        if (user == NULL) {
            continue;
        }

        ngx_http_chat_count_n(NGX_HTTP_CHAT_STAT_DELIVERIES, user->nsessions);

        for (q = ngx_queue_head(&user->sessions);
             q != ngx_queue_sentinel(&user->sessions);
             q = ngx_queue_next(q))
        {
            ngx_http_chat_event_deliver(user == sender ? echo : event,
                             ngx_queue_data(q, ngx_http_chat_session_t,
                                            user_queue),
                                        room);
        }
    }
}


/* has the room anybody here? */

ngx_uint_t
ngx_http_chat_bus_is_live(ngx_http_chat_hub_t *hub, chat_room_t *room)
{
    ngx_http_chat_room_t  *found;

    if (room->type == CHAT_ROOM_PRIVATE) {
        return ngx_http_chat_user_find(hub, room->low.data, room->low.len)
               || ngx_http_chat_user_find(hub, room->high.data,
                                          room->high.len);
    }

    found = ngx_http_chat_room_find(hub, room->id);

    /* General's position is followed even when it is empty */

    return found && (found->nmembers || found == hub->general);
}


/* has somebody been here ever since the last message came? */

ngx_uint_t
ngx_http_chat_bus_followed(ngx_http_chat_room_t *room)
{
    ngx_http_chat_user_t  *low, *high;

    if (room->id.type != CHAT_ROOM_PRIVATE) {
        return 1;
    }

    low = ngx_http_chat_user_find(room->hub, room->id.low.data,
                                  room->id.low.len);
    high = ngx_http_chat_user_find(room->hub, room->id.high.data,
                                   room->id.high.len);

    return (low && low->since <= room->seen)
           || (high && high->since <= room->seen);
}
