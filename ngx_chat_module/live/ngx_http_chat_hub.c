/*
 * Hubs: users and rooms, and who is in which.
 */

#include "ngx_http_chat_hub.h"
#include "ngx_http_chat_known.h"
#include "ngx_http_chat_life.h"


#define NGX_HTTP_CHAT_IDLE_ROOMS   10000          /* remembered at the most */
#define NGX_HTTP_CHAT_MOVE_GRACE   1000           /* ms */


static ngx_http_chat_user_t *ngx_http_chat_user_create(
    ngx_http_chat_hub_t *hub, ngx_str_t *id, ngx_str_t *name);
static void ngx_http_chat_room_idle(ngx_http_chat_room_t *room);
static void ngx_http_chat_room_destroy(ngx_http_chat_room_t *room);
static ngx_int_t ngx_http_chat_room_add(ngx_http_chat_room_t *room,
    ngx_http_chat_session_t *s);
static void ngx_http_chat_room_remove(ngx_http_chat_room_t *room,
    ngx_uint_t index);


ngx_int_t
ngx_http_chat_hub_create(ngx_http_chat_redis_conf_t *conf)
{
    u_char                  *p;
    chat_room_t              general;
    ngx_http_chat_hub_t     *hub;
    ngx_http_chat_worker_t  *worker;

    worker = ngx_http_chat_worker;

    hub = ngx_calloc(sizeof(ngx_http_chat_hub_t)
                     + sizeof(NGX_HTTP_CHAT_CHANNEL_WORKER)
                     + NGX_HTTP_CHAT_WORKER_ID_LEN, worker->log);
    if (hub == NULL) {
        return NGX_ERROR;
    }

    worker->hubs[conf->index] = hub;
    hub->conf = conf;

    ngx_rbtree_init(&hub->users, &hub->users_sentinel,
                    ngx_str_rbtree_insert_value);
    ngx_rbtree_init(&hub->rooms, &hub->rooms_sentinel,
                    ngx_str_rbtree_insert_value);
    ngx_rbtree_init(&hub->known, &hub->known_sentinel,
                    ngx_str_rbtree_insert_value);
    ngx_queue_init(&hub->known_list);
    ngx_queue_init(&hub->user_list);
    ngx_queue_init(&hub->announced);
    ngx_queue_init(&hub->censuses);
    ngx_queue_init(&hub->idle_rooms);

    (void) chat_room_parse(chat_str("0"), &general);

    hub->general = ngx_http_chat_room_get(hub, &general);
    if (hub->general == NULL) {
        return NGX_ERROR;
    }

    ngx_http_chat_room_used(hub->general);

    ngx_str_set(&hub->channels[0], NGX_HTTP_CHAT_CHANNEL);
    ngx_str_set(&hub->channels[1], NGX_HTTP_CHAT_CHANNEL_WORKERS);

    p = (u_char *) (hub + 1);
    hub->channels[2].data = p;
    hub->channels[2].len = ngx_sprintf(p, NGX_HTTP_CHAT_CHANNEL_WORKER "%V",
                                       &worker->id)
                           - p;

    if (conf->master.len) {
        hub->sentinel = ngx_http_chat_sentinel_create(conf);
        if (hub->sentinel == NULL) {
            return NGX_ERROR;
        }
    }

    hub->redis = ngx_http_chat_redis_create(conf, hub->sentinel, NULL, 0, NULL,
                                     ngx_http_chat_presence_redis_state, hub);
    hub->bus = ngx_http_chat_redis_create(conf, hub->sentinel, hub->channels, 3,
                                          ngx_http_chat_bus_message,
                                          ngx_http_chat_bus_state, hub);

    if (hub->redis == NULL || hub->bus == NULL) {
        return NGX_ERROR;
    }

    ngx_http_chat_presence_start(hub);

    if (conf->demo_data) {
        ngx_http_chat_demo_start(hub);
    }

    return NGX_OK;
}


void
ngx_http_chat_hub_destroy(ngx_http_chat_hub_t *hub)
{
    ngx_queue_t           *q;
    ngx_rbtree_node_t     *node;
    ngx_http_chat_user_t  *user;

    ngx_http_chat_presence_stop(hub);
    ngx_http_chat_announce_flush(hub);
    ngx_http_chat_demo_stop(hub);

    if (hub->bus) {
        ngx_http_chat_redis_destroy(hub->bus);
    }

    if (hub->redis) {
        ngx_http_chat_redis_destroy(hub->redis);
    }

    if (hub->sentinel) {
        ngx_http_chat_sentinel_destroy(hub->sentinel);
    }

    ngx_http_chat_known_drop(hub, NULL);

    while (!ngx_queue_empty(&hub->user_list)) {
        q = ngx_queue_head(&hub->user_list);
        user = ngx_queue_data(q, ngx_http_chat_user_t, list);

        ngx_http_chat_user_destroy(user);
    }

    while (hub->rooms.root != &hub->rooms_sentinel) {
        node = ngx_rbtree_min(hub->rooms.root, &hub->rooms_sentinel);
        ngx_http_chat_room_destroy((ngx_http_chat_room_t *) node);
    }

    ngx_http_chat_worker->hubs[hub->conf->index] = NULL;
    ngx_free(hub);
}


