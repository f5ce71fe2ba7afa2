/* chat_json: RFC 8259 and its limits */

#include "test.h"
#include "chat_json.h"


static chat_json_t
parse(chat_str_t json)
{
    chat_json_t  value;

    assert_int_equal(chat_json_check(json, &value), CHAT_OK);

    return value;
}


#define json(literal)  parse(text(literal))


static void
accepts_what_is_json(void **state)
{
    size_t       i;
    chat_json_t  value;

    static const struct {
        const char        *json;
        chat_json_type_t   type;
        const char        *raw;
    } tests[] = {
        { "{}", CHAT_JSON_OBJECT, "{}" },
        { " [ ] ", CHAT_JSON_ARRAY, "[ ]" },
        { "\t\r\n \"a\"\n", CHAT_JSON_STRING, "\"a\"" },
        { "true", CHAT_JSON_TRUE, "true" },
        { "false ", CHAT_JSON_FALSE, "false" },
        { " null", CHAT_JSON_NULL, "null" },
        { "0", CHAT_JSON_NUMBER, "0" },
        { "-0", CHAT_JSON_NUMBER, "-0" },
        { "-12.50e+03", CHAT_JSON_NUMBER, "-12.50e+03" },
        { "1E9", CHAT_JSON_NUMBER, "1E9" },
        { "0.0", CHAT_JSON_NUMBER, "0.0" },
        { "0e-1", CHAT_JSON_NUMBER, "0e-1" },
        { "99999999999999999999999999", CHAT_JSON_NUMBER,
          "99999999999999999999999999" },
        { "[1,2 , [ ],{ } ,\"\"]", CHAT_JSON_ARRAY, "[1,2 , [ ],{ } ,\"\"]" },
        { "{\"a\":1,\"a\" : {\"b\":[]}}", CHAT_JSON_OBJECT,
          "{\"a\":1,\"a\" : {\"b\":[]}}" },
        { "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\uD83d\\ude00\\ud83d\"",
          CHAT_JSON_STRING,
          "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\uD83d\\ude00\\ud83d\"" },
        { "\"\x7f\xc2\x80\xe2\x80\xa8\xf4\x8f\xbf\xbf\"", CHAT_JSON_STRING,
          "\"\x7f\xc2\x80\xe2\x80\xa8\xf4\x8f\xbf\xbf\"" }
    };

    (void) state;

    for (i = 0; i < lengthof(tests); i++) {
        assert_int_equal(chat_json_check(ctext(tests[i].json), &value),
                         CHAT_OK);
        assert_int_equal(value.type, tests[i].type);
        assert_true(chat_str_eq(value.raw, ctext(tests[i].raw)));

        assert_int_equal(chat_json_check(ctext(tests[i].json), NULL), CHAT_OK);
    }
}


static void
refuses_what_is_not(void **state)
{
    size_t       i;
    chat_json_t  value;

    static const char *const  tests[] = {
        "", " ", "{", "[", "}", "]", ",", ":", "\"", "\"a", "'a'", "nul",
        "nulL", "True", "truefalse", "true false", "NaN", "Infinity",
        "undefined",
        "01", "-", "-01", "+1", ".5", "5.", "1.e1", "1e", "1e+", "0x10", "1_0",
        "--1", "1 2", "1,",
        "[,]", "[1,]", "[,1]", "[1 2]", "[1}", "[1,,2]", "[1", "[1,", "[]]",
        "[[]", "[\"a\":1]",
        "{,}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{\"a\" 1}", "{a:1}",
        "{1:1}", "{\"a\":1]", "{\"a\":1", "{\"a\":1,", "{\"a\":1 \"b\":2}",
        "{\"a\"", "{\"a", "{\"a\":", "{}{}", "{null:1}", "{\"a\"::1}",
        "\"\\\"", "\"\\", "\"\\x\"", "\"\\u\"", "\"\\u123\"", "\"\\u12g4\"",
        "\"\\u+123\"", "\"\\U0041\"", "\"\\'\"", "\"\\u00", "\"\\u0041",
        "\"\\0\"",
        "\"a\nb\"", "\"a\tb\"", "\"12345678\x1f\"", "\"\x01\"",
        "\"\x80\"", "\"\xc3\"", "\"12345678\xc3\"", "\"\xed\xa0\x80\"",
        "\"\xc0\xaf\"", "\"\xf5\x80\x80\x80\"", "\"\xe2\x82\\n\xac\"",
        "{\"\xff\":1}", "\xef\xbb\xbf{}", "\xc2\xa0[]", "[]\x0b", "\f1",
        "/* */1", "1//"
    };

    (void) state;

    for (i = 0; i < lengthof(tests); i++) {
        memset(&value, 0xa5, sizeof(value));

        if (chat_json_check(ctext(tests[i]), &value) != CHAT_ERROR) {
            fail_msg("accepted: %s", tests[i]);
        }

        assert_int_equal(value.type, CHAT_JSON_NONE);
    }

    assert_int_equal(chat_json_check(text("\"a\0b\""), NULL), CHAT_ERROR);
    assert_int_equal(chat_json_check(text("\"12345678\0\""), NULL),
                     CHAT_ERROR);
    assert_int_equal(chat_json_check(text("\"\\\0\""), NULL), CHAT_ERROR);
    assert_int_equal(chat_json_check(text("\0" "1"), NULL), CHAT_ERROR);
    assert_int_equal(chat_json_check(text("1\0"), NULL), CHAT_ERROR);
    assert_int_equal(chat_json_check((chat_str_t) { 0, NULL }, NULL),
                     CHAT_ERROR);
}


