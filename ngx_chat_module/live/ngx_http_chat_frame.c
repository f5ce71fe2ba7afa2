/*
 * Frames and outboxes: see the header.
 */

#include "ngx_http_chat_hub.h"


#define NGX_HTTP_CHAT_BATCH_MIN    1024
#define NGX_HTTP_CHAT_BATCH_MAX    16384
#define NGX_HTTP_CHAT_OUTBOX_MIN   8
#define NGX_HTTP_CHAT_RING         16             /* the size that is kept */
#define NGX_HTTP_CHAT_RINGS        1024           /* so many of them */

/*
 * Shorter ones gain a few bytes at most, which fit into the same packet of the
 * network; nor is any control frame as long.
 */
#define NGX_HTTP_CHAT_DEFLATE_MIN  128


static u_char *ngx_http_chat_batch_get(ngx_http_chat_frame_t *frame,
    size_t len);
static void ngx_http_chat_batch_close(void);
static void ngx_http_chat_batch_unref(ngx_http_chat_batch_t *batch);
static ngx_http_chat_frame_t *ngx_http_chat_frame_deflate(
    ngx_http_chat_frame_t *frame);
static void *ngx_http_chat_ring_alloc(uint32_t *size);
static void ngx_http_chat_ring_free(void *ring, uint32_t size);


ngx_http_chat_frame_t *
ngx_http_chat_frame_create(size_t len)
{
    ngx_http_chat_frame_t  *frame;

    frame = ngx_alloc(sizeof(ngx_http_chat_frame_t) + CHAT_WS_MAX_HEADER + len,
                      ngx_cycle->log);
    if (frame == NULL) {
        return NULL;
    }

    frame->refs = 1;
    frame->len = 0;
    frame->head = 0;
    frame->batch = NULL;
    frame->twin = NULL;
    frame->text = (u_char *) (frame + 1) + CHAT_WS_MAX_HEADER;

    return frame;
}


void
ngx_http_chat_frame_seal(ngx_http_chat_frame_t *frame, u_char *last,
    ngx_uint_t opcode)
{
    u_char  header[CHAT_WS_MAX_HEADER];

    frame->len = (uint32_t) (last - frame->text);
    frame->head = (uint32_t) chat_ws_header(header, (unsigned) opcode,
                                            frame->len);

    ngx_memcpy(frame->text - frame->head, header, frame->head);
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

    p = frame->text;

    for (i = 0; i < n; i++) {
        p = ngx_cpymem(p, pieces[i].data, pieces[i].len);
    }

    ngx_http_chat_frame_seal(frame, p, CHAT_WS_TEXT);

    return frame;
}


ngx_http_chat_frame_t *
ngx_http_chat_frame_batched(ngx_uint_t n, const ngx_str_t *pieces)
{
    u_char                 *p, header[CHAT_WS_MAX_HEADER];
    size_t                  len, head;
    ngx_uint_t              i;
    ngx_http_chat_frame_t  *frame;

    len = 0;

    for (i = 0; i < n; i++) {
        len += pieces[i].len;
    }

    head = chat_ws_header(header, CHAT_WS_TEXT, len);

    if (head + len > NGX_HTTP_CHAT_BATCH_MAX / 4) {
        return ngx_http_chat_frame_text_of(n, pieces);
    }

    frame = ngx_alloc(sizeof(ngx_http_chat_frame_t), ngx_cycle->log);
    if (frame == NULL) {
        return NULL;
    }

    p = ngx_http_chat_batch_get(frame, head + len);

    if (p == NULL) {
        ngx_free(frame);
        return NULL;
    }

    p = ngx_cpymem(p, header, head);

    frame->refs = 1;
    frame->twin = NULL;
    frame->len = (uint32_t) len;
    frame->head = (uint32_t) head;
    frame->text = p;

    for (i = 0; i < n; i++) {
        p = ngx_cpymem(p, pieces[i].data, pieces[i].len);
    }

    return frame;
}


/* at first as much as turns of late have used is allocated */

static u_char *
ngx_http_chat_batch_get(ngx_http_chat_frame_t *frame, size_t len)
{
    size_t                   size;
    ngx_http_chat_batch_t   *batch;
    ngx_http_chat_worker_t  *worker;

    worker = ngx_http_chat_worker;
    batch = worker->batch;

    if (batch == NULL || batch->size - batch->used < len) {
        size = batch ? NGX_HTTP_CHAT_BATCH_MAX
                     : ngx_min(worker->batch_used, NGX_HTTP_CHAT_BATCH_MAX);
        size = ngx_max(size, NGX_HTTP_CHAT_BATCH_MIN);
        size = ngx_max(size, len);

        ngx_http_chat_batch_close();

        batch = ngx_alloc(sizeof(ngx_http_chat_batch_t) + size, worker->log);
        if (batch == NULL) {
            return NULL;
        }

        batch->refs = 1;
        batch->size = (uint32_t) size;
        batch->used = 0;

        worker->batch = batch;
    }

    batch->refs++;
    frame->batch = batch;

    batch->used += (uint32_t) len;

    return (u_char *) (batch + 1) + batch->used - len;
}


static void
ngx_http_chat_batch_close(void)
{
    ngx_http_chat_worker_t  *worker;

    worker = ngx_http_chat_worker;

    if (worker->batch) {
        worker->batch_turn += worker->batch->used;
        ngx_http_chat_batch_unref(worker->batch);
        worker->batch = NULL;
    }
}


/* the most that a turn used is forgotten in about ten */

