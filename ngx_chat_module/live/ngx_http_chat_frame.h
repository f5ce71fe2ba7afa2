/*
 * What is sent: a packet is encoded once, into a frame that all its receivers
 * share by reference, and queued on each one's outbox as a pointer.
 *
 * A frame holds an Engine.IO packet (or the payload of a WebSocket control
 * frame, or a piece of an event stream) with the WebSocket header in front of
 * it, so that the same bytes serve WebSocket and polling.
 */

#ifndef NGX_HTTP_CHAT_FRAME_H
#define NGX_HTTP_CHAT_FRAME_H

#include "../ngx_http_chat_module.h"
#include "../proto/chat_ws.h"


typedef struct {
    uint32_t                      refs;
    uint32_t                      size;
    uint32_t                      used;
    /* the frames' bytes follow */
} ngx_http_chat_batch_t;


typedef struct {
    uint32_t                      refs;
    uint32_t                      len;            /* of the packet */
    uint32_t                      head;           /* of the header before it */
    ngx_http_chat_batch_t        *batch;          /* NULL: the bytes are behind
                                                     this */
    void                         *twin;           /* the same, compressed, or
                                                     this one: it can't be */
    u_char                       *text;           /* the packet's bytes; the
                                                     header ends there */
} ngx_http_chat_frame_t;


/*
 * A queue of references to frames.  Its ring is allocated with the second frame
 * and freed with the last.
 */
typedef struct {
    union {
        ngx_http_chat_frame_t    *one;            /* size 0 */
        ngx_http_chat_frame_t   **ring;
    };
    uint32_t                      size;           /* a power of two, or 0 */
    uint32_t                      first;
    uint32_t                      n;
    uint32_t                      sent;           /* bytes of the first frame */
    size_t                        bytes;
} ngx_http_chat_outbox_t;


/* a frame with one reference and room for a packet of len bytes */
ngx_http_chat_frame_t *ngx_http_chat_frame_create(size_t len);

/* the packet is written and ends at last: writes the header; opcode of ws.h */
void ngx_http_chat_frame_seal(ngx_http_chat_frame_t *frame, u_char *last,
    ngx_uint_t opcode);

/* a text frame of n pieces put together */
ngx_http_chat_frame_t *ngx_http_chat_frame_text_of(ngx_uint_t n,
    const ngx_str_t *pieces);

/*
 * The same, for many receivers: the frames of one turn of the event loop lie
 * behind each other in memory, so that whoever gets several of them is sent
 * them as one piece.  _batch_end is called at the end of the turn.
 */
ngx_http_chat_frame_t *ngx_http_chat_frame_batched(ngx_uint_t n,
    const ngx_str_t *pieces);
void ngx_http_chat_batch_end(void);

/*
 * What a receiver with permessage-deflate and a window of so many bits is sent:
 * a frame's compressed twin, made at the first of them and kept by the frame,
 * or the frame itself, where that does not pay.  No reference is taken.
 */
ngx_http_chat_frame_t *ngx_http_chat_frame_deflated(
    ngx_http_chat_frame_t *frame, ngx_uint_t window);

void ngx_http_chat_frame_unref(ngx_http_chat_frame_t *frame);


/* takes a reference of its own */
ngx_int_t ngx_http_chat_outbox_push(ngx_http_chat_outbox_t *box,
    ngx_http_chat_frame_t *frame);
ngx_http_chat_frame_t *ngx_http_chat_outbox_get(ngx_http_chat_outbox_t *box,
    ngx_uint_t i);

/* drops the first frame */
void ngx_http_chat_outbox_shift(ngx_http_chat_outbox_t *box);
void ngx_http_chat_outbox_clear(ngx_http_chat_outbox_t *box);

/* the worker ends: no outbox has anything in it any more */
void ngx_http_chat_outbox_exit(void);


#endif /* NGX_HTTP_CHAT_FRAME_H */
