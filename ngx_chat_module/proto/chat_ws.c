/*
 * The WebSocket frame parser.  It keeps no message, only the frame's header and
 * the mask.
 *
 *     FIRST ---> SECOND ---> LENGTH ---> MASK ---> PAYLOAD --.
 *       ^          '------------------->'  '                 |
 *       '----------------------------------'-----------------'
 *
 * and from anywhere to ENDED, on a failure or when a close frame is complete.
 */

#include "chat_ws.h"


/* chat_ws_parser_t's state */
enum {
    CHAT_WS_FIRST = 0,
    CHAT_WS_SECOND,
    CHAT_WS_LENGTH16,
    CHAT_WS_LENGTH64,
    CHAT_WS_MASK,
    CHAT_WS_PAYLOAD,
    CHAT_WS_ENDED
};

#define CHAT_WS_FIN          0x80
#define CHAT_WS_RSV          0x70
#define CHAT_WS_OPCODE       0x0f
#define CHAT_WS_MASKED       0x80
#define CHAT_WS_LEN          0x7f
#define CHAT_WS_LEN16        126
#define CHAT_WS_LEN64        127

#define CHAT_WS_PROTOCOL     1002
#define CHAT_WS_NO_CODE      1005
#define CHAT_WS_BAD_TEXT     1007
#define CHAT_WS_TOO_BIG      1009

#define chat_ws_is_control(opcode)  ((opcode) & 0x8)


static unsigned chat_ws_first(chat_ws_parser_t *p, unsigned char ch);
static unsigned chat_ws_second(chat_ws_parser_t *p, unsigned char ch);
static unsigned chat_ws_length(chat_ws_parser_t *p, unsigned char ch);
static uint64_t chat_ws_rest(chat_ws_parser_t *p);
static void chat_ws_payload_starts(chat_ws_parser_t *p);
static int chat_ws_data(chat_ws_parser_t *p, unsigned char **pos,
    unsigned char *end, chat_ws_event_t *event);
static int chat_ws_control(chat_ws_parser_t *p, unsigned char **pos,
    unsigned char *end, chat_ws_event_t *event);
static unsigned chat_ws_close_body(chat_ws_parser_t *p,
    const unsigned char *body, unsigned from);
static int chat_ws_fail(chat_ws_parser_t *p, unsigned code,
    chat_ws_event_t *event);
static void chat_ws_unmask(chat_ws_parser_t *p, unsigned char *data,
    size_t len);


void
chat_ws_init(chat_ws_parser_t *p, uint64_t max)
{
    memset(p, 0, sizeof(chat_ws_parser_t));
    p->max = max;
}


int
chat_ws_parse(chat_ws_parser_t *p, unsigned char **pos, unsigned char *end,
    chat_ws_event_t *event)
{
    int       rc;
    unsigned  code;

    for ( ;; ) {

        if (p->state == CHAT_WS_PAYLOAD) {

            /* a frame without payload is complete without another byte */

            rc = chat_ws_is_control(p->opcode)
                 ? chat_ws_control(p, pos, end, event)
                 : chat_ws_data(p, pos, end, event);

            if (rc != CHAT_WS_AGAIN) {
                return rc;
            }
        }

        if (*pos == end) {
            return CHAT_WS_AGAIN;
        }

        switch (p->state) {

        case CHAT_WS_FIRST:
            code = chat_ws_first(p, *(*pos)++);
            break;

        case CHAT_WS_SECOND:
            code = chat_ws_second(p, *(*pos)++);
            break;

        case CHAT_WS_LENGTH16:
        case CHAT_WS_LENGTH64:
            code = chat_ws_length(p, *(*pos)++);
            break;

        case CHAT_WS_MASK:
            p->mask[4 - p->need] = *(*pos)++;
            code = 0;

            if (--p->need == 0) {
                chat_ws_payload_starts(p);
            }

            break;

        default: /* CHAT_WS_ENDED */
            *pos = end;
            return CHAT_WS_AGAIN;
        }

        if (code) {
            return chat_ws_fail(p, code, event);
        }
    }
}


