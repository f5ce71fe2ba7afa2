/*
 * A WebSocket client, and Engine.IO v4 and Socket.IO v5 on it.
 *
 * Everything that a socket has is read into one buffer for all; what is left of
 * an unfinished frame is kept with its connection.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "load.h"


#define READ_SIZE  (512 * 1024)
#define EVENTS     1024


handlers_t  on;
uint64_t    now;
uint64_t    bytes_in;
uint64_t    reads;

static int   epoll_fd;
static char  input[READ_SIZE];


static void conn_event(conn_t *c, uint32_t events);
static void conn_connected(conn_t *c);
static void conn_read(conn_t *c);
static size_t conn_http(conn_t *c, char *data, size_t len);
static size_t conn_frame(conn_t *c, char *data, size_t len);
static void conn_deflated(conn_t *c, const char *data, size_t len);
static void conn_text(conn_t *c, const char *data, size_t len);
static void conn_packet(conn_t *c, const char *data, size_t len);
static void conn_opened(conn_t *c, const char *data, size_t len);
static void conn_lost(conn_t *c, const char *why);
static void conn_push(conn_t *c);
static void conn_flush(conn_t *c);
static void conn_want(conn_t *c, uint32_t events, int op);
static void buf_put(buf_t *buf, const char *data, size_t len);


void
loop_init(void)
{
    epoll_fd = epoll_create1(0);
    if (epoll_fd == -1) {
        die("epoll_create1: %s", strerror(errno));
    }

    now = clock_now();
}


void
loop_once(uint64_t wait)
{
    int                 i, n;
    struct timespec     ts;
    struct epoll_event  events[EVENTS];

    ts.tv_sec = wait / SECOND;
    ts.tv_nsec = wait % SECOND;

    n = epoll_pwait2(epoll_fd, events, EVENTS, &ts, NULL);
    if (n == -1 && errno != EINTR) {
        die("epoll_pwait2: %s", strerror(errno));
    }

    now = clock_now();

    for (i = 0; i < n; i++) {
        conn_event(events[i].data.ptr, events[i].events);
    }
}


uint64_t
clock_now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return ts.tv_sec * SECOND + ts.tv_nsec;
}


void
conn_start(conn_t *c)
{
    int                 one = 1;
    struct sockaddr_in  addr;

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c->fd == -1) {
        die("socket: %s", strerror(errno));
    }

    memset(&addr, 0, sizeof(addr));
    addr.sin_family = AF_INET;

    if (opt.from) {
        setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one,
                   sizeof(one));

        if (inet_pton(AF_INET, opt.from, &addr.sin_addr) != 1
            || bind(c->fd, (struct sockaddr *) &addr, sizeof(addr)) == -1)
        {
            die("bind %s: %s", opt.from, strerror(errno));
        }
    }

    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));

    addr.sin_port = htons(opt.port);
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    c->state = CONN_TCP;
    c->heard = now;
    c->silence = 30 * SECOND;

    if (connect(c->fd, (struct sockaddr *) &addr, sizeof(addr)) == -1
        && errno != EINPROGRESS)
    {
        close(c->fd);
        c->fd = -1;
        c->state = CONN_CLOSED;
        on.closed(c, strerror(errno));
        return;
    }

    conn_want(c, EPOLLOUT, EPOLL_CTL_ADD);
}


static void
conn_event(conn_t *c, uint32_t events)
{
    int        error;
    socklen_t  len;

    if (c->state == CONN_CLOSED) {
        return;
    }

    if (c->state == CONN_TCP) {
        error = 0;
        len = sizeof(error);
        getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);

        if (error) {
            conn_lost(c, strerror(error));
        } else {
            conn_connected(c);
        }

        return;
    }

    if (events & EPOLLOUT) {
        conn_flush(c);
    }

    if (events & (EPOLLIN | EPOLLERR | EPOLLHUP) && c->state != CONN_CLOSED) {
        conn_read(c);
    }
}


static void
conn_connected(conn_t *c)
{
    int   n;
    char  token[TOKEN_LEN + 1], head[1024];

    token_make(token, c->index % opt.users + 1);

    n = snprintf(head, sizeof(head),
                 "GET %s HTTP/1.1\r\n"
                 "Host: 127.0.0.1:%d\r\n"
                 "Connection: Upgrade\r\n"
                 "Upgrade: websocket\r\n"
                 "Sec-WebSocket-Version: 13\r\n"
                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                 "%s%s%s%s\r\n",
                 opt.path, opt.port,
                 opt.deflate ? "Sec-WebSocket-Extensions: permessage-deflate; "
                               "server_no_context_takeover; "
                               "client_no_context_takeover\r\n" : "",
                 opt.sio ? "Cookie: chat_session=" : "",
                 opt.sio ? token : "", opt.sio ? "\r\n" : "");

    c->state = CONN_HTTP;
    conn_want(c, EPOLLIN, EPOLL_CTL_MOD);
    buf_put(&c->out, head, n);
    conn_push(c);
}


static void
conn_read(conn_t *c)
{
    char     *p;
    size_t    len, used;
    ssize_t   n;

    len = c->in.len;
    memcpy(input, c->in.data, len);

    n = recv(c->fd, input + len, READ_SIZE - len, 0);

    if (n == -1) {
        if (errno != EAGAIN) {
            conn_lost(c, strerror(errno));
        }
        return;
    }

    if (n == 0) {
        conn_lost(c, "end of stream");
        return;
    }

    now = clock_now();
    c->heard = now;
    bytes_in += n;
    reads++;
    len += n;

    for (p = input; len; p += used, len -= used) {
        used = c->state == CONN_HTTP ? conn_http(c, p, len)
                                     : conn_frame(c, p, len);
        if (c->state == CONN_CLOSED) {
            return;
        }

        if (used == 0) {
            break;
        }
    }

    if (len == READ_SIZE) {
        die("a frame is larger than %d bytes", READ_SIZE);
    }

    c->in.len = 0;

    if (len) {
        buf_put(&c->in, p, len);

    } else if (c->in.size > 4096) {
        free(c->in.data);
        memset(&c->in, 0, sizeof(buf_t));
    }
}


static size_t
conn_http(conn_t *c, char *data, size_t len)
{
    char  *end;

    end = memmem(data, len, "\r\n\r\n", 4);
    if (end == NULL) {
        return 0;
    }

    if (len < 12 || memcmp(data, "HTTP/1.1 101", 12) != 0) {
        *end = '\0';
        conn_lost(c, data);
        return 0;
    }

    if (opt.sio) {
        c->state = CONN_OPEN;

    } else {
        c->state = CONN_READY;
        on.ready(c);
    }

    return end + 4 - data;
}


/* returns what it used, 0 if the frame isn't complete */

