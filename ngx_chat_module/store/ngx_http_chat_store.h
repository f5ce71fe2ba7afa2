/*
 * What the chat asks of Redis: commands with the keys of the contract, and the
 * reading of their replies.  All calls take a command link, are asynchronous
 * and return an operation as ngx_http_chat_redis_command() does: NULL means
 * that Redis is away and that handler won't be called.
 *
 * Replies are read with the _read functions below, from within the handler.
 */

#ifndef NGX_HTTP_CHAT_STORE_H
#define NGX_HTTP_CHAT_STORE_H

#include "../redis/ngx_http_chat_redis.h"
#include "../auth/ngx_http_chat_auth.h"
#include "../proto/chat_id.h"
#include "../proto/chat_name.h"
#include "ngx_http_chat_keys.h"


typedef ngx_http_chat_redis_op_t  ngx_http_chat_op_t;


typedef struct {
    ngx_str_t                    id;
    ngx_str_t                    username;
} ngx_http_chat_identity_t;


extern ngx_http_chat_redis_script_t  ngx_http_chat_script_append;
extern ngx_http_chat_redis_script_t  ngx_http_chat_script_page;
extern ngx_http_chat_redis_script_t  ngx_http_chat_script_online;
extern ngx_http_chat_redis_script_t  ngx_http_chat_script_offline;
extern ngx_http_chat_redis_script_t  ngx_http_chat_script_cut;
extern ngx_http_chat_redis_script_t  ngx_http_chat_script_list;
extern ngx_http_chat_redis_script_t  ngx_http_chat_script_surplus;
extern ngx_http_chat_redis_script_t  ngx_http_chat_script_lease;
extern ngx_http_chat_redis_script_t  ngx_http_chat_script_demo;
extern ngx_http_chat_redis_script_t  ngx_http_chat_script_name;
extern ngx_http_chat_redis_script_t  ngx_http_chat_script_restrict;
extern ngx_http_chat_redis_script_t  ngx_http_chat_script_restricted;
extern ngx_http_chat_redis_script_t  ngx_http_chat_script_delete;

/* all scripts, ended by NULL: each link loads them when it comes up */
extern ngx_http_chat_redis_script_t  *ngx_http_chat_scripts[];

/* fills in the scripts' SHA1; once, when the configuration is read */
void ngx_http_chat_store_init(void);

/*
 * Sends a command written as text: words are separated by one space each, and
 * in a word %V stands for the next ngx_str_t *, %L for the next int64_t.  What
 * is put in may hold any bytes, spaces too.  At most 16 words.
 */
ngx_http_chat_op_t *ngx_http_chat_store_command(ngx_http_chat_redis_t *redis,
    ngx_http_chat_redis_handler_pt handler, void *data, const char *words, ...);
ngx_http_chat_op_t *ngx_http_chat_store_vcommand(ngx_http_chat_redis_t *redis,
    ngx_http_chat_redis_handler_pt handler, void *data, const char *words,
    va_list args);

/*
 * Appends text as a JSON string, with its quotes, to what is at out: there are
 * at least 6 * text->len + 2 bytes of room.  Bytes that are no UTF-8 (another
 * program may have written them into Redis) become U+FFFD.
 */
u_char *ngx_http_chat_store_escape(u_char *out, ngx_str_t *text);


/* names: ngx_http_chat_store_name.c */

/*
 * Gives a new name, one that chat_name_check() takes, to a user, unless
 * somebody has it, or one like it (script name).  The reply is 1, 0 if somebody
 * has this very name, -1 if it is one like it.
 *
 * A name is like others of the same look (chat_name_looks), which is known of
 * those that were claimed, or marked, here; and, of names that other servers
 * have made, like those that are one of its spellings (chat_name_spell).
 */
ngx_http_chat_op_t *ngx_http_chat_name_claim(ngx_http_chat_redis_t *redis,
    ngx_str_t *name, ngx_str_t *user_id, ngx_http_chat_redis_handler_pt handler,
    void *data);

/*
 * A user has this name, perhaps from another server: its looks are known from
 * now on, unless they are somebody's.  Nobody waits for the answer.
 */
void ngx_http_chat_name_mark(ngx_http_chat_redis_t *redis, ngx_str_t *name,
    ngx_str_t *user_id);


/* sessions: ngx_http_chat_store_session.c */

/*
 * Looks a session up and renews its time: GETEX chat:session:{hash} EX ttl.
 */
ngx_http_chat_op_t *ngx_http_chat_session_get(ngx_http_chat_redis_t *redis,
    ngx_http_chat_token_t *token, time_t ttl,
    ngx_http_chat_redis_handler_pt handler, void *data);

