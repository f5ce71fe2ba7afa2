/*
 * chat_log: see the header.
 */

#include "ngx_http_chat_life.h"


#define NGX_HTTP_CHAT_LIFE_SESSION    12          /* as $chat_session */
#define NGX_HTTP_CHAT_LIFE_COMPLAIN   60


static u_char *ngx_http_chat_life_part(u_char *p,
    ngx_http_chat_session_t *s, ngx_http_chat_log_variable_e variable,
    ngx_uint_t code, const char *why);
static void ngx_http_chat_life_line(ngx_http_chat_session_t *s,
    ngx_uint_t code, const char *why);
static void ngx_http_chat_life_print(ngx_open_file_t *file, u_char *line,
    size_t len);


void
ngx_http_chat_life_begin(ngx_http_chat_session_t *s)
{
    if (s->conf->log || s->conf->admins) {
        s->life = ngx_calloc(sizeof(ngx_http_chat_life_t),
                             ngx_http_chat_worker->log);
    }

    if (s->life) {
        s->life->begin = ngx_current_msec;
    }
}


void
ngx_http_chat_life_address(ngx_http_chat_session_t *s, ngx_str_t *addr)
{
    if (s->life) {
        s->life->addr_len = ngx_min(addr->len, NGX_HTTP_CHAT_LIFE_ADDR);
        ngx_memcpy(s->life->addr, addr->data, s->life->addr_len);
    }
}


void
ngx_http_chat_life_user(ngx_http_chat_session_t *s, ngx_str_t *id,
    ngx_str_t *name)
{
    u_char                *p;
    size_t                 len;
    ngx_http_chat_life_t  *life;

    life = s->life;

    if (life == NULL || s->conf->log == NULL || life->user_id.data) {
        return;
    }

    len = ngx_min(name->len, NGX_HTTP_CHAT_LIFE_NAME);

    p = ngx_alloc(id->len + len, ngx_http_chat_worker->log);
    if (p == NULL) {
        return;
    }

    life->user_id.data = p;
    life->user_id.len = id->len;
    p = ngx_cpymem(p, id->data, id->len);

    life->user.data = p;
    life->user.len = len;
    ngx_memcpy(p, name->data, len);
}


void
ngx_http_chat_life_received(ngx_http_chat_session_t *s, size_t n)
{
    ngx_http_chat_count_n(NGX_HTTP_CHAT_STAT_BYTES_IN, n);

    if (s && s->life) {
        s->life->bytes_received += n;
    }
}


void
ngx_http_chat_life_sent(ngx_http_chat_session_t *s, size_t n)
{
    ngx_http_chat_count_n(NGX_HTTP_CHAT_STAT_BYTES_OUT, n);

    if (s && s->life) {
        s->life->bytes_sent += n;
    }
}


/* one that arrives is still the old worker's, which has the line to write */

void
ngx_http_chat_life_end(ngx_http_chat_session_t *s, ngx_uint_t code,
    const char *why)
{
    if (s->life == NULL) {
        return;
    }

    if (s->conf->log && !s->moved && !s->arriving) {
        ngx_http_chat_life_line(s, code, why);
    }

    if (s->life->user_id.data) {
        ngx_free(s->life->user_id.data);
    }

    ngx_free(s->life);
    s->life = NULL;
}


static void
ngx_http_chat_life_line(ngx_http_chat_session_t *s, ngx_uint_t code,
    const char *why)
{
    u_char                    *line, *p;
    size_t                     size, longest;
    ngx_uint_t                 i;
    ngx_http_chat_log_t       *log;
    ngx_http_chat_log_part_t  *part;

    log = s->conf->log;
    part = log->parts.elts;

    /* no value is longer than a name, or the reason, of which all is escaped */

    longest = 4 * ngx_max(NGX_HTTP_CHAT_LIFE_NAME, ngx_strlen(why));
    size = log->len + log->parts.nelts * longest + 1;

    line = ngx_alloc(size, ngx_http_chat_worker->log);
    if (line == NULL) {
        return;
    }

    p = line;

    for (i = 0; i < log->parts.nelts; i++) {
        p = part[i].text.len
            ? ngx_cpymem(p, part[i].text.data, part[i].text.len)
            : ngx_http_chat_life_part(p, s, part[i].variable, code, why);
    }

    *p++ = LF;

    ngx_http_chat_life_print(log->file, line, p - line);
    ngx_free(line);
}


