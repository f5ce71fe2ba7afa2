/*
 * chat_name: NFC, what may be in a name, looks and spellings.  The input is a
 * name.  Unicode's tables are not said a second time: ASCII is, and otherwise
 * what has to hold whatever they say.
 */

#include "chat_name.h"
#include "model.h"


static chat_str_t normalize(chat_str_t name);
static int ascii(chat_str_t name, int *good);
static void checked(chat_str_t name, chat_str_t nfc);
static void looks(chat_str_t name, chat_str_t nfc);
static void spellings(chat_str_t name);


int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
    chat_str_t  name, nfc;

    name = fuzz_text(data, len);
    nfc = normalize(name);

    checked(name, nfc);
    looks(name, nfc);

    fuzz_free(nfc);
    fuzz_free(name);

    return 0;
}


static chat_str_t
normalize(chat_str_t name)
{
    int             good;
    size_t          n, again;
    chat_str_t      nfc;
    unsigned char  *out, *twice;

    out = fuzz_alloc(3 * name.len);
    n = chat_name_normalize(name, out);

    check((n != 0) == (name.len && name.len <= CHAT_NAME_LONGEST
                       && model_utf8(name) == MODEL_GOOD));
    check(n <= 3 * name.len);

    nfc = fuzz_text(out, n);
    free(out);

    if (n == 0) {
        return nfc;
    }

    check(model_utf8(nfc) == MODEL_GOOD);
    check(!ascii(name, &good) || chat_str_eq(name, nfc));

    if (n <= CHAT_NAME_LONGEST) {
        twice = fuzz_alloc(3 * n);
        again = chat_name_normalize(nfc, twice);
        check(again == n && memcmp(twice, nfc.data, n) == 0);
        free(twice);
    }

    return nfc;
}


/* 1 if it is ASCII; *good if it then is a name */
static int
ascii(chat_str_t name, int *good)
{
    size_t         i;
    unsigned char  ch, before;

    before = ' ';
    *good = name.len >= 1 && name.len <= 32;

    for (i = 0; i < name.len; i++) {
        ch = name.data[i];

        if (ch > 0x7f) {
            return 0;
        }

        *good &= ch >= 0x20 && ch < 0x7f && (ch != ' ' || before != ' ');
        before = ch;
    }

    *good &= before != ' ';

    return 1;
}


/* what can't be seen, or is no character of Unicode's */
static int
refused(uint32_t ch)
{
    size_t  i;

    static const uint32_t  ranges[][2] = {
        { 0x00, 0x1f }, { 0x7f, 0xa0 }, { 0xad, 0xad }, { 0x34f, 0x34f },
        { 0x61c, 0x61c }, { 0x115f, 0x1160 }, { 0x1680, 0x1680 },
        { 0x17b4, 0x17b5 }, { 0x180b, 0x180f }, { 0x2000, 0x200f },
        { 0x2028, 0x202f }, { 0x205f, 0x206f }, { 0x2800, 0x2800 },
        { 0x3000, 0x3000 }, { 0x3164, 0x3164 }, { 0xd800, 0xf8ff },
        { 0xfe00, 0xfe0e }, { 0xfeff, 0xfeff }, { 0xffa0, 0xffa0 },
        { 0xfff0, 0xfffb }, { 0xfffe, 0xffff }, { 0x1bca0, 0x1bca3 },
        { 0x1d173, 0x1d17a }, { 0xe0000, 0x10ffff }
    };

    for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        if (ch >= ranges[i][0] && ch <= ranges[i][1]) {
            return 1;
        }
    }

    return 0;
}


static void
checked(chat_str_t name, chat_str_t nfc)
{
    int                   good;
    size_t                n;
    uint32_t              ch, before;
    const unsigned char  *p;

    if (chat_name_check(name) != CHAT_OK) {
        check(!ascii(name, &good) || !good);
        return;
    }

    check(!ascii(name, &good) || good);
    check(chat_str_eq(name, nfc) && name.len);

    before = ' ';
    p = name.data;

    for (n = 0; p < name.data + name.len; n++) {
        ch = model_char(&p);

        check(!refused(ch));
        check((ch != ' ' && ch != 0xfe0f) || before != ' ');
        check(ch != 0xfe0f || (before > 0x7f && before != ch));
        before = ch;
    }

    check(n >= 1 && n <= 32 && before != ' ');

    spellings(name);
}


static int
alike(const chat_name_looks_t *a, const chat_name_looks_t *b)
{
    int     found;
    size_t  i, j;

    found = 0;

    for (i = 0; i < a->n; i++) {
        for (j = 0; j < b->n; j++) {
            found |= chat_str_eq(a->look[i], b->look[j]);
        }
    }

    return found;
}


static chat_name_looks_t *
look(chat_str_t name)
{
    size_t              i;
    chat_name_looks_t  *found;

    found = (void *) fuzz_alloc(sizeof(chat_name_looks_t));

    if (chat_name_looks(name, found) != CHAT_OK) {
        free(found);
        return NULL;
    }

    check(found->n >= 1 && found->n <= CHAT_NAME_LOOKS);

    for (i = 0; i < found->n; i++) {
        check(found->look[i].len
              && found->look[i].len <= CHAT_NAME_LOOK_MAX
              && found->look[i].data == found->data[i]
              && model_utf8(found->look[i]) == MODEL_GOOD);
    }

    return found;
}


/* the same as another text looks, if it has a look */
static void
looks_like(const chat_name_looks_t *found, chat_str_t name)
{
    size_t              i;
    chat_name_looks_t  *other;

    other = look(name);
    check((found == NULL) == (other == NULL));

    if (found) {
        check(found->n == other->n);

        for (i = 0; i < found->n; i++) {
            check(chat_str_eq(found->look[i], other->look[i]));
        }
    }

    free(other);
}


static void
looks(chat_str_t name, chat_str_t nfc)
{
    size_t              i;
    chat_str_t          other;
    unsigned char      *text;
    chat_name_looks_t  *found, *folded;

    found = look(name);

    if (nfc.len == 0) {
        check(found == NULL);
        return;
    }

    if (nfc.len + 3 > CHAT_NAME_LONGEST) {
        free(found);
        return;
    }

    looks_like(found, nfc);

    /* U+200B is not seen, but keeps marks apart: at the end */

    text = fuzz_alloc(nfc.len + 3);
    memcpy(text, nfc.data, nfc.len);
    memcpy(text + nfc.len, "\xe2\x80\x8b", 3);
    other = (chat_str_t) { nfc.len + 3, text };
    looks_like(found, other);

    /* case makes no difference */

    for (i = 0; i < nfc.len; i++) {
        if ((text[i] >= 'a' && text[i] <= 'z')
            || (text[i] >= 'A' && text[i] <= 'Z'))
        {
            text[i] ^= 0x20;
        }
    }

    folded = look(other);
    check(!found || !folded || alike(found, folded));

    free(folded);
    free(text);
    free(found);
}


static void
spellings(chat_str_t name)
{
    size_t                  i;
    chat_name_spellings_t  *all;

    all = (void *) fuzz_alloc(sizeof(chat_name_spellings_t));
    memset(all, 0xa5, sizeof(*all));
    chat_name_spell(name, all);

    check(all->n <= CHAT_NAME_SPELLINGS);

    for (i = 0; i < all->n; i++) {
        check(all->spelling[i].data == all->data[i]);
        check(all->spelling[i].len && all->spelling[i].len
                                      <= CHAT_NAME_SPELL_MAX);
        check(model_utf8(all->spelling[i]) == MODEL_GOOD);
        check(!chat_str_eq(all->spelling[i], name));
    }

    free(all);
}
