/* chat_sio: what socket.io-parser 4.2 takes and refuses, and our limits */

#include <limits.h>

#include "test.h"
#include "chat_sio.h"


static void
accepts(void **state)
{
    size_t             i;
    chat_sio_packet_t  p;

    static const struct {
        const char  *packet;
        char         type;
        unsigned     attachments;
        const char  *nsp;
        const char  *ack;
        const char  *data;
    } tests[] = {
        { "0", '0', 0, "/", "", "" },
        { "0{}", '0', 0, "/", "", "{}" },
        { "0{\"token\":\"123\"}", '0', 0, "/", "", "{\"token\":\"123\"}" },
        { "0/admin,", '0', 0, "/admin", "", "" },
        { "0/admin", '0', 0, "/admin", "", "" },
        { "0/admin,{\"a\":1}", '0', 0, "/admin", "", "{\"a\":1}" },
        { "0/admin?token=1&b=/,{}", '0', 0, "/admin", "", "{}" },
        { "0/?a,", '0', 0, "/", "", "" },
        { "0/,", '0', 0, "/", "", "" },
        { "0/caf\xc3\xa9,", '0', 0, "/caf\xc3\xa9", "", "" },
        { "1", '1', 0, "/", "", "" },
        { "1/admin,", '1', 0, "/admin", "", "" },
        { "2[\"foo\"]", '2', 0, "/", "", "[\"foo\"]" },
        { "212[\"foo\",{\"a\":[1,2]}]", '2', 0, "/", "12",
          "[\"foo\",{\"a\":[1,2]}]" },
        { "20[\"a\"]", '2', 0, "/", "0", "[\"a\"]" },
        { "2007[\"a\"]", '2', 0, "/", "007", "[\"a\"]" },
        { "24294967296[\"a\"]", '2', 0, "/", "4294967296", "[\"a\"]" },
        { "299999999999999999999[\"a\"]", '2', 0, "/", "99999999999999999999",
          "[\"a\"]" },
        { "2/admin,456[\"bar\"]", '2', 0, "/admin", "456", "[\"bar\"]" },
        { "2[1]", '2', 0, "/", "", "[1]" },
        { "2[-1.5e9,null]", '2', 0, "/", "", "[-1.5e9,null]" },
        { "2[\"\"]", '2', 0, "/", "", "[\"\"]" },
        { "2[ \"a\" ] ", '2', 0, "/", "", "[ \"a\" ]" },
        { "2[\"connected\"]", '2', 0, "/", "", "[\"connected\"]" },
        { "2[\"Connect\"]", '2', 0, "/", "", "[\"Connect\"]" },
        { "2[\"connect \"]", '2', 0, "/", "", "[\"connect \"]" },
        { "2[\"connect\\u0000\"]", '2', 0, "/", "", "[\"connect\\u0000\"]" },
        { "2[\"\\ud83d\"]", '2', 0, "/", "", "[\"\\ud83d\"]" },
        { "2[\"a\",\"connect\"]", '2', 0, "/", "", "[\"a\",\"connect\"]" },
        { "31[]", '3', 0, "/", "1", "[]" },
        { "3/admin,456[{\"ok\":true}]", '3', 0, "/admin", "456",
          "[{\"ok\":true}]" },
        { "31[\"connect\"]", '3', 0, "/", "1", "[\"connect\"]" },
        { "4\"Not authorized\"", '4', 0, "/", "", "\"Not authorized\"" },
        { "4/admin,{\"message\":\"no\"}", '4', 0, "/admin", "",
          "{\"message\":\"no\"}" },
        { "51-[\"baz\",{\"_placeholder\":true,\"num\":0}]", '5', 1, "/", "",
          "[\"baz\",{\"_placeholder\":true,\"num\":0}]" },
        { "52-/admin,7[\"a\"]", '5', 2, "/admin", "7", "[\"a\"]" },
        { "501-[\"a\"]", '5', 1, "/", "", "[\"a\"]" },
        { "61-/admin,456[1]", '6', 1, "/admin", "456", "[1]" },
        { "54294967294-[\"a\"]", '5', 4294967294U, "/", "", "[\"a\"]" },
        { "54294967295-[\"a\"]", '5', UINT_MAX, "/", "", "[\"a\"]" },
        { "54294967296-[\"a\"]", '5', UINT_MAX, "/", "", "[\"a\"]" },
        { "59999999999-[\"a\"]", '5', UINT_MAX, "/", "", "[\"a\"]" }
    };

    (void) state;

    for (i = 0; i < lengthof(tests); i++) {
        memset(&p, 0xa5, sizeof(p));

        if (chat_sio_parse(ctext(tests[i].packet), &p) != CHAT_OK) {
            fail_msg("refused: %s", tests[i].packet);
        }

        assert_int_equal(p.type, tests[i].type);
        assert_int_equal(p.attachments, tests[i].attachments);
        assert_true(chat_str_eq(p.nsp, ctext(tests[i].nsp)));
        assert_true(chat_str_eq(p.ack, ctext(tests[i].ack)));
        assert_true(chat_str_eq(p.data.raw, ctext(tests[i].data)));
        assert_int_equal(p.data.type == CHAT_JSON_NONE,
                         tests[i].data[0] == '\0');
    }
}


