// Defects that the module must not have, the test that finds each, and how it
// is made: [name, file of tests here or t/*.t, test, [file below
// ngx_chat_module, what stands there once, what instead]...].

const WS = 'proto/chat_ws.c';
const UTF8 = 'proto/chat_utf8.c';
const INPUT = 'live/ngx_http_chat_input.c';
const UPGRADE = 'live/ngx_http_chat_upgrade.c';
const SESSION = 'live/ngx_http_chat_session.c';
const SOCKET = 'live/ngx_http_chat_socket.c';
const RELAY = 'live/ngx_http_chat_relay.c';
const ROOM = 'live/ngx_http_chat_bus_room.c';
const LOGIN = 'http/ngx_http_chat_login.c';
const IDENTITY = 'http/ngx_http_chat_identity.c';
const MESSAGE = 'live/ngx_http_chat_message.c';
const CLIENTS = 'auth/ngx_http_chat_clients.c';
const ENGINE = 'live/ngx_http_chat_engine.c';
const LOG = 'ngx_http_chat_conf_log.c';
const PASSWORD = 'auth/ngx_http_chat_password.c';
const HTTP = 'http/ngx_http_chat_http.c';
const ADMIN = 'http/ngx_http_chat_admin.c';
const CENSUS = 'live/ngx_http_chat_census.c';
const RESTRICT = 'live/ngx_http_chat_restrict.c';

