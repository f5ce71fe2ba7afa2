# Accounts: registration, log-in, the session's cookie, log-out, and how often
# a log-in may fail.

use Test::Nginx::Socket 'no_plan';
use lib 't/lib';
use Chat::Test;

our $Redis = 'chat_redis redis+unix://$TEST_NGINX_REDIS_SOCKET;';

our $Config = "$Redis\nlocation / { chat on; }";

our $Json = "Content-Type: application/json";

# the client's address is what the request says

our $Addressed = "$Redis
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Address;
    chat_login_rate 1r/m;
    chat_registration off;
    location / { chat on; }";

sub login {
    my ($name, $password) = @_;

    return "POST /login\n{\"username\":\"$name\",\"password\":\"$password\"}";
}

sub right { return login($_[0], 'password123') }
sub wrong { return login($_[0], 'wrong') }

our $Failed  = '{"message":"Invalid username or password"}';
our $TooMany = '{"message":"Too many tries, please wait a moment"}';
our $Alike   = '{"message":"This name looks like one that somebody has"}';
our $Needed  = '{"message":"A name and a password are needed"}';
our $NoJson  = '{"message":"The request is no valid JSON object"}';

timeout(10);
no_long_string();
no_root_location();
no_shuffle();
run_tests();

__DATA__

=== TEST 1: an unknown name is registered, a known one logs in, one like it can't
--- config eval: $::Config
--- more_headers eval: $::Json
--- request eval
[::login('anna', 'secret'), ::login('anna', 'secret'), ::login('ben', 'secret'),
 ::login('anna', 'other'), ::login('Anna', 'secret')]
--- error_code eval
[201, 200, 201, 404, 409]
--- response_headers eval
["Content-Type: application/json; charset=utf-8\nCache-Control: no-store\n"
 . "X-Content-Type-Options: nosniff",
 "Cache-Control: no-store", "Cache-Control: no-store",
 "!Set-Cookie\nCache-Control: no-store\nX-Content-Type-Options: nosniff",
 "Cache-Control: no-store"]
--- response_body eval
['{"id":"1","username":"anna"}', '{"id":"1","username":"anna"}',
 '{"id":"2","username":"ben"}', $::Failed, $::Alike]



=== TEST 2: a session that a log-in made
--- config eval: $::Config
--- more_headers eval: $::Json
--- request eval: ::login('anna', 'secret')
--- error_code: 201
--- raw_response_headers_like eval
'\r\nSet-Cookie: chat_session=[\w-]{43}; Max-Age=604800; Path=/; HttpOnly;'
. ' SameSite=Lax\r\n'



=== TEST 3: users of the original demo log in
--- config eval: $::Config
--- init
::make_user(1, 'Pablo');
::make_user(2, 'Joe');
--- more_headers eval: $::Json
--- request eval
[::right('Pablo'), ::wrong('Pablo'), ::right('Joe'), ::login('Mary', 'new')]
--- error_code eval
[200, 404, 200, 201]
--- response_body eval
['{"id":"1","username":"Pablo"}', $::Failed, '{"id":"2","username":"Joe"}',
 '{"id":"3","username":"Mary"}']



=== TEST 4: bodies that are no JSON object
--- config eval: $::Config
--- more_headers eval: $::Json
--- request eval
[map { "POST /login\n$_" }
     '{', 'null', '[]', '"x"', '17', '{"username":"x","password":"x",}',
     '{"username":"x","password":"x"} x', "{'username':'x','password':'x'}",
     '{"username":"x","password":"x","more":' . '[' x 40 . ']' x 40 . '}',
     "{\"username\":\"\xff\",\"password\":\"x\"}",
     '{"username":"x","password":"x","more":[' . '0,' x 12000 . '0]}']
--- error_code eval: [(400) x 11]
--- response_body eval: [($::NoJson) x 11]



=== TEST 5: an empty body
--- config eval: $::Config
--- more_headers eval: "$::Json\nContent-Length: 0"
--- request
POST /login
--- error_code: 400
--- response_body eval: $::NoJson



