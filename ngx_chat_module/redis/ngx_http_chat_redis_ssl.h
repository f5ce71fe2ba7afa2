/*
 * TLS to Redis: OpenSSL's part of it.  The connection itself is hiredis's own
 * (hiredis_ssl.h, since 1.0), which checks no name in a certificate and has no
 * words for what went wrong.
 *
 * Where hiredis has none, NGX_HTTP_CHAT_REDIS_SSL isn't set, and the addresses
 * that would need it are refused with the configuration.
 */

#ifndef NGX_HTTP_CHAT_REDIS_SSL_H
#define NGX_HTTP_CHAT_REDIS_SSL_H

#include "../ngx_http_chat_module.h"


#if (NGX_HTTP_CHAT_REDIS_SSL)

#include <openssl/err.h>
#include <openssl/ssl.h>


/*
 * What all connections have in common: the authorities in the file trusted,
 * or the system's, and our certificate and its key.  Names of length 0: none.
 * It goes with the pool of cf.  NULL: logged.
 */
SSL_CTX *ngx_http_chat_redis_ssl_create(ngx_conf_t *cf, ngx_str_t *trusted,
    ngx_str_t *certificate, ngx_str_t *key);

/*
 * Begins TLS on a connection that has just begun.  name is the host name, or
 * the address, that its certificate has to be for.  The context owns what is
 * returned.  NULL: see ac->c.errstr.
 */
SSL *ngx_http_chat_redis_ssl_start(redisAsyncContext *ac, SSL_CTX *ctx,
    u_char *name);

/* the error of the last call of hiredis, if it was of TLS, into ac->c.errstr */
void ngx_http_chat_redis_ssl_error(redisAsyncContext *ac, SSL *ssl);

#endif


#endif /* NGX_HTTP_CHAT_REDIS_SSL_H */
