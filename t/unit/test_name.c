/* chat_name: NFC, what may be in a name, which names are alike */

#include "test.h"

#include "chat_name.h"


static int
check(const char *name)
{
    return chat_name_check(ctext(name));
}


/* "a?z" with a character in its middle; the length */
static size_t
around(uint32_t ch, char *out)
{
    size_t  len;

    len = 0;
    out[len++] = 'a';

    if (ch < 0x80) {
        out[len++] = (char) ch;

    } else if (ch < 0x800) {
        out[len++] = (char) (0xc0 | ch >> 6);
        out[len++] = (char) (0x80 | (ch & 0x3f));

    } else if (ch < 0x10000) {
        out[len++] = (char) (0xe0 | ch >> 12);
        out[len++] = (char) (0x80 | (ch >> 6 & 0x3f));
        out[len++] = (char) (0x80 | (ch & 0x3f));

    } else {
        out[len++] = (char) (0xf0 | ch >> 18);
        out[len++] = (char) (0x80 | (ch >> 12 & 0x3f));
        out[len++] = (char) (0x80 | (ch >> 6 & 0x3f));
        out[len++] = (char) (0x80 | (ch & 0x3f));
    }

    out[len++] = 'z';

    return len;
}


static void
names(void **state)
{
    size_t  i;

    static const char *const  good[] = {
        "a", "Pablo", "Mary Ann", "J\xc3\xb6rg", "\xe6\x9d\x8e",
        "\xf0\x9f\x98\x80", "<b>&amp;\"'", "0", "null", "a:b",
        "caf\xc3\xa9", "\xe2\x80\x90", "\xe2\x80\xa7", "\xc2\xa1", "~",
        "\xd8\x9d", "\xd0\x98\xd0\xb2\xd0\xb0\xd0\xbd",
        /* a mark that no letter goes with, an emoji that asks for its picture,
           a skin */
        "x\xcc\x83z", "\xe2\x9d\xa4\xef\xb8\x8f", "a \xe2\x98\xba\xef\xb8\x8f",
        "\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd",
        "\xe0\xa4\xb9\xe0\xa4\xbf\xe0\xa4\xa8\xe0\xa5\x8d"
        "\xe0\xa4\xa6\xe0\xa5\x80"
    };

    static const char *const  bad[] = {
        "", " ", " a", "a ", "a  b", "\ta", "a\n", "a\nb", "a\tb",
        "\xc2\xa0" "a", "a\xe3\x80\x80", "\xe3\x80\x80", "\xe1\x9a\x80z",
        "z\xe2\x80\x8a", "\xff", "a\xc3", "\xed\xa0\x80", "\xc0\xaf",
        /* not NFC, nothing to stand on */
        "caf\x65\xcc\x81", "\xcc\x81", "\xcc\x83z", "a \xcc\x83z",
        "\xe2\x84\xab",
        /* the emoji's selector behind none, and twice */
        "\xef\xb8\x8f", "a\xef\xb8\x8f", "1\xef\xb8\x8f",
        "\xe2\x9d\xa4\xef\xb8\x8f\xef\xb8\x8f", "\xe2\x9d\xa4\xef\xb8\x8e",
        /* emoji that are joined */
        "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x9a\x80",
        /* private, not assigned, not a character */
        "\xee\x80\x80", "\xf3\xb0\x80\x80", "\xcd\xb8", "\xef\xbf\xbf"
    };

    (void) state;

    for (i = 0; i < lengthof(good); i++) {
        if (check(good[i]) != CHAT_OK) {
            fail_msg("refused: %s", good[i]);
        }
    }

    for (i = 0; i < lengthof(bad); i++) {
        if (check(bad[i]) != CHAT_ERROR) {
            fail_msg("accepted: %zu: %s", i, bad[i]);
        }
    }

    assert_int_equal(chat_name_check(text("a\0b")), CHAT_ERROR);
    assert_int_equal(chat_name_check((chat_str_t) { 0, NULL }), CHAT_ERROR);
}


/* characters count, not bytes */
static void
lengths(void **state)
{
    char    name[256];
    size_t  i;

    (void) state;

    memset(name, 'x', sizeof(name));
    assert_int_equal(chat_name_check(test_text(name, CHAT_NAME_MAX)), CHAT_OK);
    assert_int_equal(chat_name_check(test_text(name, CHAT_NAME_MAX + 1)),
                     CHAT_ERROR);
    assert_int_equal(chat_name_check(test_text(name, sizeof(name))),
                     CHAT_ERROR);

    for (i = 0; i < sizeof(name); i += 4) {
        memcpy(name + i, "\xf0\x9f\x98\x80", 4);
    }

    assert_int_equal(chat_name_check(test_text(name, 4 * CHAT_NAME_MAX)),
                     CHAT_OK);
    assert_int_equal(chat_name_check(test_text(name, 4 * CHAT_NAME_MAX + 4)),
                     CHAT_ERROR);
    assert_int_equal(chat_name_check(test_text(name, 4 * CHAT_NAME_MAX - 1)),
                     CHAT_ERROR);
}


