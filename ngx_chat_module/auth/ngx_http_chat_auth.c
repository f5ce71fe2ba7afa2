/*
 * The session cookie and the Origin of a request.  Everything that goes into
 * the response is allocated from the request's pool.
 */

#include "ngx_http_chat_auth.h"
#include "../proto/chat_http.h"

#include <sodium.h>


#define NGX_HTTP_CHAT_TOKEN_BYTES  32


typedef enum {
    ngx_http_chat_origin_none = 0,
    ngx_http_chat_origin_own,
    ngx_http_chat_origin_allowed,
    ngx_http_chat_origin_foreign
} ngx_http_chat_origin_t;


static ngx_int_t ngx_http_chat_auth_find(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *conf, ngx_str_t *text);
static ngx_uint_t ngx_http_chat_auth_form(ngx_str_t *text);
static void ngx_http_chat_auth_hash(ngx_http_chat_token_t *token,
    ngx_str_t *text, ngx_str_t *key);
static ngx_int_t ngx_http_chat_auth_cookie(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *conf, ngx_str_t *value, time_t age);
static ngx_http_chat_origin_t ngx_http_chat_auth_check(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *conf, ngx_str_t *origin);
static ngx_uint_t ngx_http_chat_auth_own(ngx_http_request_t *r,
    ngx_str_t *origin);
static ngx_uint_t ngx_http_chat_auth_tls(ngx_http_request_t *r);
static ngx_int_t ngx_http_chat_auth_cors(ngx_http_request_t *r,
    ngx_str_t *origin);
