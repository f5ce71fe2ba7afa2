/*
 * Worker to worker, the side that is asked: see the header.
 */

#include "ngx_http_chat_relay_int.h"
#include "ngx_http_chat_census.h"
#include "ngx_http_chat_known.h"
#include "ngx_http_chat_restrict.h"


typedef void (*ngx_http_chat_relay_pt)(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message);

typedef struct {
    ngx_str_t                     name;
    ngx_uint_t                    words;          /* at least, name included */
    ngx_http_chat_relay_pt        handler;
} ngx_http_chat_relay_command_t;


static void ngx_http_chat_relay_parse(ngx_str_t *payload,
    ngx_http_chat_relay_t *message);
static void ngx_http_chat_relay_on_alive(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message);
static void ngx_http_chat_relay_on_request(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message);
static void ngx_http_chat_relay_on_begin(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message);
static void ngx_http_chat_relay_on_end(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message);
static void ngx_http_chat_relay_on_abort(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message);
static void ngx_http_chat_relay_on_release(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message);
static ngx_http_chat_port_t *ngx_http_chat_relay_waiting(
    ngx_http_chat_hub_t *hub, ngx_http_chat_relay_t *message);
static void ngx_http_chat_relay_on_reply(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message);
static void ngx_http_chat_relay_on_dead(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message);
static void ngx_http_chat_relay_on_back(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message);
static void ngx_http_chat_relay_on_revoke(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message);
static void ngx_http_chat_relay_on_kick(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message);


static ngx_http_chat_relay_command_t  ngx_http_chat_relay_commands[] = {
    { ngx_string("alive"), 2, ngx_http_chat_relay_on_alive },
    { ngx_string("get"), 5, ngx_http_chat_relay_on_request },
    { ngx_string("post"), 5, ngx_http_chat_relay_on_request },
    { ngx_string("reply"), 4, ngx_http_chat_relay_on_reply },
    { ngx_string("begin"), 2, ngx_http_chat_relay_on_begin },
    { ngx_string("end"), 2, ngx_http_chat_relay_on_end },
    { ngx_string("abort"), 4, ngx_http_chat_relay_on_abort },
    { ngx_string("release"), 4, ngx_http_chat_relay_on_release },
    { ngx_string("probe"), 5, ngx_http_chat_relay_on_probe },
    { ngx_string("noop"), 2, ngx_http_chat_relay_on_noop },
    { ngx_string("unprobe"), 2, ngx_http_chat_relay_on_unprobe },
    { ngx_string("move"), 3, ngx_http_chat_relay_on_move },
    { ngx_string("gone"), 2, ngx_http_chat_relay_on_gone },
    { ngx_string("cut"), 3, ngx_http_chat_relay_on_cut },
    { ngx_string("open"), 4, ngx_http_chat_relay_on_open },
    { ngx_string("read"), 4, ngx_http_chat_relay_on_read },
    { ngx_string("held"), 4, ngx_http_chat_relay_on_held },
    { ngx_string("state"), 3, ngx_http_chat_relay_on_state },
    { ngx_string("packet"), 2, ngx_http_chat_relay_on_packet },
    { ngx_string("dead"), 2, ngx_http_chat_relay_on_dead },
    { ngx_string("back"), 2, ngx_http_chat_relay_on_back },
    { ngx_string("revoke"), 2, ngx_http_chat_relay_on_revoke },
    { ngx_string("kick"), 2, ngx_http_chat_relay_on_kick },
    { ngx_string("restrict"), 2, ngx_http_chat_restrict_on_change },
    { ngx_string("who"), 6, ngx_http_chat_census_on_who },
    { ngx_string("here"), 3, ngx_http_chat_census_on_here },
    { ngx_null_string, 0, NULL }
};


void
ngx_http_chat_relay_message(ngx_http_chat_hub_t *hub, ngx_str_t *payload)
{
    ngx_http_chat_relay_t           message;
    ngx_http_chat_relay_command_t  *command;

    ngx_http_chat_relay_parse(payload, &message);

    for (command = ngx_http_chat_relay_commands; command->handler; command++) {

        if (message.n >= command->words
            && message.word[0].len == command->name.len
            /* each has a word: NOLINTNEXTLINE(clang-analyzer-core.*) */
            && ngx_memcmp(message.word[0].data, command->name.data,
                          command->name.len)
               == 0)
        {
            command->handler(hub, &message);
            return;
        }
    }

    ngx_log_error(NGX_LOG_WARN, ngx_http_chat_worker->log, 0,
                  "chat: unknown message on a worker's channel");
}


