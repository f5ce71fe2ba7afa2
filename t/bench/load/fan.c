/*
 * "fan": clients that all hear what some of them say.
 *
 * They connect, wait until nothing comes any more, then talk: in a closed loop,
 * with no more than "window" messages that somebody still has to get, or at a
 * fixed rate, each message at its own time whatever became of the others.
 * Every receiver is checked: each sender's messages have to come completely and
 * in order, and all receivers have to see the same order of all senders.
 */

#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

#include "load.h"


static conn_t    *conns;
static int        ready, started;
static uint32_t  *expected;         /* [receiver][sender] */
static uint64_t  *order;            /* [receiver]: a hash of what came */
static uint32_t  *next_seq;         /* [sender] */

static uint64_t   sent, delivered, acked, notes;
static uint64_t   missing, doubled, errors;
static uint64_t   first_due;        /* of the measured messages */
static hist_t     delay;


static void fan_ready(conn_t *c);
static void fan_event(conn_t *c, const char *data, size_t len);
static void fan_ack(conn_t *c, const char *data, size_t len);
static void fan_closed(conn_t *c, const char *why);
static void fan_connect(void);
static void fan_settle(void);
static void fan_hold(void);
static void fan_talk(uint64_t until);
static void fan_send(uint64_t due);
static void fan_drain(void);
static int fan_same_order(void);
static void fan_connect_report(const cost_t *cost, uint64_t pss);


int
fan(void)
{
    int       ok;
    cost_t    start, cost;
    uint64_t  pss, base_sent, base_delivered, base_reads, base_bytes;

    on.ready = fan_ready;
    on.event = fan_event;
    on.ack = fan_ack;
    on.closed = fan_closed;

    conns = calloc(opt.clients, sizeof(conn_t));
    expected = calloc((size_t) opt.clients * opt.senders, sizeof(uint32_t));
    order = calloc(opt.clients, sizeof(uint64_t));
    next_seq = calloc(opt.senders, sizeof(uint32_t));

    if (!conns || !expected || !order || !next_seq) {
        die("no memory");
    }

    pss = server_pss();
    start = cost_now();

    fan_connect();
    fan_settle();

    cost = cost_since(&start);

    out_open();
    fan_connect_report(&cost, server_pss() - pss);

    if (opt.hold) {
        fan_hold();
    }

    if (opt.seconds > 0) {
        fan_talk(now + (uint64_t) (opt.warmup * SECOND));

        base_sent = sent;
        base_delivered = delivered;
        base_reads = reads;
        base_bytes = bytes_in;
        start = cost_now();
        first_due = start.wall;

        fan_talk(start.wall + (uint64_t) (opt.seconds * SECOND));

        cost = cost_since(&start);
        base_sent = sent - base_sent;
        base_delivered = delivered - base_delivered;
        base_reads = reads - base_reads;
        base_bytes = bytes_in - base_bytes;

        fan_drain();

        out_num("seconds", (double) cost.wall / SECOND);
        out_int("messages", base_sent);
        out_int("deliveries", base_delivered);
        out_num("deliveries_per_s",
                (double) base_delivered * SECOND / cost.wall);
        out_num("server_us", (double) cost.server / 1000 / base_delivered);
        out_num("server_user",
                (double) cost.user / (cost.user + cost.system + 1e-9));
        out_num("server_share", (double) cost.server / cost.wall);
        out_num("load_share", (double) cost.own / cost.wall);
        out_num("redis_us_per_message",
                (double) cost.redis / 1000 / base_sent);
        out_num("deliveries_per_read",
                (double) base_delivered / base_reads);
        out_num("bytes_per_delivery",
                (double) base_bytes / base_delivered);
        out_num("p50_us", hist_us(&delay, 0.50));
        out_num("p99_us", hist_us(&delay, 0.99));
        out_num("max_us", (double) delay.max / 1000);
    }

    ok = missing == 0 && doubled == 0 && errors == 0
         && delivered == sent * opt.clients && fan_same_order();

    if (opt.sio && acked != sent) {
        ok = 0;
    }

    out_int("sent", sent);
    out_int("delivered", delivered);
    out_int("acked", acked);
    out_int("missing", sent * opt.clients - delivered);
    out_int("gaps", missing);
    out_int("doubled_or_late", doubled);
    out_int("same_order", fan_same_order());
    out_int("notes", notes);
    out_int("errors", errors);
    out_int("ok", ok);
    out_close();

    return !ok;
}


static void
fan_ready(conn_t *c)
{
    (void) c;
    ready++;
}


static void
fan_event(conn_t *c, const char *data, size_t len)
{
    mark_t     mark;
    uint32_t  *seq;

    if (!text_find(data, len, &mark)) {
        notes++;
        return;
    }

    if (mark.sender >= (uint32_t) opt.senders) {
        die("a message of sender %u", mark.sender);
    }

    seq = &expected[(size_t) c->index * opt.senders + mark.sender];

    if (mark.seq == *seq) {
        *seq = mark.seq + 1;

    } else if (mark.seq > *seq) {
        missing += mark.seq - *seq;
        *seq = mark.seq + 1;

    } else {
        doubled++;
    }

    order[c->index] = (order[c->index] ^ (mark.sender + 1)
                       ^ (uint64_t) mark.seq << 20) * 0x9e3779b97f4a7c15ull;
    delivered++;

    if (first_due && mark.due >= first_due) {
        hist_add(&delay, now - mark.due);
    }
}


