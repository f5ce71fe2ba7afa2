/* chat_url: the address of a Redis */

#include "test.h"
#include "chat_url.h"


#define UNKNOWN  "neither redis[s]://, redis+unix:// nor sentinel[s]://"


static void
tcp_addresses(void **state)
{
    size_t       i;
    chat_str_t   in;
    chat_url_t   url;
    const char  *error;

    static const struct {
        const char  *text;
        const char  *user;
        const char  *password;
        const char  *host;
        unsigned     port;
        unsigned     db;
    } tests[] = {
        { "redis://localhost", "", "", "localhost", 6379, 0 },
        { "redis://127.0.0.1:6380", "", "", "127.0.0.1", 6380, 0 },
        { "redis://127.0.0.1:6379/0", "", "", "127.0.0.1", 6379, 0 },
        { "redis://h/15", "", "", "h", 6379, 15 },
        { "redis://h/", "", "", "h", 6379, 0 },
        { "redis://h:1/99999", "", "", "h", 1, 99999 },
        { "redis://h:65535", "", "", "h", 65535, 0 },
        { "redis://[::1]", "", "", "::1", 6379, 0 },
        { "redis://[fe80::1.2.3.4]:7000/2", "", "", "fe80::1.2.3.4", 7000, 2 },
        { "redis://Redis-1.my_host.example:7000", "", "",
          "Redis-1.my_host.example", 7000, 0 },
        { "redis://:secret@h", "", "secret", "h", 6379, 0 },
        { "redis://user:secret@h:7000/3", "user", "secret", "h", 7000, 3 },
        { "redis://us%65r:p%40ss%3a%2F%25@h", "user", "p@ss:/%", "h", 6379,
          0 },
        { "redis://u:p:q@r@h", "u", "p:q@r", "h", 6379, 0 },
        { "redis://u:p+q@[::1]:1", "u", "p+q", "::1", 1, 0 },
        { "redis://u:p?q@h", "u", "p?q", "h", 6379, 0 },
        { "redis://h:06379", "", "", "h", 6379, 0 }
    };

    (void) state;

    for (i = 0; i < lengthof(tests); i++) {
        in = ctext(tests[i].text);
        memset(&url, 0xa5, sizeof(url));
        error = NULL;

        if (chat_url_parse(in, test_alloc(in.len), &url, &error) != CHAT_OK) {
            fail_msg("refused: %s, %s", tests[i].text, error);
        }

        assert_true(chat_str_eq(url.user, ctext(tests[i].user)));
        assert_true(chat_str_eq(url.password, ctext(tests[i].password)));
        assert_int_equal(url.nhosts, 1);
        assert_true(chat_str_eq(url.host[0].name, ctext(tests[i].host)));
        assert_int_equal(url.host[0].port, tests[i].port);
        assert_int_equal(url.master.len, 0);
        assert_int_equal(url.path.len, 0);
        assert_int_equal(url.db, tests[i].db);
    }
}


static void
unix_addresses(void **state)
{
    size_t       i;
    chat_str_t   in;
    chat_url_t   url;
    const char  *error;

    static const struct {
        const char  *text;
        const char  *user;
        const char  *password;
        const char  *path;
        unsigned     db;
    } tests[] = {
        { "redis+unix:///run/redis.sock", "", "", "/run/redis.sock", 0 },
        { "redis+unix:///run/redis.sock?db=7", "", "", "/run/redis.sock", 7 },
        { "redis+unix:///a%20b%3Fc?db=0", "", "", "/a b?c", 0 },
        { "redis+unix://:pw@/s", "", "pw", "/s", 0 },
        { "redis+unix://u:p%2fw@/s?db=99999", "u", "p/w", "/s", 99999 },
        { "redis+unix:///a@b", "", "", "/a@b", 0 },
        { "redis+unix:////s", "", "", "//s", 0 }
    };

    (void) state;

    for (i = 0; i < lengthof(tests); i++) {
        in = ctext(tests[i].text);
        memset(&url, 0xa5, sizeof(url));
        error = NULL;

        if (chat_url_parse(in, test_alloc(in.len), &url, &error) != CHAT_OK) {
            fail_msg("refused: %s, %s", tests[i].text, error);
        }

        assert_true(chat_str_eq(url.user, ctext(tests[i].user)));
        assert_true(chat_str_eq(url.password, ctext(tests[i].password)));
        assert_int_equal(url.nhosts, 0);
        assert_int_equal(url.tls, 0);
        assert_int_equal(url.master.len, 0);
        assert_true(chat_str_eq(url.path, ctext(tests[i].path)));
        assert_int_equal(url.db, tests[i].db);
    }
}