/* every beginning of a text that isn't the text is refused, none over-read */
static void
refuses_every_beginning(void **state)
{
    size_t      i;
    chat_str_t  whole;

    (void) state;

    whole = text("{\"key \\u00e9\":[true,false,null,-1.5e+10,\"\xe2\x82\xac\","
                 "{\"a\":{}}],\"\":\"12345678\\\\\"}");

    assert_int_equal(chat_json_check(whole, NULL), CHAT_OK);

    for (i = 0; i < whole.len; i++) {
        assert_int_equal(
            chat_json_check(test_text((const char *) whole.data, i), NULL),
            CHAT_ERROR);
    }
}


/* the scan by words: each byte at each offset */
static void
every_byte_in_a_string(void **state)
{
    size_t         at;
    unsigned       ch;
    unsigned char  s[22];

    (void) state;

    for (at = 1; at < sizeof(s) - 1; at++) {
        for (ch = 0; ch < 256; ch++) {
            memset(s, 'x', sizeof(s));
            s[0] = s[sizeof(s) - 1] = '"';
            s[at] = (unsigned char) ch;

            assert_int_equal(
                chat_json_check((chat_str_t) { sizeof(s), s }, NULL),
                ch < 0x20 || ch == '"' || ch == '\\' || ch >= 0x80
                ? CHAT_ERROR : CHAT_OK);
        }
    }
}


static chat_str_t
nested(unsigned depth, const char *opening, const char *middle,
    const char *closing)
{
    char      *p, *start;
    size_t     open, close;
    unsigned   i;

    open = strlen(opening);
    close = strlen(closing);

    start = test_alloc(depth * (open + close) + strlen(middle));
    p = start;

    for (i = 0; i < depth; i++) {
        memcpy(p, opening, open);
        p += open;
    }

    memcpy(p, middle, strlen(middle));
    p += strlen(middle);

    for (i = 0; i < depth; i++) {
        memcpy(p, closing, close);
        p += close;
    }

    return (chat_str_t) { (size_t) (p - start), (unsigned char *) start };
}


static void
limit_of_depth(void **state)
{
    size_t  i;

    static const char *const  tests[][3] = {
        { "[", "", "]" },
        { "[", "1", "]" },
        { "{\"a\":", "1", "}" },
        { " [ ", "null", " ] " },
        { "[[],{\"a\":1},", "\"]\"", ",[[1]]]" }
    };

    (void) state;

    for (i = 0; i < 4; i++) {
        assert_int_equal(
            chat_json_check(nested(CHAT_JSON_MAX_DEPTH, tests[i][0],
                                   tests[i][1], tests[i][2]), NULL),
            CHAT_OK);
        assert_int_equal(
            chat_json_check(nested(CHAT_JSON_MAX_DEPTH + 1, tests[i][0],
                                   tests[i][1], tests[i][2]), NULL),
            CHAT_ERROR);
    }

    /* a depth that was left doesn't count any more */

    assert_int_equal(
        chat_json_check(nested(CHAT_JSON_MAX_DEPTH - 2, tests[4][0],
                               tests[4][1], tests[4][2]), NULL),
        CHAT_OK);
    assert_int_equal(
        chat_json_check(nested(CHAT_JSON_MAX_DEPTH - 1, tests[4][0],
                               tests[4][1], tests[4][2]), NULL),
        CHAT_ERROR);

    assert_int_equal(chat_json_check(nested(200000, "[", "", "]"), NULL),
                     CHAT_ERROR);
    assert_int_equal(chat_json_check(nested(200000, "[", "", ""), NULL),
                     CHAT_ERROR);
}


