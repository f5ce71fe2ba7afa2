/* chat_id: user ids, rooms, positions */

#include "test.h"
#include "chat_id.h"


static void
user_ids(void **state)
{
    size_t  i;

    static const char *const  good[] = {
        "1", "9", "10", "123", "999999999999999999"
    };

    static const char *const  bad[] = {
        "", "0", "00", "01", "-1", "+1", "1.0", "1e3", " 1", "1 ", "a", "1a",
        "1000000000000000000", "18446744073709551617", "1:2", "\xd9\xa1"
    };

    (void) state;

    for (i = 0; i < lengthof(good); i++) {
        assert_int_equal(chat_user_id_check(ctext(good[i])), CHAT_OK);
    }

    for (i = 0; i < lengthof(bad); i++) {
        assert_int_equal(chat_user_id_check(ctext(bad[i])), CHAT_ERROR);
    }

    assert_int_equal(chat_user_id_check(text("1\0")), CHAT_ERROR);
    assert_int_equal(chat_user_id_check((chat_str_t) { 0, NULL }), CHAT_ERROR);

    assert_int_equal(chat_user_id_len(text("12\",")), 2);
    assert_int_equal(chat_user_id_len(text("999999999999999999,1")), 18);
    assert_int_equal(chat_user_id_len(text("1000000000000000000,")), 0);
    assert_int_equal(chat_user_id_len(text("012")), 0);
    assert_int_equal(chat_user_id_len(text("a1")), 0);
}


static void
private_rooms(void **state)
{
    size_t       i;
    chat_room_t  room;

    static const char *const  bad[] = {
        "2:1", "1:1", "10:9", "1:2:3", "1:", ":2", ":", "01:2", "1:02", "0:1",
        "1:0", "0:0", "0:name", "1:name", "-1:2", "1: 2", "1:2 ", "a:b",
        "1000000000000000000:2", "1:1000000000000000000", "1::2"
    };

    (void) state;

    assert_int_equal(chat_room_parse(text("1:2"), &room), CHAT_OK);
    assert_int_equal(room.type, CHAT_ROOM_PRIVATE);
    assert_text(room.id, "1:2");
    assert_text(room.low, "1");
    assert_text(room.high, "2");

    /* by number, not by text */

    assert_int_equal(chat_room_parse(text("9:10"), &room), CHAT_OK);
    assert_text(room.low, "9");
    assert_text(room.high, "10");

    assert_int_equal(chat_room_parse(text("999999999999999998:"
                                          "999999999999999999"), &room),
                     CHAT_OK);
    assert_text(room.low, "999999999999999998");

    for (i = 0; i < lengthof(bad); i++) {
        assert_int_equal(chat_room_parse(ctext(bad[i]), &room), CHAT_ERROR);
    }

    assert_int_equal(chat_room_parse(text("1:2\0"), &room), CHAT_ERROR);
    assert_int_equal(chat_room_parse(text("1\0:2"), &room), CHAT_ERROR);
}


static void
named_rooms(void **state)
{
    char         id[CHAT_ROOM_ID_MAX + 1];
    size_t       i;
    unsigned     ch;
    chat_room_t  room;

    static const char *const  good[] = {
        "0", "1", "10", "general", "A-b_9", "0a", "00-", "-", "_", "01x"
    };

    static const char *const  bad[] = {
        "", "00", "01", "007", "a b", "a.b", "a/b", "caf\xc3\xa9", "%30", "a*"
    };

    (void) state;

    for (i = 0; i < lengthof(good); i++) {
        memset(&room, 0xa5, sizeof(room));
        assert_int_equal(chat_room_parse(ctext(good[i]), &room), CHAT_OK);
        assert_int_equal(room.type, CHAT_ROOM_NAMED);
        assert_true(chat_str_eq(room.id, ctext(good[i])));
        assert_int_equal(room.low.len, 0);
        assert_int_equal(room.high.len, 0);
    }

    for (i = 0; i < lengthof(bad); i++) {
        assert_int_equal(chat_room_parse(ctext(bad[i]), &room), CHAT_ERROR);
    }

    for (ch = 0; ch < 256; ch++) {
        id[0] = 'r';
        id[1] = (char) ch;
        assert_int_equal(chat_room_parse(test_text(id, 2), &room) == CHAT_OK,
                         ch && strchr("abcdefghijklmnopqrstuvwxyz"
                                      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                      "0123456789_-", (int) ch) != NULL);
    }

    memset(id, 'x', sizeof(id));
    assert_int_equal(chat_room_parse(test_text(id, CHAT_ROOM_ID_MAX), &room),
                     CHAT_OK);
    assert_int_equal(chat_room_parse(test_text(id, CHAT_ROOM_ID_MAX + 1),
                                     &room), CHAT_ERROR);
    assert_int_equal(chat_room_parse(text("a\0"), &room), CHAT_ERROR);
    assert_int_equal(chat_room_parse((chat_str_t) { 0, NULL }, &room),
                     CHAT_ERROR);
}


