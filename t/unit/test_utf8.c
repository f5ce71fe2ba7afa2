/* chat_utf8: RFC 3629, checked against a decoder that works the other way */

#include "test.h"
#include "chat_utf8.h"


/*
 * The reference: decodes by the lead byte's bits, and only then asks whether
 * the value may be there and needs so many bytes.
 */
static int
reference(const unsigned char *p, size_t len)
{
    size_t    i, n;
    uint32_t  ch;

    static const uint32_t  least[] = { 0, 0, 0x80, 0x800, 0x10000 };

    while (len) {
        n = *p < 0x80 ? 1 : (*p & 0xe0) == 0xc0 ? 2 : (*p & 0xf0) == 0xe0 ? 3
            : (*p & 0xf8) == 0xf0 ? 4 : 0;

        if (n == 0 || n > len) {
            return CHAT_ERROR;
        }

        ch = n == 1 ? *p : *p & (0xffu >> (n + 1));

        for (i = 1; i < n; i++) {
            if ((p[i] & 0xc0) != 0x80) {
                return CHAT_ERROR;
            }

            ch = ch << 6 | (p[i] & 0x3f);
        }

        if (ch < least[n] || ch > 0x10ffff || (ch >= 0xd800 && ch < 0xe000)) {
            return CHAT_ERROR;
        }

        p += n;
        len -= n;
    }

    return CHAT_OK;
}


static size_t
encode(uint32_t ch, unsigned char *out)
{
    size_t  i, n;

    static const unsigned char  lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

    n = ch < 0x80 ? 1 : ch < 0x800 ? 2 : ch < 0x10000 ? 3 : 4;

    for (i = n - 1; i > 0; i--) {
        out[i] = (unsigned char) (0x80 | (ch & 0x3f));
        ch >>= 6;
    }

    out[0] = (unsigned char) (lead[n] | ch);

    return n;
}


static void
every_code_point(void **state)
{
    size_t                len;
    uint32_t              ch;
    chat_str_t            one;
    unsigned char         utf8[4];
    const unsigned char  *p;

    (void) state;

    for (ch = 0; ch <= 0x110000; ch++) {
        len = encode(ch, utf8);
        one = (chat_str_t) { len, utf8 };

        if ((ch >= 0xd800 && ch <= 0xdfff) || ch > 0x10ffff) {
            assert_int_equal(chat_utf8_check(one), CHAT_ERROR);
            continue;
        }

        assert_int_equal(chat_utf8_check(one), CHAT_OK);
        assert_int_equal(chat_utf8_chars(one), 1);

        p = utf8;
        assert_int_equal(chat_utf8_next(&p), ch);
        assert_ptr_equal(p, utf8 + len);
    }
}


static void
all_short_sequences(void **state)
{
    unsigned       a, b, c, d;
    unsigned char  s[4];

    static const unsigned char  edges[] = { 0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f,
                                            0xa0, 0xbf, 0xc0, 0xff };

    (void) state;

    for (a = 0; a < 256; a++) {
        s[0] = (unsigned char) a;
        assert_int_equal(chat_utf8_check((chat_str_t) { 1, s }),
                         reference(s, 1));

        for (b = 0; b < 256; b++) {
            s[1] = (unsigned char) b;
            assert_int_equal(chat_utf8_check((chat_str_t) { 2, s }),
                             reference(s, 2));

            if (a < 0xc0) {
                continue;
            }

            for (c = 0; c < 256; c++) {
                s[2] = (unsigned char) c;
                assert_int_equal(chat_utf8_check((chat_str_t) { 3, s }),
                                 reference(s, 3));

                for (d = 0; a >= 0xf0 && d < sizeof(edges); d++) {
                    s[3] = edges[d];
                    assert_int_equal(chat_utf8_check((chat_str_t) { 4, s }),
                                     reference(s, 4));
                }
            }
        }
    }
}


/* the path for eight ASCII bytes at once, at every offset */
static void
bad_byte_at_every_offset(void **state)
{
    size_t         i, len;
    unsigned char  s[40];

    (void) state;

    for (len = 0; len <= sizeof(s); len++) {

        memset(s, 'a', sizeof(s));
        assert_int_equal(chat_utf8_check((chat_str_t) { len, s }), CHAT_OK);

        for (i = 0; i < len; i++) {
            memset(s, 'a', sizeof(s));
            s[i] = 0x80;
            assert_int_equal(chat_utf8_check((chat_str_t) { len, s }),
                             CHAT_ERROR);

            s[i] = 0xc3;
            assert_int_equal(chat_utf8_check((chat_str_t) { len, s }),
                             CHAT_ERROR);

            if (i + 1 < len) {
                s[i + 1] = 0xa9;
                assert_int_equal(chat_utf8_check((chat_str_t) { len, s }),
                                 CHAT_OK);
                assert_int_equal(chat_utf8_chars((chat_str_t) { len, s }),
                                 len - 1);
            }
        }
    }
}


