/*
 * All names of keys and channels.  The first group is the demo's; the second
 * is the module's own, under "chat:".
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

/* {look}: user:{id}, of whoever has a name that looks so; without an end */
#define NGX_HTTP_CHAT_KEY_NAME          "chat:name:"

/* {hash}: JSON; {user id}: a sorted set of hashes by expiry */
#define NGX_HTTP_CHAT_KEY_SESSION       "chat:session:"
#define NGX_HTTP_CHAT_KEY_SESSIONS      "chat:sessions:"

/* {room}:{user}:{nonce}: the id of the message */
#define NGX_HTTP_CHAT_KEY_NONCE         "chat:nonce:"

/* {user id}: a set of worker ids; {worker id}: a set of user ids */
#define NGX_HTTP_CHAT_KEY_LIVE          "chat:live:"
#define NGX_HTTP_CHAT_KEY_WORKER_USERS  "chat:users:"

/* a sorted set: worker ids by the end of their lease, in ms */
#define NGX_HTTP_CHAT_KEY_WORKERS       "chat:workers"

/* a sorted set: "mute:{user id}" and "ban:{user id}" by their end, in seconds;
   what is over goes with the next change, and there are 10,000 at the most */
#define NGX_HTTP_CHAT_KEY_RESTRICTED    "chat:restricted"

/* a lock, while the demo's data is being made */
#define NGX_HTTP_CHAT_KEY_DEMO          "chat:demo"

/* channels: {worker id}; all workers */
#define NGX_HTTP_CHAT_CHANNEL_WORKER    "chat:worker:"
#define NGX_HTTP_CHAT_CHANNEL_WORKERS   "chat:workers"


#endif /* NGX_HTTP_CHAT_KEYS_H */
