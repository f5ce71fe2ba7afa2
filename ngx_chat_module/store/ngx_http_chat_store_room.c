/*
 * Rooms and their messages: the scripts' calls, and messages in the form that
 * clients get, whoever wrote them.
 */

#include "ngx_http_chat_store.h"
#include "../proto/chat_json.h"


#define NGX_HTTP_CHAT_NONCE_TTL      600
#define NGX_HTTP_CHAT_COMPLAIN_EACH  60

/* what is around the strings of {"id":"","from":"","date":,"message":,
   "roomId":} */
#define NGX_HTTP_CHAT_MESSAGE_FRAME                                           \
    (sizeof("{'id':'','from':,'date':,'message':,'roomId':}") + CHAT_POS_MAX  \
     + NGX_INT64_LEN + 8)


static ngx_int_t ngx_http_chat_room_own(chat_str_t text, ngx_str_t *room,
    chat_str_t pos);
static ngx_uint_t ngx_http_chat_room_cut(chat_str_t *text, chat_str_t what);
static ngx_uint_t ngx_http_chat_room_skip(chat_str_t *text, chat_str_t what);
static ngx_uint_t ngx_http_chat_room_skip_number(chat_str_t *text);
static ngx_int_t ngx_http_chat_room_field(chat_json_t *object,
    const char *lower, const char *upper, chat_json_t *value);
static ngx_int_t ngx_http_chat_room_from(chat_json_t *value, u_char *buf,
    ngx_str_t *from);
static ngx_int_t ngx_http_chat_room_date(chat_json_t *value, time_t *date);
static void ngx_http_chat_room_complain(ngx_log_t *log, ngx_str_t *room);


ngx_http_chat_op_t *
ngx_http_chat_room_append(ngx_http_chat_redis_t *redis,
    ngx_http_chat_append_t *append, ngx_http_chat_redis_handler_pt handler,
    void *data)
{
    size_t               size;
    u_char              *buf, *p, limit[NGX_INT_T_LEN];
    ngx_str_t            argv[11], *arg;
    ngx_uint_t           i, nkeys;
    ngx_http_chat_op_t  *op;

    ngx_str_t  *strings[] = {
        &append->server_id, &append->room, &append->from, &append->nonce
    };

    size = sizeof(NGX_HTTP_CHAT_KEY_ROOM NGX_HTTP_CHAT_KEY_NONCE "::")
           + 2 * append->room.len + append->from.len + append->nonce.len;

    for (i = 0; i < 4; i++) {
        size += 6 * strings[i]->len + 2;
    }

    buf = ngx_alloc(size, ngx_cycle->log);
    if (buf == NULL) {
        return NULL;
    }

    arg = argv;

    arg->data = buf;
    p = ngx_sprintf(buf, NGX_HTTP_CHAT_KEY_ROOM "%V", &append->room);
    arg->len = p - arg->data;
    arg++;

    nkeys = 1;

    if (append->nonce.len) {
        arg->data = p;
        p = ngx_sprintf(p, NGX_HTTP_CHAT_KEY_NONCE "%V:%V:%V", &append->room,
                        &append->from, &append->nonce);
        arg->len = p - arg->data;
        arg++;

        nkeys = 2;
    }

    ngx_str_set(arg, NGX_HTTP_CHAT_CHANNEL);
    arg++;

    for (i = 0; i < 3; i++) {
        arg->data = p;
        p = ngx_http_chat_store_escape(p, strings[i]);
        arg->len = p - arg->data;
        arg++;
    }

    *arg++ = append->text;

    arg->data = p;

    if (append->nonce.len) {
        p = ngx_http_chat_store_escape(p, &append->nonce);
    }

    arg->len = p - arg->data;
    arg++;

    if (append->show_room.len) {
        *arg = append->show_room;

    } else {
        ngx_str_set(arg, "");
    }

    arg++;

    arg->data = limit;
    arg->len = ngx_sprintf(limit, "%ui", append->limit) - limit;
    arg++;

    ngx_str_set(arg, ngx_value(NGX_HTTP_CHAT_NONCE_TTL));
    arg++;

    op = ngx_http_chat_redis_eval(redis, &ngx_http_chat_script_append, handler,
                                  data, nkeys, arg - argv, argv);
    ngx_free(buf);

    return op;
}


