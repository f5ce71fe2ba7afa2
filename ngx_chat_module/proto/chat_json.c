/*
 * JSON: the check and the walk.  Nothing is allocated; all slices point into
 * the caller's text.
 *
 * The check is a loop over values.  What it must remember of the containers
 * around the current one is a bit for each, in one word: array or object.
 */

#include "chat_json.h"
#include "chat_utf8.h"


#define CHAT_JSON_HIGH_BITS   0x8080808080808080ULL
#define CHAT_JSON_LOW_BITS    0x0101010101010101ULL

/* the top bits of the bytes of a word that are 0, or less than n (n <= 0x80);
   right as a whole, for "is there one" */
#define chat_json_zero(word)                                                  \
    (((word) - CHAT_JSON_LOW_BITS) & ~(word) & CHAT_JSON_HIGH_BITS)
#define chat_json_less(word, n)                                               \
    (((word) - CHAT_JSON_LOW_BITS * (n)) & ~(word) & CHAT_JSON_HIGH_BITS)

#define chat_json_is_digit(ch)  ((ch) >= '0' && (ch) <= '9')

_Static_assert(CHAT_JSON_MAX_DEPTH <= 64, "the check keeps a bit per level");

#define CHAT_JSON_MORE  2               /* beside CHAT_OK and CHAT_ERROR */


typedef struct {
    const unsigned char  *pos;
    const unsigned char  *end;
    uint64_t              arrays;       /* the lowest bit is the innermost */
    unsigned              depth;
    size_t                values;
} chat_json_checker_t;


static int chat_json_check_begin(chat_json_checker_t *c);
static int chat_json_check_end(chat_json_checker_t *c);
static const unsigned char *chat_json_check_key(const unsigned char *p,
    const unsigned char *end);
static const unsigned char *chat_json_check_scalar(const unsigned char *p,
    const unsigned char *end);
static const unsigned char *chat_json_check_string(const unsigned char *p,
    const unsigned char *end);
static const unsigned char *chat_json_check_number(const unsigned char *p,
    const unsigned char *end);
static const unsigned char *chat_json_space(const unsigned char *p,
    const unsigned char *end);
static chat_json_type_t chat_json_type(unsigned char ch);
static const unsigned char *chat_json_read(const unsigned char *p,
    const unsigned char *end, chat_json_t *value);
static const unsigned char *chat_json_skip_string(const unsigned char *p,
    const unsigned char *end);
static const unsigned char *chat_json_skip(const unsigned char *p,
    const unsigned char *end);


int
chat_json_check(chat_str_t text, chat_json_t *value)
{
    int                   rc;
    chat_json_checker_t   c;
    const unsigned char  *start;

    if (value) {
        value->type = CHAT_JSON_NONE;
    }

    if (text.len == 0) {
        return CHAT_ERROR;
    }

    c.end = text.data + text.len;
    c.pos = chat_json_space(text.data, c.end);
    c.arrays = 0;
    c.depth = 0;
    c.values = 0;

    start = c.pos;

    do {
        rc = chat_json_check_begin(&c);

        if (rc == CHAT_OK) {
            rc = chat_json_check_end(&c);
        }

    } while (rc == CHAT_JSON_MORE);

    if (rc != CHAT_OK || chat_json_space(c.pos, c.end) != c.end) {
        return CHAT_ERROR;
    }

    if (value) {
        value->type = chat_json_type(*start);
        value->raw.data = start;
        value->raw.len = (size_t) (c.pos - start);
    }

    return CHAT_OK;
}


/*
 * A value is due: CHAT_OK if it was a scalar or if it is a container that ends
 * at once, CHAT_JSON_MORE if it is one whose first value is due now.
 */
static int
chat_json_check_begin(chat_json_checker_t *c)
{
    int  array;

    if (c->pos == c->end || ++c->values > CHAT_JSON_MAX_ELEMENTS) {
        return CHAT_ERROR;
    }

    if (*c->pos != '[' && *c->pos != '{') {
        c->pos = chat_json_check_scalar(c->pos, c->end);

        return c->pos ? CHAT_OK : CHAT_ERROR;
    }

    if (c->depth++ == CHAT_JSON_MAX_DEPTH) {
        return CHAT_ERROR;
    }

    array = *c->pos == '[';
    c->arrays = c->arrays << 1 | (uint64_t) array;
    c->pos = chat_json_space(c->pos + 1, c->end);

    if (c->pos < c->end && *c->pos == (array ? ']' : '}')) {
        return CHAT_OK;
    }

    if (!array) {
        c->pos = chat_json_check_key(c->pos, c->end);
    }

    return c->pos ? CHAT_JSON_MORE : CHAT_ERROR;
}


