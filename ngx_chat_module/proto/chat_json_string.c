/*
 * JSON's strings: what is asked of a checked one without decoding it first, and
 * the way into and out of JSON's notation.  The caller owns all buffers.
 */

#include "chat_json.h"
#include "chat_utf8.h"


#define chat_json_is_high(ch)  ((ch) >= 0xd800 && (ch) <= 0xdbff)
#define chat_json_is_low(ch)   ((ch) >= 0xdc00 && (ch) <= 0xdfff)
#define chat_json_is_lone(ch)  ((ch) >= 0xd800 && (ch) <= 0xdfff)


static chat_str_t chat_json_inner(const chat_json_t *string);
static uint32_t chat_json_char(const unsigned char **pos,
    const unsigned char *end);
static uint32_t chat_json_unit(const unsigned char *p);
static size_t chat_json_encode(uint32_t ch, unsigned char out[4]);


int
chat_json_string_eq(const chat_json_t *string, chat_str_t text)
{
    size_t                len, done;
    uint32_t              ch;
    chat_str_t            inner;
    unsigned char         utf8[4];
    const unsigned char  *p, *end;

    if (string->type != CHAT_JSON_STRING) {
        return 0;
    }

    inner = chat_json_inner(string);

    if (inner.len == 0 || memchr(inner.data, '\\', inner.len) == NULL) {
        return chat_str_eq(inner, text);
    }

    p = inner.data;
    end = p + inner.len;
    done = 0;

    while (p < end) {
        ch = chat_json_char(&p, end);

        if (chat_json_is_lone(ch)) {
            return 0;
        }

        len = chat_json_encode(ch, utf8);

        if (len > text.len - done
            || memcmp(text.data + done, utf8, len) != 0)
        {
            return 0;
        }

        done += len;
    }

    return done == text.len;
}


long
chat_json_string_decode(const chat_json_t *string, unsigned char *out)
{
    size_t                len;
    uint32_t              ch;
    chat_str_t            inner;
    unsigned char        *start;
    const unsigned char  *p, *end, *slash;

    inner = chat_json_inner(string);
    start = out;
    p = inner.data;
    end = p + inner.len;

    while (p < end) {
        slash = memchr(p, '\\', (size_t) (end - p));
        len = (size_t) ((slash ? slash : end) - p);

        memcpy(out, p, len);
        out += len;
        p += len;

        if (slash) {
            ch = chat_json_char(&p, end);

            if (chat_json_is_lone(ch)) {
                return -1;
            }

            out += chat_json_encode(ch, out);
        }
    }

    return (long) (out - start);
}


size_t
chat_json_string_chars(const chat_json_t *string)
{
    size_t                n;
    chat_str_t            run, inner;
    const unsigned char  *p, *end, *slash;

    inner = chat_json_inner(string);
    p = inner.data;
    end = p + inner.len;
    n = 0;

    while (p < end) {
        slash = memchr(p, '\\', (size_t) (end - p));

        run.data = p;
        run.len = (size_t) ((slash ? slash : end) - p);

        n += chat_utf8_chars(run);
        p += run.len;

        if (slash) {
            (void) chat_json_char(&p, end);
            n++;
        }
    }

    return n;
}


int
chat_json_string_blank(const chat_json_t *string)
{
    chat_str_t            inner;
    const unsigned char  *p, *end;

    inner = chat_json_inner(string);
    p = inner.data;
    end = p + inner.len;

    while (p < end) {
        if (!chat_utf8_space(chat_json_char(&p, end))) {
            return 0;
        }
    }

    return 1;
}


unsigned char *
chat_json_escape(unsigned char *out, chat_str_t text)
{
    size_t                i;
    unsigned char         ch;

    static const unsigned char  hex[] = "0123456789abcdef";
    static const unsigned char  letters[] = "btn\0fr";     /* from U+0008 on */

    *out++ = '"';

    for (i = 0; i < text.len; i++) {
        ch = text.data[i];

        if (ch >= 0x20 && ch != '"' && ch != '\\') {
            *out++ = ch;
            continue;
        }

        *out++ = '\\';

        if (ch >= 0x20) {
            *out++ = ch;

        } else if (ch >= 0x08 && ch <= 0x0d && letters[ch - 0x08]) {
            *out++ = letters[ch - 0x08];

        } else {
            *out++ = 'u';
            *out++ = '0';
            *out++ = '0';
            *out++ = hex[ch >> 4];
            *out++ = hex[ch & 0x0f];
        }
    }

    *out++ = '"';

    return out;
}


/* a string without its quotes */
static chat_str_t
chat_json_inner(const chat_json_t *string)
{
    return (chat_str_t) { string->raw.len - 2, string->raw.data + 1 };
}


/*
 * The next code point of a string's inside: one character, one escape, or two
 * escapes that are a pair.  A lone surrogate comes as it is.
 */
static uint32_t
chat_json_char(const unsigned char **pos, const unsigned char *end)
{
    uint32_t              ch, low;
    const unsigned char  *p;

    p = *pos;

    if (*p != '\\') {
        return chat_utf8_next(pos);
    }

    *pos = p + 2;

    switch (p[1]) {

    case 'b':
        return '\b';

    case 'f':
        return '\f';

    case 'n':
        return '\n';

    case 'r':
        return '\r';

    case 't':
        return '\t';

    case 'u':
        break;

    default:
        return p[1];
    }

    ch = chat_json_unit(p + 2);
    p += 6;

    if (chat_json_is_high(ch) && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
        low = chat_json_unit(p + 2);

        if (chat_json_is_low(low)) {
            ch = 0x10000 + ((ch - 0xd800) << 10) + (low - 0xdc00);
            p += 6;
        }
    }

    *pos = p;

    return ch;
}


/* four hexadecimal digits */
static uint32_t
chat_json_unit(const unsigned char *p)
{
    return (uint32_t) chat_hex(p[0]) << 12 | (uint32_t) chat_hex(p[1]) << 8
           | (uint32_t) chat_hex(p[2]) << 4 | (uint32_t) chat_hex(p[3]);
}


static size_t
chat_json_encode(uint32_t ch, unsigned char out[4])
{
    if (ch < 0x80) {
        out[0] = (unsigned char) ch;
        return 1;
    }

    if (ch < 0x800) {
        out[0] = (unsigned char) (0xc0 | ch >> 6);
        out[1] = (unsigned char) (0x80 | (ch & 0x3f));
        return 2;
    }

    if (ch < 0x10000) {
        out[0] = (unsigned char) (0xe0 | ch >> 12);
        out[1] = (unsigned char) (0x80 | (ch >> 6 & 0x3f));
        out[2] = (unsigned char) (0x80 | (ch & 0x3f));
        return 3;
    }

    out[0] = (unsigned char) (0xf0 | ch >> 18);
    out[1] = (unsigned char) (0x80 | (ch >> 12 & 0x3f));
    out[2] = (unsigned char) (0x80 | (ch >> 6 & 0x3f));
    out[3] = (unsigned char) (0x80 | (ch & 0x3f));

    return 4;
}