static void
sentinels(void **state)
{
    size_t       i, n;
    chat_str_t   in;
    chat_url_t   url;
    const char  *error;

    static const struct {
        const char  *text;
        const char  *user;
        const char  *password;
        const char  *host[CHAT_URL_HOSTS];
        unsigned     port[CHAT_URL_HOSTS];
        const char  *master;
        unsigned     db;
    } tests[] = {
        { "sentinel://h/m", "", "", { "h" }, { 26379 }, "m", 0 },
        { "sentinel://h/m/", "", "", { "h" }, { 26379 }, "m", 0 },
        { "sentinel://h:1/mymaster/15", "", "", { "h" }, { 1 }, "mymaster",
          15 },
        { "sentinel://a,b:2,c-1.example/m", "", "", { "a", "b", "c-1.example" },
          { 26379, 2, 26379 }, "m", 0 },
        { "sentinel://[::1]:7,127.0.0.1,[fe80::2]/m.a-s_ter/3", "", "",
          { "::1", "127.0.0.1", "fe80::2" }, { 7, 26379, 26379 }, "m.a-s_ter",
          3 },
        { "sentinel://:p,w@a,b/m", "", "p,w", { "a", "b" }, { 26379, 26379 },
          "m", 0 },
        { "sentinel://u%40:p%2Fw@a/%6d%20%2f/2", "u@", "p/w", { "a" },
          { 26379 }, "m /", 2 },
        { "sentinel://1,2,3,4,5,6,7,8:8/m", "", "",
          { "1", "2", "3", "4", "5", "6", "7", "8" },
          { 26379, 26379, 26379, 26379, 26379, 26379, 26379, 8 }, "m", 0 }
    };

    (void) state;

    for (i = 0; i < lengthof(tests); i++) {
        in = ctext(tests[i].text);
        memset(&url, 0xa5, sizeof(url));
        error = NULL;

        if (chat_url_parse(in, test_alloc(in.len), &url, &error) != CHAT_OK) {
            fail_msg("refused: %s, %s", tests[i].text, error);
        }

        assert_true(chat_str_eq(url.user, ctext(tests[i].user)));
        assert_true(chat_str_eq(url.password, ctext(tests[i].password)));
        assert_true(chat_str_eq(url.master, ctext(tests[i].master)));
        assert_int_equal(url.path.len, 0);
        assert_int_equal(url.db, tests[i].db);

        for (n = 0; n < CHAT_URL_HOSTS && tests[i].host[n]; n++) {
            assert_true(n < url.nhosts);
            assert_true(chat_str_eq(url.host[n].name,
                                    ctext(tests[i].host[n])));
            assert_int_equal(url.host[n].port, tests[i].port[n]);
        }

        assert_int_equal(url.nhosts, n);
    }
}


