/*
 * chat_json: the check against the model; of what it takes, every value that
 * the walk hands out is JSON again, and every string survives its decoding and
 * escaping.
 */

#include "chat_json.h"
#include "chat_utf8.h"
#include "model.h"


static size_t walk(const chat_json_t *value, chat_str_t text);
static void string(const chat_json_t *value);
static void number(const chat_json_t *value);
static void key_is_found(const chat_json_t *object, const chat_json_t *key);


int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
    size_t       values;
    chat_str_t   text;
    chat_json_t  value;

    memset(&value, 0xa5, sizeof(value));

    text = fuzz_text(data, len);
    values = model_json(text);

    check((chat_json_check(text, &value) == CHAT_OK) == (values != 0));
    check((chat_json_check(text, NULL) == CHAT_OK) == (values != 0));

    if (values) {
        check(walk(&value, text) == values);

    } else {
        check(value.type == CHAT_JSON_NONE);
    }

    fuzz_free(text);

    return 0;
}


/* the number of values */
static size_t
walk(const chat_json_t *value, chat_str_t text)
{
    size_t            n;
    chat_json_t       key, element, again;
    chat_json_iter_t  it;

    check(value->raw.len && fuzz_within(value->raw, text));
    check(chat_json_check(value->raw, &again) == CHAT_OK);
    check(again.type == value->type && again.raw.len == value->raw.len);

    n = 1;

    switch (value->type) {

    case CHAT_JSON_ARRAY:
        chat_json_iter(&it, value);

        while (chat_json_next(&it, NULL, &element)) {
            n += walk(&element, value->raw);
        }

        check(chat_json_next(&it, NULL, &element) == 0);
        break;

    case CHAT_JSON_OBJECT:
        chat_json_iter(&it, value);

        while (chat_json_next(&it, &key, &element)) {
            check(key.type == CHAT_JSON_STRING);
            check(fuzz_within(key.raw, value->raw));
            string(&key);
            key_is_found(value, &key);
            n += walk(&element, value->raw);
        }

        check(chat_json_next(&it, &key, &element) == 0);
        break;

    case CHAT_JSON_STRING:
        string(value);
        break;

    default:
        number(value);
    }

    check(value->type == CHAT_JSON_OBJECT
          || (chat_json_get(value, "a", &element) == 0
              && element.type == CHAT_JSON_NONE));

    return n;
}


static void
string(const chat_json_t *value)
{
    int             lone, blank;
    long            len;
    size_t          i, n, want;
    uint32_t       *chars;
    chat_str_t      text;
    chat_json_t     again;
    unsigned char  *out, *good, *escaped;

    chars = (uint32_t *) (void *) fuzz_alloc(value->raw.len * 4);
    out = fuzz_alloc(value->raw.len);
    good = fuzz_alloc(value->raw.len * 4);

    n = model_json_string(value->raw, chars, &lone);
    blank = 1;

    for (i = 0; i < n; i++) {
        blank &= model_space(chars[i]);
    }

    check(chat_json_string_chars(value) == n);
    check(!chat_json_string_blank(value) == !blank);

    len = chat_json_string_decode(value, out);
    check((len < 0) == lone);

    if (len >= 0) {
        want = model_encode(chars, n, good);

        check((size_t) len == want && want <= value->raw.len - 2);
        check(want == 0 || memcmp(out, good, want) == 0);

        text = fuzz_text(out, want);
        check(chat_utf8_check(text) == CHAT_OK);
        check(chat_json_string_eq(value, text));

        escaped = fuzz_alloc(6 * want + 2);
        i = (size_t) (chat_json_escape(escaped, text) - escaped);
        check(i <= 6 * want + 2);

        check(chat_json_check((chat_str_t) { i, escaped }, &again) == CHAT_OK);
        check(again.type == CHAT_JSON_STRING && again.raw.len == i);
        check(chat_json_string_eq(&again, text));

        if (want) {
            text.len--;
            check(!chat_json_string_eq(value, text));
            text.len++;
            ((unsigned char *) text.data)[want / 2] ^= 1;
            check(!chat_json_string_eq(value, text));
            check(!chat_json_string_eq(&again, text));
        }

        free(escaped);
        fuzz_free(text);
    }

    free(chars);
    free(out);
    free(good);
}


static void
number(const chat_json_t *value)
{
    int        plain;
    char       digits[20], *end;
    uint64_t   n;

    plain = 0;

    if (value->type == CHAT_JSON_NUMBER && value->raw.len <= 18
        && value->raw.data[0] != '-')
    {
        memcpy(digits, value->raw.data, value->raw.len);
        digits[value->raw.len] = '\0';
        plain = strtoull(digits, &end, 10) <= 999999999999999999ULL
                && *end == '\0';
    }

    n = 0;
    check((chat_json_uint(value, &n) == CHAT_OK) == plain);
    check(!plain || n == strtoull(digits, NULL, 10));
}


/* the last of those that are the same */
static void
key_is_found(const chat_json_t *object, const chat_json_t *key)
{
    long              len;
    chat_str_t        text;
    chat_json_t       k, v, last, found;
    chat_json_iter_t  it;
    unsigned char    *name;

    name = fuzz_alloc(key->raw.len);
    len = chat_json_string_decode(key, name);

    if (len >= 0 && memchr(name, '\0', (size_t) len) == NULL) {
        name[len] = '\0';
        text = (chat_str_t) { (size_t) len, name };
        last.raw.data = NULL;

        chat_json_iter(&it, object);

        while (chat_json_next(&it, &k, &v)) {
            if (chat_json_string_eq(&k, text)) {
                last = v;
            }
        }

        check(chat_json_get(object, (char *) name, &found) == 1);
        check(found.raw.data == last.raw.data && found.type == last.type);
    }

    free(name);
}