static void
every_split(void **state)
{
    size_t       i, j;
    chat_str_t   s;
    chat_utf8_t  utf8;

    (void) state;

    s = text("a\xc3\xa9 \xe2\x82\xac\xed\x9f\xbf 12345678"
             "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf!");

    for (i = 0; i <= s.len; i++) {
        for (j = i; j <= s.len; j++) {
            utf8 = 0;
            assert_int_equal(chat_utf8_feed(&utf8, s.data, i), CHAT_OK);
            assert_int_equal(chat_utf8_feed(&utf8, s.data + i, j - i), CHAT_OK);
            assert_int_equal(chat_utf8_feed(&utf8, s.data + j, s.len - j),
                             CHAT_OK);
            assert_int_equal(utf8, 0);
        }
    }
}


static void
state_tells_the_boundary(void **state)
{
    size_t       i;
    chat_str_t   s;
    chat_utf8_t  utf8;

    (void) state;

    s = text("\xf0\x9f\x98\x80");
    utf8 = 0;

    for (i = 0; i < s.len; i++) {
        assert_int_equal(chat_utf8_feed(&utf8, s.data + i, 1), CHAT_OK);
        assert_int_equal(utf8 == 0, i == 3);
    }

    assert_int_equal(chat_utf8_check((chat_str_t) { 3, s.data }), CHAT_ERROR);
    assert_int_equal(chat_utf8_check((chat_str_t) { 0, NULL }), CHAT_OK);
    assert_int_equal(chat_utf8_chars((chat_str_t) { 0, NULL }), 0);
}


/* a character that can't be finished is not waited for */
static void
fails_at_the_first_bad_byte(void **state)
{
    size_t       i, n;
    chat_str_t   s;
    chat_utf8_t  utf8;

    static const struct {
        const char  *bytes;
        size_t       bad;
    } tests[] = {
        { "\x80", 0 },
        { "ab\xbf", 2 },
        { "\xc0\xaf", 0 },
        { "\xc1\xbf", 0 },
        { "\xc3\x28", 1 },
        { "\xe0\x9f\xbf", 1 },
        { "\xe2\x82\x28", 2 },
        { "\xed\xa0\x80", 1 },
        { "\xed\xbf\xbf", 1 },
        { "\xf0\x8f\xbf\xbf", 1 },
        { "\xf0\x9f\x98\xc0", 3 },
        { "\xf4\x90\x80\x80", 1 },
        { "\xf5\x80\x80\x80", 0 },
        { "\xf8\x88\x80\x80\x80", 0 },
        { "\xff", 0 }
    };

    (void) state;

    for (n = 0; n < lengthof(tests); n++) {
        s = ctext(tests[n].bytes);
        utf8 = 0;

        for (i = 0; i < tests[n].bad; i++) {
            assert_int_equal(chat_utf8_feed(&utf8, s.data + i, 1), CHAT_OK);
        }

        assert_int_equal(chat_utf8_feed(&utf8, s.data + i, 1), CHAT_ERROR);
    }
}


static void
counts_characters(void **state)
{
    (void) state;

    assert_int_equal(chat_utf8_chars(text("")), 0);
    assert_int_equal(chat_utf8_chars(text("a\0b")), 3);
    assert_int_equal(chat_utf8_chars(text("\xc3\xa9\xe2\x82\xac")), 2);
    assert_int_equal(chat_utf8_chars(text("12345678\xf0\x9f\x98\x80"
                                          "12345678\xf0\x9f\x98\x80")), 18);
}


static void
white_space_of_trim(void **state)
{
    size_t    i;
    uint32_t  ch;

    static const uint32_t  spaces[] = {
        0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x20, 0xa0, 0x1680, 0x2000, 0x2001,
        0x2002, 0x2003, 0x2004, 0x2005, 0x2006, 0x2007, 0x2008, 0x2009, 0x200a,
        0x2028, 0x2029, 0x202f, 0x205f, 0x3000, 0xfeff
    };

    (void) state;

    i = 0;

    for (ch = 0; ch <= 0x10ffff; ch++) {
        if (i < lengthof(spaces) && ch == spaces[i]) {
            assert_int_equal(chat_utf8_space(ch), 1);
            i++;

        } else {
            assert_int_equal(chat_utf8_space(ch), 0);
        }
    }

    assert_int_equal(i, lengthof(spaces));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        test(every_code_point),
        test(all_short_sequences),
        test(bad_byte_at_every_offset),
        test(every_split),
        test(state_tells_the_boundary),
        test(fails_at_the_first_bad_byte),
        test(counts_characters),
        test(white_space_of_trim)
    };

    return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