/* the same with an s: all but the flag is the same */
static void
with_tls(void **state)
{
    size_t       i;
    chat_str_t   in;
    chat_url_t   url;
    const char  *error;

    static const struct {
        const char  *text;
        const char  *host;
        unsigned     port;
        unsigned     nhosts;
        const char  *master;
        unsigned     tls;
    } tests[] = {
        { "redis://:p@h:1/2", "h", 1, 1, "", 0 },
        { "rediss://:p@h:1/2", "h", 1, 1, "", 1 },
        { "rediss://:p@[::1]/2", "::1", 6379, 1, "", 1 },
        { "sentinel://:p@h,b/m/2", "h", 26379, 2, "m", 0 },
        { "sentinels://:p@h,b/m/2", "h", 26379, 2, "m", 1 },
        { "sentinels://:p@h:1/m/2", "h", 1, 1, "m", 1 }
    };

    (void) state;

    for (i = 0; i < lengthof(tests); i++) {
        in = ctext(tests[i].text);
        memset(&url, 0xa5, sizeof(url));
        error = NULL;

        if (chat_url_parse(in, test_alloc(in.len), &url, &error) != CHAT_OK) {
            fail_msg("refused: %s, %s", tests[i].text, error);
        }

        assert_int_equal(url.tls, tests[i].tls);
        assert_true(chat_str_eq(url.password, ctext("p")));
        assert_true(chat_str_eq(url.host[0].name, ctext(tests[i].host)));
        assert_int_equal(url.host[0].port, tests[i].port);
        assert_int_equal(url.nhosts, tests[i].nhosts);
        assert_true(chat_str_eq(url.master, ctext(tests[i].master)));
        assert_int_equal(url.db, 2);
    }
}


static void
refused(chat_str_t in, const char *want)
{
    chat_url_t   url;
    const char  *error;

    error = NULL;

    if (chat_url_parse(in, test_alloc(in.len), &url, &error) != CHAT_ERROR) {
        fail_msg("accepted: %.*s", (int) in.len, (const char *) in.data);
    }

    assert_non_null(error);
    assert_string_equal(error, want);
}


static void
faults(void **state)
{
    size_t  i;

    static const struct {
        const char  *text;
        const char  *error;
    } tests[] = {
        { "", UNKNOWN },
        { "localhost", UNKNOWN },
        { "redis:/", UNKNOWN },
        { "redisss://h", UNKNOWN },
        { "rediss+unix:///s", UNKNOWN },
        { "rediss:/", UNKNOWN },
        { "sentinelss://h/m", UNKNOWN },
        { "http://h", UNKNOWN },
        { "unix:/s", UNKNOWN },

        { "redis://", "no host" },
        { "redis:///0", "no host" },
        { "redis://:6379", "no host" },
        { "redis://::1", "no host" },
        { "redis://[]", "no host" },
        { "redis://:pw@", "no host" },
        { "redis://:pw@/0", "no host" },

        { "redis://a b", "invalid host" },
        { "redis://h?db=1", "invalid host" },
        { "redis://h#x", "invalid host" },
        { "redis://h%41", "invalid host" },
        { "redis://caf\xc3\xa9", "invalid host" },
        { "redis://[g::1]", "invalid host" },
        { "redis://[::1%25lo]", "invalid host" },
        { "redis://[::1", "no \"]\" behind an IPv6 address" },

        { "redis://h:", "invalid port" },
        { "redis://h:/0", "invalid port" },
        { "redis://h:0", "invalid port" },
        { "redis://h:65536", "invalid port" },
        { "redis://h:99999", "invalid port" },
        { "redis://h:4294973675", "invalid port" },
        { "redis://h:-1", "invalid port" },
        { "redis://h:6379x", "invalid port" },
        { "redis://h:1:2", "invalid port" },
        { "redis://[::1]6379", "invalid port" },
        { "redis://[::1]:", "invalid port" },

        { "redis://h/x", "invalid database" },
        { "redis://h/-1", "invalid database" },
        { "redis://h/100000", "invalid database" },
        { "redis://h/4294967296", "invalid database" },
        { "redis://h/0/", "invalid database" },
        { "redis://h/0?a=b", "invalid database" },
        { "redis://h//", "invalid database" },

        { "redis://user@h", "no password before \"@\"" },
        { "redis://user:@h", "no password before \"@\"" },
        { "redis://:@h", "no password before \"@\"" },
        { "redis://@h", "no password before \"@\"" },
        { "redis+unix://@/s", "no password before \"@\"" },

        { "redis://:%@h", "invalid percent escape" },
        { "redis://:%4@h", "invalid percent escape" },
        { "redis://:%4g@h", "invalid percent escape" },
        { "redis://%zz:p@h", "invalid percent escape" },
        { "redis+unix:///s%", "invalid percent escape" },
        { "redis+unix:///s%4", "invalid percent escape" },
        { "redis://:a%00b@h", "NUL in address" },
        { "redis://a%00:b@h", "NUL in address" },
        { "redis+unix:///s%00", "NUL in address" },

        { "redis://a,b", "invalid host" },
        { "redis://a:1,b", "invalid port" },

        { "rediss://", "no host" },
        { "rediss://a,b", "invalid host" },
        { "rediss://h/x", "invalid database" },
        { "sentinels://h", "no name of a master" },

        { "sentinel://", "no host" },
        { "sentinel:///m", "no host" },
        { "sentinel://,/m", "no host" },
        { "sentinel://a,/m", "no host" },
        { "sentinel://,a/m", "no host" },
        { "sentinel://a,,b/m", "no host" },
        { "sentinel://a,b:x/m", "invalid port" },
        { "sentinel://a:0,b/m", "invalid port" },
        { "sentinel://a,b c/m", "invalid host" },
        { "sentinel://a,[::1/m", "no \"]\" behind an IPv6 address" },
        { "sentinel://1,2,3,4,5,6,7,8,9/m", "too many hosts" },
        { "sentinel://h", "no name of a master" },
        { "sentinel://h/", "no name of a master" },
        { "sentinel://h//", "no name of a master" },
        { "sentinel://h//0", "no name of a master" },
        { "sentinel://h/m/x", "invalid database" },
        { "sentinel://h/m/1/2", "invalid database" },
        { "sentinel://h/m/100000", "invalid database" },
        { "sentinel://h/%4", "invalid percent escape" },
        { "sentinel://h/m%00", "NUL in address" },
        { "sentinel://u@h/m", "no password before \"@\"" },

        { "redis+unix://", "no path of a Unix socket" },
        { "redis+unix:///", "no path of a Unix socket" },
        { "redis+unix:///?db=1", "no path of a Unix socket" },
        { "redis+unix://h/s", "host before the path of a Unix socket" },
        { "redis+unix://:pw@h/s", "host before the path of a Unix socket" },
        { "redis+unix:///s?", "unknown parameter" },
        { "redis+unix:///s?database=1", "unknown parameter" },
        { "redis+unix:///s?db", "unknown parameter" },
        { "redis+unix:///s?db=", "invalid database" },
        { "redis+unix:///s?db=x", "invalid database" },
        { "redis+unix:///s?db=1&a=b", "invalid database" },
        { "redis+unix:///s?db=100000", "invalid database" }
    };

    (void) state;

    for (i = 0; i < lengthof(tests); i++) {
        refused(ctext(tests[i].text), tests[i].error);
    }

    refused(text("redis://h\0"), "NUL in address");
    refused(text("redis://:p\0w@h"), "NUL in address");
    refused(text("redis+unix:///s\0x"), "NUL in address");
    refused((chat_str_t) { 0, NULL }, UNKNOWN);
}


