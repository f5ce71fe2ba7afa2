/* chat_eio: packets, payloads, query strings */

#include "test.h"
#include "chat_eio.h"


static void
packets(void **state)
{
    unsigned           ch;
    unsigned char      byte;
    chat_eio_packet_t  packet;

    (void) state;

    assert_int_equal(chat_eio_packet(text("42[\"a\"]"), &packet), CHAT_OK);
    assert_int_equal(packet.type, CHAT_EIO_MESSAGE);
    assert_text(packet.data, "2[\"a\"]");

    assert_int_equal(chat_eio_packet(text("2probe"), &packet), CHAT_OK);
    assert_int_equal(packet.type, CHAT_EIO_PING);
    assert_text(packet.data, "probe");

    assert_int_equal(chat_eio_packet(text("bAQID"), &packet), CHAT_OK);
    assert_int_equal(packet.type, CHAT_EIO_BINARY);
    assert_text(packet.data, "AQID");

    for (ch = 0; ch < 256; ch++) {
        byte = (unsigned char) ch;

        if ((ch >= '0' && ch <= '6') || ch == 'b') {
            assert_int_equal(chat_eio_packet((chat_str_t) { 1, &byte },
                                             &packet), CHAT_OK);
            assert_int_equal(packet.type, ch);
            assert_int_equal(packet.data.len, 0);

        } else {
            assert_int_equal(chat_eio_packet((chat_str_t) { 1, &byte },
                                             &packet), CHAT_ERROR);
        }
    }

    assert_int_equal(chat_eio_packet(text(""), &packet), CHAT_ERROR);
    assert_int_equal(chat_eio_packet((chat_str_t) { 0, NULL }, &packet),
                     CHAT_ERROR);
}


/* the packets as "type:data|", and how it ended */
static void
payload(chat_str_t rest, const char *packets_want, int end)
{
    int                rc;
    char               got[256];
    size_t             len;
    chat_eio_packet_t  packet;

    len = 0;

    while ((rc = chat_eio_next(&rest, &packet)) == CHAT_OK) {
        assert_true(len + packet.data.len + 4 < sizeof(got));
        got[len++] = (char) packet.type;
        got[len++] = ':';

        if (packet.data.len) {
            memcpy(got + len, packet.data.data, packet.data.len);
            len += packet.data.len;
        }

        got[len++] = '|';
    }

    got[len] = '\0';

    assert_int_equal(rc, end);
    assert_string_equal(got, packets_want);
    assert_int_equal(rest.data == NULL, end == CHAT_DONE);

    /* and it stays so */

    assert_int_equal(chat_eio_next(&rest, &packet), end);
}


static void
payloads(void **state)
{
    (void) state;

    payload(text("4a"), "4:a|", CHAT_DONE);
    payload(text("3"), "3:|", CHAT_DONE);
    payload(text("4a\x1e" "4b\x1e" "bAA==\x1e" "1"),
            "4:a|4:b|b:AA==|1:|", CHAT_DONE);
    payload(text("40\x1e" "42[\"a\"]\x1e" "41"), "4:0|4:2[\"a\"]|4:1|",
            CHAT_DONE);

    payload(text(""), "", CHAT_ERROR);
    payload(text("\x1e"), "", CHAT_ERROR);
    payload(text("4a\x1e"), "4:a|", CHAT_ERROR);
    payload(text("\x1e" "4a"), "", CHAT_ERROR);
    payload(text("4a\x1e\x1e" "4b"), "4:a|", CHAT_ERROR);
    payload(text("4a\x1e" "7\x1e" "4b"), "4:a|", CHAT_ERROR);
    payload(text("4a\x1f" "b"), "4:a\x1f" "b|", CHAT_DONE);
}


static void
query_strings(void **state)
{
    size_t            i;
    chat_eio_query_t  query;

    static const struct {
        const char            *args;
        unsigned               version;
        chat_eio_transport_t   transport;
        const char            *sid;
    } tests[] = {
        { "EIO=4&transport=polling", 4, CHAT_EIO_POLLING, "" },
        { "EIO=4&transport=polling&t=abc&sid=a-_1", 4, CHAT_EIO_POLLING,
          "a-_1" },
        { "sid=x&transport=websocket&EIO=4", 4, CHAT_EIO_WEBSOCKET, "x" },
        { "&&EIO=3&&transport=polling&", 3, CHAT_EIO_POLLING, "" },
        { "", 0, CHAT_EIO_NO_TRANSPORT, "" },
        { "EIO&transport&sid", 0, CHAT_EIO_NO_TRANSPORT, "" },
        { "EIO=&transport=&sid=", 0, CHAT_EIO_NO_TRANSPORT, "" },
        { "EIO=four&transport=Polling", 0, CHAT_EIO_NO_TRANSPORT, "" },
        { "EIO=4.0", 0, CHAT_EIO_NO_TRANSPORT, "" },
        { "EIO=04", 0, CHAT_EIO_NO_TRANSPORT, "" },
        { "EIO=-4", 0, CHAT_EIO_NO_TRANSPORT, "" },
        { "EIO=4294967300", 0, CHAT_EIO_NO_TRANSPORT, "" },
        { "EIO=18446744073709551620", 0, CHAT_EIO_NO_TRANSPORT, "" },
        { "eio=4&Transport=polling&SID=a", 0, CHAT_EIO_NO_TRANSPORT, "" },
        { "transport=pollingx", 0, CHAT_EIO_NO_TRANSPORT, "" },
        { "transport=webtransport", 0, CHAT_EIO_NO_TRANSPORT, "" },

        /* the first of each counts */

        { "EIO=x&EIO=4&sid=&sid=b&transport=x&transport=polling", 0,
          CHAT_EIO_NO_TRANSPORT, "" },
        { "EIO=4&EIO=3&sid=a&sid=b&transport=polling&transport=websocket", 4,
          CHAT_EIO_POLLING, "a" },

        { "sid=a=b&EIO=4", 4, CHAT_EIO_NO_TRANSPORT, "a=b" },
        { "sid=%41", 0, CHAT_EIO_NO_TRANSPORT, "%41" }
    };

    (void) state;

    for (i = 0; i < lengthof(tests); i++) {
        memset(&query, 0xa5, sizeof(query));
        chat_eio_query(ctext(tests[i].args), &query);

        assert_int_equal(query.version, tests[i].version);
        assert_int_equal(query.transport, tests[i].transport);
        assert_true(chat_str_eq(query.sid, ctext(tests[i].sid)));
    }

    chat_eio_query((chat_str_t) { 0, NULL }, &query);
    assert_int_equal(query.version, 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        test(packets),
        test(payloads),
        test(query_strings)
    };

    return cmocka_run_group_tests_name("eio", tests, NULL, NULL);
}
