/*
 * Socket.IO packets.  All slices point into the caller's text.
 *
 * The model is socket.io-parser 4.2 with its isPacketValid(); what it takes for
 * a number by JavaScript's rules ("5 1-", "50x1-", a blank for an ack id) is
 * refused here, where only digits are digits.
 */

#include <limits.h>

#include "chat_sio.h"
#include "chat_utf8.h"


#define CHAT_SIO_MAX_ATTACHMENTS  10    /* digits */

#define chat_sio_is_digit(ch)  ((ch) >= '0' && (ch) <= '9')


static const unsigned char *chat_sio_attachments(const unsigned char *p,
    const unsigned char *end, chat_sio_packet_t *packet);
static const unsigned char *chat_sio_nsp(const unsigned char *p,
    const unsigned char *end, chat_sio_packet_t *packet);
static int chat_sio_valid(const chat_sio_packet_t *packet);
static int chat_sio_event_valid(const chat_json_t *data);


int
chat_sio_parse(chat_str_t text, chat_sio_packet_t *packet)
{
    chat_str_t            rest;
    const unsigned char  *p, *end;

    if (text.len == 0) {
        return CHAT_ERROR;
    }

    p = text.data;
    end = p + text.len;

    packet->type = *p++;
    packet->attachments = 0;
    packet->nsp = chat_str("/");
    packet->data.type = CHAT_JSON_NONE;
    packet->data.raw.len = 0;
    packet->data.raw.data = NULL;

    if (packet->type < CHAT_SIO_CONNECT
        || packet->type > CHAT_SIO_BINARY_ACK)
    {
        return CHAT_ERROR;
    }

    if (packet->type >= CHAT_SIO_BINARY_EVENT) {
        p = chat_sio_attachments(p, end, packet);
        if (p == NULL) {
            return CHAT_ERROR;
        }
    }

    if (p < end && *p == '/') {
        p = chat_sio_nsp(p, end, packet);
        if (p == NULL) {
            return CHAT_ERROR;
        }
    }

    packet->ack.data = p;

    while (p < end && chat_sio_is_digit(*p)) {
        p++;
    }

    packet->ack.len = (size_t) (p - packet->ack.data);

    if (packet->ack.len > CHAT_SIO_MAX_ACK) {
        return CHAT_ERROR;
    }

    if (p < end) {

        /* JSON may begin with white space, but the head takes that for 0 */

        rest.data = p;
        rest.len = (size_t) (end - p);

        if (*p <= 0x20 || chat_json_check(rest, &packet->data) != CHAT_OK) {
            return CHAT_ERROR;
        }
    }

    return chat_sio_valid(packet) ? CHAT_OK : CHAT_ERROR;
}


/* a number from 1 on and "-"; the end, or NULL */
static const unsigned char *
chat_sio_attachments(const unsigned char *p, const unsigned char *end,
    chat_sio_packet_t *packet)
{
    uint64_t              n;
    const unsigned char  *start;

    start = p;
    n = 0;

    while (p < end && chat_sio_is_digit(*p)) {

        if (p - start == CHAT_SIO_MAX_ATTACHMENTS) {
            return NULL;
        }

        n = n * 10 + (uint64_t) (*p++ - '0');
    }

    if (n == 0 || p == end || *p != '-') {
        return NULL;
    }

    packet->attachments = n > UINT_MAX ? UINT_MAX : (unsigned) n;

    return p + 1;
}


/* a namespace and its comma, which may be missing at the end of the packet */
static const unsigned char *
chat_sio_nsp(const unsigned char *p, const unsigned char *end,
    chat_sio_packet_t *packet)
{
    chat_str_t            nsp;
    const unsigned char  *comma, *query;

    comma = memchr(p, ',', (size_t) (end - p));

    nsp.data = p;
    nsp.len = (size_t) ((comma ? comma : end) - p);

    query = memchr(nsp.data, '?', nsp.len);

    if (query) {
        nsp.len = (size_t) (query - nsp.data);
    }

    /* it is sent back in answers, which have to be UTF-8 */

    if (nsp.len > CHAT_SIO_MAX_NSP || chat_utf8_check(nsp) != CHAT_OK) {
        return NULL;
    }

    packet->nsp = nsp;

    return comma ? comma + 1 : end;
}


/* whether the packet's type goes with what it carries */
static int
chat_sio_valid(const chat_sio_packet_t *packet)
{
    chat_json_type_t  type;

    type = packet->data.type;

    switch (packet->type) {

    case CHAT_SIO_CONNECT:
        return type == CHAT_JSON_NONE || type == CHAT_JSON_OBJECT;

    case CHAT_SIO_DISCONNECT:
        return type == CHAT_JSON_NONE;

    case CHAT_SIO_CONNECT_ERROR:
        return type == CHAT_JSON_OBJECT || type == CHAT_JSON_STRING;

    case CHAT_SIO_EVENT:
    case CHAT_SIO_BINARY_EVENT:
        return type == CHAT_JSON_ARRAY && chat_sio_event_valid(&packet->data);

    default: /* CHAT_SIO_ACK, CHAT_SIO_BINARY_ACK */
        return type == CHAT_JSON_ARRAY && packet->ack.len;
    }
}


static int
chat_sio_event_valid(const chat_json_t *data)
{
    size_t            i;
    chat_json_t       name;
    chat_json_iter_t  it;

    static const chat_str_t  reserved[] = {
        { sizeof("connect") - 1, (const unsigned char *) "connect" },
        { sizeof("connect_error") - 1,
          (const unsigned char *) "connect_error" },
        { sizeof("disconnect") - 1, (const unsigned char *) "disconnect" },
        { sizeof("disconnecting") - 1,
          (const unsigned char *) "disconnecting" },
        { sizeof("newListener") - 1, (const unsigned char *) "newListener" },
        { sizeof("removeListener") - 1,
          (const unsigned char *) "removeListener" }
    };

    chat_json_iter(&it, data);

    if (!chat_json_next(&it, NULL, &name)) {
        return 0;
    }

    if (name.type != CHAT_JSON_STRING) {
        return name.type == CHAT_JSON_NUMBER;
    }

    for (i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
        if (chat_json_string_eq(&name, reserved[i])) {
            return 0;
        }
    }

    return 1;
}


void
chat_sio_event(const chat_sio_packet_t *packet, chat_sio_event_t *event)
{
    chat_json_iter(&event->args, &packet->data);
    (void) chat_json_next(&event->args, NULL, &event->name);
}
