# Engine.IO over HTTP: the handshake, its errors in their order, and sessions
# over polling.
#
# A session's requests carry an id that only its handshake tells.  So "init" has
# the conversation, writes down what was answered, and the block's request
# fetches that.

use Test::Nginx::Socket 'no_plan';
use IO::Socket::INET;
use lib 't/lib';
use Chat::Test;

our $Redis = 'chat_redis redis+unix://$TEST_NGINX_REDIS_SOCKET;
              location = /answers { root html; }';

our $Config = "$Redis
    chat_max_payload 1000;
    location / { chat on; }";

# One request on a connection of its own: begun, and answered to the end.

sub begin {
    my ($method, $uri, $body, @headers) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $ENV{TEST_NGINX_SERVER_PORT},
                                       Timeout => 5)
        or die "connect: $@\n";

    push @headers, 'Content-Length: ' . length $body if defined $body;

    print $socket CORE::join("\r\n", "$method $uri HTTP/1.1", 'Host: localhost',
                             'Connection: close', @headers, '', $body // '');
    $socket->flush;

    return $socket;
}

sub answer_of {
    my $socket = shift;

    local $SIG{ALRM} = sub { die "no answer in time\n" };
    alarm 10;
    my $text = do { local $/; <$socket> } // '';
    alarm 0;

    my ($head, $body) = split /\r\n\r\n/, $text, 2;
    my ($code) = ($head // '') =~ m{^HTTP/1\.1 (\d+)};

    $body = 'HTML' if ($body // '') =~ /^<html>/;
    return ($code // 'none') . ' ' . ($body // '');
}

sub ask { return answer_of(begin(@_)) }

# A session: with a user's cookie if there is one.

my ($sid, @cookie);

sub open_session {
    wait_for_workers();

    @cookie = map { cookie_of($_) } @_;

    my $answer = ask('GET', '/socket.io/?EIO=4&transport=polling', undef,
                     @cookie);

    ($sid) = $answer =~ /"sid":"([^"]+)"/ or die "no session: $answer\n";
}

sub uri { return "/socket.io/?EIO=4&transport=polling&sid=$sid" }

sub get { return ask('GET', uri(), undef, @cookie) }

sub post { return ask('POST', uri(), $_[0], @cookie) }

# What was answered, a line each: what differs each time is taken out.

sub note {
    open my $file, '>', "$ENV{TEST_NGINX_HTML_DIR}/answers" or die;

    for (@_) {
        my $line = $_;
        $line =~ s/"sid":"[^"]+"/"sid":"..."/g;
        $line =~ s/\x1e/ | /g;
        print $file "$line\n";
    }
}

our @Errors = map { "{\"code\":$_->[0],\"message\":\"$_->[1]\"}" }
    [0, 'Transport unknown'], [1, 'Session ID unknown'],
    [2, 'Bad handshake method'], [3, 'Bad request'], [4, 'Forbidden'],
    [5, 'Unsupported protocol version'];

no_long_string();
no_root_location();
timeout(10);
run_tests();

__DATA__

=== TEST 1: handshake over polling
--- config eval
"$::Redis location / { chat on; }"
--- request
GET /socket.io/?EIO=4&transport=polling
--- response_headers
Content-Type: text/plain; charset=UTF-8
Cache-Control: no-store
!Set-Cookie
--- response_body_like eval
'^0\{"sid":"[\w-]{20,}","upgrades":\["websocket"\],"pingInterval":25000,'
. '"pingTimeout":20000,"maxPayload":1048576\}$'



=== TEST 2: handshake: what it tells is what is set
--- config eval
"$::Redis
 location /c/ {
     chat on;
     chat_ping_interval 1500ms;
     chat_ping_timeout 1m;
     chat_max_payload 64k;
 }"
--- request eval
["GET /c/socket.io/?transport=polling&EIO=4&t=abc&b64=1",
 "GET /c/socket.io/?EIO=4&transport=polling&sid="]
--- response_body_like eval
[('^0\{"sid":"[^"]+","upgrades":\["websocket"\],"pingInterval":1500,'
  . '"pingTimeout":60000,"maxPayload":65536\}$') x 2]



=== TEST 3: code 0: an unknown transport
--- config eval: $::Config
--- request eval
[map { "GET /socket.io/$_" }
     '', '?', '?EIO=4', '?EIO=4&transport=', '?EIO=4&transport=tobi',
     '?EIO=4&transport=Polling', '?EIO=4&transport=pollingx',
     '?EIO=4&transport=constructor']
