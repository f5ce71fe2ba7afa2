/*
 * The objects of live/ and who owns them.
 *
 *   worker    one a process: the session table, the wheel, the list of what has
 *             to be flushed and freed at the end of this turn of the event loop
 *   hub       one for each Redis: its two links, users and rooms on this worker
 *   session   an Engine.IO session, with its Socket.IO socket, or an event
 *             stream; owns its outbox while it has no connection
 *   conn      a WebSocket connection that has left nginx's request
 *   user      somebody with at least one session here, or whose last one ended
 *             within the grace period
 *   room      General and named rooms, and private ones while they are
 *             remembered: the position delivered last, the members' sessions
 *
 * Nothing is freed in the middle of a turn: _close takes an object out of all
 * tables and marks it closed, and memory goes at the end of the turn.  So a
 * caller may look at ->closed after any call.
 */

#ifndef NGX_HTTP_CHAT_HUB_H
#define NGX_HTTP_CHAT_HUB_H

#include "../auth/ngx_http_chat_clients.h"
#include "../store/ngx_http_chat_store.h"
#include "../proto/chat_ws.h"
#include "../proto/chat_sio.h"
#include "../proto/chat_deflate.h"
#include "../ngx_http_chat_stat.h"
#include "ngx_http_chat_live.h"
#include "ngx_http_chat_frame.h"
#include "ngx_http_chat_wheel.h"


#define NGX_HTTP_CHAT_WORKER_ID_LEN   12
#define NGX_HTTP_CHAT_SID_LEN         32          /* worker id first */
#define NGX_HTTP_CHAT_SOCKET_ID_LEN   20
#define NGX_HTTP_CHAT_RANDOM          256         /* what getrandom() gives
                                                     in one call, for sure */

#define NGX_HTTP_CHAT_SCRATCH         65536


typedef struct ngx_http_chat_session_s  ngx_http_chat_session_t;
typedef struct ngx_http_chat_conn_s     ngx_http_chat_conn_t;
typedef struct ngx_http_chat_user_s     ngx_http_chat_user_t;
typedef struct ngx_http_chat_room_s     ngx_http_chat_room_t;
typedef struct ngx_http_chat_port_s     ngx_http_chat_port_t;
typedef struct ngx_http_chat_event_s    ngx_http_chat_event_t;
typedef struct ngx_http_chat_life_s     ngx_http_chat_life_t;
typedef struct ngx_http_chat_demo_s     ngx_http_chat_demo_t;
typedef struct ngx_http_chat_handing_s  ngx_http_chat_handing_t;
typedef struct ngx_http_chat_handover_s  ngx_http_chat_handover_t;


typedef struct {
    ngx_str_t                     id;             /* unique, never reused */
    u_char                        id_data[NGX_HTTP_CHAT_WORKER_ID_LEN];
    ngx_http_chat_main_conf_t    *main;
    ngx_log_t                    *log;

    ngx_http_chat_hub_t         **hubs;           /* by redis conf's index */
    ngx_uint_t                    nhubs;

    ngx_rbtree_t                  sessions;       /* by sid */
    ngx_rbtree_node_t             sessions_sentinel;

    ngx_http_chat_wheel_t         wheel;

    ngx_queue_t                   dirty;          /* conns to be written */
    ngx_queue_t                   ready;          /* sessions to be polled */
    ngx_queue_t                   replies;        /* ports to be answered */
    ngx_queue_t                   dead_sessions;
    ngx_queue_t                   dead_conns;
    ngx_event_t                   turn;           /* posted: end of the turn */

    ngx_connection_t             *watch;          /* hears of a shutdown */
    ngx_event_t                   drain;
    ngx_uint_t                    drain_step;
    ngx_uint_t                    nconns;
    ngx_http_chat_handover_t     *handover;       /* NULL: there is none */

    uint64_t                      request;        /* last relay request's id */
    ngx_rbtree_t                  relays;         /* requests sent elsewhere */
    ngx_rbtree_node_t             relays_sentinel;

    ngx_http_chat_batch_t        *batch;          /* this turn's */
    size_t                        batch_turn;     /* used of those before */
    size_t                        batch_used;     /* by turns of late */
    void                         *rings;          /* of outboxes, unused, each
                                                     points to the next */
    ngx_uint_t                    nrings;

    u_char                        random[NGX_HTTP_CHAT_RANDOM];
    size_t                        nrandom;        /* so many are unused, the
                                                     first ones */

    u_char                       *scratch;        /* what recv() reads into */
    chat_deflate_t               *deflate;        /* NULL: never used */
} ngx_http_chat_worker_t;