static ngx_uint_t ngx_http_chat_auth_header(ngx_http_request_t *r,
    ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_http_chat_auth_push(ngx_http_request_t *r,
    const char *name, ngx_str_t *value);


static ngx_str_t  ngx_http_chat_origin_name = ngx_string("Origin");
static ngx_str_t  ngx_http_chat_fetch_site_name = ngx_string("Sec-Fetch-Site");
static ngx_str_t  ngx_http_chat_preflight_name =
    ngx_string("Access-Control-Request-Method");


void
ngx_http_chat_auth_token(ngx_http_request_t *r, ngx_http_chat_loc_conf_t *conf,
    ngx_http_chat_token_t *token)
{
    ngx_str_t  text, key;

    token->set = 0;

    if (conf->user) {
        ngx_str_set(&key, "a name by chat_user");

        if (ngx_http_chat_auth_user(r, conf, &text) == NGX_OK && text.len) {
            ngx_http_chat_auth_hash(token, &text, &key);
        }

        return;
    }

    if (ngx_http_chat_auth_find(r, conf, &text) == NGX_OK) {
        ngx_str_null(&key);
        ngx_http_chat_auth_hash(token, &text, &key);
    }
}


ngx_int_t
ngx_http_chat_auth_user(ngx_http_request_t *r, ngx_http_chat_loc_conf_t *conf,
    ngx_str_t *name)
{
    return ngx_http_complex_value(r, conf->user, name);
}


static ngx_int_t
ngx_http_chat_auth_find(ngx_http_request_t *r, ngx_http_chat_loc_conf_t *conf,
    ngx_str_t *text)
{
    ngx_uint_t        n;
    chat_str_t        header, name, value;
    ngx_table_elt_t  *h;

    name.len = conf->cookie.len;
    name.data = conf->cookie.data;

    for (n = 0; /* void */ ; n++) {

        h = ngx_http_chat_cookie_header(r, n);
        if (h == NULL) {
            return NGX_DECLINED;
        }

        header.len = h->value.len;
        header.data = h->value.data;

        while (chat_cookie_find(header, name, &value) == CHAT_OK) {

            text->len = value.len;
            text->data = (u_char *) value.data;

            if (ngx_http_chat_auth_form(text)) {
                return NGX_OK;
            }

            /* what is left of this one has no "=" and is passed over */

            header.len -= value.data + value.len - header.data;
            header.data = value.data + value.len;
        }
    }
}


static ngx_uint_t
ngx_http_chat_auth_form(ngx_str_t *text)
{
    u_char  ch;
    size_t  i;

    if (text->len != NGX_HTTP_CHAT_HASH_LEN) {
        return 0;
    }

    for (i = 0; i < text->len; i++) {
        ch = text->data[i];

        if (!((ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z')
              || (ch >= '0' && ch <= '9') || ch == '-' || ch == '_'))
        {
            return 0;
        }
    }

    return 1;
}


/*
 * The hash is no secret, as the token is: it needs no encoder that takes the
 * same time for all of them, which would take most of the time of this
 */

static void
ngx_http_chat_auth_hash(ngx_http_chat_token_t *token, ngx_str_t *text,
    ngx_str_t *key)
{
    u_char     hash[32];
    ngx_str_t  bytes, base64;

    (void) crypto_generichash(hash, sizeof(hash), text->data, text->len,
                              key->data, key->len);

    bytes.len = sizeof(hash);
    bytes.data = hash;
    base64.data = token->hash;

    /* 43 characters, without padding */

    ngx_encode_base64url(&base64, &bytes);

    token->set = 1;
}


void
ngx_http_chat_auth_create(ngx_http_chat_token_t *token, u_char *text)
{
    u_char     bytes[NGX_HTTP_CHAT_TOKEN_BYTES];
    u_char     base64[NGX_HTTP_CHAT_HASH_LEN + 1];
    ngx_str_t  str, key;

    randombytes_buf(bytes, sizeof(bytes));

    (void) sodium_bin2base64((char *) base64, sizeof(base64), bytes,
                             sizeof(bytes),
                             sodium_base64_VARIANT_URLSAFE_NO_PADDING);

    ngx_memcpy(text, base64, NGX_HTTP_CHAT_HASH_LEN);

    str.data = text;
    str.len = NGX_HTTP_CHAT_HASH_LEN;
    ngx_str_null(&key);

    ngx_http_chat_auth_hash(token, &str, &key);

    sodium_memzero(bytes, sizeof(bytes));
    sodium_memzero(base64, sizeof(base64));
}


ngx_int_t
ngx_http_chat_auth_set(ngx_http_request_t *r, ngx_http_chat_loc_conf_t *conf,
    u_char *text)
{
    ngx_str_t  value;

    value.len = NGX_HTTP_CHAT_HASH_LEN;
    value.data = text;

    return ngx_http_chat_auth_cookie(r, conf, &value, conf->session_ttl);
}


ngx_int_t
ngx_http_chat_auth_renew(ngx_http_request_t *r, ngx_http_chat_loc_conf_t *conf)
{
    ngx_str_t  text;

    if (conf->user || ngx_http_chat_auth_find(r, conf, &text) != NGX_OK) {
        return NGX_OK;
    }

    return ngx_http_chat_auth_cookie(r, conf, &text, conf->session_ttl);
}


ngx_int_t
ngx_http_chat_auth_clear(ngx_http_request_t *r, ngx_http_chat_loc_conf_t *conf)
{
    ngx_str_t  value;

    if (conf->user) {
        return NGX_OK;
    }

    ngx_str_set(&value, "");

    return ngx_http_chat_auth_cookie(r, conf, &value, 0);
}


static ngx_int_t
ngx_http_chat_auth_cookie(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *conf, ngx_str_t *value, time_t age)
{
    u_char     *p;
    size_t      escape;
    ngx_str_t   header, path;
    ngx_uint_t  secure;

    static const char  *samesite[] = { "Lax", "Strict", "None" };

    /* the browser compares with the path as it is in its URL */

    path = conf->base;

    if (path.len == 0) {
        ngx_str_set(&path, "/");
    }

    escape = 2 * ngx_escape_uri(NULL, path.data, path.len, NGX_ESCAPE_URI);

    if (conf->cookie_path.len) {
        path = conf->cookie_path;
        escape = 0;
    }

    header.data = ngx_pnalloc(r->pool,
                              sizeof("=; Max-Age=; Path=; HttpOnly; Secure; "
                                     "SameSite=Strict")
                              + conf->cookie.len + value->len + path.len
                              + escape + NGX_TIME_T_LEN);
    if (header.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(header.data, "%V=%V; Max-Age=%T; Path=", &conf->cookie,
                    value, age);

    p = escape ? (u_char *) ngx_escape_uri(p, path.data, path.len,
                                           NGX_ESCAPE_URI)
               : ngx_cpymem(p, path.data, path.len);
    p = ngx_cpymem(p, "; HttpOnly", sizeof("; HttpOnly") - 1);

    secure = conf->cookie_secure == NGX_HTTP_CHAT_AUTO
             ? ngx_http_chat_auth_tls(r) : conf->cookie_secure;

    if (secure) {
        p = ngx_cpymem(p, "; Secure", sizeof("; Secure") - 1);
    }

    p = ngx_sprintf(p, "; SameSite=%s", samesite[conf->cookie_samesite]);

    header.len = p - header.data;

    return ngx_http_chat_auth_push(r, "Set-Cookie", &header);
}


ngx_int_t
ngx_http_chat_auth_origin(ngx_http_request_t *r, ngx_http_chat_loc_conf_t *conf)
{
    ngx_str_t  origin, site;

    switch (ngx_http_chat_auth_check(r, conf, &origin)) {

    case ngx_http_chat_origin_own:
        return NGX_OK;

    case ngx_http_chat_origin_allowed:
        return ngx_http_chat_auth_cors(r, &origin);

    case ngx_http_chat_origin_foreign:
        return NGX_DECLINED;

    default: /* ngx_http_chat_origin_none */
        break;
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))
        && ngx_http_chat_auth_header(r, &ngx_http_chat_fetch_site_name, &site)
        && site.len == 10
        && ngx_strncasecmp(site.data, (u_char *) "cross-site", 10) == 0)
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_chat_auth_preflight(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *conf, ngx_str_t *methods)
{
    ngx_str_t  origin, value;

    if (r->method != NGX_HTTP_OPTIONS
        || !ngx_http_chat_auth_header(r, &ngx_http_chat_preflight_name, &value)
        || ngx_http_chat_auth_check(r, conf, &origin)
           != ngx_http_chat_origin_allowed)
    {
        return NGX_DECLINED;
    }

    if (ngx_http_chat_auth_cors(r, &origin) != NGX_OK
        || ngx_http_chat_auth_push(r, "Access-Control-Allow-Methods", methods)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_str_set(&value, "Content-Type");

    if (ngx_http_chat_auth_push(r, "Access-Control-Allow-Headers", &value)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_str_set(&value, "600");

    return ngx_http_chat_auth_push(r, "Access-Control-Max-Age", &value);
}


static ngx_http_chat_origin_t
ngx_http_chat_auth_check(ngx_http_request_t *r, ngx_http_chat_loc_conf_t *conf,
    ngx_str_t *origin)
{
    ngx_str_t   *allowed;
    ngx_uint_t   i, n;

    n = ngx_http_chat_auth_header(r, &ngx_http_chat_origin_name, origin);

    if (n == 0) {
        return ngx_http_chat_origin_none;
    }

    if (n > 1) {
        return ngx_http_chat_origin_foreign;
    }

    if (ngx_http_chat_auth_own(r, origin)) {
        return ngx_http_chat_origin_own;
    }

    if (conf->origin == NGX_HTTP_CHAT_ORIGIN_ANY) {
        return ngx_http_chat_origin_allowed;
    }

    if (conf->origin == NGX_HTTP_CHAT_ORIGIN_LIST) {
        allowed = conf->origins->elts;

        for (i = 0; i < conf->origins->nelts; i++) {
            if (allowed[i].len == origin->len
                && ngx_strncasecmp(allowed[i].data, origin->data, origin->len)
                   == 0)
            {
                return ngx_http_chat_origin_allowed;
            }
        }
    }

    return ngx_http_chat_origin_foreign;
}


/* the scheme of the connection and the Host, with or without a default port */

static ngx_uint_t
ngx_http_chat_auth_own(ngx_http_request_t *r, ngx_str_t *origin)
{
    u_char     *p;
    ngx_str_t   scheme, port, name[2];
    ngx_uint_t  i;

    if (r->headers_in.host == NULL) {
        return 0;
    }

    if (ngx_http_chat_auth_tls(r)) {
        ngx_str_set(&scheme, "https://");
        ngx_str_set(&port, ":443");

    } else {
        ngx_str_set(&scheme, "http://");
        ngx_str_set(&port, ":80");
    }

    if (origin->len <= scheme.len
        || ngx_strncasecmp(origin->data, scheme.data, scheme.len) != 0)
    {
        return 0;
    }

    name[0].data = origin->data + scheme.len;
    name[0].len = origin->len - scheme.len;
    name[1] = r->headers_in.host->value;

    for (i = 0; i < 2; i++) {
        if (name[i].len > port.len) {
            p = name[i].data + name[i].len - port.len;

            if (ngx_strncmp(p, port.data, port.len) == 0) {
                name[i].len -= port.len;
            }
        }
    }

    return name[0].len == name[1].len
           && ngx_strncasecmp(name[0].data, name[1].data, name[0].len) == 0;
}


static ngx_uint_t
ngx_http_chat_auth_tls(ngx_http_request_t *r)
{
#if (NGX_HTTP_SSL)
    return r->connection->ssl != NULL;
#else
    return 0;
#endif
}


static ngx_int_t
ngx_http_chat_auth_cors(ngx_http_request_t *r, ngx_str_t *origin)
{
    ngx_str_t  value;

    if (ngx_http_chat_auth_push(r, "Access-Control-Allow-Origin", origin)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_str_set(&value, "true");

    if (ngx_http_chat_auth_push(r, "Access-Control-Allow-Credentials", &value)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_str_set(&value, "Origin");

    return ngx_http_chat_auth_push(r, "Vary", &value);
}


/* how often a header is in the request; value is the first one's */

static ngx_uint_t
ngx_http_chat_auth_header(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value)
{
    ngx_uint_t        i, n;
    ngx_table_elt_t  *h;
    ngx_list_part_t  *part;

    n = 0;

    for (part = &r->headers_in.headers.part; part; part = part->next) {

        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len != name->len
                || ngx_strncasecmp(h[i].key.data, name->data, name->len) != 0)
            {
                continue;
            }

            if (n++ == 0) {
                *value = h[i].value;
            }
        }
    }

    return n;
}


static ngx_int_t
ngx_http_chat_auth_push(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_http_chat_push_header(r);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->key.len = ngx_strlen(name);
    h->key.data = (u_char *) name;
    h->value = *value;

    return NGX_OK;
}
