/*
 * "resume": clients of one room that come back, through whatever happens.
 *
 *   load resume --port N --sio 1 --path '/socket.io/?EIO=4&transport=websocket'
 *       --clients 500 --senders 20 --rate 1000 --seconds 20
 *       [--users U] [--at "5 kill -HUP 123"]...
 *
 * The first clients are senders.  Each sends its messages at their times, one
 * after the other: the next only when the one before is acknowledged; what
 * isn't, when the connection ends or the server says so, is sent again with the
 * same nonce.  Whenever a client's connection ends, or is silent for too long,
 * it connects again after 100 to 600 ms and asks for what came behind the last
 * message that it has.
 *
 * When all clients are there, "talking" goes to standard error; from then on
 * the commands of --at run in a shell, each at its second.  At the end every
 * client must have every acknowledged message once, in the order of the
 * positions, and no sender's messages may have changed their order.
 */

#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "load.h"


#define POS_SIZE      32
#define PATIENCE      (15 * SECOND)     /* for an ack, and for progress */
#define SHOWN         10


typedef struct {
    conn_t        conn;
    char          last[POS_SIZE];   /* position of the newest message */
    uint64_t      again;            /* when to connect, 0: not waiting */
    uint64_t      lost;             /* when it was cut, 0: it wasn't */
    uint64_t      asked;            /* when it asked to join, 0: not waiting */
    int           joined;
    uint32_t      doubled;
    uint32_t      late;
    uint32_t      delivered;
    unsigned char *seen;            /* a bit for each message */
    uint32_t     *next;             /* [sender]: the least number to come */
} client_t;


typedef struct {
    uint32_t      seq;              /* of the message that is next, or sent */
    uint64_t      sent;             /* when; 0: it isn't */
    uint64_t      again;            /* not before that */
} sender_t;


static client_t  *clients;
static sender_t  *senders;
static uint64_t   total;            /* messages */
static uint64_t   start;
static int        joined;
static uint64_t   acked, refused, attempts, retries, gaps, reconnects;
static uint64_t   delivered, offline;
static hist_t     delay;


static void resume_connect(conn_t *c);
static void resume_ready(conn_t *c);
static void resume_event(conn_t *c, const char *data, size_t len);
static void resume_ack(conn_t *c, const char *data, size_t len);
static void resume_join_ack(client_t *client, const char *data, size_t len);
static void resume_closed(conn_t *c, const char *why);
static void resume_clients(void);
static void resume_senders(void);
static void resume_send(int s);
static uint64_t resume_due(int s, uint32_t seq);
static void resume_hooks(int *failed);
static int resume_report(int hooks_failed);
static int json_string(const char *data, size_t len, const char *name,
    char *out, size_t size);


int
resume(void)
{
    int       i, failed;
    uint64_t  seen, moved;

    on.connect = resume_connect;
    on.ready = resume_ready;
    on.event = resume_event;
    on.ack = resume_ack;
    on.closed = resume_closed;

    if (!opt.sio || opt.rate <= 0) {
        die("resume needs --sio 1 and a --rate");
    }

    total = (uint64_t) (opt.rate * opt.seconds);
    clients = calloc(opt.clients, sizeof(client_t));
    senders = calloc(opt.senders, sizeof(sender_t));

    if (!clients || !senders) {
        die("no memory");
    }

    for (i = 0; i < opt.clients; i++) {
        clients[i].conn.index = i;
        clients[i].again = now + (uint64_t) i * MS / 2;
        clients[i].seen = calloc(total / 8 + 1, 1);
        clients[i].next = calloc(opt.senders, sizeof(uint32_t));

        if (!clients[i].seen || !clients[i].next) {
            die("no memory");
        }
    }

    moved = now;

    while (joined < opt.clients) {
        resume_clients();
        loop_once(5 * MS);

        if (now - moved > 60 * SECOND) {
            die("only %d of %d clients are there", joined, opt.clients);
        }
    }

    reconnects = 0;
    offline = 0;
    failed = 0;

    fprintf(stderr, "talking\n");
    start = clock_now();
    seen = 0;
    moved = start;

    while (acked + refused < total
           || joined < opt.clients
           || delivered < acked * opt.clients)
    {
        resume_hooks(&failed);
        resume_clients();
        resume_senders();
        loop_once(MS);

        if (delivered + acked != seen) {
            seen = delivered + acked;
            moved = now;

        } else if (now > start + (uint64_t) (opt.seconds * SECOND)
                   && now - moved > (acked + refused == total
                                     && joined == opt.clients
                                     ? 3 * SECOND : 3 * PATIENCE))
        {
            break;
        }
    }

    /* what shouldn't come has a moment */

    for (moved = now; now < moved + SECOND; loop_once(20 * MS)) {
        resume_clients();
    }

    resume_hooks(&failed);

    return resume_report(failed);
}


