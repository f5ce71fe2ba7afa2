/*
 * Links between workers: see the header.
 *
 * A worker's socket has a name in the abstract namespace, of the master's pid
 * and its own.  Who is at the other end is told by the kernel.
 */

#include "ngx_http_chat_link.h"

#include <sys/un.h>


#define NGX_HTTP_CHAT_LINK_BACKLOG  511


typedef struct {
    ngx_queue_t                   queue;
    int                           fd;
    size_t                        len;
    uint32_t                      type;           /* the data follows */
} ngx_http_chat_record_t;


static socklen_t ngx_http_chat_link_name(struct sockaddr_un *name,
    ngx_pid_t pid);
static ngx_pid_t ngx_http_chat_link_peer(int fd);
static void ngx_http_chat_link_read_handler(ngx_event_t *rev);
static ssize_t ngx_http_chat_link_recv(ngx_connection_t *c, int *fd);
static void ngx_http_chat_link_write_handler(ngx_event_t *wev);
static ssize_t ngx_http_chat_link_write(ngx_connection_t *c,
    ngx_http_chat_record_t *record);
static void ngx_http_chat_record_free(ngx_http_chat_record_t *record);


ngx_connection_t *
ngx_http_chat_link_connection(int fd)
{
    ngx_log_t         *log;
    ngx_connection_t  *c;

    /* requests first */

    if (ngx_cycle->free_connection_n < ngx_cycle->connection_n / 8) {
        return NULL;
    }

    log = ngx_http_chat_worker->log;

    c = ngx_get_connection(fd, log);

    if (c) {
        c->log = log;
        c->read->log = log;
        c->write->log = log;
        c->write->ready = 1;
        c->log_error = NGX_ERROR_INFO;
        c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);
    }

    return c;
}


static socklen_t
ngx_http_chat_link_name(struct sockaddr_un *name, ngx_pid_t pid)
{
    u_char  *p;

    ngx_memzero(name, sizeof(struct sockaddr_un));
    name->sun_family = AF_UNIX;

    p = ngx_sprintf((u_char *) name->sun_path + 1, "ngx_http_chat %P %P",
                    ngx_parent, pid);

    return (socklen_t) (p - (u_char *) name);
}


ngx_connection_t *
ngx_http_chat_link_listen(ngx_event_handler_pt handler)
{
    int                  fd;
    socklen_t            len;
    ngx_connection_t    *c;
    struct sockaddr_un   name;

    fd = socket(AF_UNIX, SOCK_SEQPACKET|SOCK_NONBLOCK|SOCK_CLOEXEC, 0);
    if (fd == -1) {
        return NULL;
    }

    c = NULL;
    len = ngx_http_chat_link_name(&name, ngx_pid);

    if (bind(fd, (struct sockaddr *) &name, len) == 0
        && listen(fd, NGX_HTTP_CHAT_LINK_BACKLOG) == 0)
    {
        c = ngx_http_chat_link_connection(fd);
    }

    if (c == NULL) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_http_chat_worker->log, ngx_errno,
                      "chat: no connections can be taken over");
        (void) close(fd);
        return NULL;
    }

    c->read->handler = handler;

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_close_connection(c);
        return NULL;
    }

    return c;
}


int
ngx_http_chat_link_accept(ngx_connection_t *listener)
{
    int        fd;
    ngx_int_t  i;
    ngx_pid_t  pid;

    for ( ;; ) {
        fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK|SOCK_CLOEXEC);

        if (fd == -1) {
            listener->read->ready = 0;
            return -1;
        }

        pid = ngx_http_chat_link_peer(fd);

        for (i = 0; pid > 0 && i < NGX_MAX_PROCESSES; i++) {
            if (ngx_processes[i].pid == pid) {
                return fd;
            }
        }

        (void) close(fd);
    }
}


