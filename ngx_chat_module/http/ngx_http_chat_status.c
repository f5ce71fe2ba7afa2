/*
 * chat_status: the figures of ngx_http_chat_stat.h, as JSON or in Prometheus's
 * text format 0.0.4, from one table that says what each of them is.
 *
 * JSON has them in all and for each worker.  Prometheus gets them in all, as a
 * worker's would be a new series with each reload; of workers it gets the
 * connections, to see whether they are spread evenly.
 */

#include "ngx_http_chat_http.h"
#include "../ngx_http_chat_stat.h"


#define NGX_HTTP_CHAT_STATUS_PREFIX  "nginx_chat_"

typedef enum {
    NGX_HTTP_CHAT_STATUS_GAUGE = 0,
    NGX_HTTP_CHAT_STATUS_COUNTER,
    NGX_HTTP_CHAT_STATUS_SECONDS                  /* a counter of ms */
} ngx_http_chat_status_type_e;


/* those of one name are behind each other, and the first has the help */

typedef struct {
    const char                   *name;
    const char                   *label;          /* NULL: none */
    const char                   *value;
    ngx_http_chat_status_type_e   type;
    ngx_http_chat_stat_e          stat;
    const char                   *help;
} ngx_http_chat_status_t;


static ngx_int_t ngx_http_chat_status_read(ngx_http_request_t *r,
    ngx_http_chat_stat_row_t **rows, ngx_http_chat_stat_row_t *total);
static ngx_int_t ngx_http_chat_status_format(ngx_http_request_t *r,
    ngx_uint_t *prometheus);
static ngx_uint_t ngx_http_chat_status_accepts(ngx_http_request_t *r);
static void ngx_http_chat_status_json(ngx_http_chat_text_t *text,
    ngx_http_chat_stat_row_t *row);
static void ngx_http_chat_status_prometheus(ngx_http_chat_text_t *text,
    ngx_http_chat_stat_row_t *total);
static void ngx_http_chat_status_workers(ngx_http_chat_text_t *text,
    ngx_http_chat_stat_row_t *rows, ngx_uint_t n);
static void ngx_http_chat_status_head(ngx_http_chat_text_t *text,
    const char *name, const char *type, const char *help);
static void ngx_http_chat_status_number(ngx_http_chat_text_t *text,
    uint64_t value, ngx_uint_t ms);


