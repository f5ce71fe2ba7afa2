/*
 * The address of a Redis.  The hosts point into the caller's text, what is
 * percent-decoded into the caller's buffer.
 */

#include "chat_url.h"


#define CHAT_URL_PORT       6379
#define CHAT_URL_SENTINEL   26379
#define CHAT_URL_MAX_PORT   65535
#define CHAT_URL_MAX_DB     99999
#define CHAT_URL_MAX_PATH   107         /* sun_path and its NUL are 108 */

#define chat_url_is_digit(ch)  ((ch) >= '0' && (ch) <= '9')


/* what is still to be read, and where decoded text goes */
typedef struct {
    chat_str_t            rest;
    unsigned char        *out;
    const char           *error;
} chat_url_reader_t;


static int chat_url_userinfo(chat_url_reader_t *r, chat_str_t text,
    chat_url_t *url);
static int chat_url_hosts(chat_url_reader_t *r, chat_str_t text, unsigned port,
    unsigned max, chat_url_t *url);
static int chat_url_host(chat_url_reader_t *r, chat_str_t text,
    chat_url_host_t *host);
static int chat_url_db(chat_url_reader_t *r, chat_url_t *url);
static int chat_url_master(chat_url_reader_t *r, chat_url_t *url);
static int chat_url_unix(chat_url_reader_t *r, chat_url_t *url);
static int chat_url_decode(chat_url_reader_t *r, chat_str_t in,
    chat_str_t *out);
static int chat_url_number(chat_str_t text, unsigned max, unsigned *n);
static int chat_url_starts(chat_str_t *text, chat_str_t prefix);
static int chat_url_fail(chat_url_reader_t *r, const char *error);


int
chat_url_parse(chat_str_t text, unsigned char *buf, chat_url_t *url,
    const char **error)
{
    int                rc, local, sentinel;
    size_t             i, at;
    chat_str_t         authority;
    chat_url_reader_t  r;

    memset(url, 0, sizeof(chat_url_t));

    r.rest = text;
    r.out = buf;
    r.error = NULL;

    local = chat_url_starts(&r.rest, chat_str("redis+unix://"));
    sentinel = chat_url_starts(&r.rest, chat_str("sentinel://"));

    if (!local && !sentinel
        && !chat_url_starts(&r.rest, chat_str("redis://")))
    {
        url->tls = 1;
        sentinel = chat_url_starts(&r.rest, chat_str("sentinels://"));

        if (!sentinel && !chat_url_starts(&r.rest, chat_str("rediss://"))) {
            *error = "neither redis[s]://, redis+unix:// nor sentinel[s]://";
            return CHAT_ERROR;
        }
    }

    if (r.rest.len && memchr(r.rest.data, '\0', r.rest.len)) {
        *error = "NUL in address";
        return CHAT_ERROR;
    }

    /* the authority ends at the first slash, user and password at its last @ */

    authority = r.rest;
    at = authority.len;

    for (i = 0; i < authority.len && authority.data[i] != '/'; i++) {
        if (authority.data[i] == '@') {
            at = i;
        }
    }

    rc = CHAT_OK;
    r.rest.data += i;
    r.rest.len -= i;
    authority.len = i;

    if (at < i) {
        rc = chat_url_userinfo(&r, (chat_str_t) { at, authority.data }, url);
        authority.data += at + 1;
        authority.len -= at + 1;
    }

    if (rc == CHAT_OK && local) {
        rc = authority.len
             ? chat_url_fail(&r, "host before the path of a Unix socket")
             : chat_url_unix(&r, url);

    } else if (rc == CHAT_OK && sentinel) {
        rc = chat_url_hosts(&r, authority, CHAT_URL_SENTINEL, CHAT_URL_HOSTS,
                            url);

        if (rc == CHAT_OK) {
            rc = chat_url_master(&r, url);
        }

    } else if (rc == CHAT_OK) {
        rc = chat_url_hosts(&r, authority, CHAT_URL_PORT, 1, url);
    }

    if (rc == CHAT_OK && !local) {
        rc = chat_url_db(&r, url);
    }

    *error = r.error;

    return rc;
}


/* [user]:password */
static int
chat_url_userinfo(chat_url_reader_t *r, chat_str_t text, chat_url_t *url)
{
    chat_str_t            user, password;
    const unsigned char  *colon;

    colon = text.len ? memchr(text.data, ':', text.len) : NULL;

    if (colon == NULL || colon == text.data + text.len - 1) {
        return chat_url_fail(r, "no password before \"@\"");
    }

    user.data = text.data;
    user.len = (size_t) (colon - text.data);
    password.data = colon + 1;
    password.len = text.len - user.len - 1;

    if (chat_url_decode(r, user, &url->user) != CHAT_OK) {
        return CHAT_ERROR;
    }

    return chat_url_decode(r, password, &url->password);
}


/* host[:port], up to max of them with commas between */
static int
chat_url_hosts(chat_url_reader_t *r, chat_str_t text, unsigned port,
    unsigned max, chat_url_t *url)
{
    chat_str_t            part;
    const unsigned char  *comma;

    for ( ;; ) {
        comma = max > 1 && text.len ? memchr(text.data, ',', text.len) : NULL;

        part.data = text.data;
        part.len = comma ? (size_t) (comma - text.data) : text.len;

        if (url->nhosts == max) {
            return chat_url_fail(r, "too many hosts");
        }

        url->host[url->nhosts].port = port;

        if (chat_url_host(r, part, &url->host[url->nhosts]) != CHAT_OK) {
            return CHAT_ERROR;
        }

        url->nhosts++;

        if (comma == NULL) {
            return CHAT_OK;
        }

        text.data += part.len + 1;
        text.len -= part.len + 1;
    }
}