/*
 * NGX_OK and the user, copied into pool; NGX_DECLINED: no such session (or its
 * content is broken); NGX_ERROR: no answer, or an error, from Redis.
 */
ngx_int_t ngx_http_chat_session_read(redisReply *reply, ngx_pool_t *pool,
    ngx_http_chat_identity_t *user);

/*
 * Renews the session's place in its user's list of sessions, as _get renewed
 * the session (script list).  The list lasts as long as the last of them.
 * Nobody waits for the answer: at worst the list is older.
 */
void ngx_http_chat_session_renew(ngx_http_chat_redis_t *redis,
    ngx_http_chat_token_t *token, ngx_str_t *user_id, time_t ttl);

/*
 * Stores a session of user and adds it to the user's list of sessions, whose
 * expired entries go.  The reply is 1 if the session is there in the end, 0 or
 * an error if Redis refused it.
 */
ngx_http_chat_op_t *ngx_http_chat_session_put(ngx_http_chat_redis_t *redis,
    ngx_http_chat_token_t *token, ngx_http_chat_identity_t *user, time_t ttl,
    ngx_http_chat_redis_handler_pt handler, void *data);

/*
 * Ends one session: deletes it and tells all workers to close its live
 * connections (PUBLISH chat:workers "revoke {hash}").  The reply is that of
 * DEL; the rest is sent along.
 */
ngx_http_chat_op_t *ngx_http_chat_session_end(ngx_http_chat_redis_t *redis,
    ngx_http_chat_token_t *token, ngx_str_t *user_id,
    ngx_http_chat_redis_handler_pt handler, void *data);

/*
 * Ends all sessions of a user, in rounds, as a script may not touch keys that
 * it learns only while it runs: _list asks for some of them, _end_listed ends
 * those and returns their number, or NGX_ERROR if Redis is away.  The user has
 * none left when a list is empty.  _put stores a session before it lists it, so
 * that none is on the list, and taken off it, before it can be deleted.
 */
ngx_http_chat_op_t *ngx_http_chat_session_list(ngx_http_chat_redis_t *redis,
    ngx_str_t *user_id, ngx_http_chat_redis_handler_pt handler, void *data);
ngx_int_t ngx_http_chat_session_end_listed(ngx_http_chat_redis_t *redis,
    ngx_str_t *user_id, redisReply *reply);

/*
 * Asks for those of a user's sessions that are more than max (script surplus):
 * the ones that end first, so those whose last use is longest ago, and never
 * token's.  The reply is for _end_listed.
 */
ngx_http_chat_op_t *ngx_http_chat_session_surplus(ngx_http_chat_redis_t *redis,
    ngx_http_chat_token_t *token, ngx_str_t *user_id, ngx_uint_t max,
    ngx_http_chat_redis_handler_pt handler, void *data);


/* who is muted or banned: ngx_http_chat_store_restrict.c */

/*
 * Mutes or bans (kind) a user for so many seconds, -1 for ever, 0 to end it
 * (script restrict), and tells all workers.  The reply is 1, or 0 if too many
 * are.
 */
ngx_http_chat_op_t *ngx_http_chat_restrict(ngx_http_chat_redis_t *redis,
    const char *kind, ngx_str_t *user_id, ngx_int_t seconds,
    ngx_http_chat_redis_handler_pt handler, void *data);

/* asks what a user is (script restricted); NGX_OK: for how many seconds more,
   0 for not, -1 for ever */
ngx_http_chat_op_t *ngx_http_chat_restricted(ngx_http_chat_redis_t *redis,
    ngx_str_t *user_id, ngx_http_chat_redis_handler_pt handler, void *data);
ngx_int_t ngx_http_chat_restricted_read(redisReply *reply, int64_t *mute,
    int64_t *ban);


/* rooms and messages: ngx_http_chat_store_room.c */

/*
 * Appends a message (script append): stored and published in one step.
 * text is the message as a JSON string, with its quotes, exactly as it came;
 * the other strings are plain UTF-8.  nonce: len 0 for none.  show_room (len 0:
 * none) is the data of a show.room event, JSON, published before the message if
 * the room had no messages.
 */
typedef struct {
    ngx_str_t                    server_id;
    ngx_str_t                    room;
    ngx_str_t                    from;
    ngx_str_t                    text;
    ngx_str_t                    nonce;
    ngx_str_t                    show_room;
    ngx_uint_t                   limit;
} ngx_http_chat_append_t;

