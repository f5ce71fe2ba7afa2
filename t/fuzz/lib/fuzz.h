/*
 * What the fuzzers share: a check that ends the process, text in blocks of
 * exactly its size, so that a read past the end is seen, and a reader of the
 * bytes that choose what is done.
 */

#ifndef FUZZ_H
#define FUZZ_H

#include <stdio.h>
#include <stdlib.h>

#include "chat_str.h"


#define check(what)                                                           \
    do {                                                                      \
        if (!(what)) {                                                        \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, \
                    #what);                                                   \
            abort();                                                          \
        }                                                                     \
    } while (0)


/* fuzz bytes that are read one by one; 0 behind their end */
typedef struct {
    const unsigned char  *p;
    const unsigned char  *end;
} fuzz_t;


int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);


/* never NULL, even of 0 bytes; what is in it is not to be relied on */
static inline unsigned char *
fuzz_alloc(size_t len)
{
    unsigned char  *block;

    block = malloc(len);
    check(block);

    return block;
}


/* a copy; without text, a NULL, as nginx's empty strings are */
static inline chat_str_t
fuzz_text(const unsigned char *data, size_t len)
{
    unsigned char  *copy;

    if (len == 0) {
        return (chat_str_t) { 0, NULL };
    }

    copy = fuzz_alloc(len);
    memcpy(copy, data, len);

    return (chat_str_t) { len, copy };
}


static inline void
fuzz_free(chat_str_t text)
{
    free((void *) text.data);
}


static inline unsigned
fuzz_byte(fuzz_t *f)
{
    return f->p < f->end ? *f->p++ : 0;
}


/* the text up to a NUL, which is passed over: strings in a row */
static inline chat_str_t
fuzz_string(fuzz_t *f)
{
    const unsigned char  *start, *end;

    start = f->p;
    end = start < f->end ? memchr(start, '\0', (size_t) (f->end - start))
                         : NULL;
    f->p = end ? end + 1 : f->end;

    return fuzz_text(start, (size_t) ((end ? end : f->end) - start));
}


/* 1 if part lies in whole, or is empty */
static inline int
fuzz_within(chat_str_t part, chat_str_t whole)
{
    return part.len == 0
           || (part.data >= whole.data && part.len <= whole.len
               && (size_t) (part.data - whole.data) <= whole.len - part.len);
}


#endif /* FUZZ_H */
