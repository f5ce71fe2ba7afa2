/*
 * What chat_log says of a live connection when it ends, and chat_admins see of
 * it.  A session has this only where there is one of the two, and takes it
 * along when it moves to another worker (relay.h, "state").
 */

#ifndef NGX_HTTP_CHAT_LIFE_H
#define NGX_HTTP_CHAT_LIFE_H

#include "ngx_http_chat_hub.h"


#define NGX_HTTP_CHAT_LIFE_ADDR   64              /* longer ones are cut */
#define NGX_HTTP_CHAT_LIFE_NAME   256             /* so are names */
#define NGX_HTTP_CHAT_LIFE_STATE  (NGX_HTTP_CHAT_LIFE_ADDR                    \
                                   + 5 * (NGX_INT64_LEN + 1) + 3              \
                                   + CHAT_USER_ID_MAX                         \
                                   + ngx_base64_encoded_length(               \
                                                    NGX_HTTP_CHAT_LIFE_NAME))


struct ngx_http_chat_life_s {
    ngx_msec_t                    begin;
    uint64_t                      received;       /* packets */
    uint64_t                      sent;
    uint64_t                      bytes_received;
    uint64_t                      bytes_sent;
    ngx_str_t                     user;           /* allocated, with the id */
    ngx_str_t                     user_id;
    u_char                        addr[NGX_HTTP_CHAT_LIFE_ADDR];
    size_t                        addr_len;
};


/* all of these do nothing where there is no log, or without memory */

void ngx_http_chat_life_begin(ngx_http_chat_session_t *s);
void ngx_http_chat_life_address(ngx_http_chat_session_t *s, ngx_str_t *addr);
void ngx_http_chat_life_user(ngx_http_chat_session_t *s, ngx_str_t *id,
    ngx_str_t *name);

/* bytes of it, for chat_status as well; s may be NULL */
void ngx_http_chat_life_received(ngx_http_chat_session_t *s, size_t n);
void ngx_http_chat_life_sent(ngx_http_chat_session_t *s, size_t n);

/* writes the line, unless the session goes on elsewhere, and frees it */
void ngx_http_chat_life_end(ngx_http_chat_session_t *s, ngx_uint_t code,
    const char *why);

/*
 * Writes text, at most 4 * len bytes, for a log: escaped as in nginx's access
 * log, so that no name writes a line of its own; "-" for none.
 */
u_char *ngx_http_chat_life_text(u_char *p, u_char *data, size_t len);

/*
 * " AGE RECEIVED SENT BYTES BYTES ADDR", and " ID NAME" (base64url) if it is
 * known who it is, for another worker, at most NGX_HTTP_CHAT_LIFE_STATE bytes;
 * these words there, fewer of another version
 */
u_char *ngx_http_chat_life_write(u_char *p, ngx_http_chat_session_t *s);
void ngx_http_chat_life_read(ngx_http_chat_session_t *s, ngx_uint_t n,
    ngx_str_t *word);


#endif /* NGX_HTTP_CHAT_LIFE_H */