=== TEST 6: fields that are missing, blank or no strings
--- config eval: $::Config
--- more_headers eval: $::Json
--- request eval
[map { "POST /login\n$_" }
     '{}', '{"username":"x"}', '{"password":"x"}',
     '{"username":"","password":"x"}', '{"username":"x","password":""}',
     '{"username":" \u00a0\u3000","password":"x"}',
     '{"username":"x","password":" \t"}' =~ s/\t/\\t/r,
     '{"username":1,"password":"x"}', '{"username":"x","password":12345}',
     '{"username":["x"],"password":"x"}', '{"username":"x","password":null}']
--- error_code eval: [(400) x 11]
--- response_body eval: [($::Needed) x 11]



=== TEST 7: names that nobody can have
--- config eval: $::Config
--- more_headers eval: $::Json
--- request eval
[map { ::login($_, 'x') }
     'a\u0000b', 'a\nb', '\u200bx', 'x\u202e', ' x', 'x ', 'x' x 33,
     '\ufeffx', 'x' x 1025]
--- error_code eval: [(400) x 9]
--- response_body_like eval
[('^\{"message":"A new name has 1 to 32 characters') x 8,
 '^\{"message":"The name or the password is too long"\}$']



=== TEST 8: names are kept as they are
--- config eval: $::Config
--- more_headers eval: $::Json
--- request eval
[map { ::login($_, 'x') }
     '<b>x</b>', '\u00c6r\u00f8', ':0:{x}*', '\"\\\\', 'x' x 32]
--- error_code eval: [(201) x 5]
--- response_body eval
['{"id":"1","username":"<b>x</b>"}',
 "{\"id\":\"2\",\"username\":\"\xc3\x86r\xc3\xb8\"}",
 '{"id":"3","username":":0:{x}*"}', '{"id":"4","username":"\"\\\\"}',
 '{"id":"5","username":"' . 'x' x 32 . '"}']



=== TEST 9: all of a password counts
--- config eval: $::Config
--- more_headers eval: $::Json
--- request eval
[::login('a', 'x\u0000y'), ::login('a', 'x\u0000z'), ::login('a', 'x\u0000y'),
 ::login('b', 'x' x 100), ::login('b', 'x' x 99 . 'y'), ::login('b', 'x' x 72),
 ::login('c', 'x' x 1024), ::login('d', 'x' x 1025)]
--- error_code eval: [201, 404, 200, 201, 404, 404, 201, 400]



=== TEST 10: chat_password_scheme bcrypt: up to 72 bytes
--- config eval
"$::Redis chat_password_scheme bcrypt; location / { chat on; }"
--- more_headers eval: $::Json
--- request eval
[::login('a', 'x' x 72), ::login('a', 'x' x 72), ::login('a', 'x' x 71),
 ::login('b', 'x' x 73), ::login('c', 'x\u0000y')]
--- error_code eval: [201, 200, 404, 400, 400]
--- response_body_like eval
[('"id":"1"') x 2, 'Invalid username or password',
 ('A new password has at most 72 bytes, and none of them is zero') x 2]



=== TEST 11: content types
--- config eval: $::Config
--- init
::make_user(1, 'Joe');
--- request eval: [(::right('Joe')) x 9]
--- more_headers eval
['', map { "Content-Type: $_" } 'text/plain', 'text/json', 'application/jsonx',
     'application/x-www-form-urlencoded', 'x-application/json',
     'application/json;charset=UTF-8', 'Application/JSON',
     'application/json ; charset="utf-8"']
--- error_code eval: [(415) x 6, (200) x 3]
--- response_body eval
[('{"message":"The request must be JSON"}') x 6,
 ('{"id":"1","username":"Joe"}') x 3]



=== TEST 12: up to 64 KB
--- config eval: $::Config
--- init
::make_user(1, 'Joe');
--- more_headers eval: $::Json
--- request eval
[map { my $text = ::right('Joe');
       my $room = $_ - length($text) + length "POST /login\n";
       $text =~ s/\}$/' ' x $room . '}'/er } 65536, 65537]
--- error_code eval: [200, 413]
--- response_body eval
['{"id":"1","username":"Joe"}', '{"message":"The request is too large"}']



