# Users, rooms and their history, and who may see what.

use Test::Nginx::Socket 'no_plan';
use lib 't/lib';
use Chat::Test;

our $Config = 'chat_redis redis+unix://$TEST_NGINX_REDIS_SOCKET;
               location / { chat on; }';

our $Json = "Content-Type: application/json";

# Joe, Mary and Alex are logged in.

sub people {
    my $id = 0;

    for my $name ('Joe', 'Mary', 'Alex') {
        make_user(++$id, $name);
        session_for($id, $name);
    }
}

# Messages 1 to $count, a second apart, as this module's servers write them.

sub message {
    my ($room, $i, $from) = @_;

    my $date = 1700000000 + $i;

    return "{\"id\":\"$date.500000\",\"from\":\"$from\",\"date\":$date,"
           . "\"message\":\"number $i\",\"roomId\":\"$room\"}";
}

sub messages {
    my ($room, $count, $from) = @_;

    redis('ZADD', "room:$room",
          map { (1700000000.5 + $_, message($room, $_, $from)) } 1 .. $count);
}

# what a page of them is

sub page {
    my ($room, $from, @numbers) = @_;

    return '[' . join(',', map { message($room, $_, $from) } @numbers) . ']';
}

sub down {
    my ($high, $low) = @_;

    return map { $high - $_ } 0 .. $high - $low;
}

sub user {
    my ($id, $name, $online) = @_;

    return "\"$id\":{\"id\":\"$id\",\"username\":\"$name\",\"online\":$online}";
}

our $LogIn  = '{"message":"Please log in first"}';
our $Mine   = '{"message":"You are not a member of this room"}';
our $One    = '{"message":"You must be one of the two users"}';
our $Two    = '{"message":"A private room has two different users"}';
our $Ids    = '{"message":"\"user1\" and \"user2\" must be the ids of users"}';
our $NoRoom = '{"message":"There is no such room"}';
our $NoUser = '{"message":"There is no such user"}';

timeout(10);
no_long_string();
no_root_location();
run_tests();

__DATA__

=== TEST 1: what needs a session
--- config eval: $::Config
--- init
::people();
--- request eval
[map { "GET $_" } '/users?ids[]=1', '/users', '/users/online', '/rooms/1',
     '/room/0/messages', '/room/1:2/messages', '/room/none/messages']
--- error_code eval: [(403) x 7]
--- response_body eval: [($::LogIn) x 7]



=== TEST 2: what needs a session: one that is not there is none
--- config eval: $::Config
--- init
::people();
--- more_headers eval
"$::Json\nCookie: chat_session=" . 'A' x 43
--- request eval
["GET /users?ids[]=1", "GET /users/online", "GET /rooms/1",
 "GET /room/0/messages", "POST /room\n" . '{"user1":"1","user2":"2"}',
 "POST /logout"]
--- error_code eval: [(403) x 6]
--- response_body eval: [($::LogIn) x 6]



=== TEST 3: what doesn't
--- config eval: $::Config
--- request eval
["GET /me", "GET /links", "GET /randomname", "GET /room/0/preload"]
--- response_body_like eval
['^null$', '^\{\}$', '^[A-Z][a-z]+$',
 '^\{"id":"0","name":"General","messages":\[\]\}$']
--- response_headers eval
[("Content-Type: application/json; charset=utf-8\nCache-Control: no-store\n"
  . "X-Content-Type-Options: nosniff") x 2,
 "Content-Type: text/plain; charset=utf-8\nCache-Control: no-store\n"
 . "X-Content-Type-Options: nosniff",
 "Content-Type: application/json; charset=utf-8\nCache-Control: no-store\n"
 . "X-Content-Type-Options: nosniff"]



=== TEST 4: /links: the file as it is
--- config
    chat_redis redis+unix://$TEST_NGINX_REDIS_SOCKET;
    location / { chat on; chat_links $TEST_NGINX_HTML_DIR/links.json; }
--- user_files eval
[['links.json', "{ \"github\":\n\"https://example.com/\"}"]]
--- request
GET /links
--- response_body chomp
{ "github":
"https://example.com/"}
--- response_headers
Content-Type: application/json; charset=utf-8



=== TEST 5: /users: all ways to ask
--- config eval: $::Config
--- init
::people();
--- more_headers eval: ::cookie_of(1)
--- request eval
[map { "GET /users?$_" }
     'ids[]=1&ids[]=2', 'ids=1&ids=2', 'ids[0]=1&ids[1]=2',
     'ids%5B%5D=1&ids%5b0%5d=2', 'x=1&ids[]=%31&ids[]=2&y',
     'ids[]=1&ids[]=1&ids[]=2']
