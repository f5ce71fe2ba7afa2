/*
 * A whole connection.  The input is read as a script: which messages the client
 * sends, how they are compressed, cut into frames and masked, what it sends
 * between them, and what it does wrong.  The frames go to the model as they
 * are meant, and to the parsers as bytes, cut in two ways: all have to come to
 * the same.
 */

#include <zlib.h>

#include "conn.h"


#define MAX_FRAMES   64
#define MAX_STREAM   (1 << 18)
#define MAX_FILL     70000


typedef struct {
    fuzz_t          f;
    conn_setup_t    setup;
    size_t          nframes;
    size_t          npayloads;
    size_t          len;
    unsigned        cut_short;          /* the last frame isn't complete */
    conn_frame_t    frames[MAX_FRAMES];
    unsigned char   payloads[MAX_STREAM];
    unsigned char   stream[MAX_STREAM];
} script_t;


static script_t       s;
static unsigned char  text[MAX_FILL + 8];


static void message(void);
static size_t compose(unsigned how);
static size_t squeeze(size_t len, unsigned char *out, size_t room);
static void control(unsigned opcode);
static void wrong(void);
static conn_frame_t frame_of(unsigned first, const unsigned char *data,
    size_t len);
static void emit(conn_frame_t *frame);


int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
    unsigned    how;
    chat_str_t  stream;

    static conn_log_t    want, got;
    static const size_t  limits[] = { 64, 125, 126, 300, 700, 1025, 2000,
                                      3000 };

    s.f = (fuzz_t) { data, data + len };
    s.nframes = 0;
    s.npayloads = 0;
    s.len = 0;
    s.cut_short = 0;

    how = fuzz_byte(&s.f);
    s.setup.deflate = how & 1;
    s.setup.probes = how >> 1 & 1;
    s.setup.max = how > 0xfb ? MAX_FILL : limits[how >> 2 & 7];

    while (s.f.p < s.f.end && s.nframes < MAX_FRAMES - 12 && !s.cut_short
           && s.len < MAX_STREAM - 3 * MAX_FILL)
    {
        how = fuzz_byte(&s.f);

        switch (how & 7) {

        case 5:
            control(how & 0x80 ? 0xa : 0x9);
            break;

        case 6:
            if (how & 0x40) {
                control(0x8);
            }

            break;

        case 7:
            wrong();
            break;

        default:
            message();
        }
    }

    want.len = 0;
    conn_model(&s.setup, s.frames, s.nframes, &want);

    stream = (chat_str_t) { s.len, s.stream };

    for (how = 0; how < 2; how++) {
        got.len = 0;
        conn_module(&s.setup, stream, (unsigned) len * 7 + how, &got);

        check(got.len == want.len);
        check(memcmp(got.data, want.data, got.len) == 0);
    }

    return 0;
}


/* a text in one to four frames, of which the first byte tells the lengths */
static void
message(void)
{
    size_t         len, n;
    unsigned       how, cuts, first;
    conn_frame_t   frame;
    unsigned char  *data;

    static unsigned char  packed[MAX_FILL];

    how = fuzz_byte(&s.f);
    len = compose(how & 0xf);
    data = text;
    first = how & 0x80 && (how & 0x70) == 0 ? 0x2 : 0x1;

    if (how & 0x40 && s.setup.deflate) {
        first |= 0x40;

        n = squeeze(len, packed, sizeof(packed));

        if (n) {
            data = packed;
            len = n;
        }
    }

    for (cuts = how >> 4 & 3; cuts; cuts--) {
        how = fuzz_byte(&s.f);
        n = how < 128 ? how % (len + 1) : len * (how - 128) / 128;

        frame = frame_of(first, data, n);
        emit(&frame);
        first = 0;

        data += n;
        len -= n;

        if (how & 1) {
            control(how & 2 ? 0x9 : 0xa);
        }
    }

    frame = frame_of(0x80 | first, data, len);
    emit(&frame);
}


/* to text; the length */
static size_t
compose(unsigned how)
{
    size_t      len, i;
    chat_str_t  said;

    static const char *const  said_often[] = {
        "40", "2probe", "5", "3", "41", "1", "40/admin,", "42[\"x\"]",
        "421[\"room.join\",\"0\",{\"after\":\"1700000000.000001\"}]",
        "4212[\"message\",{\"roomId\":\"1:2\",\"message\":\"\xc3\xa9\"}]",
        "42[\"message\",{\"message\":1,\"message\":\"\\ud83d\\ude00\"}]",
        "431[]", "451-[\"x\",{\"_placeholder\":true,\"num\":0}]"
    };

    if (how < 13) {
        len = strlen(said_often[how]);
        memcpy(text, said_often[how], len);
        return len;
    }

    /* what comes up to the next NUL, or a lot of something */

    said = fuzz_string(&s.f);
    len = said.len;

    if (len) {
        memcpy(text, said.data, len);
    }

    fuzz_free(said);

    if (how == 15) {
        how = fuzz_byte(&s.f);
        i = len;
        len = s.setup.max == MAX_FILL ? 65530 + how % 10
                                      : s.setup.max - 5 + how % 10;

        for ( /* void */ ; i < len; i++) {
            text[i] = (unsigned char) (how & 0x80 ? i : '4');
        }
    }

    return len;
}


