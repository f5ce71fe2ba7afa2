# The directives that set how the chat behaves: values that are taken, and
# values, duplicates and places that are not, with a message that says what
# is wrong.  What they do is tested where the behaviour is.

use Test::Nginx::Socket 'no_plan';
use lib 't/lib';
use Chat::Test;

no_root_location();
run_tests();

__DATA__

=== TEST 1: chat_session_ttl: in all its places
--- http_config
    chat_session_ttl 7d;
--- config
    chat_session_ttl 1h30m;

    location /c/ {
        chat_session_ttl 3600;
    }

    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 2: chat_session_ttl: more values
--- config
    location /1/ { chat_session_ttl 1m; }
    location /2/ { chat_session_ttl 4w; }
    location /3/ { chat_session_ttl 60s; }
    location /4/ { chat_session_ttl 3650d; }
    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 3: chat_session_ttl: a bad value
--- config
    location /c/ {
        chat_session_ttl soon;
    }
--- must_die
--- error_log
"chat_session_ttl" directive invalid value



=== TEST 4: chat_session_ttl: a negative value
--- config
    location /c/ {
        chat_session_ttl -1;
    }
--- must_die
--- error_log
"chat_session_ttl" directive invalid value



=== TEST 5: chat_session_ttl: too short
--- config
    location /c/ {
        chat_session_ttl 59s;
    }
--- must_die
--- error_log
value must be between 60 and 315360000



=== TEST 6: chat_session_ttl: too long
--- config
    location /c/ {
        chat_session_ttl 3651d;
    }
--- must_die
--- error_log
value must be between 60 and 315360000



=== TEST 7: chat_session_ttl: twice
--- config
    location /c/ {
        chat_session_ttl 1d;
        chat_session_ttl 2d;
    }
--- must_die
--- error_log
"chat_session_ttl" directive is duplicate



=== TEST 8: chat_session_ttl: not outside of http
--- main_config
    chat_session_ttl 1d;
--- config
--- must_die
--- error_log
"chat_session_ttl" directive is not allowed here



=== TEST 9: chat_cookie: in all its places
--- http_config
    chat_cookie chat_session;
--- config
    chat_cookie name secure=on;

    location /c/ {
        chat_cookie n samesite=none secure=auto;
    }

    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 10: chat_cookie: more values
--- config
    location /1/ { chat_cookie a secure=off samesite=lax; }
    location /2/ { chat_cookie a samesite=strict; }
    location /3/ { chat_cookie __Host-chat secure=on samesite=none; }
    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 11: chat_cookie: no value
--- config
    location /c/ {
        chat_cookie;
    }
--- must_die
--- error_log
invalid number of arguments in "chat_cookie" directive



=== TEST 12: chat_cookie: an empty name
--- config
    location /c/ {
        chat_cookie "";
    }
--- must_die
--- error_log
"chat_cookie" directive needs a name



=== TEST 13: chat_cookie: a bad name
--- config
    location /c/ {
        chat_cookie "a b";
    }
--- must_die
--- error_log
invalid cookie name "a b"



=== TEST 14: chat_cookie: another bad name
--- config
    location /c/ {
        chat_cookie "a=b";
    }
--- must_die
--- error_log
invalid cookie name "a=b"



=== TEST 15: chat_cookie: a bad parameter
--- config
    location /c/ {
        chat_cookie a secure=yes;
    }
--- must_die
--- error_log
invalid parameter "secure=yes"



=== TEST 16: chat_cookie: an unknown parameter
--- config
    location /c/ {
        chat_cookie a domain=x;
    }
--- must_die
--- error_log
invalid parameter "domain=x"



=== TEST 17: chat_cookie: what browsers refuse
--- config
    location /c/ {
        chat_cookie a samesite=none secure=off;
    }
--- must_die
--- error_log
"chat_cookie" directive with samesite=none can't have secure=off



=== TEST 18: chat_cookie: a parameter twice
--- config
    location /c/ {
        chat_cookie a secure=on secure=off;
    }
--- must_die
--- error_log
duplicate parameter "secure=off"



=== TEST 19: chat_cookie: too many values
--- config
    location /c/ {
        chat_cookie a secure=on samesite=lax path=/ x;
    }
--- must_die
--- error_log
invalid number of arguments in "chat_cookie" directive



