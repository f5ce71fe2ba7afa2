# chat_require, which guards a location by the chat's session, and the variables
# that tell who is behind a request.

use Test::Nginx::Socket 'no_plan';
use lib 't/lib';
use Chat::Test;

our $Redis = 'chat_redis redis+unix://$TEST_NGINX_REDIS_SOCKET;';

our $Shown = 'add_header X-User "$chat_user/$chat_user_id" always;
              add_header X-Session "$chat_session" always;
              add_header X-Transport "$chat_transport" always;';

our $Config = "$Redis $Shown
    location / { chat on; root html; }
    location /wiki/ { chat_require on; root html; }";

our $Page = ">>> wiki/a.html\npage a\n>>> login.html\nlog in\n";

# a Redis that isn't there

our $Away = 'chat_redis redis+unix://$TEST_NGINX_SERVER_ROOT/none.sock;
             location / { chat on; root html; }
             location /wiki/ { chat_require on; root html; }';

our $Json = 'Content-Type: application/json';

sub joe {
    wait_for_workers();
    make_user(1, 'Joe');
    session_for(1, 'Joe');
}

no_long_string();
no_root_location();
no_shuffle();
timeout(15);
run_tests();

__DATA__

=== TEST 1: without a session
--- config eval: $::Config
--- user_files eval: $::Page
--- request eval
["GET /wiki/a.html", "GET /wiki/none", "POST /wiki/a.html\nx", "GET /login.html"]
--- error_code eval: [403, 403, 403, 200]
--- response_body_like eval: [('403 Forbidden') x 3, '^log in']
--- response_headers eval
[("X-User: /\nX-Session:\nX-Transport:") x 4]



=== TEST 2: with one
--- config eval: $::Config
--- user_files eval: $::Page
--- init: ::joe()
--- more_headers eval: ::cookie_of(1)
--- request eval
["GET /wiki/a.html", "GET /wiki/none", "HEAD /wiki/a.html",
 "POST /wiki/a.html\nx"]
--- error_code eval: [200, 404, 200, 405]
--- response_headers_like eval
[("X-User: Joe/1\nX-Session: [\\w-]{12}") x 4]



=== TEST 3: a session that there is not, or that has another form
--- config eval: $::Config
--- user_files eval: $::Page
--- init: ::joe()
--- more_headers eval
[::cookie_of(2), 'Cookie: chat_session=x', 'Cookie: other=' . 'x' x 43]
--- request eval: [("GET /wiki/a.html") x 3]
--- error_code eval: [403, 403, 403]



=== TEST 4: a log-out counts at once
--- config eval: $::Config
--- user_files eval: $::Page
--- init: ::joe()
--- more_headers eval: ::cookie_of(1) . "\n$::Json"
--- pipelined_requests eval
["GET /wiki/a.html", "POST /logout\n", "GET /wiki/a.html"]
--- error_code eval: [200, 200, 403]



=== TEST 5: error_page
--- config eval
"$::Config error_page 403 = \@login;
 location \@login { return 302 /login.html; }
 location /shown/ { chat_require on; error_page 403 /login.html; }"
--- user_files eval: $::Page
--- request eval: ["GET /wiki/a.html", "GET /shown/a.html"]
--- error_code eval: [302, 403]
--- response_body_like eval: ['302 Found', '^log in']



=== TEST 6: satisfy any
--- config eval
"$::Redis location /in/ {
    alias html/; satisfy any; allow 127.0.0.1; deny all; chat_require on;
 }
 location /out/ {
    alias html/; satisfy any; deny all; chat_require on;
 }"
--- user_files eval: $::Page
--- init: ::joe()
--- more_headers eval: ['', '', ::cookie_of(1)]
--- request eval
["GET /in/login.html", "GET /out/login.html", "GET /out/login.html"]
--- error_code eval: [200, 403, 200]



=== TEST 7: all of a server: the chat's routes are open, its files are not
--- config eval
"$::Redis chat_require on;
 location / { chat on; root html; }
 location /open/ { chat_require off; alias html/; }"
--- user_files eval: $::Page
--- more_headers eval: $::Json
--- request eval
["GET /me", "GET /login.html", "GET /open/login.html",
 "POST /login\n" . '{"username":"ben","password":"secret"}',
 "GET /socket.io/?EIO=4&transport=polling"]
--- error_code eval: [200, 403, 200, 201, 200]



=== TEST 8: what comes behind it sees the user: a proxy, with a body
--- http_config
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
        location / { return 200 "$http_x_user $content_length"; }
    }
--- config eval
"$::Config location /app/ {
    chat_require on;
    proxy_set_header X-User \$chat_user;
    proxy_pass http://127.0.0.1:\$TEST_NGINX_RAND_PORT_1;
 }"
--- init: ::joe()
--- more_headers eval: [::cookie_of(1), ::cookie_of(1), '']
--- request eval
["POST /app/\n" . 'x' x 100, "GET /app/", "POST /app/\n" . 'x' x 100]
--- error_code eval: [200, 200, 403]
--- response_body_like eval: ['^Joe 100$', '^Joe $', '403 Forbidden']