/* text as zlib does it, whole or damaged; 0: it doesn't fit */
static size_t
squeeze(size_t len, unsigned char *out, size_t room)
{
    size_t    n, at;
    unsigned  how;

    static z_stream  z;

    how = fuzz_byte(&s.f);

    if (z.state == NULL) {
        check(deflateInit2(&z, 6, Z_DEFLATED, -10, 3, 0) == Z_OK);
    }

    check(deflateReset(&z) == Z_OK);

    z.next_in = text;
    z.avail_in = (uInt) len;
    z.next_out = out;
    z.avail_out = (uInt) room;

    check(deflate(&z, how & 1 ? Z_FINISH : Z_SYNC_FLUSH) >= Z_OK);

    n = room - z.avail_out;

    if (n == room || n < 4) {
        return 0;
    }

    n -= how & 1 ? 0 : 4;

    if ((how & 6) == 6) {
        at = fuzz_byte(&s.f);
        out[at % n] ^= (unsigned char) fuzz_byte(&s.f);

    } else if ((how & 0xe) == 2) {
        n--;
    }

    return n;
}


static void
control(unsigned opcode)
{
    size_t         len;
    chat_str_t     said;
    conn_frame_t   frame;
    unsigned char  body[130];

    said = fuzz_string(&s.f);
    len = said.len < sizeof(body) ? said.len : sizeof(body);

    if (len) {
        memcpy(body, said.data, len);
    }

    fuzz_free(said);

    frame = frame_of(0x80 | opcode, body, len);
    emit(&frame);
}


/* a frame by its parts, most of which are not as they should be */
static void
wrong(void)
{
    unsigned       how;
    chat_str_t     said;
    conn_frame_t   frame;

    how = fuzz_byte(&s.f);
    said = fuzz_string(&s.f);
    frame = frame_of(fuzz_byte(&s.f), said.data, said.len);

    switch (how & 7) {

    case 0:
        frame.masked = 0;
        break;

    case 1:
        frame.form = 2;
        break;

    case 2:
        frame.form = 8;
        break;

    case 3:
        frame.form = 8;
        frame.top = 1;
        break;

    case 4:
        frame.len += how >> 3;
        break;

    case 5:
        frame.len += (uint64_t) (how | 1) << (how >> 3) * 2 % 55;
        break;
    }

    emit(&frame);
    fuzz_free(said);
}


static conn_frame_t
frame_of(unsigned first, const unsigned char *data, size_t len)
{
    conn_frame_t  frame;

    frame.first = first;
    frame.masked = 1;
    frame.form = 0;
    frame.top = 0;
    frame.len = len;
    frame.payload = (chat_str_t) { len, data };

    return frame;
}


/* to the list, and into the stream */
static void
emit(conn_frame_t *frame)
{
    size_t          i, len;
    unsigned        bytes, form;
    unsigned char  *p, *copy, mask[4];

    if (s.cut_short) {
        return;
    }

    len = frame->payload.len;
    s.cut_short = frame->len > len;

    /* in a form that is too short, what is meant is something else */

    form = frame->len < 126 ? 0 : frame->len < 65536 ? 2 : 8;
    form = frame->form > form ? frame->form : form;
    frame->form = form != 0 && frame->form == form ? form : 0;

    p = s.stream + s.len;
    *p++ = (unsigned char) frame->first;
    *p = form == 0 ? (unsigned char) frame->len : form == 2 ? 126 : 127;
    *p++ |= frame->masked ? 0x80 : 0;

    for (bytes = form; bytes--; ) {
        *p++ = (unsigned char) (frame->len >> bytes * 8);
    }

    if (frame->top) {
        p[-8] |= 0x80;
    }

    for (i = 0; i < 4 && frame->masked; i++) {
        mask[i] = (unsigned char) ((s.nframes + 1) * (37 + 90 * i));
        *p++ = mask[i];
    }

    copy = s.payloads + s.npayloads;
    s.npayloads += len;

    for (i = 0; i < len; i++) {
        copy[i] = frame->payload.data[i];
        *p++ = copy[i] ^ (frame->masked ? mask[i & 3] : 0);
    }

    frame->payload.data = copy;
    s.len = (size_t) (p - s.stream);
    s.frames[s.nframes++] = *frame;
}