=== TEST 20: chat_cookie: twice
--- config
    location /c/ {
        chat_cookie a;
        chat_cookie b;
    }
--- must_die
--- error_log
"chat_cookie" directive is duplicate



=== TEST 21: chat_cookie: not outside of http
--- main_config
    chat_cookie a;
--- config
--- must_die
--- error_log
"chat_cookie" directive is not allowed here



=== TEST 22: chat_password_scheme: in all its places
--- http_config
    chat_password_scheme argon2id;
--- config
    chat_password_scheme bcrypt;

    location /c/ {
        chat_password_scheme argon2id;
    }

    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 23: chat_password_scheme: a bad value
--- config
    location /c/ {
        chat_password_scheme md5;
    }
--- must_die
--- error_log
invalid value "md5"



=== TEST 24: chat_password_scheme: no value
--- config
    location /c/ {
        chat_password_scheme;
    }
--- must_die
--- error_log
invalid number of arguments in "chat_password_scheme" directive



=== TEST 25: chat_password_scheme: twice
--- config
    location /c/ {
        chat_password_scheme bcrypt;
        chat_password_scheme bcrypt;
    }
--- must_die
--- error_log
"chat_password_scheme" directive is duplicate



=== TEST 26: chat_password_scheme: not outside of http
--- main_config
    chat_password_scheme bcrypt;
--- config
--- must_die
--- error_log
"chat_password_scheme" directive is not allowed here



=== TEST 27: chat_login_rate: in all its places
--- http_config
    chat_login_rate 10r/m;
--- config
    chat_login_rate 2r/s;

    location /c/ {
        chat_login_rate off;
    }

    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 28: chat_login_rate: more values
--- config
    location /1/ { chat_login_rate 1r/m; }
    location /2/ { chat_login_rate 1000r/s; }
    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 29: chat_login_rate: a bad value
--- config
    location /c/ {
        chat_login_rate often;
    }
--- must_die
--- error_log
invalid rate "often", it must be "off" or like "10r/m" or "2r/s"



=== TEST 30: chat_login_rate: another unit
--- config
    location /c/ {
        chat_login_rate 5r/h;
    }
--- must_die
--- error_log
invalid rate "5r/h"



=== TEST 31: chat_login_rate: no number
--- config
    location /c/ {
        chat_login_rate r/m;
    }
--- must_die
--- error_log
invalid rate "r/m"



=== TEST 32: chat_login_rate: none at all
--- config
    location /c/ {
        chat_login_rate 0r/m;
    }
--- must_die
--- error_log
invalid rate "0r/m"



=== TEST 33: chat_login_rate: too many
--- config
    location /c/ {
        chat_login_rate 1001r/m;
    }
--- must_die
--- error_log
invalid rate "1001r/m"



=== TEST 34: chat_login_rate: no value
--- config
    location /c/ {
        chat_login_rate;
    }
--- must_die
--- error_log
invalid number of arguments in "chat_login_rate" directive



=== TEST 35: chat_login_rate: twice
--- config
    location /c/ {
        chat_login_rate 1r/m;
        chat_login_rate off;
    }
--- must_die
--- error_log
"chat_login_rate" directive is duplicate



=== TEST 36: chat_login_rate: not outside of http
--- main_config
    chat_login_rate 1r/m;
--- config
--- must_die
--- error_log
"chat_login_rate" directive is not allowed here



=== TEST 37: chat_ping_interval: in all its places
--- http_config
    chat_ping_interval 25s;
--- config
    chat_ping_interval 20000ms;

    location /c/ {
        chat_ping_interval 1m;
    }

    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 38: chat_ping_interval: more values
--- config
    location /1/ { chat_ping_interval 100ms; }
    location /2/ { chat_ping_interval 1h; }
    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 39: chat_ping_interval: a bad value
--- config
    location /c/ {
        chat_ping_interval fast;
    }
--- must_die
--- error_log
"chat_ping_interval" directive invalid value



=== TEST 40: chat_ping_interval: too short
--- config
    location /c/ {
        chat_ping_interval 99ms;
    }
--- must_die
--- error_log
value must be between 100 and 3600000



=== TEST 41: chat_ping_interval: too long
--- config
    location /c/ {
        chat_ping_interval 2h;
    }