ngx_http_chat_user_t *
ngx_http_chat_user_find(ngx_http_chat_hub_t *hub, const u_char *id, size_t len)
{
    ngx_str_t  name;

    name.data = (u_char *) id;
    name.len = len;

    return (ngx_http_chat_user_t *)
               ngx_str_rbtree_lookup(&hub->users, &name,
                                     ngx_crc32_short(name.data, len));
}


static ngx_http_chat_user_t *
ngx_http_chat_user_create(ngx_http_chat_hub_t *hub, ngx_str_t *id,
    ngx_str_t *name)
{
    u_char                *p;
    ngx_http_chat_user_t  *user;

    user = ngx_calloc(sizeof(ngx_http_chat_user_t) + id->len + name->len,
                      ngx_http_chat_worker->log);
    if (user == NULL) {
        return NULL;
    }

    p = (u_char *) (user + 1);

    user->hub = hub;
    user->since = ++hub->clock;
    user->node.str.len = id->len;
    user->node.str.data = p;
    p = ngx_cpymem(p, id->data, id->len);

    user->name.len = name->len;
    user->name.data = p;
    ngx_memcpy(p, name->data, name->len);

    user->node.node.key = ngx_crc32_short(user->node.str.data, id->len);

    ngx_queue_init(&user->sessions);
    ngx_rbtree_insert(&hub->users, &user->node.node);
    ngx_http_chat_count(NGX_HTTP_CHAT_STAT_USERS);
    ngx_queue_insert_tail(&hub->user_list, &user->list);

    return user;
}


void
ngx_http_chat_user_destroy(ngx_http_chat_user_t *user)
{
    ngx_http_chat_timer_del(&ngx_http_chat_worker->wheel, &user->grace);
    ngx_queue_remove(&user->list);
    ngx_rbtree_delete(&user->hub->users, &user->node.node);
    ngx_http_chat_uncount(NGX_HTTP_CHAT_STAT_USERS);
    ngx_free(user);
}


ngx_http_chat_room_t *
ngx_http_chat_room_find(ngx_http_chat_hub_t *hub, chat_str_t id)
{
    ngx_str_t  name;

    name.len = id.len;
    name.data = (u_char *) id.data;

    return (ngx_http_chat_room_t *)
               ngx_str_rbtree_lookup(&hub->rooms, &name,
                                     ngx_crc32_short(name.data, name.len));
}


ngx_http_chat_room_t *
ngx_http_chat_room_get(ngx_http_chat_hub_t *hub, chat_room_t *id)
{
    u_char                *p;
    ngx_queue_t           *q;
    ngx_http_chat_room_t  *room;

    room = ngx_http_chat_room_find(hub, id->id);

    if (room) {
        if (room->idle.next) {
            ngx_queue_remove(&room->idle);
            ngx_queue_insert_tail(&hub->idle_rooms, &room->idle);
        }

        return room;
    }

    if (hub->nidle >= NGX_HTTP_CHAT_IDLE_ROOMS) {
        q = ngx_queue_head(&hub->idle_rooms);
        ngx_http_chat_room_destroy(ngx_queue_data(q, ngx_http_chat_room_t,
                                                  idle));
    }

    room = ngx_calloc(sizeof(ngx_http_chat_room_t) + id->id.len,
                      ngx_http_chat_worker->log);
    if (room == NULL) {
        return NULL;
    }

    p = (u_char *) (room + 1);
    ngx_memcpy(p, id->id.data, id->id.len);

    room->hub = hub;
    room->node.str.len = id->id.len;
    room->node.str.data = p;
    room->node.node.key = ngx_crc32_short(p, id->id.len);

    (void) chat_room_parse((chat_str_t) { id->id.len, p }, &room->id);

    ngx_rbtree_insert(&hub->rooms, &room->node.node);
    ngx_http_chat_count(NGX_HTTP_CHAT_STAT_ROOMS);
    ngx_http_chat_room_idle(room);

    return room;
}


static void
ngx_http_chat_room_idle(ngx_http_chat_room_t *room)
{
    ngx_queue_insert_tail(&room->hub->idle_rooms, &room->idle);
    room->hub->nidle++;
}


void
ngx_http_chat_room_used(ngx_http_chat_room_t *room)
{
    if (room->idle.next) {
        ngx_queue_remove(&room->idle);
        room->idle.next = NULL;
        room->hub->nidle--;
    }
}


