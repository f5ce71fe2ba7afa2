/*
 * Who is here: see the header.  What is asked for is in the pool of its
 * request, and linked to the hub until it is answered or cancelled.
 */

#include "ngx_http_chat_census.h"
#include "ngx_http_chat_life.h"


#define NGX_HTTP_CHAT_CENSUS_TIME    1000         /* ms */
#define NGX_HTTP_CHAT_CENSUS_MOST    16           /* at a time */
#define NGX_HTTP_CHAT_CENSUS_CONNS   16           /* of a user */
#define NGX_HTTP_CHAT_CENSUS_ANSWER  65536        /* bytes of a worker */
#define NGX_HTTP_CHAT_CENSUS_BYTES   (2 * 1024 * 1024)
#define NGX_HTTP_CHAT_CENSUS_SESSION 12           /* as $chat_session */

#define NGX_HTTP_CHAT_CENSUS_NAME                                             \
    ngx_base64_encoded_length(NGX_HTTP_CHAT_LIFE_NAME)
#define NGX_HTTP_CHAT_CENSUS_LINE                                             \
    (sizeof("  - websocket   ") + CHAT_USER_ID_MAX + NGX_INT_T_LEN            \
     + NGX_INT64_LEN + NGX_HTTP_CHAT_LIFE_ADDR                                \
     + NGX_HTTP_CHAT_CENSUS_SESSION)
#define NGX_HTTP_CHAT_CENSUS_USER                                             \
    (NGX_HTTP_CHAT_CENSUS_NAME                                                \
     + NGX_HTTP_CHAT_CENSUS_CONNS * NGX_HTTP_CHAT_CENSUS_LINE)
#define NGX_HTTP_CHAT_CENSUS_ROOM                                             \
    (CHAT_ROOM_ID_MAX + NGX_INT_T_LEN + 2)


static void ngx_http_chat_census_published(ngx_http_chat_ctx_t *ctx,
    redisReply *reply, ngx_uint_t n);
static void ngx_http_chat_census_timer_handler(ngx_event_t *ev);
static ngx_http_chat_census_t *ngx_http_chat_census_find(
    ngx_http_chat_hub_t *hub, ngx_str_t *token);
static void ngx_http_chat_census_ended(ngx_http_chat_census_t *census,
    ngx_str_t *answer);
static void ngx_http_chat_census_finish(ngx_http_chat_census_t *census);
static ngx_int_t ngx_http_chat_census_merge(ngx_http_chat_census_t *census);
static ngx_int_t ngx_http_chat_census_parse(ngx_http_chat_census_t *census,
    ngx_str_t *answer);
static int ngx_libc_cdecl ngx_http_chat_census_order(const void *a,
    const void *b);
static ngx_int_t ngx_http_chat_census_compare(uint32_t key, ngx_str_t *id,
    uint32_t other_key, ngx_str_t *other);
static ngx_rbtree_node_t *ngx_http_chat_census_behind(ngx_rbtree_t *tree,
    ngx_str_t *id);
static u_char *ngx_http_chat_census_users(ngx_http_chat_hub_t *hub, u_char *p,
    u_char *end, ngx_str_t *after, ngx_uint_t size, ngx_uint_t *more);
static u_char *ngx_http_chat_census_user(ngx_http_chat_user_t *user,
    u_char *p);
static u_char *ngx_http_chat_census_rooms(ngx_http_chat_hub_t *hub, u_char *p,
    u_char *end, ngx_str_t *after, ngx_uint_t size, ngx_uint_t *more);


void
ngx_http_chat_census(ngx_http_chat_ctx_t *ctx, const char *kind,
    ngx_str_t *after, ngx_uint_t size, ngx_http_chat_next_pt next)
{
    ngx_str_t                none;
    ngx_uint_t               n;
    ngx_queue_t             *q;
    ngx_http_chat_hub_t     *hub;
    ngx_http_chat_census_t  *census;
    u_char                   text[256];
    ngx_str_t                message;

    hub = ngx_http_chat_hub(ctx->conf);
    n = 0;

    for (q = ngx_queue_head(&hub->censuses);
         q != ngx_queue_sentinel(&hub->censuses);
         q = ngx_queue_next(q))
    {
        n++;
    }

    census = ngx_pcalloc(ctx->request->pool, sizeof(ngx_http_chat_census_t));

    if (!hub->up || n >= NGX_HTTP_CHAT_CENSUS_MOST || census == NULL
        || ngx_array_init(&census->answers, ctx->request->pool, 4,
                          sizeof(ngx_str_t))
           != NGX_OK)
    {
        ngx_http_chat_unavailable(ctx);
        return;
    }

    census->ctx = ctx;
    census->next = next;
    census->token = ++ngx_http_chat_worker->request;

    census->timer.handler = ngx_http_chat_census_timer_handler;
    census->timer.data = census;
    census->timer.log = ctx->request->connection->log;

    ngx_queue_insert_tail(&hub->censuses, &census->queue);
    ngx_add_timer(&census->timer, NGX_HTTP_CHAT_CENSUS_TIME);
    ctx->census = census;

    ngx_str_set(&none, "*");

    message.data = text;
    message.len = ngx_snprintf(text, sizeof(text), "who %uL %V %s %V %ui",
                               census->token, &ngx_http_chat_worker->id, kind,
                               after->len ? after : &none, size)
                  - text;

    (void) ngx_http_chat_command(ctx, ngx_http_chat_census_published, 0,
                                 "PUBLISH " NGX_HTTP_CHAT_CHANNEL_WORKERS
                                 " %V", &message);
}


