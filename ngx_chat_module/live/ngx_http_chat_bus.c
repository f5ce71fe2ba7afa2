/*
 * What comes from Redis: the envelopes on MESSAGES, and their way to the
 * sessions that may see them.
 *
 * Our own messages have one form, written by script append, and their bytes go
 * on to the clients as they are.  What other servers publish is rewritten.
 *
 * Each message of ours names the position before it.  If that is not the one
 * delivered last, something is missing: it is read from the history, with all
 * that has come since, and messages on the channel are passed over until the
 * room has caught up (they are in the history too).
 */

#include "ngx_http_chat_hub.h"
#include "ngx_http_chat_relay.h"


#define NGX_HTTP_CHAT_REPAIR_PAGE   500

/* scores from here on (the year 2242) are no positions: see script append */
#define NGX_HTTP_CHAT_POS_END       (8589934592ULL * 1000000)


typedef struct {
    ngx_str_t                     json;           /* as clients get it */
    chat_str_t                    from;
    chat_json_t                   nonce;          /* type NONE: none */
    uint64_t                      pos;
    uint64_t                      prev;
    unsigned                      ours:1;         /* has a position before it */
} ngx_http_chat_post_t;


static void ngx_http_chat_bus_envelope(ngx_http_chat_hub_t *hub,
    ngx_str_t *payload, ngx_pool_t *pool);
static void ngx_http_chat_bus_on_message(ngx_http_chat_hub_t *hub,
    chat_json_t *data, ngx_uint_t own, ngx_pool_t *pool);
static ngx_int_t ngx_http_chat_bus_ours(chat_json_t *data,
    ngx_http_chat_post_t *post, ngx_pool_t *pool);
static ngx_int_t ngx_http_chat_bus_foreign(chat_json_t *data,
    ngx_str_t *room, ngx_http_chat_post_t *post, ngx_pool_t *pool);
static void ngx_http_chat_bus_deliver(ngx_http_chat_room_t *room,
    ngx_http_chat_post_t *post, ngx_pool_t *pool);
static void ngx_http_chat_bus_fan_out(ngx_http_chat_session_t *s,
    ngx_http_chat_room_t *room, ngx_http_chat_post_t *post,
    ngx_http_chat_event_t *event, ngx_http_chat_event_t *echo);
static void ngx_http_chat_bus_private(ngx_http_chat_room_t *room,
    ngx_http_chat_post_t *post, ngx_http_chat_event_t *event,
    ngx_http_chat_event_t *echo);
static ngx_uint_t ngx_http_chat_bus_is_live(ngx_http_chat_hub_t *hub,
    chat_room_t *room);
static ngx_uint_t ngx_http_chat_bus_followed(ngx_http_chat_room_t *room);
static void ngx_http_chat_bus_repair(ngx_http_chat_room_t *room);
static void ngx_http_chat_bus_repaired(void *data, redisReply *reply);
static void ngx_http_chat_bus_on_presence(ngx_http_chat_hub_t *hub,
    const char *name, chat_json_t *data, ngx_pool_t *pool);
static void ngx_http_chat_bus_on_show_room(ngx_http_chat_hub_t *hub,
    chat_json_t *data, ngx_pool_t *pool);
static ngx_int_t ngx_http_chat_bus_string(chat_json_t *value,
    ngx_pool_t *pool, ngx_str_t *str);
static void ngx_http_chat_bus_dropped(const char *what);


void
ngx_http_chat_bus_message(void *data, ngx_str_t *channel, ngx_str_t *payload)
{
    ngx_http_chat_hub_t *hub = data;

    ngx_pool_t  *pool;

    if (channel->len != sizeof(NGX_HTTP_CHAT_CHANNEL) - 1
        || ngx_memcmp(channel->data, NGX_HTTP_CHAT_CHANNEL, channel->len) != 0)
    {
        ngx_http_chat_relay_message(hub, payload);
        return;
    }

    pool = ngx_create_pool(4096, ngx_http_chat_worker->log);

    if (pool) {
        ngx_http_chat_bus_envelope(hub, payload, pool);
        ngx_destroy_pool(pool);
    }
}


