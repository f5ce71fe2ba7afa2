/* The models: see the header. */

#include "model.h"


#define MODEL_DEPTH      32
#define MODEL_VALUES     10000


typedef struct {
    const unsigned char  *p;
    const unsigned char  *end;
    size_t                values;
} model_json_t;


static int model_value(model_json_t *m, unsigned depth);
static int model_string(model_json_t *m);
static int model_number(model_json_t *m);
static int model_digits(model_json_t *m);
static int model_take(model_json_t *m, const char *text);
static void model_blanks(model_json_t *m);
static int model_sio_fits(const model_sio_t *packet);
static int model_event(chat_str_t data);


/* by what the characters are, not by which bytes may follow which */
int
model_utf8(chat_str_t text)
{
    size_t    i, j, n;
    uint32_t  ch, last;

    static const uint32_t  least[] = { 0, 0x80, 0x800, 0x10000 };

    for (i = 0; i < text.len; i += n + 1) {
        ch = text.data[i];

        if (ch < 0x80) {
            n = 0;
            continue;
        }

        if (ch < 0xc0 || ch >= 0xf8) {
            return MODEL_BAD;
        }

        n = ch >= 0xf0 ? 3 : ch >= 0xe0 ? 2 : 1;
        ch &= 0x3fu >> n;

        for (j = 1; j <= n && i + j < text.len; j++) {
            if ((text.data[i + j] & 0xc0) != 0x80) {
                return MODEL_BAD;
            }

            ch = ch << 6 | (text.data[i + j] & 0x3f);
        }

        /* the characters that it may still become */

        last = (ch + 1) << 6 * (n + 1 - j);
        ch <<= 6 * (n + 1 - j);

        if (last - 1 < least[n] || ch > 0x10ffff
            || (ch >= 0xd800 && last - 1 <= 0xdfff))
        {
            return MODEL_BAD;
        }

        if (j <= n) {
            return MODEL_CUT;
        }
    }

    return MODEL_GOOD;
}


uint32_t
model_char(const unsigned char **pos)
{
    size_t    n;
    uint32_t  ch;

    ch = *(*pos)++;

    if (ch < 0x80) {
        return ch;
    }

    n = ch >= 0xf0 ? 3 : ch >= 0xe0 ? 2 : 1;

    for (ch &= 0x3fu >> n; n; n--) {
        ch = ch << 6 | (*(*pos)++ & 0x3f);
    }

    return ch;
}


int
model_space(uint32_t ch)
{
    size_t  i;

    static const uint32_t  spaces[] = {
        0x9, 0xa, 0xb, 0xc, 0xd, 0x20, 0xa0, 0x1680, 0x2000, 0x2001, 0x2002,
        0x2003, 0x2004, 0x2005, 0x2006, 0x2007, 0x2008, 0x2009, 0x200a, 0x2028,
        0x2029, 0x202f, 0x205f, 0x3000, 0xfeff
    };

    for (i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++) {
        if (ch == spaces[i]) {
            return 1;
        }
    }

    return 0;
}


size_t
model_json(chat_str_t text)
{
    model_json_t  m;

    if (text.len == 0 || model_utf8(text) != MODEL_GOOD) {
        return 0;
    }

    m.p = text.data;
    m.end = text.data + text.len;
    m.values = 0;

    return model_value(&m, 0) && m.p == m.end ? m.values : 0;
}


/* with the white space around it */
static int
model_value(model_json_t *m, unsigned depth)
{
    int            n, object, good;
    unsigned char  ch;

    model_blanks(m);

    if (m->p == m->end || ++m->values > MODEL_VALUES) {
        return 0;
    }

    ch = *m->p;

    if (ch == '[' || ch == '{') {
        object = ch == '{';
        m->p++;
        model_blanks(m);

        if (depth == MODEL_DEPTH) {
            return 0;
        }

        for (n = 0; !model_take(m, object ? "}" : "]"); n++) {

            if (n && !model_take(m, ",")) {
                return 0;
            }

            if (object) {
                model_blanks(m);

                if (!model_string(m)) {
                    return 0;
                }

                model_blanks(m);

                if (!model_take(m, ":")) {
                    return 0;
                }
            }

            if (!model_value(m, depth + 1)) {
                return 0;
            }
        }

        good = 1;

    } else if (ch == '"') {
        good = model_string(m);

    } else if (ch == '-' || (ch >= '0' && ch <= '9')) {
        good = model_number(m);

    } else {
        good = model_take(m, "true") || model_take(m, "false")
               || model_take(m, "null");
    }

    model_blanks(m);

    return good;
}


