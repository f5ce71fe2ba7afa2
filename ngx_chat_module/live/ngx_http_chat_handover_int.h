/*
 * What the two sides of a handover share: records, and what a worker has.
 *
 * Both sides are the same program most of the time, but the module's file may
 * have been replaced: "hello" has the version, and the size of the state.
 */

#ifndef NGX_HTTP_CHAT_HANDOVER_INT_H
#define NGX_HTTP_CHAT_HANDOVER_INT_H

#include "ngx_http_chat_handover.h"
#include "ngx_http_chat_link.h"
#include "ngx_http_chat_conn.h"


#define NGX_HTTP_CHAT_HANDOVER_VERSION  2


/* records; in those without a type of their own is a sid */

#define NGX_HTTP_CHAT_RECORD_HELLO      1         /* new: hello_t */
#define NGX_HTTP_CHAT_RECORD_CONN       2         /* old: state_t, the socket */
#define NGX_HTTP_CHAT_RECORD_DATA       3         /* old: more of the state */
#define NGX_HTTP_CHAT_RECORD_CANCEL     4         /* old: it stays after all */
#define NGX_HTTP_CHAT_RECORD_READY      5         /* new: waits for "open" */
#define NGX_HTTP_CHAT_RECORD_REFUSE     6         /* new: it can't be taken */


typedef struct {
    uint32_t                      version;
    uint32_t                      size;           /* of state_t */
    uint64_t                      generation;     /* of the configuration */
    uint32_t                      exiting;
    u_char                        worker[NGX_HTTP_CHAT_WORKER_ID_LEN];
} ngx_http_chat_hello_t;


/* the data behind it: what is to be sent, then what was received and not yet
   read, then the part of a message in pieces */

typedef struct {
    u_char                        sid[NGX_HTTP_CHAT_SID_LEN];
    u_char                        key[NGX_HTTP_CHAT_KEY_LEN];
    ngx_http_chat_token_t         token;
    ngx_http_chat_client_id_t     client;
    chat_ws_parser_t              parser;         /* control: NULL or not, */
    u_char                        control[CHAT_WS_MAX_CONTROL];
    uint64_t                      out;            /* bytes */
    uint64_t                      unread;
    uint64_t                      message;
    ngx_msec_t                    heartbeat;      /* due in */
    ngx_msec_t                    renewed;        /* the log-in was, ago */
    unsigned                      window:4;       /* conn->window */
    unsigned                      pinged:1;
    unsigned                      spoken:1;
    unsigned                      polled:1;
} ngx_http_chat_state_t;


struct ngx_http_chat_handover_s {
    ngx_connection_t             *listener;
    ngx_queue_t                   incoming;       /* links of old workers */

    ngx_queue_t                   outgoing;       /* links to new workers */
    ngx_queue_t                   handings;
    ngx_uint_t                    nhandings;
    ngx_pid_t                    *pids;           /* connected to, by slot */
    ngx_msec_t                    begun;
    ngx_msec_t                    progress;       /* the last */
    ngx_event_t                   event;
    unsigned                      active:1;
};


/* the session's state and its connection's socket, behind what is in the link;
   NGX_ERROR: no memory, and there may be half a state in it */
ngx_int_t ngx_http_chat_handover_send(ngx_http_chat_session_t *s,
    ngx_http_chat_link_t *link);

/* the new worker's side: _stop says that it goes as well */
void ngx_http_chat_takeover_accept_handler(ngx_event_t *rev);
void ngx_http_chat_takeover_stop(ngx_http_chat_handover_t *handover);
void ngx_http_chat_takeover_destroy(ngx_http_chat_handover_t *handover);


#endif /* NGX_HTTP_CHAT_HANDOVER_INT_H */
