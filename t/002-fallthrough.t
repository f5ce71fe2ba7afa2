# What "chat on" leaves alone: every URI that is no route of the chat is the
# location's own, whatever it does with it; and where the routes are, with the
# chat below a prefix and in locations within one another.

use Test::Nginx::Socket 'no_plan';
use lib 't/lib';
use Chat::Test;

our $Redis = 'chat_redis redis+unix://$TEST_NGINX_REDIS_SOCKET;';

# tells what it was asked

our $Upstream = '
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
        location / { return 200 "$request_method $request_uri $http_x_me"; }
    }';

our $NotFound  = '{"message":"There is no such room"}';
our $Forbidden = '{"message":"Please log in first"}';

no_root_location();
run_tests();

__DATA__

=== TEST 1: root: files, an index, a redirect to a folder, and what isn't there
--- config eval
"$::Redis location / { chat on; root html; }"
--- user_files
>>> a.html
page a
>>> folder/index.html
the folder's index
--- request eval
["GET /a.html", "GET /", "GET /folder/", "GET /folder", "GET /none",
 "HEAD /a.html", "POST /a.html\nx", "GET /me"]
--- error_code eval
[200, 200, 200, 301, 404, 200, 405, 200]
--- response_body_like eval
["^page a\n\$", "It works!", "^the folder's index\n\$", "301 Moved",
 "404 Not Found", "^\$", "405 Not Allowed", "^null\$"]



=== TEST 2: files whose names begin like a route, or lie below one
--- config eval
"$::Redis location / { chat on; root html; }"
--- user_files
>>> men
men
>>> me.html
me.html
>>> login/form.html
form
>>> room/index.html
room
>>> room/0/x
x
>>> users/1
user 1
>>> socket.io.js
script
>>> streams
streams
--- request eval
[map { "GET $_" }
     '/men', '/me.html', '/login/form.html', '/room/', '/room/0/x', '/users/1',
     '/socket.io.js', '/streams']
--- response_body eval
["men\n", "me.html\n", "form\n", "room\n", "x\n", "user 1\n", "script\n",
 "streams\n"]



=== TEST 3: a route is a route, even if there is a file
--- config eval
"$::Redis location / { chat on; root html; try_files \$uri =404; }"
--- user_files
>>> me
a file
>>> links
a file
>>> room/0/preload
a file
--- request eval
["GET /me", "GET /links", "GET /room/0/preload"]
--- response_body eval
['null', '{}', '{"id":"0","name":"General","messages":[]}']



=== TEST 4: URIs that are almost a route
--- config eval
"$::Redis location / { chat on; root html; }"
--- request eval
[map { "GET $_" }
     '/ME', '/me/', '/mee', '//me/x', '/login/', '/users/online/',
     '/rooms', '/rooms/', '/rooms/1/2', '/room/0', '/room/0/preload/',
     '/room//preload', '/socket.io', '/stream/', '/events/x']
--- error_code eval: [(404) x 15]
--- response_body_like eval: [('404 Not Found') x 15]



=== TEST 5: URIs are compared as nginx has normalized them
--- config eval
"$::Redis location / { chat on; root html; }"
--- request eval
[map { "GET $_" }
     '/me?x=/login', '/%6de', '/x/../me', '//me', '/./me', '/room/0%2fpreload']
--- response_body eval
[('null') x 5, '{"id":"0","name":"General","messages":[]}']



=== TEST 6: try_files: a file, a folder, a fallback within, a status
--- config eval
"$::Redis
 location / { chat on; root html; try_files \$uri \$uri/ /index.html; }
 location /api/ { chat on; root html; try_files \$uri =418; }"
--- user_files
>>> a.html
page a
>>> folder/index.html
the folder's index
>>> api/file
a file
--- request eval
["GET /a.html", "GET /folder/", "GET /any/where", "GET /me", "GET /api/file",
 "GET /api/none", "GET /api/me"]
--- error_code eval
[200, 200, 200, 200, 200, 418, 200]
--- response_body_like eval
["^page a\n\$", "^the folder's index\n\$", "It works!", "^null\$",
 "^a file\n\$", "", "^null\$"]



=== TEST 7: try_files does not lead to a route by itself
--- config eval
"$::Redis
 location / { root html; try_files \$uri /chat/me; }
 location /chat/ { chat on; }"
--- request eval
["GET /anything", "GET /chat/anything"]
--- error_code eval: [200, 404]
--- response_body_like eval: ['^null$', '404 Not Found']