export const defects = [

  // frames

  ['frames without a mask are taken', 'websocket.test.mjs', 'violations: 1002',
   [WS, 'if (!(ch & CHAT_WS_MASKED)) {', 'if (0) {']],
  ['reserved bits are passed over', 'autobahn.test.mjs', '3 reserved bits',
   [WS, 'if ((ch & CHAT_WS_RSV)\n', 'if ((ch & CHAT_WS_RSV1)\n']],
  ['reserved opcodes are passed over', 'autobahn.test.mjs', '4 opcodes',
   [WS, `    default:
        return CHAT_WS_PROTOCOL;
    }

    p->state = CHAT_WS_SECOND;`, `    default:
        break;
    }

    p->state = CHAT_WS_SECOND;`]],
  ['pings may be fragments', 'autobahn.test.mjs', '5 and 10 fragments',
   [WS, 'if (!p->fin) {', 'if (0) {']],
  ['a continuation needs no beginning', 'autobahn.test.mjs',
   '5 and 10 fragments', [WS, 'if (p->message == 0) {', 'if (0) {']],
  ['a message begins within another', 'autobahn.test.mjs',
   '5 and 10 fragments', [WS, 'if (p->message) {', 'if (0) {']],
  ['lengths in any form', 'websocket.test.mjs', 'violations: 1002',
   [WS, 'p->need == 0 && p->left < CHAT_WS_LEN16', '0']],
  ['lengths without a limit', 'websocket.test.mjs',
   'the size: exactly maxPayload passes, one more is 1009 at its header',
   [WS, 'if (p->left << 8 * p->need > chat_ws_rest(p)) {', 'if (0) {']],
  ['the mask begins anew with each read', 'autobahn.test.mjs',
   'a stream of frames, at every boundary',
   [WS, '((p->mask_pos + len) & 3)', '((p->mask_pos + len) & 0)']],
  ['the first bytes behind the handshake are lost', 'autobahn.test.mjs',
   'the handshake and frames in one segment',
   [UPGRADE, 'if (b->pos < b->last\n', 'if (0 && b->pos < b->last\n']],
  ['frames in the handshake\'s segment are lost if they are cut',
   'autobahn.test.mjs', 'the same, cut at every boundary',
   [UPGRADE, 'if (b->pos < b->last\n',
    'if (b->pos < b->last && (b->last - b->pos) % 7\n']],

  // text

  ['text is not checked', 'autobahn.test.mjs', '6.5 to 6.23 sequences',
   [WS, 'if (p->message == CHAT_WS_TEXT && !p->compressed', 'if (0']],
  ['text is checked at its end', 'autobahn.test.mjs', '6.4 fail-fast',
   [WS, 'if (p->message == CHAT_WS_TEXT && !p->compressed',
    'if (p->message == CHAT_WS_TEXT && event->last']],
  ['surrogates are characters', 'autobahn.test.mjs', '6.5 to 6.23 sequences',
   [UTF8, 'ch == 0xed ? 0x9f : 0xbf', '0xbf']],
  ['overlong forms are characters', 'autobahn.test.mjs',
   '6.5 to 6.23 sequences', [UTF8, 'ch == 0xe0 ? 0xa0 : 0x80', '0x80']],
  ['what is past U+10FFFF are characters', 'autobahn.test.mjs',
   '6.5 to 6.23 sequences', [UTF8, 'ch == 0xf4 ? 0x8f : 0xbf', '0xbf']],
  ['a character that is cut is forgotten', 'autobahn.test.mjs',
   '6.2 and 6.3 UTF-8', [UTF8, '*state = s;', '*state = 0;']],

  // close

  ['codes that no one may send', 'autobahn.test.mjs', '7 close',
   [WS, '(code >= 1007 && code <= 1011)', '(code >= 1004 && code <= 1015)']],
  ['reasons are not checked', 'autobahn.test.mjs', '7 close',
   [WS, 'if (chat_utf8_feed(&p->utf8, body + from, p->got - from) != CHAT_OK',
    'if (0']],
  ['a close is answered with another code', 'autobahn.test.mjs', '7 close',
   [INPUT, 'ngx_http_chat_conn_fail(conn, event->code, "closed by',
    'ngx_http_chat_conn_fail(conn, 1000, "closed by']],

  // permessage-deflate

  ['what is inflated has no limit', 'deflate.test.mjs',
   'bad data, bad text, bombs',
   [INPUT, 'conn->conf->max_payload, &text, &len);',
    '64 * 1024 * 1024, &text, &len);']],
  ['a window of any size is used', 'deflate.test.mjs', '13 offers',
   ['live/ngx_http_chat_frame.c', '!chat_deflate_fits(frame->len, window)',
    'window == 0']],
  ['RSV1 on a continuation', 'deflate.test.mjs', 'RSV bits',
   [WS, '|| p->opcode == CHAT_WS_CONT || chat_ws_is_control(p->opcode)',
    '|| chat_ws_is_control(p->opcode)']],
  ['fragments of what is compressed are put together wrongly',
   'deflate.test.mjs', '12.1 JSON',
   [INPUT, 'conn->len += event->len;',
    'conn->len += event->len - (event->compressed && conn->len == 256);']],

  // handshake

  ['any version', 'handshake.test.mjs', 'faults: 400, 403, 426',
   [UPGRADE, `version->value.len != 2
        || ngx_strncmp(version->value.data, "13", 2) != 0)`,
    'version->value.len == 0)']],
  ['of two keys the first', 'handshake.test.mjs', 'faults: 400, 403, 426',
   [UPGRADE, `            if (found) {
                return NULL;
            }
`, '']],
  ['any origin', 'handshake.test.mjs', 'faults: 400, 403, 426',
   ['live/ngx_http_chat_engine.c',
    'ngx_http_chat_auth_origin(r, conf) != NGX_OK', 'conf == NULL']],
  ['lists in one line only', 'handshake.test.mjs',
   'what makes a handshake: 101',
   [UPGRADE, `                                      token))
            {
                return 1;
            }`, `                                      token))
            {
                return 1;

            } else if (h[i].key.len == len && len == 7) {
                return 0;
            }`]],

  // Engine.IO and Socket.IO

  ['the client may ping', 'suites.test.mjs', 'packets over WebSocket',
   [SESSION, '    case CHAT_EIO_PING:                 /* the wrong direction */\n',
    '']],
  ['packets behind a wrong one are processed', 'suites.test.mjs',
   'packets over polling',
   ['proto/chat_eio.c', '&& packet->type != CHAT_EIO_BINARY)', '&& 0)']],
  ['events with a reserved name', 'suites.test.mjs', 'packets over WebSocket',
   ['proto/chat_sio.c', 'if (chat_json_string_eq(&name, reserved[i])) {',
    'if (0) {']],
  ['a second CONNECT', 'suites.test.mjs', 'packets over WebSocket',
   [SOCKET, 'if (!s->polled || s->spoken) {', 'if (0) {']],
  ['any namespace', 'suites.test.mjs', 'CONNECT',
   [SOCKET, 'if (!chat_str_eq(packet->nsp, chat_str("/"))) {', 'if (0) {']],
  ['any version of Engine.IO', 'suites.test.mjs',
   'a WebSocket that asks for what there is not',
   ['live/ngx_http_chat_engine.c', 'query->sid.len == 0 && query->version != 4',
    'query->sid.len == 0 && query->version == 3']],

  // who may do what

  ['a log-out leaves sockets alive', 'authority.test.mjs',
   'a log-out everywhere ends all that is open, on all workers',
   [RELAY, 'ngx_http_chat_session_revoke(s);', ';']],
  ['a log-out that the bus lost is not noticed', 'authority.test.mjs',
   'a log-out that the bus did not bring ends what is open all the same',
   [SESSION, '(!due && s->verified == s->hub->outages)', '!due']],
  ['any room\'s history', 'authority.test.mjs', 'routes',
   ['http/ngx_http_chat_messages.c', 'if (!chat_room_is_of(room, user)) {',
    'if (0) {']],
  ['any room\'s messages', 'authority.test.mjs',
   'events: refused, and neither stored nor told',
   ['live/ngx_http_chat_message.c',
    '|| !ngx_http_chat_hub_is_member(s, room))', '|| 0)']],
  ['an unknown name is answered at once', 'authority.test.mjs',
   'the same answer, and as much work',
   [LOGIN, '    ngx_str_null(&none);\n', `    ngx_str_null(&none);

    if (ctx) {
        ngx_http_chat_login_failure(ctx);
        return;
    }
`]],
  ['a wrong password takes the work of the user\'s hash alone',
   'authority.test.mjs', 'the same answer, and as much work',
   [LOGIN, '!ctx->conf->registration,\n', '0,\n']],
  ['a wrong password takes the work of Argon2id alone', 'authority.test.mjs',
   'the same answer, and as much work',
   [PASSWORD, 'if (!job->bcrypt && ', 'if (0 && ']],
  ['an unknown name may be tried for ever', 'authority.test.mjs',
   'and the same number of tries',
   [LOGIN, '    ngx_http_chat_rate_failure(', `    if (login->user.id.len)
    ngx_http_chat_rate_failure(`]],

  // what others publish

  ['private messages are for all', 'channels.test.mjs',
   'a private room\'s events are for its two, whoever they are said to be from',
   [ROOM, 'ngx_http_chat_bus_private(room, sender, &event, mine);',
    `ngx_http_chat_bus_private(room, sender, &event, mine);

        for (i = 0; i < room->hub->general->nmembers; i++) {
            ngx_http_chat_event_deliver(&event,
                                        room->hub->general->members[i], room);
        }`]],
  ['ids that are like a room\'s', 'channels.test.mjs',
   'ids that are like a room\'s open none',
   [ROOM, `    if (chat_room_parse((chat_str_t) { id.len, id.data }, &room_id)
        != CHAT_OK)`, `    if (chat_room_parse((chat_str_t) { id.len, id.data }, &room_id)
        != CHAT_OK
        && chat_room_parse(chat_str("0"), &room_id) != CHAT_OK)`]],
  ['a sid is enough for the other workers', 'channels.test.mjs',
   'a sid alone is not enough: whose it is has to be known',
   [RELAY, 'if (!s->token.set) {', `if (s) {
        return 1;
    }

    if (!s->token.set) {`]],
  ['a line of too few words', 'channels.test.mjs', 'lines that are none',
   [RELAY, 'if (message.n >= command->words\n', `if (message.n
            && (message.n >= command->words || !message.word[1].data[0])\n`]],
  ['one revoked, all revoked', 'channels.test.mjs',
   'revoked: the sessions with that hash, and no other',
   [RELAY, `        if (s->hub == hub && s->token.set
            && ngx_memcmp(s->token.hash, message->word[1].data,
                          NGX_HTTP_CHAT_HASH_LEN)
               == 0)`, '        if (s->hub == hub)']],
  ['a date in the future is believed', 'bus.test.mjs',
   'a date in the future silences nobody',
   [ROOM, 'if (!post.ours && post.pos > ngx_http_chat_bus_now()) {',
    'if (post.pos > ngx_http_chat_bus_now() + NGX_HTTP_CHAT_POS_END) {']],

  // holes of others

  ['any session in Redis', 'holes.test.mjs',
   'a session in Redis that is something else is none',
   ['store/ngx_http_chat_store_session.c',
    'rc == NGX_OK && chat_user_id_check(text) != CHAT_OK',
    'rc == NGX_OK && chat_user_id_check(text) == 2']],
  ['a packet that ends the worker', 'holes.test.mjs',
   'packets that have ended other servers',
   [SOCKET, 'chat_sio_event(packet, &event);', `chat_sio_event(packet, &event);

    if (chat_json_string_eq(&event.name, chat_str("error"))) {
        ngx_abort();
    }`]],
  ['a declared length is allocated', 'holes.test.mjs',
   'a length that is only declared takes no memory',
   [INPUT, `        size = ngx_max(size, 256);

        message = ngx_alloc(size, ngx_http_chat_worker->log);`,
    `        size = ngx_max(size, 256 + conn->parser.left);

        message = ngx_alloc(size, ngx_http_chat_worker->log);
        if (message) {
            ngx_memset(message, 'x', size);
        }
`]],
  ['each fragment keeps a block', 'holes.test.mjs',
   'fragments of a byte take the room of a byte',
   [INPUT, 'size = ngx_max(conn->size * 2, conn->len + event->len);',
    'size = conn->len + event->len + 50;'],
   [INPUT, `            ngx_memcpy(message, conn->message, conn->len);
            ngx_free(conn->message);`,
    '            ngx_memcpy(message, conn->message, conn->len);']],
  ['a pong is longer than its ping', 'holes.test.mjs',
   'replies hold what belongs there, and nothing else',
   [INPUT, 'frame = ngx_http_chat_frame_create(event->len);',
    'frame = ngx_http_chat_frame_create(event->len + 16);'],
   [INPUT, `                           ngx_cpymem(frame->text,
                                      event->data, event->len),`,
    `                           ngx_cpymem(frame->text,
                                      event->data, event->len) + 16,`]],
  ['passwords are logged', 'holes.test.mjs',
   'no log has a session\'s token or a password',
   [LOGIN, '    if (ngx_http_chat_login_limited(ctx)) {\n        return;',
    `    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0, "log-in with %V",
                  &login->password);

    if (ngx_http_chat_login_limited(ctx)) {
        return;`]],

  // connections of an address

  ['handshakes are not counted', 'connections.test.mjs',
   'one too many is refused on each transport, and none else',
   [ENGINE, 'if (ngx_http_chat_client_enter(r, engine->conf, &client) != NGX_OK) {',
    'client = NULL;\n    if (0) {']],
  ['event streams are not counted', 'connections.test.mjs',
   'one too many is refused on each transport, and none else',
   ['live/ngx_http_chat_sse.c',
    'if (ngx_http_chat_client_enter(r, ctx->conf, &client) != NGX_OK) {',
    'client = NULL;\n    if (0) {']],
  ['what is not a handshake takes a place', 'connections.test.mjs',
   'what is refused for something else takes no place',
   [ENGINE, `        rc = ngx_http_chat_conn_check(r);
        if (rc != NGX_OK) {
            return rc;
        }`, `        rc = ngx_http_chat_conn_check(r);
        if (rc != NGX_OK) {
            ngx_http_chat_client_enter(r, engine->conf, &client);
            return rc;
        }`]],
  ['a place is not given back', 'connections.test.mjs',
   'each is given back when it ends',
   ['live/ngx_http_chat_session.c',
    'ngx_http_chat_client_leave(worker->main, s->client);', ';']],
  ['a full zone locks out who is new', 'bounds.test.mjs',
   'a full zone of chat_max_connections: who is new is let in, who is counted '
   + 'still is',
   [CLIENTS, '    if (*client == NULL) {\n        ngx_http_chat_clients_full();\n',
    `    if (*client == NULL) {
        ngx_http_chat_clients_full();
        return NGX_BUSY;
`]],
  ['a full zone lets everybody in', 'bounds.test.mjs',
   'a full zone of chat_max_connections: who is new is let in, who is counted '
   + 'still is',
   [CLIENTS, `    if (busy) {
        ngx_log_error(`, `    client_full = ngx_slab_alloc_locked(pool, 64) == NULL;
    if (busy && !client_full) {
        ngx_log_error(`],
   [CLIENTS, '    ngx_uint_t                  busy;\n',
    '    ngx_uint_t                  busy, client_full;\n']],
  ['a row is never free again', 'bounds.test.mjs',
   'a full zone of chat_max_connections: who is new is let in, who is counted '
   + 'still is',
   [CLIENTS, '    if (--client->count == 0) {',
    '    if (--client->count == 0 && 0) {']],

  // figures

  ['refused for a room, counted as invalid', 'status.test.mjs',
   'messages refused, by cause',
   [MESSAGE, 'NGX_HTTP_CHAT_STAT_REFUSED_ROOM\n                                :',
    'NGX_HTTP_CHAT_STAT_REFUSED_INVALID\n                                :']],
  ['refused as nobody is there, not counted', 'status.test.mjs',
   'messages refused, by cause',
   [MESSAGE, ': NGX_HTTP_CHAT_STAT_REFUSED_ROOM);',
    ': NGX_HTTP_CHAT_STAT_MESSAGES);']],
  ['a nonce that is refused, not counted', 'status.test.mjs',
   'messages refused, by cause',
   [MESSAGE, '        ngx_http_chat_count(NGX_HTTP_CHAT_STAT_REFUSED_INVALID);\n',
    '']],
  ['floods are not counted', 'status.test.mjs', 'messages refused, by cause',
   [MESSAGE, '    ngx_http_chat_count(NGX_HTTP_CHAT_STAT_REFUSED_RATE);\n', '']],
  ['what Redis could not take, not counted', 'status.test.mjs',
   'Redis goes and comes: links, and messages refused meanwhile',
   [MESSAGE, 'retry ? NGX_HTTP_CHAT_STAT_REFUSED_UNAVAILABLE',
    'retry ? NGX_HTTP_CHAT_STAT_REFUSED_INVALID']],
  ['wrong passwords are not counted', 'status.test.mjs',
   'log-ins by result, and passwords',
   [LOGIN, '    ngx_http_chat_count(NGX_HTTP_CHAT_STAT_LOGIN_WRONG);\n', '']],
  ['too many tries are not counted', 'status.test.mjs',
   'log-ins by result, and passwords',
   [LOGIN, '    ngx_http_chat_count(NGX_HTTP_CHAT_STAT_LOGIN_LIMITED);\n', '']],
  ['a new account counts as a log-in', 'status.test.mjs',
   'log-ins by result, and passwords',
   [LOGIN, '? NGX_HTTP_CHAT_STAT_LOGIN_CREATED',
    '? NGX_HTTP_CHAT_STAT_LOGIN_OK']],
  ['log-ins without Redis are not counted', 'status.test.mjs',
   'Redis goes and comes: links, and messages refused meanwhile',
   [IDENTITY,
    '        ngx_http_chat_count(NGX_HTTP_CHAT_STAT_LOGIN_UNAVAILABLE);\n',
    '        ;\n']],

  // chat_log

  ['chat_log: not in a location', 't/015-log.t', 'TEST 1: in all its places',
   ['ngx_http_chat_module.c', `    { ngx_string("chat_log"),
      NGX_HTTP_CHAT_ANY_CONF|`, `    { ngx_string("chat_log"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|`]],
  ['chat_log: any variable', 't/015-log.t', 'TEST 2: an unknown variable',
   [LOG, '== NULL) {\n                return NGX_ERROR;\n            }\n\n'
         + '            continue;',
    `== NULL && 0) {
                return NGX_ERROR;
            }

            continue;`]],
  ['chat_log: a dollar is one', 't/015-log.t',
   'TEST 3: a dollar without a name',
   [LOG, 'if (ngx_http_chat_log_variable(',
    'if (name.len && ngx_http_chat_log_variable(']],
  ['chat_log: no file', 't/015-log.t', 'TEST 4: no file',
   [LOG, 'if (value[1].len == 0) {', 'if (0) {']],
  ['chat_log: no value', 't/015-log.t', 'TEST 5: no value',
   ['ngx_http_chat_module.c', `    { ngx_string("chat_log"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_TAKE12,`, `    { ngx_string("chat_log"),
      NGX_HTTP_CHAT_ANY_CONF|NGX_CONF_ANY,`],
   [LOG, '    value = cf->args->elts;\n', `    value = cf->args->elts;

    if (cf->args->nelts == 1) {
        return NGX_CONF_OK;
    }
`]],
  ['chat_log: off, with a format', 't/015-log.t', 'TEST 6: off, with a format',
   [LOG, `        if (cf->args->nelts == 3) {
            return`, `        if (0) {
            return`]],
  ['chat_log: twice', 't/015-log.t', 'TEST 7: twice',
   [LOG, 'if (cclcf->log != NGX_CONF_UNSET_PTR) {', 'if (0) {']],
  ['chat_log: a file that can\'t be opened', 't/015-log.t',
   'TEST 8: a file that can\'t be opened',
   [LOG, 'ngx_conf_open_file(cf->cycle, &value[1])',
    'ngx_conf_open_file(cf->cycle, NULL)']],
  // admins

  ['admins: anybody is one', 'admin.test.mjs', 'POST /admin/ban',
   [HTTP, '        && !ngx_http_chat_is_admin(ctx->conf, &ctx->user.username))',
    '        && ctx->user.username.len == 0)']],
  ['admins: names in any case', 'admin.test.mjs', 'GET /admin/users',
   ['ngx_http_chat_conf_admins.c',
    'ngx_memcmp(admin[i].data, name->data, name->len)',
    'ngx_strncasecmp(admin[i].data, name->data, name->len)']],
  ['admins: routes without any', 'admin.test.mjs', 'POST /admin/delete',
   [HTTP, 'if (route->admin && ctx->conf->admins == NULL) {', 'if (0) {']],
  ['admins: a name is free to take', 'admin.test.mjs',
   'nobody becomes one by taking the name first',
   ['http/ngx_http_chat_register.c',
    'if (ngx_http_chat_is_admin(ctx->conf, &login->username)) {', 'if (0) {']],
  ['admins: they shut each other out', 'admin.test.mjs',
   'nothing is done to admins',
   [ADMIN, 'if (ngx_http_chat_is_admin(ctx->conf, &admin->user.username)\n',
    'if (0\n']],
  ['admins: a page goes on behind what a worker told', 'admin.test.mjs',
   'page by page, each once',
   [CENSUS, '        census->end = last;', '        (void) last;']],
  ['admins: a silent worker is waited for', 'admin.test.mjs',
   'a worker that does not answer is missing, and holds nobody up',
   [CENSUS, '#define NGX_HTTP_CHAT_CENSUS_TIME    1000',
    '#define NGX_HTTP_CHAT_CENSUS_TIME    60000']],
  ['admins: the address stays behind', 'admin.test.mjs',
   'a session that moves or is handed over keeps address and age',
   ['live/ngx_http_chat_life.c',
    '    ngx_http_chat_life_address(s, &word[5]);', '']],
  ['admins: private rooms are listed', 'admin.test.mjs',
   'rooms, their members and messages',
   [CENSUS, `        if (room->id.type == CHAT_ROOM_PRIVATE
            || (room->nmembers == 0 && room != hub->general))`,
    '        if (0)']],
  ['admins: who is kicked is not told', 'admin.test.mjs', 'kick: polling',
   [SESSION, '    if (s->stream == NULL) {\n        ngx_str_set(&text, "41");',
    '    if (0) {\n        ngx_str_set(&text, "41");']],
  ['admins: names are logged as they are', 'admin.test.mjs',
   'a name writes no line of its own into the log',
   [ADMIN, `    p = ngx_http_chat_life_text(p, name->data,
                                ngx_min(name->len, NGX_HTTP_CHAT_ADMIN_NAME));`,
    `    p = ngx_cpymem(p, name->data,
                   ngx_min(name->len, NGX_HTTP_CHAT_ADMIN_NAME));`]],
  ['admins: a mute is not heard of', 'admin.test.mjs',
   'websocket: at once, on all workers, and over again',
   [RESTRICT, '    if (user) {\n        user->checked = 0;',
    '    if (user) {\n        (void) user;']],
  ['admins: a mute that the bus lost', 'admin.test.mjs',
   'a mute and a ban that the bus did not bring',
   [RESTRICT, '!user->hub->up || user->checked', 'user->checked']],
  ['admins: an old answer about a mute counts', 'admin.test.mjs',
   'a mute, while an answer of before is on its way: it is not believed',
   [RESTRICT, ' && clock == hub->restrict_clock', '']],
  ['admins: what waits for an answer is overtaken', 'admin.test.mjs',
   'messages behind each other, while it is asked: they stay in order',
   ['live/ngx_http_chat_message.c',
    'if (rc == NGX_AGAIN || ngx_http_chat_send_behind(s)) {',
    'if (rc == NGX_AGAIN && !ngx_http_chat_send_behind(s)) {']],
  ['admins: the banned log in', 'admin.test.mjs',
   'sessions, connections and log-ins end, until it is taken back',
   [LOGIN, '    if (n == 0) {\n        if (ban) {',
    '    ban = 0;\n\n    if (n == 0) {\n        if (ban) {']],
  ['admins: a session begins beside a ban', 'admin.test.mjs',
   'a ban, while a session is being made: it is not',
   [LOGIN, '    if (ban) {\n        ngx_http_chat_login_undo(ctx);',
    '    if (0) {\n        ngx_http_chat_login_undo(ctx);']],
  ['admins: the banned stay', 'admin.test.mjs', 'a name by chat_user',
   [ADMIN, 'if (admin->act == NGX_HTTP_CHAT_ADMIN_BAN) {', 'if (0) {']],
  ['admins: nobody hears of a deletion', 'admin.test.mjs',
   'websocket: it vanishes for all who had it, on all workers',
   ['live/ngx_http_chat_bus.c',
    '        ngx_http_chat_bus_on_deleted(hub, &data, pool);', '']],
  ['admins: a deletion is a hole', 'admin.test.mjs',
   'the last message: the next one is no hole, and reaches all once',
   [ROOM, 'post.ours && room->last && post.prev > room->last',
    'post.ours && room->last && post.prev != room->last'],
   [ROOM, '        room->last = ngx_max(last, 1);', '        (void) last;']],
  ['admins: the deleted one is still the last', 'admin.test.mjs',
   'a next message with a position before that of the deleted one',
   [ROOM, '        room->last = ngx_max(last, 1);', '        (void) last;']],
  ['admins: what is being read is not read again', 'admin.test.mjs',
   'a message that is deleted while the history is read: it is not shown',
   [ROOM, `    if (room->repair) {
        ngx_http_chat_redis_cancel(room->repair);`, `    if (0) {
        ngx_http_chat_redis_cancel(room->repair);`]],

  // what can grow

  ['messages are read while Redis takes none', 'bounds.test.mjs',
   'messages that Redis has not taken yet: no more are read',
   [SESSION, 's->nsends >= NGX_HTTP_CHAT_MAX_SENDS', 's->nsends >= 10000']],
  ['pongs without a limit', 'bounds.test.mjs', 'pongs that nobody reads',
   [INPUT, 'if (rc != NGX_OK || conn->out.bytes > conn->conf->send_queue) {',
    'if (rc != NGX_OK) {']],
  ['pongs that nobody reads are not counted', 'bounds.test.mjs',
   'pongs that nobody reads',
   [INPUT, '        ngx_http_chat_count(NGX_HTTP_CHAT_STAT_SLOW);\n', '']],
  ['CONNECT may be late for ever', 'bounds.test.mjs',
   'who never says CONNECT is closed',
   [SESSION, 's, NGX_HTTP_CHAT_CONNECT_WAIT);',
    's, 100 * NGX_HTTP_CHAT_CONNECT_WAIT);']],
  ['a worker remembers all sessions', 'bounds.test.mjs',
   'sessions that a worker remembers',
   ['live/ngx_http_chat_known.c',
    '|| hub->nknown >= NGX_HTTP_CHAT_KNOWN_MAX', '|| 0']],
  ['a worker remembers all rooms', 'bounds.test.mjs',
   'rooms that a worker remembers',
   ['live/ngx_http_chat_hub.c', 'if (hub->nidle >= NGX_HTTP_CHAT_IDLE_ROOMS) {',
    'if (0) {']],
  ['a full zone of tries counts nobody who is new', 'bounds.test.mjs',
   'a full zone of chat_login_rate: the oldest are forgotten',
   ['auth/ngx_http_chat_bucket.c',
    'if (bucket == NULL && !ngx_queue_empty(&buckets->queue)) {', 'if (0) {']],
  ['all passwords wait', 'bounds.test.mjs', 'passwords that wait',
   [PASSWORD, '.nwaiting >= NGX_HTTP_CHAT_PASSWORD_QUEUE', '.nwaiting >= 4096']],
  ['all commands wait', 'bounds.test.mjs', 'commands that wait for Redis',
   ['redis/ngx_http_chat_redis_op.c',
    '|| link->nops >= NGX_HTTP_CHAT_REDIS_MAX_OPS', '|| 0']],
  ['any number of ids', 'routes.test.mjs', '500 ids',
   ['http/ngx_http_chat_users.c', 'if (++given > NGX_HTTP_CHAT_USERS_MAX) {',
    'if (++given > 4096) {']],
];