static u_char *
ngx_http_chat_life_part(u_char *p, ngx_http_chat_session_t *s,
    ngx_http_chat_log_variable_e variable, ngx_uint_t code, const char *why)
{
    ngx_time_t            *tp;
    ngx_msec_t             ms;
    ngx_http_chat_life_t  *life;

    static const char  *transports[] = { "polling", "websocket", "sse" };

    life = s->life;
    ms = ngx_current_msec - life->begin;

    switch (variable) {

    case NGX_HTTP_CHAT_LOG_TIME_ISO8601:
        return ngx_cpymem(p, ngx_cached_http_log_iso8601.data,
                          ngx_cached_http_log_iso8601.len);

    case NGX_HTTP_CHAT_LOG_TIME_LOCAL:
        return ngx_cpymem(p, ngx_cached_http_log_time.data,
                          ngx_cached_http_log_time.len);

    case NGX_HTTP_CHAT_LOG_MSEC:
        tp = ngx_timeofday();
        return ngx_sprintf(p, "%T.%03M", tp->sec, tp->msec);

    case NGX_HTTP_CHAT_LOG_REMOTE_ADDR:
        return ngx_http_chat_life_text(p, life->addr, life->addr_len);

    case NGX_HTTP_CHAT_LOG_USER:
        return ngx_http_chat_life_text(p, life->user.data, life->user.len);

    case NGX_HTTP_CHAT_LOG_USER_ID:
        return ngx_http_chat_life_text(p, life->user_id.data,
                                       life->user_id.len);

    case NGX_HTTP_CHAT_LOG_SESSION:
        return ngx_http_chat_life_text(p, s->token.hash,
                                       life->user_id.len
                                           ? NGX_HTTP_CHAT_LIFE_SESSION : 0);

    case NGX_HTTP_CHAT_LOG_TRANSPORT:
        return ngx_sprintf(p, "%s", transports[s->transport]);

    case NGX_HTTP_CHAT_LOG_DURATION:
        return ngx_sprintf(p, "%M.%03M", ms / 1000, ms % 1000);

    case NGX_HTTP_CHAT_LOG_PACKETS_RECEIVED:
        return ngx_sprintf(p, "%uL", life->received);

    case NGX_HTTP_CHAT_LOG_PACKETS_SENT:
        return ngx_sprintf(p, "%uL", life->sent);

    case NGX_HTTP_CHAT_LOG_BYTES_RECEIVED:
        return ngx_sprintf(p, "%uL", life->bytes_received);

    case NGX_HTTP_CHAT_LOG_BYTES_SENT:
        return ngx_sprintf(p, "%uL", life->bytes_sent);

    case NGX_HTTP_CHAT_LOG_CODE:
        return ngx_sprintf(p, "%ui", code);

    default: /* NGX_HTTP_CHAT_LOG_REASON */
        return ngx_http_chat_life_text(p, (u_char *) why, ngx_strlen(why));
    }
}


u_char *
ngx_http_chat_life_text(u_char *p, u_char *data, size_t len)
{
    size_t  i;

    if (len == 0) {
        *p++ = '-';
        return p;
    }

    for (i = 0; i < len; i++) {
        if (data[i] < 0x20 || data[i] > 0x7e || data[i] == '"'
            || data[i] == '\\')
        {
            p = ngx_sprintf(p, "\\x%02Xd", (uint32_t) data[i]);

        } else {
            *p++ = data[i];
        }
    }

    return p;
}


static void
ngx_http_chat_life_print(ngx_open_file_t *file, u_char *line, size_t len)
{
    ssize_t        n;
    static time_t  last;

    n = ngx_write_fd(file->fd, line, len);

    if (n != (ssize_t) len && ngx_time() - last >= NGX_HTTP_CHAT_LIFE_COMPLAIN)
    {
        last = ngx_time();

        ngx_log_error(NGX_LOG_ALERT, ngx_http_chat_worker->log,
                      n == -1 ? ngx_errno : 0,
                      ngx_write_fd_n " to \"%s\" failed", file->name.data);
    }
}


u_char *
ngx_http_chat_life_write(u_char *p, ngx_http_chat_session_t *s)
{
    ngx_str_t              name;
    ngx_http_chat_life_t  *life;

    life = s->life;

    if (life == NULL) {
        return p;
    }

    p = ngx_sprintf(p, " %M %uL %uL %uL %uL ", ngx_current_msec - life->begin,
                    life->received, life->sent, life->bytes_received,
                    life->bytes_sent);

    p = ngx_cpymem(p, life->addr, life->addr_len);

    /* who has left the chat is not told otherwise */

    if (life->user_id.len) {
        name.data = ngx_sprintf(p, " %V ", &life->user_id);
        ngx_encode_base64url(&name, &life->user);
        p = name.data + name.len;
    }

    return p;
}


void
ngx_http_chat_life_read(ngx_http_chat_session_t *s, ngx_uint_t n,
    ngx_str_t *word)
{
    u_char                 buf[ngx_base64_decoded_length(
                             ngx_base64_encoded_length(
                                                 NGX_HTTP_CHAT_LIFE_NAME))];
    ngx_str_t              name;
    ngx_int_t              value[5];
    ngx_uint_t             i;
    ngx_http_chat_life_t  *life;

    life = s->life;

    if (life == NULL || n < 6) {
        return;
    }

    for (i = 0; i < 5; i++) {
        value[i] = ngx_atoi(word[i].data, word[i].len);

        if (value[i] == NGX_ERROR) {
            return;
        }
    }

    life->begin = ngx_current_msec - value[0];
    life->received += value[1];
    life->sent += value[2];
    life->bytes_received += value[3];
    life->bytes_sent += value[4];

    ngx_http_chat_life_address(s, &word[5]);

    if (n < 8
        || chat_user_id_check((chat_str_t) { word[6].len, word[6].data })
           != CHAT_OK
        || word[7].len > ngx_base64_encoded_length(NGX_HTTP_CHAT_LIFE_NAME))
    {
        return;
    }

    name.data = buf;

    if (ngx_decode_base64url(&name, &word[7]) == NGX_OK) {
        ngx_http_chat_life_user(s, &word[6], &name);
    }
}