int
ngx_http_chat_link_connect(ngx_pid_t pid)
{
    int                 fd;
    socklen_t           len;
    struct sockaddr_un  name;

    fd = socket(AF_UNIX, SOCK_SEQPACKET|SOCK_NONBLOCK|SOCK_CLOEXEC, 0);
    if (fd == -1) {
        return -1;
    }

    len = ngx_http_chat_link_name(&name, pid);

    if (connect(fd, (struct sockaddr *) &name, len) == -1
        || ngx_http_chat_link_peer(fd) != pid)
    {
        (void) close(fd);
        return -1;
    }

    return fd;
}


/* -1 if it is another user's */

static ngx_pid_t
ngx_http_chat_link_peer(int fd)
{
    socklen_t     len;
    struct ucred  cred;

    len = sizeof(struct ucred);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == -1
        || cred.uid != geteuid())
    {
        return -1;
    }

    return cred.pid;
}


ngx_http_chat_link_t *
ngx_http_chat_link_create(int fd, ngx_queue_t *list)
{
    ngx_connection_t      *c;
    ngx_http_chat_link_t  *link;

    link = ngx_calloc(sizeof(ngx_http_chat_link_t), ngx_http_chat_worker->log);
    c = link ? ngx_http_chat_link_connection(fd) : NULL;

    if (c == NULL) {
        ngx_free(link);
        (void) close(fd);
        return NULL;
    }

    link->connection = c;

    c->data = link;
    c->read->handler = ngx_http_chat_link_read_handler;
    c->write->handler = ngx_http_chat_link_write_handler;

    ngx_queue_init(&link->out);
    ngx_queue_insert_tail(list, &link->queue);

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_http_chat_link_close(link);
        return NULL;
    }

    return link;
}


void
ngx_http_chat_link_close(ngx_http_chat_link_t *link)
{
    ngx_queue_t  *q;

    if (link->connection == NULL) {
        return;
    }

    ngx_close_connection(link->connection);
    link->connection = NULL;

    ngx_queue_remove(&link->queue);

    while (!ngx_queue_empty(&link->out)) {
        q = ngx_queue_head(&link->out);
        ngx_http_chat_record_free(ngx_queue_data(q, ngx_http_chat_record_t,
                                                 queue));
    }

    if (!link->busy) {
        ngx_free(link);
    }
}


static void
ngx_http_chat_link_read_handler(ngx_event_t *rev)
{
    int                    fd;
    u_char                *data;
    ssize_t                n;
    uint32_t               type;
    ngx_connection_t      *c;
    ngx_http_chat_link_t  *link;

    c = rev->data;
    link = c->data;
    data = ngx_http_chat_worker->scratch;

    link->busy = 1;

    while (link->connection) {

        n = c->close ? 0 : ngx_http_chat_link_recv(c, &fd);

        if (n == NGX_AGAIN && ngx_handle_read_event(rev, 0) == NGX_OK) {
            break;
        }

        if (n < (ssize_t) sizeof(uint32_t)) {
            link->lost(link);
            ngx_http_chat_link_close(link);
            break;
        }

        ngx_memcpy(&type, data, sizeof(uint32_t));

        link->record(link, type, data + sizeof(uint32_t),
                     n - sizeof(uint32_t), fd);
    }

    link->busy = 0;

    if (link->connection == NULL) {
        ngx_free(link);
    }
}


/* into the worker's scratch */

static ssize_t
ngx_http_chat_link_recv(ngx_connection_t *c, int *fd)
{
    ssize_t          n;
    struct iovec     iov;
    struct msghdr    msg;
    struct cmsghdr  *cmsg;

    union {
        struct cmsghdr  cmsg;
        char            space[CMSG_SPACE(sizeof(int))];
    } control;

    ngx_memzero(&msg, sizeof(struct msghdr));

    iov.iov_base = ngx_http_chat_worker->scratch;
    iov.iov_len = NGX_HTTP_CHAT_SCRATCH;
    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;
    msg.msg_control = &control;
    msg.msg_controllen = sizeof(control);

    *fd = -1;

    do {
        n = recvmsg(c->fd, &msg, MSG_CMSG_CLOEXEC);
    } while (n == -1 && ngx_errno == NGX_EINTR);

    if (n == -1) {
        if (ngx_errno == NGX_EAGAIN) {
            c->read->ready = 0;
            return NGX_AGAIN;
        }

        return 0;
    }

    cmsg = CMSG_FIRSTHDR(&msg);

    if (cmsg && cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS
        && cmsg->cmsg_len == CMSG_LEN(sizeof(int)))
    {
        ngx_memcpy(fd, CMSG_DATA(cmsg), sizeof(int));
    }

    return n;
}


