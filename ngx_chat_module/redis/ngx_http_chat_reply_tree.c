/*
 * Replies in few pieces of memory: see the header.
 *
 * A tree is made with its root, grows while hiredis reads, and is freed by its
 * root, the only reply that hiredis ever frees.  The others find it through the
 * reader's tasks: the uppermost one's reply is the root.
 */

#include "ngx_http_chat_reply_tree.h"


#define NGX_HTTP_CHAT_REPLY_BLOCK     4096

/* what an element of the root takes is guessed, up to so much for all */
#define NGX_HTTP_CHAT_REPLY_ELEMENT   160
#define NGX_HTTP_CHAT_REPLY_GUESS     8192

#if (HIREDIS_MAJOR >= 1)
typedef size_t  ngx_http_chat_reply_count_t;
#else
typedef int     ngx_http_chat_reply_count_t;
#endif


typedef struct ngx_http_chat_reply_block_s  ngx_http_chat_reply_block_t;

struct ngx_http_chat_reply_block_s {
    ngx_http_chat_reply_block_t  *next;
};


typedef struct {
    ngx_http_chat_reply_block_t  *blocks;         /* beyond this one */
    u_char                       *pos;            /* what is free of the last */
    u_char                       *end;
    redisReply                    root;
} ngx_http_chat_reply_tree_t;


static redisReply *ngx_http_chat_reply_tree_add(const redisReadTask *task,
    int type, size_t size, size_t guess);
static ngx_http_chat_reply_tree_t *ngx_http_chat_reply_tree_of(
    const redisReadTask *task);
static void *ngx_http_chat_reply_tree_alloc(ngx_http_chat_reply_tree_t *tree,
    size_t size);
static void *ngx_http_chat_reply_tree_string(const redisReadTask *task,
    char *str, size_t len);
static void *ngx_http_chat_reply_tree_array(const redisReadTask *task,
    ngx_http_chat_reply_count_t elements);
static void *ngx_http_chat_reply_tree_integer(const redisReadTask *task,
    long long value);
static void *ngx_http_chat_reply_tree_nil(const redisReadTask *task);
#if (HIREDIS_MAJOR >= 1)
static void *ngx_http_chat_reply_tree_double(const redisReadTask *task,
    double value, char *str, size_t len);
static void *ngx_http_chat_reply_tree_bool(const redisReadTask *task,
    int value);
#endif
static void ngx_http_chat_reply_tree_free(void *reply);


static redisReplyObjectFunctions  ngx_http_chat_reply_tree_functions = {
    .createString = ngx_http_chat_reply_tree_string,
    .createArray = ngx_http_chat_reply_tree_array,
    .createInteger = ngx_http_chat_reply_tree_integer,
    .createNil = ngx_http_chat_reply_tree_nil,
#if (HIREDIS_MAJOR >= 1)
    .createDouble = ngx_http_chat_reply_tree_double,
    .createBool = ngx_http_chat_reply_tree_bool,
#endif
    .freeObject = ngx_http_chat_reply_tree_free
};


void
ngx_http_chat_reply_tree_use(redisAsyncContext *ac)
{
    ac->c.reader->fn = &ngx_http_chat_reply_tree_functions;
}


/*
 * A reply with size bytes behind it, put where its parent wants it.  A root
 * gets guess bytes more for what is to come.
 */

static redisReply *
ngx_http_chat_reply_tree_add(const redisReadTask *task, int type, size_t size,
    size_t guess)
{
    redisReply                  *reply, *parent;
    ngx_http_chat_reply_tree_t  *tree;

    if (task->parent) {
        reply = ngx_http_chat_reply_tree_alloc(
                                            ngx_http_chat_reply_tree_of(task),
                                            sizeof(redisReply) + size);
        if (reply == NULL) {
            return NULL;
        }

        parent = task->parent->obj;
        parent->element[task->idx] = reply;

    } else {
        size = ngx_align(size, sizeof(void *));

        tree = ngx_alloc(sizeof(ngx_http_chat_reply_tree_t) + size + guess,
                         ngx_cycle->log);
        if (tree == NULL) {
            return NULL;
        }

        tree->blocks = NULL;
        tree->pos = (u_char *) (tree + 1) + size;
        tree->end = tree->pos + guess;

        reply = &tree->root;
    }

    ngx_memzero(reply, sizeof(redisReply));
    reply->type = type;

    return reply;
}