static void
ngx_http_chat_relay_parse(ngx_str_t *payload, ngx_http_chat_relay_t *message)
{
    u_char     *p, *line, *end, *last;
    ngx_str_t  *word;

    ngx_memzero(message, sizeof(ngx_http_chat_relay_t));

    p = payload->data;
    end = payload->data + payload->len;

    line = ngx_strlchr(p, end, LF);
    last = line ? line : end;

    if (line) {
        message->body.data = line + 1;
        message->body.len = end - line - 1;
    }

    while (p < last && message->n < NGX_HTTP_CHAT_RELAY_WORDS) {
        word = &message->word[message->n++];
        word->data = p;

        p = ngx_strlchr(p, last, ' ');
        p = p ? p : last;

        word->len = p - word->data;

        if (p < last) {
            p++;
        }
    }

    message->rest.data = p;
    message->rest.len = last - p;
}


static void
ngx_http_chat_relay_on_alive(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message)
{
    uint64_t  pos;

    /* all that was published before has been received, unless the bus has been
       cut and what was missed is still being read */

    if (!hub->missed && hub->catching_up == 0
        && chat_pos_parse((chat_str_t) { message->word[1].len,
                                         message->word[1].data }, &pos)
           == CHAT_OK)
    {
        hub->heard = pos;
    }
}


/* get and post: name, id, from, sid, hash */

static void
ngx_http_chat_relay_on_request(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message)
{
    ngx_uint_t                is_post;
    ngx_http_chat_port_t     *port;
    ngx_http_chat_session_t  *s;

    if (message->word[2].len != NGX_HTTP_CHAT_WORKER_ID_LEN) {
        return;
    }

    is_post = message->word[0].data[0] == 'p';

    port = ngx_http_chat_port_remote(hub, message->word[2].data,
                                     ngx_atoi(message->word[1].data,
                                              message->word[1].len),
                                     is_post);
    if (port == NULL) {
        return;
    }

    s = ngx_http_chat_relay_session(hub, &message->word[3]);

    if (s == NULL || s->arriving
        || !ngx_http_chat_relay_hash_is(s, &message->word[4]))
    {
        ngx_http_chat_port_error(port, NGX_HTTP_CHAT_EIO_SID);
        return;
    }

    if (!is_post) {
        ngx_http_chat_polling_get(s, port);
        return;
    }

    port->body = ngx_alloc(message->body.len + 1, ngx_http_chat_worker->log);

    if (port->body == NULL || message->body.len > s->conf->max_payload) {
        ngx_http_chat_port_error(port, NGX_HTTP_CHAT_EIO_BAD);
        return;
    }

    if (s->posting) {
        ngx_http_chat_port_error(port, NGX_HTTP_CHAT_EIO_BAD);
        ngx_http_chat_session_close(s, 1000, "two POSTs at a time");
        return;
    }

    ngx_memcpy(port->body, message->body.data, message->body.len);
    port->rest.data = port->body;
    port->rest.len = message->body.len;

    ngx_http_chat_polling_post(s, port);
}


static void
ngx_http_chat_relay_on_begin(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message)
{
    ngx_http_chat_session_t  *s;

    s = ngx_http_chat_relay_session(hub, &message->word[1]);

    if (s && s->posting) {
        ngx_http_chat_session_close(s, 1000, "two POSTs at a time");

    } else if (s) {
        s->posting = 1;
    }
}


static void
ngx_http_chat_relay_on_end(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message)
{
    ngx_http_chat_session_t  *s;

    s = ngx_http_chat_relay_session(hub, &message->word[1]);

    if (s) {
        s->posting = 0;
    }
}


static void
ngx_http_chat_relay_on_abort(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message)
{
    ngx_http_chat_port_t  *port;

    port = ngx_http_chat_relay_waiting(hub, message);

    if (port) {
        ngx_http_chat_port_abort(port);
    }
}


static void
ngx_http_chat_relay_on_release(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message)
{
    ngx_str_t              noop;
    ngx_http_chat_port_t  *port;

    port = ngx_http_chat_relay_waiting(hub, message);

    if (port) {
        port->session->poll = NULL;
        port->session = NULL;

        ngx_str_set(&noop, "6");
        ngx_http_chat_port_reply(port, NGX_HTTP_OK,
                                 NGX_HTTP_CHAT_REPLY_PAYLOAD, &noop);
    }
}