void
ngx_http_chat_census_cancel(ngx_http_chat_census_t *census)
{
    if (census && census->timer.timer_set) {
        ngx_del_timer(&census->timer);
        ngx_queue_remove(&census->queue);
    }
}


/* as many as have subscribed to the channel */

static void
ngx_http_chat_census_published(ngx_http_chat_ctx_t *ctx, redisReply *reply,
    ngx_uint_t n)
{
    ngx_http_chat_census_t  *census;

    if (ngx_http_chat_failed(ctx, reply)) {
        return;
    }

    census = ctx->census;
    census->asked = ngx_http_chat_redis_int(reply);
    census->known = 1;

    if (census->answered >= census->asked) {
        ngx_http_chat_census_finish(census);
    }
}


static void
ngx_http_chat_census_timer_handler(ngx_event_t *ev)
{
    ngx_http_chat_census_t *census = ev->data;

    ngx_connection_t  *c;

    c = census->ctx->request->connection;

    ngx_http_set_log_request(c->log, census->ctx->request);

    /* the timer is what says that it is linked */

    ngx_queue_remove(&census->queue);

    if (!census->known) {
        ngx_http_chat_unavailable(census->ctx);

    } else {
        ngx_http_chat_census_finish(census);
    }

    ngx_http_run_posted_requests(c);
}


static ngx_http_chat_census_t *
ngx_http_chat_census_find(ngx_http_chat_hub_t *hub, ngx_str_t *token)
{
    ngx_queue_t             *q;
    ngx_http_chat_census_t  *census;

    for (q = ngx_queue_head(&hub->censuses);
         q != ngx_queue_sentinel(&hub->censuses);
         q = ngx_queue_next(q))
    {
        census = ngx_queue_data(q, ngx_http_chat_census_t, queue);

        if (census->token == (uint64_t) ngx_atoi(token->data, token->len)) {
            return census;
        }
    }

    return NULL;
}


void
ngx_http_chat_census_on_here(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message)
{
    ngx_str_t               *answer;
    ngx_connection_t        *c;
    ngx_http_chat_census_t  *census;

    census = ngx_http_chat_census_find(hub, &message->word[1]);

    if (census == NULL) {
        return;
    }

    census->answered++;
    census->bytes += message->body.len;

    answer = NULL;

    if (census->bytes <= NGX_HTTP_CHAT_CENSUS_BYTES
        && (message->body.len == 0
            || message->body.data[message->body.len - 1] == LF))
    {
        answer = ngx_array_push(&census->answers);
    }

    if (answer) {
        answer->len = message->body.len;
        answer->data = ngx_pstrdup(census->ctx->request->pool, &message->body);
    }

    if (answer == NULL || answer->data == NULL) {
        census->answers.nelts -= (answer != NULL);
        census->missing++;

    } else if (answer->len && message->word[2].data[0] == '1') {
        ngx_http_chat_census_ended(census, answer);
    }

    if (census->known && census->answered >= census->asked) {
        c = census->ctx->request->connection;

        ngx_http_set_log_request(c->log, census->ctx->request);
        ngx_http_chat_census_finish(census);
        ngx_http_run_posted_requests(c);
    }
}


/* what others have behind this one's last is not what comes next */

static void
ngx_http_chat_census_ended(ngx_http_chat_census_t *census, ngx_str_t *answer)
{
    u_char     *p, *end;
    ngx_str_t   last;

    end = answer->data + answer->len - 1;

    for (p = end; p > answer->data && p[-1] != LF; p--) { /* void */ }

    last.data = p;

    for ( /* void */ ; p < end && *p != ' '; p++) { /* void */ }

    last.len = p - last.data;

    census->more = 1;

    if (census->end.len == 0
        || ngx_http_chat_census_compare(ngx_crc32_short(last.data, last.len),
                                        &last,
                                        ngx_crc32_short(census->end.data,
                                                        census->end.len),
                                        &census->end)
           < 0)
    {
        census->end = last;
    }
}


