/*
 * Many timers of the same few lengths at the price of two pointers and a time
 * each: slots of NGX_HTTP_CHAT_WHEEL_TICK ms, whose entries are looked at when
 * their slot comes round.  An entry fires within two ticks after it is due.
 *
 * An entry is part of its owner; set and del may be called from the handler.
 */

#ifndef NGX_HTTP_CHAT_WHEEL_H
#define NGX_HTTP_CHAT_WHEEL_H

#include "../ngx_http_chat_module.h"


#define NGX_HTTP_CHAT_WHEEL_TICK    50
#define NGX_HTTP_CHAT_WHEEL_SLOTS   1024


typedef struct ngx_http_chat_timer_s  ngx_http_chat_timer_t;

typedef void (*ngx_http_chat_timer_pt)(ngx_http_chat_timer_t *timer);

struct ngx_http_chat_timer_s {
    ngx_queue_t              queue;               /* next NULL: not set */
    ngx_msec_t               due;
    ngx_http_chat_timer_pt   handler;
};


typedef struct {
    ngx_queue_t              slots[NGX_HTTP_CHAT_WHEEL_SLOTS];
    ngx_msec_t               now;                 /* in ticks: slots before it
                                                     have been seen to */
    ngx_uint_t               n;
    ngx_event_t              event;
} ngx_http_chat_wheel_t;


void ngx_http_chat_wheel_init(ngx_http_chat_wheel_t *wheel, ngx_log_t *log);
void ngx_http_chat_wheel_exit(ngx_http_chat_wheel_t *wheel);

/* sets, or sets anew; a timer must have been zeroed before its first use */
void ngx_http_chat_timer_set(ngx_http_chat_wheel_t *wheel,
    ngx_http_chat_timer_t *timer, ngx_msec_t delay,
    ngx_http_chat_timer_pt handler);
void ngx_http_chat_timer_del(ngx_http_chat_wheel_t *wheel,
    ngx_http_chat_timer_t *timer);


#endif /* NGX_HTTP_CHAT_WHEEL_H */