static void
resume_connect(conn_t *c)
{
    int        n;
    char       text[128];
    client_t  *client = (client_t *) c;

    if (client->last[0]) {
        n = sprintf(text, "420[\"room.join\",\"0\",{\"after\":\"%s\"}]",
                    client->last);
    } else {
        n = sprintf(text, "420[\"room.join\",\"0\"]");
    }

    client->asked = now;
    conn_put(c, text, n);
}


static void
resume_ready(conn_t *c)
{
    (void) c;
}


static void
resume_event(conn_t *c, const char *data, size_t len)
{
    char       pos[POS_SIZE];
    mark_t     mark;
    uint64_t   n;
    client_t  *client = (client_t *) c;

    if (!text_find(data, len, &mark)) {
        return;
    }

    n = (uint64_t) mark.seq * opt.senders + mark.sender;

    if (n >= total || mark.sender >= (uint32_t) opt.senders
        || !json_string(data, len, "id", pos, sizeof(pos)))
    {
        die("not one of ours: %.*s", (int) len, data);
    }

    if (client->seen[n / 8] & 1 << n % 8) {
        client->doubled++;
        return;
    }

    if (strcmp(pos, client->last) <= 0
        || mark.seq < client->next[mark.sender])
    {
        client->late++;
    }

    client->seen[n / 8] |= 1 << n % 8;
    client->next[mark.sender] = mark.seq + 1;
    client->delivered++;
    delivered++;
    strcpy(client->last, pos);

    hist_add(&delay, now - mark.due);
}


/* 0 is the join's, others are a message's number and 1 */

static void
resume_ack(conn_t *c, const char *data, size_t len)
{
    sender_t  *sender;
    uint32_t   id;

    id = strtoul(data, NULL, 10);

    if (id == 0) {
        resume_join_ack((client_t *) c, data, len);
        return;
    }

    if (c->index >= opt.senders) {
        die("client %d has sent nothing", c->index);
    }

    sender = &senders[c->index];

    if (sender->sent == 0 || sender->seq + 1 != id) {
        die("client %d: an ack that it doesn't wait for", c->index);
    }

    sender->sent = 0;

    if (memmem(data, len, "\"ok\":true", 9)) {
        acked++;
        sender->seq++;

    } else if (memmem(data, len, "\"retry\":true", 12)) {
        retries++;
        sender->again = now + 200 * MS;

    } else {
        fprintf(stderr, "load: refused: %.*s\n", (int) len, data);
        refused++;
        sender->seq++;
    }
}


static void
resume_join_ack(client_t *client, const char *data, size_t len)
{
    char  pos[POS_SIZE];

    client->asked = 0;

    if (!memmem(data, len, "\"ok\":true", 9)) {

        /* what comes now may be behind a hole */

        conn_close(&client->conn);
        resume_closed(&client->conn, "join refused");
        return;
    }

    if (memmem(data, len, "\"gap\":true", 10)) {
        gaps++;
    }

    if (json_string(data, len, "last", pos, sizeof(pos))
        && strcmp(pos, client->last) > 0 && client->last[0] == '\0')
    {
        strcpy(client->last, pos);
    }

    client->joined = 1;
    joined++;

    if (client->lost) {
        if (now - client->lost > offline) {
            offline = now - client->lost;
        }
        client->lost = 0;
    }
}


static void
resume_closed(conn_t *c, const char *why)
{
    client_t  *client = (client_t *) c;

    if (start == 0) {
        fprintf(stderr, "load: client %d: %s\n", c->index, why);
    }

    if (client->joined) {
        joined--;
    }

    if (client->lost == 0) {
        client->lost = now;
    }

    client->joined = 0;
    client->asked = 0;
    client->again = now + 100 * MS + random() % 500 * MS;
    reconnects++;

    if (c->index < opt.senders) {
        senders[c->index].sent = 0;
    }
}


static void
resume_clients(void)
{
    int        i;
    client_t  *client;

    for (i = 0; i < opt.clients; i++) {
        client = &clients[i];

        if (client->again) {
            if (client->again <= now) {
                client->again = 0;
                conn_start(&client->conn);
            }
            continue;
        }

        if (now > client->conn.heard + client->conn.silence
            || (client->asked && now > client->asked + PATIENCE))
        {
            conn_close(&client->conn);
            resume_closed(&client->conn, "silence");
        }
    }
}


