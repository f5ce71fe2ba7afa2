/*
 * chat_http: cookies, lists of tokens, content types.  The first bytes, up to a
 * NUL, are the name or token that is looked for in the rest.
 */

#include "chat_http.h"
#include "fuzz.h"


static void cookie(chat_str_t header, chat_str_t name);
static chat_str_t trimmed(chat_str_t text);
static int same(chat_str_t a, chat_str_t b);
static size_t part(chat_str_t text, size_t from, int separator,
    chat_str_t *out);


int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
    int         found;
    size_t      at;
    fuzz_t      f;
    chat_str_t  name, text, item;

    f = (fuzz_t) { data, data + len };
    name = fuzz_string(&f);
    text = fuzz_text(f.p, (size_t) (f.end - f.p));

    cookie(text, name);

    found = 0;

    for (at = 0; at < text.len; ) {
        at = part(text, at, ',', &item);
        item = trimmed(item);
        found |= item.len && same(item, name);
    }

    check(!chat_token_in_list(text, name) == !found);

    (void) part(text, 0, ';', &item);
    check(!chat_content_type_json(text)
          == !same(trimmed(item), chat_str("application/json")));

    fuzz_free(name);
    fuzz_free(text);

    return 0;
}


static void
cookie(chat_str_t header, chat_str_t name)
{
    int         found;
    size_t      at, end;
    chat_str_t  pair, key, want, value;

    found = 0;
    want.len = 0;

    for (at = 0; at < header.len && !found; ) {
        at = part(header, at, ';', &pair);
        end = part(pair, 0, '=', &key);

        if (key.len < pair.len && chat_str_eq(trimmed(key), name)) {
            found = 1;
            want = trimmed((chat_str_t) { pair.len - end, pair.data + end });

            if (want.len > 1 && want.data[0] == '"'
                && want.data[want.len - 1] == '"')
            {
                want.data++;
                want.len -= 2;
            }
        }
    }

    value.data = name.data;
    value.len = 12345;

    check((chat_cookie_find(header, name, &value) == CHAT_OK) == found);

    if (found) {
        check(fuzz_within(value, header) && chat_str_eq(value, want));
        check(value.len == 0 || memchr(value.data, ';', value.len) == NULL);

    } else {
        check(value.len == 12345);
    }
}


/* from a place up to the separator or the end; what is behind that */
static size_t
part(chat_str_t text, size_t from, int separator, chat_str_t *out)
{
    size_t  i;

    for (i = from; i < text.len && text.data[i] != separator; i++) {
        /* void */
    }

    *out = (chat_str_t) { i - from, text.len ? text.data + from : NULL };

    return i < text.len ? i + 1 : i;
}


static chat_str_t
trimmed(chat_str_t text)
{
    size_t  i, end;

    end = text.len;

    while (end && (text.data[end - 1] == ' ' || text.data[end - 1] == '\t')) {
        end--;
    }

    for (i = 0; i < end && (text.data[i] == ' ' || text.data[i] == '\t'); i++) {
        /* void */
    }

    return (chat_str_t) { end - i, text.data ? text.data + i : NULL };
}


/* but for the case of ASCII letters */
static int
same(chat_str_t a, chat_str_t b)
{
    size_t         i;
    unsigned char  x, y;

    for (i = 0; i < a.len && i < b.len; i++) {
        x = a.data[i];
        y = b.data[i];

        if (x != y && (x ^ y) != 0x20) {
            return 0;
        }

        x |= 0x20;

        if (a.data[i] != y && (x < 'a' || x > 'z')) {
            return 0;
        }
    }

    return a.len == b.len;
}