--- response_body eval
[('{' . ::user(1, 'Joe', 'false') . ',' . ::user(2, 'Mary', 'false') . '}')
 x 6]



=== TEST 6: /users: who is online, who isn't, who doesn't exist
--- config eval: $::Config
--- init
::people();
::redis('SADD', 'online_users', 3);
--- more_headers eval: ::cookie_of(1)
--- request eval
[map { "GET /users?$_" }
     'ids[]=2&ids[]=3', 'ids[]=3&ids[]=9', 'ids[]=9', 'ids[]=x&ids[]=01',
     'ids[]=-1&ids[]=&ids[]=1.0&ids[]=%zz&ids[]=1%00']
--- response_body eval
['{' . ::user(2, 'Mary', 'false') . ',' . ::user(3, 'Alex', 'true') . '}',
 '{' . ::user(3, 'Alex', 'true') . '}', ('{}') x 3]



=== TEST 7: /users: nobody asked for
--- config eval: $::Config
--- init
::people();
--- more_headers eval: ::cookie_of(1)
--- request eval
["GET /users", "GET /users?", "GET /users?id=1", "GET /users?ids[x]=1"]
--- error_code eval: [(404) x 4]
--- response_body eval: [('{"message":"No ids were given"}') x 4]



=== TEST 8: /users: up to 500
--- config eval: $::Config
--- http_config
    large_client_header_buffers 4 16k;
--- init
::people();
--- more_headers eval: ::cookie_of(1)
--- request eval
[map { 'GET /users?' . CORE::join '&', map { "ids[]=$_" } 1 .. $_ } 500, 501]
--- error_code eval: [200, 400]
--- response_body_like eval
['^\{"1":.*"2":.*"3":[^{]*\{[^}]*\}\}$', '^\{"message":"At most 500 ids']



=== TEST 9: /users/online: in the order of the ids, from any on
--- config eval: $::Config
--- init
::people();
::make_user(10, 'Ben');
::redis('SADD', 'online_users', 10, 3, 1, 99, 'x');
--- more_headers eval: ::cookie_of(2)
--- request eval
[map { "GET /users/online$_" }
     '', '?after=1', '?after=3', '?after=10', '?after=x', '?after=-1',
     '?after=']
--- error_code eval: [(200) x 4, (400) x 3]
--- response_body eval
['{' . ::user(1, 'Joe', 'true') . ',' . ::user(3, 'Alex', 'true') . ','
 . ::user(10, 'Ben', 'true') . '}',
 '{' . ::user(3, 'Alex', 'true') . ',' . ::user(10, 'Ben', 'true') . '}',
 '{' . ::user(10, 'Ben', 'true') . '}', '{}',
 ('{"message":"\"after\" must be a user\'s id"}') x 3]



=== TEST 10: /users/online: nobody
--- config eval: $::Config
--- init
::people();
--- more_headers eval: ::cookie_of(1)
--- request
GET /users/online
--- response_body chomp
{}



=== TEST 11: names go out as JSON
--- config eval: $::Config
--- init
::people();
::make_user(4, "<b>\"\\ \xc3\xa9\xe6\xbc\xa2\t");
--- more_headers eval: ::cookie_of(1)
--- request
GET /users?ids[]=4
--- response_body eval
"{\"4\":{\"id\":\"4\",\"username\":\"<b>\\\"\\\\ \xc3\xa9\xe6\xbc\xa2\\t\","
. '"online":false}}'



=== TEST 12: POST /room: the two in any order, as strings or numbers
--- config eval: $::Config
--- init
::people();
--- more_headers eval: "$::Json\n" . ::cookie_of(1)
--- request eval
[map { "POST /room\n$_" }
     '{"user1":"1","user2":"2"}', '{"user1":"2","user2":"1"}',
     '{"user1":1,"user2":2}', '{"user2":1,"user1":"2","more":[]}',
     '{"user1":"3","user2":1}']
--- error_code eval: [(201) x 5]
--- response_body eval
[('{"id":"1:2","names":["Joe","Mary"]}') x 4,
 '{"id":"1:3","names":["Joe","Alex"]}']



