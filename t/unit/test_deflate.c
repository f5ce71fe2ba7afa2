/* chat_deflate: RFC 7692, its offers and its messages */

#include "test.h"
#include "chat_deflate.h"


/* four final blocks with nothing in them */
#define FINAL  "\x03\x00\x03\x00\x03\x00\x03\x00"


static size_t  blocks;


static void *
count_alloc(void *data, size_t len)
{
    (void) data;
    blocks++;
    return malloc(len);
}


static void
count_free(void *data, void *block)
{
    (void) data;
    blocks -= block != NULL;
    free(block);
}


static const chat_deflate_mem_t  mem = { count_alloc, count_free, NULL };


static void
test_offers(void **state)
{
    int                   rc;
    size_t                i;
    chat_deflate_offer_t  offer;

    static const struct {
        const char  *header;
        int          rc;
        unsigned     window;
        unsigned     asked;
    } cases[] = {
        { "permessage-deflate", CHAT_OK, 15, 0 },
        { " permessage-deflate ; client_max_window_bits", CHAT_OK, 15, 0 },
        { "permessage-deflate;client_max_window_bits=8", CHAT_OK, 15, 0 },
        { "permessage-deflate;client_max_window_bits=\"15\"", CHAT_OK, 15, 0 },
        { "permessage-deflate; server_max_window_bits=9", CHAT_OK, 9, 1 },
        { "permessage-deflate; server_max_window_bits=15", CHAT_OK, 15, 1 },
        { "permessage-deflate; server_max_window_bits=\"10\"", CHAT_OK, 10, 1 },
        { "permessage-deflate; server_max_window_bits=\"1\\0\"", CHAT_OK, 10,
          1 },
        { "permessage-deflate; server_no_context_takeover; "
          "client_no_context_takeover", CHAT_OK, 15, 0 },
        { "x-other; a=b; c, permessage-deflate", CHAT_OK, 15, 0 },
        { "permessage-deflate; new, permessage-deflate; "
          "server_max_window_bits=11", CHAT_OK, 11, 1 },
        { "permessage-deflate; server_max_window_bits=8, permessage-deflate",
          CHAT_OK, 15, 0 },
        { "permessage-deflate, permessage-deflate; server_max_window_bits=9",
          CHAT_OK, 15, 0 },
        { ", ,permessage-deflate,", CHAT_OK, 15, 0 },

        { "", CHAT_DONE, 0, 0 },
        { "permessage-bzip2", CHAT_DONE, 0, 0 },
        { "permessage-deflatex", CHAT_DONE, 0, 0 },
        { "permessage-deflate; unknown", CHAT_DONE, 0, 0 },
        { "permessage-deflate; unknown=1", CHAT_DONE, 0, 0 },
        { "permessage-deflate; server_max_window_bits", CHAT_DONE, 0, 0 },
        { "permessage-deflate; server_max_window_bits=8", CHAT_DONE, 0, 0 },
        { "permessage-deflate; server_max_window_bits=7", CHAT_DONE, 0, 0 },
        { "permessage-deflate; server_max_window_bits=16", CHAT_DONE, 0, 0 },
        { "permessage-deflate; server_max_window_bits=09", CHAT_DONE, 0, 0 },
        { "permessage-deflate; server_max_window_bits=100", CHAT_DONE, 0, 0 },
        { "permessage-deflate; server_max_window_bits=\"10000000\"", CHAT_DONE,
          0, 0 },
        { "permessage-deflate; client_max_window_bits=7", CHAT_DONE, 0, 0 },
        { "permessage-deflate; client_max_window_bits=x", CHAT_DONE, 0, 0 },
        { "permessage-deflate; client_no_context_takeover=1", CHAT_DONE, 0, 0 },
        { "permessage-deflate; server_no_context_takeover=1", CHAT_DONE, 0, 0 },
        { "permessage-deflate; client_no_context_takeover; "
          "client_no_context_takeover", CHAT_DONE, 0, 0 },
        { "permessage-deflate; server_max_window_bits=9; "
          "server_max_window_bits=9", CHAT_DONE, 0, 0 },
        { "permessage-deflate; client_max_window_bits; "
          "client_max_window_bits=9", CHAT_DONE, 0, 0 },

        { ";", CHAT_ERROR, 0, 0 },
        { "=", CHAT_ERROR, 0, 0 },
        { "permessage-deflate;", CHAT_ERROR, 0, 0 },
        { "permessage-deflate; ;", CHAT_ERROR, 0, 0 },
        { "permessage-deflate=1", CHAT_ERROR, 0, 0 },
        { "permessage-deflate; a=", CHAT_ERROR, 0, 0 },
        { "permessage-deflate; =1", CHAT_ERROR, 0, 0 },
        { "permessage-deflate; a=\"", CHAT_ERROR, 0, 0 },
        { "permessage-deflate; a=\"1", CHAT_ERROR, 0, 0 },
        { "permessage-deflate; a=\"\\", CHAT_ERROR, 0, 0 },
        { "permessage-deflate; a=\"\\\"", CHAT_ERROR, 0, 0 },
        { "permessage-deflate; a=\"\"", CHAT_ERROR, 0, 0 },
        { "permessage-deflate; a=\"1 0\"", CHAT_ERROR, 0, 0 },
        { "permessage-deflate; a=\"1\"0", CHAT_ERROR, 0, 0 },
        { "permessage-deflate a", CHAT_ERROR, 0, 0 },
        { "permessage-deflate; a b", CHAT_ERROR, 0, 0 },
        { "permessage-deflate, \xff", CHAT_ERROR, 0, 0 },
        { "permessage-deflate, (", CHAT_ERROR, 0, 0 }
    };

    (void) state;

    for (i = 0; i < lengthof(cases); i++) {
        rc = chat_deflate_negotiate(ctext(cases[i].header), &offer);

        if (rc != cases[i].rc) {
            fail_msg("\"%s\": %d", cases[i].header, rc);
        }

        if (rc == CHAT_OK) {
            assert_int_equal(offer.window, cases[i].window);
            assert_int_equal(offer.asked, cases[i].asked);
        }
    }
}


