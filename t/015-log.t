# chat_log: its values.  What it writes is in e2e/log.test.mjs.

use Test::Nginx::Socket 'no_plan';
use lib 't/lib';
use Chat::Test;

no_long_string();
no_root_location();
run_tests();

__DATA__

=== TEST 1: in all its places
--- http_config
    chat_log logs/chat.log;
--- config
    chat_log logs/chat.log '$chat_user$chat_user_id $chat_session|$msec $code.';

    location /a/ { chat_log off; }
    location /b/ { chat_log logs/other.log '$time_iso8601 $time_local $duration
        $remote_addr $chat_transport $packets_received $packets_sent
        $bytes_received $bytes_sent $reason'; }
    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 2: a stream that ends, with the default format
--- config
    location / {
        chat on;
        chat_redis redis+unix://$TEST_NGINX_REDIS_SOCKET;
        chat_log logs/access.log;
    }
--- init
::wait_for_workers();
::make_user(1, 'Joe');
::session_for(1, 'Joe');
--- more_headers eval: ::cookie_of(1)
--- timeout: 0.5
--- abort
--- ignore_response
--- request
GET /events
--- wait: 0.2
--- access_log eval
qr/^127\.0\.0\.1 - Joe \[[^\]]+\] sse 0\.\d{3} 0 1 0 3 "the stream was closed"$/



=== TEST 3: an unknown variable
--- config
    chat_log logs/chat.log '$chat_user $remote_user';
--- must_die
--- error_log
unknown variable "$remote_user" in chat_log



=== TEST 4: a dollar without a name
--- config
    chat_log logs/chat.log '5 $';
--- must_die
--- error_log
unknown variable "$" in chat_log



=== TEST 5: no file
--- config
    chat_log "";
--- must_die
--- error_log
"chat_log" directive needs a file



=== TEST 6: no value
--- config
    chat_log;
--- must_die
--- error_log
invalid number of arguments in "chat_log" directive



=== TEST 7: off, with a format
--- config
    chat_log off '$chat_user';
--- must_die
--- error_log
"chat_log" directive has no format when it is off



=== TEST 8: twice
--- config
    chat_log logs/a.log;
    chat_log logs/b.log;
--- must_die
--- error_log
"chat_log" directive is duplicate



=== TEST 9: a file that can't be opened
--- config
    chat_log logs/none/chat.log;
--- must_die
--- error_log
logs/none/chat.log" failed
