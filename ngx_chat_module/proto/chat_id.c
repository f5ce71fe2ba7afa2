/*
 * The chat's identifiers.  All slices point into the caller's text.
 */

#include "chat_id.h"
#include "chat_utf8.h"


#define CHAT_POS_SECONDS    12          /* digits */
#define CHAT_POS_DECIMALS   6
#define CHAT_POS_END        1000000000000000000ULL
#define CHAT_SCORE_MAX      64          /* Redis writes fewer than 32 bytes */

#define chat_id_is_digit(ch)  ((ch) >= '0' && (ch) <= '9')


static int chat_id_compare(chat_str_t a, chat_str_t b);
static int chat_score_exponent(const unsigned char *p,
    const unsigned char *end, int *exponent);
static int chat_score_scale(uint64_t *n, int exponent);


static const char  chat_id_pairs[] =
    "00010203040506070809" "10111213141516171819"
    "20212223242526272829" "30313233343536373839"
    "40414243444546474849" "50515253545556575859"
    "60616263646566676869" "70717273747576777879"
    "80818283848586878889" "90919293949596979899";


int
chat_user_id_check(chat_str_t id)
{
    return id.len && chat_user_id_len(id) == id.len ? CHAT_OK : CHAT_ERROR;
}


size_t
chat_user_id_len(chat_str_t text)
{
    size_t  i;

    if (text.len == 0 || text.data[0] == '0') {
        return 0;
    }

    for (i = 0; i < text.len && chat_id_is_digit(text.data[i]); i++) {
        /* void */
    }

    return i <= CHAT_USER_ID_MAX ? i : 0;
}


/* two user ids by their numbers: <0, 0 or >0 */
static int
chat_id_compare(chat_str_t a, chat_str_t b)
{
    if (a.len != b.len) {
        return a.len < b.len ? -1 : 1;
    }

    return memcmp(a.data, b.data, a.len);
}