/* arrays and objects in turn: each is closed by its own bracket only */
static void
brackets_match(void **state)
{
    (void) state;

    assert_int_equal(chat_json_check(nested(16, "[{\"a\":", "1", "}]"), NULL),
                     CHAT_OK);
    assert_int_equal(chat_json_check(nested(16, "[{\"a\":", "1", "]}"), NULL),
                     CHAT_ERROR);
    assert_int_equal(chat_json_check(nested(16, "{\"a\":[", "", "]}"), NULL),
                     CHAT_OK);
    assert_int_equal(chat_json_check(text("[[1},2]"), NULL), CHAT_ERROR);
    assert_int_equal(chat_json_check(text("[{\"a\":1},2}"), NULL), CHAT_ERROR);
    assert_int_equal(chat_json_check(text("{\"a\":[1],2}"), NULL), CHAT_ERROR);
    assert_int_equal(chat_json_check(text("[{\"a\":1},\"b\":2]"), NULL),
                     CHAT_ERROR);
}


static chat_str_t
elements(unsigned n, const char *element, char opening, char closing)
{
    char      *p, *start;
    size_t     len;
    unsigned   i;

    len = strlen(element);
    start = test_alloc(n * (len + 1) + 2);
    p = start;

    *p++ = opening;

    for (i = 0; i < n; i++) {
        memcpy(p, element, len);
        p += len;
        *p++ = ',';
    }

    p[-1] = closing;

    return (chat_str_t) { (size_t) (p - start), (unsigned char *) start };
}


/* all values count, containers too; keys don't */
static void
limit_of_elements(void **state)
{
    const unsigned  most = CHAT_JSON_MAX_ELEMENTS;

    (void) state;

    assert_int_equal(chat_json_check(elements(most - 1, "1", '[', ']'), NULL),
                     CHAT_OK);
    assert_int_equal(chat_json_check(elements(most, "1", '[', ']'), NULL),
                     CHAT_ERROR);

    assert_int_equal(chat_json_check(elements(most - 1, "\"k\":\"\"", '{', '}'),
                                     NULL), CHAT_OK);
    assert_int_equal(chat_json_check(elements(most, "\"k\":\"\"", '{', '}'),
                                     NULL), CHAT_ERROR);

    assert_int_equal(chat_json_check(elements((most - 1) / 2, "[],{}", '[',
                                              ']'), NULL), CHAT_OK);
    assert_int_equal(chat_json_check(elements(most / 2, "[],{}", '[', ']'),
                                     NULL), CHAT_ERROR);
}


static void
walks_an_array(void **state)
{
    size_t            i;
    chat_json_t       array, value;
    chat_json_iter_t  it;

    static const struct {
        chat_json_type_t   type;
        const char        *raw;
    } want[] = {
        { CHAT_JSON_NUMBER, "-1.5e3" },
        { CHAT_JSON_STRING, "\"a,]\\\"\\\\\"" },
        { CHAT_JSON_ARRAY, "[ [\"]\"], {} ]" },
        { CHAT_JSON_OBJECT, "{\"}\": \"{\", \"b\":[1,2]}" },
        { CHAT_JSON_TRUE, "true" },
        { CHAT_JSON_FALSE, "false" },
        { CHAT_JSON_NULL, "null" },
        { CHAT_JSON_STRING, "\"\\\\\\\\\"" },
        { CHAT_JSON_NUMBER, "0" }
    };

    (void) state;

    array = json("[ -1.5e3 , \"a,]\\\"\\\\\",[ [\"]\"], {} ]\n,"
                 "{\"}\": \"{\", \"b\":[1,2]},true,false\t,null,"
                 "\"\\\\\\\\\",0]");

    chat_json_iter(&it, &array);

    for (i = 0; i < lengthof(want); i++) {
        assert_int_equal(chat_json_next(&it, NULL, &value), 1);
        assert_int_equal(value.type, want[i].type);
        assert_true(chat_str_eq(value.raw, ctext(want[i].raw)));
    }

    assert_int_equal(chat_json_next(&it, NULL, &value), 0);
    assert_int_equal(chat_json_next(&it, NULL, &value), 0);

    array = json("[ \n ]");
    chat_json_iter(&it, &array);
    assert_int_equal(chat_json_next(&it, NULL, &value), 0);
}