=== TEST 13: a length that is too much is refused before the body comes
--- config eval: $::Config
--- raw_request eval
"POST /login HTTP/1.1\r\nHost: localhost\r\n$::Json\r\n"
. "Content-Length: 1000000\r\nExpect: 100-continue\r\n"
. "Connection: close\r\n\r\n"
--- error_code: 413
--- response_body: {"message":"The request is too large"}



=== TEST 14: chunked bodies
--- config eval: $::Config
--- init
::make_user(1, 'Joe');
--- raw_request eval
my $body = ::right('Joe') =~ s/.*\n//r;
"POST /login HTTP/1.1\r\nHost: localhost\r\n$::Json\r\n"
. "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
. CORE::join '', map { sprintf "%x\r\n%s\r\n", length, $_ }
                $body =~ /(.{1,7})/gs, ''
--- response_body: {"id":"1","username":"Joe"}



=== TEST 15: a chunked body that is too long
--- config eval: $::Config
--- raw_request eval
"POST /login HTTP/1.1\r\nHost: localhost\r\n$::Json\r\n"
. "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
. "10001\r\n" . '{' . ' ' x 65536 . "\r\n0\r\n\r\n"
--- error_code: 413
--- response_body: {"message":"The request is too large"}



=== TEST 16: a chunked body that is broken
--- config eval: $::Config
--- raw_request eval
"POST /login HTTP/1.1\r\nHost: localhost\r\n$::Json\r\n"
. "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
. "zz\r\n{}\r\n0\r\n\r\n"
--- error_code: 400



=== TEST 17: a request that comes in pieces
--- config eval: $::Config
--- init
::make_user(1, 'Joe');
--- raw_request eval
my $body = ::right('Joe') =~ s/.*\n//r;
["POST /login HTTP/1.1\r\nHost: loc", "alhost\r\n$::Json\r\nContent-Length: "
 . length($body) . "\r\nConnection: close\r\n\r\n", substr($body, 0, 9),
 substr $body, 9]
--- raw_request_middle_delay: 0.05
--- response_body: {"id":"1","username":"Joe"}



=== TEST 18: methods
--- config eval: $::Config
--- request eval
["GET /login", "PUT /login\n{}", "DELETE /login", "OPTIONS /login",
 "GET /logout", "POST /me\n{}", "DELETE /me"]
--- error_code eval: [(405) x 7]
--- response_headers eval
[('Allow: POST') x 5, ('Allow: GET, HEAD') x 2]
--- response_body eval
[('{"message":"The method is not allowed here"}') x 7]



=== TEST 19: HEAD has the headers of GET
--- config eval: $::Config
--- request
HEAD /me
--- response_headers
Content-Type: application/json; charset=utf-8
Content-Length: 4
Cache-Control: no-store
--- response_body:



=== TEST 20: chat_cookie, and the location as Path
--- config eval
"$::Redis
 location /a/ { chat on; chat_cookie sid secure=on samesite=strict; }
 location /b { chat on; chat_cookie __Secure-b secure=on samesite=none; }
 location /c/ { chat on; chat_cookie c secure=off; chat_session_ttl 1h; }"
--- init
::make_user(1, 'Joe');
--- more_headers eval: $::Json
--- request eval
[map { ::right('Joe') =~ s/ / \/$_/r } 'a', 'b', 'c']
--- raw_response_headers_like eval
['\r\nSet-Cookie: sid=[\w-]{43}; Max-Age=604800; Path=/a; HttpOnly; Secure;'
 . ' SameSite=Strict\r\n',
 '\r\nSet-Cookie: __Secure-b=[\w-]{43}; Max-Age=604800; Path=/b; HttpOnly;'
 . ' Secure; SameSite=None\r\n',
 '\r\nSet-Cookie: c=[\w-]{43}; Max-Age=3600; Path=/c; HttpOnly;'
 . ' SameSite=Lax\r\n']



=== TEST 21: /me: who has a session
--- config eval: $::Config
--- init
::make_user(1, 'Joe');
::session_for(1, 'Joe');
--- more_headers eval
['', 'Cookie: chat_session=', 'Cookie: chat_session=' . 'A' x 43,
 ::cookie_of(1) . 'x', ::cookie_of(1) =~ s/.$//r,
 ::cookie_of(1) =~ s/chat_session/Chat_Session/r,
 ::cookie_of(1), ::cookie_of(1) =~ s/: /: a=b; /r . '; chat_sessions=x',
 'Cookie: a=b' . "\n" . ::cookie_of(1)]
