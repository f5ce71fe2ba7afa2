/*
 * permessage-deflate (RFC 7692), the server's side, without context takeover in
 * either direction: each message is compressed by itself, so that one object
 * serves all connections of a process and holds nothing between two messages.
 */

#ifndef CHAT_DEFLATE_H
#define CHAT_DEFLATE_H

#include "chat_str.h"


/* what chat_deflate_unpack() returns as well: longer than max */
#define CHAT_DEFLATE_TOO_LONG   2

#define CHAT_DEFLATE_MIN_WINDOW   9     /* zlib has no raw window of 8 bits */
#define CHAT_DEFLATE_MAX_WINDOW  15


typedef struct {
    void               *(*alloc)(void *data, size_t len);
    void                (*free)(void *data, void *block);
    void                 *data;
} chat_deflate_mem_t;


typedef struct {
    unsigned              window;       /* bits that the client allows us */
    unsigned              asked;        /* it named them: the reply must, too */
} chat_deflate_offer_t;


typedef struct chat_deflate_s  chat_deflate_t;


/*
 * Looks for the first offer in a Sec-WebSocket-Extensions header that can be
 * accepted (RFC 7692, 5.1 and 7.1).  CHAT_OK, CHAT_DONE if there is none, or
 * CHAT_ERROR if the header is malformed, wherever (RFC 6455, 9.1).
 */
int chat_deflate_negotiate(chat_str_t header, chat_deflate_offer_t *offer);

/* mem is copied; NULL without memory */
chat_deflate_t *chat_deflate_create(const chat_deflate_mem_t *mem);
void chat_deflate_destroy(chat_deflate_t *d);

/*
 * Compresses a message into out; the length, or 0 if it does not become shorter
 * than in.  out has room for in.len bytes.
 */
size_t chat_deflate_pack(chat_deflate_t *d, chat_str_t in, unsigned char *out);

/* 1 if what _pack() makes of len bytes can be read with a window of so many
   bits */
int chat_deflate_fits(size_t len, unsigned window);

/*
 * Decompresses a whole message of at most max bytes into a block of mem's, the
 * caller's to free.  CHAT_OK; CHAT_ERROR for broken data (or no memory);
 * CHAT_DEFLATE_TOO_LONG as soon as there are more than max bytes.
 */
int chat_deflate_unpack(chat_deflate_t *d, chat_str_t in, size_t max,
    unsigned char **out, size_t *len);


#endif /* CHAT_DEFLATE_H */
