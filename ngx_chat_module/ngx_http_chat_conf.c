/*
 * Setters of directives: see the header.
 */

#include "ngx_http_chat_conf.h"
#include "http/ngx_http_chat_http.h"
#include "proto/chat_json.h"
#include "proto/chat_url.h"

#include <sodium.h>


static ngx_int_t ngx_http_chat_redis_addrs(ngx_conf_t *cf, chat_url_t *url,
    ngx_http_chat_redis_conf_t *redis);
static ngx_int_t ngx_http_chat_resolve(ngx_conf_t *cf, chat_url_host_t *from,
    ngx_http_chat_redis_addr_t *addr);
static ngx_int_t ngx_http_chat_cookie_path(ngx_conf_t *cf, ngx_str_t *value,
    ngx_str_t *path);
static ngx_uint_t ngx_http_chat_origin_valid(ngx_str_t *origin);
static void ngx_http_chat_conf_key_add(crypto_generichash_state *hash,
    ngx_str_t *text);
static void ngx_http_chat_conf_key_listen(crypto_generichash_state *hash,
    ngx_conf_t *cf, ngx_http_core_srv_conf_t *cscf);


static ngx_conf_enum_t  ngx_http_chat_cookie_secure[] = {
    { ngx_string("secure=auto"), NGX_HTTP_CHAT_AUTO },
    { ngx_string("secure=on"), 1 },
    { ngx_string("secure=off"), 0 },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_chat_cookie_samesite[] = {
    { ngx_string("samesite=lax"), NGX_HTTP_CHAT_SAMESITE_LAX },
    { ngx_string("samesite=strict"), NGX_HTTP_CHAT_SAMESITE_STRICT },
    { ngx_string("samesite=none"), NGX_HTTP_CHAT_SAMESITE_NONE },
    { ngx_null_string, 0 }
};


char *
ngx_http_chat_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_chat_loc_conf_t *cclcf = conf;

    char                      *rv;
    ngx_http_core_loc_conf_t  *clcf;

    rv = ngx_conf_set_flag_slot(cf, cmd, conf);

    if (rv != NGX_CONF_OK || !(cf->cmd_type & NGX_HTTP_LOC_CONF)) {
        return rv;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (cclcf->enable
        && (clcf->named || clcf->exact_match
#if (NGX_PCRE)
            || clcf->regex
#endif
           ))
    {
        return "needs a prefix location";
    }

    cclcf->base = clcf->name;

    if (cclcf->base.len && cclcf->base.data[cclcf->base.len - 1] == '/') {
        cclcf->base.len--;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_chat_set_user(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_chat_loc_conf_t *cclcf = conf;

    ngx_str_t                         *value;
    ngx_http_compile_complex_value_t   ccv;

    if (cclcf->user != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        cclcf->user = NULL;
        return NGX_CONF_OK;
    }

    cclcf->user = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (cclcf->user == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &value[1];
    ccv.complex_value = cclcf->user;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_chat_set_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_chat_status_handler;

    return NGX_CONF_OK;
}


char *
ngx_http_chat_set_redis(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_chat_loc_conf_t *cclcf = conf;

    ngx_str_t  *value;

    if (cclcf->redis_url.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    /* read here as well, so that an error names this line */

    if (ngx_http_chat_redis_conf(cf, &value[1]) == NULL) {
        return NGX_CONF_ERROR;
    }

    cclcf->redis_url = value[1];

    return NGX_CONF_OK;
}


ngx_http_chat_redis_conf_t *
ngx_http_chat_redis_conf(ngx_conf_t *cf, ngx_str_t *text)
{
    u_char                       *buf;
    ngx_uint_t                    i;
    const char                   *error;
    chat_url_t                    url;
    ngx_http_chat_main_conf_t    *cmcf;
    ngx_http_chat_redis_conf_t  **list, *redis;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_chat_module);

    list = cmcf->redis.elts;

    for (i = 0; i < cmcf->redis.nelts; i++) {
        if (list[i]->url.len == text->len
            && ngx_memcmp(list[i]->url.data, text->data, text->len) == 0)
        {
            return list[i];
        }
    }

    redis = ngx_pcalloc(cf->pool, sizeof(ngx_http_chat_redis_conf_t));
    buf = ngx_pnalloc(cf->pool, text->len + 1);
    if (redis == NULL || buf == NULL) {
        return NULL;
    }

    if (chat_url_parse((chat_str_t) { text->len, text->data }, buf, &url,
                       &error)
        != CHAT_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s in chat_redis", error);
        return NULL;
    }

#if !(NGX_HTTP_CHAT_REDIS_SSL)
    if (url.tls) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "TLS in chat_redis needs libhiredis_ssl of hiredis "
                           "1.0 or later, and the module was built without");
        return NULL;
    }
#endif

    redis->url = *text;
    redis->index = cmcf->redis.nelts;
    redis->user.len = url.user.len;
    redis->user.data = (u_char *) url.user.data;
    redis->password.len = url.password.len;
    redis->password.data = (u_char *) url.password.data;
    redis->master.len = url.master.len;
    redis->master.data = (u_char *) url.master.data;
    redis->db = url.db;
    redis->tls = url.tls;

    if (ngx_http_chat_redis_addrs(cf, &url, redis) != NGX_OK) {
        return NULL;
    }

    list = ngx_array_push(&cmcf->redis);
    if (list == NULL) {
        return NULL;
    }

    *list = redis;

    return redis;
}


static ngx_int_t
ngx_http_chat_redis_addrs(ngx_conf_t *cf, chat_url_t *url,
    ngx_http_chat_redis_conf_t *redis)
{
    u_char      *p;
    ngx_uint_t   i;

    if (url->nhosts == 0) {
        redis->path = ngx_pnalloc(cf->pool, url->path.len + 1);
        redis->name.data = ngx_pnalloc(cf->pool, url->path.len + 5);
        if (redis->path == NULL || redis->name.data == NULL) {
            return NGX_ERROR;
        }

        p = ngx_cpymem(redis->path, url->path.data, url->path.len);
        *p = '\0';

        redis->name.len = ngx_sprintf(redis->name.data, "unix:%s", redis->path)
                          - redis->name.data;
        return NGX_OK;
    }

    redis->addrs = ngx_palloc(cf->pool,
                              url->nhosts * sizeof(ngx_http_chat_redis_addr_t));
    if (redis->addrs == NULL) {
        return NGX_ERROR;
    }

    redis->naddrs = url->nhosts;

    for (i = 0; i < url->nhosts; i++) {
        if (ngx_http_chat_resolve(cf, &url->host[i], &redis->addrs[i])
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    redis->name = redis->master.len ? redis->master : redis->addrs[0].name;

    return NGX_OK;
}


/* names are resolved once, here: a worker must not wait for a resolver */

static ngx_int_t
ngx_http_chat_resolve(ngx_conf_t *cf, chat_url_host_t *from,
    ngx_http_chat_redis_addr_t *addr)
{
    u_char     *p;
    ngx_str_t   host;
    ngx_url_t   u;

    host.len = from->name.len;
    host.data = (u_char *) from->name.data;

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.url.data = ngx_pnalloc(cf->pool, host.len + 2 + 6);
    if (u.url.data == NULL) {
        return NGX_ERROR;
    }

    u.url.len = ngx_sprintf(u.url.data,
                            ngx_strlchr(host.data, host.data + host.len, ':')
                                ? "[%V]:%ui" : "%V:%ui",
                            &host, (ngx_uint_t) from->port)
                - u.url.data;
    u.no_resolve = 0;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK || u.naddrs == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s in chat_redis \"%V\"",
                           u.err ? u.err : "no address", &host);
        return NGX_ERROR;
    }

    addr->name = u.addrs[0].name;
    addr->port = from->port;

    p = ngx_pnalloc(cf->pool, NGX_SOCKADDR_STRLEN + 1);
    addr->server = ngx_pnalloc(cf->pool, host.len + 1);
    if (p == NULL || addr->server == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_cpystrn(addr->server, host.data, host.len + 1);

    addr->host = p;
    p += ngx_sock_ntop(u.addrs[0].sockaddr, u.addrs[0].socklen, p,
                       NGX_SOCKADDR_STRLEN, 0);
    *p = '\0';

    if (addr->host[0] == '[') {

        /* hiredis takes an IPv6 address without brackets */

        addr->host++;
        p[-1] = '\0';
    }

    return NGX_OK;
}


char *
ngx_http_chat_set_links(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_chat_loc_conf_t *cclcf = conf;

    ssize_t           n;
    ngx_fd_t          fd;
    ngx_str_t        *value;
    ngx_file_info_t   fi;
    chat_json_t       json;

    if (cclcf->links_file.data) {
        return "is duplicate";
    }

    value = cf->args->elts;
    cclcf->links_file = value[1];

    if (ngx_conf_full_name(cf->cycle, &cclcf->links_file, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    fd = ngx_open_file(cclcf->links_file.data, NGX_FILE_RDONLY, NGX_FILE_OPEN,
                       0);
    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%s\" failed",
                           cclcf->links_file.data);
        return NGX_CONF_ERROR;
    }

    n = -1;

    if (ngx_fd_info(fd, &fi) != NGX_FILE_ERROR
        && ngx_is_file(&fi) && ngx_file_size(&fi) <= 65536)
    {
        cclcf->links.len = ngx_file_size(&fi);
        cclcf->links.data = ngx_pnalloc(cf->pool, cclcf->links.len + 1);

        if (cclcf->links.data) {
            n = ngx_read_fd(fd, cclcf->links.data, cclcf->links.len);
        }
    }

    (void) ngx_close_file(fd);

    if (n != (ssize_t) cclcf->links.len
        || chat_json_check((chat_str_t) { cclcf->links.len, cclcf->links.data },
                           &json)
           != CHAT_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s\" is no JSON file of at most 64k",
                           cclcf->links_file.data);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_chat_set_cookie(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_chat_loc_conf_t *cclcf = conf;

    u_char           *p;
    ngx_str_t        *value, *v;
    ngx_uint_t        i, *set;
    ngx_conf_enum_t  *e;

    if (cclcf->cookie.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    /* a token of RFC 7230 */

    for (p = value[1].data; *p; p++) {
        if (*p <= ' ' || *p >= 0x7f || ngx_strchr("()<>@,;:\\\"/[]?={}", *p)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid cookie name \"%V\"", &value[1]);
            return NGX_CONF_ERROR;
        }
    }

    if (value[1].len == 0) {
        return "needs a name";
    }

    cclcf->cookie = value[1];

    for (i = 2; i < cf->args->nelts; i++) {
        v = &value[i];

        if (ngx_strncmp(v->data, "path=", 5) == 0) {
            if (ngx_http_chat_cookie_path(cf, v, &cclcf->cookie_path)
                != NGX_OK)
            {
                return NGX_CONF_ERROR;
            }

            continue;
        }

        if (ngx_strncmp(v->data, "secure=", 7) == 0) {
            set = &cclcf->cookie_secure;
            e = ngx_http_chat_cookie_secure;

        } else if (ngx_strncmp(v->data, "samesite=", 9) == 0) {
            set = &cclcf->cookie_samesite;
            e = ngx_http_chat_cookie_samesite;

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\"", v);
            return NGX_CONF_ERROR;
        }

        if (*set != NGX_CONF_UNSET_UINT) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate parameter \"%V\"", v);
            return NGX_CONF_ERROR;
        }

        while (e->name.len && ngx_strcmp(e->name.data, v->data) != 0) {
            e++;
        }

        if (e->name.len == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\"", v);
            return NGX_CONF_ERROR;
        }

        *set = e->value;
    }

    /* a value given here with the name is not inherited from outside */

    ngx_conf_init_uint_value(cclcf->cookie_secure, NGX_HTTP_CHAT_AUTO);
    ngx_conf_init_uint_value(cclcf->cookie_samesite,
                             NGX_HTTP_CHAT_SAMESITE_LAX);

    if (cclcf->cookie_samesite == NGX_HTTP_CHAT_SAMESITE_NONE
        && cclcf->cookie_secure == 0)
    {
        return "with samesite=none can't have secure=off: browsers refuse it";
    }

    return NGX_CONF_OK;
}


