/*
 * A link between two workers of one nginx: records over a Unix socket
 * (SOCK_SEQPACKET), each of which may carry a descriptor.
 *
 * Records that the socket does not take wait in a queue, which the caller keeps
 * short (see _idle).  A link ends by _close, by the peer or by an error; _lost
 * is called in the last two cases only, and after it, or _close, the link must
 * not be used any more.
 */

#ifndef NGX_HTTP_CHAT_LINK_H
#define NGX_HTTP_CHAT_LINK_H

#include "ngx_http_chat_hub.h"


#define NGX_HTTP_CHAT_LINK_MAX   32768            /* bytes of a record */


typedef struct ngx_http_chat_link_s  ngx_http_chat_link_t;


struct ngx_http_chat_link_s {
    ngx_connection_t             *connection;     /* NULL: closed */
    ngx_queue_t                   queue;          /* the owner's list */
    ngx_queue_t                   out;

    /* a record that came; fd (-1: none) is the handler's to close */
    void                        (*record)(ngx_http_chat_link_t *link,
                                          ngx_uint_t type, u_char *data,
                                          size_t len, int fd);
    void                        (*lost)(ngx_http_chat_link_t *link);
    void                         *data;

    /* the worker at the other end, once it has said so */
    u_char                        worker[NGX_HTTP_CHAT_WORKER_ID_LEN];

    unsigned                      greeted:1;
    unsigned                      gone:1;         /* it is exiting */
    unsigned                      busy:1;         /* its records are handled */
};


/* a connection for a descriptor, as long as enough of them are free */
ngx_connection_t *ngx_http_chat_link_connection(int fd);

/* listens for workers that connect to this process; NULL: it can't be done */
ngx_connection_t *ngx_http_chat_link_listen(ngx_event_handler_pt handler);

/* the next one's socket, or -1; only a worker of the same master is taken */
int ngx_http_chat_link_accept(ngx_connection_t *listener);

/* -1 if that process does not listen */
int ngx_http_chat_link_connect(ngx_pid_t pid);

/* puts it into list; fd is the link's, also when it returns NULL */
ngx_http_chat_link_t *ngx_http_chat_link_create(int fd, ngx_queue_t *list);
void ngx_http_chat_link_close(ngx_http_chat_link_t *link);

/* the record is copied, fd (-1: none) is duplicated; NGX_ERROR: no memory */
ngx_int_t ngx_http_chat_link_send(ngx_http_chat_link_t *link, ngx_uint_t type,
    const void *data, size_t len, int fd);

/* 1 if nothing waits */
#define ngx_http_chat_link_idle(link)  ngx_queue_empty(&(link)->out)


#endif /* NGX_HTTP_CHAT_LINK_H */
