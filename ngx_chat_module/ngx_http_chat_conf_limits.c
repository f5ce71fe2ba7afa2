/*
 * Setters of the directives that limit what a client may do.
 */

#include "ngx_http_chat_conf.h"


#define NGX_HTTP_CHAT_RATE_MAX    1000


static ngx_int_t ngx_http_chat_conf_rate(ngx_conf_t *cf, ngx_str_t *text,
    ngx_msec_t *time);


/* a rate's number, and the time in which so many may be; NGX_ERROR: logged */

static ngx_int_t
ngx_http_chat_conf_rate(ngx_conf_t *cf, ngx_str_t *text, ngx_msec_t *time)
{
    ngx_int_t  rate;

    rate = NGX_ERROR;

    if (text->len > 3) {

        if (ngx_strcmp(text->data + text->len - 3, "r/s") == 0) {
            *time = 1000;
            rate = ngx_atoi(text->data, text->len - 3);

        } else if (ngx_strcmp(text->data + text->len - 3, "r/m") == 0) {
            *time = 60000;
            rate = ngx_atoi(text->data, text->len - 3);
        }
    }

    if (rate < 1 || rate > NGX_HTTP_CHAT_RATE_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid rate \"%V\", it must be \"off\" or like "
                           "\"10r/m\" or \"2r/s\", from 1 to %d", text,
                           NGX_HTTP_CHAT_RATE_MAX);
        return NGX_ERROR;
    }

    return rate;
}


char *
ngx_http_chat_set_login_rate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_chat_loc_conf_t *cclcf = conf;

    ngx_int_t   rate;
    ngx_str_t  *value;

    if (cclcf->login_rate != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        cclcf->login_rate = 0;
        cclcf->login_rate_time = 60000;
        return NGX_CONF_OK;
    }

    rate = ngx_http_chat_conf_rate(cf, &value[1], &cclcf->login_rate_time);

    if (rate == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    cclcf->login_rate = rate;

    return NGX_CONF_OK;
}


char *
ngx_http_chat_set_message_rate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_chat_loc_conf_t *cclcf = conf;

    ngx_int_t    rate, burst;
    ngx_str_t   *value;
    ngx_msec_t   time;

    if (cclcf->message_burst != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        cclcf->message_burst = 0;
        return NGX_CONF_OK;
    }

    rate = ngx_http_chat_conf_rate(cf, &value[1], &time);

    if (rate == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    burst = rate;

    if (cf->args->nelts == 3) {
        burst = ngx_strncmp(value[2].data, "burst=", 6) == 0
                ? ngx_atoi(value[2].data + 6, value[2].len - 6) : NGX_ERROR;

        if (burst < 1 || burst > NGX_HTTP_CHAT_RATE_MAX) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\", it must be like "
                               "\"burst=30\", from 1 to %d", &value[2],
                               NGX_HTTP_CHAT_RATE_MAX);
            return NGX_CONF_ERROR;
        }
    }

    cclcf->message_cost = (uint64_t) time * 1000 / rate;
    cclcf->message_burst = burst;

    return NGX_CONF_OK;
}


/* a number within cmd->post, or "off", which is 0 */

char *
ngx_http_chat_set_limit(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t   *value;
    ngx_uint_t  *limit;

    limit = (ngx_uint_t *) ((u_char *) conf + cmd->offset);
    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") != 0) {
        return ngx_conf_set_num_slot(cf, cmd, conf);
    }

    if (*limit != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    *limit = 0;

    return NGX_CONF_OK;
}