/*
 * A scalar is over or a container is about to end: closes all containers that
 * end here.  CHAT_OK if none is open, CHAT_JSON_MORE if another value is due.
 */
static int
chat_json_check_end(chat_json_checker_t *c)
{
    int  array;

    for ( /* void */ ; c->depth; c->depth--) {

        array = (int) (c->arrays & 1);
        c->pos = chat_json_space(c->pos, c->end);

        if (c->pos == c->end) {
            return CHAT_ERROR;
        }

        if (*c->pos == ',') {
            c->pos = array ? chat_json_space(c->pos + 1, c->end)
                           : chat_json_check_key(c->pos + 1, c->end);

            return c->pos ? CHAT_JSON_MORE : CHAT_ERROR;
        }

        if (*c->pos != (array ? ']' : '}')) {
            return CHAT_ERROR;
        }

        c->pos++;
        c->arrays >>= 1;
    }

    return CHAT_OK;
}


/* a key and its colon; the end, where a value is due, or NULL */
static const unsigned char *
chat_json_check_key(const unsigned char *p, const unsigned char *end)
{
    p = chat_json_space(p, end);

    if (p == end || *p != '"') {
        return NULL;
    }

    p = chat_json_check_string(p + 1, end);
    if (p == NULL) {
        return NULL;
    }

    p = chat_json_space(p, end);

    if (p == end || *p != ':') {
        return NULL;
    }

    return chat_json_space(p + 1, end);
}


static const unsigned char *
chat_json_check_scalar(const unsigned char *p, const unsigned char *end)
{
    size_t  len;

    len = (size_t) (end - p);

    switch (*p) {

    case '"':
        return chat_json_check_string(p + 1, end);

    case 't':
        return len >= 4 && memcmp(p, "true", 4) == 0 ? p + 4 : NULL;

    case 'f':
        return len >= 5 && memcmp(p, "false", 5) == 0 ? p + 5 : NULL;

    case 'n':
        return len >= 4 && memcmp(p, "null", 4) == 0 ? p + 4 : NULL;

    default:
        return chat_json_check_number(p, end);
    }
}


/* p is behind the first quote; the end behind the last one, or NULL */
static const unsigned char *
chat_json_check_string(const unsigned char *p, const unsigned char *end)
{
    int                   i;
    uint64_t              word, high;
    chat_str_t            text;

    text.data = p;
    high = 0;

    for ( ;; ) {

        while (end - p >= 8) {
            memcpy(&word, p, 8);

            if (chat_json_less(word, 0x20)
                | chat_json_zero(word ^ CHAT_JSON_LOW_BITS * '"')
                | chat_json_zero(word ^ CHAT_JSON_LOW_BITS * '\\'))
            {
                break;
            }

            high |= word;
            p += 8;
        }

        while (p < end && *p >= 0x20 && *p != '"' && *p != '\\') {
            high |= *p++;
        }

        if (p == end || *p < 0x20) {
            return NULL;
        }

        if (*p == '"') {
            break;
        }

        if (++p == end) {
            return NULL;
        }

        if (*p == 'u') {

            if (end - p < 5) {
                return NULL;
            }

            for (i = 1; i <= 4; i++) {
                if (chat_hex(p[i]) < 0) {
                    return NULL;
                }
            }

            p += 5;

        } else if (*p && strchr("\"\\/bfnrt", *p)) {
            p++;

        } else {
            return NULL;
        }
    }

    if (high & CHAT_JSON_HIGH_BITS) {
        text.len = (size_t) (p - text.data);

        if (chat_utf8_check(text) != CHAT_OK) {
            return NULL;
        }
    }

    return p + 1;
}


static const unsigned char *
chat_json_check_number(const unsigned char *p, const unsigned char *end)
{
    if (*p == '-') {
        p++;
    }

    if (p == end || !chat_json_is_digit(*p)) {
        return NULL;
    }

    if (*p == '0') {
        p++;

    } else {
        while (p < end && chat_json_is_digit(*p)) {
            p++;
        }
    }

    if (p < end && *p == '.') {
        p++;

        if (p == end || !chat_json_is_digit(*p)) {
            return NULL;
        }

        while (p < end && chat_json_is_digit(*p)) {
            p++;
        }
    }

    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;

        if (p < end && (*p == '+' || *p == '-')) {
            p++;
        }

        if (p == end || !chat_json_is_digit(*p)) {
            return NULL;
        }

        while (p < end && chat_json_is_digit(*p)) {
            p++;
        }
    }

    return p;
}