=== TEST 9: a body that comes late is read when Redis has answered
--- http_config
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
        location / { return 200 "$content_length"; }
    }
--- config eval
"$::Config location /app/ {
    chat_require on;
    proxy_pass http://127.0.0.1:\$TEST_NGINX_RAND_PORT_1;
 }"
--- init: ::joe()
--- raw_request eval
["POST /app/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
 . ::cookie_of(1) . "\r\nContent-Length: 10\r\n\r\n", "01234", "56789"]
--- raw_request_middle_delay: 0.2
--- error_code: 200
--- response_body chomp
10



=== TEST 10: Redis is away
--- config eval: $::Away
--- user_files eval: $::Page
--- more_headers eval: [::cookie_of(1), '']
--- request eval: ["GET /wiki/a.html", "GET /wiki/a.html"]
--- error_code eval: [503, 403]
--- response_body_like eval: ['503 Service', '403 Forbidden']



=== TEST 11: Redis is away: error_page
--- config eval
"$::Away error_page 503 = /login.html;"
--- user_files eval: $::Page
--- more_headers eval: ::cookie_of(1)
--- request
GET /wiki/a.html
--- error_code: 200
--- response_body_like: ^log in



=== TEST 12: a key that holds something else
--- config eval: $::Config
--- user_files eval: $::Page
--- init
::joe();
my $key = ::redis('KEYS', 'chat:session:*');
::redis('DEL', $key);
::redis('LPUSH', $key, 'x');
--- more_headers eval: ::cookie_of(1)
--- request
GET /wiki/a.html
--- error_code: 500
--- error_log
redis answered "WRONGTYPE



=== TEST 13: a client that goes away while Redis is asked
--- config eval: $::Config
--- user_files eval: $::Page
--- init
::joe();
::redis('CLIENT', 'PAUSE', 1500, 'WRITE');
--- more_headers eval: ::cookie_of(1)
--- timeout: 0.3
--- abort
--- ignore_response
--- request
GET /wiki/a.html
--- wait: 0.3
--- error_log
client prematurely closed connection



=== TEST 14: chat_cookie with a path
--- config eval
"$::Redis location /chat/ { chat on; chat_cookie chat_session path=/; }
 location /wiki/ { chat_require on; root html; }"
--- user_files eval: $::Page
--- more_headers eval: $::Json
--- request eval
"POST /chat/login\n" . '{"username":"ben","password":"secret"}'
--- error_code: 201
--- raw_response_headers_like: Set-Cookie: chat_session=[\w-]{43}; Max-Age=604800; Path=/; HttpOnly



=== TEST 15: variables of the chat's own routes
--- config eval: $::Config
--- init: ::joe()
--- more_headers eval
[(::cookie_of(1)) x 2, '', "$::Json", ::cookie_of(2)]
--- request eval
["GET /users/online", "GET /socket.io/?EIO=4&transport=polling",
 "GET /socket.io/?EIO=4&transport=polling",
 "POST /login\n" . '{"username":"ben","password":"secret"}', "GET /me"]
--- error_code eval: [200, 200, 200, 201, 200]
--- response_headers_like eval
["X-User: Joe/1\nX-Session: [\\w-]{12}", "X-Transport: polling",
 "X-User: /\nX-Transport: polling", "X-User: ben/2", "X-User: /"]



=== TEST 16: variables are nothing where nobody has asked
--- config eval
"$::Config location /plain/ { alias html/; }"
--- user_files eval: $::Page
--- init: ::joe()
--- more_headers eval: ::cookie_of(1)
--- request
GET /plain/login.html
--- response_headers
X-User: /
X-Session:
X-Transport:



=== TEST 17: bad values
--- config
    chat_require maybe;
--- must_die
--- error_log
invalid value "maybe" in "chat_require" directive



=== TEST 18: bad paths of a cookie
--- config
    chat_cookie a path=chat;
--- must_die
--- error_log
invalid parameter "path=chat"



=== TEST 19: two paths of a cookie
--- config
    chat_cookie a path=/ path=/;
--- must_die
--- error_log
duplicate parameter "path=/"



=== TEST 20: a path that would add an attribute
--- config
    chat_cookie a "path=/;Domain=x";
--- must_die
--- error_log
invalid parameter "path=/;Domain=x"



=== TEST 21: in all its places
--- http_config
    chat_require off;
--- config
    chat_require on;
    chat_redis redis+unix://$TEST_NGINX_REDIS_SOCKET;
    location = /t { chat_require off; return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 22: twice
--- config
    chat_require on;
    chat_require on;
--- must_die
--- error_log
"chat_require" directive is duplicate



=== TEST 23: no value
--- config
    chat_require;
--- must_die
--- error_log
invalid number of arguments in "chat_require" directive