--- request eval: [('GET /me') x 9]
--- response_body eval
[('null') x 6, ('{"id":"1","username":"Joe"}') x 3]



=== TEST 22: visitors get no cookie
--- config eval: $::Config
--- request eval: ['GET /me', 'GET /links', 'GET /randomname']
--- response_headers eval: [('!Set-Cookie') x 3]



=== TEST 23: a log-in ends the session that the browser has, a failed one not
--- config eval: $::Config
--- init
::make_user(1, 'Joe');
::make_user(2, 'Mary');
::session_for(1, 'Joe');
--- more_headers eval
$::Json . "\n" . ::cookie_of(1)
--- request eval
['GET /me', ::wrong('Joe'), 'GET /me', ::right('Mary'), 'GET /me']
--- error_code eval: [200, 404, 200, 200, 200]
--- response_body eval
['{"id":"1","username":"Joe"}', $::Failed, '{"id":"1","username":"Joe"}',
 '{"id":"2","username":"Mary"}', 'null']



=== TEST 24: a token that the browser brings along never becomes a session
--- config eval: $::Config
--- init
::make_user(1, 'Joe');
--- more_headers eval
$::Json . "\n" . ::cookie_of(1)
--- request eval: [::right('Joe'), 'GET /me']
--- raw_response_headers_unlike eval: [('chat_session=test-session') x 2]
--- response_body eval: ['{"id":"1","username":"Joe"}', 'null']



=== TEST 25: log-out
--- config eval: $::Config
--- init
::make_user(1, 'Joe');
::session_for(1, 'Joe');
::session_for(1, 'Joe', 'other');
--- more_headers eval
[::cookie_of(1), ::cookie_of(1), ::cookie_of(1), ::cookie_of('other'), '']
--- request eval
['POST /logout', 'GET /me', 'POST /logout', 'GET /me', 'POST /logout']
--- error_code eval: [200, 200, 403, 200, 403]
--- response_body eval
['null', 'null', '{"message":"Please log in first"}',
 '{"id":"1","username":"Joe"}', '{"message":"Please log in first"}']
--- raw_response_headers_like eval
['\r\nSet-Cookie: chat_session=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax\r\n',
 ('') x 4]



=== TEST 26: log-out everywhere ends all sessions of the user, and no other's
--- config eval: $::Config
--- init
::make_user(1, 'Joe');
::make_user(2, 'Mary');
::session_for(1, 'Joe');
::session_for(1, 'Joe', 'other');
::session_for(2, 'Mary');
--- more_headers eval
["$::Json\n" . ::cookie_of(1), ::cookie_of(1), ::cookie_of('other'),
 ::cookie_of(2)]
--- request eval
["POST /logout\n" . '{"everywhere":true}', 'GET /me', 'GET /me', 'GET /me']
--- response_body eval
['null', 'null', 'null', '{"id":"2","username":"Mary"}']



=== TEST 27: log-out with a body that is no reason to end other sessions
--- config eval: $::Config
--- init
::make_user(1, 'Joe');
::session_for(1, 'Joe', 'one');
::session_for(1, 'Joe', 'two');
::session_for(1, 'Joe', 'other');
--- more_headers eval
[map { "$::Json\n$_" } ::cookie_of('one'), ::cookie_of('two'),
                       ::cookie_of('other'), ::cookie_of('other')]
--- request eval
["POST /logout\n{}", "POST /logout\n" . '{"everywhere":false}',
 "POST /logout\n{", 'GET /me']
--- error_code eval: [200, 200, 400, 200]
--- response_body eval
['null', 'null', $::NoJson, '{"id":"1","username":"Joe"}']



=== TEST 28: chat_registration off: an unknown name is a wrong one
--- config eval
"$::Redis chat_registration off; location / { chat on; }"
--- init
::make_user(1, 'Joe');
--- more_headers eval: $::Json
--- request eval: [::right('Mary'), ::right('Joe'), ::right('a\u0000b')]
--- error_code eval: [404, 200, 404]
--- response_body eval
[$::Failed, '{"id":"1","username":"Joe"}', $::Failed]