=== TEST 13: POST /room: ids are ordered as numbers
--- config eval: $::Config
--- init
::make_user(9, 'Nine');
::make_user(10, 'Ten');
::session_for(10, 'Ten');
--- more_headers eval: "$::Json\n" . ::cookie_of(10)
--- request eval
["POST /room\n" . '{"user1":"10","user2":"9"}']
--- error_code eval: [201]
--- response_body eval: ['{"id":"9:10","names":["Nine","Ten"]}']



=== TEST 14: POST /room: what is no pair of users
--- config eval: $::Config
--- init
::people();
--- more_headers eval: "$::Json\n" . ::cookie_of(1)
--- request eval
[map { "POST /room\n$_" }
     '{}', '{"user1":"1"}', '{"user1":"1","user2":null}',
     '{"user1":"1","user2":"x"}', '{"user1":"1","user2":"02"}',
     '{"user1":1,"user2":-2}', '{"user1":1,"user2":2.0}',
     '{"user1":"1","user2":""}', '{"user1":"1","user2":"0"}',
     '{"user1":"1","user2":"2:3"}', '{"user1":1,"user2":["2"]}',
     '{"user1":"1","user2":"1"}', '{"user1":1,"user2":"1"}', '[]', '{']
--- error_code eval: [(400) x 15]
--- response_body eval
[($::Ids) x 11, ($::Two) x 2,
 ('{"message":"The request is no valid JSON object"}') x 2]



=== TEST 15: POST /room: others' rooms, unknown users, other bodies
--- config eval: $::Config
--- init
::people();
--- more_headers eval
[("$::Json\n" . ::cookie_of(1)) x 3, $::Json, ::cookie_of(1)]
--- request eval
[map { "POST /room\n$_" }
     '{"user1":"2","user2":"3"}', '{"user1":"1","user2":"99"}',
     '{"user1":"98","user2":"99"}', '{"user1":"1","user2":"2"}',
     '{"user1":"1","user2":"2"}']
--- error_code eval: [403, 404, 403, 403, 415]
--- response_body eval
[$::One, $::NoUser, $::One, $::LogIn,
 '{"message":"The request must be JSON"}']



=== TEST 16: /rooms: General, named rooms, private ones with messages
--- config eval: $::Config
--- init
::people();
::make_user(10, 'Ten');
::redis('SADD', 'user:2:rooms', '2:10', '1:2', '2:3', 'news', 'lost', '3:10',
        'x:y');
::redis('SET', 'room:news:name', 'News');
::messages('1:2', 1, 1);
::messages('2:10', 1, 10);
::messages('3:10', 1, 10);
--- more_headers eval: ::cookie_of(2)
--- request
GET /rooms/2
--- response_body eval
'[{"id":"0","names":["General"]},{"id":"news","names":["News"]},'
. '{"id":"1:2","names":["Joe","Mary"]},{"id":"2:10","names":["Mary","Ten"]}]'



=== TEST 17: /rooms: a room appears with its first message
--- config eval: $::Config
--- init
::people();
::messages('1:3', 1, 1);
--- more_headers eval: "$::Json\n" . ::cookie_of(1)
--- request eval
["GET /rooms/1", "POST /room\n" . '{"user1":1,"user2":2}',
 "POST /room\n" . '{"user1":1,"user2":3}', "GET /rooms/1"]
--- error_code eval: [200, 201, 201, 200]
--- response_body eval
['[{"id":"0","names":["General"]}]', '{"id":"1:2","names":["Joe","Mary"]}',
 '{"id":"1:3","names":["Joe","Alex"]}',
 '[{"id":"0","names":["General"]},{"id":"1:3","names":["Joe","Alex"]}]']



=== TEST 18: /rooms: of oneself only
--- config eval: $::Config
--- init
::people();
--- more_headers eval: ::cookie_of(1)
--- request eval
[map { "GET /rooms/$_" } 1, '%31', 2, 99, '01', 'me', '1%20']
--- error_code eval: [200, 200, (403) x 5]



=== TEST 19: preload: the twenty newest, for everybody
--- config eval: $::Config
--- init
::people();
::messages(0, 25, 2);
--- request
GET /room/0/preload
--- response_body eval
'{"id":"0","name":"General","messages":'
. ::page(0, 2, ::down(25, 6)) . '}'



=== TEST 20: preload: of no other room
--- config eval: $::Config
--- init
::people();
::messages('1:2', 2, 1);
--- more_headers eval: ::cookie_of(1)
--- request eval
[map { "GET /room/$_/preload" } '1:2', '1', '00', 'General', '0%20']
--- error_code eval: [(404) x 5]
--- response_body eval: [($::NoRoom) x 5]



