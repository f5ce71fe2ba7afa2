/*
 * chat_ws: RFC 6455, section 5.  Streams are written with a small writer of
 * masked frames that can also do what is forbidden, and read in pieces; what
 * came out is put together to a transcript.
 */

#include "test.h"
#include "chat_ws.h"


#define FIN      0x80
#define MAX      100000

/* how a frame's length is written */
enum { SHORTEST, SHORT16, LONG64 };


static unsigned char  stream[1 << 20];
static size_t         stream_len;

static char           transcript[1 << 18];
static size_t         transcript_len;


/* -- writing -- */

static void
put(const void *data, size_t len)
{
    assert_true(stream_len + len <= sizeof(stream));

    if (len) {
        memcpy(stream + stream_len, data, len);
    }

    stream_len += len;
}


static void
put_byte(unsigned ch)
{
    unsigned char  byte;

    byte = (unsigned char) ch;
    put(&byte, 1);
}


static void
put_header(unsigned first, uint64_t len, int form)
{
    int  i, bytes;

    put_byte(first);

    if (form == SHORTEST) {
        bytes = len < 126 ? 0 : len < 65536 ? 2 : 8;

    } else {
        bytes = form == SHORT16 ? 2 : 8;
    }

    put_byte(0x80 | (bytes == 0 ? (unsigned) len : bytes == 2 ? 126 : 127));

    for (i = bytes - 1; i >= 0; i--) {
        put_byte((unsigned) (len >> 8 * i & 0xff));
    }
}


/* every frame has another mask */
static void
put_frame(unsigned first, const void *data, size_t len)
{
    size_t         i;
    unsigned char  mask[4];

    static uint32_t  seed = 1;

    put_header(first, len, SHORTEST);

    seed = seed * 1664525 + 1013904223;
    memcpy(mask, &seed, 4);
    put(mask, 4);

    for (i = 0; i < len; i++) {
        put_byte(((const unsigned char *) data)[i] ^ mask[i & 3]);
    }
}


#define frame(first, literal)  put_frame(first, literal, sizeof(literal) - 1)


/* -- reading -- */

static void
note(const char *name, const void *data, size_t len)
{
    size_t  n;

    n = strlen(name);
    assert_true(transcript_len + n + len + 2 < sizeof(transcript));

    memcpy(transcript + transcript_len, name, n);
    transcript_len += n;

    if (len) {
        memcpy(transcript + transcript_len, data, len);
        transcript_len += len;
    }
}


/*
 * Feeds a piece from a block of its own.  Data is joined to messages:
 * "[text:...]", "[binary:...]"; control frames are "[ping:...]", "[close
 * 1000:...]"; failures are "[fail 1002]".  Returns 0 after a failure.
 */
static int
feed(chat_ws_parser_t *p, const unsigned char *data, size_t len, int *open)
{
    int               rc, alive;
    char              name[32];
    unsigned char    *piece, *pos, *end;
    chat_ws_event_t   event;

    piece = malloc(len ? len : 1);
    assert_non_null(piece);
    memcpy(piece, data, len);

    pos = piece;
    end = piece + len;
    alive = 1;

    for ( ;; ) {
        memset(&event, 0xa5, sizeof(event));
        rc = chat_ws_parse(p, &pos, end, &event);

        assert_true(pos >= piece && pos <= end);

        if (rc == CHAT_WS_AGAIN) {
            assert_ptr_equal(pos, end);
            break;
        }

        if (rc == CHAT_WS_STORE) {

            /* only with a frame that is cut, and once */

            assert_null(p->control);
            p->control = malloc(CHAT_WS_MAX_CONTROL);
            assert_non_null(p->control);
            continue;
        }

        if (rc == CHAT_WS_FAIL) {
            snprintf(name, sizeof(name), "[fail %u]", (unsigned) event.code);
            note(name, NULL, 0);
            alive = 0;
            break;
        }

        if (rc == CHAT_WS_DATA) {
            assert_int_equal(event.first, !*open);
            assert_true(event.opcode == CHAT_WS_TEXT
                        || event.opcode == CHAT_WS_BINARY);

            if (event.first) {
                note(event.opcode == CHAT_WS_TEXT ? "[text:" : "[binary:",
                     NULL, 0);
            }

            if (event.len) {
                assert_true(event.data >= piece
                            && event.data + event.len <= pos);
            }

            note("", event.data, event.len);

            *open = !event.last;
            note(event.last ? "]" : "", NULL, 0);
            continue;
        }

        assert_int_equal(rc, CHAT_WS_CONTROL);

        if (p->control == NULL && event.len) {
            assert_true(event.data >= piece && event.data + event.len <= pos);
        }

        if (event.opcode == CHAT_WS_CLOSE) {
            snprintf(name, sizeof(name), "[close %u:", (unsigned) event.code);

        } else {
            strcpy(name, event.opcode == CHAT_WS_PING ? "[ping:" : "[pong:");
        }

        note(name, event.data, event.len);
        note("]", NULL, 0);

        free(p->control);
        p->control = NULL;
    }

    free(piece);

    return alive;
}