=== TEST 29: other sites' requests
--- config eval: $::Config
--- init
::make_user(1, 'Joe');
--- more_headers eval
[map { "$::Json\n$_" } 'Origin: http://evil.example', 'Origin: null',
     'Sec-Fetch-Site: cross-site', 'Origin: http://localhost',
     'Sec-Fetch-Site: same-origin']
--- request eval: [(::right('Joe')) x 5]
--- error_code eval: [(403) x 3, (200) x 2]
--- response_headers eval
[('!Set-Cookie') x 3, ('!Access-Control-Allow-Origin') x 2]
--- response_body eval
[('{"message":"The request comes from another site"}') x 3,
 ('{"id":"1","username":"Joe"}') x 2]



=== TEST 30: the rate: ten log-ins may fail, then none is tried
--- config eval: $::Config
--- init
::make_user(1, 'Joe');
::make_user(2, 'Mary');
--- more_headers eval: $::Json
--- request eval
[(::wrong('Joe')) x 11, ::right('Joe'), ::right('Mary'), ::login('Ben', 'new')]
--- error_code eval
[(404) x 10, 429, 429, 200, 201]
--- response_headers_like eval
[('Content-Type: .*') x 10,
 'Content-Type: application/json; charset=utf-8' . "\nRetry-After: 1[0-2]",
 'Retry-After: 1[4-8]', ('Content-Type: .*') x 2]
--- response_body eval
[($::Failed) x 10, ($::TooMany) x 2, '{"id":"2","username":"Mary"}',
 '{"id":"3","username":"Ben"}']



=== TEST 31: the rate: log-ins that succeed don't count, and clear what did
--- config eval
"$::Redis chat_login_rate 2r/m; location / { chat on; }"
--- init
::make_user(1, 'Joe');
--- more_headers eval: $::Json
--- request eval
[(::right('Joe')) x 20,
 (::wrong('Joe'), ::right('Joe')) x 5, ::wrong('Joe'), ::wrong('Joe'),
 ::right('Joe')]
--- error_code eval
[(200) x 20, (404, 200) x 5, 404, 404, 429]



=== TEST 32: the rate: malformed requests don't count
--- config eval
"$::Redis chat_login_rate 1r/m; location / { chat on; }"
--- init
::make_user(1, 'Joe');
--- more_headers eval: $::Json
--- request eval
[("POST /login\n" . '{"username":"Joe"}') x 5, (::login('x ', 'x')) x 5,
 ::wrong('Joe'), ::right('Joe')]
--- error_code eval: [(400) x 10, 404, 429]



=== TEST 33: the rate: names are told apart by their bytes
--- config eval
"$::Redis chat_login_rate 1r/m; location / { chat on; }"
--- init
::make_user(1, 'Joe');
::make_user(2, 'joe');
--- more_headers eval: $::Json
--- request eval
[::wrong('Joe'), ::right('Joe'), ::right('joe'), ::wrong('joe'),
 ::right('\u004aoe')]
--- error_code eval: [404, 429, 200, 404, 429]



=== TEST 34: the rate: an unknown name is no different
--- config eval
"$::Redis chat_login_rate 1r/m; chat_registration off; location / { chat on; }"
--- more_headers eval: $::Json
--- request eval: [(::right('nobody')) x 2]
--- error_code eval: [404, 429]
--- response_body eval: [$::Failed, $::TooMany]



=== TEST 35: the rate: the wait grows with each try, up to 15 minutes
--- config eval
"$::Redis chat_login_rate 1r/m; location / { chat on; }"
--- init
::make_user(1, 'Joe');
--- more_headers eval: $::Json
--- request eval: [(::wrong('Joe')) x 20]
--- error_code eval: [404, (429) x 19]
--- response_headers_like eval
['Content-Type: .*', 'Retry-After: 1(1\d|20)', 'Retry-After: 1(7\d|80)',
 'Retry-After: 2(3\d|40)', ('Retry-After: \d+') x 13,
 ('Retry-After: (89\d|900)') x 3]



