# Redis that is away, out of memory, read-only or slow, and keys that hold
# something else: what clients are told, and that all is well again afterwards.

use Test::Nginx::Socket 'no_plan';
use lib 't/lib';
use Chat::Test;

our $Config = 'chat_redis redis+unix://$TEST_NGINX_REDIS_SOCKET;
               location / { chat on; }';

# a Redis that isn't there

our $Away = 'chat_redis redis+unix://$TEST_NGINX_SERVER_ROOT/none.sock;
             location / { chat on; root html; }';

our $Json  = 'Content-Type: application/json';
our $Login = "POST /login\n" . '{"username":"Joe","password":"password123"}';
our $New   = "POST /login\n" . '{"username":"Ben","password":"password123"}';

our $Unavailable = '{"message":"The chat is not available now, '
                   . 'try again later"}';
our $Broken      = '{"message":"The chat\'s data is broken"}';

our $Headers = "Content-Type: application/json; charset=utf-8\n"
               . "Cache-Control: no-store\nX-Content-Type-Options: nosniff";

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

=== TEST 1: away: every route that needs Redis says so
--- config eval: $::Away
--- more_headers eval: ::cookie_of(1) . "\n$::Json"
--- request eval
["GET /me", $::Login, "POST /logout", "GET /randomname", "GET /users?ids=1",
 "GET /users/online", "GET /rooms/1", "POST /room\n" . '{"user1":1,"user2":2}',
 "GET /room/0/preload", "GET /room/0/messages", "GET /stream", "GET /events"]
--- error_code eval: [(503) x 12]
--- response_headers eval: [("$::Headers\nRetry-After: 1") x 12]
--- response_body eval: [($::Unavailable) x 12]



=== TEST 2: away: what doesn't need it works
--- config eval: $::Away
--- more_headers eval: $::Json
--- request eval
["GET /me", "GET /links", "GET /index.html", "GET /users/online",
 "POST /login\n{}", "GET /room/1/preload", "GET /login",
 "GET /socket.io/?EIO=3&transport=polling"]
--- error_code eval: [200, 200, 200, 403, 400, 404, 405, 400]
--- response_body_like eval
['^null$', '^\{\}$', 'It works!', 'Please log in first',
 'A name and a password are needed', 'There is no such room',
 'The method is not allowed here', 'Unsupported protocol version']



=== TEST 3: away: HEAD
--- config eval: $::Away
--- request
HEAD /randomname
--- error_code: 503
--- response_headers
Content-Type: application/json; charset=utf-8
Retry-After: 1
--- response_body:



=== TEST 4: away: it doesn't count as a log-in that failed
--- config eval
$::Away . ' chat_login_rate 1r/m;'
--- more_headers eval: $::Json
--- request eval: [($::Login) x 3]
--- error_code eval: [(503) x 3]



=== TEST 5: away: Redis that wants another password
--- config
    chat_redis redis+unix://:wrong@$TEST_NGINX_REDIS_SOCKET;
    location / { chat on; }
--- init
sleep 1;
--- request eval: ["GET /randomname", "GET /me"]
--- error_code eval: [503, 200]
--- response_body eval: [$::Unavailable, 'null']



=== TEST 6: links that Redis has closed are made anew
--- config eval: $::Config
--- init
::joe();
::redis('CLIENT', 'KILL', 'TYPE', 'normal');
::redis('CLIENT', 'KILL', 'TYPE', 'pubsub');
sleep 2;
::wait_for_workers();
--- more_headers eval: ::cookie_of(1)
--- request eval: ["GET /me", "GET /room/0/messages"]
--- response_body eval: ['{"id":"1","username":"Joe"}', '[]']



=== TEST 7: Redis that doesn't answer: 503 after a while
--- config eval: $::Config
--- init
::joe();
::redis('CLIENT', 'PAUSE', 9000);
--- more_headers eval: ::cookie_of(1)
--- request
GET /me
--- error_code: 503
--- response_headers
Retry-After: 1
--- response_body eval: $::Unavailable



=== TEST 8: and when it does again, so does the chat
--- init
sleep 3;
::wait_for_workers();
--- more_headers eval: ::cookie_of(1)
--- request
GET /me
--- response_body: {"id":"1","username":"Joe"}



=== TEST 9: scripts that Redis has
--- config eval: $::Config
--- init
::joe();
--- request eval: [("GET /room/0/preload") x 4]
--- response_body_like eval: [('"messages":\[\]') x 4]



=== TEST 10: scripts that Redis has forgotten
--- init
::redis('SCRIPT', 'FLUSH');
--- request eval: [("GET /room/0/preload") x 4]
--- response_body_like eval: [('"messages":\[\]') x 4]



=== TEST 11: keys of another type
--- config eval: $::Config
--- init
::joe();
::make_user(2, 'Mary');
::make_user(3, 'Alex');
for my $key ('online_users', 'room:0', 'user:1:rooms', 'user:2',
             'user:3:rooms')
{
    ::redis('DEL', $key);
    ::redis('SET', $key, 'text');
}
::redis('DEL', 'username:Joe');
::redis('LPUSH', 'username:Joe', 'user:1');
::redis('DEL', 'room:0:name');
::redis('LPUSH', 'room:0:name', 'General');
--- more_headers eval: ::cookie_of(1) . "\n$::Json"
--- request eval
["GET /users/online", "GET /users?ids=1", "GET /rooms/1",
 "GET /room/0/messages", "GET /room/0/preload", $::Login, "GET /users?ids=2",
 "POST /room\n" . '{"user1":1,"user2":3}',
 "POST /login\n" . '{"username":"Mary","password":"password123"}', "GET /me"]
