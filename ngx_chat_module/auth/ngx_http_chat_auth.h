/*
 * Who a request comes from: the session cookie and the Origin.
 */

#ifndef NGX_HTTP_CHAT_AUTH_H
#define NGX_HTTP_CHAT_AUTH_H

#include "../ngx_http_chat_module.h"


/* a session is known by the hash of its token, base64url of 32 bytes */
#define NGX_HTTP_CHAT_HASH_LEN   43

typedef struct {
    u_char                       hash[NGX_HTTP_CHAT_HASH_LEN];
    unsigned                     set:1;
} ngx_http_chat_token_t;


/*
 * Where nginx says who the user is (chat_user): the name, len 0 for nobody.
 * NGX_ERROR without memory.
 */
ngx_int_t ngx_http_chat_auth_user(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *conf, ngx_str_t *name);

/*
 * Reads the session cookie of the request: token->set is 1 if there is one that
 * has a token's form (43 characters of base64url); hash is then BLAKE2b-256 of
 * these characters, in base64url.  All cookies of the name are looked at, the
 * first of the right form counts.
 *
 * With chat_user a name has one session, and hash is that of the name, with a
 * key: no cookie has the same.
 */
void ngx_http_chat_auth_token(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *conf, ngx_http_chat_token_t *token);

/*
 * Makes a new token: text gets the cookie's value, NGX_HTTP_CHAT_HASH_LEN
 * bytes, and token is filled in.
 */
void ngx_http_chat_auth_create(ngx_http_chat_token_t *token, u_char *text);

/* sets the session cookie in the response to text, of HASH_LEN bytes */
ngx_int_t ngx_http_chat_auth_set(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *conf, u_char *text);

/* sets the cookie that the request brought once more, for a new session_ttl;
   this and _clear do nothing with chat_user */
ngx_int_t ngx_http_chat_auth_renew(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *conf);

/* clears the cookie in the response */
ngx_int_t ngx_http_chat_auth_clear(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *conf);

/*
 * NGX_OK if the request's Origin may use the chat: there is none, or it is the
 * site's own (scheme and Host), or chat_allowed_origins has it; NGX_DECLINED if
 * not.  For a foreign origin that is allowed, the CORS headers of the response
 * are set (Access-Control-Allow-Origin, -Credentials, Vary).  A request without
 * an Origin that may change something (any but GET and HEAD) is declined if the
 * browser says that another site made it (Sec-Fetch-Site).  NGX_ERROR without
 * memory.
 *
 * The scheme is that of the connection to nginx: behind a proxy that ends TLS
 * the site's origin has to be in chat_allowed_origins.
 */
ngx_int_t ngx_http_chat_auth_origin(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *conf);

/*
 * NGX_OK if the request is the preflight (OPTIONS) of a foreign origin that is
 * allowed; the response's CORS headers are then set, methods being what the
 * route has.  Otherwise NGX_DECLINED, or NGX_ERROR without memory.
 */
ngx_int_t ngx_http_chat_auth_preflight(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *conf, ngx_str_t *methods);


#endif /* NGX_HTTP_CHAT_AUTH_H */