static int
chat_url_host(chat_url_reader_t *r, chat_str_t text, chat_url_host_t *host)
{
    int                   ipv6;
    size_t                i;
    unsigned char         ch;
    const unsigned char  *p;

    ipv6 = text.len && text.data[0] == '[';

    if (ipv6) {
        p = memchr(text.data, ']', text.len);

        if (p == NULL) {
            return chat_url_fail(r, "no \"]\" behind an IPv6 address");
        }

        host->name.data = text.data + 1;
        host->name.len = (size_t) (p - host->name.data);
        p++;

    } else {
        p = text.len ? memchr(text.data, ':', text.len) : NULL;

        if (p == NULL) {
            p = text.data + text.len;
        }

        host->name.data = text.data;
        host->name.len = (size_t) (p - text.data);
    }

    if (host->name.len == 0) {
        return chat_url_fail(r, "no host");
    }

    for (i = 0; i < host->name.len; i++) {
        ch = host->name.data[i];

        if (ipv6 ? chat_hex(ch) < 0 && ch != ':' && ch != '.'
                 : !chat_url_is_digit(ch) && ch != '-' && ch != '.' && ch != '_'
                   && !((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z'))
        {
            return chat_url_fail(r, "invalid host");
        }
    }

    text.len -= (size_t) (p - text.data);
    text.data = p;

    if (text.len) {
        text.data++;
        text.len--;

        if (*p != ':'
            || chat_url_number(text, CHAT_URL_MAX_PORT, &host->port) != CHAT_OK
            || host->port == 0)
        {
            return chat_url_fail(r, "invalid port");
        }
    }

    return CHAT_OK;
}


/* [/db] */
static int
chat_url_db(chat_url_reader_t *r, chat_url_t *url)
{
    if (r->rest.len > 1) {
        r->rest.data++;
        r->rest.len--;

        if (chat_url_number(r->rest, CHAT_URL_MAX_DB, &url->db) != CHAT_OK) {
            return chat_url_fail(r, "invalid database");
        }
    }

    return CHAT_OK;
}


/* /name, up to the slash before a database */
static int
chat_url_master(chat_url_reader_t *r, chat_url_t *url)
{
    chat_str_t            name;
    const unsigned char  *slash;

    if (r->rest.len < 2 || r->rest.data[1] == '/') {
        return chat_url_fail(r, "no name of a master");
    }

    name.data = r->rest.data + 1;
    name.len = r->rest.len - 1;

    slash = memchr(name.data, '/', name.len);

    if (slash) {
        name.len = (size_t) (slash - name.data);
    }

    r->rest.data += 1 + name.len;
    r->rest.len -= 1 + name.len;

    return chat_url_decode(r, name, &url->master);
}


/* /path[?db=n] */
static int
chat_url_unix(chat_url_reader_t *r, chat_url_t *url)
{
    chat_str_t            path;
    const unsigned char  *query;

    path = r->rest;
    query = path.len ? memchr(path.data, '?', path.len) : NULL;

    if (query) {
        path.len = (size_t) (query - path.data);
        r->rest.data = query + 1;
        r->rest.len -= path.len + 1;

        if (!chat_url_starts(&r->rest, chat_str("db="))) {
            return chat_url_fail(r, "unknown parameter");
        }

        if (chat_url_number(r->rest, CHAT_URL_MAX_DB, &url->db) != CHAT_OK) {
            return chat_url_fail(r, "invalid database");
        }
    }

    if (path.len < 2) {
        return chat_url_fail(r, "no path of a Unix socket");
    }

    if (chat_url_decode(r, path, &url->path) != CHAT_OK) {
        return CHAT_ERROR;
    }

    if (url->path.len > CHAT_URL_MAX_PATH) {
        return chat_url_fail(r, "path of a Unix socket is too long");
    }

    return CHAT_OK;
}


static int
chat_url_decode(chat_url_reader_t *r, chat_str_t in, chat_str_t *out)
{
    int     high, low;
    size_t  i;

    out->data = r->out;

    for (i = 0; i < in.len; i++) {

        if (in.data[i] != '%') {
            *r->out++ = in.data[i];
            continue;
        }

        high = in.len - i < 3 ? -1 : chat_hex(in.data[i + 1]);
        low = high < 0 ? -1 : chat_hex(in.data[i + 2]);

        if (low < 0) {
            return chat_url_fail(r, "invalid percent escape");
        }

        if (high == 0 && low == 0) {
            return chat_url_fail(r, "NUL in address");
        }

        *r->out++ = (unsigned char) (high << 4 | low);
        i += 2;
    }

    out->len = (size_t) (r->out - out->data);

    return CHAT_OK;
}


static int
chat_url_number(chat_str_t text, unsigned max, unsigned *n)
{
    size_t    i;
    unsigned  value;

    if (text.len == 0 || text.len > 5) {
        return CHAT_ERROR;
    }

    value = 0;

    for (i = 0; i < text.len; i++) {
        if (!chat_url_is_digit(text.data[i])) {
            return CHAT_ERROR;
        }

        value = value * 10 + (unsigned) (text.data[i] - '0');
    }

    *n = value;

    return value <= max ? CHAT_OK : CHAT_ERROR;
}


/* takes a prefix off; 0 if it isn't there */
static int
chat_url_starts(chat_str_t *text, chat_str_t prefix)
{
    if (text->len < prefix.len
        || memcmp(text->data, prefix.data, prefix.len) != 0)
    {
        return 0;
    }

    text->data += prefix.len;
    text->len -= prefix.len;

    return 1;
}


static int
chat_url_fail(chat_url_reader_t *r, const char *error)
{
    r->error = error;

    return CHAT_ERROR;
}