=== TEST 36: the rate: tries come back with time
--- config eval
"$::Redis chat_login_rate 1r/s; location / { chat on; }"
--- init
::make_user(1, 'Joe');
--- more_headers eval: $::Json
--- request eval: [(::wrong('Joe')) x 3, ::right('Joe')]
--- wait: 1.2
--- error_code eval: [404, 404, 404, 200]



=== TEST 37: the rate: off
--- config eval
"$::Redis chat_login_rate 1r/m; location / { chat on; chat_login_rate off; }"
--- init
::make_user(1, 'Joe');
--- more_headers eval: $::Json
--- request eval: [(::wrong('Joe')) x 15, ::right('Joe')]
--- error_code eval: [(404) x 15, 200]



=== TEST 38: the rate: who hammers a name doesn't shut out its owner
--- config eval: $::Addressed
--- init
::make_user(1, 'Joe');
--- more_headers eval
[("$::Json\nX-Address: 192.0.2.1") x 30, "$::Json\nX-Address: 192.0.2.2",
 "$::Json\nX-Address: 192.0.2.1"]
--- request eval: [(::wrong('Joe')) x 30, (::right('Joe')) x 2]
--- error_code eval: [404, (429) x 29, 200, 429]



=== TEST 39: the rate: a name that is tried from many addresses
--- config eval: $::Addressed
--- init
::make_user(1, 'Joe');
::make_user(2, 'Mary');
--- more_headers eval
[map { "$::Json\nX-Address: 192.0.2.$_" } 99, 1 .. 10, 11, 11, 99, 11]
--- request eval
[::right('Joe'), (::wrong('Joe')) x 11, (::right('Joe')) x 2, ::right('Mary')]
--- error_code eval: [200, (404) x 10, 429, 429, 200, 200]
--- response_headers_like eval
[('Content-Type: .*') x 11, 'Retry-After: [1-6]?\d', 'Retry-After: [1-6]?\d',
 ('Content-Type: .*') x 2]



=== TEST 40: the rate: many names that are tried from an address
--- config eval: $::Addressed
--- init
::make_user(1, 'Joe');
::make_user(2, 'Mary');
--- more_headers eval
[map { "$::Json\nX-Address: 192.0.2.$_" } (1) x 13, 2]
--- request eval
[::right('Mary'), (map { ::wrong("name$_") } 1 .. 10),
 ::right('Joe'), ::right('Mary'), ::right('Joe')]
--- error_code eval: [200, (404) x 10, 429, 200, 200]



=== TEST 41: the rate: the first 64 bits of an IPv6 address
--- config eval: $::Addressed
--- init
::make_user(1, 'Joe');
--- more_headers eval
[map { "$::Json\nX-Address: $_" } '2001:db8::1', '2001:db8::2',
     '2001:db8::ffff:1:2:3', '2001:db8:0:1::1']
--- request eval: [::wrong('Joe'), (::right('Joe')) x 3]
--- error_code eval: [404, 429, 429, 200]



=== TEST 42: the rate: chats of different Redis databases
--- config
    chat_login_rate 1r/m;
    chat_registration off;

    location /one/ {
        chat on;
        chat_redis redis+unix://$TEST_NGINX_REDIS_SOCKET;
    }

    location /two/ {
        chat on;
        chat_redis redis+unix://$TEST_NGINX_REDIS_SOCKET?db=1;
    }
--- more_headers eval: $::Json
--- request eval
[map { ::wrong('Joe') =~ s/ / \/$_/r } 'one', 'one', 'two', 'two']
--- error_code eval: [404, 429, 404, 429]



=== TEST 43: the rate: a full bucket
--- config eval
"$::Redis chat_login_rate 1r/m; location / { chat on; }"
--- init
::make_user(1, 'Joe');
--- more_headers eval: $::Json
--- request eval: [(::wrong('Joe')) x 2]
--- error_code eval: [404, 429]



=== TEST 44: the rate: is still full when nginx has read its configuration anew
--- init
open my $file, '<', "$ENV{TEST_NGINX_SERVER_ROOT}/logs/nginx.pid" or die;
chomp(my $pid = <$file>);
kill HUP => $pid;
sleep 2;
--- more_headers eval: $::Json
--- request eval: ::right('Joe')
--- error_code: 429
--- response_body eval: $::TooMany