static size_t
conn_frame(conn_t *c, char *data, size_t len)
{
    size_t          head, size;
    unsigned char  *p;

    p = (unsigned char *) data;

    if (len < 2) {
        return 0;
    }

    head = 2;
    size = p[1];

    if (size == 126) {
        head = 4;
        size = len < head ? 0 : p[2] << 8 | p[3];

    } else if (size == 127) {
        head = 10;
        size = len < head ? 0 : (size_t) p[6] << 24 | p[7] << 16 | p[8] << 8
                                | p[9];
    }

    if (len < head || len - head < size) {
        return 0;
    }

    switch (p[0]) {
    case 0x81:
    case 0x82:
        conn_text(c, data + head, size);
        break;

    case 0xc1:
        conn_deflated(c, data + head, size);
        break;

    case 0x88:
        conn_lost(c, "close frame");
        break;

    case 0x89:
    case 0x8a:
        break;

    default:
        die("a frame starts with %02x", p[0]);
    }

    return head + size;
}


/* each message by itself: RFC 7692, no_context_takeover */

static void
conn_deflated(conn_t *c, const char *data, size_t len)
{
    static char      text[READ_SIZE];
    static z_stream  stream;

    if (!opt.deflate) {
        die("a compressed frame that nobody asked for");
    }

    if (stream.state == NULL && inflateInit2(&stream, -15) != Z_OK) {
        die("inflateInit2 fails");
    }

    inflateReset(&stream);

    stream.next_in = (Bytef *) data;
    stream.avail_in = len;
    stream.next_out = (Bytef *) text;
    stream.avail_out = READ_SIZE;

    if (inflate(&stream, Z_SYNC_FLUSH) != Z_OK || stream.avail_in) {
        die("a frame that doesn't inflate");
    }

    conn_text(c, text, READ_SIZE - stream.avail_out);
}


static void
conn_text(conn_t *c, const char *data, size_t len)
{
    if (!opt.sio) {
        on.event(c, data, len);
        return;
    }

    if (len == 0) {
        die("an empty packet");
    }

    switch (data[0]) {
    case '4':
        conn_packet(c, data, len);
        break;

    case '2':
        conn_send(c, "3", 1);
        break;

    case '0':
        conn_opened(c, data, len);
        break;

    case '1':
        conn_lost(c, "Engine.IO close");
        break;

    case '6':
        break;

    default:
        die("a packet of type %02x", (unsigned char) data[0]);
    }
}


