/*
 * Sessions: a JSON object for each, under the hash of its token, and a list of
 * its sessions for each user, by the time they end.
 */

#include "ngx_http_chat_store.h"
#include "../proto/chat_json.h"


/* how many of a user's sessions are ended in one round */
#define NGX_HTTP_CHAT_SESSION_LIST  256

#define NGX_HTTP_CHAT_SESSIONS_KEY                                           \
    (sizeof(NGX_HTTP_CHAT_KEY_SESSIONS) - 1 + NGX_INT64_LEN)


static ngx_int_t ngx_http_chat_session_string(chat_json_t *object,
    const char *key, ngx_pool_t *pool, ngx_str_t *str);
static ngx_int_t ngx_http_chat_session_tell(ngx_http_chat_redis_t *redis,
    ngx_str_t *hash);
static ngx_str_t ngx_http_chat_session_list_key(u_char *key,
    ngx_str_t *user_id);
static ngx_str_t ngx_http_chat_session_hash(ngx_http_chat_token_t *token);


ngx_http_chat_op_t *
ngx_http_chat_session_get(ngx_http_chat_redis_t *redis,
    ngx_http_chat_token_t *token, time_t ttl,
    ngx_http_chat_redis_handler_pt handler, void *data)
{
    ngx_str_t  hash;

    hash = ngx_http_chat_session_hash(token);

    return ngx_http_chat_store_command(redis, handler, data,
                                  "GETEX " NGX_HTTP_CHAT_KEY_SESSION "%V EX %L",
                                  &hash, (int64_t) ttl);
}


ngx_int_t
ngx_http_chat_session_read(redisReply *reply, ngx_pool_t *pool,
    ngx_http_chat_identity_t *user)
{
    ngx_int_t    rc;
    ngx_str_t    str;
    chat_str_t   text;
    chat_json_t  object;

    if (!ngx_http_chat_redis_ok(reply)) {
        return NGX_ERROR;
    }

    str = ngx_http_chat_redis_str(reply);
    text.len = str.len;
    text.data = str.data;

    if (chat_json_check(text, &object) != CHAT_OK
        || object.type != CHAT_JSON_OBJECT)
    {
        return NGX_DECLINED;
    }

    rc = ngx_http_chat_session_string(&object, "username", pool,
                                      &user->username);
    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_http_chat_session_string(&object, "id", pool, &user->id);

    text.len = user->id.len;
    text.data = user->id.data;

    if (rc == NGX_OK && chat_user_id_check(text) != CHAT_OK) {
        rc = NGX_DECLINED;
    }

    if (rc != NGX_OK) {
        user->id.len = 0;
    }

    return rc;
}


static ngx_int_t
ngx_http_chat_session_string(chat_json_t *object, const char *key,
    ngx_pool_t *pool, ngx_str_t *str)
{
    long         len;
    chat_json_t  value;

    str->len = 0;

    if (!chat_json_get(object, key, &value) || value.type != CHAT_JSON_STRING) {
        return NGX_DECLINED;
    }

    str->data = ngx_pnalloc(pool, value.raw.len);
    if (str->data == NULL) {
        return NGX_ERROR;
    }

    len = chat_json_string_decode(&value, str->data);
    if (len < 0) {
        return NGX_DECLINED;
    }

    str->len = (size_t) len;

    return NGX_OK;
}


void
ngx_http_chat_session_renew(ngx_http_chat_redis_t *redis,
    ngx_http_chat_token_t *token, ngx_str_t *user_id, time_t ttl)
{
    u_char     key[NGX_HTTP_CHAT_SESSIONS_KEY], end[NGX_TIME_T_LEN];
    ngx_str_t  argv[3];

    argv[0] = ngx_http_chat_session_list_key(key, user_id);
    argv[1] = ngx_http_chat_session_hash(token);
    argv[2].data = end;
    argv[2].len = ngx_sprintf(end, "%T", ngx_time() + ttl) - end;

    (void) ngx_http_chat_redis_eval(redis, &ngx_http_chat_script_list, NULL,
                                    NULL, 1, 3, argv);
}


ngx_http_chat_op_t *
ngx_http_chat_session_put(ngx_http_chat_redis_t *redis,
    ngx_http_chat_token_t *token, ngx_http_chat_identity_t *user, time_t ttl,
    ngx_http_chat_redis_handler_pt handler, void *data)
{
    u_char              *p;
    ngx_str_t            hash, json;
    ngx_http_chat_op_t  *op;

    hash = ngx_http_chat_session_hash(token);

    json.data = ngx_alloc(sizeof("{\"id\":,\"username\":}") + 4
                          + 6 * (user->id.len + user->username.len),
                          ngx_cycle->log);
    if (json.data == NULL) {
        return NULL;
    }

    p = ngx_cpymem(json.data, "{\"id\":", 6);
    p = ngx_http_chat_store_escape(p, &user->id);
    p = ngx_cpymem(p, ",\"username\":", 12);
    p = ngx_http_chat_store_escape(p, &user->username);
    *p++ = '}';

    json.len = p - json.data;

    op = ngx_http_chat_store_command(redis, NULL, NULL,
                                 "SET " NGX_HTTP_CHAT_KEY_SESSION "%V %V EX %L",
                                 &hash, &json, (int64_t) ttl);
    ngx_free(json.data);

    if (op == NULL) {
        return NULL;
    }

    (void) ngx_http_chat_store_command(redis, NULL, NULL,
                    "ZREMRANGEBYSCORE " NGX_HTTP_CHAT_KEY_SESSIONS "%V -inf %L",
                    &user->id, (int64_t) ngx_time());

    ngx_http_chat_session_renew(redis, token, &user->id, ttl);

    /* the reply of the last command has to tell about the first one */

    return ngx_http_chat_store_command(redis, handler, data,
                                    "EXPIRE " NGX_HTTP_CHAT_KEY_SESSION "%V %L",
                                    &hash, (int64_t) ttl);
}


