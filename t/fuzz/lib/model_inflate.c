/*
 * Inflate (RFC 1951), bit by bit, for the messages of RFC 7692.  Behind a final
 * block the next one begins at a whole byte; where the payload ends there, so
 * does the message, without the tail.
 */

#include "model.h"


#define MODEL_BITS      15
#define MODEL_FINALS    16              /* as many as may have more behind */


typedef struct {
    chat_str_t      in;
    size_t          bit;                /* the next one of the input */
    unsigned char  *out;
    size_t          len;
    size_t          max;
} model_bits_t;


/* Huffman codes of a kind: how many there are of each length, and their
   symbols in order */
typedef struct {
    unsigned        n[MODEL_BITS + 1];
    unsigned        symbol[288];
} model_code_t;


static int model_block(model_bits_t *b, int type);
static int model_stored(model_bits_t *b);
static int model_tables(model_bits_t *b, model_code_t *lengths,
    model_code_t *distances);
static int model_sizes(model_bits_t *b, const model_code_t *code,
    unsigned char *sizes, int all);
static int model_symbols(model_bits_t *b, const model_code_t *lengths,
    const model_code_t *distances);
static int model_code(model_code_t *code, const unsigned char *sizes,
    unsigned n);
static int model_symbol(model_bits_t *b, const model_code_t *code);
static int model_get(model_bits_t *b, unsigned n);


int
model_inflate(chat_str_t in, size_t max, unsigned char *out, size_t *len)
{
    int             rc, final, type, finals;
    unsigned char  *whole;
    model_bits_t    b;

    whole = fuzz_alloc(in.len + 4);

    if (in.len) {
        memcpy(whole, in.data, in.len);
    }

    memcpy(whole + in.len, "\0\0\xff\xff", 4);

    b = (model_bits_t) { { in.len + 4, whole }, 0, out, 0, max };
    rc = MODEL_GOOD;
    finals = 0;

    while (rc == MODEL_GOOD && b.bit != b.in.len * 8) {
        final = model_get(&b, 1);
        type = model_get(&b, 2);

        rc = type < 0 ? MODEL_BAD : model_block(&b, type);

        if (rc == MODEL_GOOD && final) {
            b.bit = (b.bit + 7) / 8 * 8;

            if (b.bit == in.len * 8) {
                break;
            }

            if (b.bit < in.len * 8 && ++finals > MODEL_FINALS) {
                rc = MODEL_BAD;
            }
        }
    }

    *len = b.len;
    free(whole);

    return rc;
}