=== TEST 21: messages: pages, newest first
--- config eval: $::Config
--- init
::people();
::messages(0, 40, 2);
--- more_headers eval: ::cookie_of(1)
--- request eval
[map { "GET /room/0/messages$_" }
     '', '?offset=0&size=15', '?offset=15', '?size=3', '?offset=38&size=15',
     '?offset=40', '?offset=999999999', '?size=0', '?offset=1&size=1',
     '?size=%31&offset=2', '?size=0001']
--- response_body eval
[::page(0, 2, ::down(40, 26)), ::page(0, 2, ::down(40, 26)),
 ::page(0, 2, ::down(25, 11)), ::page(0, 2, 40, 39, 38), ::page(0, 2, 2, 1),
 '[]', '[]', '[]', ::page(0, 2, 39), ::page(0, 2, 38), ::page(0, 2, 40)]



=== TEST 22: messages: at most a thousand
--- config eval: $::Config
--- init
::people();
::messages(0, 1010, 2);
--- more_headers eval: ::cookie_of(1)
--- request eval
["GET /room/0/messages?size=5000", "GET /room/0/messages?offset=1000&size=1000"]
--- response_body eval
[::page(0, 2, ::down(1010, 11)), ::page(0, 2, ::down(10, 1))]



=== TEST 23: messages: by position
--- config eval: $::Config
--- init
::people();
::messages(0, 30, 2);
--- more_headers eval: ::cookie_of(1)
--- request eval
[map { "GET /room/0/messages?$_" }
     'before=1700000011.500000&size=3', 'before=1700000011.5&size=1',
     'before=1700000003&size=15', 'before=1700000001.5',
     'after=1700000010.500000&size=3', 'after=1700000028', 'after=0&size=2',
     'after=1700000030.500000']
--- response_body eval
[::page(0, 2, 10, 9, 8), ::page(0, 2, 10), ::page(0, 2, 2, 1), '[]',
 ::page(0, 2, 11, 12, 13), ::page(0, 2, 28, 29, 30), ::page(0, 2, 1, 2), '[]']



=== TEST 24: messages: numbers that are none
--- config eval: $::Config
--- init
::people();
::messages(0, 3, 2);
--- more_headers eval: ::cookie_of(1)
--- request eval
[map { "GET /room/0/messages?$_" }
     'offset=abc', 'offset=-1', 'offset=1e3', 'offset=', 'offset=1.0',
     'offset=1234567890', 'offset=+1', 'offset=%201', 'size=abc', 'size=-1',
     'size=1e3', 'size=', 'size=1234567890', 'size=0x10', 'size=%zz',
     'before=x', 'before=', 'before=-1', 'after=1.', 'after=1.1234567',
     'after=1e9', 'before=2&after=1', 'size=1&offset=y']
--- error_code eval: [(400) x 23]
--- response_body_like eval
[('^\{"message":"[^{}]*must be decimal numbers[^{}]*"\}$') x 23]



=== TEST 25: messages of a private room: its two users
--- config eval: $::Config
--- init
::people();
::messages('1:2', 2, 2);
--- more_headers eval
[map { ::cookie_of($_) } 1, 2, 3, 1, 1]
--- request eval
["GET /room/1:2/messages", "GET /room/1:2/messages", "GET /room/1:2/messages",
 "GET /room/1%3A2/messages", "GET /room/1:3/messages"]
--- error_code eval: [200, 200, 403, 200, 200]
--- response_body eval
[(::page('1:2', 2, 2, 1)) x 2, $::Mine, ::page('1:2', 2, 2, 1), '[]']



=== TEST 26: messages of a named room: its members
--- config eval: $::Config
--- init
::people();
::redis('SET', 'room:news:name', 'News');
::redis('SADD', 'user:1:rooms', 'news', 'gone');
::messages('news', 1, 1);
--- more_headers eval
[map { ::cookie_of($_) } 1, 2, 1, 2]
--- request eval
["GET /room/news/messages", "GET /room/news/messages",
 "GET /room/gone/messages", "GET /room/none/messages"]
--- error_code eval: [200, 403, 404, 404]
--- response_body eval
[::page('news', 1, 1), $::Mine, ($::NoRoom) x 2]



=== TEST 27: rooms that cannot be
--- config eval: $::Config
--- init
::people();
::messages('2:1', 1, 1);
--- more_headers eval: ::cookie_of(1)
--- request eval
[map { "GET /room/$_/messages" }
     '0:name', '01:2', '1:2:3', '2:1', '1:1', '1:', ':1', '1:99', '1:x', '-1',
     '99', '0%0a', '1:2%20', 'x' x 300]