--- must_die
--- error_log
value must be between 100 and 3600000



=== TEST 42: chat_ping_interval: twice
--- config
    location /c/ {
        chat_ping_interval 1s;
        chat_ping_interval 2s;
    }
--- must_die
--- error_log
"chat_ping_interval" directive is duplicate



=== TEST 43: chat_ping_interval: not outside of http
--- main_config
    chat_ping_interval 1s;
--- config
--- must_die
--- error_log
"chat_ping_interval" directive is not allowed here



=== TEST 44: chat_ping_timeout: in all its places
--- http_config
    chat_ping_timeout 25s;
--- config
    chat_ping_timeout 20000ms;

    location /c/ {
        chat_ping_timeout 1m;
    }

    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 45: chat_ping_timeout: more values
--- config
    location /1/ { chat_ping_timeout 100ms; }
    location /2/ { chat_ping_timeout 1h; }
    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 46: chat_ping_timeout: a bad value
--- config
    location /c/ {
        chat_ping_timeout fast;
    }
--- must_die
--- error_log
"chat_ping_timeout" directive invalid value



=== TEST 47: chat_ping_timeout: too short
--- config
    location /c/ {
        chat_ping_timeout 99ms;
    }
--- must_die
--- error_log
value must be between 100 and 3600000



=== TEST 48: chat_ping_timeout: too long
--- config
    location /c/ {
        chat_ping_timeout 2h;
    }
--- must_die
--- error_log
value must be between 100 and 3600000



=== TEST 49: chat_ping_timeout: twice
--- config
    location /c/ {
        chat_ping_timeout 1s;
        chat_ping_timeout 2s;
    }
--- must_die
--- error_log
"chat_ping_timeout" directive is duplicate



=== TEST 50: chat_ping_timeout: not outside of http
--- main_config
    chat_ping_timeout 1s;
--- config
--- must_die
--- error_log
"chat_ping_timeout" directive is not allowed here



=== TEST 51: chat_presence_grace: in all its places
--- http_config
    chat_presence_grace 3s;
--- config
    chat_presence_grace 0;

    location /c/ {
        chat_presence_grace 500ms;
    }

    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 52: chat_presence_grace: more values
--- config
    location /1/ { chat_presence_grace 1m; }
    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 53: chat_presence_grace: a bad value
--- config
    location /c/ {
        chat_presence_grace x;
    }
--- must_die
--- error_log
"chat_presence_grace" directive invalid value



=== TEST 54: chat_presence_grace: too long
--- config
    location /c/ {
        chat_presence_grace 61s;
    }
--- must_die
--- error_log
value must be between 0 and 60000



=== TEST 55: chat_presence_grace: twice
--- config
    location /c/ {
        chat_presence_grace 1s;
        chat_presence_grace 2s;
    }
--- must_die
--- error_log
"chat_presence_grace" directive is duplicate



=== TEST 56: chat_presence_grace: not outside of http
--- main_config
    chat_presence_grace 1s;
--- config
--- must_die
--- error_log
"chat_presence_grace" directive is not allowed here



=== TEST 57: chat_drain_time: in all its places
--- http_config
    chat_drain_time 3s;
--- config
    chat_drain_time 0;

    location /c/ {
        chat_drain_time 500ms;
    }

    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 58: chat_drain_time: more values
--- config
    location /1/ { chat_drain_time 1m; }
    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 59: chat_drain_time: a bad value
--- config
    location /c/ {
        chat_drain_time x;
    }
--- must_die
--- error_log
"chat_drain_time" directive invalid value



=== TEST 60: chat_drain_time: too long
--- config
    location /c/ {
        chat_drain_time 61s;
    }
--- must_die
--- error_log
value must be between 0 and 60000



=== TEST 61: chat_drain_time: twice
--- config
    location /c/ {
        chat_drain_time 1s;
        chat_drain_time 2s;
    }
--- must_die
--- error_log
"chat_drain_time" directive is duplicate



=== TEST 62: chat_drain_time: not outside of http
--- main_config
    chat_drain_time 1s;
--- config
--- must_die
--- error_log
"chat_drain_time" directive is not allowed here



=== TEST 63: chat_max_payload: in all its places
--- http_config
    chat_max_payload 1m;
