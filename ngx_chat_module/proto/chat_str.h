/*
 * A counted, borrowed piece of bytes.  Nothing in proto/ copies or frees one:
 * it lives as long as the buffer it points into.  Bytes may include NUL.
 */

#ifndef CHAT_STR_H
#define CHAT_STR_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>


typedef struct {
    size_t                len;
    const unsigned char  *data;
} chat_str_t;


#define chat_str(text)                                                        \
    ((chat_str_t) { sizeof(text) - 1, (const unsigned char *) (text) })

/* what the functions of proto/ return where they return a status */
#define CHAT_OK      0
#define CHAT_DONE    1                  /* nothing more to read */
#define CHAT_ERROR  (-1)


static inline int
chat_str_eq(chat_str_t a, chat_str_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}


/* a hexadecimal digit's value, or -1 */
static inline int
chat_hex(unsigned char ch)
{
    if (ch >= '0' && ch <= '9') {
        return ch - '0';
    }

    ch |= 0x20;

    return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}


#endif /* CHAT_STR_H */
