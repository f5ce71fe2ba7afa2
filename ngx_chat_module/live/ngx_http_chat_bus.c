/*
 * What comes from Redis: the envelopes on MESSAGES, and the events that tell of
 * users and rooms.
 */

#include "ngx_http_chat_bus.h"
#include "ngx_http_chat_relay.h"
#include "ngx_http_chat_known.h"
#include "ngx_http_chat_handover.h"
#include "ngx_http_chat_sse.h"


static void ngx_http_chat_bus_envelope(ngx_http_chat_hub_t *hub,
    ngx_str_t *payload, ngx_pool_t *pool);
static void ngx_http_chat_bus_on_presence(ngx_http_chat_hub_t *hub,
    const char *name, chat_json_t *data, ngx_pool_t *pool);
static void ngx_http_chat_bus_on_show_room(ngx_http_chat_hub_t *hub,
    chat_json_t *data, ngx_uint_t own, ngx_pool_t *pool);


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

    } else if (chat_json_string_eq(&type, chat_str("message.deleted"))) {
        ngx_http_chat_bus_on_deleted(hub, &data, pool);

    } else if (chat_json_string_eq(&type, chat_str("show.room"))) {
        ngx_http_chat_bus_on_show_room(hub, &data, own, pool);

    } else {
        ngx_http_chat_bus_dropped("an unknown type");
    }
}


void
ngx_http_chat_bus_state(void *data, ngx_uint_t up)
{
    ngx_http_chat_hub_t *hub = data;

    hub->up = up;
    hub->restrict_clock++;

    ngx_http_chat_known_drop(hub, NULL);

    if (up) {
        hub->since = ngx_current_msec;
        hub->missed = 1;
        hub->outages++;

        /* before anything newer gets to them */

        ngx_http_chat_streams_end(hub);

        ngx_http_chat_hub_resume(hub);
    }
}


/* {"id","username","online"}: to everybody but that user */

static void
ngx_http_chat_bus_on_presence(ngx_http_chat_hub_t *hub, const char *name,
    chat_json_t *data, ngx_pool_t *pool)
{
    u_char       *p;
    ngx_str_t     id, username, json;
    ngx_uint_t    online;
    chat_json_t   value;

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

    json.data = p;
    p = ngx_sprintf(p, "{\"id\":\"%V\",\"username\":", &id);
    p = ngx_http_chat_store_escape(p, &username);
    p = ngx_sprintf(p, ",\"online\":%s}", online ? "true" : "false");
    json.len = p - json.data;

    ngx_http_chat_announce(hub, name, &id, &json);
}


/*
 * {"id","names"}: to the two users, but not to the connection whose message it
 * announces.  Names may be nested, as the demo's servers have them.
 */

static void
ngx_http_chat_bus_on_show_room(ngx_http_chat_hub_t *hub, chat_json_t *data,
    ngx_uint_t own, ngx_pool_t *pool)
{
    ngx_str_t                 id, name[2], json;
    ngx_uint_t                i, n;
    chat_str_t                user_id;
    ngx_queue_t              *q;
    chat_room_t               room;
    chat_json_t               value, names;
    chat_json_iter_t          it, nested;
    ngx_http_chat_room_t     *known;
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

    known = ngx_http_chat_room_find(hub, room.id);

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

            if (own && known && known->unshown
                && ngx_memcmp(known->maker, s->socket_id,
                              NGX_HTTP_CHAT_SOCKET_ID_LEN)
                   == 0)
            {
                continue;
            }

            ngx_http_chat_event_deliver(&event, s, NULL);
        }
    }

    ngx_http_chat_event_done(&event);
}


/* after an outage, when both links are there again */

void
ngx_http_chat_hub_resume(ngx_http_chat_hub_t *hub)
{
    if (!hub->up || !ngx_http_chat_redis_ready(hub->redis)) {
        return;
    }

    ngx_http_chat_bus_retry(hub);

    ngx_http_chat_relay_back(hub);
    ngx_http_chat_relay_resume(hub, NULL);
    ngx_http_chat_deliver_resume(hub);
    ngx_http_chat_sockets_resume(hub);

    ngx_http_chat_takeover_resume();

    /* says at once that this worker is there */

    ngx_http_chat_presence_start(hub);
}


ngx_int_t
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


void
ngx_http_chat_bus_dropped(const char *what)
{
    ngx_log_error(NGX_LOG_INFO, ngx_http_chat_worker->log, 0,
                  "chat: dropped from the bus: %s", what);
}
