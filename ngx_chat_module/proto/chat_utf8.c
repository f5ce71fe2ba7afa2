/*
 * UTF-8 checking and counting.  Nothing is kept but the caller's state, which
 * says how the character begun has to go on:
 *
 *     bits 0 to 7      continuation bytes still to come
 *     bits 8 to 15     the lowest value that the next byte may have
 *     bits 16 to 23    the highest
 *
 * The range is 80 to BF but behind the lead bytes E0, ED, F0 and F4, where it
 * shuts out overlong forms, surrogates and what is past U+10FFFF.
 */

#include "chat_utf8.h"


#define CHAT_UTF8_HIGH_BITS   0x8080808080808080ULL
#define CHAT_UTF8_LOW_BITS    0x0101010101010101ULL

#define chat_utf8_state(need, low, high)                                      \
    ((chat_utf8_t) (need) | (chat_utf8_t) (low) << 8                          \
     | (chat_utf8_t) (high) << 16)


static chat_utf8_t chat_utf8_lead(unsigned char ch);


int
chat_utf8_feed(chat_utf8_t *state, const unsigned char *data, size_t len)
{
    uint64_t              word;
    chat_utf8_t           s, need;
    const unsigned char  *p, *end;

    if (len == 0) {
        return CHAT_OK;
    }

    s = *state;
    p = data;
    end = data + len;

    while (p < end) {

        if (s == 0) {

            while (end - p >= 8) {
                memcpy(&word, p, 8);

                if (word & CHAT_UTF8_HIGH_BITS) {
                    break;
                }

                p += 8;
            }

            while (p < end && *p < 0x80) {
                p++;
            }

            if (p == end) {
                break;
            }

            s = chat_utf8_lead(*p++);
            if (s == 0) {
                return CHAT_ERROR;
            }

            continue;
        }

        if (*p < (s >> 8 & 0xff) || *p > s >> 16) {
            return CHAT_ERROR;
        }

        p++;
        need = (s & 0xff) - 1;
        s = need ? chat_utf8_state(need, 0x80, 0xbf) : 0;
    }

    *state = s;

    return CHAT_OK;
}


/* the state behind a lead byte that is not ASCII, 0 if it can't be one */
static chat_utf8_t
chat_utf8_lead(unsigned char ch)
{
    if (ch < 0xc2) {
        return 0;
    }

    if (ch < 0xe0) {
        return chat_utf8_state(1, 0x80, 0xbf);
    }

    if (ch < 0xf0) {
        return chat_utf8_state(2, ch == 0xe0 ? 0xa0 : 0x80,
                               ch == 0xed ? 0x9f : 0xbf);
    }

    if (ch < 0xf5) {
        return chat_utf8_state(3, ch == 0xf0 ? 0x90 : 0x80,
                               ch == 0xf4 ? 0x8f : 0xbf);
    }

    return 0;
}


int
chat_utf8_check(chat_str_t text)
{
    chat_utf8_t  state;

    state = 0;

    if (chat_utf8_feed(&state, text.data, text.len) != CHAT_OK) {
        return CHAT_ERROR;
    }

    return state == 0 ? CHAT_OK : CHAT_ERROR;
}


size_t
chat_utf8_chars(chat_str_t text)
{
    size_t    i, follow;
    uint64_t  word;

    /* all bytes but those that continue a character, 10xxxxxx */

    follow = 0;

    for (i = 0; text.len - i >= 8; i += 8) {
        memcpy(&word, text.data + i, 8);
        word = word >> 7 & ~(word >> 6) & CHAT_UTF8_LOW_BITS;
        follow += (size_t) (word * CHAT_UTF8_LOW_BITS >> 56);
    }

    for ( /* void */ ; i < text.len; i++) {
        follow += (text.data[i] & 0xc0) == 0x80;
    }

    return text.len - follow;
}


uint32_t
chat_utf8_next(const unsigned char **pos)
{
    uint32_t              ch;
    const unsigned char  *p;

    p = *pos;
    ch = *p++;

    if (ch >= 0xf0) {
        ch = (ch & 0x07) << 18 | (uint32_t) (p[0] & 0x3f) << 12
             | (uint32_t) (p[1] & 0x3f) << 6 | (p[2] & 0x3f);
        p += 3;

    } else if (ch >= 0xe0) {
        ch = (ch & 0x0f) << 12 | (uint32_t) (p[0] & 0x3f) << 6 | (p[1] & 0x3f);
        p += 2;

    } else if (ch >= 0xc0) {
        ch = (ch & 0x1f) << 6 | (p[0] & 0x3f);
        p++;
    }

    *pos = p;

    return ch;
}


int
chat_utf8_space(uint32_t ch)
{
    if (ch < 0x80) {
        return ch == 0x20 || (ch >= 0x09 && ch <= 0x0d);
    }

    if (ch >= 0x2000 && ch <= 0x200a) {
        return 1;
    }

    switch (ch) {

    case 0x00a0:
    case 0x1680:
    case 0x2028:
    case 0x2029:
    case 0x202f:
    case 0x205f:
    case 0x3000:
    case 0xfeff:
        return 1;

    default:
        return 0;
    }
}