static int
model_string(model_json_t *m)
{
    int  i;

    if (!model_take(m, "\"")) {
        return 0;
    }

    while (!model_take(m, "\"")) {

        if (m->p == m->end || *m->p < 0x20) {
            return 0;
        }

        if (!model_take(m, "\\")) {
            m->p++;

        } else if (model_take(m, "u")) {

            for (i = 0; i < 4; i++) {
                if (m->p == m->end || *m->p == 0
                    || strchr("0123456789abcdefABCDEF", *m->p) == NULL)
                {
                    return 0;
                }

                m->p++;
            }

        } else if (m->p < m->end && *m->p && strchr("\"\\/bfnrt", *m->p)) {
            m->p++;

        } else {
            return 0;
        }
    }

    return 1;
}


static int
model_number(model_json_t *m)
{
    (void) model_take(m, "-");

    if (!model_take(m, "0") && !model_digits(m)) {
        return 0;
    }

    if (model_take(m, ".") && !model_digits(m)) {
        return 0;
    }

    if (model_take(m, "e") || model_take(m, "E")) {
        if (!model_take(m, "+")) {
            (void) model_take(m, "-");
        }

        return model_digits(m);
    }

    return 1;
}


/* one or more */
static int
model_digits(model_json_t *m)
{
    const unsigned char  *start;

    start = m->p;

    while (m->p < m->end && *m->p >= '0' && *m->p <= '9') {
        m->p++;
    }

    return m->p != start;
}


/* without strlen() and memcmp(), which the sanitizers make slow */
static int
model_take(model_json_t *m, const char *text)
{
    const unsigned char  *p;

    for (p = m->p; *text; p++, text++) {
        if (p == m->end || *p != (unsigned char) *text) {
            return 0;
        }
    }

    m->p = p;

    return 1;
}


static void
model_blanks(model_json_t *m)
{
    while (model_take(m, " ") || model_take(m, "\t") || model_take(m, "\n")
           || model_take(m, "\r"))
    {
        /* void */
    }
}


size_t
model_json_string(chat_str_t raw, uint32_t *out, int *lone)
{
    char                  hex[5];
    size_t                i, n;
    uint32_t              ch;
    const char           *at;
    const unsigned char  *p, *end;

    static const char  names[] = "bfnrt", meant[] = "\b\f\n\r\t";

    n = 0;
    p = raw.data + 1;
    end = raw.data + raw.len - 1;

    while (p < end) {

        if (*p != '\\') {
            out[n++] = model_char(&p);
            continue;
        }

        p += 2;
        ch = p[-1];
        at = strchr(names, (int) ch);

        if (at) {
            ch = (uint32_t) meant[at - names];

        } else if (ch == 'u') {
            memcpy(hex, p, 4);
            hex[4] = '\0';
            ch = (uint32_t) strtoul(hex, NULL, 16);
            p += 4;

            /* what is half a pair has been an escape, just before */

            if (ch >= 0xdc00 && ch <= 0xdfff && n
                && out[n - 1] >= 0xd800 && out[n - 1] <= 0xdbff)
            {
                out[n - 1] = 0x10000 + (out[n - 1] - 0xd800) * 0x400
                             + (ch - 0xdc00);
                continue;
            }
        }

        out[n++] = ch;
    }

    *lone = 0;

    for (i = 0; i < n; i++) {
        *lone |= out[i] >= 0xd800 && out[i] <= 0xdfff;
    }

    return n;
}


size_t
model_encode(const uint32_t *chars, size_t n, unsigned char *out)
{
    int             more;
    size_t          i;
    unsigned char  *p;

    p = out;

    for (i = 0; i < n; i++) {
        more = (chars[i] >= 0x80) + (chars[i] >= 0x800) + (chars[i] >= 0x10000);

        if (more == 0) {
            *p++ = (unsigned char) chars[i];
            continue;
        }

        *p++ = (unsigned char) (0xff00 >> (more + 1)
                                | chars[i] >> 6 * more);

        while (more--) {
            *p++ = (unsigned char) (0x80 | (chars[i] >> 6 * more & 0x3f));
        }
    }

    return (size_t) (p - out);
}