static void
refuses(void **state)
{
    size_t             i;
    chat_sio_packet_t  p;

    static const char *const  tests[] = {
        "", "7", "9", "a", "-", " ", "\"", "/", "[\"a\"]", " 2[\"a\"]",

        /* CONNECT: an object or nothing */
        "0[]", "0\"a\"", "01null", "0null", "0true", "0{", "0{}x", "0/a,[]",
        "0 {}",

        /* DISCONNECT: nothing */
        "1{}", "1[]", "1null", "1\"a\"", "1x",

        /* EVENT: an array that begins with a name */
        "2", "21", "2/a,", "2/a,1", "2{}", "2\"a\"", "2null", "2[]", "2[{}]",
        "2[[]]", "2[null]", "2[true]", "2[[\"a\"]]", "2[\"a\"", "2[\"a\",]",
        "2[\"a\"]x", "2x[\"a\"]", "2-1[\"a\"]", "21.5[\"a\"]", "2[\"a\nb\"]",
        "2[\"\xff\"]", "2[\"connect\"]", "2[\"connect_error\"]",
        "2[\"disconnect\"]", "2[\"disconnecting\"]", "2[\"newListener\"]",
        "2[\"removeListener\"]", "2[ \"connect\" ,1]", "27[\"disconnect\"]",
        "2[\"\\u0063onnect\"]", "2[\"new\\u004cistener\"]",

        /* white space that JavaScript takes for a digit */
        "2 [\"a\"]", "21 [\"a\"]", "2\n[\"a\"]", "21 2[\"a\"]",

        /* an ack id of more than 20 digits */
        "2999999999999999999999[\"a\"]", "3000000000000000000001[]",

        /* ACK: an array, and an id */
        "3", "31", "3[]", "31{}", "31\"a\"", "31null", "3/a,[]",

        /* CONNECT_ERROR: an object or a string */
        "4", "4[]", "41", "4null", "4true",

        /* attachments: from 1 on, with a dash */
        "5", "5[\"a\"]", "5-[\"a\"]", "50-[\"a\"]", "500-[\"a\"]", "51",
        "51[\"a\"]", "5a-[\"a\"]", "5-1-[\"a\"]", "5+1-[\"a\"]", "5 1-[\"a\"]",
        "51.0-[\"a\"]", "51e1-[\"a\"]", "50x1-[\"a\"]", "51 -[\"a\"]",
        "500000000001-[\"a\"]", "599999999999-[\"a\"]", "51-", "51-{}",
        "51-[\"connect\"]", "51-[]", "6", "61-[]", "61-1", "61-1{}", "60-1[]",

        /* a namespace that isn't UTF-8 */
        "0/\xff,", "0/\xc3", "2/\xc3,[\"a\"]"
    };

    (void) state;

    for (i = 0; i < lengthof(tests); i++) {
        if (chat_sio_parse(ctext(tests[i]), &p) != CHAT_ERROR) {
            fail_msg("accepted: %s", tests[i]);
        }
    }

    assert_int_equal(chat_sio_parse((chat_str_t) { 0, NULL }, &p), CHAT_ERROR);
    assert_int_equal(chat_sio_parse(text("\0" "0"), &p), CHAT_ERROR);
    assert_int_equal(chat_sio_parse(text("2\0[\"a\"]"), &p), CHAT_ERROR);
}