static void
feed_cut(uint64_t max, const size_t *cuts, size_t ncuts)
{
    int               open;
    size_t            i, from;
    chat_ws_parser_t  p;

    chat_ws_init(&p, max);
    transcript_len = 0;
    open = 0;
    from = 0;

    for (i = 0; i < ncuts; i++) {
        if (!feed(&p, stream + from, cuts[i] - from, &open)) {
            free(p.control);
            return;
        }

        from = cuts[i];
    }

    (void) feed(&p, stream + from, stream_len - from, &open);
    free(p.control);
}


static void
expect(const char *what, size_t len)
{
    assert_int_equal(transcript_len, len);
    assert_memory_equal(transcript, what, len);
}


#define reads(literal)  reads_as(MAX, literal, sizeof(literal) - 1)

/* reads the stream whole, by single bytes, and in three pieces of any size */
static void
reads_as(uint64_t max, const char *what, size_t len)
{
    size_t  i, j, cuts[4096];

    feed_cut(max, NULL, 0);
    expect(what, len);

    assert_true(stream_len < lengthof(cuts));

    for (i = 0; i < stream_len; i++) {
        cuts[i] = i;
    }

    feed_cut(max, cuts, stream_len);
    expect(what, len);

    for (i = 0; i <= stream_len && stream_len <= 300; i++) {
        for (j = i; j <= stream_len; j++) {
            cuts[0] = i;
            cuts[1] = j;
            feed_cut(max, cuts, 2);
            expect(what, len);
        }
    }

    stream_len = 0;
}


/* fails with code at the stream's byte number at, and not before */
static void
fails_at(uint64_t max, unsigned code, size_t at)
{
    int               rc;
    size_t            i;
    unsigned char     byte, *pos, control[CHAT_WS_MAX_CONTROL];
    chat_ws_event_t   event;
    chat_ws_parser_t  p;

    chat_ws_init(&p, max);
    p.control = control;

    for (i = 0; i < stream_len; i++) {
        byte = stream[i];
        pos = &byte;

        do {
            rc = chat_ws_parse(&p, &pos, &byte + 1, &event);
        } while (rc > 0);

        if (rc == CHAT_WS_FAIL) {
            break;
        }
    }

    assert_int_equal(i, at);
    assert_true(i < stream_len);
    assert_int_equal(event.code, code);

    stream_len = 0;
}


/* the last byte written is the fault */
#define fails(code)  fails_at(MAX, code, stream_len - 1)


static int
fresh(void **state)
{
    (void) state;

    stream_len = 0;

    return 0;
}


/* -- tests -- */