static void
rooms_of_two(void **state)
{
    size_t         i, len;
    unsigned char  out[CHAT_ROOM_ID_MAX];

    static const struct {
        const char  *a;
        const char  *b;
        const char  *room;
    } tests[] = {
        { "1", "2", "1:2" },
        { "2", "1", "1:2" },
        { "9", "10", "9:10" },
        { "10", "9", "9:10" },
        { "999999999999999999", "999999999999999998",
          "999999999999999998:999999999999999999" },
        { "1", "1", "" },
        { "0", "1", "" },
        { "1", "", "" },
        { "01", "2", "" },
        { "1", "2:3", "" },
        { "1", "a", "" }
    };

    (void) state;

    for (i = 0; i < lengthof(tests); i++) {
        len = chat_room_private(ctext(tests[i].a), ctext(tests[i].b), out);
        assert_true(chat_str_eq((chat_str_t) { len, out },
                                ctext(tests[i].room)));
    }
}


static int
room_is_of(const char *id, const char *user)
{
    chat_room_t  room;

    assert_int_equal(chat_room_parse(ctext(id), &room), CHAT_OK);

    return chat_room_is_of(&room, ctext(user));
}


static void
rooms_of_a_user(void **state)
{
    (void) state;

    assert_int_equal(room_is_of("0", "7"), 1);
    assert_int_equal(room_is_of("7:10", "7"), 1);
    assert_int_equal(room_is_of("7:10", "10"), 1);
    assert_int_equal(room_is_of("7:10", "1"), 0);
    assert_int_equal(room_is_of("7:10", "0"), 0);
    assert_int_equal(room_is_of("7:10", ""), 0);
    assert_int_equal(room_is_of("7", "7"), 0);
    assert_int_equal(room_is_of("0a", "7"), 0);
    assert_int_equal(room_is_of("lobby", "7"), 0);
}


static void
parses_positions(void **state)
{
    size_t    i;
    uint64_t  usec;

    static const struct {
        const char  *text;
        uint64_t     usec;
    } good[] = {
        { "0", 0 },
        { "0.0", 0 },
        { "0.000001", 1 },
        { "0.1", 100000 },
        { "1", 1000000 },
        { "007", 7000000 },
        { "1700000000", 1700000000000000 },
        { "1700000000.123456", 1700000000123456 },
        { "1700000000.5", 1700000000500000 },
        { "1700000000.000100", 1700000000000100 },
        { "999999999999", 999999999999000000 },
        { "999999999999.999999", 999999999999999999 }
    };

    static const char *const  bad[] = {
        "", ".", "1.", ".5", "1.2.3", "-1", "+1", " 1", "1 ", "1e3", "abc",
        "1.1234567", "1000000000000", "0000000000001", "1000000000000.5",
        "1,5", "1.-5", "1..5", "99999999999999999999",
        "1.99999999999999999999", "0x1", "inf", "nan"
    };

    (void) state;

    for (i = 0; i < lengthof(good); i++) {
        assert_int_equal(chat_pos_parse(ctext(good[i].text), &usec), CHAT_OK);
        assert_true(usec == good[i].usec);
    }

    for (i = 0; i < lengthof(bad); i++) {
        usec = 42;
        assert_int_equal(chat_pos_parse(ctext(bad[i]), &usec), CHAT_ERROR);
        assert_int_equal(usec, 42);
    }

    assert_int_equal(chat_pos_parse(text("1\0"), &usec), CHAT_ERROR);
    assert_int_equal(chat_pos_parse((chat_str_t) { 0, NULL }, &usec),
                     CHAT_ERROR);
}


static void
formats_positions(void **state)
{
    size_t          i, len;
    uint64_t        usec;
    unsigned char  *out;

    static const struct {
        uint64_t     usec;
        const char  *text;
    } tests[] = {
        { 0, "0.000000" },
        { 1, "0.000001" },
        { 999999, "0.999999" },
        { 1000000, "1.000000" },
        { 10000000, "10.000000" },
        { 1700000000123456, "1700000000.123456" },
        { 1700000000000000, "1700000000.000000" },
        { 999999999999999999, "999999999999.999999" },
        { UINT64_MAX, "18446744073709.551615" }
    };

    (void) state;

    for (i = 0; i < lengthof(tests); i++) {
        out = test_alloc(CHAT_POS_MAX);
        len = (size_t) (chat_pos_format(out, tests[i].usec) - out);
        assert_true(chat_str_eq((chat_str_t) { len, out },
                                ctext(tests[i].text)));

        if (tests[i].usec < 1000000000000000000) {
            assert_int_equal(chat_pos_parse((chat_str_t) { len, out }, &usec),
                             CHAT_OK);
            assert_true(usec == tests[i].usec);
        }
    }
}


