/*
 * Holes in what came from the bus, and how they are filled.
 *
 * Each message of ours names the position before it.  If that is not the one
 * delivered last, something is missing: it is read from the history, with all
 * that has come since, and messages on the channel are passed over until the
 * room has caught up (they are in the history too).  After an outage of the bus
 * the same is done for every room that somebody here is in.
 */

#include "ngx_http_chat_bus.h"
#include "ngx_http_chat_sse.h"


#define NGX_HTTP_CHAT_REPAIR_PAGE   100


static void ngx_http_chat_bus_resume(ngx_http_chat_hub_t *hub);
static void ngx_http_chat_bus_resume_rooms(void *data, redisReply *reply);
static void ngx_http_chat_bus_catch_up(ngx_http_chat_room_t *room);
static void ngx_http_chat_bus_caught_up(ngx_http_chat_room_t *room,
    ngx_uint_t failed);
static void ngx_http_chat_bus_repaired(void *data, redisReply *reply);
static void ngx_http_chat_bus_ask_newest(ngx_http_chat_room_t *room);
static void ngx_http_chat_bus_newest(void *data, redisReply *reply);


void
ngx_http_chat_bus_retry(ngx_http_chat_hub_t *hub)
{
    if (hub->missed && hub->up && ngx_http_chat_redis_ready(hub->redis)) {
        hub->missed = 0;
        ngx_http_chat_bus_resume(hub);
    }
}


/*
 * The bus is back.  What came before hub->heard has been received, by the order
 * of the channel; what was published since then may have been missed, in any
 * room that somebody here is in.  Rooms that this worker knows are read at
 * once, and for the others the users are asked for their rooms.  Until all have
 * been read hub->heard stays, and if something can't be read now, all is tried
 * again.
 */

static void
ngx_http_chat_bus_resume(ngx_http_chat_hub_t *hub)
{
    ngx_queue_t           *q;
    ngx_rbtree_node_t     *node;
    ngx_http_chat_user_t  *user;
    ngx_http_chat_room_t  *room;

    if (hub->heard == 0) {

        /* this is the first time: nobody has been waiting for anything */

        return;
    }

    ngx_http_chat_streams_end(hub);

    node = ngx_rbtree_min(hub->rooms.root, &hub->rooms_sentinel);

    for ( /* void */ ; node; node = ngx_rbtree_next(&hub->rooms, node)) {
        room = (ngx_http_chat_room_t *) node;

        if (ngx_http_chat_bus_is_live(hub, &room->id)) {
            ngx_http_chat_bus_catch_up(room);
        }
    }

    for (q = ngx_queue_head(&hub->user_list);
         q != ngx_queue_sentinel(&hub->user_list);
         q = ngx_queue_next(q))
    {
        user = ngx_queue_data(q, ngx_http_chat_user_t, list);

        if (user->nsessions == 0) {
            continue;
        }

        if (ngx_http_chat_store_command(hub->redis,
                                        ngx_http_chat_bus_resume_rooms, hub,
                                  "SMEMBERS " NGX_HTTP_CHAT_KEY_USER "%V"
                                              NGX_HTTP_CHAT_KEY_USER_ROOMS,
                                        &user->node.str)
            == NULL)
        {
            hub->missed = 1;
            return;
        }

        hub->catching_up++;
    }
}


static void
ngx_http_chat_bus_resume_rooms(void *data, redisReply *reply)
{
    ngx_http_chat_hub_t *hub = data;

    ngx_str_t              name;
    ngx_uint_t             i;
    chat_room_t            id;
    ngx_http_chat_room_t  *room;

    hub->catching_up--;

    if (!ngx_http_chat_redis_ok(reply)) {
        hub->missed = 1;
        return;
    }

    for (i = 0; /* void */ ; i++) {
        name = ngx_http_chat_redis_str(ngx_http_chat_redis_element(reply, i));

        if (name.data == NULL) {
            return;
        }

        if (chat_room_parse((chat_str_t) { name.len, name.data }, &id)
            != CHAT_OK
            || id.type != CHAT_ROOM_PRIVATE
            || !ngx_http_chat_bus_is_live(hub, &id))
        {
            continue;
        }

        room = ngx_http_chat_room_get(hub, &id);

        if (room && (room->last == 0 || !ngx_http_chat_bus_followed(room))) {
            ngx_http_chat_bus_catch_up(room);
        }
    }
}