static void
walks_an_object(void **state)
{
    chat_json_t       object, key, value;
    chat_json_iter_t  it;

    (void) state;

    object = json(" { \"a:\\\"\" : 1 ,\"\":{\"x\":[]},\"b\" :\"\"}");
    chat_json_iter(&it, &object);

    assert_int_equal(chat_json_next(&it, &key, &value), 1);
    assert_int_equal(key.type, CHAT_JSON_STRING);
    assert_text(key.raw, "\"a:\\\"\"");
    assert_text(value.raw, "1");

    assert_int_equal(chat_json_next(&it, &key, &value), 1);
    assert_text(key.raw, "\"\"");
    assert_text(value.raw, "{\"x\":[]}");

    assert_int_equal(chat_json_next(&it, &key, &value), 1);
    assert_text(key.raw, "\"b\"");
    assert_text(value.raw, "\"\"");

    assert_int_equal(chat_json_next(&it, &key, &value), 0);

    object = json("{ }");
    chat_json_iter(&it, &object);
    assert_int_equal(chat_json_next(&it, &key, &value), 0);
}


static void
gets_keys(void **state)
{
    chat_json_t  object, value;

    (void) state;

    object = json("{\"a\":1,\"b\":{\"c\":2},\"a\":3,\"\\u0064\\t\":4,"
                  "\"e\\u0000\":5,\"\\ud83d\":6,\"\\ud83d\\ude00\":7,"
                  "\"\xc3\xa9\":8,\"\":9,\"f\":1,\"\\u0066\":10,\"ab\":0}");

    assert_int_equal(chat_json_get(&object, "a", &value), 1);
    assert_text(value.raw, "3");

    assert_int_equal(chat_json_get(&object, "d\t", &value), 1);
    assert_text(value.raw, "4");

    assert_int_equal(chat_json_get(&object, "\xf0\x9f\x98\x80", &value), 1);
    assert_text(value.raw, "7");

    assert_int_equal(chat_json_get(&object, "\xc3\xa9", &value), 1);
    assert_text(value.raw, "8");

    assert_int_equal(chat_json_get(&object, "", &value), 1);
    assert_text(value.raw, "9");

    assert_int_equal(chat_json_get(&object, "f", &value), 1);
    assert_text(value.raw, "10");

    /* keys of containers inside, parts of keys, keys with a NUL */

    assert_int_equal(chat_json_get(&object, "c", &value), 0);
    assert_int_equal(value.type, CHAT_JSON_NONE);
    assert_int_equal(chat_json_get(&object, "e", &value), 0);
    assert_int_equal(chat_json_get(&object, "abc", &value), 0);
    assert_int_equal(chat_json_get(&object, "A", &value), 0);
    assert_int_equal(chat_json_get(&object, "\xed\xa0\xbd", &value), 0);

    object = json("[\"a\",1]");
    assert_int_equal(chat_json_get(&object, "a", &value), 0);
    assert_int_equal(value.type, CHAT_JSON_NONE);

    object = json("{}");
    assert_int_equal(chat_json_get(&object, "a", &value), 0);
}