=== TEST 8: proxy_pass: any method, with its body and query
--- http_config eval: $::Upstream
--- config eval
"$::Redis
 location / {
     chat on;
     proxy_set_header X-Me \$uri;
     proxy_pass http://127.0.0.1:\$TEST_NGINX_RAND_PORT_1;
 }"
--- request eval
["GET /page?a=b", "POST /page\nbody", "DELETE /messages/1", "PUT /room/1\nx",
 "OPTIONS /", "GET /me", "DELETE /me", "OPTIONS /users"]
--- error_code eval: [200, 200, 200, 200, 200, 200, 405, 405]
--- response_body_like eval
['^GET /page\?a=b /page$', '^POST /page /page$', '^DELETE /messages/1 ',
 '^PUT /room/1 ', '^OPTIONS / /$', '^null$', ('The method is not allowed') x 2]



=== TEST 9: proxy_pass: HEAD
--- http_config eval: $::Upstream
--- config eval
"$::Redis
 location / {
     chat on;
     proxy_pass http://127.0.0.1:\$TEST_NGINX_RAND_PORT_1;
 }"
--- request eval: ["HEAD /page", "HEAD /me"]
--- response_headers eval
["Content-Type: text/plain\nContent-Length: 11",
 "Content-Type: application/json; charset=utf-8\nContent-Length: 4"]
--- response_body eval: ['', '']



=== TEST 10: return and rewrite come before the chat, as they do for all
--- config eval
"$::Redis
 location / { chat on; root html; rewrite ^/who\$ /me last; }
 location /gone/ { chat on; return 410 gone; }"
--- request eval
["GET /who", "GET /gone/me", "GET /gone/x"]
--- error_code eval: [200, 410, 410]
--- response_body eval: ['null', 'gone', 'gone']



=== TEST 11: index, autoindex and empty_gif
--- config eval
"$::Redis
 location /i/ { chat on; root html; index first.html; }
 location /l/ { chat on; root html; autoindex on; }"
--- user_files
>>> i/first.html
the first
>>> l/one.txt
1
--- request eval: ["GET /i/", "GET /l/", "GET /i/me", "GET /l/me"]
--- response_body_like eval
["^the first\n\$", 'one\.txt', '^null$', '^null$']



=== TEST 12: error_page: for a file that isn't there, not for the chat's errors
--- config eval
"$::Redis
 location / {
     chat on;
     root html;
     error_page 403 404 405 415 /sorry.html;
 }"
--- user_files
>>> sorry.html
sorry
--- request eval
["GET /none", "GET /users/online", "GET /room/1/preload", "DELETE /me",
 "POST /login\nx"]
--- error_code eval: [404, 403, 404, 405, 415]
--- response_body eval
["sorry\n", $::Forbidden, $::NotFound,
 '{"message":"The method is not allowed here"}',
 '{"message":"The request must be JSON"}']



=== TEST 13: an error page's own URI is no route
--- config eval
"$::Redis
 location / { chat on; root html; error_page 404 /me; }"
--- user_files
>>> me
the error page
--- request eval: ["GET /none", "GET /me"]
--- error_code eval: [404, 200]
--- response_body eval: ["the error page\n", 'null']



=== TEST 14: alias
--- config eval
"$::Redis
 location /app/ { chat on; alias html/files/; try_files \$uri =404; }"
--- user_files
>>> files/a.html
page a
>>> files/me
a file
--- request eval
["GET /app/a.html", "GET /app/none", "GET /app/me"]
--- error_code eval: [200, 404, 200]
--- response_body_like eval: ["^page a\n\$", '404 Not Found', '^null$']



=== TEST 15: chat on alone: the rest is 404, or nginx's folder
--- config eval
"$::Redis location /c/ { chat on; }"
--- request eval: ["GET /c/none", "GET /c/me", "GET /me"]
--- error_code eval: [404, 200, 404]



=== TEST 16: a prefix with a slash
--- config eval
"$::Redis
 location /chat/ { chat on; root html; }
 location / { return 200 outside; }"
--- request eval
["GET /chat/me", "GET /chat", "GET /chatme", "GET /chat/room/0/preload",
 "GET /me", "GET /chat/chat/me"]
--- error_code eval: [200, 200, 200, 200, 200, 404]
--- response_body_like eval
['^null$', '^outside$', '^outside$', '"General"', '^outside$', '404 Not Found']



=== TEST 17: a prefix without one
--- config eval
"$::Redis
 location /chat { chat on; root html; }
 location / { return 200 outside; }"
--- request eval
["GET /chat/me", "GET /chat", "GET /chatme", "GET /chat/room/0/preload",
 "GET /me", "GET /chat//me"]
