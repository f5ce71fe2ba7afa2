/*
 * chat_ws: a stream of any bytes, read whole and in pieces, gives the same
 * messages, control frames and end.  What comes out is what the header says.
 * The first three bytes choose the limit, deflate and the pieces.
 */

#include "chat_ws.h"
#include "model.h"


#define MAX  4096


/* all that the parser says, but for how the messages were cut */
typedef struct {
    unsigned char  data[MAX * 4];
    size_t         len;
    unsigned char  pending[MAX];        /* of a message that isn't complete */
    size_t         npending;
    int            ended;
} transcript_t;


static void read_all(transcript_t *t, const unsigned char *data, size_t len,
    unsigned kind, unsigned cut, int fill);
static void read_piece(transcript_t *t, chat_ws_parser_t *p, chat_str_t piece,
    int fill);
static void data_event(transcript_t *t, chat_ws_parser_t *p,
    const chat_ws_event_t *e);
static void put(transcript_t *t, const void *data, size_t len);
static void header(uint64_t len);


int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
    uint64_t  n;

    static transcript_t  whole, cut;

    if (len < 3 || len > MAX) {
        return 0;
    }

    read_all(&whole, data + 3, len - 3, data[0], 0, 0);
    read_all(&cut, data + 3, len - 3, data[0],
             1 + (data[1] | (unsigned) data[2] << 8), 0xff);

    check(whole.len == cut.len);
    check(memcmp(whole.data, cut.data, whole.len) == 0);
    check(whole.ended == cut.ended);

    if (!whole.ended) {
        check(whole.npending == cut.npending);
        check(memcmp(whole.pending, cut.pending, cut.npending) == 0);
    }

    n = 0;
    memcpy(&n, data, len < 8 ? len : 8);
    header(n >> (data[1] & 0x3f));

    return 0;
}


/* cut: 0, or what chooses the pieces */
static void
read_all(transcript_t *t, const unsigned char *data, size_t len, unsigned kind,
    unsigned cut, int fill)
{
    size_t            n;
    chat_str_t        piece;
    chat_ws_parser_t  parser;

    static const uint64_t  limits[] = { 0, 10, 125, 126, 300, 66000, 1 << 26,
                                        1ull << 56 };

    t->len = 0;
    t->npending = 0;
    t->ended = 0;

    memset(&parser, 0xa5, sizeof(parser));
    chat_ws_init(&parser, limits[kind & 7]);
    parser.deflate = kind >> 3 & 1;

    while (len) {
        n = len;

        if (cut) {

            /* one byte, or a few, or many */

            cut = cut * 1103515245 + 12345;
            n = kind & 0x10 ? 1 : 1 + (cut >> 16) % (kind & 0x20 ? 9 : 60);
            n = n < len ? n : len;
        }

        piece = fuzz_text(data, n);
        read_piece(t, &parser, piece, fill);
        fuzz_free(piece);

        data += n;
        len -= n;
    }

    free(parser.control);
}


static void
read_piece(transcript_t *t, chat_ws_parser_t *p, chat_str_t piece, int fill)
{
    int              rc;
    unsigned char   *pos, *before, *end;
    chat_ws_event_t  e;

    pos = (unsigned char *) piece.data;
    end = pos + piece.len;

    for ( ;; ) {
        before = pos;
        memset(&e, fill, sizeof(e));
        rc = chat_ws_parse(p, &pos, end, &e);

        check(pos >= before && pos <= end);

        switch (rc) {

        case CHAT_WS_AGAIN:
            check(pos == end);
            return;

        case CHAT_WS_DATA:
            check(!t->ended && e.data >= before && e.data + e.len == pos);
            check(e.len || e.first || e.last);
            data_event(t, p, &e);
            break;

        case CHAT_WS_STORE:
            check(p->control == NULL && pos < end && p->left > 0);
            p->control = malloc(CHAT_WS_MAX_CONTROL);
            check(p->control != NULL);
            break;

        case CHAT_WS_CONTROL:
            check(!t->ended && e.first && e.last);
            check(e.opcode == CHAT_WS_CLOSE || e.opcode == CHAT_WS_PING
                  || e.opcode == CHAT_WS_PONG);
            check(e.len <= CHAT_WS_MAX_CONTROL);
            check(p->control
                  ? e.data >= p->control
                    && e.data + e.len <= p->control + CHAT_WS_MAX_CONTROL
                  : e.data >= before && e.data + e.len <= pos);

            if (e.opcode == CHAT_WS_CLOSE) {
                t->ended = 1;
                check((e.code == 1005 && e.len == 0)
                      || chat_ws_close_code(e.code));
                check(model_utf8((chat_str_t) { e.len, e.data })
                      == MODEL_GOOD);

            } else {
                check(e.code == 0);
            }

            put(t, &e.opcode, 1);
            put(t, &e.code, 2);
            put(t, &e.len, sizeof(e.len));
            put(t, e.data, e.len);

            if (!t->ended) {
                put(t, &t->npending, sizeof(t->npending));
            }

            free(p->control);
            p->control = NULL;
            break;

        default:
            check(rc == CHAT_WS_FAIL && !t->ended);
            check(e.code == 1002 || e.code == 1007 || e.code == 1009);
            t->ended = 1;
            put(t, &e.code, 2);
        }
    }
}


static void
data_event(transcript_t *t, chat_ws_parser_t *p, const chat_ws_event_t *e)
{
    chat_str_t  message;

    check(e->opcode == CHAT_WS_TEXT || e->opcode == CHAT_WS_BINARY);
    check(e->first == 0 || t->npending == 0);
    check(!e->compressed || p->deflate);

    memcpy(t->pending + t->npending, e->data, e->len);
    t->npending += e->len;

    message = (chat_str_t) { t->npending, t->pending };
    check(message.len <= p->max + (e->compressed ? p->max / 16 + 64 : 0));

    if (e->opcode == CHAT_WS_TEXT && !e->compressed) {
        check(model_utf8(message) != MODEL_BAD);
        check(!e->last || model_utf8(message) == MODEL_GOOD);
    }

    if (e->last) {
        put(t, &e->opcode, 1);
        put(t, &e->compressed, 1);
        put(t, &message.len, sizeof(message.len));
        put(t, message.data, message.len);
        t->npending = 0;
    }
}


static void
put(transcript_t *t, const void *data, size_t len)
{
    check(t->len + len <= sizeof(t->data));

    if (len) {
        memcpy(t->data + t->len, data, len);
    }

    t->len += len;
}


/* a frame that is written, masked with zeros, has the length that it had */
static void
header(uint64_t len)
{
    size_t            n;
    unsigned char     out[CHAT_WS_MAX_HEADER + 4], *pos;
    chat_ws_event_t   event;
    chat_ws_parser_t  parser;

    len &= (1ull << 60) - 1;

    n = chat_ws_header(out, CHAT_WS_TEXT | CHAT_WS_RSV1, len);
    check(n == (len < 126 ? 2 : len < 65536 ? 4 : 10));

    out[1] |= 0x80;
    memset(out + n, 0, 4);

    chat_ws_init(&parser, 1ull << 60);
    parser.deflate = 1;

    pos = out;
    check(chat_ws_parse(&parser, &pos, out + n + 4, &event)
          == (len ? CHAT_WS_AGAIN : CHAT_WS_DATA));
    check(pos == out + n + 4 && parser.left == len);
}