static void
limit_of_a_namespace(void **state)
{
    char               packet[CHAT_SIO_MAX_NSP + 600];
    size_t             len;
    chat_sio_packet_t  p;

    (void) state;

    packet[0] = '0';
    packet[1] = '/';
    memset(packet + 2, 'n', sizeof(packet) - 2);

    len = 1 + CHAT_SIO_MAX_NSP;
    assert_int_equal(chat_sio_parse(test_text(packet, len), &p), CHAT_OK);
    assert_int_equal(p.nsp.len, CHAT_SIO_MAX_NSP);
    assert_int_equal(chat_sio_parse(test_text(packet, len + 1), &p),
                     CHAT_ERROR);

    /* what is cut off doesn't count */

    packet[len] = '?';
    assert_int_equal(chat_sio_parse(test_text(packet, sizeof(packet)), &p),
                     CHAT_OK);
    assert_int_equal(p.nsp.len, CHAT_SIO_MAX_NSP);
}


/* the limits of chat_json_check() are a packet's, whoever may handle it */
static void
limits_of_json(void **state)
{
    char               packet[2 * CHAT_JSON_MAX_ELEMENTS + 16];
    size_t             i, len;
    chat_sio_packet_t  p;

    (void) state;

    packet[0] = '2';
    memcpy(packet + 1, "[\"a\"", 4);
    len = 5;

    /* with the array and the name, two values are there */

    for (i = 2; i < CHAT_JSON_MAX_ELEMENTS; i++) {
        memcpy(packet + len, ",1", 2);
        len += 2;
    }

    packet[len] = ']';
    assert_int_equal(chat_sio_parse(test_text(packet, len + 1), &p), CHAT_OK);

    memcpy(packet + len, ",1]", 3);
    assert_int_equal(chat_sio_parse(test_text(packet, len + 3), &p),
                     CHAT_ERROR);

    memcpy(packet, "2[\"a\",", 6);
    memset(packet + 6, '[', CHAT_JSON_MAX_DEPTH);
    memset(packet + 6 + CHAT_JSON_MAX_DEPTH, ']', CHAT_JSON_MAX_DEPTH);
    len = 6 + 2 * CHAT_JSON_MAX_DEPTH;
    packet[len] = ']';
    assert_int_equal(chat_sio_parse(test_text(packet, len + 1), &p),
                     CHAT_ERROR);

    packet[6] = ' ';
    packet[len - 1] = ' ';
    assert_int_equal(chat_sio_parse(test_text(packet, len + 1), &p), CHAT_OK);
}


static void
events(void **state)
{
    chat_json_t        arg;
    chat_sio_event_t   event;
    chat_sio_packet_t  p;

    (void) state;

    assert_int_equal(chat_sio_parse(text("2[ \"message\" , {\"a\":[1]},\"x\"]"),
                                    &p), CHAT_OK);
    chat_sio_event(&p, &event);
    assert_int_equal(event.name.type, CHAT_JSON_STRING);
    assert_text(event.name.raw, "\"message\"");

    assert_int_equal(chat_json_next(&event.args, NULL, &arg), 1);
    assert_text(arg.raw, "{\"a\":[1]}");
    assert_int_equal(chat_json_next(&event.args, NULL, &arg), 1);
    assert_text(arg.raw, "\"x\"");
    assert_int_equal(chat_json_next(&event.args, NULL, &arg), 0);

    assert_int_equal(chat_sio_parse(text("251[42]"), &p), CHAT_OK);
    chat_sio_event(&p, &event);
    assert_int_equal(event.name.type, CHAT_JSON_NUMBER);
    assert_text(event.name.raw, "42");
    assert_int_equal(chat_json_next(&event.args, NULL, &arg), 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        test(accepts),
        test(refuses),
        test(limit_of_a_namespace),
        test(limits_of_json),
        test(events)
    };

    return cmocka_run_group_tests_name("sio", tests, NULL, NULL);
}
