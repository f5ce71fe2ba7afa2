/*
 * UTF-8 as bytes arrive (RFC 3629: shortest form, no surrogates, at most
 * U+10FFFF).  The state is one integer, 0 at the start and whenever the bytes
 * so far end on a character's boundary.
 */

#ifndef CHAT_UTF8_H
#define CHAT_UTF8_H

#include "chat_str.h"


typedef uint32_t  chat_utf8_t;


/*
 * Feeds len bytes.  CHAT_ERROR at the first byte that can't continue or start
 * a character (RFC 6455, 8.1 asks to fail there); the state is then spoilt.
 */
int chat_utf8_feed(chat_utf8_t *state, const unsigned char *data, size_t len);

/* CHAT_OK when the whole of it is valid and ends on a boundary */
int chat_utf8_check(chat_str_t text);

/* the number of characters (code points) in valid UTF-8 */
size_t chat_utf8_chars(chat_str_t text);

/* decodes one character of valid UTF-8 and moves *pos behind it */
uint32_t chat_utf8_next(const unsigned char **pos);

/*
 * 1 if a character is white space in the sense of JavaScript's trim(): U+0009
 * to U+000D, U+0020, U+00A0, U+1680, U+2000 to U+200A, U+2028, U+2029, U+202F,
 * U+205F, U+3000, U+FEFF
 */
int chat_utf8_space(uint32_t ch);


#endif /* CHAT_UTF8_H */