ngx_int_t
ngx_http_chat_link_send(ngx_http_chat_link_t *link, ngx_uint_t type,
    const void *data, size_t len, int fd)
{
    ngx_http_chat_record_t  *record;

    record = ngx_alloc(sizeof(ngx_http_chat_record_t) + len,
                       ngx_http_chat_worker->log);
    if (record == NULL) {
        return NGX_ERROR;
    }

    record->type = (uint32_t) type;
    record->len = len;
    record->fd = -1;
    ngx_memcpy(record + 1, data, len);

    if (fd != -1) {
        record->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);

        if (record->fd == -1) {
            ngx_free(record);
            return NGX_ERROR;
        }
    }

    ngx_queue_insert_tail(&link->out, &record->queue);

    if (ngx_queue_head(&link->out) == &record->queue) {
        ngx_http_chat_link_write_handler(link->connection->write);
    }

    return NGX_OK;
}


static void
ngx_http_chat_link_write_handler(ngx_event_t *wev)
{
    ngx_queue_t             *q;
    ngx_connection_t        *c;
    ngx_http_chat_link_t    *link;
    ngx_http_chat_record_t  *record;

    c = wev->data;
    link = c->data;

    while (!ngx_queue_empty(&link->out)) {
        q = ngx_queue_head(&link->out);
        record = ngx_queue_data(q, ngx_http_chat_record_t, queue);

        if (ngx_http_chat_link_write(c, record) == -1) {

            if (ngx_errno == NGX_EAGAIN) {
                wev->ready = 0;

                if (ngx_handle_write_event(wev, 0) == NGX_OK) {
                    return;
                }
            }

            /* the caller may be using it: it is closed by its read handler */

            (void) ngx_shutdown_socket(c->fd, SHUT_RDWR);
            ngx_post_event(c->read, &ngx_posted_events);
            return;
        }

        ngx_http_chat_record_free(record);
    }
}


static ssize_t
ngx_http_chat_link_write(ngx_connection_t *c, ngx_http_chat_record_t *record)
{
    ssize_t          n;
    struct iovec     iov[2];
    struct msghdr    msg;
    struct cmsghdr  *cmsg;

    union {
        struct cmsghdr  cmsg;
        char            space[CMSG_SPACE(sizeof(int))];
    } control;

    ngx_memzero(&msg, sizeof(struct msghdr));
    ngx_memzero(&control, sizeof(control));

    iov[0].iov_base = &record->type;
    iov[0].iov_len = sizeof(uint32_t);
    iov[1].iov_base = record + 1;
    iov[1].iov_len = record->len;
    msg.msg_iov = iov;
    msg.msg_iovlen = 2;

    if (record->fd != -1) {
        msg.msg_control = &control;
        msg.msg_controllen = sizeof(control);

        cmsg = CMSG_FIRSTHDR(&msg);
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(sizeof(int));
        ngx_memcpy(CMSG_DATA(cmsg), &record->fd, sizeof(int));
    }

    do {
        n = sendmsg(c->fd, &msg, MSG_NOSIGNAL);
    } while (n == -1 && ngx_errno == NGX_EINTR);

    return n;
}


static void
ngx_http_chat_record_free(ngx_http_chat_record_t *record)
{
    ngx_queue_remove(&record->queue);

    if (record->fd != -1) {
        (void) close(record->fd);
    }

    ngx_free(record);
}
