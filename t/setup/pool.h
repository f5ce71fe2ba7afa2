/*
 * Included ahead of every source of the module when it is built for the
 * sanitizers.  They know nothing of nginx's pools, where a write past the end
 * of one block lands in the next and a freed pool's memory is soon a new
 * pool's.  So here each allocation from a pool is one from the heap, which the
 * pool still owns and frees.
 */

#ifndef CHAT_TEST_POOL_H
#define CHAT_TEST_POOL_H

#include <ngx_config.h>
#include <ngx_core.h>


static ngx_inline void *
chat_test_palloc(ngx_pool_t *pool, size_t size)
{
    return ngx_pmemalign(pool, size ? size : 1, NGX_ALIGNMENT);
}


static ngx_inline void *
chat_test_pcalloc(ngx_pool_t *pool, size_t size)
{
    void  *p;

    p = chat_test_palloc(pool, size);
    if (p) {
        ngx_memzero(p, size);
    }

    return p;
}


#define ngx_palloc(pool, size)   chat_test_palloc(pool, size)
#define ngx_pnalloc(pool, size)  chat_test_palloc(pool, size)
#define ngx_pcalloc(pool, size)  chat_test_pcalloc(pool, size)

/* not by nginx's own, whose leaks at exit are not ours (see leaks.txt) */
#define ngx_alloc(size, log)     malloc(size)
#define ngx_calloc(size, log)    calloc(1, size)


#endif /* CHAT_TEST_POOL_H */