void
ngx_http_chat_batch_end(void)
{
    ngx_http_chat_worker_t  *worker;

    worker = ngx_http_chat_worker;

    if (worker->batch) {
        ngx_http_chat_batch_close();

        worker->batch_used = ngx_max(worker->batch_turn,
                                     worker->batch_used
                                     - worker->batch_used / 8);
        worker->batch_turn = 0;
    }
}


static void
ngx_http_chat_batch_unref(ngx_http_chat_batch_t *batch)
{
    if (--batch->refs == 0) {
        ngx_free(batch);
    }
}


ngx_http_chat_frame_t *
ngx_http_chat_frame_deflated(ngx_http_chat_frame_t *frame, ngx_uint_t window)
{
    if (frame->len < NGX_HTTP_CHAT_DEFLATE_MIN
        || !chat_deflate_fits(frame->len, window))
    {
        return frame;
    }

    if (frame->twin == NULL) {
        frame->twin = ngx_http_chat_frame_deflate(frame);
    }

    return frame->twin;
}


static ngx_http_chat_frame_t *
ngx_http_chat_frame_deflate(ngx_http_chat_frame_t *frame)
{
    u_char                 *packed;
    size_t                  len;
    ngx_http_chat_frame_t  *twin;

    twin = NULL;

    packed = ngx_alloc(frame->len, ngx_cycle->log);
    if (packed == NULL) {
        return frame;
    }

    len = chat_deflate_pack(ngx_http_chat_worker->deflate,
                            (chat_str_t) { frame->len, frame->text }, packed);

    if (len) {
        twin = ngx_http_chat_frame_create(len);
    }

    if (twin) {
        ngx_http_chat_frame_seal(twin, ngx_cpymem(twin->text, packed, len),
                                 CHAT_WS_TEXT|CHAT_WS_RSV1);
    }

    ngx_free(packed);

    return twin ? twin : frame;
}


void
ngx_http_chat_frame_unref(ngx_http_chat_frame_t *frame)
{
    if (frame && --frame->refs == 0) {

        if (frame->twin != frame) {
            ngx_http_chat_frame_unref(frame->twin);
        }

        if (frame->batch) {
            ngx_http_chat_batch_unref(frame->batch);
        }

        ngx_free(frame);
    }
}


ngx_int_t
ngx_http_chat_outbox_push(ngx_http_chat_outbox_t *box,
    ngx_http_chat_frame_t *frame)
{
    uint32_t                 i, size;
    ngx_http_chat_frame_t  **ring;

    if (box->n && box->n >= box->size) {
        size = box->size ? box->size * 2 : NGX_HTTP_CHAT_OUTBOX_MIN;

        ring = ngx_http_chat_ring_alloc(&size);
        if (ring == NULL) {
            return NGX_ERROR;
        }

        for (i = 0; i < box->n; i++) {
            ring[i] = ngx_http_chat_outbox_get(box, i);
        }

        if (box->size) {
            ngx_http_chat_ring_free(box->ring, box->size);
        }

        box->ring = ring;
        box->size = size;
        box->first = 0;
    }

    if (box->size) {
        box->ring[(box->first + box->n) & (box->size - 1)] = frame;

    } else {
        box->one = frame;
    }

    box->n++;
    box->bytes += frame->head + frame->len;

    frame->refs++;

    return NGX_OK;
}


/*
 * Turns with many messages take one for each receiver, and then give them all
 * back.  So those that had to grow are kept, up to a number, and are the first
 * ones from then on.
 */

static void *
ngx_http_chat_ring_alloc(uint32_t *size)
{
    void                    **ring;
    ngx_http_chat_worker_t   *worker;

    worker = ngx_http_chat_worker;

    if (*size > NGX_HTTP_CHAT_RING || worker->rings == NULL) {
        return ngx_alloc(*size * sizeof(void *), worker->log);
    }

    *size = NGX_HTTP_CHAT_RING;

    ring = worker->rings;
    worker->rings = *ring;
    worker->nrings--;

    return ring;
}


static void
ngx_http_chat_ring_free(void *ring, uint32_t size)
{
    ngx_http_chat_worker_t  *worker;

    worker = ngx_http_chat_worker;

    if (size != NGX_HTTP_CHAT_RING || worker->nrings == NGX_HTTP_CHAT_RINGS) {
        ngx_free(ring);
        return;
    }

    *(void **) ring = worker->rings;
    worker->rings = ring;
    worker->nrings++;
}


ngx_http_chat_frame_t *
ngx_http_chat_outbox_get(ngx_http_chat_outbox_t *box, ngx_uint_t i)
{
    return box->size ? box->ring[(box->first + i) & (box->size - 1)]
                     : box->one;
}


void
ngx_http_chat_outbox_shift(ngx_http_chat_outbox_t *box)
{
    ngx_http_chat_frame_t  *frame;

    frame = ngx_http_chat_outbox_get(box, 0);

    box->first = (box->first + 1) & (box->size - 1);
    box->n--;
    box->bytes -= frame->head + frame->len;
    box->sent = 0;

    ngx_http_chat_frame_unref(frame);

    if (box->n == 0) {
        if (box->size) {
            ngx_http_chat_ring_free(box->ring, box->size);
        }

        ngx_memzero(box, sizeof(ngx_http_chat_outbox_t));
    }
}


void
ngx_http_chat_outbox_exit(void)
{
    void                    **ring;
    ngx_http_chat_worker_t   *worker;

    worker = ngx_http_chat_worker;

    while (worker->rings) {
        ring = worker->rings;
        worker->rings = *ring;
        ngx_free(ring);
    }
}


void
ngx_http_chat_outbox_clear(ngx_http_chat_outbox_t *box)
{
    while (box->n) {
        ngx_http_chat_outbox_shift(box);
    }
}
