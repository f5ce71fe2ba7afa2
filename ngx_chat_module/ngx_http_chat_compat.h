/*
 * Every difference between the versions of nginx and hiredis that the module
 * supports: nginx 1.22 to 1.28, hiredis 0.14 to 1.2.
 */

#ifndef NGX_HTTP_CHAT_COMPAT_H
#define NGX_HTTP_CHAT_COMPAT_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_http.h>

#include <hiredis/hiredis.h>
#include <hiredis/async.h>


/* the Cookie headers of a request: an array of pointers before 1.23 */

static ngx_inline ngx_table_elt_t *
ngx_http_chat_cookie_header(ngx_http_request_t *r, ngx_uint_t n)
{
#if (nginx_version >= 1023000)
    ngx_table_elt_t  *h;

    for (h = r->headers_in.cookie; h && n; h = h->next) {
        n--;
    }

    return h;
#else
    ngx_table_elt_t  **h;

    h = r->headers_in.cookies.elts;

    return n < r->headers_in.cookies.nelts ? h[n] : NULL;
#endif
}


/* response headers are linked since 1.23; ones pushed by hand end the list */

static ngx_inline ngx_table_elt_t *
ngx_http_chat_push_header(ngx_http_request_t *r)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NULL;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));
    h->hash = 1;

    return h;
}


#endif /* NGX_HTTP_CHAT_COMPAT_H */
