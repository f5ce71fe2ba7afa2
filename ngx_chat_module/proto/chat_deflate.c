/*
 * permessage-deflate: see the header.
 *
 * Level 1, as a message is compressed while others wait.  A window of 4 KB and
 * memLevel 5, as a chat message is rarely longer, and what deflateReset() has
 * to clear for each is 8 KB instead of 64.
 */

#include "chat_deflate.h"

#include <zlib.h>


#define CHAT_DEFLATE_LEVEL       1
#define CHAT_DEFLATE_WINDOW      12
#define CHAT_DEFLATE_MEM_LEVEL   5
#define CHAT_DEFLATE_MIN_BLOCK   1024
#define CHAT_DEFLATE_DICTIONARY  32768
#define CHAT_DEFLATE_TAIL        4
#define CHAT_DEFLATE_MAX_FINAL   16


struct chat_deflate_s {
    chat_deflate_mem_t    mem;
    z_stream              pack;
    z_stream              unpack;
};


static int chat_deflate_params(chat_str_t *in, int *acceptable,
    chat_deflate_offer_t *offer);
static int chat_deflate_param(chat_str_t name, chat_str_t *value,
    unsigned *seen, chat_deflate_offer_t *offer);
static unsigned chat_deflate_bits(chat_str_t *value);
static void chat_deflate_space(chat_str_t *in);
static int chat_deflate_token(chat_str_t *in, chat_str_t *token);
static int chat_deflate_value(chat_str_t *in, chat_str_t *value,
    unsigned char *copy, size_t size);
static int chat_deflate_inflate(chat_deflate_t *d, chat_str_t in, size_t max,
    unsigned char **out, size_t *size);
static int chat_deflate_grow(chat_deflate_t *d, size_t max,
    unsigned char **out, size_t *size);
static voidpf chat_deflate_alloc(voidpf data, uInt n, uInt size);
static void chat_deflate_free(voidpf data, voidpf block);


int
chat_deflate_negotiate(chat_str_t header, chat_deflate_offer_t *offer)
{
    int                   found, acceptable;
    chat_str_t            name;
    chat_deflate_offer_t  one;

    found = 0;

    for ( ;; ) {
        chat_deflate_space(&header);

        if (header.len == 0) {
            return found ? CHAT_OK : CHAT_DONE;
        }

        if (*header.data == ',') {

            /* an empty element of a list */

            header.data++;
            header.len--;
            continue;
        }

        if (chat_deflate_token(&header, &name) != CHAT_OK) {
            return CHAT_ERROR;
        }

        acceptable = chat_str_eq(name, chat_str("permessage-deflate"));
        one.window = CHAT_DEFLATE_MAX_WINDOW;
        one.asked = 0;

        if (chat_deflate_params(&header, &acceptable, &one) != CHAT_OK) {
            return CHAT_ERROR;
        }

        if (acceptable && !found) {
            found = 1;
            *offer = one;
        }
    }
}


/* up to the end of the offer: ";" name [ "=" value ] ... */

static int
chat_deflate_params(chat_str_t *in, int *acceptable,
    chat_deflate_offer_t *offer)
{
    unsigned       seen;
    chat_str_t     name, value, *given;
    unsigned char  copy[4];

    seen = 0;

    for ( ;; ) {
        chat_deflate_space(in);

        if (in->len == 0 || *in->data == ',') {
            return CHAT_OK;
        }

        if (*in->data != ';') {
            return CHAT_ERROR;
        }

        in->data++;
        in->len--;
        chat_deflate_space(in);

        if (chat_deflate_token(in, &name) != CHAT_OK) {
            return CHAT_ERROR;
        }

        chat_deflate_space(in);
        given = NULL;

        if (in->len && *in->data == '=') {
            in->data++;
            in->len--;
            chat_deflate_space(in);

            if (chat_deflate_value(in, &value, copy, sizeof(copy)) != CHAT_OK) {
                return CHAT_ERROR;
            }

            given = &value;
        }

        if (*acceptable) {
            *acceptable = chat_deflate_param(name, given, &seen, offer);
        }
    }
}


/* 1 if the offer can still be accepted; value NULL: there is none */

static int
chat_deflate_param(chat_str_t name, chat_str_t *value, unsigned *seen,
    chat_deflate_offer_t *offer)
{
    unsigned  i, bits;

    const chat_str_t  names[] = {
        chat_str("server_no_context_takeover"),
        chat_str("client_no_context_takeover"),
        chat_str("server_max_window_bits"),
        chat_str("client_max_window_bits")
    };

    for (i = 0; i < 4 && !chat_str_eq(name, names[i]); i++) { /* void */ }

    if (i == 4 || (*seen & 1u << i)) {
        return 0;
    }

    *seen |= 1u << i;
    bits = value ? chat_deflate_bits(value) : 0;

    switch (i) {

    case 2:
        offer->window = bits;
        offer->asked = 1;
        return bits >= CHAT_DEFLATE_MIN_WINDOW;

    case 3:

        /* whatever it is, we can read it */

        return value == NULL || bits != 0;

    default:
        return value == NULL;
    }
}


