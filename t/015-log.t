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



=== TEST 2: an unknown variable
--- config
    chat_log logs/chat.log '$chat_user $remote_user';
--- must_die
--- error_log
unknown variable "$remote_user" in chat_log



=== TEST 3: a dollar without a name
--- config
    chat_log logs/chat.log '5 $';
--- must_die
--- error_log
unknown variable "$" in chat_log



=== TEST 4: no file
--- config
    chat_log "";
--- must_die
--- error_log
"chat_log" directive needs a file



=== TEST 5: no value
--- config
    chat_log;
--- must_die
--- error_log
invalid number of arguments in "chat_log" directive



=== TEST 6: off, with a format
--- config
    chat_log off '$chat_user';
--- must_die
--- error_log
"chat_log" directive has no format when it is off



=== TEST 7: twice
--- config
    chat_log logs/a.log;
    chat_log logs/b.log;
--- must_die
--- error_log
"chat_log" directive is duplicate



=== TEST 8: a file that can't be opened
--- config
    chat_log logs/none/chat.log;
--- must_die
--- error_log
logs/none/chat.log" failed