/* the GET that waits, if it is the one: name, id, from, sid */

static ngx_http_chat_port_t *
ngx_http_chat_relay_waiting(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message)
{
    ngx_http_chat_port_t     *port;
    ngx_http_chat_session_t  *s;

    s = ngx_http_chat_relay_session(hub, &message->word[3]);
    port = s ? s->poll : NULL;

    if (port && message->word[2].len == NGX_HTTP_CHAT_WORKER_ID_LEN
        && port->id == (uint64_t) ngx_atoi(message->word[1].data,
                                           message->word[1].len)
        && ngx_memcmp(port->worker, message->word[2].data,
                      NGX_HTTP_CHAT_WORKER_ID_LEN)
           == 0)
    {
        return port;
    }

    return NULL;
}


static void
ngx_http_chat_relay_on_reply(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message)
{
    ngx_int_t              id, status, type;
    ngx_rbtree_node_t     *node, *sentinel;
    ngx_http_chat_port_t  *port;

    id = ngx_atoi(message->word[1].data, message->word[1].len);
    status = ngx_atoi(message->word[2].data, message->word[2].len);
    type = ngx_atoi(message->word[3].data, message->word[3].len);

    node = ngx_http_chat_worker->relays.root;
    sentinel = ngx_http_chat_worker->relays.sentinel;

    while (node != sentinel && node->key != (ngx_rbtree_key_t) id) {
        node = (ngx_rbtree_key_t) id < node->key ? node->left : node->right;
    }

    if (node == sentinel || status < 200 || status > 599 || type < 0
        || type > NGX_HTTP_CHAT_REPLY_JSON)
    {
        return;
    }

    port = (ngx_http_chat_port_t *)
               ((u_char *) node - offsetof(ngx_http_chat_port_t, node));

    if (port->asked) {
        port->asked(port->data, status == NGX_HTTP_OK);
        ngx_http_chat_port_free(port);
        return;
    }

    ngx_http_chat_port_reply(port, status, type, &message->body);
}


static void
ngx_http_chat_relay_on_dead(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message)
{
    if (message->word[1].len == NGX_HTTP_CHAT_WORKER_ID_LEN) {
        ngx_http_chat_relay_dead(hub, message->word[1].data);
    }
}


static void
ngx_http_chat_relay_on_back(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message)
{
    if (message->word[1].len == NGX_HTTP_CHAT_WORKER_ID_LEN) {
        ngx_http_chat_relay_resume(hub, message->word[1].data);
    }
}


void
ngx_http_chat_relay_back(ngx_http_chat_hub_t *hub)
{
    u_char     back[64];
    ngx_str_t  argv[3];

    ngx_str_set(&argv[0], "PUBLISH");
    ngx_str_set(&argv[1], NGX_HTTP_CHAT_CHANNEL_WORKERS);
    argv[2].data = back;
    argv[2].len = ngx_sprintf(back, "back %V", &ngx_http_chat_worker->id)
                  - back;

    (void) ngx_http_chat_redis_command(hub->redis, NULL, NULL, 3, argv);
}


static void
ngx_http_chat_relay_on_revoke(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message)
{
    ngx_rbtree_node_t        *node, *next;
    ngx_http_chat_worker_t   *worker;
    ngx_http_chat_session_t  *s;

    worker = ngx_http_chat_worker;

    if (message->word[1].len != NGX_HTTP_CHAT_HASH_LEN) {
        return;
    }

    ngx_http_chat_known_drop(hub, &message->word[1]);

    if (worker->sessions.root == &worker->sessions_sentinel) {
        return;
    }

    node = ngx_rbtree_min(worker->sessions.root, &worker->sessions_sentinel);

    for ( /* void */ ; node; node = next) {
        next = ngx_rbtree_next(&worker->sessions, node);
        s = (ngx_http_chat_session_t *) node;

        if (s->hub == hub && s->token.set
            && ngx_memcmp(s->token.hash, message->word[1].data,
                          NGX_HTTP_CHAT_HASH_LEN)
               == 0)
        {
            ngx_http_chat_session_revoke(s);
        }
    }
}