/* as it is in a URL, and in the cookie as it is (RFC 6265, section 4.1.1) */

static ngx_int_t
ngx_http_chat_cookie_path(ngx_conf_t *cf, ngx_str_t *value, ngx_str_t *path)
{
    u_char  *p;

    if (path->len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "duplicate parameter \"%V\"",
                           value);
        return NGX_ERROR;
    }

    path->data = value->data + 5;
    path->len = value->len - 5;

    for (p = path->data; *p > ' ' && *p < 0x7f && *p != ';'; p++) {
        /* void */
    }

    if (*p || path->data[0] != '/') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter \"%V\"",
                           value);
        return NGX_ERROR;
    }

    return NGX_OK;
}


char *
ngx_http_chat_set_origins(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_chat_loc_conf_t *cclcf = conf;

    ngx_str_t   *value, *origin;
    ngx_uint_t   i;

    if (cclcf->origin != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "same") == 0) {
        cclcf->origin = NGX_HTTP_CHAT_ORIGIN_SAME;
        return NGX_CONF_OK;
    }

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "any") == 0) {
        cclcf->origin = NGX_HTTP_CHAT_ORIGIN_ANY;
        return NGX_CONF_OK;
    }

    cclcf->origin = NGX_HTTP_CHAT_ORIGIN_LIST;
    cclcf->origins = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                      sizeof(ngx_str_t));
    if (cclcf->origins == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {
        if (!ngx_http_chat_origin_valid(&value[i])) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid origin \"%V\", it must be like "
                               "\"https://example.com\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        origin = ngx_array_push(cclcf->origins);
        if (origin == NULL) {
            return NGX_CONF_ERROR;
        }

        *origin = value[i];
    }

    return NGX_CONF_OK;
}


