/*
 * A WebSocket connection, twice: conn_module() has proto/ read a stream of
 * bytes, and does with it what the module does (live/ngx_http_chat_input.c,
 * _session.c and _socket.c, in this order, less nginx and Redis); conn_model()
 * is given the frames as they are meant.  Both note what happens in a log.
 */

#ifndef CONN_H
#define CONN_H

#include "fuzz.h"


#define CONN_LOG   (1 << 18)


typedef struct {
    unsigned        deflate;            /* negotiated */
    unsigned        probes;             /* it upgrades a polling session */
    size_t          max;                /* chat_max_payload */
} conn_setup_t;


typedef struct {
    unsigned        first;              /* its first byte */
    unsigned        masked;
    unsigned        form;               /* of the length: 0: the shortest, 2 or
                                           8 bytes */
    unsigned        top;                /* its top bit is set */
    uint64_t        len;
    chat_str_t      payload;            /* of the last one, it may be less */
} conn_frame_t;


typedef struct {
    size_t          len;
    unsigned char   data[CONN_LOG];
} conn_log_t;


/* kind: (p)ong, (c)lose with a code, its (r)eceipt, a fault (x) behind it,
   (g) 3probe, (u)pgraded, (k) 40, (n)amespace refused, (e)vent and its
   (a)rguments, (d)isconnect, (h)eartbeat, (m) a message's beginning */
static inline void
conn_note(conn_log_t *log, unsigned char kind, chat_str_t text)
{
    check(log->len + 1 + sizeof(size_t) + text.len <= sizeof(log->data));

    log->data[log->len++] = kind;
    memcpy(log->data + log->len, &text.len, sizeof(size_t));
    log->len += sizeof(size_t);

    if (text.len) {
        memcpy(log->data + log->len, text.data, text.len);
        log->len += text.len;
    }
}


static inline void
conn_note_code(conn_log_t *log, unsigned code)
{
    unsigned char  bytes[2];

    bytes[0] = (unsigned char) (code >> 8);
    bytes[1] = (unsigned char) code;

    conn_note(log, 'c', (chat_str_t) { 2, bytes });
}


/* cut: what chooses the pieces that the bytes come in */
void conn_module(const conn_setup_t *setup, chat_str_t stream, unsigned cut,
    conn_log_t *log);

void conn_model(const conn_setup_t *setup, const conn_frame_t *frames,
    size_t n, conn_log_t *log);


#endif /* CONN_H */