static void
conn_packet(conn_t *c, const char *data, size_t len)
{
    if (len < 2) {
        die("an empty Socket.IO packet");
    }

    switch (data[1]) {
    case '2':
        on.event(c, data + 2, len - 2);
        break;

    case '3':
        on.ack(c, data + 2, len - 2);
        break;

    case '0':
        if (c->state != CONN_JOIN) {
            die("a second CONNECT");
        }

        c->state = CONN_READY;
        on.ready(c);
        break;

    case '1':
        conn_lost(c, "Socket.IO disconnect");
        break;

    default:
        die("a packet: %.*s", (int) len, data);
    }
}


static void
conn_opened(conn_t *c, const char *data, size_t len)
{
    char         text[512];
    uint64_t     ms;
    const char  *p;

    if (c->state != CONN_OPEN || len >= sizeof(text)) {
        die("an open packet that was not expected");
    }

    memcpy(text, data, len);
    text[len] = '\0';
    ms = 0;

    p = strstr(text, "\"pingInterval\":");
    if (p) {
        ms += strtoul(p + 15, NULL, 10);
    }

    p = strstr(text, "\"pingTimeout\":");
    if (p) {
        ms += strtoul(p + 14, NULL, 10);
    }

    c->silence = ms * MS;
    c->state = CONN_JOIN;

    conn_put(c, "40", 2);

    if (on.connect) {
        on.connect(c);
    }

    conn_push(c);
}


void
conn_send(conn_t *c, const char *text, size_t len)
{
    conn_put(c, text, len);
    conn_push(c);
}


void
conn_put(conn_t *c, const char *text, size_t len)
{
    char            frame[2048];
    size_t          i, head;
    unsigned char   mask[4] = { 0x17, 0x2a, 0x5c, 0x91 };

    if (len + 8 > sizeof(frame)) {
        die("a message of %zu bytes", len);
    }

    frame[0] = (char) 0x81;

    if (len < 126) {
        frame[1] = (char) (0x80 | len);
        head = 2;

    } else {
        frame[1] = (char) 0xfe;
        frame[2] = (char) (len >> 8);
        frame[3] = (char) len;
        head = 4;
    }

    memcpy(frame + head, mask, 4);
    head += 4;

    for (i = 0; i < len; i++) {
        frame[head + i] = (char) (text[i] ^ mask[i & 3]);
    }

    buf_put(&c->out, frame, head + len);
}


static void
conn_push(conn_t *c)
{
    if (!c->waits) {
        conn_flush(c);
    }
}


static void
conn_flush(conn_t *c)
{
    ssize_t  n;

    n = send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL);

    if (n == -1) {
        if (errno != EAGAIN) {

            /* what was received before is still to be read */

            c->out.len = 0;
            return;
        }
        n = 0;
    }

    c->out.len -= n;
    memmove(c->out.data, c->out.data + n, c->out.len);

    if (c->waits != (c->out.len > 0)) {
        c->waits = c->out.len > 0;
        conn_want(c, EPOLLIN | (c->waits ? EPOLLOUT : 0), EPOLL_CTL_MOD);
    }
}


static void
conn_lost(conn_t *c, const char *why)
{
    conn_close(c);
    on.closed(c, why);
}


void
conn_close(conn_t *c)
{
    struct linger  linger = { 1, 0 };

    if (c->state == CONN_CLOSED) {
        return;
    }

    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    close(c->fd);

    c->fd = -1;
    c->state = CONN_CLOSED;
    c->waits = 0;
    c->in.len = 0;
    c->out.len = 0;
}


static void
conn_want(conn_t *c, uint32_t events, int op)
{
    struct epoll_event  event;

    event.events = events;
    event.data.ptr = c;

    if (epoll_ctl(epoll_fd, op, c->fd, &event) == -1) {
        die("epoll_ctl: %s", strerror(errno));
    }
}


static void
buf_put(buf_t *buf, const char *data, size_t len)
{
    if (buf->len + len > buf->size) {
        buf->size = (buf->len + len) * 2;
        buf->data = realloc(buf->data, buf->size);
        if (buf->data == NULL) {
            die("no memory");
        }
    }

    memcpy(buf->data + buf->len, data, len);
    buf->len += len;
}