/* FIN, the reserved bits and the opcode; returns 0 or the code to fail with */
static unsigned
chat_ws_first(chat_ws_parser_t *p, unsigned char ch)
{
    p->fin = (ch & CHAT_WS_FIN) != 0;
    p->opcode = ch & CHAT_WS_OPCODE;

    /* RSV1 is of a data message's first frame only: RFC 7692, 6 */

    if ((ch & CHAT_WS_RSV)
        && ((ch & CHAT_WS_RSV) != CHAT_WS_RSV1 || !p->deflate
            || p->opcode == CHAT_WS_CONT || chat_ws_is_control(p->opcode)))
    {
        return CHAT_WS_PROTOCOL;
    }

    switch (p->opcode) {

    case CHAT_WS_CONT:
        if (p->message == 0) {
            return CHAT_WS_PROTOCOL;
        }

        break;

    case CHAT_WS_TEXT:
    case CHAT_WS_BINARY:
        if (p->message) {
            return CHAT_WS_PROTOCOL;
        }

        p->message = p->opcode;
        p->total = 0;
        p->compressed = (ch & CHAT_WS_RSV) != 0;
        break;

    case CHAT_WS_CLOSE:
    case CHAT_WS_PING:
    case CHAT_WS_PONG:
        if (!p->fin) {
            return CHAT_WS_PROTOCOL;
        }

        break;

    default:
        return CHAT_WS_PROTOCOL;
    }

    p->state = CHAT_WS_SECOND;

    return 0;
}


static unsigned
chat_ws_second(chat_ws_parser_t *p, unsigned char ch)
{
    if (!(ch & CHAT_WS_MASKED)) {
        return CHAT_WS_PROTOCOL;
    }

    ch &= CHAT_WS_LEN;

    if (chat_ws_is_control(p->opcode)) {

        if (ch > CHAT_WS_MAX_CONTROL
            || (ch == 1 && p->opcode == CHAT_WS_CLOSE))
        {
            return CHAT_WS_PROTOCOL;
        }

    } else if (ch >= CHAT_WS_LEN16) {
        p->left = 0;

        if (ch == CHAT_WS_LEN16) {
            p->need = 2;
            p->state = CHAT_WS_LENGTH16;

        } else {
            p->need = 8;
            p->state = CHAT_WS_LENGTH64;
        }

        return 0;

    } else if (ch > chat_ws_rest(p)) {
        return CHAT_WS_TOO_BIG;
    }

    p->left = ch;
    p->need = 4;
    p->state = CHAT_WS_MASK;

    return 0;
}


/* a byte of a length of two or eight bytes, of data frames only */
static unsigned
chat_ws_length(chat_ws_parser_t *p, unsigned char ch)
{
    if (p->need == 8 && (ch & 0x80)) {
        return CHAT_WS_PROTOCOL;
    }

    p->left = p->left << 8 | ch;
    p->need--;

    /* a length that would have fitted into a shorter form */

    if (p->state == CHAT_WS_LENGTH16) {

        if (p->need == 0 && p->left < CHAT_WS_LEN16) {
            return CHAT_WS_PROTOCOL;
        }

    } else if (p->need == 2 && p->left == 0) {
        return CHAT_WS_PROTOCOL;
    }

    /* the bytes to come can only make it longer */

    if (p->left << 8 * p->need > chat_ws_rest(p)) {
        return CHAT_WS_TOO_BIG;
    }

    if (p->need == 0) {
        p->need = 4;
        p->state = CHAT_WS_MASK;
    }

    return 0;
}


/* so many bytes may still come for this message */
static uint64_t
chat_ws_rest(chat_ws_parser_t *p)
{
    uint64_t  limit;

    limit = p->max;

    if (p->compressed) {

        /* what can't be compressed becomes longer, by up to 5 bytes in 127 */

        limit += p->max / 16 + 64;
    }

    return limit - p->total;
}


static void
chat_ws_payload_starts(chat_ws_parser_t *p)
{
    p->mask_pos = 0;
    p->state = CHAT_WS_PAYLOAD;

    if (!chat_ws_is_control(p->opcode)) {
        p->total += p->left;
        return;
    }

    p->got = 0;

    if (p->opcode == CHAT_WS_CLOSE) {

        /* a message that was begun will never end, so its state is free */

        p->utf8 = 0;
    }
}


static int
chat_ws_data(chat_ws_parser_t *p, unsigned char **pos, unsigned char *end,
    chat_ws_event_t *event)
{
    size_t  len;

    len = (size_t) (end - *pos);

    if (len > p->left) {
        len = (size_t) p->left;
    }

    if (len == 0 && p->left) {
        return CHAT_WS_AGAIN;
    }

    event->opcode = p->message;
    event->first = p->opcode != CHAT_WS_CONT && p->left == p->total;
    event->compressed = p->compressed;
    event->code = 0;
    event->data = *pos;
    event->len = len;

    chat_ws_unmask(p, *pos, len);
    *pos += len;
    p->left -= len;

    event->last = p->fin && p->left == 0;

    if (p->message == CHAT_WS_TEXT && !p->compressed
        && (chat_utf8_feed(&p->utf8, event->data, len) != CHAT_OK
            || (event->last && p->utf8 != 0)))
    {
        return chat_ws_fail(p, CHAT_WS_BAD_TEXT, event);
    }

    if (p->left == 0) {
        p->state = CHAT_WS_FIRST;

        if (p->fin) {
            p->message = 0;
        }
    }

    if (len == 0 && !event->first && !event->last) {

        /* an empty fragment in the middle says nothing */

        return CHAT_WS_AGAIN;
    }

    return CHAT_WS_DATA;
}