--- error_code eval: [(404) x 14]
--- response_body eval: [($::NoRoom) x 14]



=== TEST 28: a NUL in a URI is refused by nginx itself
--- config eval: $::Config
--- init
::people();
--- more_headers eval: ::cookie_of(1)
--- request
GET /room/0%00/messages
--- error_code: 400



=== TEST 29: messages that other servers wrote
--- config eval: $::Config
--- init
::people();
::redis('ZADD', 'room:0',
        1600000001, '{"from":"1","date":1600000001,"message":"Python",'
                    . '"roomId":"0"}',
        1600000002, '{"from":2,"date":1600000002.75,"message":"Node",'
                    . '"roomId":"0"}',
        1600000003.25, '{"From":"3","Date":1600000003,"Message":"Go",'
                       . '"RoomId":"0","Other":1}',
        1600000004, 'no JSON at all', 1600000005, '[]',
        1600000006, '{"from":"1","date":1600000006,"message":"&lt;b&gt;",'
                    . '"roomId":"0"}');
--- more_headers eval: ::cookie_of(1)
--- request eval
["GET /room/0/messages", "GET /room/0/messages?size=2",
 "GET /room/0/messages?after=1600000001&size=2"]
--- response_body eval
my @rows = map { "{\"id\":\"$_->[0]\",\"from\":\"$_->[1]\",\"date\":$_->[2],"
                 . "\"message\":\"$_->[3]\",\"roomId\":\"0\"}" }
               ['1600000006.000000', 1, 1600000006, '&lt;b&gt;'],
               ['1600000003.250000', 3, 1600000003, 'Go'],
               ['1600000002.000000', 2, 1600000002, 'Node'],
               ['1600000001.000000', 1, 1600000001, 'Python'];
["[$rows[0],$rows[1],$rows[2],$rows[3]]", "[$rows[0],$rows[1]]",
 "[$rows[2],$rows[1]]"]



=== TEST 30: demo data
--- config
    chat_redis redis+unix://$TEST_NGINX_REDIS_SOCKET;
    chat_demo_data on;
    location / { chat on; }
--- init
for (1 .. 500) {
    last if ::redis('EXISTS', 'total_users');
    select undef, undef, undef, 0.02;
}
::session_for(1, 'Pablo');
--- more_headers eval: ::cookie_of(1)
--- request eval
["GET /users?ids=1&ids=2&ids=3&ids=4&ids=5", "GET /rooms/1",
 "GET /room/0/preload", "GET /room/1:2/messages"]
--- response_body_like eval
['^' . quotemeta('{' . CORE::join(',', ::user(1, 'Pablo', 'false'),
                                  ::user(2, 'Joe', 'false'),
                                  ::user(3, 'Mary', 'false'),
                                  ::user(4, 'Alex', 'false')) . '}') . '$',
 '^' . quotemeta('[{"id":"0","names":["General"]},'
                 . '{"id":"1:2","names":["Pablo","Joe"]},'
                 . '{"id":"1:3","names":["Pablo","Mary"]},'
                 . '{"id":"1:4","names":["Pablo","Alex"]}]') . '$',
 '^\{"id":"0","name":"General","messages":\[(\{[^{}]+\},){4}\{[^{}]+\}\]\}$',
 '^\[\{[^{}]+\},\{[^{}]+\}\]$']



=== TEST 31: other sites' pages may not read what a user may
--- config
    chat_redis redis+unix://$TEST_NGINX_REDIS_SOCKET;
    location / { chat on; }
    location /friends/ { chat on; chat_allowed_origins http://a.example; }
    location /all/ { chat on; chat_allowed_origins any; }
--- more_headers eval
[map { "Origin: http://$_.example" } 'a', 'a', 'b', 'b']
--- request eval
["GET /me", "GET /friends/me", "GET /friends/me", "GET /all/me"]
--- response_headers eval
["!Access-Control-Allow-Origin\n!Access-Control-Allow-Credentials",
 "Access-Control-Allow-Origin: http://a.example\n"
 . "Access-Control-Allow-Credentials: true\nVary: Origin",
 "!Access-Control-Allow-Origin\n!Access-Control-Allow-Credentials",
 "Access-Control-Allow-Origin: http://b.example\n"
 . "Access-Control-Allow-Credentials: true\nVary: Origin"]
