/*
 * Frames and outboxes: see the header.
 */

#include "ngx_http_chat_frame.h"


ngx_http_chat_frame_t *
ngx_http_chat_frame_create(size_t len)
{
    ngx_http_chat_frame_t  *frame;

    frame = ngx_alloc(sizeof(ngx_http_chat_frame_t) + len, ngx_cycle->log);
    if (frame == NULL) {
        return NULL;
    }

    frame->refs = 1;
    frame->len = 0;
    frame->head = 0;

    return frame;
}


void
ngx_http_chat_frame_seal(ngx_http_chat_frame_t *frame, u_char *last,
    ngx_uint_t opcode)
{
    u_char  header[CHAT_WS_MAX_HEADER];

    frame->len = (uint32_t) (last - ngx_http_chat_frame_text(frame));
    frame->head = (uint32_t) chat_ws_header(header, (unsigned) opcode,
                                            frame->len);

    ngx_memcpy(ngx_http_chat_frame_text(frame) - frame->head, header,
               frame->head);
}


ngx_http_chat_frame_t *
ngx_http_chat_frame_text_of(ngx_uint_t n, const ngx_str_t *pieces)
{
    u_char                 *p;
    size_t                  len;
    ngx_uint_t              i;
    ngx_http_chat_frame_t  *frame;

    len = 0;

    for (i = 0; i < n; i++) {
        len += pieces[i].len;
    }

    frame = ngx_http_chat_frame_create(len);
    if (frame == NULL) {
        return NULL;
    }

    p = ngx_http_chat_frame_text(frame);

    for (i = 0; i < n; i++) {
        p = ngx_cpymem(p, pieces[i].data, pieces[i].len);
    }

    ngx_http_chat_frame_seal(frame, p, CHAT_WS_TEXT);

    return frame;
}


void
ngx_http_chat_frame_unref(ngx_http_chat_frame_t *frame)
{
    if (frame && --frame->refs == 0) {
        ngx_free(frame);
    }
}


ngx_int_t
ngx_http_chat_outbox_push(ngx_http_chat_outbox_t *box,
    ngx_http_chat_frame_t *frame)
{
    uint32_t                 i, size;
    ngx_http_chat_frame_t  **ring;

    if (box->n == box->size) {
        size = box->size ? box->size * 2 : 4;

        ring = ngx_alloc(size * sizeof(void *), ngx_cycle->log);
        if (ring == NULL) {
            return NGX_ERROR;
        }

        for (i = 0; i < box->n; i++) {
            ring[i] = ngx_http_chat_outbox_get(box, i);
        }

        if (box->ring) {
            ngx_free(box->ring);
        }

        box->ring = ring;
        box->size = size;
        box->first = 0;
    }

    box->ring[(box->first + box->n) & (box->size - 1)] = frame;
    box->n++;
    box->bytes += frame->head + frame->len;

    frame->refs++;

    return NGX_OK;
}


ngx_http_chat_frame_t *
ngx_http_chat_outbox_get(ngx_http_chat_outbox_t *box, ngx_uint_t i)
{
    return box->ring[(box->first + i) & (box->size - 1)];
}


void
ngx_http_chat_outbox_shift(ngx_http_chat_outbox_t *box)
{
    ngx_http_chat_frame_t  *frame;

    frame = box->ring[box->first];

    box->first = (box->first + 1) & (box->size - 1);
    box->n--;
    box->bytes -= frame->head + frame->len;
    box->sent = 0;

    ngx_http_chat_frame_unref(frame);

    if (box->n == 0) {
        ngx_free(box->ring);
        ngx_memzero(box, sizeof(ngx_http_chat_outbox_t));
    }
}


void
ngx_http_chat_outbox_clear(ngx_http_chat_outbox_t *box)
{
    while (box->n) {
        ngx_http_chat_outbox_shift(box);
    }
}