static void
ngx_http_chat_relay_on_kick(ngx_http_chat_hub_t *hub,
    ngx_http_chat_relay_t *message)
{
    ngx_queue_t           *q, *next;
    ngx_http_chat_user_t  *user;

    user = ngx_http_chat_user_find(hub, message->word[1].data,
                                   message->word[1].len);
    if (user == NULL) {
        return;
    }

    for (q = ngx_queue_head(&user->sessions);
         q != ngx_queue_sentinel(&user->sessions);
         q = next)
    {
        next = ngx_queue_next(q);

        ngx_http_chat_session_kick(ngx_queue_data(q, ngx_http_chat_session_t,
                                                  user_queue));
    }
}


ngx_http_chat_session_t *
ngx_http_chat_relay_session(ngx_http_chat_hub_t *hub, ngx_str_t *sid)
{
    ngx_http_chat_session_t  *s;

    s = ngx_http_chat_session_find(sid->data, sid->len);

    return s && s->hub == hub ? s : NULL;
}


ngx_uint_t
ngx_http_chat_relay_hash_is(ngx_http_chat_session_t *s, ngx_str_t *hash)
{
    if (!s->token.set) {
        return hash->len == 1;
    }

    return hash->len == NGX_HTTP_CHAT_HASH_LEN
           && ngx_memcmp(s->token.hash, hash->data, hash->len) == 0;
}


ngx_uint_t
ngx_http_chat_relay_foreign(const u_char *sid, size_t len)
{
    size_t  i;

    if (len != NGX_HTTP_CHAT_SID_LEN) {
        return 0;
    }

    for (i = 0; i < len; i++) {
        if (!((sid[i] >= '0' && sid[i] <= '9')
              || (sid[i] >= 'A' && sid[i] <= 'Z')
              || (sid[i] >= 'a' && sid[i] <= 'z')
              || sid[i] == '-' || sid[i] == '_'))
        {
            return 0;
        }
    }

    return ngx_memcmp(sid, ngx_http_chat_worker->id.data,
                      NGX_HTTP_CHAT_WORKER_ID_LEN)
           != 0;
}


/* worker points to the 12 characters of its id */

ngx_http_chat_op_t *
ngx_http_chat_relay_publish(ngx_http_chat_hub_t *hub, const u_char *worker,
    ngx_str_t *line, ngx_str_t *body, ngx_http_chat_redis_handler_pt handler,
    void *data)
{
    u_char              *p, channel[64];
    ngx_str_t            argv[3];
    ngx_http_chat_op_t  *op;

    argv[2].data = ngx_alloc(line->len + 1 + body->len,
                             ngx_http_chat_worker->log);
    if (argv[2].data == NULL) {
        return NULL;
    }

    p = ngx_cpymem(argv[2].data, line->data, line->len);
    *p++ = LF;

    if (body->len) {
        p = ngx_cpymem(p, body->data, body->len);
    }

    argv[2].len = p - argv[2].data;

    ngx_str_set(&argv[0], "PUBLISH");

    argv[1].data = channel;
    argv[1].len = ngx_sprintf(channel, NGX_HTTP_CHAT_CHANNEL_WORKER "%*s",
                              (size_t) NGX_HTTP_CHAT_WORKER_ID_LEN, worker)
                  - channel;

    op = ngx_http_chat_redis_command(hub->redis, handler, data, 3, argv);

    ngx_free(argv[2].data);

    return op;
}


void
ngx_http_chat_relay_reply(ngx_http_chat_port_t *port, ngx_uint_t status,
    ngx_uint_t type, ngx_str_t *body)
{
    u_char     line[64];
    ngx_str_t  head;

    head.data = line;
    head.len = ngx_sprintf(line, "reply %uL %ui %ui", port->id, status, type)
               - line;

    (void) ngx_http_chat_relay_publish(port->hub, port->worker, &head, body,
                                       NULL, NULL);
}


void
ngx_http_chat_relay_tell(ngx_http_chat_hub_t *hub, const char *command,
    const u_char *sid)
{
    u_char     line[64];
    ngx_str_t  head, body;

    head.data = line;
    head.len = ngx_sprintf(line, "%s %*s", command,
                           (size_t) NGX_HTTP_CHAT_SID_LEN, sid)
               - line;
    ngx_str_null(&body);

    (void) ngx_http_chat_relay_publish(hub, sid, &head, &body, NULL, NULL);
}