static ngx_http_chat_reply_tree_t *
ngx_http_chat_reply_tree_of(const redisReadTask *task)
{
    while (task->parent) {
        task = task->parent;
    }

    return (ngx_http_chat_reply_tree_t *)
               ((u_char *) task->obj
                - offsetof(ngx_http_chat_reply_tree_t, root));
}


static void *
ngx_http_chat_reply_tree_alloc(ngx_http_chat_reply_tree_t *tree, size_t size)
{
    u_char                       *p;
    size_t                        room;
    ngx_http_chat_reply_block_t  *block;

    size = ngx_align(size, sizeof(void *));

    if ((size_t) (tree->end - tree->pos) >= size) {
        p = tree->pos;
        tree->pos += size;
        return p;
    }

    room = ngx_max(size, NGX_HTTP_CHAT_REPLY_BLOCK
                         - sizeof(ngx_http_chat_reply_block_t));

    block = ngx_alloc(sizeof(ngx_http_chat_reply_block_t) + room,
                      ngx_cycle->log);
    if (block == NULL) {
        return NULL;
    }

    block->next = tree->blocks;
    tree->blocks = block;

    p = (u_char *) (block + 1);

    /* what has the more room left is gone on with */

    if (room - size > (size_t) (tree->end - tree->pos)) {
        tree->pos = p + size;
        tree->end = p + room;
    }

    return p;
}


static void *
ngx_http_chat_reply_tree_string(const redisReadTask *task, char *str,
    size_t len)
{
    redisReply  *reply;

    reply = ngx_http_chat_reply_tree_add(task, task->type, len + 1, 0);

    if (reply) {
        reply->str = (char *) (reply + 1);
        reply->len = len;

        ngx_memcpy(reply->str, str, len);
        reply->str[len] = '\0';
    }

    return reply;
}


static void *
ngx_http_chat_reply_tree_array(const redisReadTask *task,
    ngx_http_chat_reply_count_t elements)
{
    size_t       n, size;
    redisReply  *reply;

    n = elements;
    size = n * sizeof(redisReply *);

    if (size / sizeof(redisReply *) != n) {
        return NULL;
    }

    reply = ngx_http_chat_reply_tree_add(task, task->type, size,
                                       ngx_min(n, NGX_HTTP_CHAT_REPLY_GUESS
                                                 / NGX_HTTP_CHAT_REPLY_ELEMENT)
                                       * NGX_HTTP_CHAT_REPLY_ELEMENT);

    if (reply) {
        reply->elements = n;
        reply->element = n ? (redisReply **) (reply + 1) : NULL;
    }

    return reply;
}


static void *
ngx_http_chat_reply_tree_integer(const redisReadTask *task, long long value)
{
    redisReply  *reply;

    reply = ngx_http_chat_reply_tree_add(task, REDIS_REPLY_INTEGER, 0, 0);

    if (reply) {
        reply->integer = value;
    }

    return reply;
}


static void *
ngx_http_chat_reply_tree_nil(const redisReadTask *task)
{
    return ngx_http_chat_reply_tree_add(task, REDIS_REPLY_NIL, 0, 0);
}


#if (HIREDIS_MAJOR >= 1)

/* of RESP3, which nobody has asked for */

static void *
ngx_http_chat_reply_tree_double(const redisReadTask *task, double value,
    char *str, size_t len)
{
    return ngx_http_chat_reply_tree_nil(task);
}


static void *
ngx_http_chat_reply_tree_bool(const redisReadTask *task, int value)
{
    return ngx_http_chat_reply_tree_nil(task);
}

#endif


static void
ngx_http_chat_reply_tree_free(void *reply)
{
    ngx_http_chat_reply_tree_t   *tree;
    ngx_http_chat_reply_block_t  *block, *next;

    if (reply == NULL) {
        return;
    }

    tree = (ngx_http_chat_reply_tree_t *)
               ((u_char *) reply - offsetof(ngx_http_chat_reply_tree_t, root));

    for (block = tree->blocks; block; block = next) {
        next = block->next;
        ngx_free(block);
    }

    ngx_free(tree);
}