--- config
    chat_max_payload 64;

    location /c/ {
        chat_max_payload 100k;
    }

    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 64: chat_max_payload: more values
--- config
    location /1/ { chat_max_payload 64m; }
    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 65: chat_max_payload: a bad value
--- config
    location /c/ {
        chat_max_payload 1x;
    }
--- must_die
--- error_log
"chat_max_payload" directive invalid value



=== TEST 66: chat_max_payload: too small
--- config
    location /c/ {
        chat_max_payload 63;
    }
--- must_die
--- error_log
value must be between 64 and 67108864



=== TEST 67: chat_max_payload: too large
--- config
    location /c/ {
        chat_max_payload 65m;
    }
--- must_die
--- error_log
value must be between 64 and 67108864



=== TEST 68: chat_max_payload: twice
--- config
    location /c/ {
        chat_max_payload 1m;
        chat_max_payload 2m;
    }
--- must_die
--- error_log
"chat_max_payload" directive is duplicate



=== TEST 69: chat_max_payload: not outside of http
--- main_config
    chat_max_payload 1m;
--- config
--- must_die
--- error_log
"chat_max_payload" directive is not allowed here



=== TEST 70: chat_send_queue: in all its places
--- http_config
    chat_send_queue 4k;
--- config
    chat_send_queue 1m;

    location /c/ {
        chat_send_queue 16m;
    }

    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 71: chat_send_queue: more values
--- config
    location /1/ { chat_send_queue 1024m; }
    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 72: chat_send_queue: a bad value
--- config
    location /c/ {
        chat_send_queue big;
    }
--- must_die
--- error_log
"chat_send_queue" directive invalid value



=== TEST 73: chat_send_queue: too small
--- config
    location /c/ {
        chat_send_queue 4095;
    }
--- must_die
--- error_log
value must be between 4096 and 1073741824



=== TEST 74: chat_send_queue: too large
--- config
    location /c/ {
        chat_send_queue 1025m;
    }
--- must_die
--- error_log
value must be between 4096 and 1073741824



=== TEST 75: chat_send_queue: twice
--- config
    location /c/ {
        chat_send_queue 1m;
        chat_send_queue 2m;
    }
--- must_die
--- error_log
"chat_send_queue" directive is duplicate



=== TEST 76: chat_send_queue: not outside of http
--- main_config
    chat_send_queue 1m;
--- config
--- must_die
--- error_log
"chat_send_queue" directive is not allowed here



=== TEST 77: chat_max_message: in all its places
--- http_config
    chat_max_message 32768;
--- config
    chat_max_message 1;

    location /c/ {
        chat_max_message 1048576;
    }

    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 78: chat_max_message: a bad value
--- config
    location /c/ {
        chat_max_message 1k;
    }
--- must_die
--- error_log
"chat_max_message" directive invalid number



=== TEST 79: chat_max_message: none at all
--- config
    location /c/ {
        chat_max_message 0;
    }
--- must_die
--- error_log
value must be between 1 and 1048576



=== TEST 80: chat_max_message: too many
--- config
    location /c/ {
        chat_max_message 1048577;
    }
--- must_die
--- error_log
value must be between 1 and 1048576



=== TEST 81: chat_max_message: twice
--- config
    location /c/ {
        chat_max_message 10;
        chat_max_message 20;
    }
--- must_die
--- error_log
"chat_max_message" directive is duplicate



=== TEST 82: chat_max_message: not outside of http
--- main_config
    chat_max_message 10;
--- config
--- must_die
--- error_log
"chat_max_message" directive is not allowed here



=== TEST 83: chat_history_limit: in all its places
--- http_config
    chat_history_limit 0;
--- config
    chat_history_limit 1;

    location /c/ {
        chat_history_limit 1000000000;
    }

    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 84: chat_history_limit: a bad value
--- config
    location /c/ {
        chat_history_limit all;
    }
--- must_die
--- error_log
"chat_history_limit" directive invalid number



=== TEST 85: chat_history_limit: a negative value
--- config
    location /c/ {
        chat_history_limit -1;
    }
--- must_die
--- error_log
"chat_history_limit" directive invalid number



=== TEST 86: chat_history_limit: too many
--- config
    location /c/ {
        chat_history_limit 1000000001;
    }
--- must_die
--- error_log
value must be between 0 and 1000000000