static const unsigned char *
chat_json_space(const unsigned char *p, const unsigned char *end)
{
    while (p < end
           && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
    {
        p++;
    }

    return p;
}


static chat_json_type_t
chat_json_type(unsigned char ch)
{
    switch (ch) {

    case '{':
        return CHAT_JSON_OBJECT;

    case '[':
        return CHAT_JSON_ARRAY;

    case '"':
        return CHAT_JSON_STRING;

    case 't':
        return CHAT_JSON_TRUE;

    case 'f':
        return CHAT_JSON_FALSE;

    case 'n':
        return CHAT_JSON_NULL;

    default:
        return CHAT_JSON_NUMBER;
    }
}


void
chat_json_iter(chat_json_iter_t *it, const chat_json_t *container)
{
    it->pos = container->raw.data + 1;
    it->end = container->raw.data + container->raw.len - 1;
}


int
chat_json_next(chat_json_iter_t *it, chat_json_t *key, chat_json_t *value)
{
    const unsigned char  *p;

    p = chat_json_space(it->pos, it->end);

    if (p < it->end && *p == ',') {
        p = chat_json_space(p + 1, it->end);
    }

    if (p == it->end) {
        it->pos = p;
        return 0;
    }

    if (key) {
        p = chat_json_read(p, it->end, key);
        p = chat_json_space(p, it->end);
        p = chat_json_space(p + 1, it->end);
    }

    it->pos = chat_json_read(p, it->end, value);

    return 1;
}


/* the value at p; its end */
static const unsigned char *
chat_json_read(const unsigned char *p, const unsigned char *end,
    chat_json_t *value)
{
    value->type = chat_json_type(*p);
    value->raw.data = p;

    p = chat_json_skip(p, end);

    value->raw.len = (size_t) (p - value->raw.data);

    return p;
}


static const unsigned char *
chat_json_skip(const unsigned char *p, const unsigned char *end)
{
    unsigned  depth;

    switch (*p) {

    case '"':
        return chat_json_skip_string(p, end);

    case '{':
    case '[':
        break;

    default:
        while (p < end && *p != ',' && *p != ']' && *p != '}' && *p > 0x20) {
            p++;
        }

        return p;
    }

    depth = 0;

    while (p < end) {

        switch (*p) {

        case '"':
            p = chat_json_skip_string(p, end);
            continue;

        case '{':
        case '[':
            depth++;
            break;

        case '}':
        case ']':
            if (--depth == 0) {
                return p + 1;
            }

            break;
        }

        p++;
    }

    return end;
}


/* p is at the first quote; the end is behind the last one */
static const unsigned char *
chat_json_skip_string(const unsigned char *p, const unsigned char *end)
{
    const unsigned char  *start, *slash;

    start = ++p;

    while (p < end) {
        p = memchr(p, '"', (size_t) (end - p));

        if (p == NULL) {
            break;
        }

        /* an odd number of backslashes before it makes it part of the text */

        slash = p;

        while (slash > start && slash[-1] == '\\') {
            slash--;
        }

        if (((p - slash) & 1) == 0) {
            return p + 1;
        }

        p++;
    }

    return end;
}


int
chat_json_get(const chat_json_t *object, const char *key, chat_json_t *value)
{
    chat_str_t        name;
    chat_json_t       k, v;
    chat_json_iter_t  it;

    value->type = CHAT_JSON_NONE;
    value->raw.len = 0;
    value->raw.data = NULL;

    if (object->type != CHAT_JSON_OBJECT) {
        return 0;
    }

    name.data = (const unsigned char *) key;
    name.len = strlen(key);

    chat_json_iter(&it, object);

    while (chat_json_next(&it, &k, &v)) {
        if (chat_json_string_eq(&k, name)) {
            *value = v;
        }
    }

    return value->type != CHAT_JSON_NONE;
}


int
chat_json_uint(const chat_json_t *number, uint64_t *n)
{
    size_t    i;
    uint64_t  value;

    if (number->type != CHAT_JSON_NUMBER || number->raw.len > 18) {
        return CHAT_ERROR;
    }

    value = 0;

    for (i = 0; i < number->raw.len; i++) {
        if (!chat_json_is_digit(number->raw.data[i])) {
            return CHAT_ERROR;
        }

        value = value * 10 + (uint64_t) (number->raw.data[i] - '0');
    }

    *n = value;

    return CHAT_OK;
}
