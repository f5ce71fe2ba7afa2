# WebSocket (RFC 6455): the opening handshake, frames that come right behind it
# in the same segment, and what ends a connection with which close code.
#
# In most blocks the client says all it has to say at once, and ends with a
# close frame or with what the server can't but close the connection for.

use Test::Nginx::Socket 'no_plan';
use lib 't/lib';
use Chat::Test;

our $Config = 'chat_redis redis+unix://$TEST_NGINX_REDIS_SOCKET;
    chat_max_payload 1000;
    location / { chat on; }';

# The handshake with the key of the RFC's example; with the cookie of user 1.

our %Header = (
    'Host'                  => 'localhost',
    'Upgrade'               => 'websocket',
    'Connection'            => 'Upgrade',
    'Sec-WebSocket-Key'     => 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version' => '13',
    'Cookie'                => cookie_of(1) =~ s/^Cookie: //r,
);

our $Line = 'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1';

# with other headers: undef for one that is left out

sub handshake {
    my %header = (%Header, @_);

    return CORE::join "\r\n", $Line, (map { "$_: $header{$_}" }
                                      grep { defined $header{$_} }
                                      sort keys %header), '', '';
}

# A frame as a client sends it.  Options: fin, rsv, mask, the length that is
# declared and the bits of its form.

sub frame {
    my ($opcode, $data, %option) = @_;

    my $length = $option{length} // length $data;
    my $form   = $option{form} // ($length < 126 ? 7
                                   : $length < 65536 ? 16 : 64);
    my $mask   = $option{mask} // 1;
    my $key    = "\x11\x22\x33\x44";

    my $size = $form == 7 ? pack('C', $length | $mask << 7)
             : $form == 16 ? pack('Cn', 126 | $mask << 7, $length)
             : pack('CQ>', 127 | $mask << 7, $length);

    my $masked = $data ^ substr $key x (1 + length($data) / 4), 0, length $data;

    return pack('C', ($option{fin} // 1) << 7 | ($option{rsv} // 0) << 4
                     | $opcode)
           . $size . ($mask ? $key . $masked : $data);
}

