/*
 * chat_id: user ids, room ids, positions and scores.  The input is two
 * texts with a NUL between them.
 */

#include "chat_id.h"
#include "model.h"


static int digits(chat_str_t text);
static void rooms(chat_str_t text, chat_str_t other);
static void position(chat_str_t text);
static void format(uint64_t usec);
static void score(chat_str_t text);


int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
    fuzz_t      f;
    uint64_t    usec;
    chat_str_t  a, b;

    f = (fuzz_t) { data, data + len };
    a = fuzz_string(&f);
    b = fuzz_text(f.p, (size_t) (f.end - f.p));

    rooms(a, b);
    position(a);
    score(a);

    usec = 0;
    memcpy(&usec, data, len < 8 ? len : 8);
    format(usec);

    fuzz_free(a);
    fuzz_free(b);

    return 0;
}


/* the length if these are digits only, otherwise 0 */
static int
digits(chat_str_t text)
{
    size_t  i;

    for (i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return 0;
        }
    }

    return (int) text.len;
}


static uint64_t
user(chat_str_t text)
{
    size_t    i;
    uint64_t  n;

    n = 0;

    if (digits(text) && text.len <= 18 && text.data[0] != '0') {
        for (i = 0; i < text.len; i++) {
            n = n * 10 + text.data[i] - '0';
        }
    }

    return n;
}


static void
rooms(chat_str_t text, chat_str_t other)
{
    int            good;
    size_t         i, n;
    uint64_t       a, b;
    chat_str_t     low, high;
    chat_room_t    room;
    unsigned char  *id;

    a = user(text);
    b = user(other);

    check((chat_user_id_check(text) == CHAT_OK) == (a != 0));
    check((chat_user_id_check(other) == CHAT_OK) == (b != 0));

    id = fuzz_alloc(CHAT_ROOM_ID_MAX);
    n = chat_room_private(text, other, id);
    check((n != 0) == (a && b && a != b));

    if (n) {
        low = a < b ? text : other;
        high = a < b ? other : text;

        check(n == text.len + other.len + 1 && n <= CHAT_ROOM_ID_MAX);
        check(chat_room_private(other, text, id) == n);

        memset(&room, 0xa5, sizeof(room));
        check(chat_room_parse((chat_str_t) { n, id }, &room) == CHAT_OK);
        check(room.type == CHAT_ROOM_PRIVATE);
        check(chat_str_eq(room.low, low) && chat_str_eq(room.high, high));
        check(chat_room_is_of(&room, text) && chat_room_is_of(&room, other));
        check(!chat_room_is_of(&room, chat_str("0")));
    }

    free(id);

    /* any text as a room */

    good = text.len >= 1 && text.len <= 64;
    low.len = text.len;

    for (i = 0; i < text.len; i++) {
        if (text.data[i] == ':') {
            low = (chat_str_t) { i, text.data };
            high = (chat_str_t) { text.len - i - 1, text.data + i + 1 };
            good = good && user(low) && user(low) < user(high);
            break;
        }

        good &= text.data[i] && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ_-"
                                       "abcdefghijklmnopqrstuvwxyz0123456789",
                                       text.data[i]) != NULL;
    }

    if (digits(text) > 1 && text.data[0] == '0') {
        good = 0;
    }

    memset(&room, 0xa5, sizeof(room));
    check((chat_room_parse(text, &room) == CHAT_OK) == good);

    if (good) {
        check(room.id.data == text.data && room.id.len == text.len);
        check((room.type == CHAT_ROOM_PRIVATE) == (low.len < text.len));
        check(room.type == CHAT_ROOM_PRIVATE || room.type == CHAT_ROOM_NAMED);

        if (room.type == CHAT_ROOM_NAMED) {
            check(room.low.len == 0 && room.high.len == 0);
            check(!chat_room_is_of(&room, other)
                  == !chat_str_eq(text, chat_str("0")));

        } else {
            check(!chat_room_is_of(&room, other)
                  == (!chat_str_eq(low, other) && !chat_str_eq(high, other)));
        }
    }
}


static void
position(chat_str_t text)
{
    int         good;
    size_t      i;
    uint64_t    usec, want;
    chat_str_t  front, back;

    for (i = 0; i < text.len && text.data[i] != '.'; i++) { /* void */ }

    front = (chat_str_t) { i, text.data };
    good = digits(front) && front.len <= 12;
    back.len = 0;

    if (i < text.len) {
        back = (chat_str_t) { text.len - i - 1, text.data + i + 1 };
        good = good && digits(back) && back.len <= 6;
    }

    usec = 0;
    check((chat_pos_parse(text, &usec) == CHAT_OK) == good);

    if (good) {
        want = 0;

        for (i = 0; i < front.len; i++) {
            want = want * 10 + front.data[i] - '0';
        }

        for (i = 0; i < 6; i++) {
            want = want * 10 + (i < back.len ? back.data[i] - '0' : 0);
        }

        check(usec == want);
        format(usec);
    }
}


static void
format(uint64_t usec)
{
    size_t          len;
    uint64_t        again;
    unsigned char  *out;

    out = fuzz_alloc(CHAT_POS_MAX);
    len = (size_t) (chat_pos_format(out, usec) - out);

    check(len >= 8 && len <= CHAT_POS_MAX && out[len - 7] == '.');
    check(len == 8 || out[0] != '0');

    if (usec < 1000000000000000000) {
        check(chat_pos_parse((chat_str_t) { len, out }, &again) == CHAT_OK);
        check(again == usec);
        check(chat_pos_from_score((chat_str_t) { len, out }, &again)
              == CHAT_OK);
        check(again == usec);
    }

    free(out);
}


/* digits [ "." digits ] [ "e" [ sign ] up to four digits ] */
static void
score(chat_str_t text)
{
    int          good;
    char         copy[65], *end;
    size_t       n;
    uint64_t     usec;
    long double  want;

    good = text.len >= 1 && text.len <= 64;

    if (good) {
        memcpy(copy, text.data, text.len);
        copy[text.len] = '\0';

        end = copy + strspn(copy, "0123456789");
        good = end != copy;

        if (*end == '.') {
            n = strspn(++end, "0123456789");
            good &= n != 0;
            end += n;
        }

        if (*end == 'e' || *end == 'E') {
            end += 1 + (end[1] == '+' || end[1] == '-');
            n = strspn(end, "0123456789");
            good &= n >= 1 && n <= 4;
            end += n;
        }

        good &= *end == '\0';
    }

    usec = 0;

    if (!good) {
        check(chat_pos_from_score(text, &usec) == CHAT_ERROR);
        return;
    }

    want = strtold(copy, NULL) * 1e6L;

    if (chat_pos_from_score(text, &usec) == CHAT_OK) {
        check(usec < 1000000000000000000);
        check(want - 1 <= (long double) usec && (long double) usec <= want + 1);

    } else {
        check(want >= 1e18L - 1);
    }
}