static void
ngx_http_chat_bus_envelope(ngx_http_chat_hub_t *hub, ngx_str_t *payload,
    ngx_pool_t *pool)
{
    ngx_str_t    inner, server_id;
    ngx_uint_t   own;
    chat_json_t  envelope, server, type, data;

    if (chat_json_check((chat_str_t) { payload->len, payload->data },
                        &envelope)
        != CHAT_OK
        || envelope.type != CHAT_JSON_OBJECT
        || !(chat_json_get(&envelope, "type", &type)
             || chat_json_get(&envelope, "Type", &type))
        || type.type != CHAT_JSON_STRING
        || !(chat_json_get(&envelope, "data", &data)
             || chat_json_get(&envelope, "Data", &data)))
    {
        ngx_http_chat_bus_dropped("no envelope");
        return;
    }

    if (data.type == CHAT_JSON_STRING) {

        /* JSON in JSON, as some servers have it */

        if (ngx_http_chat_bus_string(&data, pool, &inner) != NGX_OK
            || chat_json_check((chat_str_t) { inner.len, inner.data }, &data)
               != CHAT_OK)
        {
            ngx_http_chat_bus_dropped("no data");
            return;
        }
    }

    if (data.type != CHAT_JSON_OBJECT) {
        ngx_http_chat_bus_dropped("no data");
        return;
    }

    server_id = ngx_http_chat_worker->main->server_id;

    own = chat_json_get(&envelope, "serverId", &server)
          && server.type == CHAT_JSON_STRING
          && chat_json_string_eq(&server, (chat_str_t) { server_id.len,
                                                         server_id.data });

    if (chat_json_string_eq(&type, chat_str("message"))) {
        ngx_http_chat_bus_on_message(hub, &data, own, pool);

    } else if (chat_json_string_eq(&type, chat_str("user.connected"))) {
        ngx_http_chat_bus_on_presence(hub, "user.connected", &data, pool);

    } else if (chat_json_string_eq(&type, chat_str("user.disconnected"))) {
        ngx_http_chat_bus_on_presence(hub, "user.disconnected", &data, pool);

    } else if (chat_json_string_eq(&type, chat_str("show.room"))) {
        ngx_http_chat_bus_on_show_room(hub, &data, pool);

    } else {
        ngx_http_chat_bus_dropped("an unknown type");
    }
}


static void
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

    room->seen = hub->clock;

    if (post.ours && post.pos <= room->last
        && (post.prev || post.pos == room->last))
    {
        /* delivered already, from the history perhaps; but a room that begins
           anew, with nothing before, does so whatever its clock says */

        return;
    }

    if (room->repair && (post.ours || post.pos > room->last)) {
        room->behind = 1;
        return;
    }

    if (post.ours && room->last && post.prev > room->last) {
        ngx_http_chat_bus_repair(room);
        return;
    }

    ngx_http_chat_bus_deliver(room, &post, pool);

    if (post.ours) {
        room->last = post.pos;

    } else if (post.pos < NGX_HTTP_CHAT_POS_END) {
        room->last = ngx_max(room->last, post.pos);
    }
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


static void
ngx_http_chat_bus_deliver(ngx_http_chat_room_t *room,
    ngx_http_chat_post_t *post, ngx_pool_t *pool)
{
    u_char                 *p;
    ngx_uint_t              i;
    ngx_http_chat_event_t   event, echo, *mine;

    ngx_memzero(&event, sizeof(ngx_http_chat_event_t));

    ngx_str_set(&event.name, "message");
    event.json = post->json;
    event.pos = post->pos;

    mine = &event;

    if (post->nonce.type != CHAT_JSON_NONE) {

        /* the sender's own connections learn which of theirs it is */

        echo = event;
        mine = &echo;

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
        ngx_http_chat_bus_private(room, post, &event, mine);

    } else {
        for (i = 0; i < room->nmembers; i++) {
            ngx_http_chat_bus_fan_out(room->members[i], room, post, &event,
                                      mine);
        }
    }

    ngx_http_chat_event_done(&event);

    if (mine != &event) {
        ngx_http_chat_event_done(&echo);
    }
}


static void
ngx_http_chat_bus_fan_out(ngx_http_chat_session_t *s,
    ngx_http_chat_room_t *room, ngx_http_chat_post_t *post,
    ngx_http_chat_event_t *event, ngx_http_chat_event_t *echo)
{
    if (echo != event
        && s->user->node.str.len == post->from.len
        && ngx_memcmp(s->user->node.str.data, post->from.data, post->from.len)
           == 0)
    {
        event = echo;
    }

    ngx_http_chat_event_deliver(event, s, room);
}


static void
ngx_http_chat_bus_private(ngx_http_chat_room_t *room,
    ngx_http_chat_post_t *post, ngx_http_chat_event_t *event,
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

        for (q = ngx_queue_head(&user->sessions);
             q != ngx_queue_sentinel(&user->sessions);
             q = ngx_queue_next(q))
        {
            ngx_http_chat_bus_fan_out(ngx_queue_data(q,
                                           ngx_http_chat_session_t, user_queue),
                                      room, post, event, echo);
        }
    }
}