ngx_int_t
ngx_http_chat_room_append_read(redisReply *reply, ngx_str_t *id,
    ngx_str_t *date)
{
    if (!ngx_http_chat_redis_ok(reply)) {
        return NGX_ERROR;
    }

    *id = ngx_http_chat_redis_str(ngx_http_chat_redis_element(reply, 0));
    *date = ngx_http_chat_redis_str(ngx_http_chat_redis_element(reply, 1));

    return id->len && date->len ? NGX_OK : NGX_ERROR;
}


/* the characters of a room id and of a position need no escapes */

ngx_http_chat_op_t *
ngx_http_chat_room_delete(ngx_http_chat_redis_t *redis, ngx_str_t *server_id,
    ngx_str_t *room, ngx_str_t *id, ngx_http_chat_redis_handler_pt handler,
    void *data)
{
    u_char               key[sizeof(NGX_HTTP_CHAT_KEY_ROOM) + CHAT_ROOM_ID_MAX];
    u_char              *p, *buf;
    ngx_str_t            argv[4];
    ngx_http_chat_op_t  *op;

    buf = ngx_alloc(128 + 6 * server_id->len + room->len + id->len,
                    ngx_cycle->log);
    if (buf == NULL) {
        return NULL;
    }

    argv[0].data = key;
    argv[0].len = ngx_snprintf(key, sizeof(key), NGX_HTTP_CHAT_KEY_ROOM "%V",
                               room)
                  - key;
    argv[1] = *id;
    ngx_str_set(&argv[2], NGX_HTTP_CHAT_CHANNEL);

    argv[3].data = buf;
    p = ngx_cpymem(buf, "{\"serverId\":", 12);
    p = ngx_http_chat_store_escape(p, server_id);
    p = ngx_sprintf(p, ",\"type\":\"message.deleted\",\"data\":"
                    "{\"roomId\":\"%V\",\"id\":\"%V\",", room, id);
    argv[3].len = p - buf;

    op = ngx_http_chat_redis_eval(redis, &ngx_http_chat_script_delete, handler,
                                  data, 1, 4, argv);
    ngx_free(buf);

    return op;
}


ngx_http_chat_op_t *
ngx_http_chat_room_page(ngx_http_chat_redis_t *redis,
    ngx_http_chat_page_t *page, ngx_http_chat_redis_handler_pt handler,
    void *data)
{
    size_t               size;
    u_char              *p, from[CHAT_POS_MAX], number[NGX_INT_T_LEN];
    ngx_str_t            argv[4];
    ngx_http_chat_op_t  *op;

    if (page->type == NGX_HTTP_CHAT_PAGE_OFFSET) {
        return ngx_http_chat_store_command(redis, handler, data,
                              "ZREVRANGE " NGX_HTTP_CHAT_KEY_ROOM "%V %L %L "
                              "WITHSCORES", &page->room, (int64_t) page->offset,
                              (int64_t) (page->offset + page->size) - 1);
    }

    size = sizeof(NGX_HTTP_CHAT_KEY_ROOM) + page->room.len;

    p = ngx_alloc(size, ngx_cycle->log);
    if (p == NULL) {
        return NULL;
    }

    argv[0].data = p;
    argv[0].len = ngx_sprintf(p, NGX_HTTP_CHAT_KEY_ROOM "%V", &page->room) - p;

    if (page->type == NGX_HTTP_CHAT_PAGE_BEFORE) {
        ngx_str_set(&argv[1], "before");

    } else {
        ngx_str_set(&argv[1], "after");
    }

    argv[2].data = from;
    argv[2].len = chat_pos_format(from, page->pos) - from;

    argv[3].data = number;
    argv[3].len = ngx_sprintf(number, "%ui", page->size) - number;

    op = ngx_http_chat_redis_eval(redis, &ngx_http_chat_script_page, handler,
                                  data, 1, 4, argv);
    ngx_free(p);

    return op;
}


