/*
 * What the directives chat_redis_... say, which hold for each Redis of the
 * configuration.
 */

#include "ngx_http_chat_conf.h"
#include "redis/ngx_http_chat_redis_ssl.h"


static ngx_int_t ngx_http_chat_redis_conf_ssl(ngx_conf_t *cf,
    ngx_http_chat_main_conf_t *cmcf);


ngx_int_t
ngx_http_chat_redis_conf_init(ngx_conf_t *cf)
{
    ngx_uint_t                    i, tls;
    ngx_http_chat_main_conf_t    *cmcf;
    ngx_http_chat_redis_conf_t  **redis;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_chat_module);

    ngx_conf_init_msec_value(cmcf->redis_connect_timeout, 3000);
    ngx_conf_init_msec_value(cmcf->redis_read_timeout, 5000);

    tls = 0;
    redis = cmcf->redis.elts;

    for (i = 0; i < cmcf->redis.nelts; i++) {
        redis[i]->connect_timeout = cmcf->redis_connect_timeout;
        redis[i]->read_timeout = cmcf->redis_read_timeout;

        tls |= redis[i]->tls && redis[i]->used;
    }

    return tls ? ngx_http_chat_redis_conf_ssl(cf, cmcf) : NGX_OK;
}


static ngx_int_t
ngx_http_chat_redis_conf_ssl(ngx_conf_t *cf, ngx_http_chat_main_conf_t *cmcf)
{
#if (NGX_HTTP_CHAT_REDIS_SSL)

    SSL_CTX                      *ctx;
    ngx_str_t                    *file[3];
    ngx_uint_t                    i;
    ngx_http_chat_redis_conf_t  **redis;

    file[0] = &cmcf->redis_ssl_trusted;
    file[1] = &cmcf->redis_ssl_certificate;
    file[2] = &cmcf->redis_ssl_key;

    if (!file[1]->len != !file[2]->len) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "\"%s\" needs \"%s\"",
                      file[1]->len ? "chat_redis_ssl_certificate"
                                   : "chat_redis_ssl_certificate_key",
                      file[1]->len ? "chat_redis_ssl_certificate_key"
                                   : "chat_redis_ssl_certificate");
        return NGX_ERROR;
    }

    for (i = 0; i < 3; i++) {
        if (file[i]->len
            && ngx_conf_full_name(cf->cycle, file[i], 1) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    ctx = ngx_http_chat_redis_ssl_create(cf, file[0], file[1], file[2]);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    redis = cmcf->redis.elts;

    for (i = 0; i < cmcf->redis.nelts; i++) {
        if (redis[i]->tls) {
            redis[i]->ssl = ctx;
            redis[i]->ssl_name = cmcf->redis_ssl_name.len
                                 ? cmcf->redis_ssl_name.data : NULL;
        }
    }

#endif

    return NGX_OK;
}
