/*
 * The directive chat_log: its file, which nginx opens anew when it is told to,
 * and its format.
 */

#include "ngx_http_chat_conf.h"


static ngx_int_t ngx_http_chat_log_compile(ngx_conf_t *cf, ngx_str_t *format,
    ngx_http_chat_log_t *log);
static ngx_http_chat_log_part_t *ngx_http_chat_log_variable(ngx_conf_t *cf,
    ngx_str_t *name, ngx_http_chat_log_t *log);


static ngx_str_t  ngx_http_chat_log_default = ngx_string(
    "$remote_addr - $chat_user [$time_local] $chat_transport $duration "
    "$packets_received $packets_sent $bytes_received $bytes_sent "
    "\"$reason\"");


static ngx_conf_enum_t  ngx_http_chat_log_variables[] = {
    { ngx_string("time_iso8601"), NGX_HTTP_CHAT_LOG_TIME_ISO8601 },
    { ngx_string("time_local"), NGX_HTTP_CHAT_LOG_TIME_LOCAL },
    { ngx_string("msec"), NGX_HTTP_CHAT_LOG_MSEC },
    { ngx_string("remote_addr"), NGX_HTTP_CHAT_LOG_REMOTE_ADDR },
    { ngx_string("chat_user"), NGX_HTTP_CHAT_LOG_USER },
    { ngx_string("chat_user_id"), NGX_HTTP_CHAT_LOG_USER_ID },
    { ngx_string("chat_session"), NGX_HTTP_CHAT_LOG_SESSION },
    { ngx_string("chat_transport"), NGX_HTTP_CHAT_LOG_TRANSPORT },
    { ngx_string("duration"), NGX_HTTP_CHAT_LOG_DURATION },
    { ngx_string("packets_received"), NGX_HTTP_CHAT_LOG_PACKETS_RECEIVED },
    { ngx_string("packets_sent"), NGX_HTTP_CHAT_LOG_PACKETS_SENT },
    { ngx_string("bytes_received"), NGX_HTTP_CHAT_LOG_BYTES_RECEIVED },
    { ngx_string("bytes_sent"), NGX_HTTP_CHAT_LOG_BYTES_SENT },
    { ngx_string("code"), NGX_HTTP_CHAT_LOG_CODE },
    { ngx_string("reason"), NGX_HTTP_CHAT_LOG_REASON },
    { ngx_null_string, 0 }
};


char *
ngx_http_chat_set_log(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_chat_loc_conf_t *cclcf = conf;

    ngx_str_t            *value, *format;
    ngx_http_chat_log_t  *log;

    if (cclcf->log != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        if (cf->args->nelts == 3) {
            return "has no format when it is off";
        }

        cclcf->log = NULL;
        return NGX_CONF_OK;
    }

    if (value[1].len == 0) {
        return "needs a file";
    }

    log = ngx_pcalloc(cf->pool, sizeof(ngx_http_chat_log_t));
    if (log == NULL) {
        return NGX_CONF_ERROR;
    }

    log->file = ngx_conf_open_file(cf->cycle, &value[1]);
    if (log->file == NULL) {
        return NGX_CONF_ERROR;
    }

    format = cf->args->nelts == 3 ? &value[2] : &ngx_http_chat_log_default;

    if (ngx_http_chat_log_compile(cf, format, log) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    cclcf->log = log;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_chat_log_compile(ngx_conf_t *cf, ngx_str_t *format,
    ngx_http_chat_log_t *log)
{
    u_char                    *p, *end;
    ngx_str_t                  name;
    ngx_http_chat_log_part_t  *part;

    if (ngx_array_init(&log->parts, cf->pool, 16,
                       sizeof(ngx_http_chat_log_part_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    p = format->data;
    end = p + format->len;

    while (p < end) {

        if (*p == '$') {
            name.data = ++p;

            while (p < end && ((*p >= 'a' && *p <= 'z')
                               || (*p >= '0' && *p <= '9') || *p == '_'))
            {
                p++;
            }

            name.len = p - name.data;

            if (ngx_http_chat_log_variable(cf, &name, log) == NULL) {
                return NGX_ERROR;
            }

            continue;
        }

        part = ngx_array_push(&log->parts);
        if (part == NULL) {
            return NGX_ERROR;
        }

        part->text.data = p;

        while (p < end && *p != '$') {
            p++;
        }

        part->text.len = p - part->text.data;
        log->len += part->text.len;
    }

    return NGX_OK;
}


static ngx_http_chat_log_part_t *
ngx_http_chat_log_variable(ngx_conf_t *cf, ngx_str_t *name,
    ngx_http_chat_log_t *log)
{
    ngx_conf_enum_t           *e;
    ngx_http_chat_log_part_t  *part;

    for (e = ngx_http_chat_log_variables; e->name.len; e++) {

        if (e->name.len != name->len
            || ngx_memcmp(e->name.data, name->data, name->len) != 0)
        {
            continue;
        }

        part = ngx_array_push(&log->parts);

        if (part) {
            ngx_str_null(&part->text);
            part->variable = e->value;
        }

        return part;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown variable \"$%V\" in chat_log", name);
    return NULL;
}