struct ngx_http_chat_hub_s {
    ngx_http_chat_redis_conf_t   *conf;
    ngx_http_chat_sentinel_t     *sentinel;       /* NULL: Redis has none */
    ngx_http_chat_redis_t        *redis;          /* commands */
    ngx_http_chat_redis_t        *bus;            /* subscriber */
    ngx_str_t                     channels[3];
    ngx_uint_t                    up;             /* the bus is, */
    ngx_msec_t                    since;          /* since then */
    uint64_t                      heard;          /* Redis's time when it last
                                                     was, in microseconds */
    ngx_uint_t                    missed;         /* the bus was cut, */
    ngx_uint_t                    catching_up;    /* since: so many reads */
    ngx_uint_t                    repairs;        /* rooms that read a hole */
    ngx_uint_t                    clock;          /* users that came so far */

    ngx_rbtree_t                  users;          /* by id */
    ngx_rbtree_node_t             users_sentinel;
    ngx_queue_t                   user_list;      /* longest unrenewed first */

    ngx_rbtree_t                  rooms;          /* by id */
    ngx_rbtree_node_t             rooms_sentinel;
    ngx_queue_t                   idle_rooms;     /* without members, oldest
                                                     first: may be forgotten */
    ngx_uint_t                    nidle;
    ngx_http_chat_room_t         *general;

    ngx_rbtree_t                  known;          /* sessions, by hash */
    ngx_rbtree_node_t             known_sentinel;
    ngx_queue_t                   known_list;     /* oldest first */
    ngx_uint_t                    nknown;
    ngx_uint_t                    known_dropped;  /* so many times */

    ngx_queue_t                   announced;      /* who came, who went: is
                                                     still to be told */
    size_t                        announced_bytes;
    ngx_uint_t                    nannounced;     /* since: so many, told */
    ngx_msec_t                    announce_since; /* or not */
    ngx_http_chat_timer_t         announce_timer;

    ngx_uint_t                    restrict_clock; /* mutes and bans heard of */
    ngx_queue_t                   censuses;       /* that wait for answers */

    uint32_t                      outages;        /* of the bus, and one */
    ngx_http_chat_timer_t         lease;
    ngx_uint_t                    lapsed;         /* Redis may not know who is
                                                     here: tell it again */
    ngx_msec_t                    leased;         /* renewed ever since then */
    ngx_http_chat_demo_t         *demo;           /* being made */
};


struct ngx_http_chat_user_s {
    ngx_str_node_t                node;           /* str: the id */
    ngx_http_chat_hub_t          *hub;
    ngx_str_t                     name;
    ngx_queue_t                   sessions;
    ngx_uint_t                    nsessions;
    ngx_uint_t                    since;          /* the hub's clock then */
    ngx_queue_t                   list;           /* hub->user_list */
    ngx_msec_t                    renewed;
    ngx_http_chat_timer_t         grace;          /* set: no session is left */
    ngx_http_chat_op_t           *leaving;        /* Redis is being told */
    ngx_uint_t                    left;           /* it was, or may have been */
    int64_t                       muted;          /* until then, in seconds; 0:
                                                     not, -1: for ever */
    uint32_t                      checked;        /* that is known, behind so
                                                     many outages; 0: not */
};


/* a session's place in a room's array of members */

typedef struct {
    ngx_http_chat_room_t         *room;
    ngx_uint_t                    index;
} ngx_http_chat_member_t;


struct ngx_http_chat_room_s {
    ngx_str_node_t                node;           /* str: the id */
    ngx_http_chat_hub_t          *hub;
    chat_room_t                   id;             /* points into node.str */
    uint64_t                      last;           /* position delivered last,
                                                     0: not known */
    ngx_uint_t                    seen;           /* the hub's clock then */
    ngx_http_chat_session_t     **members;        /* not of private rooms */
    ngx_uint_t                    nmembers;
    ngx_uint_t                    size;
    ngx_queue_t                   idle;           /* next NULL: not queued */

    ngx_http_chat_op_t           *repair;         /* reading what was missed */

    u_char                        maker[NGX_HTTP_CHAT_SOCKET_ID_LEN];

    unsigned                      behind:1;       /* more came meanwhile */
    unsigned                      outage:1;       /* since the last message */
    unsigned                      catching_up:1;  /* the hub waits for it */
    unsigned                      unshown:1;      /* a first message is under
                                                     way, from the maker */
    unsigned                      known:1;        /* both users exist and
                                                     have it in their list */
};


typedef enum {
    NGX_HTTP_CHAT_POLLING = 0,
    NGX_HTTP_CHAT_WEBSOCKET,
    NGX_HTTP_CHAT_SSE
} ngx_http_chat_transport_t;


