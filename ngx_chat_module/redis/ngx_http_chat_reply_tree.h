/*
 * The replies of Redis as hiredis's redisReply, but with all of a reply in one
 * piece of memory or a few: a page of 15 messages would be 62 pieces else.
 */

#ifndef NGX_HTTP_CHAT_REPLY_TREE_H
#define NGX_HTTP_CHAT_REPLY_TREE_H

#include "../ngx_http_chat_module.h"


/* for a reader that has read nothing yet */
void ngx_http_chat_reply_tree_use(redisAsyncContext *ac);


#endif /* NGX_HTTP_CHAT_REPLY_TREE_H */
