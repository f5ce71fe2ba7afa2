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
 * Reads the session cookie of the request: token->set is 1 if there is one that
 * has a token's form (43 characters of base64url); hash is then BLAKE2b-256 of
 * these characters, in base64url.  All cookies of the name are looked at, the
 * first of the right form counts.
 */
void ngx_http_chat_auth_token(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *conf, ngx_http_chat_token_t *token);

/*
 * Makes a new token: sets the cookie in the response and fills in token.
 */
ngx_int_t ngx_http_chat_auth_issue(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *conf, ngx_http_chat_token_t *token);

/* clears the cookie in the response */
ngx_int_t ngx_http_chat_auth_clear(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *conf);

/*
 * NGX_OK if the request's Origin may use the chat: there is none, or it is the
 * site's own (scheme and Host), or chat_allowed_origins has it; NGX_DECLINED if
 * not.  For a foreign origin that is allowed, the CORS headers of the response
 * are set (Access-Control-Allow-Origin, -Credentials, Vary).
 */
ngx_int_t ngx_http_chat_auth_origin(ngx_http_request_t *r,
    ngx_http_chat_loc_conf_t *conf);


#endif /* NGX_HTTP_CHAT_AUTH_H */
