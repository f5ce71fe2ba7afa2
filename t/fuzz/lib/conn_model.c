/* A connection by the protocols' words: see conn.h. */

#include "conn.h"
#include "model.h"


#define CONT    0x0
#define TEXT    0x1
#define BINARY  0x2
#define CLOSE   0x8
#define PING    0x9
#define PONG    0xa


typedef struct {
    const conn_setup_t  *setup;
    conn_log_t          *log;
    unsigned char       *message;
    size_t               len;
    unsigned             opcode;        /* of the message; 0: none */
    unsigned             compressed;
    unsigned             closed;        /* a close was sent */
    unsigned             done;          /* and there's nothing more to read */
    unsigned             probed;
    unsigned             session;
    unsigned             connected;
    unsigned             spoken;
} conn_model_t;


static unsigned model_header(conn_model_t *m, const conn_frame_t *f);
static void model_control(conn_model_t *m, const conn_frame_t *f);
static void model_data(conn_model_t *m, const conn_frame_t *f);
static void model_message(conn_model_t *m);
static void model_text(conn_model_t *m, chat_str_t text);
static void model_packet(conn_model_t *m, chat_str_t text);
static void model_on_event(conn_model_t *m, const model_sio_t *packet);
static void model_close(conn_model_t *m, unsigned code);
static void model_fault(conn_model_t *m, unsigned code);


void
conn_model(const conn_setup_t *setup, const conn_frame_t *frames, size_t n,
    conn_log_t *log)
{
    size_t        i;
    unsigned      code;
    conn_model_t  m;

    memset(&m, 0, sizeof(m));
    m.setup = setup;
    m.log = log;
    m.session = !setup->probes;

    for (i = 0; i < n && !m.done; i++) {
        code = model_header(&m, &frames[i]);

        if (code) {
            model_fault(&m, code);

        } else if (frames[i].first & 0x8) {
            model_control(&m, &frames[i]);

        } else {
            model_data(&m, &frames[i]);
        }
    }

    if (!m.closed && m.opcode) {
        conn_note(log, 'm', (chat_str_t) { m.len, m.message });
    }

    free(m.message);
}


/* 0, or what is wrong with it: RFC 6455, 5 */
static unsigned
model_header(conn_model_t *m, const conn_frame_t *f)
{
    size_t    max;
    unsigned  opcode, rsv, fin, compressed;

    fin = f->first >> 7;
    rsv = f->first >> 4 & 7;
    opcode = f->first & 0xf;

    switch (opcode) {

    case TEXT:
    case BINARY:
        if (rsv && !(rsv == 4 && m->setup->deflate)) {
            return 1002;
        }

        if (m->opcode) {
            return 1002;
        }

        break;

    case CONT:
        if (rsv || m->opcode == 0) {
            return 1002;
        }

        break;

    case CLOSE:
    case PING:
    case PONG:
        if (rsv || !fin || f->form || f->top || f->len > 125
            || (opcode == CLOSE && f->len == 1))
        {
            return 1002;
        }

        return f->masked ? 0 : 1002;

    default:
        return 1002;
    }

    if (!f->masked || f->top || (f->form && f->len < 126)
        || (f->form == 8 && f->len < 65536))
    {
        return 1002;
    }

    compressed = opcode == CONT ? m->compressed : rsv;
    max = m->setup->max;
    max += compressed ? max / 16 + 64 : 0;

    return f->len > max - m->len ? 1009 : 0;
}


static void
model_control(conn_model_t *m, const conn_frame_t *f)
{
    int         whole, rc;
    unsigned    opcode, code;
    chat_str_t  reason;

    opcode = f->first & 0xf;
    whole = f->payload.len == f->len;
    code = 1005;

    if (opcode == CLOSE && f->payload.len >= 2) {
        code = (unsigned) f->payload.data[0] << 8 | f->payload.data[1];

        if (code < 1000 || code > 4999 || (code > 1003 && code < 1007)
            || (code > 1011 && code < 3000))
        {
            model_fault(m, 1002);
            return;
        }

        reason = (chat_str_t) { f->payload.len - 2, f->payload.data + 2 };
        rc = model_utf8(reason);

        if (rc == MODEL_BAD || (whole && rc == MODEL_CUT)) {
            model_fault(m, 1007);
            return;
        }
    }

    if (!whole) {
        return;
    }

    if (opcode == PING && !m->closed) {
        conn_note(m->log, 'p', f->payload);
    }

    if (opcode == CLOSE) {
        if (m->closed) {
            conn_note(m->log, 'r', chat_str(""));
        }

        model_close(m, code);
        m->done = 1;
    }
}