ngx_int_t
ngx_http_chat_room_message(redisReply *reply, ngx_uint_t i, ngx_str_t *room,
    ngx_pool_t *pool, ngx_log_t *log, ngx_str_t *json, uint64_t *pos)
{
    ngx_int_t    rc;
    chat_str_t   text, id;
    redisReply  *member;
    u_char       buf[CHAT_POS_MAX];

    member = ngx_http_chat_redis_element(reply, 2 * i);
    if (member == NULL) {
        return NGX_DONE;
    }

    *json = ngx_http_chat_redis_str(
                                ngx_http_chat_redis_element(reply, 2 * i + 1));
    text.data = json->data;
    text.len = json->len;

    rc = chat_pos_from_score(text, pos) == CHAT_OK ? NGX_OK : NGX_DECLINED;

    *json = ngx_http_chat_redis_str(member);
    text.data = json->data;
    text.len = json->len;

    if (rc == NGX_OK) {
        id.data = buf;
        id.len = chat_pos_format(buf, *pos) - buf;

        if (ngx_http_chat_room_own(text, room, id) == NGX_OK) {
            return NGX_OK;
        }

        rc = ngx_http_chat_room_normalise(text, room, *pos, pool, json);
    }

    if (rc == NGX_DECLINED) {
        ngx_http_chat_room_complain(log, room);
    }

    return rc;
}


/* NGX_OK if the text is exactly what script append writes */