/* has the room anybody here? */

static ngx_uint_t
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

static ngx_uint_t
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


static void
ngx_http_chat_bus_repair(ngx_http_chat_room_t *room)
{
    ngx_http_chat_page_t  page;

    ngx_memzero(&page, sizeof(ngx_http_chat_page_t));

    page.type = NGX_HTTP_CHAT_PAGE_AFTER;
    page.room = room->node.str;
    page.pos = room->last;
    page.size = NGX_HTTP_CHAT_REPAIR_PAGE;

    room->behind = 0;
    room->repair = ngx_http_chat_room_page(room->hub->redis, &page,
                                           ngx_http_chat_bus_repaired, room);
}


static void
ngx_http_chat_bus_repaired(void *data, redisReply *reply)
{
    ngx_http_chat_room_t *room = data;

    ngx_int_t              rc;
    ngx_uint_t             i;
    ngx_pool_t            *pool;
    chat_json_t            object, from;
    ngx_http_chat_post_t   post;

    room->repair = NULL;

    pool = ngx_create_pool(4096, ngx_http_chat_worker->log);

    if (pool == NULL || !ngx_http_chat_redis_ok(reply)) {

        /* the next message, or the next time the bus is up, begins anew */

        if (pool) {
            ngx_destroy_pool(pool);
        }

        return;
    }

    for (i = 0; /* void */ ; i++) {
        ngx_memzero(&post, sizeof(ngx_http_chat_post_t));

        rc = ngx_http_chat_room_message(reply, i, &room->node.str, pool,
                                        ngx_http_chat_worker->log, &post.json,
                                        &post.pos);
        if (rc == NGX_DONE || rc == NGX_ERROR) {
            break;
        }

        if (rc == NGX_OK
            && chat_json_check((chat_str_t) { post.json.len, post.json.data },
                               &object)
               == CHAT_OK
            && chat_json_get(&object, "from", &from))
        {
            post.from.data = from.raw.data + 1;
            post.from.len = from.raw.len - 2;

            ngx_http_chat_bus_deliver(room, &post, pool);
        }

        room->last = ngx_max(room->last, post.pos);
    }

    ngx_destroy_pool(pool);

    if (i >= NGX_HTTP_CHAT_REPAIR_PAGE || room->behind) {
        ngx_http_chat_bus_repair(room);
    }
}


void
ngx_http_chat_bus_state(void *data, ngx_uint_t up)
{
    ngx_http_chat_hub_t *hub = data;

    ngx_rbtree_node_t     *node;
    ngx_http_chat_room_t  *room;

    hub->up = up;

    if (!up) {
        return;
    }

    /* what was published meanwhile has been missed */

    node = ngx_rbtree_min(hub->rooms.root, &hub->rooms_sentinel);

    for ( /* void */ ; node; node = ngx_rbtree_next(&hub->rooms, node)) {
        room = (ngx_http_chat_room_t *) node;

        if (room->last && room->repair == NULL
            && ngx_http_chat_bus_is_live(hub, &room->id)
            && ngx_http_chat_bus_followed(room))
        {
            ngx_http_chat_bus_repair(room);
        }
    }
}


/* {"id","username","online"}: to everybody but that user */

static void
ngx_http_chat_bus_on_presence(ngx_http_chat_hub_t *hub, const char *name,
    chat_json_t *data, ngx_pool_t *pool)
{
    u_char                   *p;
    ngx_str_t                 id, username;
    ngx_uint_t                i, online;
    chat_json_t               value;
    ngx_http_chat_event_t     event;
    ngx_http_chat_session_t  *s;

    ngx_str_null(&id);

    if (chat_json_get(data, "id", &value) || chat_json_get(data, "Id", &value))
    {
        if (value.type == CHAT_JSON_NUMBER) {
            id.data = (u_char *) value.raw.data;
            id.len = value.raw.len;

        } else {
            (void) ngx_http_chat_bus_string(&value, pool, &id);
        }
    }

    if (chat_user_id_check((chat_str_t) { id.len, id.data }) != CHAT_OK
        || !(chat_json_get(data, "username", &value)
             || chat_json_get(data, "Username", &value))
        || ngx_http_chat_bus_string(&value, pool, &username) != NGX_OK)
    {
        ngx_http_chat_bus_dropped("no user");
        return;
    }

    online = (ngx_strcmp(name, "user.connected") == 0);

    p = ngx_pnalloc(pool, 64 + id.len + 6 * username.len);
    if (p == NULL) {
        return;
    }

    ngx_memzero(&event, sizeof(ngx_http_chat_event_t));

    event.name.data = (u_char *) name;
    event.name.len = ngx_strlen(name);

    event.json.data = p;
    p = ngx_sprintf(p, "{\"id\":\"%V\",\"username\":", &id);
    p = ngx_http_chat_store_escape(p, &username);
    p = ngx_sprintf(p, ",\"online\":%s}", online ? "true" : "false");
    event.json.len = p - event.json.data;

    for (i = 0; i < hub->general->nmembers; i++) {
        s = hub->general->members[i];

        if (s->user->node.str.len != id.len
            || ngx_memcmp(s->user->node.str.data, id.data, id.len) != 0)
        {
            ngx_http_chat_event_deliver(&event, s, NULL);
        }
    }

    ngx_http_chat_event_done(&event);
}