static void
ngx_http_chat_room_destroy(ngx_http_chat_room_t *room)
{
    ngx_http_chat_room_used(room);
    if (room->repair) {
        ngx_http_chat_redis_cancel(room->repair);
        room->hub->repairs--;
    }

    if (room->catching_up) {
        room->hub->catching_up--;
    }

    ngx_rbtree_delete(&room->hub->rooms, &room->node.node);
    ngx_http_chat_uncount(NGX_HTTP_CHAT_STAT_ROOMS);

    if (room->members) {
        ngx_free(room->members);
    }

    ngx_free(room);
}


static ngx_int_t
ngx_http_chat_room_add(ngx_http_chat_room_t *room, ngx_http_chat_session_t *s)
{
    void                     *p;
    ngx_uint_t                size;
    ngx_http_chat_member_t   *member;

    if (room->nmembers == room->size) {
        size = room->size ? room->size * 2 : 4;

        p = realloc(room->members, size * sizeof(void *));
        if (p == NULL) {
            return NGX_ERROR;
        }

        room->members = p;
        room->size = size;
    }

    member = realloc(s->members,
                     (s->nmembers + 1) * sizeof(ngx_http_chat_member_t));
    if (member == NULL) {
        return NGX_ERROR;
    }

    s->members = member;
    member += s->nmembers++;

    member->room = room;
    member->index = room->nmembers;

    room->members[room->nmembers++] = s;
    ngx_http_chat_room_used(room);

    return NGX_OK;
}


/* the last member takes the place that becomes free */

static void
ngx_http_chat_room_remove(ngx_http_chat_room_t *room, ngx_uint_t index)
{
    ngx_uint_t                i;
    ngx_http_chat_session_t  *last;

    last = room->members[--room->nmembers];
    room->members[index] = last;

    for (i = 0; i < last->nmembers; i++) {
        if (last->members[i].room == room) {
            last->members[i].index = index;
            break;
        }
    }

    if (room->nmembers == 0 && room != room->hub->general) {
        room->last = 0;
        ngx_http_chat_room_idle(room);
    }
}


ngx_int_t
ngx_http_chat_hub_attach(ngx_http_chat_session_t *s, ngx_str_t *user_id,
    ngx_str_t *username)
{
    ngx_http_chat_user_t  *user;

    user = ngx_http_chat_user_find(s->hub, user_id->data, user_id->len);

    if (user == NULL) {
        user = ngx_http_chat_user_create(s->hub, user_id, username);
        if (user == NULL) {
            return NGX_ERROR;
        }
    }

    if (ngx_http_chat_room_add(s->hub->general, s) != NGX_OK) {
        return NGX_ERROR;
    }

    s->user = user;
    ngx_http_chat_count(NGX_HTTP_CHAT_STAT_SESSIONS);
    ngx_http_chat_life_user(s, &user->node.str, &user->name);

    ngx_queue_insert_tail(&user->sessions, &s->user_queue);
    user->nsessions++;

    ngx_http_chat_presence_join(user);

    return NGX_OK;
}


ngx_int_t
ngx_http_chat_hub_join(ngx_http_chat_session_t *s, ngx_str_t *name)
{
    chat_room_t            id;
    ngx_http_chat_room_t  *room;

    if (chat_room_parse((chat_str_t) { name->len, name->data }, &id)
        != CHAT_OK
        || id.type == CHAT_ROOM_PRIVATE)
    {
        return NGX_OK;
    }

    room = ngx_http_chat_room_get(s->hub, &id);
    if (room == NULL) {
        return NGX_ERROR;
    }

    return room == s->hub->general ? NGX_OK : ngx_http_chat_room_add(room, s);
}


ngx_uint_t
ngx_http_chat_hub_is_member(ngx_http_chat_session_t *s, chat_room_t *room)
{
    ngx_uint_t  i;
    chat_str_t  user;

    user.data = s->user->node.str.data;
    user.len = s->user->node.str.len;

    if (chat_room_is_of(room, user)) {
        return 1;
    }

    for (i = 0; i < s->nmembers; i++) {
        if (chat_str_eq(s->members[i].room->id.id, room->id)) {
            return 1;
        }
    }

    return 0;
}


void
ngx_http_chat_hub_detach(ngx_http_chat_session_t *s, ngx_uint_t at_once)
{
    ngx_msec_t             grace;
    ngx_uint_t             i;
    ngx_http_chat_user_t  *user;

    user = s->user;
    s->user = NULL;
    ngx_http_chat_uncount(NGX_HTTP_CHAT_STAT_SESSIONS);

    for (i = 0; i < s->nmembers; i++) {
        ngx_http_chat_room_remove(s->members[i].room, s->members[i].index);
    }

    if (s->members) {
        ngx_free(s->members);
        s->members = NULL;
        s->nmembers = 0;
    }

    ngx_queue_remove(&s->user_queue);

    if (--user->nsessions == 0) {
        grace = at_once ? 0 : s->conf->presence_grace;

        if (s->leaving) {

            /* whose new owner is about to say that the user is there */

            grace = ngx_max(grace, NGX_HTTP_CHAT_MOVE_GRACE);
        }

        ngx_http_chat_presence_leave(user, grace);
    }
}
