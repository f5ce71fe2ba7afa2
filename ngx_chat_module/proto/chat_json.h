/*
 * JSON without a tree (RFC 8259): a strict check in one pass, without recursion
 * or allocation, and then a walk over the checked bytes that hands out slices.
 * A string that a client sent can so be stored and sent on exactly as it came,
 * with its escapes, NULs and lone surrogates.
 *
 * All but chat_json_check() trust their input: call them on checked text only.
 */

#ifndef CHAT_JSON_H
#define CHAT_JSON_H

#include "chat_str.h"


#define CHAT_JSON_MAX_DEPTH      32
#define CHAT_JSON_MAX_ELEMENTS   10000


typedef enum {
    CHAT_JSON_NONE = 0,
    CHAT_JSON_OBJECT,
    CHAT_JSON_ARRAY,
    CHAT_JSON_STRING,
    CHAT_JSON_NUMBER,
    CHAT_JSON_TRUE,
    CHAT_JSON_FALSE,
    CHAT_JSON_NULL
} chat_json_type_t;


/* one value: its type and its bytes, without white space around them */
typedef struct {
    chat_json_type_t      type;
    chat_str_t            raw;
} chat_json_t;


/* a walk over the elements of one array or object */
typedef struct {
    const unsigned char  *pos;
    const unsigned char  *end;
} chat_json_iter_t;


/*
 * CHAT_OK if text is exactly one JSON value (white space around it allowed) in
 * valid UTF-8, no deeper than CHAT_JSON_MAX_DEPTH containers and with at most
 * CHAT_JSON_MAX_ELEMENTS values in all; otherwise CHAT_ERROR.  Sets *value to
 * the value (it may be NULL).  Lone surrogates as escapes are allowed, as are
 * duplicate keys (the last one counts).
 */
int chat_json_check(chat_str_t text, chat_json_t *value);

/* starts a walk; container must be an object or an array */
void chat_json_iter(chat_json_iter_t *it, const chat_json_t *container);

/*
 * The next element: 1, or 0 at the end.  key is set for an object's elements
 * and must be NULL for an array's.
 */
int chat_json_next(chat_json_iter_t *it, chat_json_t *key, chat_json_t *value);

/*
 * Looks up a key of an object, comparing decoded text; the last duplicate
 * counts.  1 if found, otherwise 0 and value->type is CHAT_JSON_NONE.
 */
int chat_json_get(const chat_json_t *object, const char *key,
    chat_json_t *value);

/* 1 if the string value's decoded text is exactly text */
int chat_json_string_eq(const chat_json_t *string, chat_str_t text);

/*
 * Decodes a string value to UTF-8.  out has room for string->raw.len bytes
 * (always enough).  The length, or -1 if the text has a lone surrogate, which
 * UTF-8 can't hold.  The result may have NULs.
 */
long chat_json_string_decode(const chat_json_t *string, unsigned char *out);

/* code points in a string value; an escaped pair counts 1, so does a lone
   surrogate */
size_t chat_json_string_chars(const chat_json_t *string);

/*
 * 1 if a string value is empty or has nothing but white space, in the sense of
 * chat_utf8_space()
 */
int chat_json_string_blank(const chat_json_t *string);

/*
 * A number value that is a plain decimal from 0 to 999999999999999999, without
 * sign, fraction or exponent: CHAT_OK and *n, otherwise CHAT_ERROR.
 */
int chat_json_uint(const chat_json_t *number, uint64_t *n);

/*
 * Writes text, valid UTF-8, as a JSON string with its quotes.  All characters
 * below U+0020 are escaped.  out has room for 6 * text.len + 2 bytes; returns
 * the end of what was written.
 */
unsigned char *chat_json_escape(unsigned char *out, chat_str_t text);


#endif /* CHAT_JSON_H */