/*
 * {"id","names"}: to the two users, but not to the connection whose message it
 * announces.  Names may be nested, as the demo's servers have them.
 */

static void
ngx_http_chat_bus_on_show_room(ngx_http_chat_hub_t *hub, chat_json_t *data,
    ngx_pool_t *pool)
{
    ngx_str_t                 id, name[2], json;
    ngx_uint_t                i, n;
    chat_str_t                user_id;
    ngx_queue_t              *q;
    chat_room_t               room;
    chat_json_t               value, names, except;
    chat_json_iter_t          it, nested;
    ngx_http_chat_user_t     *user;
    ngx_http_chat_event_t     event;
    ngx_http_chat_session_t  *s;

    n = 0;

    if ((chat_json_get(data, "names", &names)
         || chat_json_get(data, "Names", &names))
        && names.type == CHAT_JSON_ARRAY)
    {
        chat_json_iter(&it, &names);

        while (n < 2 && chat_json_next(&it, NULL, &value)) {

            if (value.type == CHAT_JSON_ARRAY) {
                chat_json_iter(&nested, &value);
                (void) chat_json_next(&nested, NULL, &value);
            }

            if (ngx_http_chat_bus_string(&value, pool, &name[n]) != NGX_OK) {
                break;
            }

            n++;
        }
    }

    if (n != 2
        || !(chat_json_get(data, "id", &value)
             || chat_json_get(data, "Id", &value))
        || ngx_http_chat_bus_string(&value, pool, &id) != NGX_OK
        || chat_room_parse((chat_str_t) { id.len, id.data }, &room) != CHAT_OK
        || room.type != CHAT_ROOM_PRIVATE
        || ngx_http_chat_room_json(pool, &room, &name[0], &name[1], &json)
           != NGX_OK)
    {
        ngx_http_chat_bus_dropped("no private room");
        return;
    }

    if (!chat_json_get(data, "except", &except)) {
        except.type = CHAT_JSON_NONE;
    }

    ngx_memzero(&event, sizeof(ngx_http_chat_event_t));

    ngx_str_set(&event.name, "show.room");
    event.json = json;

    for (i = 0; i < 2; i++) {
        user_id = i ? room.high : room.low;
        user = ngx_http_chat_user_find(hub, user_id.data, user_id.len);

        if (user == NULL) {
            continue;
        }

        for (q = ngx_queue_head(&user->sessions);
             q != ngx_queue_sentinel(&user->sessions);
             q = ngx_queue_next(q))
        {
            s = ngx_queue_data(q, ngx_http_chat_session_t, user_queue);

            if (except.type == CHAT_JSON_STRING
                && chat_json_string_eq(&except, (chat_str_t) {
                                                   NGX_HTTP_CHAT_SOCKET_ID_LEN,
                                                   s->socket_id }))
            {
                continue;
            }

            ngx_http_chat_event_deliver(&event, s, NULL);
        }
    }

    ngx_http_chat_event_done(&event);
}


static ngx_int_t
ngx_http_chat_bus_string(chat_json_t *value, ngx_pool_t *pool, ngx_str_t *str)
{
    long  len;

    if (value->type != CHAT_JSON_STRING) {
        return NGX_DECLINED;
    }

    str->data = ngx_pnalloc(pool, value->raw.len);
    if (str->data == NULL) {
        return NGX_ERROR;
    }

    len = chat_json_string_decode(value, str->data);
    if (len < 0) {
        return NGX_DECLINED;
    }

    str->len = len;

    return NGX_OK;
}


static void
ngx_http_chat_bus_dropped(const char *what)
{
    ngx_log_error(NGX_LOG_INFO, ngx_http_chat_worker->log, 0,
                  "chat: dropped from the bus: %s", what);
}