#define NGX_HTTP_CHAT_GAUGE(name, stat, help)                                 \
    { name, NULL, NULL, NGX_HTTP_CHAT_STATUS_GAUGE,                           \
      NGX_HTTP_CHAT_STAT_##stat, help }

#define NGX_HTTP_CHAT_COUNTER(name, stat, help)                               \
    { name, NULL, NULL, NGX_HTTP_CHAT_STATUS_COUNTER,                         \
      NGX_HTTP_CHAT_STAT_##stat, help }

#define NGX_HTTP_CHAT_GAUGE_OF(name, label, value, stat, help)                \
    { name, label, value, NGX_HTTP_CHAT_STATUS_GAUGE,                         \
      NGX_HTTP_CHAT_STAT_##stat, help }

#define NGX_HTTP_CHAT_COUNTER_OF(name, label, value, stat, help)              \
    { name, label, value, NGX_HTTP_CHAT_STATUS_COUNTER,                       \
      NGX_HTTP_CHAT_STAT_##stat, help }


static const ngx_http_chat_status_t  ngx_http_chat_statuses[] = {

    NGX_HTTP_CHAT_GAUGE_OF("connections", "transport", "polling", POLLING,
                           "Live connections by transport."),
    NGX_HTTP_CHAT_GAUGE_OF("connections", "transport", "websocket", WEBSOCKET,
                           NULL),
    NGX_HTTP_CHAT_GAUGE_OF("connections", "transport", "sse", SSE, NULL),

    NGX_HTTP_CHAT_GAUGE("sessions", SESSIONS,
                        "Live connections whose user has joined the chat."),
    NGX_HTTP_CHAT_GAUGE("users", USERS,
                        "Users online, added up over the workers."),
    NGX_HTTP_CHAT_GAUGE("rooms", ROOMS,
                        "Rooms in memory, added up over the workers."),

    NGX_HTTP_CHAT_COUNTER("messages_total", MESSAGES,
                          "Messages of clients that were stored."),
    NGX_HTTP_CHAT_COUNTER_OF("messages_refused_total", "cause", "rate",
                             REFUSED_RATE,
                             "Messages of clients that were refused."),
    NGX_HTTP_CHAT_COUNTER_OF("messages_refused_total", "cause", "room",
                             REFUSED_ROOM, NULL),
    NGX_HTTP_CHAT_COUNTER_OF("messages_refused_total", "cause", "muted",
                             REFUSED_MUTED, NULL),
    NGX_HTTP_CHAT_COUNTER_OF("messages_refused_total", "cause", "invalid",
                             REFUSED_INVALID, NULL),
    NGX_HTTP_CHAT_COUNTER_OF("messages_refused_total", "cause", "unavailable",
                             REFUSED_UNAVAILABLE, NULL),
    NGX_HTTP_CHAT_COUNTER("deliveries_total", DELIVERIES,
                          "Live messages, once for each connection that gets "
                          "them."),

    NGX_HTTP_CHAT_COUNTER("received_bytes_total", BYTES_IN,
                          "Bytes from live connections."),
    NGX_HTTP_CHAT_COUNTER("sent_bytes_total", BYTES_OUT,
                          "Bytes to live connections."),
    NGX_HTTP_CHAT_GAUGE("send_queue_max_bytes", QUEUE_MOST,
                        "The longest queue of a connection since its worker "
                        "began."),
    NGX_HTTP_CHAT_COUNTER("slow_closes_total", SLOW,
                          "Connections that were closed because the client "
                          "reads too slowly."),

    NGX_HTTP_CHAT_COUNTER_OF("logins_total", "result", "ok", LOGIN_OK,
                             "Tries to log in, by result."),
    NGX_HTTP_CHAT_COUNTER_OF("logins_total", "result", "created",
                             LOGIN_CREATED, NULL),
    NGX_HTTP_CHAT_COUNTER_OF("logins_total", "result", "wrong", LOGIN_WRONG,
                             NULL),
    NGX_HTTP_CHAT_COUNTER_OF("logins_total", "result", "limited",
                             LOGIN_LIMITED, NULL),
    NGX_HTTP_CHAT_COUNTER_OF("logins_total", "result", "unavailable",
                             LOGIN_UNAVAILABLE, NULL),
    NGX_HTTP_CHAT_COUNTER_OF("logins_total", "result", "chat_user",
                             LOGIN_OUTSIDE, NULL),

    NGX_HTTP_CHAT_GAUGE("password_queue", HASH_QUEUE,
                        "Passwords that wait to be hashed."),
    NGX_HTTP_CHAT_COUNTER("passwords_total", PASSWORDS,
                          "Passwords that were hashed."),
    NGX_HTTP_CHAT_COUNTER_OF("password_hashes_total", "scheme", "argon2id",
                             ARGON2ID, "Hashes that were made for them."),
    NGX_HTTP_CHAT_COUNTER_OF("password_hashes_total", "scheme", "bcrypt",
                             BCRYPT, NULL),
    { "password_seconds_total", NULL, NULL, NGX_HTTP_CHAT_STATUS_SECONDS,
      NGX_HTTP_CHAT_STAT_HASH_MSEC,
      "Time that passwords took, the wait for it included." },

    NGX_HTTP_CHAT_GAUGE_OF("redis_links", "link", "command", COMMAND_LINKS,
                           "Links to Redis."),
    NGX_HTTP_CHAT_GAUGE_OF("redis_links", "link", "subscriber", BUS_LINKS,
                           NULL),
    NGX_HTTP_CHAT_GAUGE_OF("redis_links_up", "link", "command", COMMAND_UP,
                           "Links to Redis that are up."),
    NGX_HTTP_CHAT_GAUGE_OF("redis_links_up", "link", "subscriber", BUS_UP,
                           NULL),
    NGX_HTTP_CHAT_COUNTER_OF("redis_reconnects_total", "link", "command",
                             COMMAND_RECONNECTS,
                             "Links to Redis that came up again."),
    NGX_HTTP_CHAT_COUNTER_OF("redis_reconnects_total", "link", "subscriber",
                             BUS_RECONNECTS, NULL),
    NGX_HTTP_CHAT_COUNTER("gap_repairs_total", REPAIRS,
                          "Rooms of which something missed was read from the "
                          "history."),

    NGX_HTTP_CHAT_COUNTER("relays_total", RELAYS,
                          "Polling requests that were passed on to another "
                          "worker."),
    NGX_HTTP_CHAT_COUNTER("moves_total", MOVES,
                          "Sessions that moved to the worker of their "
                          "WebSocket."),
    NGX_HTTP_CHAT_COUNTER("handovers_total", HANDOVERS,
                          "WebSockets that a worker took over at a reload.")
};

#define NGX_HTTP_CHAT_STATUSES                                                \
    (sizeof(ngx_http_chat_statuses) / sizeof(ngx_http_chat_status_t))


static ngx_str_t  ngx_http_chat_status_json_type =
    ngx_string("application/json; charset=utf-8");
static ngx_str_t  ngx_http_chat_status_text_type =
    ngx_string("text/plain; version=0.0.4; charset=utf-8");


ngx_int_t
ngx_http_chat_status_handler(ngx_http_request_t *r)
{
    ngx_int_t                   rc, n;
    ngx_str_t                   body;
    ngx_uint_t                  prometheus;
    ngx_http_chat_text_t        text;
    ngx_http_chat_stat_row_t   *rows, total;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_http_chat_status_format(r, &prometheus);
    if (rc != NGX_OK) {
        return rc;
    }

    ngx_http_chat_text_init(&text, r->pool);
    ngx_http_chat_text_reserve(&text, 16384);

    if (prometheus) {
        n = ngx_http_chat_status_read(r, &rows, &total);

        if (n == NGX_ERROR) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ngx_http_chat_status_prometheus(&text, &total);
        ngx_http_chat_status_workers(&text, rows, n);

    } else if (ngx_http_chat_status_add(r, &text) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (text.failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body.data = text.start;
    body.len = text.last - text.start;

    r->main->count++;
    ngx_http_chat_send_body(r, NGX_HTTP_OK,
                            prometheus ? &ngx_http_chat_status_text_type
                                       : &ngx_http_chat_status_json_type,
                            &body);

    return NGX_DONE;
}


static ngx_int_t
ngx_http_chat_status_read(ngx_http_request_t *r,
    ngx_http_chat_stat_row_t **rows, ngx_http_chat_stat_row_t *total)
{
    return ngx_http_chat_stat_read(ngx_http_get_module_main_conf(r,
                                                        ngx_http_chat_module),
                                   r->pool, rows, total);
}


ngx_int_t
ngx_http_chat_status_add(ngx_http_request_t *r, ngx_http_chat_text_t *text)
{
    ngx_int_t                  i, n;
    ngx_http_chat_stat_row_t  *rows, total;

    n = ngx_http_chat_status_read(r, &rows, &total);

    if (n == NGX_ERROR) {
        return NGX_ERROR;
    }

    ngx_http_chat_text_add(text, "{\"total\":{");
    ngx_http_chat_status_json(text, &total);
    ngx_http_chat_text_add(text, "},\"workers\":[");

    for (i = 0; i < n; i++) {
        ngx_http_chat_text_add(text, i ? ",{\"pid\":" : "{\"pid\":");
        ngx_http_chat_status_number(text, rows[i].pid, 0);
        ngx_http_chat_text_add(text, ",");
        ngx_http_chat_status_json(text, &rows[i]);
        ngx_http_chat_text_add(text, "}");
    }

    ngx_http_chat_text_add(text, "]}\n");

    return NGX_OK;
}


static ngx_int_t
ngx_http_chat_status_format(ngx_http_request_t *r, ngx_uint_t *prometheus)
{
    ngx_str_t  format;

    if (ngx_http_arg(r, (u_char *) "format", 6, &format) != NGX_OK) {
        *prometheus = ngx_http_chat_status_accepts(r);
        return NGX_OK;
    }

    *prometheus = (format.len == 10
                   && ngx_strncmp(format.data, "prometheus", 10) == 0);

    if (*prometheus
        || (format.len == 4 && ngx_strncmp(format.data, "json", 4) == 0))
    {
        return NGX_OK;
    }

    return NGX_HTTP_BAD_REQUEST;
}


/* 1 if Prometheus asks: nothing else wants plain text of some version */

static ngx_uint_t
ngx_http_chat_status_accepts(ngx_http_request_t *r)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    static const ngx_str_t  name = ngx_string("Accept");

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len == name.len
                && ngx_strncasecmp(h[i].key.data, name.data, name.len) == 0
                && (ngx_strcasestrn(h[i].value.data, "text/plain", 10 - 1)
                    || ngx_strcasestrn(h[i].value.data,
                                       "application/openmetrics-text", 28 - 1)))
            {
                return 1;
            }
        }
    }

    return 0;
}


/* "name":1 or "name":{"value":1,...}, without the _total of counters */

static void
ngx_http_chat_status_json(ngx_http_chat_text_t *text,
    ngx_http_chat_stat_row_t *row)
{
    u_char                         buf[NGX_INT_T_LEN + 3];
    ngx_str_t                      name;
    ngx_uint_t                     i;
    const ngx_http_chat_status_t  *s;

    for (i = 0; i < NGX_HTTP_CHAT_STATUSES; i++) {
        s = &ngx_http_chat_statuses[i];

        if (s->help) {
            name.data = (u_char *) s->name;
            name.len = ngx_strlen(s->name);

            if (s->type != NGX_HTTP_CHAT_STATUS_GAUGE) {
                name.len -= sizeof("_total") - 1;
            }

            ngx_http_chat_text_add(text, i ? ",\"" : "\"");
            ngx_http_chat_text_add_str(text, &name);
            ngx_http_chat_text_add(text, s->label ? "\":{\"" : "\":");

        } else {
            ngx_http_chat_text_add(text, ",\"");
        }

        if (s->label) {
            ngx_http_chat_text_add(text, s->value);
            ngx_http_chat_text_add(text, "\":");
        }

        ngx_http_chat_status_number(text, row->n[s->stat],
                                    s->type == NGX_HTTP_CHAT_STATUS_SECONDS);

        if (s->label && (i + 1 == NGX_HTTP_CHAT_STATUSES || s[1].help)) {
            ngx_http_chat_text_add(text, "}");
        }
    }

    ngx_http_chat_text_add(text, ",\"redis_round_trip_seconds\":{\"sum\":");
    ngx_http_chat_status_number(text,
                                row->n[NGX_HTTP_CHAT_STAT_ROUND_TRIP_MSEC], 1);

    for (i = 0; i < NGX_HTTP_CHAT_STAT_ROUND_TRIPS; i++) {

        if (i < NGX_HTTP_CHAT_STAT_ROUND_TRIPS - 1) {
            name.data = buf;
            name.len = ngx_sprintf(buf, "%ui.%03ui",
                                   ngx_http_chat_stat_round_trips[i] / 1000,
                                   ngx_http_chat_stat_round_trips[i] % 1000)
                       - buf;

        } else {
            ngx_str_set(&name, "more");
        }

        ngx_http_chat_text_add(text, ",\"");
        ngx_http_chat_text_add_str(text, &name);
        ngx_http_chat_text_add(text, "\":");
        ngx_http_chat_status_number(text,
                             row->n[NGX_HTTP_CHAT_STAT_ROUND_TRIP + i], 0);
    }

    ngx_http_chat_text_add(text, "}");
}


static void
ngx_http_chat_status_prometheus(ngx_http_chat_text_t *text,
    ngx_http_chat_stat_row_t *total)
{
    uint64_t                       count;
    ngx_uint_t                     i;
    const ngx_http_chat_status_t  *s;

    for (i = 0; i < NGX_HTTP_CHAT_STATUSES; i++) {
        s = &ngx_http_chat_statuses[i];

        if (s->help) {
            ngx_http_chat_status_head(text, s->name,
                                      s->type == NGX_HTTP_CHAT_STATUS_GAUGE
                                          ? "gauge" : "counter",
                                      s->help);
        }

        ngx_http_chat_text_add(text, NGX_HTTP_CHAT_STATUS_PREFIX);
        ngx_http_chat_text_add(text, s->name);

        if (s->label) {
            ngx_http_chat_text_add(text, "{");
            ngx_http_chat_text_add(text, s->label);
            ngx_http_chat_text_add(text, "=\"");
            ngx_http_chat_text_add(text, s->value);
            ngx_http_chat_text_add(text, "\"}");
        }

        ngx_http_chat_text_add(text, " ");
        ngx_http_chat_status_number(text, total->n[s->stat],
                                    s->type == NGX_HTTP_CHAT_STATUS_SECONDS);
        ngx_http_chat_text_add(text, "\n");
    }

    ngx_http_chat_status_head(text, "redis_round_trip_seconds", "histogram",
                              "How long Redis took to answer.");
    count = 0;

    for (i = 0; i < NGX_HTTP_CHAT_STAT_ROUND_TRIPS; i++) {
        count += total->n[NGX_HTTP_CHAT_STAT_ROUND_TRIP + i];

        ngx_http_chat_text_add(text, NGX_HTTP_CHAT_STATUS_PREFIX
                               "redis_round_trip_seconds_bucket{le=\"");

        if (i < NGX_HTTP_CHAT_STAT_ROUND_TRIPS - 1) {
            ngx_http_chat_status_number(text,
                                        ngx_http_chat_stat_round_trips[i], 1);
        } else {
            ngx_http_chat_text_add(text, "+Inf");
        }

        ngx_http_chat_text_add(text, "\"} ");
        ngx_http_chat_status_number(text, count, 0);
        ngx_http_chat_text_add(text, "\n");
    }

    ngx_http_chat_text_add(text, NGX_HTTP_CHAT_STATUS_PREFIX
                           "redis_round_trip_seconds_sum ");
    ngx_http_chat_status_number(text,
                             total->n[NGX_HTTP_CHAT_STAT_ROUND_TRIP_MSEC], 1);
    ngx_http_chat_text_add(text, "\n" NGX_HTTP_CHAT_STATUS_PREFIX
                           "redis_round_trip_seconds_count ");
    ngx_http_chat_status_number(text, count, 0);
    ngx_http_chat_text_add(text, "\n");
}


static void
ngx_http_chat_status_workers(ngx_http_chat_text_t *text,
    ngx_http_chat_stat_row_t *rows, ngx_uint_t n)
{
    ngx_uint_t  i, k;
    uint64_t    connections;

    ngx_http_chat_status_head(text, "workers", "gauge",
                              "Workers that serve the chat, those on their way "
                              "out included.");
    ngx_http_chat_text_add(text, NGX_HTTP_CHAT_STATUS_PREFIX "workers ");
    ngx_http_chat_status_number(text, n, 0);
    ngx_http_chat_text_add(text, "\n");

    if (n == 0) {
        return;
    }

    ngx_http_chat_status_head(text, "worker_connections", "gauge",
                              "Live connections of a worker.");

    for (i = 0; i < n; i++) {
        connections = 0;

        for (k = NGX_HTTP_CHAT_STAT_POLLING; k <= NGX_HTTP_CHAT_STAT_SSE; k++) {
            connections += rows[i].n[k];
        }

        ngx_http_chat_text_add(text, NGX_HTTP_CHAT_STATUS_PREFIX
                               "worker_connections{pid=\"");
        ngx_http_chat_status_number(text, rows[i].pid, 0);
        ngx_http_chat_text_add(text, "\"} ");
        ngx_http_chat_status_number(text, connections, 0);
        ngx_http_chat_text_add(text, "\n");
    }
}


static void
ngx_http_chat_status_head(ngx_http_chat_text_t *text, const char *name,
    const char *type, const char *help)
{
    ngx_http_chat_text_add(text, "# HELP " NGX_HTTP_CHAT_STATUS_PREFIX);
    ngx_http_chat_text_add(text, name);
    ngx_http_chat_text_add(text, " ");
    ngx_http_chat_text_add(text, help);
    ngx_http_chat_text_add(text, "\n# TYPE " NGX_HTTP_CHAT_STATUS_PREFIX);
    ngx_http_chat_text_add(text, name);
    ngx_http_chat_text_add(text, " ");
    ngx_http_chat_text_add(text, type);
    ngx_http_chat_text_add(text, "\n");
}


/* ms: as seconds */

static void
ngx_http_chat_status_number(ngx_http_chat_text_t *text, uint64_t value,
    ngx_uint_t ms)
{
    u_char     buf[NGX_INT64_LEN + 4];
    ngx_str_t  str;

    str.data = buf;
    str.len = (ms ? ngx_sprintf(buf, "%uL.%03uL", value / 1000, value % 1000)
                  : ngx_sprintf(buf, "%uL", value))
              - buf;

    ngx_http_chat_text_add_str(text, &str);
}