sub text  { return frame(1, @_) }
sub more  { return frame(0, @_) }
sub ping  { return frame(9, @_) }
sub end   { return frame(8, defined $_[0] ? pack('n', $_[0]) . ($_[1] // '')
                                          : '') }

# A block's request: the handshake, and these frames in the same segment.

sub client { return handshake() . CORE::join '', @_ }

# What a server's frames look like in the response.

sub from_server {
    my ($opcode, $data) = @_;

    return pack('C', 0x80 | $opcode)
           . (length $data < 126 ? pack('C', length $data)
                                 : pack('Cn', 126, length $data)) . $data;
}

our $Open = '\A\x81[\x50-\x7d](?:\x00[\x7e-\xff])?0\{"sid":"[^"]+","upgrades":'
            . '\[\],"pingInterval":\d+,"pingTimeout":\d+,"maxPayload":\d+\}';

# A whole response: after the open packet these frames, and at the end a close
# frame with the code and any reason.

sub closed {
    my ($code, @frames) = @_;

    $code = quotemeta pack 'n', $code;
    my $frames = CORE::join '', map { ".*$_" } @frames;

    return qr/$Open$frames.*\x88[\x02-\x7d]$code[^\x00-\x1f]*\z/s;
}

# Nothing but one close frame: the open packet before it is all there was.

sub only_closed {
    my $code = quotemeta pack 'n', $_[0];

    return qr/$Open\x88[\x02-\x7d]$code[^\x00-\x1f]*\z/s;
}

# an answer to the event with that number

sub acked { return "\x81.(?:..)?43$_[0]\\[" }

# a packet of the server

sub packet { return quotemeta from_server(1, $_[0]) }
sub pong   { return quotemeta from_server(10, $_[0]) }

# Joe, who is not known to anybody else

sub joe {
    make_user(1, 'Joe');
    session_for(1, 'Joe');
}

our $Ask = '421["no.such"]';

add_block_preprocessor(sub {
    my $block = shift;

    $block->set_value(init => '::wait_for_workers();' . ($block->init // ''));
});

no_long_string();
no_root_location();
timeout(10);
run_tests();

__DATA__

=== TEST 1: the handshake, with the key of the RFC's example
--- config eval: $::Config
--- raw_request eval: ::client(::end(1000))
--- error_code: 101
--- response_headers
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
!Content-Length
!Transfer-Encoding
!Content-Type
--- response_body_like eval: ::closed(1000)



=== TEST 2: the status line
--- config eval: $::Config
--- raw_request eval: ::client(::end(1000))
--- error_code: 101
--- raw_response_headers_like: \AHTTP/1\.1 101 Switching Protocols\r\n



=== TEST 3: tokens in any case and in lists
--- config eval: $::Config
--- raw_request eval
::handshake('Upgrade' => 'h2c, WebSocket',
            'Connection' => ' keep-alive ,  UPGRADE') . ::end(1000)
--- error_code: 101
--- response_body_like eval: ::closed(1000)



=== TEST 4: names of headers in any case
--- config eval: $::Config
--- raw_request eval
(::handshake() =~ s/^([\w-]+):/lc($1) . ':'/germ) . ::end(1000)
--- error_code: 101
--- response_headers
Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=



=== TEST 5: no Upgrade
--- config eval: $::Config
--- raw_request eval
::handshake('Upgrade' => undef, 'Connection' => 'close')
--- error_code: 400
--- response_body: {"code":3,"message":"Bad request"}



=== TEST 6: an upgrade to something else
--- config eval: $::Config
--- raw_request eval
::handshake('Upgrade' => 'websockets', 'Connection' => 'Upgrade, close')
--- error_code: 400



=== TEST 7: no upgrade in Connection
--- config eval: $::Config
--- raw_request eval
::handshake('Connection' => 'close, xupgrade')
--- error_code: 400



=== TEST 8: no key
--- config eval: $::Config
--- raw_request eval
::handshake('Sec-WebSocket-Key' => undef, 'Connection' => 'Upgrade, close')
--- error_code: 400



=== TEST 9: a key that is not 16 bytes
--- config eval: $::Config
--- raw_request eval
::handshake('Sec-WebSocket-Key' => 'dGhlIHNhbXBsZSBub25jZQ',
            'Connection' => 'Upgrade, close')
--- error_code: 400



=== TEST 10: a key that is too long
--- config eval: $::Config
--- raw_request eval
::handshake('Sec-WebSocket-Key' => 'A' x 24,
            'Connection' => 'Upgrade, close')
--- error_code: 400



=== TEST 11: a key that is not base64
--- config eval: $::Config
--- raw_request eval
::handshake('Sec-WebSocket-Key' => '*GhlIHNhbXBsZSBub25jZQ==',
            'Connection' => 'Upgrade, close')
--- error_code: 400



=== TEST 12: two keys
--- config eval: $::Config
--- raw_request eval
::handshake('Sec-WebSocket-Key' => "AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                                   . "Sec-WebSocket-Key: "
                                   . "AAAAAAAAAAAAAAAAAAAAAA==",
            'Connection' => 'Upgrade, close')
--- error_code: 400



=== TEST 13: another version
--- config eval: $::Config
--- raw_request eval
::handshake('Sec-WebSocket-Version' => '8', 'Connection' => 'Upgrade, close')
--- error_code: 426
--- response_headers
Sec-WebSocket-Version: 13



=== TEST 14: no version
--- config eval: $::Config
--- raw_request eval
::handshake('Sec-WebSocket-Version' => undef,
            'Connection' => 'Upgrade, close')
--- error_code: 426
--- response_headers
Sec-WebSocket-Version: 13



=== TEST 15: HTTP/1.0
--- config eval: $::Config
--- raw_request eval
::handshake('Connection' => 'Upgrade, close') =~ s{HTTP/1\.1}{HTTP/1.0}r
--- error_code: 400



=== TEST 16: POST
--- config eval: $::Config
--- raw_request eval
::handshake('Connection' => 'Upgrade, close', 'Content-Length' => 0)
=~ s/GET/POST/r
--- error_code: 400
--- response_body: {"code":2,"message":"Bad handshake method"}



=== TEST 17: a body
--- config eval: $::Config
--- raw_request eval
::handshake('Connection' => 'Upgrade, close', 'Content-Length' => 3) . 'abc'
--- error_code: 400



=== TEST 18: another site's page
--- config eval: $::Config
--- raw_request eval
::handshake('Connection' => 'Upgrade, close',
            'Origin' => 'http://evil.example')
--- error_code: 403
--- response_body: {"code":4,"message":"Forbidden"}



=== TEST 19: the site's own page
--- config eval: $::Config
--- raw_request eval
::handshake('Origin' => 'http://localhost') . ::end(1000)
--- error_code: 101
--- response_body_like eval: ::closed(1000)



=== TEST 20: an unknown session
--- config eval: $::Config
--- raw_request eval
::handshake('Connection' => 'Upgrade, close') =~ s/websocket HTTP/$&/r
=~ s/transport=websocket/transport=websocket&sid=unknown/r
--- error_code: 400
--- response_body: {"code":1,"message":"Session ID unknown"}



=== TEST 21: packets in the handshake's segment are answered in their order
--- config eval: $::Config
--- init
::joe();
--- raw_request eval
::client(::text('40'), ::text($::Ask), ::text('422["no.such"]'), ::ping('p'),
         ::end(1000))
--- error_code: 101
--- response_body_like eval
::closed(1000, '\x81.40\{"sid":"[^"]+"\}', ::acked(1), ::acked(2), ::pong('p'))



=== TEST 22: without a user
--- config eval: $::Config
--- raw_request eval
::client(::text('40'), ::end(1000))
--- error_code: 101
--- response_body_like eval
::closed(1000, ::packet('44{"message":"Please log in first"}'))



=== TEST 23: a message, with a length of 16 bits and any text
--- config eval: $::Config
--- init
::joe();
--- raw_request eval
my $text = "\xc3\xa9\xe6\xbc\xa2\xf0\x9f\x98\x80" x 20;
[::client(::text('40'),
          ::text('421["message",{"roomId":"0","message":"' . $text . '"}]')),
 ::end(1000)]
--- raw_request_middle_delay: 2
--- error_code: 101
--- response_body_like eval
my $text = "\xc3\xa9\xe6\xbc\xa2\xf0\x9f\x98\x80" x 20;
my $ack = ::acked(1) . '\{"ok":true,"id":"[\d.]+","date":\d+\}\]';
my $event = '\x81\x7e..42\["message",\{"id":"[\d.]+","from":"1","date":\d+,'
            . '"message":"' . $text . '","roomId":"0"\}\]';
qr/(?=.*$ack)(?=.*$event)${\ ::closed(1000)}/s



=== TEST 24: bytes one at a time
--- config eval: $::Config
--- init
::joe();
--- raw_request eval
my $bytes = ::text('40') . ::text($::Ask) . ::ping('x') . ::end(1000);
[::handshake(), split //, $bytes]
--- raw_request_middle_delay: 0.002
--- error_code: 101
--- response_body_like eval: ::closed(1000, ::acked(1))



=== TEST 25: the handshake in pieces, cut in its last line
--- config eval: $::Config
--- init
::joe();
--- raw_request eval
my $bytes = ::client(::text('40'), ::text($::Ask), ::end(1000));
my $cut = CORE::index($bytes, "\r\n\r\n") + 3;
[substr($bytes, 0, 40), substr($bytes, 40, $cut - 40), substr $bytes, $cut]
--- raw_request_middle_delay: 0.05
--- error_code: 101
--- response_body_like eval: ::closed(1000, ::acked(1))



=== TEST 26: a message in fragments, with control frames between them
--- config eval: $::Config
--- init
::joe();
--- raw_request eval
::client(::text('40'), ::text('421', fin => 0), ::ping('one'),
         ::more('', fin => 0), ::frame(10, 'unasked'),
         ::more('["no.s', fin => 0), ::more('uch"]'), ::end(1000))
--- error_code: 101
--- response_body_like eval
::closed(1000, ::pong('one'), ::acked(1))



=== TEST 27: pings get their payload back
--- config eval: $::Config
--- raw_request eval
::client(::ping(''), ::ping('p'), ::ping("\xff" x 125), ::end(1000))
--- error_code: 101
--- response_body_like eval
::closed(1000, ::pong(''), ::pong('p'), ::pong("\xff" x 125))



=== TEST 28: exactly as long as may be
--- config eval: $::Config
--- init
::joe();
--- raw_request eval
::client(::text('40'), ::text('421["no.such","' . 'x' x 983 . '"]'),
         ::end(1000))
--- error_code: 101
--- response_body_like eval: ::closed(1000, ::acked(1))



=== TEST 29: nothing is processed behind a close, which is echoed once
--- config eval: $::Config
--- init
::joe();
--- raw_request eval
::client(::text('40'), ::end(1001, 'bye'), ::text($::Ask), ::end(1000))
--- error_code: 101
--- response_body_like eval
qr/(?!.*431\[)(?!.*\x88.*\x88)${\ ::closed(1001)}/s



=== TEST 30: a close without a code
--- config eval: $::Config
--- raw_request eval: ::client(::end())
--- error_code: 101
--- response_body_like eval: qr/$::Open\x88(?:\x00|\x02\x03\xe8)\z/s



=== TEST 31: close codes that may be
--- config eval: $::Config
--- raw_request eval: ::client(::end(3000, 'x' x 123))
--- error_code: 101
--- response_body_like eval: ::closed(3000)



=== TEST 32: close codes that may be: the highest
--- config eval: $::Config
--- raw_request eval: ::client(::end(4999, "\xc3\xa9"))
--- error_code: 101
--- response_body_like eval: ::closed(4999)



=== TEST 33: a frame that is not masked: 1002
--- config eval: $::Config
--- raw_request eval: ::client(::text($::Ask, mask => 0))
--- error_code: 101
--- response_body_like eval: ::only_closed(1002)



=== TEST 34: RSV bits: 1002
--- config eval: $::Config
--- raw_request eval: ::client(::text($::Ask, rsv => 2))
--- error_code: 101
--- response_body_like eval: ::only_closed(1002)



=== TEST 35: RSV1 without an extension: 1002
--- config eval: $::Config
--- raw_request eval: ::client(::text($::Ask, rsv => 4))
--- error_code: 101
--- response_body_like eval: ::only_closed(1002)



=== TEST 36: a reserved data opcode: 1002
--- config eval: $::Config
--- raw_request eval: ::client(::frame(3, 'x'))
--- error_code: 101
--- response_body_like eval: ::only_closed(1002)



=== TEST 37: a reserved control opcode: 1002
--- config eval: $::Config
--- raw_request eval: ::client(::frame(11, 'x'))
--- error_code: 101
--- response_body_like eval: ::only_closed(1002)



=== TEST 38: a control frame that is too long: 1002
--- config eval: $::Config
--- raw_request eval: ::client(::ping('x' x 126))
--- error_code: 101
--- response_body_like eval: ::only_closed(1002)



=== TEST 39: a control frame in fragments: 1002
--- config eval: $::Config
--- raw_request eval: ::client(::ping('x', fin => 0))
--- error_code: 101
--- response_body_like eval: ::only_closed(1002)



=== TEST 40: a continuation of nothing: 1002
--- config eval: $::Config
--- raw_request eval: ::client(::more('x'))
--- error_code: 101
--- response_body_like eval: ::only_closed(1002)



=== TEST 41: a message within a message: 1002
--- config eval: $::Config
--- raw_request eval: ::client(::text('3', fin => 0), ::text('3'))
--- error_code: 101
--- response_body_like eval: ::only_closed(1002)



=== TEST 42: a length that is not in its shortest form: 1002
--- config eval: $::Config
--- raw_request eval: ::client(::text('3xxxx', form => 16))
--- error_code: 101
--- response_body_like eval: ::only_closed(1002)



=== TEST 43: a length in 64 bits where 16 would do: 1002
--- config eval: $::Config
--- raw_request eval: ::client(::text('3' . 'x' x 299, form => 64))
--- error_code: 101
--- response_body_like eval: ::only_closed(1002)



=== TEST 44: the top bit of a length: 1002
--- config eval: $::Config
--- raw_request eval
::client(::text('', form => 64, length => 1 << 63))
--- error_code: 101
--- response_body_like eval: ::only_closed(1002)



=== TEST 45: a close of one byte: 1002
--- config eval: $::Config
--- raw_request eval: ::client(::frame(8, 'x'))
--- error_code: 101
--- response_body_like eval: ::only_closed(1002)



=== TEST 46: a close code that may not be sent: 1002
--- config eval: $::Config
--- raw_request eval: ::client(::end(1005))
--- error_code: 101
--- response_body_like eval: ::only_closed(1002)



=== TEST 47: a close code that is none: 1002
--- config eval: $::Config
--- raw_request eval: ::client(::end(999))
--- error_code: 101
--- response_body_like eval: ::only_closed(1002)



=== TEST 48: a close reason that is no UTF-8: 1007
--- config eval: $::Config
--- raw_request eval: ::client(::end(1000, "\xff"))
--- error_code: 101
--- response_body_like eval: ::closed(1007)



=== TEST 49: text that is no UTF-8: 1007
--- config eval: $::Config
--- raw_request eval: ::client(::text("3\xed\xa0\x80"))
--- error_code: 101
--- response_body_like eval: ::closed(1007)



=== TEST 50: text that is no UTF-8 is found before its frame is complete: 1007
--- config eval: $::Config
--- raw_request eval
::client(substr ::text("3\xff" . 'x' x 900), 0, 100)
--- error_code: 101
--- response_body_like eval: ::closed(1007)



=== TEST 51: text that ends within a character: 1007
--- config eval: $::Config
--- raw_request eval: ::client(::text("3\xe6\xbc"))
--- error_code: 101
--- response_body_like eval: ::closed(1007)



=== TEST 52: characters may be cut by fragments
--- config eval: $::Config
--- init
::joe();
--- raw_request eval
::client(::text('40'), ::text("421[\"no.such\",\"\xf0\x9f", fin => 0),
         ::more("\x98", fin => 0), ::more("\x80\"]"), ::end(1000))
--- error_code: 101
--- response_body_like eval: ::closed(1000, ::acked(1))



=== TEST 53: too long: 1009
--- config eval: $::Config
--- raw_request eval: ::client(::text('3' . 'x' x 1000))
--- error_code: 101
--- response_body_like eval: ::closed(1009)



=== TEST 54: too long is found in the header alone: 1009
--- config eval: $::Config
--- raw_request eval
::client(substr ::text('', form => 64, length => 1 << 40), 0, 14)
--- error_code: 101
--- response_body_like eval: ::closed(1009)



=== TEST 55: too long, in the sum of the fragments: 1009
--- config eval: $::Config
--- raw_request eval
::client(::text('3' . 'x' x 599, fin => 0), ::more('x' x 401))
--- error_code: 101
--- response_body_like eval: ::closed(1009)



=== TEST 56: frames that are right before one that is wrong are answered
--- config eval: $::Config
--- init
::joe();
--- raw_request eval
[::client(::text('40')), ::text($::Ask) . ::frame(3, '')]
--- raw_request_middle_delay: 0.5
--- error_code: 101
--- response_body_like eval: ::closed(1002, ::acked(1))



=== TEST 57: an Engine.IO packet that is none ends the connection
--- config eval: $::Config
--- raw_request eval: ::client(::text('x'))
--- error_code: 101
--- response_body_like eval: qr/$::Open.*\x88[\x02-\x7d][\x03-\x0f]./s



=== TEST 58: an Engine.IO close ends the connection
--- config eval: $::Config
--- raw_request eval: ::client(::text('1'), ::text('3'))
--- error_code: 101
--- response_body_like eval: ::closed(1000)



=== TEST 59: an event before CONNECT ends the connection
--- config eval: $::Config
--- init
::joe();
--- raw_request eval: ::client(::text($::Ask))
--- error_code: 101
--- response_body_like eval
::only_closed(1002)



=== TEST 60: a second CONNECT ends the connection
--- config eval: $::Config
--- init
::joe();
--- raw_request eval: [::client(::text('40')), ::text('40')]
--- raw_request_middle_delay: 0.5
--- error_code: 101
--- response_body_like eval: ::closed(1002, '\x81.40\{"sid":"[^"]+"\}')



=== TEST 61: a client that goes without a word
--- config eval: $::Config
--- raw_request eval: [::client(), ::ping('p')]
--- raw_request_middle_delay: 0.3
--- shutdown: 1
--- error_code: 101
--- response_body_like eval: qr/$::Open/s



=== TEST 62: below a prefix
--- config
    chat_redis redis+unix://$TEST_NGINX_REDIS_SOCKET;
    location /c/ { chat on; }
--- raw_request eval
(::handshake() =~ s{ /}{ /c/}r) . ::end(1000)
--- error_code: 101
--- response_body_like eval: ::closed(1000)



=== TEST 63: the access log has the handshake
--- config eval: $::Config
--- raw_request eval: ::client(::end(1000))
--- error_code: 101
--- access_log eval
[qr{"GET /socket\.io/\?EIO=4&transport=websocket HTTP/1\.1" 101 }]