static int
model_block(model_bits_t *b, int type)
{
    unsigned       i;
    model_code_t   lengths, distances;
    unsigned char  sizes[288];

    static model_code_t  fixed[2];

    switch (type) {

    case 0:
        return model_stored(b);

    case 1:
        if (fixed[0].n[8] == 0) {
            for (i = 0; i < 288; i++) {
                sizes[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
            }

            (void) model_code(&fixed[0], sizes, 288);

            memset(sizes, 5, 30);
            (void) model_code(&fixed[1], sizes, 30);
        }

        return model_symbols(b, &fixed[0], &fixed[1]);

    case 2:
        if (model_tables(b, &lengths, &distances) != MODEL_GOOD) {
            return MODEL_BAD;
        }

        return model_symbols(b, &lengths, &distances);

    default:
        return MODEL_BAD;
    }
}


static int
model_put(model_bits_t *b, int ch)
{
    if (b->len == b->max) {
        return MODEL_LONG;
    }

    b->out[b->len++] = (unsigned char) ch;

    return MODEL_GOOD;
}


static int
model_stored(model_bits_t *b)
{
    int  rc, n, ch;

    b->bit = (b->bit + 7) / 8 * 8;

    n = model_get(b, 16);

    if (n < 0 || model_get(b, 16) != (n ^ 0xffff)) {
        return MODEL_BAD;
    }

    for (rc = MODEL_GOOD; n && rc == MODEL_GOOD; n--) {
        ch = model_get(b, 8);
        rc = ch < 0 ? MODEL_BAD : model_put(b, ch);
    }

    return rc;
}


static int
model_tables(model_bits_t *b, model_code_t *lengths, model_code_t *distances)
{
    int            nlen, ndist, ncode, i, n;
    unsigned char  sizes[320];

    static const unsigned char  order[19] = {
        16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15
    };

    nlen = model_get(b, 5) + 257;
    ndist = model_get(b, 5) + 1;
    ncode = model_get(b, 4) + 4;

    if (ncode < 4 || nlen > 286 || ndist > 30) {
        return MODEL_BAD;
    }

    memset(sizes, 0, sizeof(sizes));

    for (i = 0; i < ncode; i++) {
        n = model_get(b, 3);

        if (n < 0) {
            return MODEL_BAD;
        }

        sizes[order[i]] = (unsigned char) n;
    }

    if (model_code(lengths, sizes, 19) != 0) {
        return MODEL_BAD;
    }

    if (model_sizes(b, lengths, sizes, nlen + ndist) != MODEL_GOOD) {
        return MODEL_BAD;
    }

    /* a code that is incomplete may only be a single one of one bit */

    n = model_code(lengths, sizes, (unsigned) nlen);

    if (sizes[256] == 0 || n < 0
        || (n > 0 && (int) (lengths->n[0] + lengths->n[1]) != nlen))
    {
        return MODEL_BAD;
    }

    n = model_code(distances, sizes + nlen, (unsigned) ndist);

    if (n < 0
        || (n > 0 && (int) (distances->n[0] + distances->n[1]) != ndist))
    {
        return MODEL_BAD;
    }

    return MODEL_GOOD;
}


/* so many sizes, as the code for them writes them */
static int
model_sizes(model_bits_t *b, const model_code_t *code, unsigned char *sizes,
    int all)
{
    int  i, n, symbol, before;

    for (i = 0; i < all; ) {
        symbol = model_symbol(b, code);

        if (symbol < 0) {
            return MODEL_BAD;
        }

        if (symbol < 16) {
            sizes[i++] = (unsigned char) symbol;
            continue;
        }

        before = 0;

        if (symbol == 16) {

            if (i == 0) {
                return MODEL_BAD;
            }

            before = sizes[i - 1];
            n = model_get(b, 2) + 3;

        } else {
            n = symbol == 17 ? model_get(b, 3) + 3 : model_get(b, 7) + 11;
        }

        /* 2 and 10: the bits have ended */

        if (n == 2 || (n == 10 && symbol == 18) || i + n > all) {
            return MODEL_BAD;
        }

        while (n--) {
            sizes[i++] = (unsigned char) before;
        }
    }

    return MODEL_GOOD;
}


static int
model_symbols(model_bits_t *b, const model_code_t *lengths,
    const model_code_t *distances)
{
    int       rc, symbol, extra, n;
    unsigned  bits, distance;

    static const unsigned short  length[29] = {
        3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51,
        59, 67, 83, 99, 115, 131, 163, 195, 227, 258
    };

    for ( ;; ) {
        symbol = model_symbol(b, lengths);

        if (symbol == 256) {
            return MODEL_GOOD;
        }

        if (symbol < 0 || symbol > 285) {
            return MODEL_BAD;
        }

        if (symbol < 256) {
            rc = model_put(b, symbol);

            if (rc != MODEL_GOOD) {
                return rc;
            }

            continue;
        }

        symbol -= 257;
        bits = symbol < 8 || symbol == 28 ? 0 : (unsigned) symbol / 4 - 1;
        extra = model_get(b, bits);
        n = length[symbol] + extra;

        symbol = extra < 0 ? -1 : model_symbol(b, distances);

        if (symbol < 0 || symbol > 29) {
            return MODEL_BAD;
        }

        bits = symbol < 4 ? 0 : (unsigned) symbol / 2 - 1;
        extra = model_get(b, bits);
        distance = symbol < 4 ? (unsigned) symbol + 1
                              : (2u + (symbol & 1)) << bits;
        distance += symbol < 4 ? 0 : (unsigned) extra + 1;

        if (extra < 0 || distance > b->len) {
            return MODEL_BAD;
        }

        while (n--) {
            if (b->len == b->max) {
                return MODEL_LONG;
            }

            b->out[b->len] = b->out[b->len - distance];
            b->len++;
        }
    }
}


/* from the codes' sizes; how many are left over, below 0 if it's too many */
static int
model_code(model_code_t *code, const unsigned char *sizes, unsigned n)
{
    int       left;
    unsigned  i, size, at[MODEL_BITS + 2];

    memset(code->n, 0, sizeof(code->n));

    for (i = 0; i < n; i++) {
        code->n[sizes[i]]++;
    }

    left = 1;
    at[1] = 0;

    for (size = 1; size <= MODEL_BITS; size++) {
        left = left < 0 ? left : left * 2 - (int) code->n[size];
        at[size + 1] = at[size] + code->n[size];
    }

    for (i = 0; i < n; i++) {
        if (sizes[i]) {
            code->symbol[at[sizes[i]]++] = i;
        }
    }

    return code->n[0] == n ? 0 : left;
}


/* the next symbol, or -1 */
static int
model_symbol(model_bits_t *b, const model_code_t *code)
{
    int       bit;
    unsigned  size, value, first, at;

    value = 0;
    first = 0;
    at = 0;

    for (size = 1; size <= MODEL_BITS; size++) {
        bit = model_get(b, 1);

        if (bit < 0) {
            return -1;
        }

        value = value << 1 | (unsigned) bit;
        first <<= 1;

        if (value - first < code->n[size]) {
            return (int) code->symbol[at + value - first];
        }

        first += code->n[size];
        at += code->n[size];
    }

    return -1;
}


/* so many bits, the lowest first, or -1 */
static int
model_get(model_bits_t *b, unsigned n)
{
    int       value;
    unsigned  i;

    if (b->in.len * 8 - b->bit < n) {
        b->bit = b->in.len * 8;
        return -1;
    }

    value = 0;

    for (i = 0; i < n; i++, b->bit++) {
        value |= (b->in.data[b->bit / 8] >> b->bit % 8 & 1) << i;
    }

    return value;
}
