/*
 * What the unit tests share: cmocka with the headers that it wants, and text in
 * blocks of exactly its size, so that a read past the end is seen.
 */

#ifndef TEST_H
#define TEST_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "chat_str.h"


#define lengthof(array)  (sizeof(array) / sizeof((array)[0]))

/* a literal, which may have NULs, in a block of its own */
#define text(literal)  test_text(literal, sizeof(literal) - 1)

/* the same, of a C string */
#define ctext(string)  test_text(string, strlen(string))

#define assert_text(slice, literal)                                           \
    do {                                                                      \
        chat_str_t  slice_ = (slice);                                         \
                                                                              \
        assert_int_equal(slice_.len, sizeof(literal) - 1);                    \
        if (slice_.len) {                                                     \
            assert_memory_equal(slice_.data, literal, slice_.len);            \
        }                                                                     \
    } while (0)


static void  *test_blocks[1 << 16];
static size_t  test_nblocks;


static inline void *
test_alloc(size_t len)
{
    void  *block;

    assert_true(test_nblocks < lengthof(test_blocks));

    block = malloc(len ? len : 1);
    assert_non_null(block);

    test_blocks[test_nblocks++] = block;

    return block;
}


static inline chat_str_t
test_text(const char *data, size_t len)
{
    unsigned char  *copy;

    copy = test_alloc(len);
    memcpy(copy, data, len);

    return (chat_str_t) { len, copy };
}


/* after every test */
static inline int
test_cleanup(void **state)
{
    (void) state;

    while (test_nblocks) {
        free(test_blocks[--test_nblocks]);
    }

    return 0;
}


#define test(function)  cmocka_unit_test_teardown(function, test_cleanup)


#endif /* TEST_H */
