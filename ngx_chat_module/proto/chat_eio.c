/*
 * Engine.IO packets, payloads and query strings.  All slices point into the
 * caller's text.
 */

#include "chat_eio.h"
#include "chat_http.h"


static unsigned chat_eio_version(chat_str_t text);


int
chat_eio_packet(chat_str_t text, chat_eio_packet_t *packet)
{
    if (text.len == 0) {
        return CHAT_ERROR;
    }

    packet->type = text.data[0];

    if ((packet->type < CHAT_EIO_OPEN || packet->type > CHAT_EIO_NOOP)
        && packet->type != CHAT_EIO_BINARY)
    {
        return CHAT_ERROR;
    }

    packet->data.data = text.data + 1;
    packet->data.len = text.len - 1;

    return CHAT_OK;
}


int
chat_eio_next(chat_str_t *payload, chat_eio_packet_t *packet)
{
    chat_str_t            text;
    const unsigned char  *separator;

    if (payload->data == NULL) {
        return CHAT_DONE;
    }

    text = *payload;
    separator = text.len ? memchr(text.data, CHAT_EIO_SEPARATOR, text.len)
                         : NULL;

    if (separator) {
        text.len = (size_t) (separator - text.data);
    }

    if (chat_eio_packet(text, packet) != CHAT_OK) {
        return CHAT_ERROR;
    }

    if (separator) {
        payload->data = separator + 1;
        payload->len -= text.len + 1;

    } else {
        payload->data = NULL;
        payload->len = 0;
    }

    return CHAT_OK;
}


void
chat_eio_query(chat_str_t args, chat_eio_query_t *query)
{
    int         version, transport, sid;
    chat_str_t  name, value;

    query->transport = CHAT_EIO_NO_TRANSPORT;
    query->version = 0;
    query->sid.len = 0;
    query->sid.data = NULL;

    version = 0;
    transport = 0;
    sid = 0;

    while (chat_query_next(&args, &name, &value) == CHAT_OK) {

        if (!version && chat_str_eq(name, chat_str("EIO"))) {
            version = 1;
            query->version = chat_eio_version(value);

        } else if (!transport && chat_str_eq(name, chat_str("transport"))) {
            transport = 1;

            if (chat_str_eq(value, chat_str("polling"))) {
                query->transport = CHAT_EIO_POLLING;

            } else if (chat_str_eq(value, chat_str("websocket"))) {
                query->transport = CHAT_EIO_WEBSOCKET;
            }

        } else if (!sid && chat_str_eq(name, chat_str("sid"))) {
            sid = 1;
            query->sid = value;
        }
    }
}


/* what isn't a plain small number is no version that there will ever be */
static unsigned
chat_eio_version(chat_str_t text)
{
    size_t    i;
    unsigned  n;

    if (text.len == 0 || text.len > 4 || text.data[0] == '0') {
        return 0;
    }

    n = 0;

    for (i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return 0;
        }

        n = n * 10 + (unsigned) (text.data[i] - '0');
    }

    return n;
}