/* 8 to 15 without a leading zero, or 0 */

static unsigned
chat_deflate_bits(chat_str_t *value)
{
    if (value->len == 1 && (value->data[0] == '8' || value->data[0] == '9')) {
        return value->data[0] - '0';
    }

    if (value->len == 2 && value->data[0] == '1'
        && value->data[1] >= '0' && value->data[1] <= '5')
    {
        return 10 + value->data[1] - '0';
    }

    return 0;
}


static void
chat_deflate_space(chat_str_t *in)
{
    while (in->len && (*in->data == ' ' || *in->data == '\t')) {
        in->data++;
        in->len--;
    }
}


/* RFC 7230, 3.2.6 */

static int
chat_deflate_token(chat_str_t *in, chat_str_t *token)
{
    unsigned char  ch;

    token->data = in->data;

    while (in->len) {
        ch = *in->data;

        if (ch <= ' ' || ch >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", ch)) {
            break;
        }

        in->data++;
        in->len--;
    }

    token->len = (size_t) (in->data - token->data);

    return token->len ? CHAT_OK : CHAT_ERROR;
}


/*
 * A token, or one in quotes; no value that we take is longer than copy, so that
 * of a longer one only the beginning is kept.
 */
static int
chat_deflate_value(chat_str_t *in, chat_str_t *value, unsigned char *copy,
    size_t size)
{
    size_t         n;
    chat_str_t     token;
    unsigned char  ch;

    if (in->len == 0 || *in->data != '"') {
        return chat_deflate_token(in, value);
    }

    n = 0;

    for ( ;; ) {
        in->data++;
        in->len--;

        if (in->len && *in->data == '"') {
            break;
        }

        if (in->len && *in->data == '\\') {
            in->data++;
            in->len--;
        }

        if (in->len == 0) {
            return CHAT_ERROR;
        }

        /* what is in the quotes has to be a token as well: RFC 6455, 9.1 */

        ch = *in->data;
        token = (chat_str_t) { 1, &ch };

        if (chat_deflate_token(&token, value) != CHAT_OK) {
            return CHAT_ERROR;
        }

        if (n < size) {
            copy[n++] = ch;
        }
    }

    in->data++;
    in->len--;

    value->data = copy;
    value->len = n;

    return n ? CHAT_OK : CHAT_ERROR;
}