--- error_code eval: [200, 404, 404, 200, 200, 200]
--- response_body_like eval
['^null$', '404 Not Found', '404 Not Found', '"General"', '^outside$',
 '^null$']



=== TEST 18: a prefix that wins over patterns, and a longer one
--- config eval
"$::Redis
 location ^~ /a/ { chat on; }
 location /b/c/d/ { chat on; }
 location ~ me { return 200 pattern; }"
--- request eval
["GET /a/me", "GET /b/c/d/links", "GET /b/c/d/me", "GET /b/me"]
--- response_body eval: ['null', '{}', 'pattern', 'pattern']



=== TEST 19: an exact location beside the chat
--- config eval
"$::Redis
 location / { chat on; root html; }
 location = /me { return 200 exact; }"
--- request eval: ["GET /me", "GET /links"]
--- response_body eval: ['exact', '{}']



=== TEST 20: locations within the chat's: theirs is what they say, and the routes
--- config eval
"$::Redis
 location /c/ {
     chat on;
     root html;

     location /c/assets/ { return 200 assets; }
     location /c/users { root html; }
     location ~ \\.css\$ { return 200 style; }
     location = /c/links { return 200 links; }
 }"
--- request eval
["GET /c/me", "GET /c/assets/x", "GET /c/assets/me", "GET /c/users/online",
 "GET /c/x.css", "GET /c/links"]
--- error_code eval: [200, 200, 200, 403, 200, 200]
--- response_body eval
['null', 'assets', 'assets', $::Forbidden, 'style', 'links']



=== TEST 21: a chat within a chat: routes are below its own location
--- config eval
"$::Redis
 location /c/ {
     chat on;
     chat_links ../html/outer.json;
     root html;

     location /c/inner/ { chat on; chat_links ../html/inner.json; }
     location /c/none/ { chat off; }
 }"
--- user_files
>>> outer.json
"outer"
>>> inner.json
"inner"
--- request eval
["GET /c/links", "GET /c/inner/links", "GET /c/none/links", "GET /links"]
--- error_code eval: [200, 200, 404, 404]
--- response_body_like eval
['^"outer"', '^"inner"', '404 Not Found', '404 Not Found']



=== TEST 22: subrequests are never the chat's
--- config eval
"$::Redis
 location / { chat on; root html; auth_request /me; }"
--- user_files
>>> a
a
>>> me
a file
--- request eval: ["GET /a", "GET /me"]
--- response_body eval: ["a\n", 'null']



=== TEST 23: access rules hold for the chat's routes
--- config eval
"$::Redis
 location /a/ { chat on; deny all; }
 location /b/ { chat on; limit_except GET { deny all; } }"
--- more_headers
Content-Type: application/json
--- request eval
["GET /a/me", "GET /b/me", "POST /b/login\n{}"]
--- error_code eval: [403, 200, 403]
--- response_body_like eval: ['403 Forbidden', '^null$', '403 Forbidden']



=== TEST 24: headers that are added, and gzip, work as anywhere
--- config eval
"$::Redis
 gzip on;
 gzip_types application/json;
 gzip_min_length 1;
 location / { chat on; add_header X-Mine yes always; }"
--- more_headers
Accept-Encoding: gzip
--- request eval: ["GET /room/0/preload", "GET /users"]
--- error_code eval: [200, 403]
--- response_headers eval
["Content-Encoding: gzip\nX-Mine: yes\nCache-Control: no-store",
 "X-Mine: yes\nCache-Control: no-store"]



=== TEST 25: methods of the routes
--- config eval
"$::Redis location / { chat on; }"
--- request eval
[(map { "POST $_\nx" } '/me', '/links', '/randomname', '/users',
       '/users/online', '/rooms/1', '/room/0/preload', '/room/0/messages'),
 (map { "PUT $_\nx" } '/room', '/login', '/logout'),
 (map { "PATCH $_" } '/stream', '/events'), 'GET /room']
--- error_code eval: [(405) x 14]
--- response_headers eval
[('Allow: GET, HEAD') x 8, ('Allow: POST') x 3, ('Allow: GET, HEAD') x 2,
 'Allow: POST']



=== TEST 26: keepalive: a chat's request between others, on one connection
--- config eval
"$::Redis location / { chat on; root html; }"
--- user_files
>>> a
a
--- pipelined_requests eval
["GET /a", "GET /me", "POST /login\n{}", "GET /none", "GET /links"]
--- error_code eval: [200, 200, 415, 404, 200]
--- response_body_like eval
["^a\n\$", '^null$', 'must be JSON', '404 Not Found', '^\{\}$']