/* from the message delivered last, or else from when the bus was last heard */

static void
ngx_http_chat_bus_catch_up(ngx_http_chat_room_t *room)
{
    if (room->last == 0 || !ngx_http_chat_bus_followed(room)) {
        room->last = room->hub->heard;
    }

    room->seen = room->hub->clock;
    room->outage = 1;

    if (!room->catching_up) {
        room->catching_up = 1;
        room->hub->catching_up++;
    }

    if (room->repair) {
        room->behind = 1;

    } else {
        ngx_http_chat_bus_repair(room);
    }
}


static void
ngx_http_chat_bus_caught_up(ngx_http_chat_room_t *room, ngx_uint_t failed)
{
    if (failed) {
        room->hub->missed = 1;
    }

    if (room->catching_up) {
        room->catching_up = 0;
        room->hub->catching_up--;
    }
}


void
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

    if (room->repair == NULL) {
        ngx_http_chat_bus_caught_up(room, 1);
        return;
    }

    room->hub->repairs++;
    ngx_http_chat_count(NGX_HTTP_CHAT_STAT_REPAIRS);
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
    room->hub->repairs--;

    pool = ngx_create_pool(4096, ngx_http_chat_worker->log);

    if (pool == NULL || !ngx_http_chat_redis_ok(reply)) {

        if (pool) {
            ngx_destroy_pool(pool);
        }

        ngx_http_chat_bus_caught_up(room, 1);
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

    if (i == 0 && room->outage) {
        ngx_http_chat_bus_ask_newest(room);
        return;
    }

    room->outage = 0;

    if (i >= NGX_HTTP_CHAT_REPAIR_PAGE || room->behind) {
        ngx_http_chat_bus_repair(room);
        return;
    }

    ngx_http_chat_bus_caught_up(room, 0);
}


/*
 * Nothing is behind what was delivered last.  But Redis may have come back with
 * older data, or another Redis in its place, and if the clock is behind as
 * well, what comes now would be taken for what was there.
 */

static void
ngx_http_chat_bus_ask_newest(ngx_http_chat_room_t *room)
{
    ngx_http_chat_page_t  page;

    ngx_memzero(&page, sizeof(ngx_http_chat_page_t));

    page.type = NGX_HTTP_CHAT_PAGE_BEFORE;
    page.room = room->node.str;
    page.pos = NGX_HTTP_CHAT_POS_END;
    page.size = 1;

    room->repair = ngx_http_chat_room_page(room->hub->redis, &page,
                                           ngx_http_chat_bus_newest, room);

    if (room->repair == NULL) {
        ngx_http_chat_bus_caught_up(room, 1);
        return;
    }

    room->hub->repairs++;
}


static void
ngx_http_chat_bus_newest(void *data, redisReply *reply)
{
    ngx_http_chat_room_t *room = data;

    ngx_pool_t            *pool;
    ngx_http_chat_post_t   post;

    room->repair = NULL;
    room->hub->repairs--;

    pool = ngx_create_pool(4096, ngx_http_chat_worker->log);

    if (pool == NULL || !ngx_http_chat_redis_ok(reply)) {

        if (pool) {
            ngx_destroy_pool(pool);
        }

        ngx_http_chat_bus_caught_up(room, 1);
        return;
    }

    ngx_memzero(&post, sizeof(ngx_http_chat_post_t));

    (void) ngx_http_chat_room_message(reply, 0, &room->node.str, pool,
                                      ngx_http_chat_worker->log, &post.json,
                                      &post.pos);
    ngx_destroy_pool(pool);

    room->last = ngx_max(ngx_min(room->last, post.pos), 1);

    if (room->behind) {

        /* room->last is before what has come since */

        ngx_http_chat_bus_repair(room);
        return;
    }

    room->outage = 0;

    ngx_http_chat_bus_caught_up(room, 0);
}