static void
fan_ack(conn_t *c, const char *data, size_t len)
{
    (void) c;

    if (memmem(data, len, "\"error\"", 7)) {
        if (errors++ == 0) {
            fprintf(stderr, "load: ack: %.*s\n", (int) len, data);
        }
        return;
    }

    acked++;
}


static void
fan_closed(conn_t *c, const char *why)
{
    die("client %d of %d, state %d: %s", c->index, opt.clients, c->state, why);
}


static void
fan_connect(void)
{
    int       last;
    uint64_t  progress;

    last = 0;
    progress = now;

    while (ready < opt.clients) {

        while (started < opt.clients && started - ready < opt.open) {
            conns[started].index = started;
            conn_start(&conns[started]);
            started++;
        }

        loop_once(100 * MS);

        if (ready != last) {
            last = ready;
            progress = now;

        } else if (now - progress > 30 * SECOND) {
            die("only %d of %d clients are connected", ready, opt.clients);
        }
    }
}


/*
 * Until so long has passed in which no event came; pings do, all the time.  A
 * new socket of the module may get what comes in its first second later.
 */

static void
fan_settle(void)
{
    uint64_t  seen, since, quiet;

    seen = notes + delivered;
    since = clock_now();
    quiet = opt.sio ? 1200 * MS : 300 * MS;

    while (now < since + quiet) {
        loop_once(20 * MS);

        if (notes + delivered != seen) {
            seen = notes + delivered;
            since = now;
        }
    }
}


static void
fan_connect_report(const cost_t *cost, uint64_t pss)
{
    out_int("clients", opt.clients);
    out_num("connect_seconds", (double) cost->wall / SECOND);
    out_num("connect_server_us",
            (double) cost->server / 1000 / opt.clients);
    out_num("connect_redis_us",
            (double) cost->redis / 1000 / opt.clients);
    out_int("connect_notes", notes);
    out_num("pss_bytes", (double) (int64_t) pss / opt.clients);
}


static void
fan_hold(void)
{
    char            ch;
    fd_set          set;
    struct timeval  tv;

    fprintf(stderr, "ready\n");

    for ( ;; ) {
        loop_once(20 * MS);

        FD_ZERO(&set);
        FD_SET(0, &set);
        memset(&tv, 0, sizeof(tv));

        if (select(1, &set, NULL, NULL, &tv) == 1 && read(0, &ch, 1) <= 0) {
            return;
        }
    }
}


static void
fan_talk(uint64_t until)
{
    uint64_t         due, stop, wait, seen;
    static uint64_t  start, count, moved;

    if (start == 0) {
        start = clock_now();
    }

    seen = delivered;
    moved = now;

    while (now < until) {

        if (opt.rate > 0) {
            stop = now < until ? now : until;
            due = start + (uint64_t) (count * (SECOND / opt.rate));

            while (due <= stop) {
                fan_send(due);
                count++;
                due = start + (uint64_t) (count * (SECOND / opt.rate));
            }

            wait = (due < until ? due : until) - now;

        } else {
            while ((int64_t) (sent * opt.clients - delivered)
                   <= (int64_t) (opt.window - 1) * opt.clients)
            {
                fan_send(now);
            }

            wait = until - now;
        }

        loop_once(wait < SECOND ? wait : SECOND);

        if (delivered != seen || opt.rate > 0) {
            seen = delivered;
            moved = now;

        } else if (now - moved > 10 * SECOND) {
            die("%llu deliveries don't come",
                (unsigned long long) (sent * opt.clients - delivered));
        }
    }
}


static void
fan_send(uint64_t due)
{
    char      text[2048];
    int       s;
    size_t    len;
    mark_t    mark;

    s = sent % opt.senders;

    mark.sender = s;
    mark.seq = next_seq[s]++;
    mark.due = due;

    if (opt.sio) {
        len = event_make(text, mark.seq, room_name(sent % opt.rooms), &mark,
                         NULL);
    } else {
        len = text_make(text, &mark, opt.size);
    }

    conn_send(&conns[s], text, len);
    sent++;
}


/* what is on its way has 4 s without progress */

static void
fan_drain(void)
{
    uint64_t  seen, moved;

    seen = 0;
    moved = clock_now();

    while ((delivered < sent * opt.clients
            || (opt.sio && acked + errors < sent))
           && now < moved + 4 * SECOND)
    {
        loop_once(50 * MS);

        if (delivered != seen) {
            seen = delivered;
            moved = now;
        }
    }

    /* and what shouldn't come has a moment */

    fan_settle();
}


static int
fan_same_order(void)
{
    int  i;

    for (i = 1; i < opt.clients; i++) {
        if (order[i] != order[0]) {
            return 0;
        }
    }

    return 1;
}
