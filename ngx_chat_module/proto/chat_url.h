/*
 * The address of a Redis, as the chat_redis directive takes it:
 *
 *     redis://[[user]:password@]host[:port][/db]
 *     redis+unix:///path[?db=n]           (also with [user]:password@)
 *
 * host may be an IPv6 address in brackets (host is then without them).  User,
 * password and path are percent-decoded.
 */

#ifndef CHAT_URL_H
#define CHAT_URL_H

#include "chat_str.h"


typedef struct {
    chat_str_t            user;         /* len 0: none */
    chat_str_t            password;     /* len 0: none */
    chat_str_t            host;         /* len 0 for a Unix socket */
    chat_str_t            path;         /* of the Unix socket */
    unsigned              port;         /* 6379 unless given; 1 to 65535 */
    unsigned              db;           /* 0 unless given; at most 99999 */
} chat_url_t;


/*
 * buf has room for text.len bytes, and what is decoded points into it.
 * CHAT_OK, or CHAT_ERROR and *error is a lower-case phrase for a log line, such
 * as "invalid port".  NULs, decoded or not, are errors, as is a Unix path of
 * more than 107 bytes.
 */
int chat_url_parse(chat_str_t text, unsigned char *buf, chat_url_t *url,
    const char **error);


#endif /* CHAT_URL_H */
