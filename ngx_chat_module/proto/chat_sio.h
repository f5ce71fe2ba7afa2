/*
 * Socket.IO v5 packets as text (socket.io-protocol, revision 5):
 * <type>[<attachments>-][<namespace>,][<ack id>][JSON]
 */

#ifndef CHAT_SIO_H
#define CHAT_SIO_H

#include "chat_json.h"


#define CHAT_SIO_CONNECT         '0'
#define CHAT_SIO_DISCONNECT      '1'
#define CHAT_SIO_EVENT           '2'
#define CHAT_SIO_ACK             '3'
#define CHAT_SIO_CONNECT_ERROR   '4'
#define CHAT_SIO_BINARY_EVENT    '5'
#define CHAT_SIO_BINARY_ACK      '6'

#define CHAT_SIO_MAX_ACK         20     /* digits of an ack id */
#define CHAT_SIO_MAX_NSP         256


typedef struct {
    unsigned char    type;
    unsigned         attachments;       /* of the binary types, from 1 on; at
                                           most 10 digits are accepted,
                                           saturated at UINT_MAX */
    chat_str_t       nsp;               /* "/" where none is given; a query
                                           string behind it is cut off */
    chat_str_t       ack;               /* digits as they came; len 0: none */
    chat_json_t      data;              /* checked; type NONE where none came */
} chat_sio_packet_t;


/* an EVENT's name and arguments */
typedef struct {
    chat_json_t       name;             /* a string or a number */
    chat_json_iter_t  args;             /* stands before the first argument */
} chat_sio_event_t;


/*
 * CHAT_OK, or CHAT_ERROR for anything that socket.io-parser 4.2 refuses: an
 * unknown type, a malformed head, JSON that chat_json_check() refuses, CONNECT
 * with a payload that is no object, DISCONNECT with a payload, CONNECT_ERROR
 * whose payload is no object or string, EVENT without an array that begins with
 * a string or a number, a reserved event name (connect, connect_error,
 * disconnect, disconnecting, newListener, removeListener), ACK without an array
 * or without an id.  Beyond the parser: a namespace that is too long or no
 * UTF-8, an ack id that is too long, and what only JavaScript takes for digits
 * (white space, "1e1", "0x1").  How many attachments are too many is the
 * caller's to say.
 */
int chat_sio_parse(chat_str_t text, chat_sio_packet_t *packet);

/* opens an EVENT that chat_sio_parse() has accepted */
void chat_sio_event(const chat_sio_packet_t *packet, chat_sio_event_t *event);


#endif /* CHAT_SIO_H */
