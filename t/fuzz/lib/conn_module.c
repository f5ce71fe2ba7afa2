/* A connection with proto/: see conn.h. */

#include "chat_deflate.h"
#include "chat_eio.h"
#include "chat_id.h"
#include "chat_sio.h"
#include "chat_ws.h"
#include "conn.h"


#define ROOM_BUF   512


typedef struct {
    const conn_setup_t  *setup;
    conn_log_t          *log;
    chat_ws_parser_t     parser;
    unsigned char       *message;       /* one in pieces */
    size_t               len;
    size_t               size;
    unsigned             close_sent;
    unsigned             close_received;
    unsigned             probed;
    unsigned             session;
    unsigned             connected;
    unsigned             spoken;
} conn_t;


static chat_str_t conn_process(conn_t *c, chat_str_t bytes);
static void conn_control(conn_t *c, const chat_ws_event_t *e);
static int conn_data(conn_t *c, const chat_ws_event_t *e);
static int conn_whole(conn_t *c, const chat_ws_event_t *e, unsigned char *data,
    size_t len);
static int conn_text(conn_t *c, chat_str_t text);
static int conn_packet(conn_t *c, chat_str_t text);
static int conn_socket(conn_t *c, chat_str_t text);
static void conn_event(conn_t *c, const chat_sio_packet_t *packet);
static void conn_room(const chat_json_t *value);
static int conn_close(conn_t *c, unsigned code);


static void *
conn_alloc(void *data, size_t len)
{
    (void) data;

    return fuzz_alloc(len);
}


static void
conn_give(void *data, void *block)
{
    (void) data;
    free(block);
}


void
conn_module(const conn_setup_t *setup, chat_str_t stream, unsigned cut,
    conn_log_t *log)
{
    size_t      n, at;
    conn_t      c;
    chat_str_t  piece, rest;

    memset(&c, 0, sizeof(c));
    c.setup = setup;
    c.log = log;
    c.session = !setup->probes;

    chat_ws_init(&c.parser, setup->max);
    c.parser.deflate = (unsigned char) setup->deflate;

    for (at = 0; at < stream.len && !c.close_received; at += n) {

        /* a few bytes, a TCP segment's or all */

        cut = cut * 1103515245 + 12345;
        n = cut >> 16 & 3;
        n = n == 0 ? 1 + (cut >> 20) % 16 : n == 1 ? 1 + (cut >> 20) % 1500
            : stream.len;
        n = n < stream.len - at ? n : stream.len - at;

        /* what is held back comes again, from a block of its own */

        for (piece = fuzz_text(stream.data + at, n); piece.len; piece = rest) {
            rest = conn_process(&c, piece);
            rest = fuzz_text(rest.data, rest.len);
            fuzz_free(piece);
        }

        fuzz_free(piece);
    }

    if (!c.close_sent && c.parser.message) {
        conn_note(log, 'm', (chat_str_t) { c.len, c.message });
    }

    free(c.parser.control);
    free(c.message);
}


/* what is not to be read for now */
static chat_str_t
conn_process(conn_t *c, chat_str_t bytes)
{
    int               hold;
    unsigned char    *pos, *end;
    chat_ws_event_t   event;

    pos = (unsigned char *) bytes.data;
    end = pos + bytes.len;

    while (!c->close_received) {
        memset(&event, 0xa5, sizeof(event));

        switch (chat_ws_parse(&c->parser, &pos, end, &event)) {

        case CHAT_WS_AGAIN:
            return (chat_str_t) { 0, NULL };

        case CHAT_WS_CONTROL:
            conn_control(c, &event);
            free(c->parser.control);
            c->parser.control = NULL;
            break;

        case CHAT_WS_STORE:
            c->parser.control = malloc(CHAT_WS_MAX_CONTROL);
            break;

        case CHAT_WS_DATA:
            if (c->close_sent) {
                break;
            }

            hold = conn_data(c, &event);

            if (hold && pos < end) {
                return (chat_str_t) { (size_t) (end - pos), pos };
            }

            break;

        default:
            if (c->close_sent) {
                conn_note(c->log, 'x', chat_str(""));
            }

            (void) conn_close(c, event.code);
            c->close_received = 1;
        }
    }

    return (chat_str_t) { 0, NULL };
}


static void
conn_control(conn_t *c, const chat_ws_event_t *e)
{
    if (e->opcode == CHAT_WS_CLOSE) {
        c->close_received = 1;

        if (c->close_sent) {
            conn_note(c->log, 'r', chat_str(""));
        }

        (void) conn_close(c, e->code);

    } else if (e->opcode == CHAT_WS_PING && !c->close_sent) {
        conn_note(c->log, 'p', (chat_str_t) { e->len, e->data });
    }
}


/* 1: hold back what follows */
static int
conn_data(conn_t *c, const chat_ws_event_t *e)
{
    int             hold;
    unsigned char  *message;

    if (e->first && e->last) {
        return conn_whole(c, e, e->data, e->len);
    }

    if (c->message == NULL || c->size - c->len < e->len) {
        c->size = c->size * 2 + e->len;
        c->message = realloc(c->message, c->size);
        check(c->message || c->size == 0);
    }

    if (e->len) {
        memcpy(c->message + c->len, e->data, e->len);
        c->len += e->len;
    }

    check(c->len <= c->setup->max + c->setup->max / 16 + 64);

    if (!e->last) {
        return 0;
    }

    message = (unsigned char *) fuzz_text(c->message, c->len).data;
    hold = conn_whole(c, e, message, c->len);
    free(message);

    free(c->message);
    c->message = NULL;
    c->len = 0;
    c->size = 0;

    return hold;
}


