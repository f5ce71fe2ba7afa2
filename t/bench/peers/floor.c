/*
 * The floor: the least that a WebSocket broadcaster does.  Every text that a
 * client sends goes to all clients; no rooms, no users, nothing is stored.
 *
 *   floor PORT each   one send() for each message and receiver, at once
 *   floor PORT turn   one send() for each turn of the loop and receiver
 *
 * As it is only measured with clients of our own, it takes a handshake for
 * granted that comes in one piece, and texts that aren't fragmented.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>


#define CLIENTS    20000
#define READ_SIZE  65536
#define TURN_SIZE  (1024 * 1024)


typedef struct {
    char    *data;
    size_t   len;
} rest_t;


typedef struct {
    int      fd;
    int      slot;              /* in clients[] */
    int      open;              /* shook hands */
    int      waits;             /* for room in the socket's buffer */
    rest_t   in;                /* of a frame that isn't complete */
    rest_t   out;
} client_t;


static int        epoll_fd, each;
static int        nclients;
static client_t  *clients[CLIENTS];
static char       input[READ_SIZE];
static char       turn[TURN_SIZE];
static size_t     turn_len;


static void
fail(const char *what)
{
    perror(what);
    exit(1);
}


static void *
checked(void *p)
{
    if (p == NULL) {
        fail("malloc");
    }

    return p;
}


/* -- RFC 6455's handshake needs SHA-1 and Base64 */

static uint32_t
rotl(uint32_t x, int n)
{
    return x << n | x >> (32 - n);
}


static void
sha1_block(uint32_t *h, const unsigned char *p)
{
    int       i;
    uint32_t  a, b, c, d, e, f, t, w[80];

    for (i = 0; i < 16; i++) {
        w[i] = (uint32_t) p[i * 4] << 24 | p[i * 4 + 1] << 16
               | p[i * 4 + 2] << 8 | p[i * 4 + 3];
    }

    for ( /* void */ ; i < 80; i++) {
        w[i] = rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    }

    a = h[0]; b = h[1]; c = h[2]; d = h[3]; e = h[4];

    for (i = 0; i < 80; i++) {
        if (i < 20) {
            f = ((b & c) | (~b & d)) + 0x5a827999;
        } else if (i < 40) {
            f = (b ^ c ^ d) + 0x6ed9eba1;
        } else if (i < 60) {
            f = ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
        } else {
            f = (b ^ c ^ d) + 0xca62c1d6;
        }

        t = rotl(a, 5) + f + e + w[i];
        e = d; d = c; c = rotl(b, 30); b = a; a = t;
    }

    h[0] += a; h[1] += b; h[2] += c; h[3] += d; h[4] += e;
}


/* the answer to a key of 24 characters, which makes 60 bytes with the GUID */