typedef enum {
    NGX_HTTP_CHAT_SOCKET_NONE = 0,                /* not connected, or left */
    NGX_HTTP_CHAT_SOCKET_LOOKUP,                  /* asking who it is */
    NGX_HTTP_CHAT_SOCKET_CONNECTED
} ngx_http_chat_socket_state_t;


/*
 * A session's states: polling -> (probe) -> websocket -> closed, or, when the
 * WebSocket came to another worker, polling -> leaving -> closed there and
 * arriving -> websocket here.
 */

struct ngx_http_chat_session_s {
    ngx_str_node_t                node;           /* str: sid */
    u_char                        sid[NGX_HTTP_CHAT_SID_LEN];
    ngx_http_chat_hub_t          *hub;
    ngx_http_chat_loc_conf_t     *conf;
    ngx_http_chat_client_t       *client;         /* its address's count; NULL:
                                                     it does not count */

    ngx_http_chat_outbox_t        out;            /* polling, SSE, arriving */
    ngx_queue_t                   turn;           /* ready, later dead; next
                                                     NULL: neither */

    ngx_http_chat_port_t         *poll;           /* the waiting GET */
    ngx_http_chat_port_t         *post;           /* a POST being processed */
    ngx_http_chat_op_t           *delivery;       /* of sent, to carrier */
    ngx_http_chat_port_t         *carrier;        /* not known to have */
    ngx_http_chat_outbox_t        sent;           /* arrived */
    ngx_http_chat_conn_t         *conn;           /* the WebSocket */
    ngx_http_chat_conn_t         *probe;          /* one that isn't yet it */
    ngx_http_chat_handing_t      *handing;        /* conn, to a new worker */
    ngx_http_request_t           *stream;         /* SSE */
    ngx_http_chat_life_t         *life;           /* NULL: nothing to log */

    ngx_http_chat_timer_t         heartbeat;
    ngx_http_chat_timer_t         connect;        /* connect timeout */
    ngx_msec_t                    renewed;        /* the log-in was */
    ngx_http_chat_token_t         token;

    /* Socket.IO */
    u_char                        socket_id[NGX_HTTP_CHAT_SOCKET_ID_LEN];
    ngx_http_chat_user_t         *user;
    ngx_queue_t                   user_queue;
    ngx_http_chat_member_t       *members;
    ngx_http_chat_op_t           *lookup;
    ngx_pool_t                   *lookup_pool;
    void                         *waiting;        /* a look-up, for the bus */
    ngx_queue_t                   sends;          /* messages without an ack */
    ngx_queue_t                   replays;        /* under way, or settled */
    ngx_queue_t                   held_back;      /* live messages, while it
                                                     opens, */
    ngx_queue_t                  *arrived;        /* the last of the old
                                                     owner's among them */
    size_t                        held;           /* bytes of those, and that
                                                     wait in replays */
    ngx_msec_t                    probed_at;
    u_char                        prober[NGX_HTTP_CHAT_WORKER_ID_LEN];

    uint32_t                      nmembers;
    uint32_t                      nsends;
    uint32_t                      nreplays;
    uint32_t                      verified;       /* the log-in was, behind so
                                                     many outages of the hub */
    unsigned                      transport:2;
    unsigned                      socket:2;
    unsigned                      pinged:1;       /* a pong is due */
    unsigned                      posting:1;      /* a POST is in flight */
    unsigned                      probed:1;       /* end GETs at once */
    unsigned                      remote_probe:1; /* by another worker */
    unsigned                      upgrading:1;    /* at the prober, which waits
                                                     for it */
    unsigned                      leaving:1;      /* to the prober */
    unsigned                      moved:1;        /* all has been sent there */
    unsigned                      cut:1;          /* which delivers from here */
    unsigned                      arriving:1;
    unsigned                      stays:1;        /* it could not go */
    unsigned                      opening:1;      /* may yet say that it
                                                     resumes */
    unsigned                      squeezed:1;     /* too much was held back */
    unsigned                      overflow:1;
    unsigned                      undelivered:1;  /* what was sent to carrier */
    unsigned                      spoken:1;       /* an event has come */
    unsigned                      polled:1;       /* it began with polling */
    unsigned                      closed:1;
};


#define NGX_HTTP_CHAT_MAX_SENDS      64           /* then reading pauses */
#define NGX_HTTP_CHAT_MAX_REPLAYS    256
#define NGX_HTTP_CHAT_UPGRADE_WAIT   10000        /* ms */
#define NGX_HTTP_CHAT_CONNECT_WAIT   45000        /* for CONNECT, ms */