/* payloads, most of RFC 7692, 7.2.3; NULL: broken */

static void
test_payloads(void **state)
{
    int              rc;
    size_t           i, len;
    unsigned char   *out;
    chat_deflate_t  *d;

#define bytes(s)  s, sizeof(s) - 1

    static const struct {
        const char  *data;
        size_t       len;
        const char  *text;
    } cases[] = {
        { bytes("\xf2\x48\xcd\xc9\xc9\x07\x00"), "Hello" },
        { bytes("\x00\x05\x00\xfa\xff" "Hello\x00"), "Hello" },
        { bytes("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), "Hello" },
        { bytes("\xf3\x48\xcd\xc9\xc9\x07\x00"), "Hello" },
        { bytes("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"),
          "Hello" },
        { bytes("\xf3\x48\xcd\xc9\xc9\x07\x00\xf2\x48\xcd\xc9\xc9\x07\x00"),
          "HelloHello" },
        { bytes("\xf3\x48\xcd\xc9\xc9\x07\x00\xf2\x00\x11\x00\x00"),
          "HelloHello" },
        { bytes("\x00"), "" },
        { bytes(FINAL FINAL FINAL FINAL "\x00"), "" },

        { bytes(FINAL FINAL FINAL FINAL FINAL "\x00"), NULL },
        { bytes("\xff"), NULL },
        { bytes("\x06"), NULL },
        { bytes("\xf2\x48\xcd"), NULL },
        { bytes("\x00\x05\x00\xfa\xfe" "Hello\x00"), NULL },
        { bytes("\x00\x05\x00\xfa\xff" "Hel"), NULL },
        { bytes("\xf2\x00\x11\x00\x00"), NULL }
    };

    (void) state;

    d = chat_deflate_create(&mem);
    assert_non_null(d);

    for (i = 0; i < lengthof(cases); i++) {
        rc = chat_deflate_unpack(d, test_text(cases[i].data, cases[i].len),
                                 100, &out, &len);

        if (rc != (cases[i].text ? CHAT_OK : CHAT_ERROR)) {
            fail_msg("payload %d: %d", (int) i, rc);
        }

        if (rc == CHAT_OK) {
            assert_int_equal(len, strlen(cases[i].text));
            assert_memory_equal(out, cases[i].text, len);
            count_free(NULL, out);
        }
    }

    chat_deflate_destroy(d);
    assert_int_equal(blocks, 0);
}


static void
test_both_ways(void **state)
{
    size_t           i, len, packed, got;
    unsigned char   *in, *small, *out;
    chat_deflate_t  *d;

    (void) state;

    d = chat_deflate_create(&mem);
    assert_non_null(d);

    for (len = 0; len < 200000; len = len * 2 + 61) {
        in = test_alloc(len);
        small = test_alloc(len);

        for (i = 0; i < len; i++) {
            in[i] = (unsigned char) ('a' + i * i / 7 % 5);
        }

        packed = chat_deflate_pack(d, (chat_str_t) { len, in }, small);
        assert_true(packed < len || len == 0);

        if (packed == 0) {
            continue;
        }

        assert_int_equal(chat_deflate_unpack(d, (chat_str_t) { packed, small },
                                             len, &out, &got), CHAT_OK);
        assert_int_equal(got, len);
        assert_memory_equal(out, in, len);
        count_free(NULL, out);

        /* the limit is exact, and a bomb leaves nothing */

        assert_int_equal(chat_deflate_unpack(d, (chat_str_t) { packed, small },
                                             len - 1, &out, &got),
                         CHAT_DEFLATE_TOO_LONG);
        assert_null(out);
    }

    for (i = 0; i < 5000; i++) {
        in[i] = (unsigned char) (rand() >> 7);
    }

    assert_int_equal(chat_deflate_pack(d, (chat_str_t) { 5000, in }, small), 0);

    chat_deflate_destroy(d);
    assert_int_equal(blocks, 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        test(test_offers),
        test(test_payloads),
        test(test_both_ways)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
