/*
 * The timer wheel: see the header.
 *
 * nginx's own timer drives it, and only while an entry is set.  A slot is
 * emptied into a list of its own before its entries are called, so that a
 * handler may set and delete whatever it likes.
 */

#include "ngx_http_chat_wheel.h"


static void ngx_http_chat_wheel_handler(ngx_event_t *ev);
static void ngx_http_chat_wheel_turn(ngx_http_chat_wheel_t *wheel,
    ngx_queue_t *slot);


void
ngx_http_chat_wheel_init(ngx_http_chat_wheel_t *wheel, ngx_log_t *log)
{
    ngx_uint_t  i;

    ngx_memzero(wheel, sizeof(ngx_http_chat_wheel_t));

    for (i = 0; i < NGX_HTTP_CHAT_WHEEL_SLOTS; i++) {
        ngx_queue_init(&wheel->slots[i]);
    }

    wheel->event.handler = ngx_http_chat_wheel_handler;
    wheel->event.data = wheel;
    wheel->event.log = log;
    wheel->event.cancelable = 1;
}


void
ngx_http_chat_wheel_exit(ngx_http_chat_wheel_t *wheel)
{
    if (wheel->event.timer_set) {
        ngx_del_timer(&wheel->event);
    }
}


void
ngx_http_chat_timer_set(ngx_http_chat_wheel_t *wheel,
    ngx_http_chat_timer_t *timer, ngx_msec_t delay,
    ngx_http_chat_timer_pt handler)
{
    ngx_msec_t  tick;

    ngx_http_chat_timer_del(wheel, timer);

    timer->handler = handler;
    timer->due = ngx_current_msec + delay;

    if (wheel->n++ == 0) {
        wheel->now = ngx_current_msec / NGX_HTTP_CHAT_WHEEL_TICK;
        ngx_add_timer(&wheel->event, NGX_HTTP_CHAT_WHEEL_TICK);
    }

    /* the slot after its time, and never one that has been seen to */

    tick = timer->due / NGX_HTTP_CHAT_WHEEL_TICK + 1;

    if ((ngx_msec_int_t) (tick - wheel->now) <= 0) {
        tick = wheel->now + 1;
    }

    ngx_queue_insert_tail(&wheel->slots[tick % NGX_HTTP_CHAT_WHEEL_SLOTS],
                          &timer->queue);
}


void
ngx_http_chat_timer_del(ngx_http_chat_wheel_t *wheel,
    ngx_http_chat_timer_t *timer)
{
    if (timer->queue.next) {
        ngx_queue_remove(&timer->queue);
        timer->queue.next = NULL;
        wheel->n--;
    }
}


static void
ngx_http_chat_wheel_handler(ngx_event_t *ev)
{
    ngx_http_chat_wheel_t *wheel = ev->data;

    ngx_uint_t  i;
    ngx_msec_t  now;

    now = ngx_current_msec / NGX_HTTP_CHAT_WHEEL_TICK;

    /* after a long pause once round is enough */

    for (i = 0; wheel->now != now && i < NGX_HTTP_CHAT_WHEEL_SLOTS; i++) {
        wheel->now++;
        ngx_http_chat_wheel_turn(wheel,
                    &wheel->slots[wheel->now % NGX_HTTP_CHAT_WHEEL_SLOTS]);
    }

    wheel->now = now;

    if (wheel->n && !ev->timer_set) {
        ngx_add_timer(ev, NGX_HTTP_CHAT_WHEEL_TICK);
    }
}


static void
ngx_http_chat_wheel_turn(ngx_http_chat_wheel_t *wheel, ngx_queue_t *slot)
{
    ngx_queue_t             list, *q;
    ngx_http_chat_timer_t  *timer;

    if (ngx_queue_empty(slot)) {
        return;
    }

    ngx_queue_init(&list);
    ngx_queue_add(&list, slot);
    ngx_queue_init(slot);

    while (!ngx_queue_empty(&list)) {
        q = ngx_queue_head(&list);
        timer = ngx_queue_data(q, ngx_http_chat_timer_t, queue);

        ngx_queue_remove(q);

        if ((ngx_msec_int_t) (timer->due - ngx_current_msec) > 0) {

            /* of a later round */

            ngx_queue_insert_tail(slot, q);
            continue;
        }

        timer->queue.next = NULL;
        wheel->n--;

        timer->handler(timer);
    }
}