chat_deflate_t *
chat_deflate_create(const chat_deflate_mem_t *mem)
{
    chat_deflate_t  *d;

    d = mem->alloc(mem->data, sizeof(chat_deflate_t));
    if (d == NULL) {
        return NULL;
    }

    memset(d, 0, sizeof(chat_deflate_t));
    d->mem = *mem;

    d->pack.zalloc = chat_deflate_alloc;
    d->pack.zfree = chat_deflate_free;
    d->pack.opaque = d;
    d->unpack = d->pack;

    if (deflateInit2(&d->pack, CHAT_DEFLATE_LEVEL, Z_DEFLATED,
                     -CHAT_DEFLATE_WINDOW, CHAT_DEFLATE_MEM_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK
        || inflateInit2(&d->unpack, -CHAT_DEFLATE_MAX_WINDOW) != Z_OK)
    {
        chat_deflate_destroy(d);
        return NULL;
    }

    return d;
}


void
chat_deflate_destroy(chat_deflate_t *d)
{
    if (d) {
        (void) deflateEnd(&d->pack);
        (void) inflateEnd(&d->unpack);
        d->mem.free(d->mem.data, d);
    }
}


size_t
chat_deflate_pack(chat_deflate_t *d, chat_str_t in, unsigned char *out)
{
    size_t     len;
    z_stream  *z;

    z = &d->pack;

    if (in.len > UINT32_MAX / 2 || deflateReset(z) != Z_OK) {
        return 0;
    }

    z->next_in = (Bytef *) in.data;
    z->avail_in = (uInt) in.len;
    z->next_out = out;
    z->avail_out = (uInt) in.len;

    /* a full buffer: there may be more, and it is not shorter anyway */

    if (deflate(z, Z_SYNC_FLUSH) != Z_OK || z->avail_in || z->avail_out == 0) {
        return 0;
    }

    len = in.len - z->avail_out;

    return len > CHAT_DEFLATE_TAIL ? len - CHAT_DEFLATE_TAIL : 0;
}


/* nothing can point back further than to the message's beginning */

int
chat_deflate_fits(size_t len, unsigned window)
{
    return window >= CHAT_DEFLATE_WINDOW || len <= (size_t) 1 << window;
}


int
chat_deflate_unpack(chat_deflate_t *d, chat_str_t in, size_t max,
    unsigned char **out, size_t *len)
{
    int     rc;
    size_t  size;

    static const unsigned char  tail[CHAT_DEFLATE_TAIL] = { 0, 0, 0xff, 0xff };

    *out = NULL;
    *len = 0;
    size = 0;

    if (in.len > UINT32_MAX / 2 || max > UINT32_MAX / 2
        || inflateReset(&d->unpack) != Z_OK)
    {
        return CHAT_ERROR;
    }

    d->unpack.next_out = NULL;
    d->unpack.avail_out = 0;

    rc = chat_deflate_inflate(d, in, max, out, &size);

    /* CHAT_DONE: a final block ended where the payload does */

    if (rc == CHAT_OK) {
        rc = chat_deflate_inflate(d, (chat_str_t) { sizeof(tail), tail }, max,
                                  out, &size);

        /* between two blocks, and no bit of a byte is left */

        if (rc == CHAT_OK && (d->unpack.data_type & 0xc7) != 128) {
            rc = CHAT_ERROR;
        }
    }

    if (rc == CHAT_OK || rc == CHAT_DONE) {
        *len = size - d->unpack.avail_out;
        return CHAT_OK;
    }

    if (*out) {
        d->mem.free(d->mem.data, *out);
        *out = NULL;
    }

    return rc;
}


/*
 * Until all of in is consumed and nothing of it waits.  What follows a final
 * block (RFC 7692, 7.2.3.4) may refer to what was before it.  Each costs a copy
 * of that, and can be two bytes long: so only a few of them.
 */
static int
chat_deflate_inflate(chat_deflate_t *d, chat_str_t in, size_t max,
    unsigned char **out, size_t *size)
{
    int        rc;
    size_t     n, keep;
    unsigned   finals;
    z_stream  *z;

    finals = 0;

    z = &d->unpack;
    z->next_in = (Bytef *) in.data;
    z->avail_in = (uInt) in.len;

    for ( ;; ) {
        if (z->avail_out == 0) {
            rc = chat_deflate_grow(d, max, out, size);

            if (rc != CHAT_OK) {
                return rc;
            }
        }

        rc = inflate(z, Z_SYNC_FLUSH);
        n = *size - z->avail_out;

        if (n > max) {
            return CHAT_DEFLATE_TOO_LONG;
        }

        if (rc == Z_STREAM_END) {
            if (z->avail_in == 0) {
                return CHAT_DONE;
            }

            keep = n < CHAT_DEFLATE_DICTIONARY ? n : CHAT_DEFLATE_DICTIONARY;

            if (++finals > CHAT_DEFLATE_MAX_FINAL
                || inflateReset(z) != Z_OK
                || (keep && inflateSetDictionary(z, *out + n - keep,
                                                 (uInt) keep) != Z_OK))
            {
                return CHAT_ERROR;
            }

            continue;
        }

        if (rc != Z_OK && rc != Z_BUF_ERROR) {
            return CHAT_ERROR;
        }

        if (z->avail_out) {
            return z->avail_in ? CHAT_ERROR : CHAT_OK;
        }
    }
}


/* one byte more than may be, so that it shows */

static int
chat_deflate_grow(chat_deflate_t *d, size_t max, unsigned char **out,
    size_t *size)
{
    size_t          want;
    unsigned char  *block;

    want = *size ? *size * 2 : CHAT_DEFLATE_MIN_BLOCK;
    want = want < max + 1 ? want : max + 1;

    if (want == *size) {
        return CHAT_DEFLATE_TOO_LONG;
    }

    block = d->mem.alloc(d->mem.data, want);
    if (block == NULL) {
        return CHAT_ERROR;
    }

    if (*out) {
        memcpy(block, *out, *size);
        d->mem.free(d->mem.data, *out);
    }

    d->unpack.next_out = block + *size;
    d->unpack.avail_out = (uInt) (want - *size);

    *out = block;
    *size = want;

    return CHAT_OK;
}


static voidpf
chat_deflate_alloc(voidpf data, uInt n, uInt size)
{
    chat_deflate_t *d = data;

    return d->mem.alloc(d->mem.data, (size_t) n * size);
}


static void
chat_deflate_free(voidpf data, voidpf block)
{
    chat_deflate_t *d = data;

    d->mem.free(d->mem.data, block);
}
