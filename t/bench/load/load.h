/*
 * The load generator: one process and one thread on epoll, linked from
 *
 *   main.c   the command line
 *   conn.c   a WebSocket client, raw or with Engine.IO v4 and Socket.IO v5
 *   text.c   what a message carries, and the JSON that goes out
 *   proc.c   what other processes cost: CPU and memory, from /proc; "pss"
 *   fan.c    "fan": a room of receivers; delivery, latency, memory
 *   rest.c   "rest": requests over HTTP/1.1, log-ins among them
 *   resume.c "resume": clients that come back, through whatever happens
 *   seed.c   "seed": users, sessions, rooms and history for Redis
 *
 * A mode prints one JSON object as its last line and exits with 0 if nothing
 * was lost, doubled or out of order.
 */

#ifndef LOAD_H
#define LOAD_H

#include <stddef.h>
#include <stdint.h>


#define SECOND  1000000000ull
#define MS      1000000ull

#define TOKEN_LEN   43


/* options; each mode takes those that it has a use for */

typedef struct {
    const char   *mode;
    const char   *from;         /* source address */
    const char   *path;         /* of the WebSocket or the request */
    const char   *body;         /* of a POST; %d is a user's number */
    const char   *server;       /* pids whose cost is reported, with commas */
    const char   *redis;
    const char   *hold;         /* "1": stay idle until standard input ends */
    int           port;
    int           sio;          /* Socket.IO, not raw */
    int           deflate;      /* offer permessage-deflate */
    int           clients;
    int           senders;
    int           users;        /* client i is user i % users + 1 */
    int           rooms;
    int           window;       /* messages on their way in a closed loop */
    int           size;         /* of a message's text */
    int           history;
    int           open;         /* handshakes at a time */
    double        rate;         /* messages/s; 0: closed loop */
    double        seconds;
    double        warmup;
    char         *hooks[16];    /* "SECONDS COMMAND", run in "resume" */
    int           nhooks;
} options_t;

extern options_t  opt;


/* conn.c */

typedef enum {
    CONN_CLOSED = 0,
    CONN_TCP,                   /* connecting */
    CONN_HTTP,                  /* the upgrade is asked for */
    CONN_OPEN,                  /* Socket.IO: waits for Engine.IO's open */
    CONN_JOIN,                  /* Socket.IO: waits for its connect */
    CONN_READY
} conn_state_t;


typedef struct {
    char         *data;
    size_t        len;
    size_t        size;
} buf_t;


typedef struct {
    int           fd;
    int           index;
    conn_state_t  state;
    int           waits;        /* for room in the socket's buffer */
    buf_t         in;           /* of a frame that isn't complete */
    buf_t         out;
    uint64_t      heard;        /* when bytes came last */
    uint64_t      silence;      /* how long a server may say nothing */
} conn_t;


/* what a mode wants to know; a handler may close the connection */

typedef struct {
    void        (*connect)(conn_t *c);  /* may put what follows CONNECT in
                                           the same segment; optional */
    void        (*ready)(conn_t *c);
    void        (*event)(conn_t *c, const char *data, size_t len);
    void        (*ack)(conn_t *c, const char *data, size_t len);
    void        (*closed)(conn_t *c, const char *why);
} handlers_t;

extern handlers_t  on;
extern uint64_t    now;         /* CLOCK_MONOTONIC, ns; at the last read */
extern uint64_t    bytes_in;
extern uint64_t    reads;       /* that got something */

void loop_init(void);
void loop_once(uint64_t wait);  /* ns; waits no longer than that */
uint64_t clock_now(void);

void conn_start(conn_t *c);
void conn_put(conn_t *c, const char *text, size_t len);
void conn_send(conn_t *c, const char *text, size_t len);
void conn_close(conn_t *c);     /* by a reset, which leaves no TIME_WAIT */


/* text.c */

#define MARK_LEN  31            /* ~ssss.nnnnnnnn.tttttttttttttttt~ less 1 */

typedef struct {
    uint32_t      sender;
    uint32_t      seq;
    uint64_t      due;
} mark_t;

size_t text_make(char *out, const mark_t *mark, size_t size);
int text_find(const char *data, size_t len, mark_t *mark);
size_t event_make(char *out, long ack, const char *room, const mark_t *mark,
    const char *nonce);
void token_make(char *out, int user);
const char *room_name(int room);

typedef struct {
    uint64_t      count;
    uint64_t      max;
    uint64_t      slots[64 * 64];
} hist_t;

void hist_add(hist_t *h, uint64_t value);
double hist_us(const hist_t *h, double share);

void out_open(void);
void out_int(const char *name, int64_t value);
void out_num(const char *name, double value);
void out_str(const char *name, const char *value);
void out_close(void);

void die(const char *format, ...) __attribute__((format(printf, 1, 2),
                                                 noreturn));


/* proc.c */

typedef struct {
    uint64_t      wall;         /* ns */
    uint64_t      own;          /* CPU, ns */
    uint64_t      server;
    uint64_t      redis;
    uint64_t      user;         /* the server's, in clock ticks */
    uint64_t      system;
} cost_t;

cost_t cost_now(void);
cost_t cost_since(const cost_t *start);
uint64_t server_pss(void);      /* bytes */


int fan(void);
int pss(void);
int rest(void);
int resume(void);
int seed(void);


#endif /* LOAD_H */