/* sun_path has room for 107 bytes and a NUL */
static void
limit_of_a_path(void **state)
{
    char         address[13 + 3 * 108];
    size_t       i;
    chat_str_t   in;
    chat_url_t   url;
    const char  *error;

    (void) state;

    memcpy(address, "redis+unix://", 13);
    memset(address + 13, '/', sizeof(address) - 13);

    in = test_text(address, 13 + 107);
    assert_int_equal(chat_url_parse(in, test_alloc(in.len), &url, &error),
                     CHAT_OK);
    assert_int_equal(url.path.len, 107);

    refused(test_text(address, 13 + 108), "path of a Unix socket is too long");

    /* decoded bytes count */

    for (i = 0; i < 107; i++) {
        memcpy(address + 14 + 3 * i, "%61", 3);
    }

    in = test_text(address, 14 + 3 * 106);
    assert_int_equal(chat_url_parse(in, test_alloc(in.len), &url, &error),
                     CHAT_OK);
    assert_int_equal(url.path.len, 107);

    refused(test_text(address, 14 + 3 * 107),
            "path of a Unix socket is too long");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        test(tcp_addresses),
        test(unix_addresses),
        test(sentinels),
        test(with_tls),
        test(faults),
        test(limit_of_a_path)
    };

    return cmocka_run_group_tests_name("url", tests, NULL, NULL);
}
