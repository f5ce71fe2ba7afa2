/*
 * All names of keys and channels.  contract.md of the demo's fixed the first
 * group; the second is the module's own, under "chat:".
 */

#ifndef NGX_HTTP_CHAT_KEYS_H
#define NGX_HTTP_CHAT_KEYS_H


#define NGX_HTTP_CHAT_KEY_TOTAL_USERS   "total_users"
#define NGX_HTTP_CHAT_KEY_USERNAME      "username:"        /* {name} */
#define NGX_HTTP_CHAT_KEY_USER          "user:"            /* {id} */
#define NGX_HTTP_CHAT_KEY_USER_ROOMS    ":rooms"           /* user:{id}... */
#define NGX_HTTP_CHAT_KEY_ROOM          "room:"            /* {id} */
#define NGX_HTTP_CHAT_KEY_ROOM_NAME     ":name"            /* room:{id}... */
#define NGX_HTTP_CHAT_KEY_ONLINE        "online_users"
#define NGX_HTTP_CHAT_CHANNEL           "MESSAGES"

#define NGX_HTTP_CHAT_KEY_SESSION       "chat:session:"    /* {hash}: JSON */
#define NGX_HTTP_CHAT_KEY_SESSIONS      "chat:sessions:"   /* {user id}: zset of
                                                              hashes by expiry */
#define NGX_HTTP_CHAT_KEY_NONCE         "chat:nonce:"      /* {room}:{user}:{n} */
#define NGX_HTTP_CHAT_KEY_LIVE          "chat:live:"       /* {user id}: set of
                                                              worker ids */
#define NGX_HTTP_CHAT_KEY_WORKERS       "chat:workers"     /* zset: worker ids by
                                                              lease's end, ms */
#define NGX_HTTP_CHAT_KEY_WORKER_USERS  "chat:users:"      /* {worker id}: set */
#define NGX_HTTP_CHAT_KEY_DEMO_LOCK     "chat:demo"
#define NGX_HTTP_CHAT_CHANNEL_WORKER    "chat:worker:"     /* {worker id} */
#define NGX_HTTP_CHAT_CHANNEL_WORKERS   "chat:workers"     /* all of them */


#endif /* NGX_HTTP_CHAT_KEYS_H */
