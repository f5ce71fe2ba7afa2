/*
 * Tells everybody who has come and who has gone.
 *
 * When many come at once, each of them is told of all the others: of N events
 * to N connections, each by itself would cost N * N system calls.  So above a
 * rate they are gathered for a moment, and a connection gets them in one piece.
 */

#include "ngx_http_chat_hub.h"
#include "ngx_http_chat_bus.h"


#define NGX_HTTP_CHAT_ANNOUNCE_TIME   100         /* ms */
#define NGX_HTTP_CHAT_ANNOUNCE_RATE   8           /* in that time, at once */
#define NGX_HTTP_CHAT_ANNOUNCE_BYTES  2048        /* gathered: fits into the
                                                     least chat_send_queue */


typedef struct {
    ngx_queue_t                   queue;          /* hub->announced */
    const char                   *name;
    ngx_str_t                     id;
    ngx_str_t                     json;
    /* both follow */
} ngx_http_chat_announced_t;


static void ngx_http_chat_announce_tell(ngx_http_chat_hub_t *hub,
    const char *name, ngx_str_t *id, ngx_str_t *json);
static ngx_int_t ngx_http_chat_announce_gather(ngx_http_chat_hub_t *hub,
    const char *name, ngx_str_t *id, ngx_str_t *json);
static void ngx_http_chat_announce_handler(ngx_http_chat_timer_t *timer);


void
ngx_http_chat_announce(ngx_http_chat_hub_t *hub, const char *name,
    ngx_str_t *id, ngx_str_t *json)
{
    if (ngx_current_msec - hub->announce_since >= NGX_HTTP_CHAT_ANNOUNCE_TIME
        && ngx_queue_empty(&hub->announced))
    {
        hub->announce_since = ngx_current_msec;
        hub->nannounced = 0;
    }

    hub->nannounced++;

    /* the sessions of a worker that goes may move on at any moment */

    if (!ngx_exiting && hub->nannounced > NGX_HTTP_CHAT_ANNOUNCE_RATE
        && ngx_http_chat_announce_gather(hub, name, id, json) == NGX_OK)
    {
        return;
    }

    ngx_http_chat_announce_flush(hub);
    ngx_http_chat_announce_tell(hub, name, id, json);
}


/* to everybody but that user */

static void
ngx_http_chat_announce_tell(ngx_http_chat_hub_t *hub, const char *name,
    ngx_str_t *id, ngx_str_t *json)
{
    ngx_uint_t                i;
    ngx_http_chat_event_t     event;
    ngx_http_chat_session_t  *s;

    ngx_memzero(&event, sizeof(ngx_http_chat_event_t));

    event.name.data = (u_char *) name;
    event.name.len = ngx_strlen(name);
    event.json = *json;

    for (i = 0; i < hub->general->nmembers; i++) {
        s = hub->general->members[i];

        if (s->user->node.str.len != id->len
            || ngx_memcmp(s->user->node.str.data, id->data, id->len) != 0)
        {
            ngx_http_chat_event_deliver(&event, s, NULL);
        }
    }

    ngx_http_chat_event_done(&event);
}


static ngx_int_t
ngx_http_chat_announce_gather(ngx_http_chat_hub_t *hub, const char *name,
    ngx_str_t *id, ngx_str_t *json)
{
    u_char                     *p;
    ngx_http_chat_announced_t  *announced;

    if (hub->announced_bytes + json->len > NGX_HTTP_CHAT_ANNOUNCE_BYTES) {
        return NGX_DECLINED;
    }

    announced = ngx_alloc(sizeof(ngx_http_chat_announced_t) + id->len
                          + json->len, ngx_http_chat_worker->log);
    if (announced == NULL) {
        return NGX_ERROR;
    }

    p = (u_char *) (announced + 1);

    announced->name = name;
    announced->id.len = id->len;
    announced->id.data = p;
    p = ngx_cpymem(p, id->data, id->len);

    announced->json.len = json->len;
    announced->json.data = p;
    ngx_memcpy(p, json->data, json->len);

    if (ngx_queue_empty(&hub->announced)) {
        ngx_http_chat_timer_set(&ngx_http_chat_worker->wheel,
                                &hub->announce_timer,
                                NGX_HTTP_CHAT_ANNOUNCE_TIME,
                                ngx_http_chat_announce_handler);
    }

    ngx_queue_insert_tail(&hub->announced, &announced->queue);
    hub->announced_bytes += json->len;

    return NGX_OK;
}


static void
ngx_http_chat_announce_handler(ngx_http_chat_timer_t *timer)
{
    ngx_http_chat_hub_t  *hub;

    hub = (ngx_http_chat_hub_t *)
              ((u_char *) timer - offsetof(ngx_http_chat_hub_t,
                                           announce_timer));

    ngx_http_chat_announce_flush(hub);
}


void
ngx_http_chat_announce_flush(ngx_http_chat_hub_t *hub)
{
    ngx_uint_t                  n;
    ngx_queue_t                *q;
    ngx_http_chat_announced_t  *announced;

    for (n = 0; !ngx_queue_empty(&hub->announced); n++) {
        q = ngx_queue_head(&hub->announced);
        ngx_queue_remove(q);

        announced = ngx_queue_data(q, ngx_http_chat_announced_t, queue);

        ngx_http_chat_announce_tell(hub, announced->name, &announced->id,
                                    &announced->json);
        ngx_free(announced);
    }

    if (n) {
        ngx_http_chat_timer_del(&ngx_http_chat_worker->wheel,
                                &hub->announce_timer);

        /* many still come as long as many have come */

        hub->announce_since = ngx_current_msec;
        hub->nannounced = n;
        hub->announced_bytes = 0;
    }
}
