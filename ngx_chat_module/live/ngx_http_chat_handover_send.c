/*
 * Handing over: the state of a connection and its session, as it goes into a
 * link.
 */

#include "ngx_http_chat_handover_int.h"


static ngx_int_t ngx_http_chat_handover_data(ngx_http_chat_link_t *link,
    u_char *data, size_t len);


ngx_int_t
ngx_http_chat_handover_send(ngx_http_chat_session_t *s,
    ngx_http_chat_link_t *link)
{
    u_char                  *p, *out;
    ngx_int_t                rc;
    ngx_uint_t               i;
    ngx_http_chat_conn_t    *conn;
    ngx_http_chat_frame_t   *frame;
    ngx_http_chat_state_t    state;

    conn = s->conn;

    ngx_memzero(&state, sizeof(ngx_http_chat_state_t));

    ngx_memcpy(state.sid, s->sid, NGX_HTTP_CHAT_SID_LEN);
    ngx_memcpy(state.key, s->conf->key, NGX_HTTP_CHAT_KEY_LEN);
    state.token = s->token;
    ngx_http_chat_client_id_of(s->client, &state.client);
    state.parser = conn->parser;

    if (conn->parser.control) {
        ngx_memcpy(state.control, conn->parser.control, conn->parser.got);
    }

    state.out = conn->out.bytes - conn->out.sent;
    state.unread = conn->nunread;
    state.message = conn->len;
    state.renewed = ngx_current_msec - s->renewed;
    state.window = conn->window;
    state.pinged = s->pinged;
    state.spoken = s->spoken;
    state.polled = s->polled;

    if (s->heartbeat.queue.next
        && (ngx_msec_int_t) (s->heartbeat.due - ngx_current_msec) > 0)
    {
        state.heartbeat = s->heartbeat.due - ngx_current_msec;
    }

    out = ngx_alloc(conn->out.bytes + 1, ngx_http_chat_worker->log);
    if (out == NULL) {
        return NGX_ERROR;
    }

    p = out;

    for (i = 0; i < conn->out.n; i++) {
        frame = ngx_http_chat_outbox_get(&conn->out, i);
        p = ngx_cpymem(p, frame->text - frame->head, frame->head + frame->len);
    }

    rc = ngx_http_chat_link_send(link, NGX_HTTP_CHAT_RECORD_CONN, &state,
                                 sizeof(ngx_http_chat_state_t),
                                 conn->connection->fd);

    if (rc == NGX_OK) {
        rc = ngx_http_chat_handover_data(link, out + conn->out.sent,
                                         state.out);
    }

    ngx_free(out);

    if (rc == NGX_OK) {
        rc = ngx_http_chat_handover_data(link, conn->unread, conn->nunread);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_chat_handover_data(link, conn->message, conn->len);
    }

    return rc;
}


static ngx_int_t
ngx_http_chat_handover_data(ngx_http_chat_link_t *link, u_char *data,
    size_t len)
{
    size_t  n;

    while (len) {
        n = ngx_min(len, NGX_HTTP_CHAT_LINK_MAX);

        if (ngx_http_chat_link_send(link, NGX_HTTP_CHAT_RECORD_DATA, data, n,
                                    -1)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        data += n;
        len -= n;
    }

    return NGX_OK;
}
