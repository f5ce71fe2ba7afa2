/*
 * chat_sio against the model; what it takes is written again from its parts,
 * and read again as the same.
 */

#include <limits.h>

#include "chat_sio.h"
#include "chat_utf8.h"
#include "model.h"


static void parts(const chat_sio_packet_t *p, const model_sio_t *want,
    chat_str_t text);
static void again(const chat_sio_packet_t *p, size_t len);


int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
    int                good;
    size_t             n;
    chat_str_t         text;
    model_sio_t        want;
    chat_json_t        arg;
    chat_sio_event_t   event;
    chat_sio_packet_t  p;

    memset(&p, 0xa5, sizeof(p));

    text = fuzz_text(data, len);
    good = chat_sio_parse(text, &p) == CHAT_OK;

    check(good == model_sio(text, &want));

    if (good) {
        parts(&p, &want, text);
        again(&p, len);
    }

    if (good && (p.type == CHAT_SIO_EVENT || p.type == CHAT_SIO_BINARY_EVENT)) {

        chat_sio_event(&p, &event);

        check(event.name.type == CHAT_JSON_STRING
              || event.name.type == CHAT_JSON_NUMBER);
        check(fuzz_within(event.name.raw, p.data.raw));

        n = 2 + event.name.raw.len;

        while (chat_json_next(&event.args, NULL, &arg)) {
            check(fuzz_within(arg.raw, p.data.raw));
            check(chat_json_check(arg.raw, NULL) == CHAT_OK);
            n += 1 + arg.raw.len;
        }

        check(n <= p.data.raw.len);
    }

    fuzz_free(text);

    return 0;
}


static void
parts(const chat_sio_packet_t *p, const model_sio_t *want, chat_str_t text)
{
    chat_str_t  data;

    check(p->type == want->type);
    check(p->attachments == (want->attachments > UINT_MAX
                             ? UINT_MAX : want->attachments));
    check(chat_str_eq(p->nsp, want->nsp) && chat_str_eq(p->ack, want->ack));

    check(p->nsp.len && p->nsp.len <= CHAT_SIO_MAX_NSP);
    check(chat_utf8_check(p->nsp) == CHAT_OK);
    check(fuzz_within(p->ack, text) && p->ack.len <= CHAT_SIO_MAX_ACK);

    /* JSON comes without the white space behind it */

    data = want->data;

    while (data.len && data.data[data.len - 1] <= ' ') {
        data.len--;
    }

    check(chat_str_eq(p->data.raw, data));
    check((p->data.type == CHAT_JSON_NONE) == (data.len == 0));
}


static void
again(const chat_sio_packet_t *p, size_t len)
{
    char               attachments[16];
    chat_str_t         text;
    unsigned char     *out, *pos;
    chat_sio_packet_t  q;

    pos = fuzz_alloc(len + sizeof(attachments) + p->nsp.len);
    out = pos;

    snprintf(attachments, sizeof(attachments), "%u-", p->attachments);

    *pos++ = p->type;
    pos = (unsigned char *)
          stpcpy((char *) pos, p->attachments ? attachments : "");
    memcpy(pos, p->nsp.data, p->nsp.len);
    pos += p->nsp.len;
    *pos++ = ',';

    if (p->ack.len) {
        memcpy(pos, p->ack.data, p->ack.len);
        pos += p->ack.len;
    }

    if (p->data.raw.len) {
        memcpy(pos, p->data.raw.data, p->data.raw.len);
        pos += p->data.raw.len;
    }

    text = fuzz_text(out, (size_t) (pos - out));
    free(out);

    check(chat_sio_parse(text, &q) == CHAT_OK);
    check(q.type == p->type && q.attachments == p->attachments);
    check(chat_str_eq(q.nsp, p->nsp) && chat_str_eq(q.ack, p->ack));
    check(q.data.type == p->data.type);
    check(chat_str_eq(q.data.raw, p->data.raw));

    fuzz_free(text);
}
