# chat_user: who the users are is what nginx says.

use Test::Nginx::Socket 'no_plan';
use lib 't/lib';
use Chat::Test;

our $Redis = 'chat_redis redis+unix://$TEST_NGINX_REDIS_SOCKET;';

our $Config = "$Redis
    add_header X-User \"\$chat_user/\$chat_user_id\" always;
    location / { chat on; chat_user \$http_x_remote; root html; }
    location /own/ { chat on; chat_user off; }
    location /wiki/ {
        chat_require on; chat_user \$http_x_remote; alias html/;
    }";

our $Away = 'chat_redis redis+unix://$TEST_NGINX_SERVER_ROOT/none.sock;
             location / { chat on; chat_user $http_x_remote; }';

our $Json = 'Content-Type: application/json';

our $Forbidden = '{"message":"This name can\'t be used in the chat"}';
our $Handshake = 'GET /socket.io/?EIO=4&transport=polling';

no_long_string();
no_root_location();
no_shuffle();
timeout(15);
run_tests();

__DATA__

=== TEST 1: at first sight there is a user, the same from then on
--- config eval: $::Config
--- more_headers eval
["X-Remote: anna", "X-Remote: ben", "X-Remote: anna", "X-Remote: a b\@c.d"]
--- request eval: [("GET /me") x 4]
--- response_body eval
['{"id":"1","username":"anna"}', '{"id":"2","username":"ben"}',
 '{"id":"1","username":"anna"}', '{"id":"3","username":"a b@c.d"}']
--- response_headers eval
["X-User: anna/1\n!Set-Cookie", "X-User: ben/2\n!Set-Cookie",
 "X-User: anna/1\n!Set-Cookie", "X-User: a b\@c.d/3\n!Set-Cookie"]



=== TEST 2: nobody
--- config eval: $::Config
--- more_headers eval: $::Json
--- request eval
["GET /me", "GET /users/online", "POST /logout\n", "GET /events", "GET /stream",
 "GET /wiki/index.html", $::Handshake, "GET /room/0/preload"]
--- error_code eval: [200, 403, 403, 403, 403, 403, 200, 200]
--- response_body_like eval
['^null$', ('Please log in first') x 4, '403 Forbidden', '^0\{"sid"',
 '"General"']



=== TEST 3: on a connection that is kept, the value of each request counts
--- config eval: $::Config
--- more_headers eval
["X-Remote: anna", "X-Remote: ben", '', "X-Remote: anna"]
--- pipelined_requests eval: [("GET /me") x 4]
--- response_body eval
['{"id":"1","username":"anna"}', '{"id":"2","username":"ben"}', 'null',
 '{"id":"1","username":"anna"}']



=== TEST 4: there is no log-in here, and no registration
--- config eval: $::Config
--- more_headers eval: ($::Json)
--- request eval
["POST /login\n" . '{"username":"x","password":"y"}', "POST /login\n{",
 "GET /login"]
--- error_code eval: [404, 404, 404]
--- response_body eval: [('{"message":"There is no log-in here"}') x 3]



=== TEST 5: such a user can't log in elsewhere, nor be registered
--- config eval: $::Config
--- more_headers eval
["X-Remote: anna", ($::Json) x 3]
--- request eval
["GET /me",
 map { "POST /own/login\n{\"username\":\"anna\",\"password\":\"$_\"}" }
     'x', '0', 'password']
--- error_code eval: [200, 404, 404, 404]



=== TEST 6: a user whom the chat has is that one
--- config eval: $::Config
--- init: ::make_user(7, 'Joe')
--- more_headers eval: "X-Remote: Joe"
--- request eval: ["GET /me", "GET /rooms/7", "GET /users?ids=7"]
--- response_body_like eval
['^\{"id":"7","username":"Joe"\}$', '"names":\["General"\]', '"username":"Joe"']



=== TEST 7: names that nobody can have
--- config eval: $::Config
--- more_headers eval
["X-Remote: " . 'x' x 33, "X-Remote: a\x01\x1bb", "X-Remote: \xff\xfe",
 "X-Remote: \xe2\x80\xaeabc", "X-Remote: " . 'x' x 33, "X-Remote: " . 'x' x 33,
 "X-Remote: " . 'x' x 33]
--- request eval
[("GET /me") x 4, $::Handshake, "GET /events", "GET /wiki/index.html"]
--- error_code eval: [(403) x 7]
--- response_body_like eval
[("can't be used in the chat") x 4, '\{"code":4,"message":"Forbidden"\}',
 "can't be used in the chat", '403 Forbidden']