static void
compares_strings(void **state)
{
    chat_json_t  s;

    (void) state;

    s = json("\"a\\u0000\\/\\\\\\\"\\b\\f\\n\\r\\t\xe2\x82\xac\\u20AC\"");
    assert_int_equal(chat_json_string_eq(&s, text("a\0/\\\"\b\f\n\r\t"
                                                  "\xe2\x82\xac\xe2\x82\xac")),
                     1);
    assert_int_equal(chat_json_string_eq(&s, text("a\0/\\\"\b\f\n\r\t"
                                                  "\xe2\x82\xac\xe2\x82")), 0);
    assert_int_equal(chat_json_string_eq(&s, text("a")), 0);
    assert_int_equal(chat_json_string_eq(&s, text("")), 0);

    s = json("\"plain\"");
    assert_int_equal(chat_json_string_eq(&s, text("plain")), 1);
    assert_int_equal(chat_json_string_eq(&s, text("plait")), 0);
    assert_int_equal(chat_json_string_eq(&s, text("plai")), 0);
    assert_int_equal(chat_json_string_eq(&s, text("plain ")), 0);

    /* not the notation, but what it stands for */

    s = json("\"\\u0041\"");
    assert_int_equal(chat_json_string_eq(&s, text("A")), 1);
    assert_int_equal(chat_json_string_eq(&s, text("\\u0041")), 0);
    assert_int_equal(chat_json_string_eq(&s, text("AB")), 0);
    assert_int_equal(chat_json_string_eq(&s, text("A\0")), 0);

    s = json("\"\"");
    assert_int_equal(chat_json_string_eq(&s, text("")), 1);
    assert_int_equal(chat_json_string_eq(&s, (chat_str_t) { 0, NULL }), 1);

    s = json("12");
    assert_int_equal(chat_json_string_eq(&s, text("")), 0);
}


static void
decodes(chat_str_t json_text, const char *want, long len)
{
    chat_json_t     s;
    unsigned char  *out;

    s = parse(json_text);
    out = test_alloc(s.raw.len);

    assert_int_equal(chat_json_string_decode(&s, out), len);

    if (len > 0) {
        assert_memory_equal(out, want, (size_t) len);
    }
}