/* scheme://host[:port], as browsers send it: without a path */

static ngx_uint_t
ngx_http_chat_origin_valid(ngx_str_t *origin)
{
    u_char  *host, *p;

    if (ngx_strncmp(origin->data, "http://", 7) == 0) {
        host = origin->data + 7;

    } else if (ngx_strncmp(origin->data, "https://", 8) == 0) {
        host = origin->data + 8;

    } else {
        return 0;
    }

    for (p = host; *p; p++) {
        if (*p <= ' ' || *p >= 0x7f || ngx_strchr("/?#\\@,\"*", *p)
            || (*p >= 'A' && *p <= 'Z'))
        {
            return 0;
        }
    }

    return p != host;
}


/*
 * A connection that was opened in a location may go on in one of a later
 * configuration with the same key: the same server, path, Redis and origins,
 * and what the client has been told.  Other settings may have changed.
 */

char *
ngx_http_chat_conf_key(ngx_conf_t *cf, ngx_http_chat_loc_conf_t *conf)
{
    u_char                      numbers[128];
    ngx_str_t                   text, *origin;
    ngx_uint_t                  i;
    crypto_generichash_state    hash;
    ngx_http_core_srv_conf_t   *cscf;
    ngx_http_chat_loc_conf_t  **location;
    ngx_http_chat_main_conf_t  *cmcf;

    cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);
    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_chat_module);

    crypto_generichash_init(&hash, NULL, 0, NGX_HTTP_CHAT_KEY_LEN);

    ngx_http_chat_conf_key_listen(&hash, cf, cscf);
    ngx_http_chat_conf_key_add(&hash, &cscf->server_name);
    ngx_http_chat_conf_key_add(&hash, &conf->base);
    ngx_http_chat_conf_key_add(&hash, &conf->redis_url);

    if (conf->user) {
        ngx_http_chat_conf_key_add(&hash, &conf->user->value);
    }

    text.data = numbers;
    text.len = ngx_sprintf(numbers, "%M %M %uz %ui", conf->ping_interval,
                           conf->ping_timeout, conf->max_payload, conf->origin)
               - numbers;

    ngx_http_chat_conf_key_add(&hash, &text);

    if (conf->origins) {
        origin = conf->origins->elts;

        for (i = 0; i < conf->origins->nelts; i++) {
            ngx_http_chat_conf_key_add(&hash, &origin[i]);
        }
    }

    crypto_generichash_final(&hash, conf->key, NGX_HTTP_CHAT_KEY_LEN);

    location = ngx_array_push(&cmcf->locations);
    if (location == NULL) {
        return NGX_CONF_ERROR;
    }

    *location = conf;

    return NGX_CONF_OK;
}


static void
ngx_http_chat_conf_key_add(crypto_generichash_state *hash, ngx_str_t *text)
{
    uint64_t  len;

    len = text->len;

    crypto_generichash_update(hash, (u_char *) &len, sizeof(uint64_t));
    crypto_generichash_update(hash, text->data, text->len);
}


/* where the server listens */

static void
ngx_http_chat_conf_key_listen(crypto_generichash_state *hash, ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *cscf)
{
    ngx_uint_t                   p, a, s;
    ngx_http_conf_addr_t        *addr;
    ngx_http_conf_port_t        *port;
    ngx_http_core_srv_conf_t   **server;
    ngx_http_core_main_conf_t   *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    if (cmcf->ports == NULL) {
        return;
    }

    port = cmcf->ports->elts;

    for (p = 0; p < cmcf->ports->nelts; p++) {
        addr = port[p].addrs.elts;

        for (a = 0; a < port[p].addrs.nelts; a++) {
            server = addr[a].servers.elts;

            for (s = 0; s < addr[a].servers.nelts; s++) {
                if (server[s] == cscf) {
                    ngx_http_chat_conf_key_add(hash, &addr[a].opt.addr_text);
                }
            }
        }
    }
}