--- error_code eval: [(400) x 8]
--- response_headers eval
[("Content-Type: application/json; charset=utf-8\nCache-Control: no-store\n"
  . "X-Content-Type-Options: nosniff") x 8]
--- response_body eval: [($::Errors[0]) x 8]



=== TEST 4: code 1: an unknown session
--- config eval: $::Config
--- request eval
[(map { "GET /socket.io/?EIO=4&transport=polling&sid=$_" }
      'x', 'x' x 20, 'x' x 32, 'x' x 2000, '%00', '..%2f', '*'),
 map { "$_ /socket.io/?EIO=4&transport=polling&sid=unknown" } 'POST', 'PUT']
--- error_code eval: [(400) x 9]
--- response_body eval: [($::Errors[1]) x 9]



=== TEST 5: code 2: a handshake by another method
--- config eval: $::Config
--- request eval
["POST /socket.io/?EIO=4&transport=polling\n40",
 map { "$_ /socket.io/?EIO=4&transport=polling" } 'PUT', 'DELETE', 'PATCH']
--- error_code eval: [(400) x 4]
--- response_headers eval
[("Content-Type: application/json; charset=utf-8\nCache-Control: no-store") x 4]
--- response_body eval: [($::Errors[2]) x 4]



=== TEST 6: code 3: WebSocket that is none
--- config eval: $::Config
--- request eval
["GET /socket.io/?EIO=4&transport=websocket",
 "GET /socket.io/?EIO=3&transport=websocket"]
--- error_code eval: [(400) x 2]
--- response_body eval: [($::Errors[3]) x 2]



=== TEST 7: code 4: other sites' pages
--- config eval: $::Config
--- more_headers eval
["Origin: http://evil.example", "Origin: null", "Origin: https://localhost",
 "Origin: http://localhost.evil.example", "Origin: http://localhost"]
--- request eval: [("GET /socket.io/?EIO=4&transport=polling") x 5]
--- error_code eval: [(403) x 4, 200]
--- response_headers eval
[("Content-Type: application/json; charset=utf-8\nCache-Control: no-store\n"
  . "!Access-Control-Allow-Origin") x 4, '!Access-Control-Allow-Origin']
--- response_body_like eval
[("^\Q$::Errors[4]\E\$") x 4, '^0\{']



=== TEST 8: code 5: another version of the protocol
--- config eval: $::Config
--- request eval
[map { "GET /socket.io/?${_}transport=polling" }
     '', 'EIO=3&', 'EIO=5&', 'EIO=&', 'EIO=x&', 'EIO=44&']
--- error_code eval: [(400) x 6]
--- response_body eval: [($::Errors[5]) x 6]



=== TEST 9: of several errors the first counts
--- config eval: $::Config
--- more_headers
Origin: http://evil.example
--- request eval
["POST /socket.io/?EIO=3&transport=x&sid=x\n4",
 "POST /socket.io/?EIO=3&transport=polling&sid=x\n4",
 "POST /socket.io/?EIO=3&transport=websocket\n4",
 "GET /socket.io/?EIO=3&transport=websocket",
 "GET /socket.io/?EIO=3&transport=polling"]
--- error_code eval: [(400) x 4, 403]
--- response_body eval: [@::Errors[0 .. 4]]



=== TEST 10: other URIs
--- config eval: $::Config
--- request eval
["GET /socket.io?EIO=4&transport=polling",
 "GET /socket.io/x?EIO=4&transport=polling"]
--- error_code eval: [404, 404]
--- response_body_like eval: [('404 Not Found') x 2]



