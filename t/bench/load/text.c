/*
 * What a message carries, so that its receivers can check it: its sender, its
 * number and when it was due.  Besides: names, a histogram, and JSON.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "load.h"


/* what people say, for as long as a text may be */

static const char  words[] =
    "I have just looked at the numbers from last night, and the second half "
    "is better than we thought. Could you bring the drawings along when you "
    "come over? The train at ten past eight was late again, so expect me "
    "around nine. Mary says that the garden needs water twice a day in this "
    "heat; her neighbour will take care of it. By the way, who has the keys "
    "of the boat house? Nobody has seen them since Sunday. If we leave early "
    "enough we can stop for coffee at the lake, and still be back before it "
    "gets dark. My brother finally sold his old car, for less than he hoped, "
    "but at least it is gone. Let me know whether Thursday suits everybody, "
    "otherwise we try the week after. The recipe asks for three eggs, a cup "
    "of milk, and more butter than anyone should admit. Did the plumber call "
    "back? He promised to fix that pipe before winter. I found a jacket in "
    "the hall, blue, size forty, with a ticket to the museum in its pocket. "
    "See you tomorrow, and do not forget to feed the cat before you go out.";

static int  out_count;


static uint64_t text_hex(const char *p, int n);


/* a text of exactly size bytes, at least MARK_LEN */

size_t
text_make(char *out, const mark_t *mark, size_t size)
{
    snprintf(out, MARK_LEN + 1, "~%04x.%08x.%015llx~", mark->sender, mark->seq,
             (unsigned long long) mark->due);

    memcpy(out + MARK_LEN, words, size - MARK_LEN);

    return size;
}


int
text_find(const char *data, size_t len, mark_t *mark)
{
    const char  *p;

    p = memchr(data, '~', len);

    if (p == NULL || (size_t) (data + len - p) < MARK_LEN) {
        return 0;
    }

    mark->sender = text_hex(p + 1, 4);
    mark->seq = text_hex(p + 6, 8);
    mark->due = text_hex(p + 15, 15);

    return 1;
}


static uint64_t
text_hex(const char *p, int n)
{
    uint64_t  value;

    for (value = 0; n > 0; n--, p++) {
        value = value << 4 | ((*p & 15) + (*p >> 6) * 9);
    }

    return value;
}


/* the packet that says something in a room; a negative ack asks for none */

size_t
event_make(char *out, long ack, const char *room, const mark_t *mark,
    const char *nonce)
{
    char  *p;

    p = out + sprintf(out, "42");

    if (ack >= 0) {
        p += sprintf(p, "%ld", ack);
    }

    p += sprintf(p, "[\"message\",{\"roomId\":\"%s\",", room);

    if (nonce) {
        p += sprintf(p, "\"nonce\":\"%s\",", nonce);
    }

    p += sprintf(p, "\"message\":\"");
    p += text_make(p, mark, opt.size);
    p += sprintf(p, "\"}]");

    return p - out;
}


/* the session cookie of a user, which "seed" has put into Redis */

void
token_make(char *out, int user)
{
    snprintf(out, TOKEN_LEN + 1, "bench-session-of-user--------------%08d",
             user);
}


const char *
room_name(int room)
{
    static char  name[16];

    if (opt.rooms == 1) {
        return "0";
    }

    snprintf(name, sizeof(name), "bench%d", room);

    return name;
}


/* a slot for each of 64 parts of each power of two */

void
hist_add(hist_t *h, uint64_t value)
{
    int  shift;

    shift = value < 64 ? 0 : 58 - __builtin_clzll(value);

    h->slots[shift * 64 + (value >> shift)]++;
    h->count++;

    if (value > h->max) {
        h->max = value;
    }
}


double
hist_us(const hist_t *h, double share)
{
    int       i;
    uint64_t  left;

    left = (uint64_t) (h->count * share);

    for (i = 0; i < 64 * 64 - 1 && left >= h->slots[i]; i++) {
        left -= h->slots[i];
    }

    return (double) ((uint64_t) (i % 64) << i / 64) / 1000;
}


void
out_open(void)
{
    out_count = 0;
    printf("{");
    out_str("mode", opt.mode);
}


static void
out_name(const char *name)
{
    printf("%s\"%s\":", out_count++ ? "," : "", name);
}


void
out_int(const char *name, int64_t value)
{
    out_name(name);
    printf("%lld", (long long) value);
}


void
out_num(const char *name, double value)
{
    out_name(name);
    printf("%.4f", value);
}


void
out_str(const char *name, const char *value)
{
    out_name(name);
    putchar('"');

    for ( /* void */ ; *value; value++) {
        if (*value == '"' || *value == '\\' || (unsigned char) *value < ' ') {
            printf("\\u%04x", *value);
        } else {
            putchar(*value);
        }
    }

    putchar('"');
}


void
out_close(void)
{
    printf("}\n");
    fflush(stdout);
}


void
die(const char *format, ...)
{
    va_list  args;

    fputs("load: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);

    exit(2);
}