static int
conn_whole(conn_t *c, const chat_ws_event_t *e, unsigned char *data,
    size_t len)
{
    int             rc, hold;
    unsigned char  *text;

    static chat_deflate_t  *deflater;

    const chat_deflate_mem_t  mem = { conn_alloc, conn_give, NULL };

    if (e->opcode != CHAT_WS_TEXT) {
        return conn_close(c, 1003);
    }

    if (!e->compressed) {
        check(chat_utf8_check((chat_str_t) { len, data }) == CHAT_OK);
        return conn_text(c, (chat_str_t) { len, data });
    }

    if (deflater == NULL) {
        deflater = chat_deflate_create(&mem);
    }

    rc = chat_deflate_unpack(deflater, (chat_str_t) { len, data },
                             c->setup->max, &text, &len);

    if (rc != CHAT_OK) {
        return conn_close(c, rc == CHAT_DEFLATE_TOO_LONG ? 1009 : 1007);
    }

    check(len <= c->setup->max);

    hold = chat_utf8_check((chat_str_t) { len, text }) == CHAT_OK
           ? conn_text(c, (chat_str_t) { len, text }) : conn_close(c, 1007);

    free(text);

    return hold;
}


static int
conn_text(conn_t *c, chat_str_t text)
{
    if (c->session) {
        return conn_packet(c, text);
    }

    if (!c->probed && text.len == 6 && memcmp(text.data, "2probe", 6) == 0) {
        c->probed = 1;
        conn_note(c->log, 'g', chat_str(""));
        return 0;
    }

    if (c->probed && text.len == 1 && text.data[0] == '5') {
        c->session = 1;
        conn_note(c->log, 'u', chat_str(""));
        return 1;
    }

    return conn_close(c, 1002);
}


static int
conn_packet(conn_t *c, chat_str_t text)
{
    chat_eio_packet_t  packet;

    if (chat_eio_packet(text, &packet) != CHAT_OK) {
        return conn_close(c, 1002);
    }

    switch (packet.type) {

    case CHAT_EIO_MESSAGE:
        return conn_socket(c, packet.data);

    case CHAT_EIO_PONG:
        conn_note(c->log, 'h', chat_str(""));
        return 0;

    case CHAT_EIO_CLOSE:
        return conn_close(c, 1000);

    case CHAT_EIO_PING:
    case CHAT_EIO_BINARY:
        return conn_close(c, 1002);

    default:
        return 0;
    }
}


static int
conn_socket(conn_t *c, chat_str_t text)
{
    int                root;
    chat_sio_packet_t  packet;

    if (chat_sio_parse(text, &packet) != CHAT_OK) {
        return conn_close(c, 1002);
    }

    root = chat_str_eq(packet.nsp, chat_str("/"));

    if (packet.type == CHAT_SIO_CONNECT) {

        if (!root) {
            check(chat_utf8_check(packet.nsp) == CHAT_OK);
            conn_note(c->log, 'n', packet.nsp);
            return 0;
        }

        if (c->connected && (!c->setup->probes || c->spoken)) {
            return conn_close(c, 1002);
        }

        /* Redis is asked, and nothing is read meanwhile */

        c->connected = 1;
        conn_note(c->log, 'k', chat_str(""));
        return 1;
    }

    if (!root || !c->connected) {
        return conn_close(c, 1002);
    }

    switch (packet.type) {

    case CHAT_SIO_DISCONNECT:
        c->connected = 0;
        conn_note(c->log, 'd', chat_str(""));
        return 0;

    case CHAT_SIO_EVENT:
        c->spoken = 1;
        conn_event(c, &packet);
        return 0;

    case CHAT_SIO_ACK:
        return 0;

    default:
        return conn_close(c, 1002);
    }
}


static void
conn_event(conn_t *c, const chat_sio_packet_t *packet)
{
    size_t            n;
    uint64_t          pos;
    chat_str_t        text;
    chat_json_t       arg, first, value;
    chat_sio_event_t  event;

    chat_sio_event(packet, &event);

    conn_note(c->log, 'e', event.name.raw);
    conn_note(c->log, 'e', packet->ack);

    first.type = CHAT_JSON_NONE;

    for (n = 0; chat_json_next(&event.args, NULL, &arg); n++) {
        conn_note(c->log, 'a', arg.raw);

        if (n == 0) {
            first = arg;
            conn_room(&arg);

        } else if (chat_json_get(&arg, "after", &value)) {
            text = value.raw;
            (void) chat_pos_parse(text, &pos);
        }
    }

    if (event.name.type == CHAT_JSON_STRING
        && chat_json_string_eq(&event.name, chat_str("message"))
        && first.type == CHAT_JSON_OBJECT)
    {
        text = chat_json_get(&first, "message", &value) ? value.raw
                                                        : chat_str("");
        conn_note(c->log, 'a', text);

        if (chat_json_get(&first, "roomId", &value)) {
            conn_room(&value);
        }
    }
}


static void
conn_room(const chat_json_t *value)
{
    long           len;
    chat_room_t    room;
    unsigned char  out[ROOM_BUF];

    if (value->raw.len <= ROOM_BUF && value->type == CHAT_JSON_STRING) {
        len = chat_json_string_decode(value, out);

        if (len >= 0
            && chat_room_parse((chat_str_t) { (size_t) len, out }, &room)
               == CHAT_OK)
        {
            check(room.id.len <= CHAT_ROOM_ID_MAX);
        }
    }
}


/* 0, as there is nothing to hold back */
static int
conn_close(conn_t *c, unsigned code)
{
    if (!c->close_sent) {
        c->close_sent = 1;
        conn_note_code(c->log, code);
    }

    return 0;
}
