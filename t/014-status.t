# chat_status: the formats, and who gets which.  What is counted is in
# e2e/status.test.mjs.

use Test::Nginx::Socket 'no_plan';
use lib 't/lib';
use Chat::Test;

our $Config = 'chat_redis redis+unix://$TEST_NGINX_REDIS_SOCKET;
    location / { chat on; }
    location = /status { chat_status; }';

our $Text = 'Content-Type: text/plain; version=0.0.4; charset=utf-8';
our $Json = 'Content-Type: application/json; charset=utf-8';

no_long_string();
no_root_location();
no_shuffle();
run_tests();

__DATA__

=== TEST 1: JSON, for people and for whoever does not say
--- config eval: $::Config
--- init: ::wait_for_workers()
--- more_headers eval
['', 'Accept: */*', 'Accept: text/html,application/xhtml+xml,*/*;q=0.8',
 'Accept: text/plain']
--- request eval: [("GET /status") x 3, "GET /status?format=json"]
--- response_headers eval: [("$::Json\nCache-Control: no-store") x 4]
--- response_body_like eval
[('^\{"total":\{"connections":\{"polling":0,"websocket":0,"sse":0\},'
  . '.*"redis_links_up":\{"command":2,"subscriber":2\}.*'
  . '"workers":\[\{"pid":\d+,.*\},\{"pid":\d+,.*\}\]\}$') x 4]



=== TEST 2: Prometheus
--- config eval: $::Config
--- init: ::wait_for_workers()
--- more_headers eval
['', 'Accept: application/openmetrics-text;version=1.0.0;q=0.5,'
     . 'text/plain;version=0.0.4;q=0.5,*/*;q=0.1', 'Accept: text/plain']
--- request eval
["GET /status?format=prometheus", "GET /status", "GET /status?x=1"]
--- response_headers eval: [("$::Text\nCache-Control: no-store") x 3]
--- response_body_like eval
[('^# HELP nginx_chat_connections .*\n# TYPE nginx_chat_connections gauge\n'
  . 'nginx_chat_connections\{transport="polling"\} 0\n.*\n'
  . 'nginx_chat_redis_links_up\{link="command"\} 2\n.*\n'
  . 'nginx_chat_workers 2\n') x 3]



=== TEST 3: HEAD, and what is not answered
--- config eval: $::Config
--- request eval
["HEAD /status", "POST /status\nx", "GET /status?format=xml",
 "GET /status?format="]
--- error_code eval: [200, 405, 400, 400]



=== TEST 4: nginx's access rules guard it
--- config eval
"$::Config location = /closed { chat_status; deny all; }"
--- request
GET /closed
--- error_code: 403



=== TEST 5: without a chat, and without Redis
--- config
    location = /status { chat_status; }
--- request
GET /status
--- response_body_like: ^\{"total":\{.*\},"workers":\[\]\}$



=== TEST 6: users who come by chat_user
--- config eval
"$::Config location /in/ { chat on; chat_user \$http_x; }"
--- more_headers: X: anna
--- request eval: ["GET /in/me", "GET /in/me", "GET /status"]
--- response_body_like eval
['"anna"', '"anna"', '"logins":\{"ok":0,"created":0,.*"chat_user":1\}']



=== TEST 7: not outside of a location
--- config
    chat_status;
--- must_die
--- error_log
"chat_status" directive is not allowed here



=== TEST 8: takes no value
--- config
    location = /status { chat_status on; }
--- must_die
--- error_log
invalid number of arguments in "chat_status" directive