ngx_http_chat_op_t *
ngx_http_chat_session_end(ngx_http_chat_redis_t *redis,
    ngx_http_chat_token_t *token, ngx_str_t *user_id,
    ngx_http_chat_redis_handler_pt handler, void *data)
{
    ngx_str_t            hash;
    ngx_http_chat_op_t  *op;

    hash = ngx_http_chat_session_hash(token);

    op = ngx_http_chat_store_command(redis, handler, data,
                                     "DEL " NGX_HTTP_CHAT_KEY_SESSION "%V",
                                     &hash);
    if (op == NULL) {
        return NULL;
    }

    (void) ngx_http_chat_store_command(redis, NULL, NULL,
                                   "ZREM " NGX_HTTP_CHAT_KEY_SESSIONS "%V %V",
                                   user_id, &hash);

    if (ngx_http_chat_session_tell(redis, &hash) != NGX_OK) {
        ngx_http_chat_redis_cancel(op);
        return NULL;
    }

    return op;
}


ngx_http_chat_op_t *
ngx_http_chat_session_list(ngx_http_chat_redis_t *redis, ngx_str_t *user_id,
    ngx_http_chat_redis_handler_pt handler, void *data)
{
    return ngx_http_chat_store_command(redis, handler, data,
                                 "ZRANGE " NGX_HTTP_CHAT_KEY_SESSIONS "%V 0 %L",
                                 user_id,
                                 (int64_t) NGX_HTTP_CHAT_SESSION_LIST - 1);
}


ngx_http_chat_op_t *
ngx_http_chat_session_surplus(ngx_http_chat_redis_t *redis,
    ngx_http_chat_token_t *token, ngx_str_t *user_id, ngx_uint_t max,
    ngx_http_chat_redis_handler_pt handler, void *data)
{
    u_char     key[NGX_HTTP_CHAT_SESSIONS_KEY];
    u_char     most[NGX_INT_T_LEN], round[NGX_INT_T_LEN];
    ngx_str_t  argv[4];

    argv[0] = ngx_http_chat_session_list_key(key, user_id);
    argv[1] = ngx_http_chat_session_hash(token);
    argv[2].data = most;
    argv[2].len = ngx_sprintf(most, "%ui", max) - most;
    argv[3].data = round;
    argv[3].len = ngx_sprintf(round, "%d", NGX_HTTP_CHAT_SESSION_LIST) - round;

    return ngx_http_chat_redis_eval(redis, &ngx_http_chat_script_surplus,
                                    handler, data, 1, 4, argv);
}


ngx_int_t
ngx_http_chat_session_end_listed(ngx_http_chat_redis_t *redis,
    ngx_str_t *user_id, redisReply *reply)
{
    ngx_str_t    hash;
    ngx_uint_t   i;
    redisReply  *element;

    for (i = 0; /* void */ ; i++) {

        element = ngx_http_chat_redis_element(reply, i);
        if (element == NULL) {
            return (ngx_int_t) i;
        }

        hash = ngx_http_chat_redis_str(element);

        (void) ngx_http_chat_store_command(redis, NULL, NULL,
                                        "DEL " NGX_HTTP_CHAT_KEY_SESSION "%V",
                                        &hash);

        (void) ngx_http_chat_session_tell(redis, &hash);

        /* last: if the link breaks before, the session is listed again */

        if (ngx_http_chat_store_command(redis, NULL, NULL,
                                  "ZREM " NGX_HTTP_CHAT_KEY_SESSIONS "%V %V",
                                  user_id, &hash)
            == NULL)
        {
            return NGX_ERROR;
        }
    }
}


/* all workers close the live connections of a session */

static ngx_int_t
ngx_http_chat_session_tell(ngx_http_chat_redis_t *redis, ngx_str_t *hash)
{
    u_char     text[sizeof("revoke ") + NGX_HTTP_CHAT_HASH_LEN];
    ngx_str_t  message;

    if (hash->len != NGX_HTTP_CHAT_HASH_LEN) {
        return NGX_OK;
    }

    message.data = text;
    message.len = ngx_sprintf(text, "revoke %V", hash) - text;

    return ngx_http_chat_store_command(redis, NULL, NULL,
                                 "PUBLISH " NGX_HTTP_CHAT_CHANNEL_WORKERS " %V",
                                 &message)
           ? NGX_OK : NGX_ERROR;
}


/* key has room for NGX_HTTP_CHAT_SESSIONS_KEY bytes */

static ngx_str_t
ngx_http_chat_session_list_key(u_char *key, ngx_str_t *user_id)
{
    ngx_str_t  str;

    str.data = key;
    str.len = ngx_snprintf(key, NGX_HTTP_CHAT_SESSIONS_KEY,
                           NGX_HTTP_CHAT_KEY_SESSIONS "%V", user_id)
              - key;

    return str;
}


static ngx_str_t
ngx_http_chat_session_hash(ngx_http_chat_token_t *token)
{
    ngx_str_t  hash;

    hash.data = token->hash;
    hash.len = NGX_HTTP_CHAT_HASH_LEN;

    return hash;
}
