/* chat_http: query strings, cookies, lists of tokens, content types */

#include "test.h"
#include "chat_http.h"


static void
walks_queries(void **state)
{
    chat_str_t  args, name, value;

    (void) state;

    args = text("a=1&b&c=&=d&&ids[]=1&e=f=g&h%20=%26");

    assert_int_equal(chat_query_next(&args, &name, &value), CHAT_OK);
    assert_text(name, "a");
    assert_text(value, "1");

    assert_int_equal(chat_query_next(&args, &name, &value), CHAT_OK);
    assert_text(name, "b");
    assert_text(value, "");

    assert_int_equal(chat_query_next(&args, &name, &value), CHAT_OK);
    assert_text(name, "c");
    assert_text(value, "");

    assert_int_equal(chat_query_next(&args, &name, &value), CHAT_OK);
    assert_text(name, "");
    assert_text(value, "d");

    assert_int_equal(chat_query_next(&args, &name, &value), CHAT_OK);
    assert_text(name, "ids[]");
    assert_text(value, "1");

    assert_int_equal(chat_query_next(&args, &name, &value), CHAT_OK);
    assert_text(name, "e");
    assert_text(value, "f=g");

    assert_int_equal(chat_query_next(&args, &name, &value), CHAT_OK);
    assert_text(name, "h%20");
    assert_text(value, "%26");

    assert_int_equal(chat_query_next(&args, &name, &value), CHAT_DONE);
    assert_int_equal(chat_query_next(&args, &name, &value), CHAT_DONE);

    args = text("&&&");
    assert_int_equal(chat_query_next(&args, &name, &value), CHAT_DONE);

    args = text("a\0=b\0");
    assert_int_equal(chat_query_next(&args, &name, &value), CHAT_OK);
    assert_text(name, "a\0");
    assert_text(value, "b\0");

    args = (chat_str_t) { 0, NULL };
    assert_int_equal(chat_query_next(&args, &name, &value), CHAT_DONE);
}


static void
decodes_queries(void **state)
{
    long            len;
    size_t          i;
    chat_str_t      in;
    unsigned char  *out;

    static const struct {
        const char  *in;
        size_t       len;
        const char  *out;
    } good[] = {
        { "", 0, "" },
        { "abc", 3, "abc" },
        { "a+b%2Bc", 5, "a b+c" },
        { "%41%6a%4A", 3, "AjJ" },
        { "%00", 1, "\0" },
        { "1%3A2", 3, "1:2" },
        { "%ff%C3%a9", 3, "\xff\xc3\xa9" },
        { "%2541", 3, "%41" }
    };

    static const char *const  bad[] = {
        "%", "%4", "a%", "a%4", "%4g", "%g4", "%%41", "% 1", "%-1", "%+1",
        "%0x", "%zz"
    };

    (void) state;

    for (i = 0; i < lengthof(good); i++) {
        in = ctext(good[i].in);
        out = test_alloc(in.len);
        len = chat_query_decode(in, out);

        assert_int_equal(len, good[i].len);
        if (len) {
            assert_memory_equal(out, good[i].out, good[i].len);
        }
    }

    for (i = 0; i < lengthof(bad); i++) {
        in = ctext(bad[i]);
        out = test_alloc(in.len);
        assert_int_equal(chat_query_decode(in, out), -1);
    }
}


