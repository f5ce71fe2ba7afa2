/*
 * TLS to Redis: see the header.
 */

#include "ngx_http_chat_redis_ssl.h"

#if (NGX_HTTP_CHAT_REDIS_SSL)

#include <hiredis/hiredis_ssl.h>
#include <openssl/x509v3.h>


static ngx_int_t ngx_http_chat_redis_ssl_name(SSL *ssl, char *name);
static void ngx_http_chat_redis_ssl_refuse(ngx_conf_t *cf, ngx_str_t *file);
static const char *ngx_http_chat_redis_ssl_reason(void);
static int ngx_http_chat_redis_ssl_password(char *buf, int size, int write,
    void *data);
static void ngx_http_chat_redis_ssl_cleanup(void *data);


SSL_CTX *
ngx_http_chat_redis_ssl_create(ngx_conf_t *cf, ngx_str_t *trusted,
    ngx_str_t *certificate, ngx_str_t *key)
{
    SSL_CTX             *ctx;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    ctx = cln ? SSL_CTX_new(TLS_client_method()) : NULL;

    if (ctx == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_chat_redis_ssl_cleanup;
    cln->data = ctx;

    ERR_clear_error();

    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_default_passwd_cb(ctx, ngx_http_chat_redis_ssl_password);
    (void) SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);

    if (trusted->len
        ? SSL_CTX_load_verify_locations(ctx, (char *) trusted->data, NULL) != 1
        : SSL_CTX_set_default_verify_paths(ctx) != 1)
    {
        ngx_http_chat_redis_ssl_refuse(cf, trusted);
        return NULL;
    }

    if (certificate->len == 0) {
        return ctx;
    }

    if (SSL_CTX_use_certificate_chain_file(ctx, (char *) certificate->data)
        != 1)
    {
        ngx_http_chat_redis_ssl_refuse(cf, certificate);
        return NULL;
    }

    if (SSL_CTX_use_PrivateKey_file(ctx, (char *) key->data, SSL_FILETYPE_PEM)
        != 1)
    {
        ngx_http_chat_redis_ssl_refuse(cf, key);
        return NULL;
    }

    return ctx;
}


static void
ngx_http_chat_redis_ssl_refuse(ngx_conf_t *cf, ngx_str_t *file)
{
    const char  *reason;

    reason = ngx_http_chat_redis_ssl_reason();

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "cannot load \"%V\" for TLS to redis: %s", file,
                  reason ? reason : "no reason given");

    ERR_clear_error();
}


SSL *
ngx_http_chat_redis_ssl_start(redisAsyncContext *ac, SSL_CTX *ctx, u_char *name)
{
    SSL  *ssl;

    ERR_clear_error();

    ssl = SSL_new(ctx);

    if (ssl && ngx_http_chat_redis_ssl_name(ssl, (char *) name) == NGX_OK
        && redisInitiateSSL(&ac->c, ssl) == REDIS_OK)
    {
        return ssl;
    }

    if (ssl) {
        ngx_http_chat_redis_ssl_error(ac, ssl);
        SSL_free(ssl);
    }

    ERR_clear_error();

    return NULL;
}


/* SNI has names only (RFC 6066, section 3) */

static ngx_int_t
ngx_http_chat_redis_ssl_name(SSL *ssl, char *name)
{
    X509_VERIFY_PARAM  *param;

    param = SSL_get0_param(ssl);

    if (X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1) {
        return NGX_OK;
    }

    X509_VERIFY_PARAM_set_hostflags(param,
                                    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);

    return SSL_set1_host(ssl, name) == 1
           && SSL_set_tlsext_host_name(ssl, name) == 1
           ? NGX_OK : NGX_ERROR;
}


void
ngx_http_chat_redis_ssl_error(redisAsyncContext *ac, SSL *ssl)
{
    long         rc;
    u_char      *p;
    const char  *reason;

    rc = SSL_get_verify_result(ssl);
    reason = rc == X509_V_OK ? ngx_http_chat_redis_ssl_reason()
                             : X509_verify_cert_error_string(rc);

    if (reason == NULL) {

        /* not of TLS: the system's error, or the end */

        return;
    }

    p = ngx_snprintf((u_char *) ac->c.errstr, sizeof(ac->c.errstr) - 1, "%s%s",
                     rc == X509_V_OK ? "TLS: " : "its certificate is refused: ",
                     reason);
    *p = '\0';
}


/* the text of the first error, which led to the others; NULL: there is none */

static const char *
ngx_http_chat_redis_ssl_reason(void)
{
    const char     *text;
    unsigned long   e;

    e = ERR_peek_error();

    if (e == 0) {
        return NULL;
    }

#ifdef ERR_SYSTEM_ERROR
    if (ERR_SYSTEM_ERROR(e)) {
        return strerror(ERR_GET_REASON(e));
    }
#endif

#ifdef SSL_R_UNEXPECTED_EOF_WHILE_READING
    if (ERR_GET_REASON(e) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
        return "the server closed the connection";
    }
#endif

    text = ERR_reason_error_string(e);

    return text ? text : "no reason given";
}


/* of a key: there is nobody to ask */

static int
ngx_http_chat_redis_ssl_password(char *buf, int size, int write, void *data)
{
    return -1;
}


static void
ngx_http_chat_redis_ssl_cleanup(void *data)
{
    SSL_CTX_free(data);
}


#endif