extern ngx_http_chat_worker_t  *ngx_http_chat_worker;


/* hub: made at the worker's start, one for each Redis that is used */

ngx_int_t ngx_http_chat_hub_create(ngx_http_chat_redis_conf_t *conf);
void ngx_http_chat_hub_destroy(ngx_http_chat_hub_t *hub);

/* a worker that has been told to go goes on until this one is gone as well */
void ngx_http_chat_drain_again(void);

/* asks for the end-of-turn handler, which writes, answers and frees */
void ngx_http_chat_turn(void);

ngx_http_chat_user_t *ngx_http_chat_user_find(ngx_http_chat_hub_t *hub,
    const u_char *id, size_t len);
void ngx_http_chat_user_destroy(ngx_http_chat_user_t *user);

ngx_http_chat_room_t *ngx_http_chat_room_find(ngx_http_chat_hub_t *hub,
    chat_str_t id);

/* finds or makes; it may be forgotten again later, unless it is used */
ngx_http_chat_room_t *ngx_http_chat_room_get(ngx_http_chat_hub_t *hub,
    chat_room_t *id);
void ngx_http_chat_room_used(ngx_http_chat_room_t *room);

/* the session becomes one of the user's, and a member of General; it is the
   caller who then joins its named rooms */
ngx_int_t ngx_http_chat_hub_attach(ngx_http_chat_session_t *s,
    ngx_str_t *user_id, ngx_str_t *username);
ngx_int_t ngx_http_chat_hub_join(ngx_http_chat_session_t *s, ngx_str_t *room);
ngx_uint_t ngx_http_chat_hub_is_member(ngx_http_chat_session_t *s,
    chat_room_t *room);

/* at_once: without the grace period */
void ngx_http_chat_hub_detach(ngx_http_chat_session_t *s, ngx_uint_t at_once);

/* random characters of base64url */
void ngx_http_chat_random_id(u_char *out, size_t len);


/* user.connected or user.disconnected, to all but that user; soon */
void ngx_http_chat_announce(ngx_http_chat_hub_t *hub, const char *name,
    ngx_str_t *id, ngx_str_t *json);

/* now */
void ngx_http_chat_announce_flush(ngx_http_chat_hub_t *hub);


/* presence: leases, the users that are live here */

/* renews the lease now, and from then on again and again */
void ngx_http_chat_presence_start(ngx_http_chat_hub_t *hub);
void ngx_http_chat_presence_stop(ngx_http_chat_hub_t *hub);
void ngx_http_chat_presence_redis_state(void *data, ngx_uint_t up);
void ngx_http_chat_presence_join(ngx_http_chat_user_t *user);
void ngx_http_chat_presence_leave(ngx_http_chat_user_t *user,
    ngx_msec_t grace);


/*
 * An event on its way to its receivers, encoded once for each kind of them.
 * pos: a message's position, 0 for other events.
 */
struct ngx_http_chat_event_s {
    ngx_str_t                     name;
    ngx_str_t                     json;
    uint64_t                      pos;
    ngx_http_chat_frame_t        *packet;
    ngx_http_chat_frame_t        *stream;
};

/* queues it for s; a room's message may have to wait behind a replay */
void ngx_http_chat_event_deliver(ngx_http_chat_event_t *event,
    ngx_http_chat_session_t *s, ngx_http_chat_room_t *room);
void ngx_http_chat_event_done(ngx_http_chat_event_t *event);

/* one event as s gets it, with one reference, or NULL */
ngx_http_chat_frame_t *ngx_http_chat_event_frame(ngx_http_chat_session_t *s,
    const char *name, ngx_str_t *json, uint64_t pos);

/* one event for one session */
void ngx_http_chat_event_send(ngx_http_chat_session_t *s, const char *name,
    ngx_str_t *json);


/* bus: what comes from Redis */

void ngx_http_chat_bus_message(void *data, ngx_str_t *channel,
    ngx_str_t *payload);
void ngx_http_chat_bus_state(void *data, ngx_uint_t up);

/* 1 while something of what came over the bus is still being read */
#define ngx_http_chat_hub_behind(hub)                                        \
    ((hub)->missed || (hub)->catching_up || (hub)->repairs)


/* demo data */

void ngx_http_chat_demo_start(ngx_http_chat_hub_t *hub);
void ngx_http_chat_demo_stop(ngx_http_chat_hub_t *hub);


/* session (engine) */

