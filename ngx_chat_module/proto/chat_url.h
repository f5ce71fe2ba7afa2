/*
 * The address of a Redis, as the chat_redis directive takes it:
 *
 *     redis://[[user]:password@]host[:port][/db]
 *     redis+unix:///path[?db=n]           (also with [user]:password@)
 *     sentinel://[[user]:password@]host[:port][,host[:port]...]/name[/db]
 *
 * and with TLS rediss:// and sentinels://, the latter to the Sentinels as well.
 * host may be an IPv6 address in brackets (host is then without them).  User,
 * password, path and name are percent-decoded.
 */

#ifndef CHAT_URL_H
#define CHAT_URL_H

#include "chat_str.h"


#define CHAT_URL_HOSTS      8


typedef struct {
    chat_str_t            name;
    unsigned              port;         /* 1 to 65535; unless given, 6379, and
                                           of a Sentinel 26379 */
} chat_url_host_t;


typedef struct {
    chat_str_t            user;         /* len 0: none */
    chat_str_t            password;     /* len 0: none */
    chat_url_host_t       host[CHAT_URL_HOSTS];
    unsigned              nhosts;       /* 0 for a Unix socket; Sentinels may
                                           be several */
    chat_str_t            master;       /* its name at the Sentinels; len 0: the
                                           host is the Redis itself */
    chat_str_t            path;         /* of the Unix socket */
    unsigned              db;           /* 0 unless given; at most 99999 */
    unsigned              tls;          /* 1 with TLS */
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