int
model_sio(chat_str_t text, model_sio_t *packet)
{
    size_t                i, n;
    model_json_t          m;
    const unsigned char  *comma, *query;

    memset(packet, 0, sizeof(model_sio_t));
    packet->nsp = chat_str("/");

    if (text.len == 0 || text.data[0] < '0' || text.data[0] > '6') {
        return 0;
    }

    m.p = text.data;
    m.end = text.data + text.len;
    packet->type = *m.p++;

    if (packet->type >= '5') {

        for (i = 0; m.p < m.end && *m.p >= '0' && *m.p <= '9'; i++) {
            packet->attachments = packet->attachments * 10 + *m.p++ - '0';

            if (i == 10) {
                return 0;
            }
        }

        if (packet->attachments == 0 || !model_take(&m, "-")) {
            return 0;
        }
    }

    if (m.p < m.end && *m.p == '/') {

        comma = memchr(m.p, ',', (size_t) (m.end - m.p));
        query = memchr(m.p, '?', (size_t) (m.end - m.p));

        n = (size_t) ((comma ? comma : m.end) - m.p);

        packet->nsp.data = m.p;
        packet->nsp.len = query && query < m.p + n ? (size_t) (query - m.p) : n;

        m.p += comma ? n + 1 : n;

        if (packet->nsp.len > 256 || model_utf8(packet->nsp) != MODEL_GOOD) {
            return 0;
        }
    }

    packet->ack.data = m.p;
    (void) model_digits(&m);
    packet->ack.len = (size_t) (m.p - packet->ack.data);

    packet->data.data = m.p;
    packet->data.len = (size_t) (m.end - m.p);

    if (packet->ack.len > 20) {
        return 0;
    }

    return model_sio_fits(packet);
}


/* whether what it carries goes with its type */
static int
model_sio_fits(const model_sio_t *packet)
{
    if (packet->data.len == 0) {
        return packet->type == '0' || packet->type == '1';
    }

    if (*packet->data.data <= 0x20 || model_json(packet->data) == 0) {
        return 0;
    }

    switch (packet->type) {

    case '0':
        return *packet->data.data == '{';

    case '1':
        return 0;

    case '4':
        return *packet->data.data == '{' || *packet->data.data == '"';

    case '2':
    case '5':
        return *packet->data.data == '[' && model_event(packet->data);

    default:
        return *packet->data.data == '[' && packet->ack.len;
    }
}


/* an array that begins with a number or a name that is free */
static int
model_event(chat_str_t data)
{
    size_t      i, at;
    chat_str_t  name;

    static const char *const  reserved[] = {
        "connect", "connect_error", "disconnect", "disconnecting",
        "newListener", "removeListener"
    };

    at = 0;

    if (!model_next(data, &at, NULL, &name)) {
        return 0;
    }

    if (*name.data != '"') {
        return *name.data == '-' || (*name.data >= '0' && *name.data <= '9');
    }

    for (i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
        if (model_says(name, reserved[i])) {
            return 0;
        }
    }

    return 1;
}


int
model_next(chat_str_t container, size_t *at, chat_str_t *key,
    chat_str_t *value)
{
    int                   object;
    chat_str_t            name;
    model_json_t          m;
    const unsigned char  *end;

    object = *container.data == '{';

    m.p = container.data + (*at ? *at : 1);
    m.end = container.data + container.len;
    m.values = 0;

    model_blanks(&m);

    if (model_take(&m, object ? "}" : "]")) {
        return 0;
    }

    (void) model_take(&m, ",");

    if (object) {
        model_blanks(&m);

        name.data = m.p;
        (void) model_string(&m);
        name.len = (size_t) (m.p - name.data);

        model_blanks(&m);
        (void) model_take(&m, ":");
        model_blanks(&m);
    }

    model_blanks(&m);

    value->data = m.p;
    (void) model_value(&m, 0);

    for (end = m.p; end[-1] <= ' '; end--) { /* void */ }

    value->len = (size_t) (end - value->data);
    *at = (size_t) (m.p - container.data);

    if (object && key) {
        *key = name;
    }

    return 1;
}


int
model_says(chat_str_t raw, const char *text)
{
    int        lone, same;
    size_t     i, n;
    uint32_t  *chars;

    chars = malloc(raw.len * sizeof(uint32_t));
    check(chars);

    n = model_json_string(raw, chars, &lone);
    same = n == strlen(text);

    for (i = 0; i < n && same; i++) {
        same = chars[i] == (unsigned char) text[i];
    }

    free(chars);

    return same;
}
