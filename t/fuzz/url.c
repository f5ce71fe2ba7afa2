/*
 * chat_url: bounds of what is read, and the address written again from it, all
 * percent-encoded, is read as the same.
 */

#include "chat_url.h"
#include "fuzz.h"


static void bounds(const chat_url_t *url, chat_str_t text, chat_str_t buf);
static void decoded(chat_str_t part, chat_str_t buf);
static void again(const chat_url_t *url, size_t len);
static char *encode(char *out, chat_str_t text);


int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
    int             rc;
    chat_str_t      text;
    chat_url_t      url;
    const char     *error;
    unsigned char  *buf;

    memset(&url, 0xa5, sizeof(url));
    error = "unset";

    text = fuzz_text(data, len);
    buf = fuzz_alloc(len);

    rc = chat_url_parse(text, buf, &url, &error);

    if (rc == CHAT_OK) {
        check(error == NULL);
        bounds(&url, text, (chat_str_t) { len, buf });
        again(&url, len);

    } else {
        check(rc == CHAT_ERROR && error && strlen(error) > 5);
        check(strcmp(error, "unset") != 0);
    }

    free(buf);
    fuzz_free(text);

    return 0;
}


static void
bounds(const chat_url_t *url, chat_str_t text, chat_str_t buf)
{
    size_t      i;
    chat_str_t  name;

    check(url->nhosts <= CHAT_URL_HOSTS && url->db <= 99999);
    check(url->tls <= (url->nhosts != 0));

    /* a Unix socket, Sentinels or one host */

    check((url->nhosts == 0) == (url->path.len != 0));
    check(url->nhosts || url->master.len == 0);
    check(url->nhosts <= 1 || url->master.len);
    check(url->user.len == 0 || url->password.len);
    check(url->path.len <= 107);
    check(url->path.len == 0 || url->path.data[0] == '/');

    for (i = 0; i < url->nhosts; i++) {
        name = url->host[i].name;

        check(name.len && fuzz_within(name, text));
        check(memchr(name.data, ',', name.len) == NULL);
        check(memchr(name.data, '@', name.len) == NULL);
        check(memchr(name.data, '/', name.len) == NULL);
        check(url->host[i].port >= 1 && url->host[i].port <= 65535);
    }

    check(url->user.len + url->password.len + url->master.len + url->path.len
          <= buf.len);

    decoded(url->user, buf);
    decoded(url->password, buf);
    decoded(url->master, buf);
    decoded(url->path, buf);
}


static void
decoded(chat_str_t part, chat_str_t buf)
{
    check(fuzz_within(part, buf));
    check(part.len == 0 || memchr(part.data, '\0', part.len) == NULL);
}


static void
again(const chat_url_t *url, size_t len)
{
    int             ipv6;
    char           *out, *p;
    size_t          i;
    chat_url_t      copy;
    chat_str_t      text, name;
    const char     *error;
    unsigned char  *buf;

    out = (char *) fuzz_alloc(len * 3 + 256);

    p = stpcpy(out, url->nhosts == 0 ? "redis+unix"
                    : url->master.len ? "sentinel" : "redis");
    p = stpcpy(p, url->tls ? "s://" : "://");

    if (url->password.len) {
        p = encode(p, url->user);
        *p++ = ':';
        p = encode(p, url->password);
        *p++ = '@';
    }

    for (i = 0; i < url->nhosts; i++) {
        name = url->host[i].name;
        ipv6 = memchr(name.data, ':', name.len) != NULL;

        p += sprintf(p, "%s%s%.*s%s:%u", i ? "," : "", ipv6 ? "[" : "",
                     (int) name.len, (const char *) name.data, ipv6 ? "]" : "",
                     url->host[i].port);
    }

    if (url->nhosts == 0) {
        *p++ = '/';
        name = (chat_str_t) { url->path.len - 1, url->path.data + 1 };
        p = encode(p, name);
        p += sprintf(p, "?db=%u", url->db);

    } else {
        if (url->master.len) {
            *p++ = '/';
            p = encode(p, url->master);
        }

        p += sprintf(p, "/%u", url->db);
    }

    text = fuzz_text((unsigned char *) out, (size_t) (p - out));
    buf = fuzz_alloc(text.len);

    check(chat_url_parse(text, buf, &copy, &error) == CHAT_OK);

    check(copy.nhosts == url->nhosts && copy.db == url->db);
    check(copy.tls == url->tls);
    check(chat_str_eq(copy.user, url->user));
    check(chat_str_eq(copy.password, url->password));
    check(chat_str_eq(copy.master, url->master));
    check(chat_str_eq(copy.path, url->path));

    for (i = 0; i < url->nhosts; i++) {
        check(chat_str_eq(copy.host[i].name, url->host[i].name));
        check(copy.host[i].port == url->host[i].port);
    }

    free(out);
    free(buf);
    fuzz_free(text);
}


static char *
encode(char *out, chat_str_t text)
{
    size_t  i;

    static const char  hex[] = "0123456789ABCDEF";

    for (i = 0; i < text.len; i++) {
        *out++ = '%';
        *out++ = hex[text.data[i] >> 4];
        *out++ = hex[text.data[i] & 0xf];
    }

    return out;
}