=== TEST 87: chat_history_limit: twice
--- config
    location /c/ {
        chat_history_limit 10;
        chat_history_limit 20;
    }
--- must_die
--- error_log
"chat_history_limit" directive is duplicate



=== TEST 88: chat_history_limit: not outside of http
--- main_config
    chat_history_limit 10;
--- config
--- must_die
--- error_log
"chat_history_limit" directive is not allowed here



=== TEST 89: chat_allowed_origins: in all its places
--- http_config
    chat_allowed_origins same;
--- config
    chat_allowed_origins any;

    location /c/ {
        chat_allowed_origins https://example.com http://localhost:3000;
    }

    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 90: chat_allowed_origins: more values
--- config
    location /1/ { chat_allowed_origins https://a.example; }
    location /2/ { chat_allowed_origins http://[::1]:80; }
    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 91: chat_allowed_origins: no value
--- config
    location /c/ {
        chat_allowed_origins;
    }
--- must_die
--- error_log
invalid number of arguments in "chat_allowed_origins" directive



=== TEST 92: chat_allowed_origins: no origin
--- config
    location /c/ {
        chat_allowed_origins example.com;
    }
--- must_die
--- error_log
invalid origin "example.com", it must be like "https://example.com"



=== TEST 93: chat_allowed_origins: a path
--- config
    location /c/ {
        chat_allowed_origins https://example.com/;
    }
--- must_die
--- error_log
invalid origin "https://example.com/"



=== TEST 94: chat_allowed_origins: a pattern
--- config
    location /c/ {
        chat_allowed_origins https://*.example.com;
    }
--- must_die
--- error_log
invalid origin "https://*.example.com"



=== TEST 95: chat_allowed_origins: capitals
--- config
    location /c/ {
        chat_allowed_origins https://Example.com;
    }
--- must_die
--- error_log
invalid origin "https://Example.com"



=== TEST 96: chat_allowed_origins: another scheme
--- config
    location /c/ {
        chat_allowed_origins ftp://example.com;
    }
--- must_die
--- error_log
invalid origin "ftp://example.com"



=== TEST 97: chat_allowed_origins: no host
--- config
    location /c/ {
        chat_allowed_origins https://;
    }
--- must_die
--- error_log
invalid origin "https://"



=== TEST 98: chat_allowed_origins: same among others
--- config
    location /c/ {
        chat_allowed_origins same https://example.com;
    }
--- must_die
--- error_log
invalid origin "same"



=== TEST 99: chat_allowed_origins: any among others
--- config
    location /c/ {
        chat_allowed_origins https://example.com any;
    }
--- must_die
--- error_log
invalid origin "any"



=== TEST 100: chat_allowed_origins: twice
--- config
    location /c/ {
        chat_allowed_origins same;
        chat_allowed_origins any;
    }
--- must_die
--- error_log
"chat_allowed_origins" directive is duplicate



=== TEST 101: chat_allowed_origins: not outside of http
--- main_config
    chat_allowed_origins same;
--- config
--- must_die
--- error_log
"chat_allowed_origins" directive is not allowed here



=== TEST 102: chat_redis: no name of a master
--- config
    location /c/ {
        chat_redis sentinel://127.0.0.1;
    }
--- must_die
--- error_log
no name of a master in chat_redis



=== TEST 103: chat_redis: too many Sentinels
--- config
    location /c/ {
        chat_redis sentinel://1.1.1.1,1.1.1.2,1.1.1.3,1.1.1.4,1.1.1.5,1.1.1.6,1.1.1.7,1.1.1.8,1.1.1.9/m;
    }
--- must_die
--- error_log
too many hosts in chat_redis



=== TEST 104: chat_redis: an empty place among the Sentinels
--- config
    location /c/ {
        chat_redis sentinel://127.0.0.1,,127.0.0.2/m;
    }
--- must_die
--- error_log
no host in chat_redis



=== TEST 105: chat_redis: a bad port of a Sentinel
--- config
    location /c/ {
        chat_redis sentinel://127.0.0.1,127.0.0.2:0/m;
    }
--- must_die
--- error_log
invalid port in chat_redis



=== TEST 106: chat_redis: a bad database behind the name
--- config
    location /c/ {
        chat_redis sentinel://127.0.0.1/m/x;
    }
--- must_die
--- error_log
invalid database in chat_redis



=== TEST 107: chat_redis: a Sentinel that does not exist
--- config
    location /c/ {
        chat_redis sentinel://127.0.0.1,no.such.host.invalid/m;
    }
--- must_die
--- error_log
host not found in chat_redis "no.such.host.invalid"



=== TEST 108: chat_redis: commas without Sentinels
--- config
    location /c/ {
        chat_redis redis://127.0.0.1,127.0.0.2;
    }
--- must_die
--- error_log
invalid host in chat_redis



=== TEST 109: chat_deflate: in all its places
--- http_config
    chat_deflate on;
--- config
    chat_deflate off;

    location /c/ {
        chat_deflate on;
    }

    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 110: chat_deflate: a bad value
--- config
    location /c/ {
        chat_deflate 1;
    }
--- must_die
--- error_log
invalid value "1" in "chat_deflate" directive, it must be "on" or "off"



=== TEST 111: chat_deflate: twice
--- config
    location /c/ {
        chat_deflate on;
        chat_deflate on;
    }
--- must_die
--- error_log
"chat_deflate" directive is duplicate



=== TEST 112: chat_deflate: not outside of http
--- main_config
    chat_deflate on;
--- config
--- must_die
--- error_log
"chat_deflate" directive is not allowed here



=== TEST 113: chat_message_rate: in all its places
--- http_config
    chat_message_rate 10r/s burst=30;
--- config
    chat_message_rate 2r/s;

    location /c/ {
        chat_message_rate off;
    }

    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 114: chat_message_rate: more values
--- config
    location /1/ { chat_message_rate 1r/m burst=1; }
    location /2/ { chat_message_rate 1000r/s burst=1000; }
    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 115: chat_message_rate: a bad value
--- config
    location /c/ {
        chat_message_rate often;
    }
--- must_die
--- error_log
invalid rate "often", it must be "off" or like "10r/m" or "2r/s"



=== TEST 116: chat_message_rate: none at all
--- config
    location /c/ {
        chat_message_rate 0r/s;
    }
--- must_die
--- error_log
invalid rate "0r/s"



=== TEST 117: chat_message_rate: too many
--- config
    location /c/ {
        chat_message_rate 1001r/s;
    }
--- must_die
--- error_log
invalid rate "1001r/s"



=== TEST 118: chat_message_rate: a bad burst
--- config
    location /c/ {
        chat_message_rate 10r/s burst=much;
    }
--- must_die
--- error_log
invalid parameter "burst=much", it must be like "burst=30"



=== TEST 119: chat_message_rate: no burst
--- config
    location /c/ {
        chat_message_rate 10r/s burst=0;
    }
--- must_die
--- error_log
invalid parameter "burst=0"



=== TEST 120: chat_message_rate: too large a burst
--- config
    location /c/ {
        chat_message_rate 10r/s burst=1001;
    }
--- must_die
--- error_log
invalid parameter "burst=1001"



=== TEST 121: chat_message_rate: another parameter
--- config
    location /c/ {
        chat_message_rate 10r/s nodelay;
    }
--- must_die
--- error_log
invalid parameter "nodelay"



=== TEST 122: chat_message_rate: off with a burst
--- config
    location /c/ {
        chat_message_rate off burst=10;
    }
--- must_die
--- error_log
invalid rate "off"



=== TEST 123: chat_message_rate: no value
--- config
    location /c/ {
        chat_message_rate;
    }
--- must_die
--- error_log
invalid number of arguments in "chat_message_rate" directive



=== TEST 124: chat_message_rate: twice
--- config
    location /c/ {
        chat_message_rate 1r/s;
        chat_message_rate off;
    }
--- must_die
--- error_log
"chat_message_rate" directive is duplicate



=== TEST 125: chat_message_rate: not outside of http
--- main_config
    chat_message_rate 1r/s;
--- config
--- must_die
--- error_log
"chat_message_rate" directive is not allowed here



=== TEST 126: chat_max_sessions: in all its places
--- http_config
    chat_max_sessions 1;
--- config
    chat_max_sessions 10000;

    location /c/ {
        chat_max_sessions off;
    }

    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 127: chat_max_sessions: a bad value
--- config
    location /c/ {
        chat_max_sessions many;
    }
--- must_die
--- error_log
invalid number



=== TEST 128: chat_max_sessions: none at all
--- config
    location /c/ {
        chat_max_sessions 0;
    }
--- must_die
--- error_log
value must be between 1 and 10000



=== TEST 129: chat_max_sessions: too many
--- config
    location /c/ {
        chat_max_sessions 10001;
    }
--- must_die
--- error_log
value must be between 1 and 10000



=== TEST 130: chat_max_sessions: twice
--- config
    location /c/ {
        chat_max_sessions 1;
        chat_max_sessions off;
    }
--- must_die
--- error_log
"chat_max_sessions" directive is duplicate



=== TEST 131: chat_max_sessions: twice, the other way round
--- config
    location /c/ {
        chat_max_sessions off;
        chat_max_sessions 1;
    }
--- must_die
--- error_log
"chat_max_sessions" directive is duplicate



=== TEST 132: chat_max_sessions: not outside of http
--- main_config
    chat_max_sessions 1;
--- config
--- must_die
--- error_log
"chat_max_sessions" directive is not allowed here



=== TEST 133: chat_max_connections: in all its places
--- http_config
    chat_max_connections 1;
--- config
    chat_max_connections 1000000;

    location /c/ {
        chat_max_connections off;
    }

    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 134: chat_max_connections: a bad value
--- config
    location /c/ {
        chat_max_connections many;
    }
--- must_die
--- error_log
invalid number



=== TEST 135: chat_max_connections: none at all
--- config
    location /c/ {
        chat_max_connections 0;
    }
--- must_die
--- error_log
value must be between 1 and 1000000



=== TEST 136: chat_max_connections: too many
--- config
    location /c/ {
        chat_max_connections 1000001;
    }
--- must_die
--- error_log
value must be between 1 and 1000000



=== TEST 137: chat_max_connections: twice
--- config
    location /c/ {
        chat_max_connections 1;
        chat_max_connections off;
    }
--- must_die
--- error_log
"chat_max_connections" directive is duplicate



=== TEST 138: chat_max_connections: not outside of http
--- main_config
    chat_max_connections 1;
--- config
--- must_die
--- error_log
"chat_max_connections" directive is not allowed here



=== TEST 139: chat_redis_connect_timeout: 500ms
--- http_config
    chat_redis_connect_timeout 500ms;
--- config
    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 140: chat_redis_connect_timeout: 1m
--- http_config
    chat_redis_connect_timeout 1m;
--- config
    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 141: chat_redis_connect_timeout: too little
--- http_config
    chat_redis_connect_timeout 499ms;
--- config
--- must_die
--- error_log
value must be between 500 and 60000



=== TEST 142: chat_redis_connect_timeout: too much
--- http_config
    chat_redis_connect_timeout 61s;
--- config
--- must_die
--- error_log
value must be between 500 and 60000



=== TEST 143: chat_redis_connect_timeout: a bad value
--- http_config
    chat_redis_connect_timeout soon;
--- config
--- must_die
--- error_log
"chat_redis_connect_timeout" directive invalid value



=== TEST 144: chat_redis_connect_timeout: twice
--- http_config
    chat_redis_connect_timeout 4s;
    chat_redis_connect_timeout 4s;
--- config
--- must_die
--- error_log
"chat_redis_connect_timeout" directive is duplicate



=== TEST 145: chat_redis_connect_timeout: for all of http only
--- config
    chat_redis_connect_timeout 4s;
--- must_die
--- error_log
"chat_redis_connect_timeout" directive is not allowed here



=== TEST 146: chat_redis_read_timeout: 3s
--- http_config
    chat_redis_read_timeout 3s;
--- config
    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 147: chat_redis_read_timeout: 60s
--- http_config
    chat_redis_read_timeout 60s;
--- config
    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 148: chat_redis_read_timeout: too little
--- http_config
    chat_redis_read_timeout 2999ms;
--- config
--- must_die
--- error_log
value must be between 3000 and 60000



=== TEST 149: chat_redis_read_timeout: too much
--- http_config
    chat_redis_read_timeout 1m1ms;
--- config
--- must_die
--- error_log
value must be between 3000 and 60000



=== TEST 150: chat_redis_read_timeout: a bad value
--- http_config
    chat_redis_read_timeout soon;
--- config
--- must_die
--- error_log
"chat_redis_read_timeout" directive invalid value



=== TEST 151: chat_redis_read_timeout: twice
--- http_config
    chat_redis_read_timeout 4s;
    chat_redis_read_timeout 4s;
--- config
--- must_die
--- error_log
"chat_redis_read_timeout" directive is duplicate



=== TEST 152: chat_redis_read_timeout: for all of http only
--- config
    chat_redis_read_timeout 4s;
--- must_die
--- error_log
"chat_redis_read_timeout" directive is not allowed here



=== TEST 153: chat_redis_ssl_name: of no effect without rediss
--- http_config
    chat_redis_ssl_name redis.example.com;
--- config
    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 154: chat_redis_ssl_name: twice
--- http_config
    chat_redis_ssl_name redis.example.com;
    chat_redis_ssl_name redis.example.com;
--- config
--- must_die
--- error_log
"chat_redis_ssl_name" directive is duplicate



=== TEST 155: chat_redis_ssl_name: for all of http only
--- config
    chat_redis_ssl_name redis.example.com;
--- must_die
--- error_log
"chat_redis_ssl_name" directive is not allowed here



=== TEST 156: chat_redis_ssl_trusted_certificate: of no effect without rediss
--- http_config
    chat_redis_ssl_trusted_certificate /no/such/file;
--- config
    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 157: chat_redis_ssl_trusted_certificate: twice
--- http_config
    chat_redis_ssl_trusted_certificate /no/such/file;
    chat_redis_ssl_trusted_certificate /no/such/file;
--- config
--- must_die
--- error_log
"chat_redis_ssl_trusted_certificate" directive is duplicate



=== TEST 158: chat_redis_ssl_trusted_certificate: for all of http only
--- config
    chat_redis_ssl_trusted_certificate /no/such/file;
--- must_die
--- error_log
"chat_redis_ssl_trusted_certificate" directive is not allowed here



=== TEST 159: chat_redis_ssl_certificate: of no effect without rediss
--- http_config
    chat_redis_ssl_certificate /no/such/file;
--- config
    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 160: chat_redis_ssl_certificate: twice
--- http_config
    chat_redis_ssl_certificate /no/such/file;
    chat_redis_ssl_certificate /no/such/file;
--- config
--- must_die
--- error_log
"chat_redis_ssl_certificate" directive is duplicate



=== TEST 161: chat_redis_ssl_certificate: for all of http only
--- config
    chat_redis_ssl_certificate /no/such/file;
--- must_die
--- error_log
"chat_redis_ssl_certificate" directive is not allowed here



=== TEST 162: chat_redis_ssl_certificate_key: of no effect without rediss
--- http_config
    chat_redis_ssl_certificate_key /no/such/file;
--- config
    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 163: chat_redis_ssl_certificate_key: twice
--- http_config
    chat_redis_ssl_certificate_key /no/such/file;
    chat_redis_ssl_certificate_key /no/such/file;
--- config
--- must_die
--- error_log
"chat_redis_ssl_certificate_key" directive is duplicate



=== TEST 164: chat_redis_ssl_certificate_key: for all of http only
--- config
    chat_redis_ssl_certificate_key /no/such/file;
--- must_die
--- error_log
"chat_redis_ssl_certificate_key" directive is not allowed here



=== TEST 165: chat_admins: in all its places
--- http_config
    chat_admins Pablo;
--- config
    chat_admins Joe "Mary Ann" Ünal;

    location /c/ {
        chat_admins off;
    }

    location /d/ {
        chat_admins off Joe;
    }

    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 166: chat_admins: nobody
--- config
    location /c/ {
        chat_admins;
    }
--- must_die
--- error_log
invalid number of arguments in "chat_admins" directive



=== TEST 167: chat_admins: an empty name
--- config
    location /c/ {
        chat_admins Joe "";
    }
--- must_die
--- error_log
"" can't be a user's name



=== TEST 168: chat_admins: twice
--- config
    location /c/ {
        chat_admins off;
        chat_admins Joe;
    }
--- must_die
--- error_log
"chat_admins" directive is duplicate



=== TEST 169: chat_admins: not outside of http
--- main_config
    chat_admins Joe;
--- config
--- must_die
--- error_log
"chat_admins" directive is not allowed here