/* client is the session's, and given back if there is no memory (NULL) */
ngx_http_chat_session_t *ngx_http_chat_session_create(
    ngx_http_chat_hub_t *hub, ngx_http_chat_loc_conf_t *conf,
    ngx_http_chat_token_t *token, ngx_http_chat_client_t *client,
    const u_char *sid);
ngx_http_chat_session_t *ngx_http_chat_session_find(const u_char *sid,
    size_t len);

/* it is served over another transport from now on */
void ngx_http_chat_session_transport(ngx_http_chat_session_t *s,
    ngx_http_chat_transport_t transport);

/*
 * Ends a session: its GET and POST are answered, its WebSocket is closed with
 * code (0: the peer has gone or closes itself), all links are undone.
 * Idempotent.
 */
void ngx_http_chat_session_close(ngx_http_chat_session_t *s, ngx_uint_t code,
    const char *why);

/* a log-out: as above, and the user counts as gone at once */
void ngx_http_chat_session_revoke(ngx_http_chat_session_t *s);

/* by an admin: as a log-out, but the client is told, and may come back */
void ngx_http_chat_session_kick(ngx_http_chat_session_t *s);

/* queues a packet; on overflow the session is closed */
void ngx_http_chat_session_send(ngx_http_chat_session_t *s,
    ngx_http_chat_frame_t *frame);

/* it has too much waiting: closed at the end of the turn */
void ngx_http_chat_session_overflow(ngx_http_chat_session_t *s);

/* the same as _send for a text made of n pieces */
void ngx_http_chat_session_send_text(ngx_http_chat_session_t *s, ngx_uint_t n,
    const ngx_str_t *pieces);

/*
 * Handles a packet.  NGX_OK; NGX_AGAIN: handled, but hold the next one back
 * until ngx_http_chat_session_resume() is called; NGX_ERROR: it is invalid, and
 * the caller has to close the session; NGX_DONE: the session is closed.
 */
ngx_int_t ngx_http_chat_session_packet(ngx_http_chat_session_t *s,
    chat_str_t text);
ngx_uint_t ngx_http_chat_session_busy(ngx_http_chat_session_t *s);
void ngx_http_chat_session_resume(ngx_http_chat_session_t *s);

/* the open packet, "0{...}" */
ngx_http_chat_frame_t *ngx_http_chat_session_open(ngx_http_chat_session_t *s,
    ngx_uint_t upgrade);
void ngx_http_chat_session_heartbeat(ngx_http_chat_session_t *s);

/* goes on: a ping, or (pinged) the end, is due in delay ms */
void ngx_http_chat_session_heartbeat_on(ngx_http_chat_session_t *s,
    ngx_msec_t delay, ngx_uint_t pinged);

/*
 * At a heartbeat: the log-in lasts as long as somebody is connected with it,
 * and the connection not longer than the log-in.  That it has ended is heard on
 * the bus, so it is asked for when the bus was cut.
 */
void ngx_http_chat_session_verify(ngx_http_chat_session_t *s);

/*
 * An upgrade: under way (for at most UPGRADE_WAIT ms); the probe has been
 * answered, and waiting GETs end at once; the WebSocket is the transport
 */
ngx_uint_t ngx_http_chat_session_probing(ngx_http_chat_session_t *s);
void ngx_http_chat_session_probed(ngx_http_chat_session_t *s);
void ngx_http_chat_session_upgraded(ngx_http_chat_session_t *s,
    ngx_http_chat_conn_t *conn);

/* hands what is queued to the waiting GET or the stream, if there is one */
void ngx_http_chat_session_flush(ngx_http_chat_session_t *s);

/* some of what was queued has gone: its replays can go on */
void ngx_http_chat_session_drained(ngx_http_chat_session_t *s);

/* the time to CONNECT begins (anew) */
void ngx_http_chat_session_connect_wait(ngx_http_chat_session_t *s,
    ngx_msec_t delay);


/* socket (Socket.IO) */

ngx_int_t ngx_http_chat_socket_packet(ngx_http_chat_session_t *s,
    chat_str_t text);
/* the bus is there: whoever waited for it goes on */
void ngx_http_chat_sockets_resume(ngx_http_chat_hub_t *hub);

void ngx_http_chat_socket_close(ngx_http_chat_session_t *s,
    ngx_uint_t at_once);

/*
 * 1 if a live message has to wait, behind a replay or because the socket is
 * just opening, and is kept, or if a replay has sent it already
 */
ngx_uint_t ngx_http_chat_socket_hold(ngx_http_chat_session_t *s,
    ngx_http_chat_room_t *room, ngx_http_chat_frame_t *frame, uint64_t pos);


#endif /* NGX_HTTP_CHAT_HUB_H */