static void
finds_cookies(void **state)
{
    size_t      i;
    chat_str_t  value;

    /* the cookie is "chat"; NULL: not found */

    static const struct {
        const char  *header;
        const char  *value;
    } tests[] = {
        { "chat=abc", "abc" },
        { "a=1; chat=abc; b=2", "abc" },
        { "a=1;chat=abc;b=2", "abc" },
        { "  chat=abc  ", "abc" },
        { "\tchat=abc\t;", "abc" },
        { "chat = abc", "abc" },
        { "chat=", "" },
        { "chat=\"abc\"", "abc" },
        { "chat=\"\"", "" },
        { "chat=\"", "\"" },
        { "chat=\"abc", "\"abc" },
        { "chat=abc\"", "abc\"" },
        { "chat=a=b=", "a=b=" },
        { "chat=a b", "a b" },
        { "chat=first; chat=second", "first" },
        { "chat; chat=abc", "abc" },
        { ";;; chat=abc", "abc" },
        { "x=chat=no; chat=yes", "yes" },

        { "", NULL },
        { ";", NULL },
        { "chat", NULL },
        { "Chat=abc", NULL },
        { "chats=abc", NULL },
        { "xchat=abc", NULL },
        { "cha=t=abc", NULL },
        { "=chat", NULL },
        { "a=\"; chat\"", NULL },
        { "a=chat", NULL },
        { "a, chat=abc", NULL }
    };

    (void) state;

    for (i = 0; i < lengthof(tests); i++) {
        value = text("unset");

        if (tests[i].value == NULL) {
            assert_int_equal(chat_cookie_find(ctext(tests[i].header),
                                              text("chat"), &value),
                             CHAT_DONE);
            continue;
        }

        assert_int_equal(chat_cookie_find(ctext(tests[i].header), text("chat"),
                                          &value), CHAT_OK);
        assert_true(chat_str_eq(value, ctext(tests[i].value)));
    }

    assert_int_equal(chat_cookie_find((chat_str_t) { 0, NULL }, text("chat"),
                                      &value), CHAT_DONE);
}


static void
finds_tokens(void **state)
{
    size_t  i;

    static const struct {
        const char  *list;
        const char  *token;
        int          found;
    } tests[] = {
        { "upgrade", "upgrade", 1 },
        { "Upgrade", "upgrade", 1 },
        { "upgrade", "UPGRADE", 1 },
        { "keep-alive, Upgrade", "upgrade", 1 },
        { "keep-alive,Upgrade,x", "upgrade", 1 },
        { " \tupgrade\t ,x", "upgrade", 1 },
        { ",, upgrade", "upgrade", 1 },
        { "upgrade,", "upgrade", 1 },
        { "", "upgrade", 0 },
        { ",", "upgrade", 0 },
        { "upgrades", "upgrade", 0 },
        { "xupgrade", "upgrade", 0 },
        { "upgrad", "upgrade", 0 },
        { "up grade", "upgrade", 0 },
        { "keep-alive upgrade", "upgrade", 0 },
        { "\"upgrade\"", "upgrade", 0 },
        { "a@b", "a`b", 0 },
        { "a[b", "a{b", 0 },
        { "a,,b", "", 0 },
        { "", "", 0 }
    };

    (void) state;

    for (i = 0; i < lengthof(tests); i++) {
        assert_int_equal(chat_token_in_list(ctext(tests[i].list),
                                            ctext(tests[i].token)),
                         tests[i].found);
    }

    assert_int_equal(chat_token_in_list((chat_str_t) { 0, NULL }, text("a")),
                     0);
}


static void
content_types(void **state)
{
    size_t  i;

    static const char *const  yes[] = {
        "application/json", "Application/JSON", "application/json;",
        "application/json; charset=utf-8", "application/json;charset=UTF-8",
        " application/json\t; a=b; c=\"d;e\"", "application/json "
    };

    static const char *const  no[] = {
        "", ";", "text/plain", "application/jsonx", "application/json x",
        "xapplication/json", "application/json,text/plain", "application",
        "application/ld+json", "application/jso", "application /json",
        "text/plain; application/json", "application/x-www-form-urlencoded"
    };

    (void) state;

    for (i = 0; i < lengthof(yes); i++) {
        assert_int_equal(chat_content_type_json(ctext(yes[i])), 1);
    }

    for (i = 0; i < lengthof(no); i++) {
        assert_int_equal(chat_content_type_json(ctext(no[i])), 0);
    }

    assert_int_equal(chat_content_type_json((chat_str_t) { 0, NULL }), 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        test(walks_queries),
        test(decodes_queries),
        test(finds_cookies),
        test(finds_tokens),
        test(content_types)
    };

    return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
