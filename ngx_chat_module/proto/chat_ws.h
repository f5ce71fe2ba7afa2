/*
 * WebSocket frames (RFC 6455, section 5), the server's side.
 *
 * Reading: bytes go in as they come, in pieces of any size, and events come
 * out: pieces of a data message (unmasked in place, UTF-8 checked), complete
 * control frames, or the close code with which the connection has to fail.
 * The parser holds no message: the caller keeps what it needs, and lends memory
 * for a control frame that comes in pieces.
 *
 * Writing: a frame's header; servers do not mask.
 */

#ifndef CHAT_WS_H
#define CHAT_WS_H

#include "chat_utf8.h"


#define CHAT_WS_CONT     0x0
#define CHAT_WS_TEXT     0x1
#define CHAT_WS_BINARY   0x2
#define CHAT_WS_CLOSE    0x8
#define CHAT_WS_PING     0x9
#define CHAT_WS_PONG     0xa

/* or-ed to the opcode that chat_ws_header() gets: the message is compressed */
#define CHAT_WS_RSV1     0x40

#define CHAT_WS_MAX_HEADER    10        /* of a server's frame */
#define CHAT_WS_MAX_CONTROL   125

/* what chat_ws_parse() returns */
#define CHAT_WS_AGAIN     0             /* all bytes consumed, no event */
#define CHAT_WS_DATA      1             /* a piece of a data message */
#define CHAT_WS_CONTROL   2             /* a complete control frame */
#define CHAT_WS_STORE     3             /* a control frame is cut: set control
                                           and go on */
#define CHAT_WS_FAIL    (-1)            /* fail with event.code; stop reading */


typedef struct {
    uint64_t         left;              /* payload bytes of the frame to come */
    uint64_t         total;             /* payload bytes of this message so
                                           far, the current frame's included */
    uint64_t         max;               /* limit of a message */
    unsigned char   *control;           /* of a control frame in pieces, or
                                           NULL: the caller's, with
                                           CHAT_WS_MAX_CONTROL bytes */
    chat_utf8_t      utf8;
    unsigned char    mask[4];
    unsigned char    state;
    unsigned char    mask_pos;
    unsigned char    opcode;            /* of the current frame */
    unsigned char    message;           /* opcode of the message, 0 outside */
    unsigned char    fin;
    unsigned char    need;              /* header bytes still to come */
    unsigned char    got;               /* control bytes gathered */
    unsigned char    deflate;           /* RFC 7692 was negotiated: set by the
                                           caller */
    unsigned char    compressed;        /* the message is */
} chat_ws_parser_t;


typedef struct {
    unsigned char    opcode;            /* TEXT or BINARY for data (never CONT);
                                           CLOSE, PING, PONG */
    unsigned char    first;             /* data: the message starts here */
    unsigned char    last;              /* data: the message is complete */
    unsigned char    compressed;        /* data: and UTF-8 is not checked */
    uint16_t         code;              /* FAIL: 1002, 1007, 1009;
                                           CLOSE: the peer's code, 1005: none */
    unsigned char   *data;              /* in the caller's buffer, or, for a
                                           control frame, in control */
    size_t           len;               /* may be 0; CLOSE: the reason only */
} chat_ws_event_t;


/* max: the largest message in bytes, over all its fragments */
void chat_ws_init(chat_ws_parser_t *p, uint64_t max);

/*
 * Consumes bytes from *pos up to end until there is an event, and moves *pos.
 * To be called again with the rest until CHAT_WS_AGAIN.  The checks of RFC 6455
 * 5.2 to 5.5 and 7.4 are made at the first byte that shows the fault, before
 * payload is consumed: mask missing, reserved bits or opcodes, control frames
 * over 125 bytes or fragmented, fragments out of place, a length not in its
 * shortest form or with the top bit set: 1002; more than max (or, compressed,
 * than what max bytes can become): 1009; text or a
 * close reason that is no UTF-8: 1007; a close body of one byte or with a code
 * that may not be on the wire: 1002.  Whatever follows a close frame or a
 * failure is consumed and ignored.
 */
int chat_ws_parse(chat_ws_parser_t *p, unsigned char **pos, unsigned char *end,
    chat_ws_event_t *event);

/*
 * Writes the header of an unfragmented, unmasked frame; returns its length (2,
 * 4 or 10).
 */
size_t chat_ws_header(unsigned char out[CHAT_WS_MAX_HEADER], unsigned opcode,
    uint64_t len);

/* 1 if a close frame on the wire may carry code: 1000 to 1003, 1007 to 1011,
   3000 to 4999 */
int chat_ws_close_code(unsigned code);


#endif /* CHAT_WS_H */
