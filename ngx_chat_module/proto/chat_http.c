/*
 * Query strings, cookies, lists of tokens.  All slices point into the caller's
 * text.
 */

#include "chat_http.h"


static chat_str_t chat_http_trim(chat_str_t text);
static chat_str_t chat_http_cut(chat_str_t *text, unsigned char separator);
static int chat_http_eq_nocase(chat_str_t a, chat_str_t b);


int
chat_query_next(chat_str_t *args, chat_str_t *name, chat_str_t *value)
{
    while (args->len) {
        *value = chat_http_cut(args, '&');

        if (value->len) {
            *name = chat_http_cut(value, '=');
            return CHAT_OK;
        }
    }

    return CHAT_DONE;
}


long
chat_query_decode(chat_str_t in, unsigned char *out)
{
    int             high, low;
    size_t          i;
    unsigned char  *start;

    start = out;

    for (i = 0; i < in.len; i++) {

        if (in.data[i] == '+') {
            *out++ = ' ';
            continue;
        }

        if (in.data[i] != '%') {
            *out++ = in.data[i];
            continue;
        }

        if (in.len - i < 3) {
            return -1;
        }

        high = chat_hex(in.data[i + 1]);
        low = chat_hex(in.data[i + 2]);

        if (high < 0 || low < 0) {
            return -1;
        }

        *out++ = (unsigned char) (high << 4 | low);
        i += 2;
    }

    return (long) (out - start);
}


int
chat_cookie_find(chat_str_t header, chat_str_t name, chat_str_t *value)
{
    chat_str_t  pair, key;

    while (header.len) {
        pair = chat_http_cut(&header, ';');

        if (pair.len == 0 || memchr(pair.data, '=', pair.len) == NULL) {
            continue;
        }

        key = chat_http_trim(chat_http_cut(&pair, '='));

        if (!chat_str_eq(key, name)) {
            continue;
        }

        pair = chat_http_trim(pair);

        if (pair.len >= 2 && pair.data[0] == '"'
            && pair.data[pair.len - 1] == '"')
        {
            pair.data++;
            pair.len -= 2;
        }

        *value = pair;

        return CHAT_OK;
    }

    return CHAT_DONE;
}


int
chat_token_in_list(chat_str_t list, chat_str_t token)
{
    chat_str_t  item;

    while (list.len) {
        item = chat_http_trim(chat_http_cut(&list, ','));

        if (item.len && chat_http_eq_nocase(item, token)) {
            return 1;
        }
    }

    return 0;
}


int
chat_content_type_json(chat_str_t value)
{
    return chat_http_eq_nocase(chat_http_trim(chat_http_cut(&value, ';')),
                               chat_str("application/json"));
}


/*
 * Takes what is before the first separator off text, which is then what is
 * behind it, or empty.
 */
static chat_str_t
chat_http_cut(chat_str_t *text, unsigned char separator)
{
    chat_str_t            head;
    const unsigned char  *p;

    head = *text;

    if (head.len == 0) {
        return head;
    }

    p = memchr(head.data, separator, head.len);

    if (p) {
        head.len = (size_t) (p - head.data);
        text->data = p + 1;
        text->len -= head.len + 1;

    } else {
        text->data += text->len;
        text->len = 0;
    }

    return head;
}


static chat_str_t
chat_http_trim(chat_str_t text)
{
    while (text.len && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text.data++;
        text.len--;
    }

    while (text.len && (text.data[text.len - 1] == ' '
                        || text.data[text.len - 1] == '\t'))
    {
        text.len--;
    }

    return text;
}


static int
chat_http_eq_nocase(chat_str_t a, chat_str_t b)
{
    size_t         i;
    unsigned char  x, y;

    if (a.len != b.len) {
        return 0;
    }

    for (i = 0; i < a.len; i++) {
        x = a.data[i];
        y = b.data[i];

        if (x >= 'A' && x <= 'Z') {
            x |= 0x20;
        }

        if (y >= 'A' && y <= 'Z') {
            y |= 0x20;
        }

        if (x != y) {
            return 0;
        }
    }

    return 1;
}
