/*
 * chat_eio: packets and payloads.  The packets of a payload, joined again, are
 * the payload; and there are as many as separators allow.
 */

#include "chat_eio.h"
#include "fuzz.h"


static int is_type(unsigned type);


int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
    int                   rc, good;
    size_t                i, n, start;
    chat_str_t            payload, rest;
    unsigned char         nothing;
    chat_eio_packet_t     packet;

    payload = fuzz_text(data, len);

    memset(&packet, 0xa5, sizeof(packet));
    rc = chat_eio_packet(payload, &packet);
    check((rc == CHAT_OK) == (len && is_type(data[0])));

    if (rc == CHAT_OK) {
        check(packet.type == data[0] && packet.data.len == len - 1);
        check(fuzz_within(packet.data, payload));
    }

    rest = payload;

    if (len == 0) {
        rest.data = &nothing;
    }

    n = 0;
    start = 0;

    /* once behind each packet: i is at its end */

    for (i = 0; i <= len; i++) {

        if (i < len && data[i] != CHAT_EIO_SEPARATOR) {
            continue;
        }

        good = i > start && is_type(data[start]);
        rc = chat_eio_next(&rest, &packet);
        check((rc == CHAT_OK) == good && (good || rc == CHAT_ERROR));

        if (!good) {
            check(chat_eio_next(&rest, &packet) == CHAT_ERROR);
            break;
        }

        check(packet.type == data[start]);
        check(packet.data.len == i - start - 1);
        check(packet.data.data == payload.data + start + 1);
        check(rest.data == NULL || fuzz_within(rest, payload));

        start = i + 1;
        n++;
    }

    if (i > len) {
        check(chat_eio_next(&rest, &packet) == CHAT_DONE && rest.data == NULL);
        check(chat_eio_next(&rest, &packet) == CHAT_DONE);
    }

    check(n <= len / 2 + 1);

    fuzz_free(payload);

    return 0;
}


static int
is_type(unsigned type)
{
    return type && strchr("0123456b", (int) type) != NULL;
}