static void
ngx_http_chat_census_finish(ngx_http_chat_census_t *census)
{
    ngx_http_chat_census_cancel(census);

    if (census->asked > census->answered) {
        census->missing += census->asked - census->answered;
    }

    if (ngx_http_chat_census_merge(census) != NGX_OK) {
        ngx_http_chat_unavailable(census->ctx);
        return;
    }

    census->next(census->ctx);
}


static ngx_int_t
ngx_http_chat_census_merge(ngx_http_chat_census_t *census)
{
    ngx_str_t   *answer;
    ngx_uint_t   i;

    if (ngx_array_init(&census->lines, census->ctx->request->pool, 64,
                       sizeof(ngx_http_chat_census_line_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    answer = census->answers.elts;

    for (i = 0; i < census->answers.nelts; i++) {
        if (ngx_http_chat_census_parse(census, &answer[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    ngx_qsort(census->lines.elts, census->lines.nelts,
              sizeof(ngx_http_chat_census_line_t), ngx_http_chat_census_order);

    return NGX_OK;
}


static ngx_int_t
ngx_http_chat_census_parse(ngx_http_chat_census_t *census, ngx_str_t *answer)
{
    u_char                       *p, *end, *last;
    ngx_str_t                    *word;
    ngx_http_chat_census_line_t   line, *added;

    p = answer->data;
    end = p + answer->len;

    while (p < end) {
        last = ngx_strlchr(p, end, LF);
        last = last ? last : end;

        ngx_memzero(&line, sizeof(ngx_http_chat_census_line_t));

        while (p < last && line.n < NGX_HTTP_CHAT_CENSUS_WORDS) {
            word = &line.word[line.n++];
            word->data = p;

            p = ngx_strlchr(p, last, ' ');
            p = p ? p : last;

            word->len = p++ - word->data;
        }

        p = last + 1;

        line.key = ngx_crc32_short(line.word[0].data, line.word[0].len);

        if (line.n < 2
            || (census->end.len
                && ngx_http_chat_census_compare(line.key, &line.word[0],
                                   ngx_crc32_short(census->end.data,
                                                   census->end.len),
                                                &census->end)
                   > 0))
        {
            continue;
        }

        added = ngx_array_push(&census->lines);
        if (added == NULL) {
            return NGX_ERROR;
        }

        *added = line;
    }

    return NGX_OK;
}


static int ngx_libc_cdecl
ngx_http_chat_census_order(const void *a, const void *b)
{
    ngx_http_chat_census_line_t  *first, *second;

    first = (ngx_http_chat_census_line_t *) a;
    second = (ngx_http_chat_census_line_t *) b;

    return ngx_http_chat_census_compare(first->key, &first->word[0],
                                        second->key, &second->word[0]);
}


/* as ngx_str_rbtree_insert_value() has them */

static ngx_int_t
ngx_http_chat_census_compare(uint32_t key, ngx_str_t *id, uint32_t other_key,
    ngx_str_t *other)
{
    if (key != other_key) {
        return key < other_key ? -1 : 1;
    }

    if (id->len != other->len) {
        return id->len < other->len ? -1 : 1;
    }

    return id->len ? ngx_memcmp(id->data, other->data, id->len) : 0;
}


/* the first node behind an id, which need not be there itself */

static ngx_rbtree_node_t *
ngx_http_chat_census_behind(ngx_rbtree_t *tree, ngx_str_t *id)
{
    uint32_t            key;
    ngx_rbtree_node_t  *node, *found;

    key = ngx_crc32_short(id->data, id->len);
    node = tree->root;
    found = NULL;

    while (node != tree->sentinel) {
        if (ngx_http_chat_census_compare(node->key,
                                         &((ngx_str_node_t *) node)->str, key,
                                         id)
            > 0)
        {
            found = node;
            node = node->left;

        } else {
            node = node->right;
        }
    }

    return found;
}


/* name, token, from, kind, after, size */

void
ngx_http_chat_census_on_who(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message)
{
    u_char                *p, *buf, *end, head[64];
    ngx_int_t              size;
    ngx_str_t              line, body, after, *kind;
    ngx_uint_t             more;
    ngx_http_chat_user_t  *user;

    kind = &message->word[3];
    after = message->word[4];
    size = ngx_atoi(message->word[5].data, message->word[5].len);

    if (message->word[1].len > NGX_INT64_LEN
        || message->word[2].len != NGX_HTTP_CHAT_WORKER_ID_LEN
        || size < 1 || size > NGX_HTTP_CHAT_CENSUS_SIZE)
    {
        return;
    }

    if (after.len == 1 && after.data[0] == '*') {
        after.len = 0;
    }

    buf = ngx_alloc(NGX_HTTP_CHAT_CENSUS_ANSWER, ngx_http_chat_worker->log);
    if (buf == NULL) {
        return;
    }

    p = buf;
    end = buf + NGX_HTTP_CHAT_CENSUS_ANSWER;
    more = 0;

    if (kind->len == 5 && ngx_strncmp(kind->data, "users", 5) == 0) {
        p = ngx_http_chat_census_users(hub, p, end, &after, size, &more);

    } else if (kind->len == 5 && ngx_strncmp(kind->data, "rooms", 5) == 0) {
        p = ngx_http_chat_census_rooms(hub, p, end, &after, size, &more);

    } else {
        user = ngx_http_chat_user_find(hub, after.data, after.len);

        if (user && user->nsessions) {
            p = ngx_http_chat_census_user(user, p);
        }
    }

    line.data = head;
    line.len = ngx_sprintf(head, "here %V %ui", &message->word[1], more)
               - head;
    body.data = buf;
    body.len = p - buf;

    (void) ngx_http_chat_relay_publish(hub, message->word[2].data, &line,
                                       &body, NULL, NULL);
    ngx_free(buf);
}


static u_char *
ngx_http_chat_census_users(ngx_http_chat_hub_t *hub, u_char *p, u_char *end,
    ngx_str_t *after, ngx_uint_t size, ngx_uint_t *more)
{
    ngx_rbtree_node_t     *node;
    ngx_http_chat_user_t  *user;

    node = ngx_http_chat_census_behind(&hub->users, after);

    for ( /* void */ ; node; node = ngx_rbtree_next(&hub->users, node)) {
        user = (ngx_http_chat_user_t *) node;

        if (user->nsessions == 0) {
            continue;
        }

        if (size-- == 0 || end - p < (ssize_t) NGX_HTTP_CHAT_CENSUS_USER) {
            *more = 1;
            break;
        }

        p = ngx_http_chat_census_user(user, p);
    }

    return p;
}


static u_char *
ngx_http_chat_census_user(ngx_http_chat_user_t *user, u_char *p)
{
    ngx_str_t                 name, text;
    ngx_uint_t                n;
    ngx_queue_t              *q;
    ngx_http_chat_session_t  *s;

    static const char  *transports[] = { "polling", "websocket", "sse" };

    q = ngx_queue_head(&user->sessions);

    for (n = 0;
         n < NGX_HTTP_CHAT_CENSUS_CONNS
         && q != ngx_queue_sentinel(&user->sessions);
         n++)
    {
        s = ngx_queue_data(q, ngx_http_chat_session_t, user_queue);
        q = ngx_queue_next(q);

        p = ngx_sprintf(p, "%V %ui ", &user->node.str, n ? 0 : user->nsessions);

        if (n == 0) {
            name = user->name;
            name.len = ngx_min(name.len, NGX_HTTP_CHAT_LIFE_NAME);

            text.data = p;
            ngx_encode_base64url(&text, &name);
            p += text.len;

        } else {
            *p++ = '-';
        }

        p = ngx_sprintf(p, " %s ", transports[s->transport]);

        if (s->life && s->life->addr_len) {
            p = ngx_sprintf(p, "%M %*s",
                            (ngx_current_msec - s->life->begin) / 1000,
                            s->life->addr_len, s->life->addr);

        } else {
            p = ngx_cpymem(p, "- -", 3);
        }

        p = ngx_sprintf(p, " %*s\n", s->token.set
                            ? (size_t) NGX_HTTP_CHAT_CENSUS_SESSION : 0,
                        s->token.hash);
    }

    return p;
}


/* private rooms are nobody's business */

static u_char *
ngx_http_chat_census_rooms(ngx_http_chat_hub_t *hub, u_char *p, u_char *end,
    ngx_str_t *after, ngx_uint_t size, ngx_uint_t *more)
{
    ngx_rbtree_node_t     *node;
    ngx_http_chat_room_t  *room;

    node = ngx_http_chat_census_behind(&hub->rooms, after);

    for ( /* void */ ; node; node = ngx_rbtree_next(&hub->rooms, node)) {
        room = (ngx_http_chat_room_t *) node;

        if (room->id.type == CHAT_ROOM_PRIVATE
            || (room->nmembers == 0 && room != hub->general))
        {
            continue;
        }

        if (size-- == 0 || end - p < (ssize_t) NGX_HTTP_CHAT_CENSUS_ROOM) {
            *more = 1;
            break;
        }

        p = ngx_sprintf(p, "%V %ui\n", &room->node.str, room->nmembers);
    }

    return p;
}