static int
chat_ws_control(chat_ws_parser_t *p, unsigned char **pos, unsigned char *end,
    chat_ws_event_t *event)
{
    size_t          len;
    unsigned        code, from;
    unsigned char  *body;

    len = (size_t) (end - *pos);

    if (len > p->left) {
        len = (size_t) p->left;
    }

    if (len == 0 && p->left) {
        return CHAT_WS_AGAIN;
    }

    body = *pos;
    from = p->got;

    if (from || len < p->left) {

        if (p->control == NULL) {
            return CHAT_WS_STORE;
        }

        body = p->control;
        memcpy(body + from, *pos, len);
    }

    chat_ws_unmask(p, body + from, len);
    *pos += len;
    p->got += (unsigned char) len;
    p->left -= len;

    if (p->opcode == CHAT_WS_CLOSE) {
        code = chat_ws_close_body(p, body, from);

        if (code) {
            return chat_ws_fail(p, code, event);
        }
    }

    if (p->left) {
        return CHAT_WS_AGAIN;
    }

    event->opcode = p->opcode;
    event->first = 1;
    event->last = 1;
    event->code = 0;
    event->data = body;
    event->len = p->got;

    p->state = CHAT_WS_FIRST;

    if (p->opcode == CHAT_WS_CLOSE) {
        p->state = CHAT_WS_ENDED;
        event->code = CHAT_WS_NO_CODE;

        if (p->got) {
            event->code = (uint16_t) (body[0] << 8 | body[1]);
            event->data += 2;
            event->len -= 2;
        }
    }

    return CHAT_WS_CONTROL;
}


/*
 * Checks what has come of a close frame's body from a byte on; returns 0 or the
 * code to fail with.
 */
static unsigned
chat_ws_close_body(chat_ws_parser_t *p, const unsigned char *body,
    unsigned from)
{
    if (p->got < 2) {
        return 0;
    }

    if (from < 2) {
        from = 2;

        if (!chat_ws_close_code((unsigned) body[0] << 8 | body[1])) {
            return CHAT_WS_PROTOCOL;
        }
    }

    if (chat_utf8_feed(&p->utf8, body + from, p->got - from) != CHAT_OK
        || (p->left == 0 && p->utf8 != 0))
    {
        return CHAT_WS_BAD_TEXT;
    }

    return 0;
}


static int
chat_ws_fail(chat_ws_parser_t *p, unsigned code, chat_ws_event_t *event)
{
    p->state = CHAT_WS_ENDED;

    event->opcode = p->opcode;
    event->first = 0;
    event->last = 0;
    event->code = (uint16_t) code;
    event->data = NULL;
    event->len = 0;

    return CHAT_WS_FAIL;
}


/* by words of eight bytes: the mask repeats every four */
static void
chat_ws_unmask(chat_ws_parser_t *p, unsigned char *data, size_t len)
{
    size_t         i;
    uint64_t       word, mask;
    unsigned char  rotated[8];

    for (i = 0; i < 8; i++) {
        rotated[i] = p->mask[(p->mask_pos + i) & 3];
    }

    memcpy(&mask, rotated, 8);

    for (i = 0; len - i >= 8; i += 8) {
        memcpy(&word, data + i, 8);
        word ^= mask;
        memcpy(data + i, &word, 8);
    }

    for ( /* void */ ; i < len; i++) {
        data[i] ^= rotated[i & 7];
    }

    p->mask_pos = (unsigned char) ((p->mask_pos + len) & 3);
}


size_t
chat_ws_header(unsigned char out[CHAT_WS_MAX_HEADER], unsigned opcode,
    uint64_t len)
{
    size_t  i, bytes;

    out[0] = (unsigned char) (CHAT_WS_FIN | opcode);

    if (len < CHAT_WS_LEN16) {
        out[1] = (unsigned char) len;
        return 2;
    }

    bytes = len <= 0xffff ? 2 : 8;
    out[1] = bytes == 2 ? CHAT_WS_LEN16 : CHAT_WS_LEN64;

    for (i = 0; i < bytes; i++) {
        out[2 + i] = (unsigned char) (len >> 8 * (bytes - 1 - i));
    }

    return 2 + bytes;
}


int
chat_ws_close_code(unsigned code)
{
    return (code >= 1000 && code <= 1003)
           || (code >= 1007 && code <= 1011)
           || (code >= 3000 && code <= 4999);
}