int
chat_room_parse(chat_str_t id, chat_room_t *room)
{
    int                   digits;
    size_t                i;
    unsigned char         ch;
    const unsigned char  *colon;

    if (id.len == 0 || id.len > CHAT_ROOM_ID_MAX) {
        return CHAT_ERROR;
    }

    memset(room, 0, sizeof(chat_room_t));
    room->id = id;

    colon = memchr(id.data, ':', id.len);

    if (colon) {
        room->type = CHAT_ROOM_PRIVATE;

        room->low.data = id.data;
        room->low.len = (size_t) (colon - id.data);

        room->high.data = colon + 1;
        room->high.len = id.len - room->low.len - 1;

        return chat_user_id_check(room->low) == CHAT_OK
               && chat_user_id_check(room->high) == CHAT_OK
               && chat_id_compare(room->low, room->high) < 0
               ? CHAT_OK : CHAT_ERROR;
    }

    room->type = CHAT_ROOM_NAMED;
    digits = 1;

    for (i = 0; i < id.len; i++) {
        ch = id.data[i];

        if (chat_id_is_digit(ch)) {
            continue;
        }

        digits = 0;

        if (ch != '_' && ch != '-'
            && !((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z'))
        {
            return CHAT_ERROR;
        }
    }

    return digits && id.len > 1 && id.data[0] == '0' ? CHAT_ERROR : CHAT_OK;
}


size_t
chat_room_private(chat_str_t a, chat_str_t b, unsigned char *out)
{
    int         rc;
    chat_str_t  low, high;

    if (chat_user_id_check(a) != CHAT_OK || chat_user_id_check(b) != CHAT_OK) {
        return 0;
    }

    rc = chat_id_compare(a, b);
    if (rc == 0) {
        return 0;
    }

    low = rc < 0 ? a : b;
    high = rc < 0 ? b : a;

    memcpy(out, low.data, low.len);
    out[low.len] = ':';
    memcpy(out + low.len + 1, high.data, high.len);

    return low.len + 1 + high.len;
}


int
chat_room_is_of(const chat_room_t *room, chat_str_t user)
{
    if (room->type == CHAT_ROOM_PRIVATE) {
        return chat_str_eq(room->low, user) || chat_str_eq(room->high, user);
    }

    return chat_str_eq(room->id, chat_str("0"));
}


int
chat_pos_parse(chat_str_t text, uint64_t *usec)
{
    size_t    i, point, digits;
    uint64_t  n;

    n = 0;
    point = text.len;

    for (i = 0; i < text.len; i++) {

        if (text.data[i] == '.' && point == text.len) {
            point = i;
            continue;
        }

        if (!chat_id_is_digit(text.data[i])
            || i > CHAT_POS_SECONDS + CHAT_POS_DECIMALS)
        {
            return CHAT_ERROR;
        }

        n = n * 10 + (uint64_t) (text.data[i] - '0');
    }

    if (point == 0 || point > CHAT_POS_SECONDS) {
        return CHAT_ERROR;
    }

    digits = 0;

    if (point < text.len) {
        digits = text.len - point - 1;

        if (digits == 0 || digits > CHAT_POS_DECIMALS) {
            return CHAT_ERROR;
        }
    }

    for ( /* void */ ; digits < CHAT_POS_DECIMALS; digits++) {
        n *= 10;
    }

    *usec = n;

    return CHAT_OK;
}


/* backwards and two digits at a time: divisions are what takes long */
unsigned char *
chat_pos_format(unsigned char *out, uint64_t usec)
{
    int             i;
    uint32_t        decimals;
    uint64_t        seconds;
    unsigned char  *p, buf[CHAT_POS_MAX];

    decimals = (uint32_t) (usec % 1000000);
    seconds = usec / 1000000;

    p = buf + CHAT_POS_MAX;

    for (i = 0; i < CHAT_POS_DECIMALS; i += 2) {
        p -= 2;
        memcpy(p, chat_id_pairs + decimals % 100 * 2, 2);
        decimals /= 100;
    }

    *--p = '.';

    for ( /* void */ ; seconds >= 10; seconds /= 100) {
        p -= 2;
        memcpy(p, chat_id_pairs + seconds % 100 * 2, 2);

        if (seconds < 100) {
            break;
        }
    }

    if (seconds < 10) {
        *--p = (unsigned char) ('0' + seconds);
    }

    i = (int) (buf + CHAT_POS_MAX - p);
    memcpy(out, p, (size_t) i);

    return out + i;
}


int
chat_pos_from_score(chat_str_t score, uint64_t *usec)
{
    int                   exponent, digits, point;
    uint64_t              n;
    const unsigned char  *p, *end;

    if (score.len == 0 || score.len > CHAT_SCORE_MAX) {
        return CHAT_ERROR;
    }

    /*
     * The digits as one whole number, n, times ten to the exponent.  What n
     * can't hold is cut off: it is far behind the microseconds.
     */

    p = score.data;
    end = p + score.len;
    n = 0;
    exponent = 0;
    digits = 0;
    point = 0;

    for ( /* void */ ; p < end; p++) {

        if (*p == '.' && !point && digits) {
            point = 1;

            if (p + 1 == end || !chat_id_is_digit(p[1])) {
                return CHAT_ERROR;
            }

            continue;
        }

        if (!chat_id_is_digit(*p)) {
            break;
        }

        digits++;

        if (n < CHAT_POS_END) {
            n = n * 10 + (uint64_t) (*p - '0');
            exponent -= point;

        } else {
            exponent += !point;
        }
    }

    if (digits == 0 || chat_score_exponent(p, end, &exponent) != CHAT_OK) {
        return CHAT_ERROR;
    }

    if (chat_score_scale(&n, exponent + CHAT_POS_DECIMALS) != CHAT_OK) {
        return CHAT_ERROR;
    }

    *usec = n;

    return CHAT_OK;
}


/* adds the exponent that is between p and end, if there is one */
static int
chat_score_exponent(const unsigned char *p, const unsigned char *end,
    int *exponent)
{
    int  n, sign;

    if (p == end) {
        return CHAT_OK;
    }

    if (*p != 'e' && *p != 'E') {
        return CHAT_ERROR;
    }

    p++;
    sign = 1;

    if (p < end && (*p == '+' || *p == '-')) {
        sign = *p == '-' ? -1 : 1;
        p++;
    }

    if (p == end || end - p > 4) {
        return CHAT_ERROR;
    }

    n = 0;

    for ( /* void */ ; p < end; p++) {
        if (!chat_id_is_digit(*p)) {
            return CHAT_ERROR;
        }

        n = n * 10 + (*p - '0');
    }

    *exponent += sign * n;

    return CHAT_OK;
}


/* *n times ten to the exponent, to the nearest; CHAT_ERROR if past the end */
static int
chat_score_scale(uint64_t *n, int exponent)
{
    unsigned  last;

    for ( /* void */ ; exponent > 0 && *n; exponent--) {

        if (*n >= CHAT_POS_END / 10) {
            return CHAT_ERROR;
        }

        *n *= 10;
    }

    last = 0;

    for ( /* void */ ; exponent < 0 && (*n || last); exponent++) {
        last = (unsigned) (*n % 10);
        *n /= 10;
    }

    if (last >= 5) {
        *n += 1;
    }

    return *n < CHAT_POS_END ? CHAT_OK : CHAT_ERROR;
}