=== TEST 8: a cookie counts for nothing, not even one that has a session
--- config eval: $::Config
--- init
::wait_for_workers();
::make_user(1, 'Joe');
::session_for(1, 'Joe');
--- more_headers eval
[::cookie_of(1), ::cookie_of(1), ::cookie_of(1) . "\nX-Remote: ben"]
--- request eval: ["GET /me", "GET /own/me", "GET /me"]
--- response_body eval
['null', '{"id":"1","username":"Joe"}', '{"id":"2","username":"ben"}']



=== TEST 9: a session's name in Redis, as a cookie, opens nothing
--- config eval: $::Config
--- init
::redis('SET', 'chat:session:' . 'A' x 43, '{"id":"1","username":"x"}');
--- more_headers eval
["X-Remote: anna", 'Cookie: chat_session=' . 'A' x 43]
--- request eval: ["GET /me", "GET /own/me"]
--- response_body eval: ['{"id":"1","username":"anna"}', 'null']



=== TEST 10: other sites' requests
--- config eval: $::Config
--- more_headers eval
"X-Remote: anna\nOrigin: http://evil.example\n$::Json"
--- request eval
["POST /room\n" . '{"user1":"1","user2":"2"}', "POST /logout\n", $::Handshake,
 "GET /events"]
--- error_code eval: [(403) x 4]



=== TEST 11: chat_require, and first sight there
--- config eval: $::Config
--- more_headers eval: ["X-Remote: anna", '', "X-Remote: anna"]
--- request eval
["GET /wiki/index.html", "GET /wiki/index.html", "GET /me"]
--- error_code eval: [200, 403, 200]
--- response_headers eval: ["X-User: anna/1", "X-User: /", "X-User: anna/1"]



=== TEST 12: nginx's own log-in
--- config eval
"$::Redis location / {
    auth_basic chat; auth_basic_user_file \$TEST_NGINX_HTML_DIR/users;
    chat on; chat_user \$remote_user;
 }"
--- user_files
>>> users
anna:{PLAIN}secret
--- more_headers eval
["Authorization: Basic YW5uYTpzZWNyZXQ=", "Authorization: Basic YW5uYTp3cm9uZw=="]
--- request eval: ["GET /me", "GET /me"]
--- error_code eval: [200, 401]
--- response_body_like eval: ['^\{"id":"1","username":"anna"\}$', '401']



=== TEST 13: Redis is away
--- config eval: $::Away
--- more_headers eval: "X-Remote: anna"
--- request eval: ["GET /me", $::Handshake, "GET /events"]
--- error_code eval: [(503) x 3]



=== TEST 14: keys that hold something else
--- config eval: $::Config
--- init
::redis('SET', 'username:anna', 'user:x');
::redis('LPUSH', 'username:ben', 'x');
--- more_headers eval: ["X-Remote: anna", "X-Remote: ben", "X-Remote: anna"]
--- request eval: ["GET /me", "GET /me", $::Handshake]
--- error_code eval: [500, 500, 500]



=== TEST 15: registration off is for those who come themselves
--- config eval: "$::Config chat_registration off;"
--- more_headers eval: "X-Remote: anna"
--- request
GET /me
--- response_body: {"id":"1","username":"anna"}



=== TEST 16: in all its places, and off
--- http_config
    chat_user $http_x;
--- config
    chat_user "$http_x-$http_y";
    location /c/ { chat_user off; }
    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 17: no value
--- config
    chat_user;
--- must_die
--- error_log
invalid number of arguments in "chat_user" directive



=== TEST 18: an unknown variable
--- config
    chat_user $none;
--- must_die
--- error_log
unknown "none" variable



=== TEST 19: twice
--- config
    chat_user $http_x;
    chat_user $http_y;
--- must_die
--- error_log
"chat_user" directive is duplicate



=== TEST 20: what the log says of a name that nobody can have
--- config eval: $::Config
--- more_headers eval: "X-Remote: a\x01\x1bb"
--- request
GET /me
--- error_code: 403
--- error_log
chat_user gives "a\u0001\u001bb", which can't be a name in the chat



=== TEST 21: a name that looks like somebody's, in NFC or not
--- config eval: $::Config
--- more_headers eval
["X-Remote: anna", "X-Remote: Anna", "X-Remote: \xd0\xb0nna",
 "X-Remote: ann\xc3\xa4", "X-Remote: anna\xcc\x88", "X-Remote: anna"]
--- request eval: [("GET /me") x 6]
--- error_code eval: [200, 403, 403, 200, 403, 200]
--- response_body eval
['{"id":"1","username":"anna"}', $::Forbidden, $::Forbidden,
 "{\"id\":\"4\",\"username\":\"ann\xc3\xa4\"}", $::Forbidden,
 '{"id":"1","username":"anna"}']