static void
accept_of(const char *key, char *out)
{
    int            i;
    uint32_t       v, h[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476,
                               0xc3d2e1f0 };
    unsigned char  text[128] = { 0 }, d[21] = { 0 };

    static const char  base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789+/";

    memcpy(text, key, 24);
    memcpy(text + 24, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", 36);
    text[60] = 0x80;
    text[126] = (60 * 8) >> 8;
    text[127] = (60 * 8) & 255;

    sha1_block(h, text);
    sha1_block(h, text + 64);

    for (i = 0; i < 20; i++) {
        d[i] = h[i / 4] >> (24 - i % 4 * 8);
    }

    for (i = 0; i < 7; i++) {
        v = d[i * 3] << 16 | d[i * 3 + 1] << 8 | d[i * 3 + 2];
        *out++ = base64[v >> 18];
        *out++ = base64[v >> 12 & 63];
        *out++ = base64[v >> 6 & 63];
        *out++ = base64[v & 63];
    }

    out[-1] = '=';
    *out = '\0';
}


/* -- clients */

static void
want(client_t *c, uint32_t events, int op)
{
    struct epoll_event  event;

    event.events = events;
    event.data.ptr = c;

    if (epoll_ctl(epoll_fd, op, c->fd, &event) == -1) {
        fail("epoll_ctl");
    }
}


static void
keep(rest_t *rest, const char *data, size_t len)
{
    rest->data = checked(realloc(rest->data, rest->len + len));
    memcpy(rest->data + rest->len, data, len);
    rest->len += len;
}


static void
drop(rest_t *rest)
{
    free(rest->data);
    memset(rest, 0, sizeof(rest_t));
}


static void
client_send(client_t *c, const char *data, size_t len)
{
    ssize_t  n;

    n = 0;

    if (!c->waits) {
        n = send(c->fd, data, len, MSG_NOSIGNAL);
        if (n == -1) {
            n = errno == EAGAIN ? 0 : (ssize_t) len;
        }
    }

    if ((size_t) n < len) {
        keep(&c->out, data + n, len - n);

        if (!c->waits) {
            c->waits = 1;
            want(c, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
        }
    }
}


static void
client_writable(client_t *c)
{
    ssize_t  n;

    n = send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL);
    if (n == -1) {
        return;
    }

    c->out.len -= n;
    memmove(c->out.data, c->out.data + n, c->out.len);

    if (c->out.len == 0) {
        drop(&c->out);
        c->waits = 0;
        want(c, EPOLLIN, EPOLL_CTL_MOD);
    }
}


static void
client_close(client_t *c)
{
    close(c->fd);

    if (c->open) {
        nclients--;
        clients[c->slot] = clients[nclients];
        clients[c->slot]->slot = c->slot;
    }

    drop(&c->in);
    drop(&c->out);
    free(c);
}


static void
broadcast(const char *data, size_t len)
{
    int  i;

    for (i = 0; i < nclients; i++) {
        client_send(clients[i], data, len);
    }
}


static void
end_turn(void)
{
    if (turn_len) {
        broadcast(turn, turn_len);
        turn_len = 0;
    }
}


static void
said(const char *text, size_t len)
{
    char    *frame;
    size_t   head;

    if (turn_len + 4 + len > TURN_SIZE) {
        end_turn();
    }

    frame = turn + turn_len;
    frame[0] = (char) 0x81;

    if (len < 126) {
        head = 2;
        frame[1] = (char) len;

    } else {
        head = 4;
        frame[1] = 126;
        frame[2] = (char) (len >> 8);
        frame[3] = (char) len;
    }

    memcpy(frame + head, text, len);
    turn_len += head + len;

    if (each) {
        end_turn();
    }
}


/* these return what they used, 0 if there is too little */

static size_t
handshake(client_t *c, char *data, size_t len)
{
    int    n;
    char  *key, answer[32], head[256];

    if (len < 4 || memcmp(data + len - 4, "\r\n\r\n", 4) != 0) {
        return 0;
    }

    key = memmem(data, len, "Sec-WebSocket-Key: ", 19);
    if (key == NULL || nclients == CLIENTS) {
        fprintf(stderr, "a handshake fails\n");
        exit(1);
    }

    accept_of(key + 19, answer);

    n = sprintf(head, "HTTP/1.1 101 Switching Protocols\r\n"
                      "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                      "Sec-WebSocket-Accept: %s\r\n\r\n", answer);
    client_send(c, head, n);

    c->open = 1;
    c->slot = nclients;
    clients[nclients++] = c;

    return len;
}


static size_t
frame(char *data, size_t len)
{
    char           *mask;
    size_t          i, head, size;
    unsigned char  *p;

    p = (unsigned char *) data;

    if (len < 2) {
        return 0;
    }

    head = 6;
    size = p[1] & 127;

    if (size == 126) {
        head = 8;
        size = len < 4 ? 0 : p[2] << 8 | p[3];
    }

    if (len < head + size) {
        return 0;
    }

    mask = data + head - 4;

    for (i = 0; i < size; i++) {
        data[head + i] ^= mask[i & 3];
    }

    said(data + head, size);

    return head + size;
}


static void
client_readable(client_t *c)
{
    char     *p;
    size_t    len, used;
    ssize_t   n;

    len = c->in.len;
    memcpy(input, c->in.data, len);
    drop(&c->in);

    n = recv(c->fd, input + len, READ_SIZE - len, 0);
    if (n <= 0) {
        client_close(c);
        return;
    }

    len += n;

    for (p = input; len; p += used, len -= used) {
        used = c->open ? frame(p, len) : handshake(c, p, len);
        if (used == 0) {
            keep(&c->in, p, len);
            return;
        }
    }
}


static void
accept_all(int listener)
{
    int        fd, one = 1;
    client_t  *c;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) != -1) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));

        c = checked(calloc(1, sizeof(client_t)));
        c->fd = fd;
        want(c, EPOLLIN, EPOLL_CTL_ADD);
    }
}


int
main(int argc, char **argv)
{
    int                 i, n, one = 1, listener;
    client_t           *c;
    struct rlimit       limit;
    struct sockaddr_in  addr;
    struct epoll_event  event, events[512];

    if (argc != 3) {
        fprintf(stderr, "usage: floor PORT each|turn\n");
        return 2;
    }

    each = strcmp(argv[2], "each") == 0;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);

    memset(&addr, 0, sizeof(addr));
    addr.sin_family = AF_INET;
    addr.sin_port = htons(atoi(argv[1]));
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));

    if (bind(listener, (struct sockaddr *) &addr, sizeof(addr)) == -1
        || listen(listener, 511) == -1)
    {
        fail("listen");
    }

    epoll_fd = epoll_create1(0);
    event.events = EPOLLIN;
    event.data.ptr = NULL;
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event);

    for ( ;; ) {
        n = epoll_wait(epoll_fd, events, 512, -1);

        for (i = 0; i < n; i++) {
            c = events[i].data.ptr;

            if (c == NULL) {
                accept_all(listener);

            } else if (events[i].events & EPOLLIN) {
                client_readable(c);

            } else if (events[i].events & EPOLLOUT) {
                client_writable(c);

            } else {
                client_close(c);
            }
        }

        end_turn();
    }
}