/*
 * Characters that can't be seen, in the middle of a name: all of Unicode's
 * Default_Ignorable_Code_Point (15.0), controls, and those without ink.  And
 * all others of the first plane's beginning can be.
 */
static void
characters(void **state)
{
    char      name[6];
    size_t    i, len;
    uint32_t  ch;

    static const uint32_t  refused[][2] = {
        { 0x00, 0x1f }, { 0x7f, 0xa0 }, { 0xad, 0xad }, { 0x34f, 0x34f },
        { 0x61c, 0x61c }, { 0x115f, 0x1160 }, { 0x1680, 0x1680 },
        { 0x17b4, 0x17b5 }, { 0x180b, 0x180f }, { 0x2000, 0x200f },
        { 0x2028, 0x202f }, { 0x205f, 0x206f }, { 0x2800, 0x2800 },
        { 0x3000, 0x3000 }, { 0x3164, 0x3164 }, { 0xe000, 0xf8ff },
        { 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff }, { 0xffa0, 0xffa0 },
        { 0xfff0, 0xfffb }, { 0x16fe4, 0x16fe4 }, { 0x1bca0, 0x1bca3 },
        { 0x1d159, 0x1d159 }, { 0x1d173, 0x1d17a }, { 0xe0000, 0xe0fff }
    };

    (void) state;

    for (i = 0; i < lengthof(refused); i++) {
        for (ch = refused[i][0]; ch <= refused[i][1]; ch++) {
            len = around(ch, name);

            if (chat_name_check(test_text(name, len)) != CHAT_ERROR) {
                fail_msg("accepted: U+%04x", ch);
            }
        }
    }

    for (ch = 0x20; ch < 0x300; ch++) {
        if ((ch < 0x7f || ch > 0xa0) && ch != 0xad) {
            len = around(ch, name);

            if (chat_name_check(test_text(name, len)) != CHAT_OK) {
                fail_msg("refused: U+%04x", ch);
            }
        }
    }
}


static void
normal_form(void **state)
{
    size_t         i, len;
    chat_str_t     from;
    unsigned char  *out;

    static const char *const  pairs[][2] = {
        { "Pablo", "Pablo" },
        { "Jos\x65\xcc\x81", "Jos\xc3\xa9" },
        { "\xe2\x84\xab", "\xc3\x85" },                 /* angstrom */
        { "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", "\xed\x95\x9c" },
        { "q\xcc\xa3\xcc\x87", "q\xcc\xa3\xcc\x87" },
        { "q\xcc\x87\xcc\xa3", "q\xcc\xa3\xcc\x87" },   /* marks in order */
        { "\xf0\x9d\x85\xa0",                           /* the longest */
          "\xf0\x9d\x85\x98\xf0\x9d\x85\xa5\xf0\x9d\x85\xae" }
    };

    static const char *const  bad[] = { "", "\xff", "a\xc3", "\xed\xa0\x80" };

    (void) state;

    for (i = 0; i < lengthof(pairs); i++) {
        from = ctext(pairs[i][0]);
        out = test_alloc(3 * from.len);
        len = chat_name_normalize(from, out);

        assert_int_equal(len, strlen(pairs[i][1]));
        assert_memory_equal(out, pairs[i][1], len);
    }

    for (i = 0; i < lengthof(bad); i++) {
        from = ctext(bad[i]);
        out = test_alloc(3 * from.len + 1);
        assert_int_equal(chat_name_normalize(from, out), 0);
    }

    out = test_alloc(3 * (CHAT_NAME_LONGEST + 1));
    memset(out, 'x', CHAT_NAME_LONGEST + 1);
    from = (chat_str_t) { CHAT_NAME_LONGEST, out };
    assert_int_equal(chat_name_normalize(from, out), CHAT_NAME_LONGEST);
    from.len++;
    assert_int_equal(chat_name_normalize(from, out), 0);
}


static int
alike(const char *a, const char *b)
{
    int                 found;
    size_t              i, j;
    chat_name_looks_t  *one, *two;

    one = test_alloc(sizeof(*one));
    two = test_alloc(sizeof(*two));
    found = 0;

    if (chat_name_looks(ctext(a), one) != CHAT_OK
        || chat_name_looks(ctext(b), two) != CHAT_OK)
    {
        fail_msg("no look: %s, %s", a, b);
    }

    assert_true(one->n >= 1 && one->n <= CHAT_NAME_LOOKS);

    for (i = 0; i < one->n; i++) {
        for (j = 0; j < two->n; j++) {
            found |= chat_str_eq(one->look[i], two->look[j]);
        }
    }

    return found;
}