static void
reads_scores(void **state)
{
    size_t    i;
    uint64_t  usec;

    static const struct {
        const char  *score;
        uint64_t     usec;
    } good[] = {
        { "0", 0 },
        { "1", 1000000 },
        { "1700000000", 1700000000000000 },
        { "1.7e+09", 1700000000000000 },
        { "1.7e9", 1700000000000000 },
        { "1.7E+9", 1700000000000000 },
        { "1.700000000123456e+09", 1700000000123456 },
        { "1700000000.1234560013", 1700000000123456 },
        { "1700000000.1234559", 1700000000123456 },
        { "1700000000.1234564", 1700000000123456 },
        { "1700000000.1234565", 1700000000123457 },
        { "1700000000.9999999", 1700000001000000 },
        { "17000000001234.56e-04", 1700000000123456 },
        { "1700000000123456000000000000000e-21", 1700000000123456 },
        { "9.9999999999999995e-07", 1 },
        { "1e-06", 1 },
        { "5e-07", 1 },
        { "4.9e-07", 0 },
        { "1e-300", 0 },
        { "0e+300", 0 },
        { "0.000000000000000000000000000000000000000000000001", 0 },
        { "00000000000000000000000000000001700000000.5", 1700000000500000 },
        { "1.70000000012345600000000000000000000000e+09", 1700000000123456 },
        { "999999999999.999999", 999999999999999999 }
    };

    static const char *const  bad[] = {
        "", "-1", "-0", "+1", ".", ".5", "1.", "1.e5", "e5", "1e", "1e+",
        "1e+-5", "1e5.0", "1.2.3", "inf", "-inf", "nan", "0x10", "1 ", " 1",
        "1,5", "1e+12", "1e+300", "1e99999", "1e+100000000000000000000",
        "1000000000000", "999999999999.9999999", "18446744073709551616",
        "99999999999999999999999999999999999999",
        "10000000000000000000000000000000000000000000000000000000000000000"
    };

    (void) state;

    for (i = 0; i < lengthof(good); i++) {
        usec = 42;

        if (chat_pos_from_score(ctext(good[i].score), &usec) != CHAT_OK
            || usec != good[i].usec)
        {
            fail_msg("%s is %llu", good[i].score, (unsigned long long) usec);
        }
    }

    for (i = 0; i < lengthof(bad); i++) {
        usec = 42;
        assert_int_equal(chat_pos_from_score(ctext(bad[i]), &usec),
                         CHAT_ERROR);
        assert_int_equal(usec, 42);
    }

    assert_int_equal(chat_pos_from_score(text("1\0"), &usec), CHAT_ERROR);
    assert_int_equal(chat_pos_from_score((chat_str_t) { 0, NULL }, &usec),
                     CHAT_ERROR);
}


/* a position survives Redis: text to double, and back with %.17g or less */
static void
scores_are_exact(void **state)
{
    int       n, digits;
    char      score[64];
    double    d;
    uint64_t  usec, want, random;

    (void) state;

    random = 1;

    for (n = 0; n < 200000; n++) {
        random = random * 6364136223846793005 + 1442695040888963407;

        /* 1970 to 2106 */

        want = (random >> 11) % 4294967296000000;

        snprintf(score, sizeof(score), "%llu.%06llu",
                 (unsigned long long) want / 1000000,
                 (unsigned long long) want % 1000000);
        d = strtod(score, NULL);

        for (digits = 16; digits <= 18; digits++) {
            snprintf(score, sizeof(score), n & 1 ? "%.*g" : "%.*e", digits, d);

            usec = 0;
            assert_int_equal(
                chat_pos_from_score((chat_str_t) { strlen(score),
                                        (unsigned char *) score }, &usec),
                CHAT_OK);
            assert_true(usec == want);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        test(user_ids),
        test(private_rooms),
        test(named_rooms),
        test(rooms_of_two),
        test(rooms_of_a_user),
        test(parses_positions),
        test(formats_positions),
        test(reads_scores),
        test(scores_are_exact)
    };

    return cmocka_run_group_tests_name("id", tests, NULL, NULL);
}
