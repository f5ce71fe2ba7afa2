/*
 * Engine.IO v4 packets and polling payloads, and the query string of its
 * requests (engine.io-protocol, revision 4).
 */

#ifndef CHAT_EIO_H
#define CHAT_EIO_H

#include "chat_str.h"


#define CHAT_EIO_OPEN       '0'
#define CHAT_EIO_CLOSE      '1'
#define CHAT_EIO_PING       '2'
#define CHAT_EIO_PONG       '3'
#define CHAT_EIO_MESSAGE    '4'
#define CHAT_EIO_UPGRADE    '5'
#define CHAT_EIO_NOOP       '6'
#define CHAT_EIO_BINARY     'b'         /* polling: base64; WebSocket: never as
                                           text, binary frames are a message */

#define CHAT_EIO_SEPARATOR  0x1e


typedef struct {
    unsigned char    type;              /* one of the above */
    chat_str_t       data;              /* what follows the type */
} chat_eio_packet_t;


typedef enum {
    CHAT_EIO_NO_TRANSPORT = 0,          /* missing or unknown */
    CHAT_EIO_POLLING,
    CHAT_EIO_WEBSOCKET
} chat_eio_transport_t;


typedef struct {
    chat_eio_transport_t  transport;
    unsigned              version;      /* EIO=, 0 if missing or no number */
    chat_str_t            sid;          /* len 0: none; not decoded (a sid of
                                           ours has nothing to decode) */
} chat_eio_query_t;


/* one packet (a WebSocket text message); CHAT_ERROR if empty or of no known
   type */
int chat_eio_packet(chat_str_t text, chat_eio_packet_t *packet);

/*
 * Takes the next packet off a polling payload and moves payload behind it.
 * CHAT_DONE when there is none left, CHAT_ERROR for an invalid packet (an empty
 * one between separators or behind the last one included; an empty payload is
 * CHAT_ERROR at the first call: what is known by payload->data, which is set to
 * NULL once the last packet has been taken and must not be NULL before).
 */
int chat_eio_next(chat_str_t *payload, chat_eio_packet_t *packet);

/* reads EIO, transport and sid from a query string; the first of each counts */
void chat_eio_query(chat_str_t args, chat_eio_query_t *query);


#endif /* CHAT_EIO_H */
