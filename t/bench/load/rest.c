/*
 * "rest": requests over HTTP/1.1, one after the other on each connection.
 *
 *   load rest --port N --clients 16 --path /room/0/messages --seconds 5
 *   load rest ... --path /login --body '{"username":"bench%d",...}'
 *
 * With a body it is a POST, without a session; %d is a user's number.  Every
 * answer must be a 200 and have a Content-Length.
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
#include <unistd.h>

#include "load.h"


#define ANSWER_SIZE  (1024 * 1024)


typedef struct {
    int        fd;
    uint64_t   start;
    size_t     got;             /* bytes of the answer */
    size_t     wanted;          /* all of them; 0: not known yet */
    char       head[4096];
} request_t;


static int        epoll_fd;
static uint64_t   answers, refused;
static long       body_bytes;
static int        other_status;
static hist_t     times;
static char       input[ANSWER_SIZE];


static void rest_open(request_t *r);
static void rest_send(request_t *r);
static void rest_read(request_t *r);
static int rest_head(request_t *r, size_t len);


int
rest(void)
{
    int                  i, n, measuring;
    cost_t               cost;
    uint64_t             until;
    request_t           *requests;
    struct epoll_event   events[256];

    requests = calloc(opt.clients, sizeof(request_t));
    epoll_fd = epoll_create1(0);

    for (i = 0; i < opt.clients; i++) {
        rest_open(&requests[i]);
        rest_send(&requests[i]);
    }

    until = clock_now() + (uint64_t) (opt.warmup * SECOND);
    measuring = 0;

    for ( ;; ) {
        n = epoll_wait(epoll_fd, events, 256, 10);

        for (i = 0; i < n; i++) {
            rest_read(events[i].data.ptr);
        }

        if (clock_now() < until) {
            continue;
        }

        if (measuring) {
            break;
        }

        measuring = 1;
        answers = 0;
        memset(&times, 0, sizeof(times));
        cost = cost_now();
        until = cost.wall + (uint64_t) (opt.seconds * SECOND);
    }

    cost = cost_since(&cost);

    out_open();
    out_num("seconds", (double) cost.wall / SECOND);
    out_int("requests", answers);
    out_num("requests_per_s", (double) answers * SECOND / cost.wall);
    out_num("server_us", (double) cost.server / 1000 / answers);
    out_num("redis_us", (double) cost.redis / 1000 / answers);
    out_num("server_share", (double) cost.server / cost.wall);
    out_num("load_share", (double) cost.own / cost.wall);
    out_num("p50_us", hist_us(&times, 0.50));
    out_num("p99_us", hist_us(&times, 0.99));
    out_int("body_bytes", body_bytes);
    out_int("refused", refused);
    out_int("status", other_status);
    out_int("ok", refused == 0 && answers > 0);
    out_close();

    return refused > 0 || answers == 0;
}


static void
rest_open(request_t *r)
{
    int                  one = 1;
    struct sockaddr_in   addr;
    struct epoll_event   event;

    memset(&addr, 0, sizeof(addr));
    addr.sin_family = AF_INET;
    addr.sin_port = htons(opt.port);
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    r->fd = socket(AF_INET, SOCK_STREAM, 0);

    if (connect(r->fd, (struct sockaddr *) &addr, sizeof(addr)) == -1) {
        die("connect: %s", strerror(errno));
    }

    setsockopt(r->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));

    event.events = EPOLLIN;
    event.data.ptr = r;
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, r->fd, &event);
}


static void
rest_send(request_t *r)
{
    int   n;
    char  text[2048], body[1024], token[TOKEN_LEN + 1];

    if (opt.body) {
        snprintf(body, sizeof(body), opt.body,
                 (int) (random() % opt.users) + 1);

        n = snprintf(text, sizeof(text),
                     "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                     "Content-Type: application/json\r\n"
                     "Content-Length: %zu\r\n\r\n%s",
                     opt.path, opt.port, strlen(body), body);

    } else {
        token_make(token, (int) (random() % opt.users) + 1);

        n = snprintf(text, sizeof(text),
                     "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                     "Cookie: chat_session=%s\r\n\r\n",
                     opt.path, opt.port, token);
    }

    r->start = clock_now();
    r->got = 0;
    r->wanted = 0;

    if (send(r->fd, text, n, MSG_NOSIGNAL) != n) {
        die("send: %s", strerror(errno));
    }
}


static void
rest_read(request_t *r)
{
    size_t   room;
    ssize_t  n;

    n = recv(r->fd, input, ANSWER_SIZE, 0);
    if (n <= 0) {
        die("recv: %s", n ? strerror(errno) : "end of stream");
    }

    if (r->wanted == 0) {
        room = sizeof(r->head) - 1 - r->got;
        memcpy(r->head + r->got, input, (size_t) n < room ? (size_t) n : room);

        if (!rest_head(r, r->got + ((size_t) n < room ? (size_t) n : room))) {
            r->got += n;
            return;
        }
    }

    r->got += n;

    if (r->got < r->wanted) {
        return;
    }

    if (r->got > r->wanted) {
        die("an answer is longer than it says");
    }

    answers++;
    hist_add(&times, clock_now() - r->start);
    rest_send(r);
}


/* 1 if the answer's head is complete */

static int
rest_head(request_t *r, size_t len)
{
    int    status;
    char  *end, *p;

    r->head[len] = '\0';

    end = strstr(r->head, "\r\n\r\n");
    if (end == NULL) {
        if (len == sizeof(r->head) - 1) {
            die("a head of %zu bytes", len);
        }
        return 0;
    }

    p = strcasestr(r->head, "\r\nContent-Length:");

    if (p == NULL || p > end || sscanf(r->head, "HTTP/1.1 %d", &status) != 1) {
        die("no answer: %.*s", (int) (end - r->head), r->head);
    }

    r->wanted = end + 4 - r->head + strtoul(p + 17, NULL, 10);

    if (status == 200) {
        body_bytes = strtol(p + 17, NULL, 10);

    } else {
        refused++;
        other_status = status;
    }

    return 1;
}