static void
resume_senders(void)
{
    int        s;
    sender_t  *sender;

    for (s = 0; s < opt.senders; s++) {
        sender = &senders[s];

        if (sender->sent) {
            if (now > sender->sent + PATIENCE) {
                conn_close(&clients[s].conn);
                resume_closed(&clients[s].conn, "no ack");
            }
            continue;
        }

        if (clients[s].joined
            && (uint64_t) sender->seq * opt.senders + s < total
            && now >= sender->again
            && now >= resume_due(s, sender->seq))
        {
            resume_send(s);
        }
    }
}


static void
resume_send(int s)
{
    char    text[2048], nonce[32];
    size_t  len;
    mark_t  mark;

    mark.sender = s;
    mark.seq = senders[s].seq;
    mark.due = resume_due(s, mark.seq);

    sprintf(nonce, "bench-%d-%u", s, mark.seq);
    len = event_make(text, (long) mark.seq + 1, "0", &mark, nonce);

    senders[s].sent = now;
    attempts++;
    conn_send(&clients[s].conn, text, len);
}


static uint64_t
resume_due(int s, uint32_t seq)
{
    return start + (uint64_t) (((uint64_t) seq * opt.senders + s)
                               * (SECOND / opt.rate));
}


/* each runs once, beside the messages; at the end all are waited for */

static void
resume_hooks(int *failed)
{
    int         i, status;
    char       *command;
    pid_t       pid;
    static int  running;

    for (i = 0; i < opt.nhooks; i++) {
        if (opt.hooks[i] == NULL
            || now < start + strtod(opt.hooks[i], &command) * SECOND)
        {
            continue;
        }

        opt.hooks[i] = NULL;

        pid = fork();
        if (pid == -1) {
            die("fork fails");
        }

        if (pid == 0) {
            dup2(2, 1);
            execl("/bin/sh", "sh", "-c", command, NULL);
            _exit(127);
        }

        running++;
    }

    while (running && (pid = waitpid(-1, &status, WNOHANG)) > 0) {
        running--;
        *failed += status != 0;
    }
}


static int
resume_report(int hooks_failed)
{
    int       i, ok, shown;
    char      text[128];
    uint64_t  missing, doubled, late;

    missing = 0;
    doubled = 0;
    late = 0;
    shown = 0;

    out_open();

    for (i = 0; i < opt.clients; i++) {
        missing += acked > clients[i].delivered
                   ? acked - clients[i].delivered : 0;
        doubled += clients[i].doubled;
        late += clients[i].late;

        if ((clients[i].delivered < acked || clients[i].doubled
             || clients[i].late) && shown++ < SHOWN)
        {
            sprintf(text, "client %d: delivered %u, doubled %u, late %u%s", i,
                    clients[i].delivered, clients[i].doubled, clients[i].late,
                    clients[i].joined ? "" : ", away");
            fprintf(stderr, "load: %s\n", text);
        }
    }

    ok = missing == 0 && doubled == 0 && late == 0 && gaps == 0
         && refused == 0 && acked == total && hooks_failed == 0
         && joined == opt.clients;

    out_int("clients", opt.clients);
    out_int("messages", total);
    out_int("attempts", attempts);
    out_int("acked", acked);
    out_int("refused", refused);
    out_int("retries", retries);
    out_int("delivered", delivered);
    out_int("missing", missing);
    out_int("doubled", doubled);
    out_int("late", late);
    out_int("gaps", gaps);
    out_int("reconnects", reconnects);
    out_int("away", opt.clients - joined);
    out_num("longest_away_ms", (double) offline / MS);
    out_num("p50_us", hist_us(&delay, 0.50));
    out_num("p99_us", hist_us(&delay, 0.99));
    out_num("max_us", (double) delay.max / 1000);
    out_int("hooks_failed", hooks_failed);
    out_int("ok", ok);
    out_close();

    return !ok;
}


static int
json_string(const char *data, size_t len, const char *name, char *out,
    size_t size)
{
    int          n;
    char         key[32];
    const char  *p, *end;

    n = sprintf(key, "\"%s\":\"", name);

    p = memmem(data, len, key, n);
    if (p == NULL) {
        return 0;
    }

    p += n;
    end = memchr(p, '"', data + len - p);

    if (end == NULL || (size_t) (end - p) >= size) {
        return 0;
    }

    memcpy(out, p, end - p);
    out[end - p] = '\0';

    return 1;
}