ngx_http_chat_op_t *ngx_http_chat_room_append(ngx_http_chat_redis_t *redis,
    ngx_http_chat_append_t *append, ngx_http_chat_redis_handler_pt handler,
    void *data);

/* NGX_OK: id and date (decimal seconds) point into reply */
ngx_int_t ngx_http_chat_room_append_read(redisReply *reply, ngx_str_t *id,
    ngx_str_t *date);

/*
 * Deletes a message by its position, a number as text, and publishes
 * message.deleted (script delete, which says what the reply means).
 */
ngx_http_chat_op_t *ngx_http_chat_room_delete(ngx_http_chat_redis_t *redis,
    ngx_str_t *server_id, ngx_str_t *room, ngx_str_t *id,
    ngx_http_chat_redis_handler_pt handler, void *data);

/*
 * A page of a room's history.  The reply is read with
 * ngx_http_chat_room_message(): element by element, in the order asked for.
 * By position a page is longer than size where several messages share the last
 * position (other servers count in seconds): the next page starts behind it.
 */
typedef enum {
    NGX_HTTP_CHAT_PAGE_OFFSET = 0,      /* newest first, behind offset others */
    NGX_HTTP_CHAT_PAGE_BEFORE,          /* newest first, positions below pos */
    NGX_HTTP_CHAT_PAGE_AFTER            /* oldest first, positions above pos */
} ngx_http_chat_page_type_t;

typedef struct {
    ngx_http_chat_page_type_t    type;
    ngx_str_t                    room;
    ngx_uint_t                   offset;
    uint64_t                     pos;             /* microseconds */
    ngx_uint_t                   size;
} ngx_http_chat_page_t;

ngx_http_chat_op_t *ngx_http_chat_room_page(ngx_http_chat_redis_t *redis,
    ngx_http_chat_page_t *page, ngx_http_chat_redis_handler_pt handler,
    void *data);

/*
 * The i-th message of a page.  NGX_OK: json is the message's object as clients
 * get it, {"id","from","date","message","roomId"}, ids as strings and in lower
 * case: our own bytes as they are in the reply, a foreign server's rewritten in
 * pool; pos is its position.  NGX_DECLINED: no JSON object or no message, to be
 * skipped (logged to log at most once a minute).  NGX_DONE: no i-th.  NGX_ERROR
 * without memory.
 */
ngx_int_t ngx_http_chat_room_message(redisReply *reply, ngx_uint_t i,
    ngx_str_t *room, ngx_pool_t *pool, ngx_log_t *log, ngx_str_t *json,
    uint64_t *pos);

/* rewrites one foreign message object (any text) into a client's form; pos 0:
   there is none, and the result has no "id".  NGX_OK, _DECLINED or _ERROR */
ngx_int_t ngx_http_chat_room_normalise(chat_str_t text, ngx_str_t *room,
    uint64_t pos, ngx_pool_t *pool, ngx_str_t *json);


/*
 * Writes {"id":...,"names":[...]} of a private room into pool; names in the
 * order of the ids
 */
ngx_int_t ngx_http_chat_room_json(ngx_pool_t *pool, chat_room_t *room,
    ngx_str_t *low_name, ngx_str_t *high_name, ngx_str_t *json);


/* presence: ngx_http_chat_store_presence.c */

/*
 * Scripts online and offline: add or remove a worker to or from the user's live
 * workers; on a real transition change online_users and publish
 * user.connected or user.disconnected.  dead: nothing is done, and the reply is
 * -1, if the worker's lease has not run out.
 */
ngx_http_chat_op_t *ngx_http_chat_presence_online(ngx_http_chat_redis_t *redis,
    ngx_str_t *server_id, ngx_str_t *worker, ngx_str_t *user_id,
    ngx_str_t *username, ngx_http_chat_redis_handler_pt handler, void *data);
ngx_http_chat_op_t *ngx_http_chat_presence_offline(
    ngx_http_chat_redis_t *redis, ngx_str_t *server_id, ngx_str_t *worker,
    ngx_str_t *user_id, ngx_uint_t dead,
    ngx_http_chat_redis_handler_pt handler, void *data);

/*
 * Script lease: renews the worker's, and publishes "alive TIME" to it.  The
 * reply is 1 if the lease had not run out, else 0, and then dead workers.
 */
ngx_http_chat_op_t *ngx_http_chat_presence_lease(ngx_http_chat_redis_t *redis,
    ngx_str_t *worker, ngx_msec_t lease,
    ngx_http_chat_redis_handler_pt handler, void *data);


#endif /* NGX_HTTP_CHAT_STORE_H */