static ngx_int_t
ngx_http_chat_room_own(chat_str_t text, ngx_str_t *room, chat_str_t pos)
{
    chat_str_t   id;
    chat_json_t  message;

    id.len = room->len;
    id.data = room->data;

    if (room->len > CHAT_ROOM_ID_MAX
        || !ngx_http_chat_room_cut(&text, chat_str("\"}"))
        || !ngx_http_chat_room_cut(&text, id)
        || !ngx_http_chat_room_cut(&text, chat_str(",\"roomId\":\""))
        || !ngx_http_chat_room_skip(&text, chat_str("{\"id\":\""))
        || !ngx_http_chat_room_skip(&text, pos)
        || !ngx_http_chat_room_skip(&text, chat_str("\",\"from\":\""))
        || !ngx_http_chat_room_skip_number(&text)
        || !ngx_http_chat_room_skip(&text, chat_str("\",\"date\":"))
        || !ngx_http_chat_room_skip_number(&text)
        || !ngx_http_chat_room_skip(&text, chat_str(",\"message\":"))
        || chat_json_check(text, &message) != CHAT_OK
        || message.type != CHAT_JSON_STRING
        || message.raw.len != text.len)
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* takes off what the text ends with; _skip: what it begins with */

static ngx_uint_t
ngx_http_chat_room_cut(chat_str_t *text, chat_str_t what)
{
    if (text->len < what.len
        || ngx_memcmp(text->data + text->len - what.len, what.data, what.len)
           != 0)
    {
        return 0;
    }

    text->len -= what.len;

    return 1;
}


static ngx_uint_t
ngx_http_chat_room_skip(chat_str_t *text, chat_str_t what)
{
    if (text->len < what.len
        || ngx_memcmp(text->data, what.data, what.len) != 0)
    {
        return 0;
    }

    text->data += what.len;
    text->len -= what.len;

    return 1;
}


/* a user's id, or a date, which has such digits as well */

static ngx_uint_t
ngx_http_chat_room_skip_number(chat_str_t *text)
{
    size_t  len;

    len = chat_user_id_len(*text);

    text->data += len;
    text->len -= len;

    return len > 0;
}


ngx_int_t
ngx_http_chat_room_normalise(chat_str_t text, ngx_str_t *room, uint64_t pos,
    ngx_pool_t *pool, ngx_str_t *json)
{
    time_t       date;
    u_char      *p, buf[CHAT_USER_ID_MAX];
    ngx_str_t    from;
    chat_json_t  object, message, value;

    if (chat_json_check(text, &object) != CHAT_OK
        || object.type != CHAT_JSON_OBJECT
        || ngx_http_chat_room_field(&object, "message", "Message", &message)
           != NGX_OK
        || message.type != CHAT_JSON_STRING
        || ngx_http_chat_room_field(&object, "from", "From", &value) != NGX_OK
        || ngx_http_chat_room_from(&value, buf, &from) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    if (ngx_http_chat_room_field(&object, "date", "Date", &value) != NGX_OK
        || ngx_http_chat_room_date(&value, &date) != NGX_OK)
    {
        date = pos ? (time_t) (pos / 1000000) : ngx_time();
    }

    p = ngx_pnalloc(pool, NGX_HTTP_CHAT_MESSAGE_FRAME + from.len
                          + message.raw.len + 6 * room->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    json->data = p;

    *p++ = '{';

    if (pos) {
        p = ngx_cpymem(p, "\"id\":\"", 6);
        p = chat_pos_format(p, pos);
        p = ngx_cpymem(p, "\",", 2);
    }

    p = ngx_sprintf(p, "\"from\":\"%V\",\"date\":%T,\"message\":", &from, date);
    p = ngx_cpymem(p, message.raw.data, message.raw.len);
    p = ngx_cpymem(p, ",\"roomId\":", 10);
    p = ngx_http_chat_store_escape(p, room);
    *p++ = '}';

    json->len = p - json->data;

    return NGX_OK;
}


/* keys are written in lower case, by some servers capitalised */

static ngx_int_t
ngx_http_chat_room_field(chat_json_t *object, const char *lower,
    const char *upper, chat_json_t *value)
{
    return chat_json_get(object, lower, value)
           || chat_json_get(object, upper, value)
           ? NGX_OK : NGX_DECLINED;
}


/* a user id, as a string or as a number */

static ngx_int_t
ngx_http_chat_room_from(chat_json_t *value, u_char *buf, ngx_str_t *from)
{
    uint64_t    n;
    chat_str_t  id;

    if (value->type == CHAT_JSON_NUMBER) {
        if (chat_json_uint(value, &n) != CHAT_OK || n == 0) {
            return NGX_DECLINED;
        }

        from->data = buf;
        from->len = ngx_sprintf(buf, "%uL", n) - buf;

        return NGX_OK;
    }

    if (value->type != CHAT_JSON_STRING) {
        return NGX_DECLINED;
    }

    id.data = value->raw.data + 1;
    id.len = value->raw.len - 2;

    if (chat_user_id_check(id) != CHAT_OK) {
        return NGX_DECLINED;
    }

    from->data = (u_char *) id.data;
    from->len = id.len;

    return NGX_OK;
}


/* whole seconds of a number, which may have a fraction or an exponent */

static ngx_int_t
ngx_http_chat_room_date(chat_json_t *value, time_t *date)
{
    uint64_t  usec;

    if (value->type != CHAT_JSON_NUMBER
        || chat_pos_from_score(value->raw, &usec) != CHAT_OK)
    {
        return NGX_DECLINED;
    }

    *date = (time_t) (usec / 1000000);

    return NGX_OK;
}


static void
ngx_http_chat_room_complain(ngx_log_t *log, ngx_str_t *room)
{
    static time_t  last;

    if (ngx_time() - last < NGX_HTTP_CHAT_COMPLAIN_EACH) {
        return;
    }

    last = ngx_time();

    ngx_log_error(NGX_LOG_WARN, log, 0,
                  "chat: skipped what is no message in room \"%V\"", room);
}


ngx_int_t
ngx_http_chat_room_json(ngx_pool_t *pool, chat_room_t *room,
    ngx_str_t *low_name, ngx_str_t *high_name, ngx_str_t *json)
{
    u_char     *p;
    ngx_str_t   id;

    id.data = (u_char *) room->id.data;
    id.len = room->id.len;

    p = ngx_pnalloc(pool, sizeof("{'id':,'names':[,]}") + 6
                          + 6 * (id.len + low_name->len + high_name->len));
    if (p == NULL) {
        return NGX_ERROR;
    }

    json->data = p;

    p = ngx_cpymem(p, "{\"id\":", 6);
    p = ngx_http_chat_store_escape(p, &id);
    p = ngx_cpymem(p, ",\"names\":[", 10);
    p = ngx_http_chat_store_escape(p, low_name);
    *p++ = ',';
    p = ngx_http_chat_store_escape(p, high_name);
    p = ngx_cpymem(p, "]}", 2);

    json->len = p - json->data;

    return NGX_OK;
}
