/*
 * What is right, said a second time: slow and simple, straight from the RFCs
 * and the headers of proto/, and with nothing taken from there.
 */

#ifndef MODEL_H
#define MODEL_H

#include "fuzz.h"


/* what model_utf8() returns */
#define MODEL_GOOD      0
#define MODEL_CUT       1               /* good so far, ends in a character */
#define MODEL_BAD     (-1)


int model_utf8(chat_str_t text);

/* the next character of good UTF-8 */
uint32_t model_char(const unsigned char **pos);

int model_space(uint32_t ch);

/* the number of values in JSON within the limits; 0: it isn't */
size_t model_json(chat_str_t text);

/*
 * The code points of a JSON string with its quotes, out having room for one for
 * each byte; their number.  *lone says whether a lone surrogate is among them.
 */
size_t model_json_string(chat_str_t raw, uint32_t *out, int *lone);

/*
 * The next element of an array or an object in JSON that is good, 1 if there is
 * one; *at is 0 before the first.  key is set for an object's and may be NULL.
 */
int model_next(chat_str_t container, size_t *at, chat_str_t *key,
    chat_str_t *value);

/* 1 if a JSON string with its quotes says text, which is ASCII */
int model_says(chat_str_t raw, const char *text);

/* UTF-8 of code points; out has room for four bytes for each */
size_t model_encode(const uint32_t *chars, size_t n, unsigned char *out);

/* 1 if this is a packet that chat_sio_parse() is to take; the slices */
typedef struct {
    unsigned         type;
    uint64_t         attachments;
    chat_str_t       nsp;
    chat_str_t       ack;
    chat_str_t       data;
} model_sio_t;

int model_sio(chat_str_t text, model_sio_t *packet);

/*
 * What a compressed message of RFC 7692 becomes (its tail is not in it): GOOD,
 * BAD, or LONG for more than max bytes.  out has room for max bytes.
 */
#define MODEL_LONG      2

int model_inflate(chat_str_t in, size_t max, unsigned char *out, size_t *len);


#endif /* MODEL_H */
