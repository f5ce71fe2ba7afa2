/*
 * Query strings: chat_query_next() gives back all that is between the "&", the
 * decoding undoes an encoding, and chat_eio_query() finds the first of each.
 */

#include "chat_eio.h"
#include "chat_http.h"
#include "fuzz.h"


static void decode(chat_str_t text);
static void engine(chat_str_t args);
static int first(chat_str_t args, const char *name, chat_str_t *value);


int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
    size_t                pairs, want, i;
    chat_str_t            args, rest, name, value;
    const unsigned char  *pos;

    args = fuzz_text(data, len);
    rest = args;
    pos = args.data;
    pairs = 0;

    while (chat_query_next(&rest, &name, &value) == CHAT_OK) {

        while (*pos == '&') {
            pos++;
        }

        check(name.data == pos && fuzz_within(name, args));
        check(name.len == 0 || memchr(name.data, '=', name.len) == NULL);
        check(name.len == 0 || memchr(name.data, '&', name.len) == NULL);
        pos += name.len;

        if (pos < args.data + len && *pos == '=') {
            pos++;
            check(value.len == 0 || value.data == pos);
        }

        check(fuzz_within(value, args));
        check(value.len == 0 || memchr(value.data, '&', value.len) == NULL);
        pos += value.len;

        check(pos == args.data + len || *pos == '&');
        check(fuzz_within(rest, args));
        pairs++;
    }

    check(rest.len == 0);

    want = 0;

    for (i = 0; i < len; i++) {
        want += data[i] != '&' && (i == 0 || data[i - 1] == '&');
    }

    check(pairs == want);

    decode(args);
    engine(args);

    fuzz_free(args);

    return 0;
}


static void
decode(chat_str_t text)
{
    int             good;
    long            len;
    size_t          i, n;
    unsigned char  *out, *encoded, *again;

    static const char  hex[2][17] = { "0123456789abcdef", "0123456789ABCDEF" };

    /* the number of bytes; an escape is three */

    good = 1;
    n = 0;

    for (i = 0; i < text.len && good; i++) {
        if (text.data[i] == '%') {
            good = i + 2 < text.len && chat_hex(text.data[i + 1]) >= 0
                   && chat_hex(text.data[i + 2]) >= 0;
            i += 2;
        }

        n++;
    }

    out = fuzz_alloc(text.len);
    len = chat_query_decode(text, out);

    check(good ? len == (long) n : len == -1);

    if (len > 0) {
        encoded = fuzz_alloc(n * 3);
        again = fuzz_alloc(n * 3);

        for (i = 0; i < n; i++) {
            encoded[i * 3] = '%';
            encoded[i * 3 + 1] = (unsigned char) hex[i % 2][out[i] >> 4];
            encoded[i * 3 + 2] = (unsigned char) hex[i % 2][out[i] & 0xf];
        }

        check(chat_query_decode((chat_str_t) { n * 3, encoded }, again) == len);
        check(memcmp(again, out, n) == 0);

        free(encoded);
        free(again);
    }

    free(out);
}


static void
engine(chat_str_t args)
{
    char              version[8];
    unsigned          want;
    chat_str_t        value;
    chat_eio_query_t  query;

    memset(&query, 0xa5, sizeof(query));
    chat_eio_query(args, &query);

    value.len = 0;
    check(first(args, "sid", &value) ? chat_str_eq(query.sid, value)
                                     : query.sid.len == 0);
    check(fuzz_within(query.sid, args));

    check(query.transport
          == (!first(args, "transport", &value) ? CHAT_EIO_NO_TRANSPORT
              : chat_str_eq(value, chat_str("polling")) ? CHAT_EIO_POLLING
              : chat_str_eq(value, chat_str("websocket")) ? CHAT_EIO_WEBSOCKET
              : CHAT_EIO_NO_TRANSPORT));

    want = 0;

    if (first(args, "EIO", &value) && value.len && value.len <= 4) {
        memcpy(version, value.data, value.len);
        version[value.len] = '\0';

        if (strspn(version, "0123456789") == value.len && version[0] != '0') {
            want = (unsigned) atoi(version);
        }
    }

    check(query.version == want);
}


/* by the bytes alone: name at the start or behind "&", and the end or "=" */
static int
first(chat_str_t args, const char *name, chat_str_t *value)
{
    size_t  i, end, len;

    len = strlen(name);

    for (i = 0; i < args.len; i = end + 1) {

        for (end = i; end < args.len && args.data[end] != '&'; end++) {
            /* void */
        }

        if (end - i >= len && memcmp(args.data + i, name, len) == 0
            && (end - i == len || args.data[i + len] == '='))
        {
            i += len + (end - i > len);
            *value = (chat_str_t) { end - i, args.data + i };
            return 1;
        }
    }

    return 0;
}