static void
decodes_strings(void **state)
{
    (void) state;

    decodes(text("\"\""), "", 0);
    decodes(text("\"plain \xc3\xa9\""), "plain \xc3\xa9", 8);
    decodes(text("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), "\"\\/\b\f\n\r\t", 8);
    decodes(text("\"a\\u0000b\""), "a\0b", 3);
    decodes(text("\"\\u007f\\u0080\\u07FF\\u0800\\uffff\""),
            "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf", 11);
    decodes(text("\"\\ud800\\udc00\\uDBFF\\uDFFF\""),
            "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 8);
    decodes(text("\"\\ud83d\\ude00!\""), "\xf0\x9f\x98\x80!", 5);

    /* lone surrogates */

    decodes(text("\"\\ud83d\""), NULL, -1);
    decodes(text("\"a\\ude00b\""), NULL, -1);
    decodes(text("\"\\ude00\\ud83d\""), NULL, -1);
    decodes(text("\"\\ud83d\\ud83d\\ude00\""), NULL, -1);
    decodes(text("\"\\ud83d \\ude00\""), NULL, -1);
    decodes(text("\"\\ud83d\\n\""), NULL, -1);
    decodes(text("\"\\ud83d\\u0041\""), NULL, -1);
    decodes(text("\"\\ud83d\\\\ude00\""), NULL, -1);
}


static size_t
chars(chat_str_t json_text)
{
    chat_json_t  s;

    s = parse(json_text);

    return chat_json_string_chars(&s);
}


static void
counts_characters(void **state)
{
    (void) state;

    assert_int_equal(chars(text("\"\"")), 0);
    assert_int_equal(chars(text("\"abc\"")), 3);
    assert_int_equal(chars(text("\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"")),
                     3);
    assert_int_equal(chars(text("\"\\n\\\"\\\\\\u0000\"")), 4);
    assert_int_equal(chars(text("\"\\ud83d\\ude00\"")), 1);
    assert_int_equal(chars(text("\"\\ud83d\"")), 1);
    assert_int_equal(chars(text("\"\\ude00\\ud83d\"")), 2);
    assert_int_equal(chars(text("\"\\ud83d\\ud83d\\ude00x\"")), 3);
    assert_int_equal(chars(text("\"12345678\xe2\x82\xac\\t12345678\"")), 18);
}


static int
blank(chat_str_t json_text)
{
    chat_json_t  s;

    s = parse(json_text);

    return chat_json_string_blank(&s);
}


static void
knows_blank_strings(void **state)
{
    size_t  i;

    static const char *const  blanks[] = {
        "", " ", "   ", "\\t", "\\n\\r", "\\f", "\\u000b", "\\u0020",
        "\xc2\xa0", "\\u00a0", "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x8a",
        "\\u2007", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaf",
        "\xe2\x81\x9f", "\xe3\x80\x80", "\xef\xbb\xbf",
        " \\u3000\\ufeff\xc2\xa0\\t "
    };

    static const char *const  others[] = {
        "a", " a ", "\\u0000", "\\b", "\\u001f", "\\u0085", "\xc2\x85",
        "\\u200b", "\xe2\x80\x8b", "\\u180e", "\\ud83d", "\\ude00", "\\\\",
        "\\/", "\\\"", "\xe2\x80\x8d", "\\u0061", " \\ud800\\udc20"
    };

    char  quoted[64];

    (void) state;

    for (i = 0; i < lengthof(blanks); i++) {
        snprintf(quoted, sizeof(quoted), "\"%s\"", blanks[i]);
        assert_int_equal(blank(ctext(quoted)), 1);
    }

    for (i = 0; i < lengthof(others); i++) {
        snprintf(quoted, sizeof(quoted), "\"%s\"", others[i]);
        assert_int_equal(blank(ctext(quoted)), 0);
    }
}


static void
reads_numbers(void **state)
{
    size_t       i;
    uint64_t     n;
    chat_json_t  value;

    static const struct {
        const char  *json;
        uint64_t     n;
    } numbers[] = {
        { "0", 0 }, { "7", 7 }, { "1700000000", 1700000000 },
        { "999999999999999999", 999999999999999999 }
    };

    static const char *const  others[] = {
        "-0", "-1", "1.0", "0.5", "1e3", "1E0", "1000000000000000000",
        "18446744073709551617", "\"1\"", "true", "null", "[]"
    };

    (void) state;

    for (i = 0; i < lengthof(numbers); i++) {
        n = 42;
        value = parse(ctext(numbers[i].json));
        assert_int_equal(chat_json_uint(&value, &n), CHAT_OK);
        assert_true(n == numbers[i].n);
    }

    for (i = 0; i < lengthof(others); i++) {
        n = 42;
        value = parse(ctext(others[i]));
        assert_int_equal(chat_json_uint(&value, &n), CHAT_ERROR);
        assert_int_equal(n, 42);
    }
}


static void
escapes_text(void **state)
{
    size_t          len;
    unsigned        ch;
    chat_str_t      s;
    chat_json_t     value;
    unsigned char   one, *out, *end;

    (void) state;

    s = text("a\"\\/\b\t\n\f\r\0\x0b\x1e\x1f\x7f\xe2\x82\xac\xe2\x80\xa8");
    out = test_alloc(6 * s.len + 2);
    end = chat_json_escape(out, s);
    assert_text(((chat_str_t) { (size_t) (end - out), out }),
                "\"a\\\"\\\\/\\b\\t\\n\\f\\r\\u0000\\u000b\\u001e\\u001f\x7f"
                "\xe2\x82\xac\xe2\x80\xa8\"");

    s = text("");
    out = test_alloc(2);
    assert_ptr_equal(chat_json_escape(out, s), out + 2);
    assert_memory_equal(out, "\"\"", 2);

    for (ch = 0; ch < 0x80; ch++) {
        one = (unsigned char) ch;
        out = test_alloc(8);
        len = (size_t) (chat_json_escape(out, (chat_str_t) { 1, &one }) - out);

        value = parse((chat_str_t) { len, out });
        assert_int_equal(value.type, CHAT_JSON_STRING);
        assert_int_equal(chat_json_string_eq(&value, (chat_str_t) { 1, &one }),
                         1);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        test(accepts_what_is_json),
        test(refuses_what_is_not),
        test(refuses_every_beginning),
        test(every_byte_in_a_string),
        test(limit_of_depth),
        test(brackets_match),
        test(limit_of_elements),
        test(walks_an_array),
        test(walks_an_object),
        test(gets_keys),
        test(compares_strings),
        test(decodes_strings),
        test(counts_characters),
        test(knows_blank_strings),
        test(reads_numbers),
        test(escapes_text)
    };

    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
