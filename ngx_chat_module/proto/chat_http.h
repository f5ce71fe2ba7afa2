/*
 * The small grammars of HTTP that nginx leaves to modules: query strings,
 * cookies, tokens in lists, the permessage-deflate offer excepted.
 */

#ifndef CHAT_HTTP_H
#define CHAT_HTTP_H

#include "chat_str.h"


/*
 * Takes the next name=value pair off a query string (undecoded; value.len is 0
 * where there is no "=").  CHAT_OK, or CHAT_DONE at the end.  Empty pairs are
 * passed over.
 */
int chat_query_next(chat_str_t *args, chat_str_t *name, chat_str_t *value);

/*
 * Decodes %XX and "+".  out has room for in.len bytes; the length, or -1 for a
 * broken escape.  The result may have NULs.
 */
long chat_query_decode(chat_str_t in, unsigned char *out);

/*
 * A cookie's value in a Cookie header (RFC 6265, 4.2); quotes are taken off.
 * The name is compared exactly.  CHAT_OK for the first one, or CHAT_DONE.
 */
int chat_cookie_find(chat_str_t header, chat_str_t name, chat_str_t *value);

/* 1 if a comma-separated list has the token, case ignored ("Connection:
   keep-alive, Upgrade") */
int chat_token_in_list(chat_str_t list, chat_str_t token);

/* 1 if a Content-Type is application/json; parameters are allowed */
int chat_content_type_json(chat_str_t value);


#endif /* CHAT_HTTP_H */
