/*
 * Messages of permessage-deflate.  The first byte says what the others are: a
 * payload, or a text that is compressed, either by us or by zlib in one of its
 * many ways, and may then be damaged.  One object serves all inputs, as it does
 * all connections of a worker.
 */

#include <zlib.h>

#include "chat_deflate.h"
#include "model.h"


static size_t           blocks;         /* of memory, in use */
static chat_deflate_t  *deflater;


static void *
take(void *data, size_t len)
{
    (void) data;
    blocks++;

    return fuzz_alloc(len);
}


static void
give(void *data, void *block)
{
    (void) data;
    blocks -= block != NULL;
    free(block);
}


static void unpack(chat_str_t payload, size_t max);
static void round_trip(chat_str_t text);
static chat_str_t squeeze(chat_str_t text, unsigned how);


int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
    fuzz_t          f;
    size_t          max, at;
    unsigned        kind, how, flip;
    chat_str_t      text, payload;
    unsigned char  *out;

    static const size_t  limits[] = { 0, 1, 100, 1023, 1024, 1025, 5000 };

    const chat_deflate_mem_t  mem = { take, give, NULL };

    if (deflater == NULL) {
        deflater = chat_deflate_create(&mem);
        check(deflater);

        /* zlib allocates its window at the first use */

        (void) chat_deflate_unpack(deflater, chat_str("\112\4\0"), 9, &out,
                                   &len);
        free(out);
        blocks -= out != NULL;
    }

    f = (fuzz_t) { data, data + len };
    kind = fuzz_byte(&f);
    max = limits[(kind >> 2) % 7];

    switch (kind & 3) {

    case 0:
    case 1:
        payload = fuzz_text(f.p, (size_t) (f.end - f.p));
        unpack(payload, max);
        fuzz_free(payload);
        break;

    case 2:
        text = fuzz_text(f.p, (size_t) (f.end - f.p));
        round_trip(text);
        fuzz_free(text);
        break;

    default:
        how = fuzz_byte(&f);
        at = fuzz_byte(&f);
        flip = fuzz_byte(&f);

        text = fuzz_text(f.p, (size_t) (f.end - f.p));
        payload = squeeze(text, how);

        if (at < payload.len) {
            ((unsigned char *) payload.data)[at] ^= (unsigned char) flip;
        }

        unpack(payload, max);
        fuzz_free(payload);
        fuzz_free(text);
    }

    return 0;
}


static void
unpack(chat_str_t payload, size_t max)
{
    int             rc, want;
    size_t          len, n, before;
    unsigned char  *text, *out;

    before = blocks;
    n = 12345;
    text = (unsigned char *) &n;

    out = fuzz_alloc(max);
    want = model_inflate(payload, max, out, &len);
    rc = chat_deflate_unpack(deflater, payload, max, &text, &n);

    check(rc == (want == MODEL_GOOD ? CHAT_OK
                 : want == MODEL_LONG ? CHAT_DEFLATE_TOO_LONG : CHAT_ERROR));

    if (rc == CHAT_OK) {
        check(n == len && n <= max && (n == 0 || memcmp(text, out, n) == 0));
        check(blocks == before + (text != NULL));
        free(text);
        blocks = before;

    } else {
        check(text == NULL);
    }

    check(blocks == before);
    free(out);
}


static void
round_trip(chat_str_t text)
{
    int             window;
    size_t          len, n;
    unsigned char  *packed, *out;

    static z_stream  z;

    packed = fuzz_alloc(text.len);
    out = fuzz_alloc(text.len);

    len = chat_deflate_pack(deflater, text, packed);
    check(len < text.len || len == 0);

    if (len) {
        unpack((chat_str_t) { len, packed }, text.len);
        unpack((chat_str_t) { len, packed }, text.len - 1);

        check(model_inflate((chat_str_t) { len, packed }, text.len, out, &n)
              == MODEL_GOOD);
        check(n == text.len && memcmp(out, text.data, n) == 0);

        /* and a client with a small window can read it, too */

        for (window = 9; window <= 15; window += 3) {

            if (!chat_deflate_fits(text.len, (unsigned) window)) {
                continue;
            }

            memset(out, 0, text.len);
            check((z.state ? inflateReset2(&z, -window)
                           : inflateInit2(&z, -window)) == Z_OK);

            z.next_in = packed;
            z.avail_in = (uInt) len;
            z.next_out = out;
            z.avail_out = (uInt) text.len;

            check(inflate(&z, Z_SYNC_FLUSH) == Z_OK);
            check(z.avail_in == 0 && z.avail_out == 0);
            check(memcmp(out, text.data, text.len) == 0);
        }
    }

    free(packed);
    free(out);
}


static chat_str_t
squeeze(chat_str_t text, unsigned how)
{
    size_t          room, len;
    z_stream       *z;
    chat_str_t      payload;
    unsigned char  *out;

    static z_stream  ways[8];

    room = text.len * 2 + 64;
    out = fuzz_alloc(room);

    z = &ways[how & 7];

    check((z->state ? deflateReset(z)
           : deflateInit2(z, (int) how & 7, Z_DEFLATED, -9, 1,
                          (int) (how & 7) % 5)) == Z_OK);

    z->next_in = (Bytef *) text.data;
    z->avail_in = (uInt) (text.len / 2);
    z->next_out = out;
    z->avail_out = (uInt) room;

    check(deflate(z, how & 0x40 ? Z_BLOCK : Z_NO_FLUSH) != Z_STREAM_ERROR);

    z->avail_in = (uInt) (text.len - text.len / 2);
    check(deflate(z, how & 0x80 ? Z_FINISH : Z_SYNC_FLUSH) >= Z_OK);

    len = room - z->avail_out;

    if (!(how & 0x80) && len >= 4) {
        len -= 4;
    }

    payload = fuzz_text(out, len);
    free(out);

    return payload;
}