static void
model_data(conn_model_t *m, const conn_frame_t *f)
{
    int  rc, last;

    if (f->first & 0xf) {
        m->opcode = f->first & 0xf;
        m->compressed = f->first >> 6 & 1;
    }

    m->message = realloc(m->message, m->len + f->payload.len + 1);
    check(m->message);

    if (f->payload.len) {
        memcpy(m->message + m->len, f->payload.data, f->payload.len);
    }

    m->len += f->payload.len;
    last = f->first >> 7 && f->payload.len == f->len;

    if (m->opcode == TEXT && !m->compressed) {
        rc = model_utf8((chat_str_t) { m->len, m->message });

        if (rc == MODEL_BAD || (last && rc == MODEL_CUT)) {
            model_fault(m, 1007);
            return;
        }
    }

    if (last) {
        if (!m->closed) {
            model_message(m);
        }

        m->opcode = 0;
        m->len = 0;
    }
}


static void
model_message(conn_model_t *m)
{
    int             rc;
    size_t          len;
    chat_str_t      text;
    unsigned char  *out;

    text = (chat_str_t) { m->len, m->message };

    if (m->opcode != TEXT) {
        model_close(m, 1003);

    } else if (!m->compressed) {
        model_text(m, text);

    } else {
        out = fuzz_alloc(m->setup->max);
        rc = model_inflate(text, m->setup->max, out, &len);
        text = (chat_str_t) { len, out };

        if (rc == MODEL_LONG) {
            model_close(m, 1009);

        } else if (rc == MODEL_BAD || model_utf8(text) != MODEL_GOOD) {
            model_close(m, 1007);

        } else {
            model_text(m, text);
        }

        free(out);
    }
}


static void
model_text(conn_model_t *m, chat_str_t text)
{
    if (m->session) {
        model_packet(m, text);

    } else if (!m->probed && chat_str_eq(text, chat_str("2probe"))) {
        m->probed = 1;
        conn_note(m->log, 'g', chat_str(""));

    } else if (m->probed && chat_str_eq(text, chat_str("5"))) {
        m->session = 1;
        conn_note(m->log, 'u', chat_str(""));

    } else {
        model_close(m, 1002);
    }
}


static void
model_packet(conn_model_t *m, chat_str_t text)
{
    int          root;
    model_sio_t  packet;

    switch (text.len ? text.data[0] : 0) {

    case '0':
    case '5':
    case '6':
        return;

    case '1':
        model_close(m, 1000);
        return;

    case '3':
        conn_note(m->log, 'h', chat_str(""));
        return;

    case '4':
        break;

    default:
        model_close(m, 1002);
        return;
    }

    text.data++;
    text.len--;

    if (!model_sio(text, &packet)) {
        model_close(m, 1002);
        return;
    }

    root = chat_str_eq(packet.nsp, chat_str("/"));

    if (packet.type == '0' && !root) {
        conn_note(m->log, 'n', packet.nsp);

    } else if (packet.type == '0') {

        if (m->connected && (!m->setup->probes || m->spoken)) {
            model_close(m, 1002);
            return;
        }

        m->connected = 1;
        conn_note(m->log, 'k', chat_str(""));

    } else if (!root || !m->connected || packet.type > '3') {
        model_close(m, 1002);

    } else if (packet.type == '1') {
        m->connected = 0;
        conn_note(m->log, 'd', chat_str(""));

    } else if (packet.type == '2') {
        m->spoken = 1;
        model_on_event(m, &packet);
    }
}


static void
model_on_event(conn_model_t *m, const model_sio_t *packet)
{
    size_t      at;
    chat_str_t  name, key, first, value, text;

    at = 0;
    (void) model_next(packet->data, &at, NULL, &name);

    conn_note(m->log, 'e', name);
    conn_note(m->log, 'e', packet->ack);

    first = chat_str("");

    while (model_next(packet->data, &at, NULL, &value)) {
        conn_note(m->log, 'a', value);
        first = first.len ? first : value;
    }

    if (*name.data == '"' && model_says(name, "message")
        && first.len && *first.data == '{')
    {
        text = chat_str("");
        at = 0;

        while (model_next(first, &at, &key, &name)) {
            if (model_says(key, "message")) {
                text = name;
            }
        }

        conn_note(m->log, 'a', text);
    }
}


static void
model_close(conn_model_t *m, unsigned code)
{
    if (!m->closed) {
        m->closed = 1;
        conn_note_code(m->log, code);
    }
}


/* what follows can't be understood */
static void
model_fault(conn_model_t *m, unsigned code)
{
    if (m->closed) {
        conn_note(m->log, 'x', chat_str(""));
    }

    model_close(m, code);
    m->done = 1;
}
