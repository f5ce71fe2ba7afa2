/*
 * chat_admins, and whether somebody is one of them.
 */

#include "ngx_http_chat_conf.h"
#include "proto/chat_name.h"


char *
ngx_http_chat_set_admins(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_chat_loc_conf_t *cclcf = conf;

    ngx_str_t   *value, *name;
    ngx_uint_t   i;

    if (cclcf->admins != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        cclcf->admins = NULL;
        return NGX_CONF_OK;
    }

    cclcf->admins = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                     sizeof(ngx_str_t));
    if (cclcf->admins == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {
        if (value[i].len == 0 || value[i].len > CHAT_NAME_LONGEST) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" can't be a user's name", &value[i]);
            return NGX_CONF_ERROR;
        }

        name = ngx_array_push(cclcf->admins);
        if (name == NULL) {
            return NGX_CONF_ERROR;
        }

        *name = value[i];
    }

    return NGX_CONF_OK;
}


ngx_uint_t
ngx_http_chat_is_admin(ngx_http_chat_loc_conf_t *conf, ngx_str_t *name)
{
    ngx_str_t   *admin;
    ngx_uint_t   i;

    if (conf->admins == NULL) {
        return 0;
    }

    admin = conf->admins->elts;

    for (i = 0; i < conf->admins->nelts; i++) {
        if (admin[i].len == name->len
            && ngx_memcmp(admin[i].data, name->data, name->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}