static void
looks(void **state)
{
    size_t              i;
    unsigned char      *text;
    chat_name_looks_t   none;

    static const char *const  same[][2] = {
        { "Pablo", "Pablo" }, { "Pablo", "pablo" }, { "Pablo", "PABLO" },
        { "P\xd0\xb0" "blo", "Pablo" },                 /* Cyrillic a */
        { "p\xd0\xb0" "BLO", "Pablo" },
        { "\xd0\xa0\xd0\xb0" "blo", "pablo" },          /* and er */
        { "PabIo", "Pablo" }, { "Pab1o", "Pablo" }, { "Pab|o", "Pablo" },
        { "pabIo", "Pablo" }, { "Pabl0", "Pablo" }, { "PABL0", "pablo" },
        { "Mary", "mary" }, { "rnary", "Mary" }, { "MARY", "rnary" },
        { "Ian", "ian" }, { "Ian", "lan" }, { "IAN", "ian" },
        { "Jos\xc3\xa9", "jos\x65\xcc\x81" },
        { "Stra\xc3\x9f" "e", "STRASSE" },
        { "\xef\xbc\xb0\xef\xbd\x81" "blo", "Pablo" },  /* full width */
        { "\xf0\x9d\x90\x8f" "ablo", "Pablo" },         /* mathematical */
        { "Pab\xe2\x80\x8blo", "Pablo" }, { "\xef\xbb\xbfPablo", "Pablo" },
        { "\xe2\x9d\xa4", "\xe2\x9d\xa4\xef\xb8\x8f" },
        { "\xd0\x98\xd0\xb2\xd0\xb0\xd0\xbd",
          "\xd0\xb8\xd0\x92\xd0\x90\xd0\xbd" },
        { "\xce\xa3\xcf\x89\xcf\x82", "\xcf\x83\xcf\x89\xcf\x83" }
    };

    static const char *const  other[][2] = {
        { "Pablo", "Pedro" }, { "Pablo", "P\xc3\xa1" "blo" },
        { "Pablo", "Pablo2" }, { "a b", "ab" }, { "user1", "user2" },
        { "\xe6\x9d\x8e", "\xe7\x8e\x8b" }, { "Joe", "Zoe" }
    };

    static const char *const  invisible[] = {
        "", "\xff", "\xe2\x80\x8b", "\xcd\x8f\xe3\x85\xa4", "\x01"
    };

    (void) state;

    for (i = 0; i < lengthof(same); i++) {
        if (!alike(same[i][0], same[i][1]) || !alike(same[i][1], same[i][0])) {
            fail_msg("not alike: %s, %s", same[i][0], same[i][1]);
        }
    }

    for (i = 0; i < lengthof(other); i++) {
        if (alike(other[i][0], other[i][1])) {
            fail_msg("alike: %s, %s", other[i][0], other[i][1]);
        }
    }

    for (i = 0; i < lengthof(invisible); i++) {
        assert_int_equal(chat_name_looks(ctext(invisible[i]), &none),
                         CHAT_ERROR);
    }

    /* one that would look longer than there is room for: U+FDFA */

    text = test_alloc(3 * CHAT_NAME_MAX);

    for (i = 0; i < 3 * CHAT_NAME_MAX; i += 3) {
        memcpy(text + i, "\xef\xb7\xba", 3);
    }

    assert_int_equal(chat_name_check((chat_str_t) { i, text }), CHAT_OK);
    assert_int_equal(chat_name_looks((chat_str_t) { i, text }, &none),
                     CHAT_ERROR);
}


static void
spellings(void **state)
{
    size_t                  i, j, n;
    chat_name_spellings_t  *all;

    static const char *const  cases[][1 + CHAT_NAME_SPELLINGS] = {
        { "Pablo", "PABLO", "pablo" },
        { "pablo", "PABLO", "Pablo" },
        { "PABLO", "pablo", "Pablo" },
        { "0" },
        { "Jos\xc3\xa9", "Jos\x65\xcc\x81", "JOS\xc3\x89", "jos\xc3\xa9" },
        { "\xe6\x9d\x8e" }
    };

    (void) state;

    all = test_alloc(sizeof(*all));

    for (i = 0; i < lengthof(cases); i++) {
        chat_name_spell(ctext(cases[i][0]), all);

        for (n = 0; n < CHAT_NAME_SPELLINGS && cases[i][1 + n]; n++) {
            for (j = 0; j < all->n; j++) {
                if (chat_str_eq(all->spelling[j], ctext(cases[i][1 + n]))) {
                    break;
                }
            }

            if (j == all->n) {
                fail_msg("%s: no %s", cases[i][0], cases[i][1 + n]);
            }
        }

        for (j = 0; j < all->n; j++) {
            assert_false(chat_str_eq(all->spelling[j], ctext(cases[i][0])));
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        test(names),
        test(lengths),
        test(characters),
        test(normal_form),
        test(looks),
        test(spellings)
    };

    return cmocka_run_group_tests_name("name", tests, NULL, NULL);
}