static void
messages_of_all_kinds(void **state)
{
    (void) state;

    frame(FIN | CHAT_WS_TEXT, "Hello");
    frame(FIN | CHAT_WS_BINARY, "\x00\xff\x80");
    frame(FIN | CHAT_WS_TEXT, "");
    frame(FIN | CHAT_WS_PING, "are you there");
    frame(FIN | CHAT_WS_PONG, "");
    frame(FIN | CHAT_WS_TEXT, "\xe2\x82\xac \xf0\x9f\x98\x80");
    frame(FIN | CHAT_WS_CLOSE, "\x03\xe8" "bye \xc3\xa9");
    reads("[text:Hello][binary:\x00\xff\x80][text:][ping:are you there][pong:]"
          "[text:\xe2\x82\xac \xf0\x9f\x98\x80][close 1000:bye \xc3\xa9]");
}


/* 5.7: "Hello" masked with 37 fa 21 3d */
static void
the_example_of_the_rfc(void **state)
{
    (void) state;

    put("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 11);
    reads("[text:Hello]");
}


static void
fragments_with_control_frames_inside(void **state)
{
    (void) state;

    frame(CHAT_WS_TEXT, "one ");
    frame(FIN | CHAT_WS_PING, "a");
    frame(CHAT_WS_CONT, "two \xe2");
    frame(FIN | CHAT_WS_PING, "\xff\xfe");
    frame(FIN | CHAT_WS_PONG, "\x82");
    frame(CHAT_WS_CONT, "");
    frame(CHAT_WS_CONT, "\x82");
    frame(FIN | CHAT_WS_CONT, "\xac");
    frame(CHAT_WS_BINARY, "");
    frame(FIN | CHAT_WS_PING, "");
    frame(FIN | CHAT_WS_CONT, "");
    frame(FIN | CHAT_WS_TEXT, "!");
    reads("[text:one [ping:a]two \xe2[ping:\xff\xfe][pong:\x82]\x82\xac]"
          "[binary:[ping:]][text:!]");
}


static void
close_inside_a_message(void **state)
{
    (void) state;

    frame(CHAT_WS_TEXT, "half a \xe2\x82");
    frame(FIN | CHAT_WS_CLOSE, "\x03\xe9g\xc3\xb6ne");
    reads("[text:half a \xe2\x82[close 1001:g\xc3\xb6ne]");
}


static void
empty_fragments_are_no_events(void **state)
{
    int               rc;
    size_t            i;
    unsigned char    *pos;
    chat_ws_event_t   event;
    chat_ws_parser_t  p;

    (void) state;

    frame(CHAT_WS_TEXT, "");

    for (i = 0; i < 1000; i++) {
        frame(CHAT_WS_CONT, "");
    }

    frame(FIN | CHAT_WS_CONT, "");

    chat_ws_init(&p, MAX);
    pos = stream;

    rc = chat_ws_parse(&p, &pos, stream + stream_len, &event);
    assert_int_equal(rc, CHAT_WS_DATA);
    assert_true(event.first && !event.last && event.len == 0);

    rc = chat_ws_parse(&p, &pos, stream + stream_len, &event);
    assert_int_equal(rc, CHAT_WS_DATA);
    assert_true(!event.first && event.last && event.len == 0);

    rc = chat_ws_parse(&p, &pos, stream + stream_len, &event);
    assert_int_equal(rc, CHAT_WS_AGAIN);
    assert_ptr_equal(pos, stream + stream_len);
}


static void
all_lengths_and_forms(void **state)
{
    size_t  i, len;
    char    *what;

    static const size_t  lengths[] = { 0, 1, 2, 7, 8, 9, 124, 125, 126, 127,
                                       255, 256, 65534, 65535, 65536, 65537 };

    (void) state;

    for (i = 0; i < lengthof(lengths); i++) {
        len = lengths[i];
        what = test_alloc(len + 9);

        memcpy(what, "[binary:", 8);
        memset(what + 8, 'x', len);
        what[len + 8] = ']';

        stream_len = 0;
        put_frame(FIN | CHAT_WS_BINARY, what + 8, len);
        assert_int_equal(stream_len,
                         len + 6 + (len < 126 ? 0 : len < 65536 ? 2 : 8));

        if (len < 2000) {
            reads_as(MAX, what, len + 9);

        } else {
            feed_cut(MAX, NULL, 0);
            expect(what, len + 9);
        }
    }
}


/* words and rests of them, whatever the mask's phase where a piece begins */
static void
unmasks_pieces_of_all_sizes(void **state)
{
    char    what[8 + 80 + 1];
    size_t  i, len;

    (void) state;

    for (len = 1; len <= 80; len++) {
        memcpy(what, "[binary:", 8);

        for (i = 0; i < len; i++) {
            what[8 + i] = (char) (i * 7 + 1);
        }

        what[8 + len] = ']';

        put_frame(FIN | CHAT_WS_BINARY, what + 8, len);
        reads_as(MAX, what, len + 9);
    }
}


/* RFC 6455, 5.2: the minimal number of bytes must be used */
static void
lengths_not_in_their_shortest_form(void **state)
{
    (void) state;

    put_header(FIN | CHAT_WS_TEXT, 0, SHORT16);
    fails(1002);

    put_header(FIN | CHAT_WS_TEXT, 125, SHORT16);
    fails(1002);

    /* of eight bytes, six zeros are enough */

    put_header(FIN | CHAT_WS_BINARY, 0, LONG64);
    fails_at(MAX, 1002, 7);

    put_header(FIN | CHAT_WS_BINARY, 125, LONG64);
    fails_at(MAX, 1002, 7);

    put_header(FIN | CHAT_WS_BINARY, 126, LONG64);
    fails_at(MAX, 1002, 7);

    put_header(FIN | CHAT_WS_BINARY, 65535, LONG64);
    fails_at(MAX, 1002, 7);

    put_header(FIN | CHAT_WS_BINARY, 65536, LONG64);
    put("mask", 4);
    reads("");
}


static void
top_bit_of_a_length(void **state)
{
    (void) state;

    put_header(FIN | CHAT_WS_BINARY, 0x8000000000000000, LONG64);
    fails_at(UINT64_MAX, 1002, 2);

    put_header(FIN | CHAT_WS_BINARY, UINT64_MAX, LONG64);
    fails_at(UINT64_MAX, 1002, 2);

    put_header(FIN | CHAT_WS_BINARY, 0x8000000000010000, LONG64);
    fails_at(MAX, 1002, 2);

    put_header(FIN | CHAT_WS_BINARY, 0x7fffffffffffffff, LONG64);
    put("maskx", 5);
    feed_cut(UINT64_MAX, NULL, 0);
    assert_int_equal(transcript_len, sizeof("[binary:x") - 1);
}


static void
message_at_its_limit(void **state)
{
    size_t  i;
    char    data[70001], *what;

    static const size_t  limits[] = { 0, 1, 100, 125, 126, 127, 300, 65535,
                                      65536, 70000 };

    (void) state;

    memset(data, 'x', sizeof(data));

    for (i = 0; i < lengthof(limits); i++) {
        what = test_alloc(limits[i] + 9);
        memcpy(what, "[binary:", 8);
        memset(what + 8, 'x', limits[i]);
        what[limits[i] + 8] = ']';

        put_frame(FIN | CHAT_WS_BINARY, data, limits[i]);
        feed_cut(limits[i], NULL, 0);
        expect(what, limits[i] + 9);
        stream_len = 0;

        /* one more fails in the header; 65536 is too much with its 1 already */

        put_header(FIN | CHAT_WS_BINARY, limits[i] + 1, SHORTEST);
        fails_at(limits[i], 1009, limits[i] == 65535 ? 7 : stream_len - 1);
    }
}


/* the first byte of a length that makes it too much, whatever follows */
static void
oversize_is_seen_early(void **state)
{
    (void) state;

    put_header(FIN | CHAT_WS_BINARY, 0x0200, SHORT16);
    fails_at(0x1ff, 1009, 2);

    put_header(FIN | CHAT_WS_BINARY, 0x0200, SHORT16);
    fails_at(0x100, 1009, 2);

    put_header(FIN | CHAT_WS_BINARY, 0x01000000, LONG64);
    fails_at(MAX, 1009, 6);

    put_header(FIN | CHAT_WS_BINARY, 0x4000000000000000, LONG64);
    fails_at(MAX, 1009, 2);
}


static void
fragments_at_the_limit(void **state)
{
    (void) state;

    /* control frames don't count, a new message starts anew */

    frame(CHAT_WS_TEXT, "1234");
    frame(FIN | CHAT_WS_PING, "0123456789");
    frame(CHAT_WS_CONT, "567");
    frame(FIN | CHAT_WS_CONT, "890");
    frame(FIN | CHAT_WS_TEXT, "1234567890");
    reads_as(10, "[text:1234[ping:0123456789]567890][text:1234567890]", 51);

    frame(CHAT_WS_TEXT, "1234");
    frame(CHAT_WS_CONT, "567");
    put_header(FIN | CHAT_WS_CONT, 4, SHORTEST);
    fails_at(10, 1009, stream_len - 1);

    frame(CHAT_WS_TEXT, "1234567890");
    frame(CHAT_WS_CONT, "");
    put_header(CHAT_WS_CONT, 1, SHORTEST);
    fails_at(10, 1009, stream_len - 1);
}


static void
sum_of_fragments_does_not_wrap(void **state)
{
    int               open;
    chat_ws_parser_t  p;

    (void) state;

    chat_ws_init(&p, UINT64_MAX);
    transcript_len = 0;
    open = 0;

    frame(CHAT_WS_BINARY, "a");
    assert_true(feed(&p, stream, stream_len, &open));
    stream_len = 0;

    p.total = UINT64_MAX - 10;

    frame(CHAT_WS_CONT, "bcdefgh");
    assert_true(feed(&p, stream, stream_len, &open));
    stream_len = 0;

    put_header(CHAT_WS_CONT, 4, SHORTEST);
    assert_false(feed(&p, stream, stream_len, &open));
    expect("[binary:abcdefgh[fail 1009]", 27);
}


static void
header_faults(void **state)
{
    unsigned  opcode, rsv;

    (void) state;

    for (opcode = 0; opcode < 16; opcode++) {

        for (rsv = 0x10; rsv <= 0x70; rsv += 0x10) {
            put_byte(FIN | rsv | opcode);
            fails(1002);
        }

        if ((opcode >= 3 && opcode <= 7) || opcode >= 0xb) {
            put_byte(FIN | opcode);
            fails(1002);
        }

        /* a fragmented control frame */

        if (opcode >= 8) {
            put_byte(opcode);
            fails(1002);
        }
    }

    /* not masked */

    put("\x81\x05", 2);
    fails(1002);

    put("\x89\x00", 2);
    fails(1002);

    put("\x82\x7e", 2);
    fails(1002);
}


static void
control_frames_over_125_bytes(void **state)
{
    char      data[125], what[6 + 125 + 1];
    unsigned  opcode;

    (void) state;

    for (opcode = CHAT_WS_CLOSE; opcode <= CHAT_WS_PONG; opcode++) {
        put_byte(FIN | opcode);
        put_byte(0x80 | 126);
        fails(1002);

        put_byte(FIN | opcode);
        put_byte(0x80 | 127);
        fails(1002);
    }

    memset(data, 0xff, sizeof(data));
    memcpy(what, "[ping:", 6);
    memcpy(what + 6, data, sizeof(data));
    what[6 + 125] = ']';

    put_frame(FIN | CHAT_WS_PING, data, sizeof(data));
    reads_as(0, what, sizeof(what));
}


static void
fragments_out_of_place(void **state)
{
    (void) state;

    put_byte(FIN | CHAT_WS_CONT);
    fails(1002);

    put_byte(CHAT_WS_CONT);
    fails(1002);

    frame(FIN | CHAT_WS_TEXT, "whole");
    put_byte(FIN | CHAT_WS_CONT);
    fails(1002);

    frame(CHAT_WS_TEXT, "half");
    frame(FIN | CHAT_WS_CONT, "half");
    put_byte(CHAT_WS_CONT);
    fails(1002);

    frame(CHAT_WS_TEXT, "half");
    put_byte(FIN | CHAT_WS_TEXT);
    fails(1002);

    frame(CHAT_WS_BINARY, "half");
    frame(FIN | CHAT_WS_PING, "");
    put_byte(CHAT_WS_BINARY);
    fails(1002);
}


/* 8.1, and at the first byte that is wrong, though the message goes on */
static void
text_that_is_no_utf8(void **state)
{
    size_t  at;

    (void) state;

    frame(FIN | CHAT_WS_TEXT, "ok \xc3\x28 and more");
    fails_at(MAX, 1007, 6 + 4);

    frame(CHAT_WS_TEXT, "\xe2\x82");
    frame(FIN | CHAT_WS_PING, "\xac");
    at = stream_len + 6;
    frame(CHAT_WS_CONT, "\xc0 and more");
    fails_at(MAX, 1007, at);

    frame(CHAT_WS_TEXT, "\xf4");
    at = stream_len + 6;
    frame(CHAT_WS_CONT, "\x90\x80\x80");
    fails_at(MAX, 1007, at);

    /* the end within a character: known with the last byte */

    frame(FIN | CHAT_WS_TEXT, "\xe2\x82");
    fails(1007);

    frame(CHAT_WS_TEXT, "\xe2\x82");
    frame(FIN | CHAT_WS_CONT, "");
    fails(1007);

    /* nothing of one message reaches into the next */

    frame(CHAT_WS_BINARY, "\xe2\x82");
    frame(FIN | CHAT_WS_CONT, "\xff");
    frame(FIN | CHAT_WS_TEXT, "a");
    reads("[binary:\xe2\x82\xff][text:a]");
}


/* 5.5.1 and 7.4: what may be in a close frame */
static void
close_bodies(void **state)
{
    size_t  at;

    (void) state;

    frame(FIN | CHAT_WS_CLOSE, "");
    reads("[close 1005:]");

    put_header(FIN | CHAT_WS_CLOSE, 1, SHORTEST);
    fails(1002);

    frame(FIN | CHAT_WS_CLOSE, "\x0f\xa0");
    reads("[close 4000:]");

    frame(FIN | CHAT_WS_CLOSE, "\x03\xe8\xe2\x82\xac");
    reads("[close 1000:\xe2\x82\xac]");

    frame(FIN | CHAT_WS_CLOSE, "\x03\xe8" "abc\xff" "def");
    fails_at(MAX, 1007, 6 + 5);

    frame(FIN | CHAT_WS_CLOSE, "\x03\xe8\xe2\x82");
    fails(1007);

    /* the code fails before the reason has come */

    at = 6 + 1;
    frame(FIN | CHAT_WS_CLOSE, "\x03\xec" "reason");
    fails_at(MAX, 1002, at);
}


static void
close_codes(void **state)
{
    size_t         i;
    unsigned       code;
    char           what[32];
    unsigned char  body[2];

    /* the last code of each range, and whether it may be on the wire */

    static const struct {
        unsigned   last;
        int        allowed;
    } ranges[] = {
        { 999, 0 }, { 1003, 1 }, { 1006, 0 }, { 1011, 1 }, { 2999, 0 },
        { 4999, 1 }, { 65535, 0 }
    };

    (void) state;

    for (i = 0, code = 0; code <= 65535; code++) {
        i += code > ranges[i].last;
        assert_int_equal(chat_ws_close_code(code), ranges[i].allowed);

        if (code > 5100 && code < 65500) {
            continue;
        }

        body[0] = (unsigned char) (code >> 8);
        body[1] = (unsigned char) code;

        put_frame(FIN | CHAT_WS_CLOSE, body, 2);

        if (ranges[i].allowed) {
            feed_cut(MAX, NULL, 0);
            snprintf(what, sizeof(what), "[close %u:]", code);
            expect(what, strlen(what));
            stream_len = 0;

        } else {
            fails(1002);
        }
    }

    assert_int_equal(i, lengthof(ranges) - 1);
}


static void
nothing_after_the_end(void **state)
{
    int               open;
    chat_ws_parser_t  p;

    (void) state;

    frame(FIN | CHAT_WS_CLOSE, "");
    frame(FIN | CHAT_WS_TEXT, "unheard");
    put("\xff\xff\xff", 3);
    reads("[close 1005:]");

    chat_ws_init(&p, MAX);
    transcript_len = 0;
    open = 0;

    put_byte(0xff);
    assert_false(feed(&p, stream, stream_len, &open));

    stream_len = 0;
    frame(FIN | CHAT_WS_TEXT, "unheard");
    assert_true(feed(&p, stream, stream_len, &open));
    expect("[fail 1002]", 11);
}


static void
writes_headers(void **state)
{
    size_t         i;
    unsigned char  out[CHAT_WS_MAX_HEADER];

    static const struct {
        unsigned     opcode;
        uint64_t     len;
        size_t       size;
        const char  *bytes;
    } tests[] = {
        { CHAT_WS_TEXT, 0, 2, "\x81\x00" },
        { CHAT_WS_BINARY, 125, 2, "\x82\x7d" },
        { CHAT_WS_TEXT, 126, 4, "\x81\x7e\x00\x7e" },
        { CHAT_WS_TEXT, 256, 4, "\x81\x7e\x01\x00" },
        { CHAT_WS_TEXT, 65535, 4, "\x81\x7e\xff\xff" },
        { CHAT_WS_TEXT, 65536, 10, "\x81\x7f\0\0\0\0\0\x01\0\0" },
        { CHAT_WS_BINARY, 0x7123456789abcdef, 10,
          "\x82\x7f\x71\x23\x45\x67\x89\xab\xcd\xef" },
        { CHAT_WS_CLOSE, 2, 2, "\x88\x02" },
        { CHAT_WS_PONG, 125, 2, "\x8a\x7d" }
    };

    (void) state;

    for (i = 0; i < lengthof(tests); i++) {
        assert_int_equal(chat_ws_header(out, tests[i].opcode, tests[i].len),
                         tests[i].size);
        assert_memory_equal(out, tests[i].bytes, tests[i].size);
    }
}


#define ws_test(function)                                                     \
    cmocka_unit_test_setup_teardown(function, fresh, test_cleanup)

int
main(void)
{
    const struct CMUnitTest  tests[] = {
        ws_test(messages_of_all_kinds),
        ws_test(the_example_of_the_rfc),
        ws_test(fragments_with_control_frames_inside),
        ws_test(close_inside_a_message),
        ws_test(empty_fragments_are_no_events),
        ws_test(all_lengths_and_forms),
        ws_test(unmasks_pieces_of_all_sizes),
        ws_test(lengths_not_in_their_shortest_form),
        ws_test(top_bit_of_a_length),
        ws_test(message_at_its_limit),
        ws_test(oversize_is_seen_early),
        ws_test(fragments_at_the_limit),
        ws_test(sum_of_fragments_does_not_wrap),
        ws_test(header_faults),
        ws_test(control_frames_over_125_bytes),
        ws_test(fragments_out_of_place),
        ws_test(text_that_is_no_utf8),
        ws_test(close_bodies),
        ws_test(close_codes),
        ws_test(nothing_after_the_end),
        ws_test(writes_headers)
    };

    return cmocka_run_group_tests_name("ws", tests, NULL, NULL);
}
