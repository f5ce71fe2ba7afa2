/*
 * Events out: encoded at most once as a Socket.IO packet and once for event
 * streams, whoever many get them.
 */

#include "ngx_http_chat_hub.h"


static ngx_http_chat_frame_t *ngx_http_chat_event_encode(
    ngx_http_chat_event_t *event, ngx_http_chat_session_t *s);
static ngx_http_chat_frame_t *ngx_http_chat_event_packet(
    ngx_http_chat_event_t *event);
static ngx_http_chat_frame_t *ngx_http_chat_event_stream(
    ngx_http_chat_event_t *event);


void
ngx_http_chat_event_deliver(ngx_http_chat_event_t *event,
    ngx_http_chat_session_t *s, ngx_http_chat_room_t *room)
{
    ngx_http_chat_frame_t  *frame;

    if (s->cut) {
        return;
    }

    frame = ngx_http_chat_event_encode(event, s);

    if (frame == NULL) {

        /* it must not just miss one */

        ngx_http_chat_session_overflow(s);
        return;
    }

    if (room && (s->nreplays || s->opening)
        && ngx_http_chat_socket_hold(s, room, frame, event->pos))
    {
        return;
    }

    ngx_http_chat_session_send(s, frame);
}


void
ngx_http_chat_event_done(ngx_http_chat_event_t *event)
{
    ngx_http_chat_frame_unref(event->packet);
    ngx_http_chat_frame_unref(event->stream);
}


void
ngx_http_chat_event_send(ngx_http_chat_session_t *s, const char *name,
    ngx_str_t *json)
{
    ngx_http_chat_frame_t  *frame;

    frame = ngx_http_chat_event_frame(s, name, json, 0);

    if (frame == NULL) {
        ngx_http_chat_session_overflow(s);
        return;
    }

    ngx_http_chat_session_send(s, frame);
    ngx_http_chat_frame_unref(frame);
}


ngx_http_chat_frame_t *
ngx_http_chat_event_frame(ngx_http_chat_session_t *s, const char *name,
    ngx_str_t *json, uint64_t pos)
{
    ngx_http_chat_event_t  event;

    ngx_memzero(&event, sizeof(ngx_http_chat_event_t));

    event.name.data = (u_char *) name;
    event.name.len = ngx_strlen(name);
    event.json = *json;
    event.pos = pos;

    return ngx_http_chat_event_encode(&event, s);
}


static ngx_http_chat_frame_t *
ngx_http_chat_event_encode(ngx_http_chat_event_t *event,
    ngx_http_chat_session_t *s)
{
    return s->transport == NGX_HTTP_CHAT_SSE
               ? ngx_http_chat_event_stream(event)
               : ngx_http_chat_event_packet(event);
}


static ngx_http_chat_frame_t *
ngx_http_chat_event_packet(ngx_http_chat_event_t *event)
{
    ngx_str_t  pieces[5];

    if (event->packet == NULL) {
        ngx_str_set(&pieces[0], "42[\"");
        pieces[1] = event->name;
        ngx_str_set(&pieces[2], "\",");
        pieces[3] = event->json;
        ngx_str_set(&pieces[4], "]");

        event->packet = ngx_http_chat_frame_batched(5, pieces);
    }

    return event->packet;
}


static ngx_http_chat_frame_t *
ngx_http_chat_event_stream(ngx_http_chat_event_t *event)
{
    u_char     id[CHAT_POS_MAX + 5], *p;
    ngx_str_t  pieces[6];

    if (event->stream == NULL) {
        pieces[0].data = id;
        pieces[0].len = 0;

        if (event->pos) {
            p = ngx_cpymem(id, "id: ", 4);
            p = chat_pos_format(p, event->pos);
            *p++ = LF;

            pieces[0].len = p - id;
        }

        ngx_str_set(&pieces[1], "event: ");
        pieces[2] = event->name;
        ngx_str_set(&pieces[3], "\ndata: ");
        pieces[4] = event->json;
        ngx_str_set(&pieces[5], "\n\n");

        event->stream = ngx_http_chat_frame_text_of(6, pieces);
    }

    return event->stream;
}