--- error_code eval: [(500) x 9, 200]
--- response_headers eval: [($::Headers) x 10]
--- response_body eval
[($::Broken) x 9, '{"id":"1","username":"Joe"}']



=== TEST 12: a session of another type
--- config eval: $::Config
--- init
::joe();
my ($key) = split /\n/, ::redis('KEYS', 'chat:session:*');
::redis('DEL', $key);
::redis('LPUSH', $key, 'x');
--- more_headers eval: ::cookie_of(1)
--- request eval: ["GET /me", "GET /users/online"]
--- error_code eval: [500, 500]
--- response_body eval: [($::Broken) x 2]



=== TEST 13: sessions that hold something else are none
--- config eval: $::Config
--- init
::joe();
my ($key) = split /\n/, ::redis('KEYS', 'chat:session:*');
::redis('SET', $key, '{"id":"x","username":5}', 'EX', 100);
--- more_headers eval: ::cookie_of(1)
--- request eval: ["GET /me", "GET /users/online"]
--- error_code eval: [200, 403]
--- response_body eval: ['null', '{"message":"Please log in first"}']



=== TEST 14: names that lead nowhere
--- config eval: $::Config
--- init
::wait_for_workers();
::redis('SET', 'username:a', 'nobody');
::redis('SET', 'username:b', 'user:1:rooms');
::redis('SET', 'username:c', 'user:7');
::redis('SET', 'username:d', '');
::redis('HSET', 'user:8', 'username', 'e', 'password', 'in clear');
::redis('SET', 'username:e', 'user:8');
--- more_headers eval: $::Json
--- request eval
[map { "POST /login\n" . "{\"username\":\"$_\",\"password\":\"in clear\"}" }
     'a' .. 'e']
--- error_code eval: [(404) x 5]
--- response_body eval: [('{"message":"Invalid username or password"}') x 5]



=== TEST 15: a counter that was lost: users that there are stay who they are
--- config eval: $::Config
--- init
::joe();
::make_user(2, 'Mary');
::redis('DEL', 'total_users');
--- more_headers eval: $::Json
--- request eval: [$::New, $::Login]
--- error_code eval: [201, 200]
--- response_body eval
['{"id":"3","username":"Ben"}', '{"id":"1","username":"Joe"}']



=== TEST 16: a counter that is none
--- config eval: $::Config
--- init
::joe();
::redis('SET', 'total_users', 'many');
--- more_headers eval: $::Json
--- request eval: $::New
--- error_code: 503
--- response_body eval: $::Unavailable
--- error_log
chat: redis answered "ERR value is not an integer



=== TEST 17: out of memory: what is there can be read
--- config eval: $::Config
--- init
::joe();
::redis('ZADD', 'room:0', 1600000001,
        '{"from":"1","date":1600000001,"message":"x","roomId":"0"}');
::redis('CONFIG', 'SET', 'maxmemory', 1);
--- more_headers eval: $::Json
--- request eval
["GET /room/0/preload", "GET /randomname", $::New, $::Login]
--- error_code eval: [200, 200, 503, 503]
--- response_headers eval
[$::Headers, "Cache-Control: no-store", ("$::Headers\nRetry-After: 1") x 2]
--- response_body_like eval
['"message":"x"', '^\w+$', ("^\Q$::Unavailable\E\$") x 2]



=== TEST 18: out of memory: a refused registration leaves the name free
--- config eval: $::Config
--- init
::joe();
::redis('CONFIG', 'SET', 'maxmemory', 1);
--- more_headers eval: $::Json
--- request eval: $::New
--- error_code: 503
--- error_log
chat: redis answered "OOM command not allowed



=== TEST 19: memory again
--- init
die "the name is taken\n" if ::redis('EXISTS', 'username:Ben');
::redis('CONFIG', 'SET', 'maxmemory', 0);
--- more_headers eval: $::Json
--- request eval: [$::New, $::Login]
--- error_code eval: [201, 200]



=== TEST 20: a read-only replica
--- config eval: $::Config
--- init
::joe();
::redis('REPLICAOF', '127.0.0.1', 1);
--- more_headers eval: $::Json
--- request eval
["GET /room/0/preload", "GET /randomname", $::Login, $::New]
--- error_code eval: [200, 200, 503, 503]
--- response_body_like eval
['"General"', '^\w+$', ("^\Q$::Unavailable\E\$") x 2]



=== TEST 21: a read-only replica: what somebody with a session asks for
--- config eval: $::Config
--- init
::joe();
::redis('REPLICAOF', '127.0.0.1', 1);
--- more_headers eval: ::cookie_of(1)
--- request
GET /me
--- error_code: 503
--- response_body eval: $::Unavailable
--- error_log
chat: redis answered "READONLY



=== TEST 22: and when it may be written to again
--- init
::redis('REPLICAOF', 'NO', 'ONE');
--- more_headers eval: $::Json
--- request eval: [$::Login, $::New]
--- error_code eval: [200, 201]