=== TEST 11: sites that are allowed
--- config eval
"$::Redis
 location / { chat on; chat_allowed_origins http://a.example; }"
--- more_headers eval
["Origin: http://a.example", "Origin: http://b.example",
 "Origin: http://a.example\nAccess-Control-Request-Method: POST"]
--- request eval
["GET /socket.io/?EIO=4&transport=polling",
 "GET /socket.io/?EIO=4&transport=polling",
 "OPTIONS /socket.io/?EIO=4&transport=polling"]
--- error_code eval: [200, 403, 204]
--- response_headers eval
["Access-Control-Allow-Origin: http://a.example\n"
 . "Access-Control-Allow-Credentials: true",
 "!Access-Control-Allow-Origin",
 "Access-Control-Allow-Origin: http://a.example\n"
 . "Access-Control-Allow-Credentials: true\n"
 . "Access-Control-Allow-Methods: GET, POST"]



=== TEST 12: a session: POST is answered with ok, GET with packets
--- config eval: $::Config
--- init
::make_user(1, 'Joe');
::session_for(1, 'Joe');
::open_session(1);
::note(::post('40'), ::get() =~ s/\x1e.*//sr,
       ::post('421["no.such"]'),
       ::get() =~ /(431\["?[^\x1e]*)/ ? 'acked' : 'not acked');
--- request
GET /answers
--- response_body
200 ok
200 40{"sid":"..."}
200 ok
acked



=== TEST 13: a session: the headers of an answer to a POST
--- config eval: $::Config
--- init
::open_session();
my $socket = ::begin('POST', ::uri(), '3');
local $/;
my $head = <$socket> =~ s/\r\n\r\n.*//sr;
::note(sort grep { /^(Content-|Cache|X-)/ } split /\r\n/, $head);
--- request
GET /answers
--- response_body
Cache-Control: no-store
Content-Length: 2
Content-Type: text/html
X-Content-Type-Options: nosniff



=== TEST 14: a session without a user
--- config eval: $::Config
--- init
::open_session();
::note(::post('40'), ::get());
--- request
GET /answers
--- response_body
200 ok
200 44{"message":"Please log in first"}



=== TEST 15: a session: several packets in one payload, in their order
--- config eval: $::Config
--- init
::make_user(1, 'Joe');
::session_for(1, 'Joe');
::open_session(1);
my $ok = ::post(CORE::join "\x1e", '40', '421["no.such"]', '422["no.such"]');
my $all = '';
for (1 .. 10) {
    $all .= ::get() . "\x1e";
    last if $all =~ /432/;
}
::note($ok, CORE::join ' ', $all =~ /(40|43[12])[\[{]/g);
--- request
GET /answers
--- response_body
200 ok
40 431 432



=== TEST 16: a session: another namespace
--- config eval: $::Config
--- init
::make_user(1, 'Joe');
::session_for(1, 'Joe');
::open_session(1);
::note(::post('40/admin,'), ::get());
--- request
GET /answers
--- response_body
200 ok
200 44/admin,{"message":"Invalid namespace"}



=== TEST 17: a session: a close packet
--- config eval: $::Config
--- init
::open_session();
::note(::post("1"), ::get(), ::post('3'));
--- request
GET /answers
--- response_body eval
"200 ok\n400 $::Errors[1]\n400 $::Errors[1]\n"



=== TEST 18: a session: packets that are none end it
--- config eval: $::Config
--- init
my @answers;
for my $packet ('', 'x', '9', '2', "\x1e", "3\x1e") {
    ::open_session();
    push @answers, ::post($packet), ::get();
}
::note(@answers);
--- request
GET /answers
--- response_body eval
"400 $::Errors[3]\n400 $::Errors[1]\n" x 6



=== TEST 19: a session: what Socket.IO doesn't know ends it
--- config eval: $::Config
--- init
::make_user(1, 'Joe');
::session_for(1, 'Joe');
my @answers;
for my $packet ('4', '49', '42', '42{}', '42[]', '42[{}]', '42["connect"]',
                '42["x"', '42["x"]x', "42[\"no.such\"]\x1e40")
{
    ::open_session(1);
    ::post('40');
    ::get();
    ::post($packet);

    # what was on its way may still come

    my $answer;
    for (1 .. 5) {
        $answer = ::get();
        last if $answer =~ /^400/;
    }
    push @answers, $answer;
}
::note(@answers);
--- request
GET /answers
--- response_body eval
"400 $::Errors[1]\n" x 10



=== TEST 20: a session: a second CONNECT before anything else is answered again
--- config eval: $::Config
--- init
::make_user(1, 'Joe');
::session_for(1, 'Joe');
::open_session(1);
my @answers;
for (1, 2) {
    push @answers, ::post('40'), ::get() =~ s/\x1e.*//sr;
}
::note(@answers, $answers[1] eq $answers[3] ? 'the same' : 'another');
--- request
GET /answers
--- response_body
200 ok
200 40{"sid":"..."}
200 ok
200 40{"sid":"..."}
the same



=== TEST 21: a session: the size of a payload
--- config eval: $::Config
--- init
::open_session();
::note(::post('3' . 'x' x 999), ::post('3' . 'x' x 1000),
       ::post('3' . "\xc3\xa9" x 499), ::post('3' . "\xc3\xa9" x 500),
       ::post('3'));
--- request
GET /answers
--- response_body
200 ok
413 HTML
200 ok
413 HTML
200 ok



=== TEST 22: a session: the size of a chunked payload
--- config eval: $::Config
--- init
::open_session();
sub chunked {
    my $size = sprintf '%x', length $_[0];
    return ::answer_of(::begin('POST', ::uri() . '&x', undef,
        'Transfer-Encoding: chunked', '', "$size\r\n$_[0]\r\n0"));
}
::note(chunked('3' . 'x' x 999), chunked('3' . 'x' x 1000));
--- request
GET /answers
--- response_body
200 ok
413 HTML



=== TEST 23: a session: a payload that nginx puts into a file
--- config eval
"$::Redis
 client_body_buffer_size 1k;
 location / { chat on; client_body_in_file_only clean; }"
--- init
::open_session();
::note(::post('3' . 'x' x 100000), ::post('3' . 'x' x 1048575),
       ::post('3' . 'x' x 1048576));
--- request
GET /answers
--- response_body
200 ok
200 ok
413 HTML



=== TEST 24: a session: two GETs at a time
--- config eval: $::Config
--- init
::open_session();
my $first = ::begin('GET', ::uri());
select undef, undef, undef, 0.3;
my $second = ::get();
::note($second, ::answer_of($first), ::get());
--- request
GET /answers
--- response_body eval
"400 $::Errors[3]\n200 1\n400 $::Errors[1]\n"



=== TEST 25: a session: two POSTs at a time
--- config eval: $::Config
--- init
::open_session();
my $first = ::begin('POST', ::uri(), undef, 'Content-Length: 2');
select undef, undef, undef, 0.3;
my $second = ::post('3');
::note($second, ::get());
--- request
GET /answers
--- response_body eval
"400 $::Errors[3]\n400 $::Errors[1]\n"



=== TEST 26: a session: a GET that its client gives up loses nothing
--- config eval: $::Config
--- init
::make_user(1, 'Joe');
::session_for(1, 'Joe');
::open_session(1);
my $gone = ::begin('GET', ::uri(), undef, ::cookie_of(1));
select undef, undef, undef, 0.2;
close $gone;
select undef, undef, undef, 0.3;
::note(::post('40'), ::get() =~ s/\x1e.*//sr);
--- request
GET /answers
--- response_body
200 ok
200 40{"sid":"..."}



=== TEST 27: a session belongs to who has opened it
--- config eval: $::Config
--- init
::make_user(1, 'Joe');
::session_for(1, 'Joe');
::make_user(2, 'Mary');
::session_for(2, 'Mary');
::open_session(1);
::note(::ask('GET', ::uri()), ::ask('POST', ::uri(), '1', ::cookie_of(2)),
       ::post('40'), ::get() =~ s/\x1e.*//sr);
--- request
GET /answers
--- response_body eval
"400 $::Errors[1]\n400 $::Errors[1]\n200 ok\n200 40{\"sid\":\"...\"}\n"



=== TEST 28: a session: over polling alone
--- config eval: $::Config
--- init
::open_session();
::note(::ask('GET', ::uri() =~ s/polling/websocket/r),
       ::ask('GET', ::uri() =~ s/polling/webrtc/r),
       ::ask('PUT', ::uri(), '3'), ::post('3'));
--- request
GET /answers
--- response_body eval
"400 $::Errors[3]\n400 $::Errors[0]\n400 $::Errors[3]\n200 ok\n"



=== TEST 29: heartbeat: the server pings, a client that is silent is gone
--- config eval
"$::Redis
 chat_ping_interval 400ms;
 chat_ping_timeout 500ms;
 location / { chat on; }"
--- init
::open_session();
my @answers = (::get(), ::post('3'), ::get());
select undef, undef, undef, 1.5;
::note(@answers, ::post('3'));
--- request
GET /answers
--- response_body eval
"200 2\n200 ok\n200 2\n400 $::Errors[1]\n"
