# The directives that switch the chat on and say where its data is: values
# that are taken, and values, duplicates and places that are not, with a
# message that says what is wrong.  And what "chat on" leaves to the
# location's other handlers.

use Test::Nginx::Socket 'no_plan';
use lib 't/lib';
use Chat::Test;

no_root_location();
run_tests();

__DATA__

=== TEST 1: chat: on and off, in a server and in a location
--- config
    chat_redis redis+unix://$TEST_NGINX_REDIS_SOCKET;
    chat off;

    location /on/ { chat on; }
    location /off/ { chat off; }
    location /none/ { }
    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 2: chat: a whole server
--- config
    chat_redis redis+unix://$TEST_NGINX_REDIS_SOCKET;
    chat on;
    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 3: chat: a bad value
--- config
    location /c/ {
        chat yes;
    }
--- must_die
--- error_log
invalid value "yes" in "chat" directive, it must be "on" or "off"



=== TEST 4: chat: no value
--- config
    location /c/ {
        chat;
    }
--- must_die
--- error_log
invalid number of arguments in "chat" directive



=== TEST 5: chat: twice
--- config
    location /c/ {
        chat on;
        chat off;
    }
--- must_die
--- error_log
"chat" directive is duplicate



=== TEST 6: chat: not in http
--- http_config
    chat on;
--- config
--- must_die
--- error_log
"chat" directive is not allowed here



=== TEST 7: chat: not in if
--- config
    location /c/ {
        if ($arg_a) { chat on; }
    }
--- must_die
--- error_log
"chat" directive is not allowed here



=== TEST 8: chat: not in an exact location
--- config
    location = /c { chat on; }
--- must_die
--- error_log
"chat" directive needs a prefix location



=== TEST 9: chat: not in a location with a pattern
--- config
    location ~ c { chat on; }
--- must_die
--- error_log
"chat" directive needs a prefix location



=== TEST 10: chat: not in a named location
--- config
    location @c { chat on; }
--- must_die
--- error_log
"chat" directive needs a prefix location



=== TEST 11: chat on: a folder's files stay files
--- config
    chat_redis redis+unix://$TEST_NGINX_REDIS_SOCKET;

    location /app/ {
        chat on;
        alias $TEST_NGINX_HTML_DIR/files/;
    }
--- user_files
>>> files/index.html
the index
>>> files/login.html
a file
>>> files/meow
another file
>>> files/me
a file that is behind a route
--- request eval
["GET /app/", "GET /app/login.html", "GET /app/meow", "GET /app/nothing",
 "GET /app/me", "GET /me"]
--- error_code eval
[200, 200, 200, 404, 200, 404]
--- response_body_like eval
["^the index\n\$", "^a file\n\$", "^another file\n\$", "404 Not Found",
 "^null\$", "404 Not Found"]



=== TEST 12: chat on: try_files, as of a single-page client
--- config
    location / {
        chat on;
        chat_redis redis+unix://$TEST_NGINX_REDIS_SOCKET;
        root $TEST_NGINX_HTML_DIR;
        try_files $uri /index.html;
    }
--- user_files
>>> index.html
the client
>>> script.js
the script
--- request eval
["GET /", "GET /script.js", "GET /some/page", "GET /room/1", "GET /me",
 "GET /links"]
--- response_body eval
["the client\n", "the script\n", "the client\n", "the client\n", "null", "{}"]
--- response_headers eval
["Content-Type: text/html", "Content-Type: text/plain",
 "Content-Type: text/html", "Content-Type: text/html",
 "Content-Type: application/json; charset=utf-8",
 "Content-Type: application/json; charset=utf-8"]



=== TEST 13: chat on: a proxy gets what is not the chat's
--- http_config
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;

        location / {
            return 200 "$request_method $request_uri";
        }
    }
--- config
    location / {
        chat on;
        chat_redis redis+unix://$TEST_NGINX_REDIS_SOCKET;
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    }
--- request eval
["GET /", "POST /page\nbody", "GET /users.html", "GET /me"]
--- response_body eval
["GET /", "POST /page", "GET /users.html", "null"]



=== TEST 14: chat on: try_files to a named location with a proxy
--- http_config
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;

        location / {
            return 200 "proxied $request_uri";
        }
    }
--- config
    location / {
        chat on;
        chat_redis redis+unix://$TEST_NGINX_REDIS_SOCKET;
        root $TEST_NGINX_HTML_DIR;
        try_files $uri @back;
    }

    location @back {
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    }
--- request eval
["GET /page", "GET /me", "GET /index.html"]
--- response_body_like eval
["^proxied /page\$", "^null\$", "It works!"]



=== TEST 15: chat on in a server: its locations have the chat, below the root
--- config
    chat on;
    chat_redis redis+unix://$TEST_NGINX_REDIS_SOCKET;
    root $TEST_NGINX_HTML_DIR;

    location /t/ {
        return 200 "not the chat's";
    }
--- request eval
["GET /me", "GET /index.html", "GET /t/me"]
--- response_body_like eval
["^null\$", "It works!", "^not the chat's\$"]



=== TEST 16: chat off below chat on
--- config
    location /c/ {
        chat on;
        chat_redis redis+unix://$TEST_NGINX_REDIS_SOCKET;
        root $TEST_NGINX_HTML_DIR;

        location /c/room/ {
            chat off;
            return 200 "no room";
        }
    }
--- user_files
>>> c/page
a page
--- request eval
["GET /c/me", "GET /c/page", "GET /c/room/0/preload"]
--- response_body eval
["null", "a page\n", "no room"]



=== TEST 17: two chats in one server
--- user_files
>>> links.json
{"two": 2}
--- config
    chat_redis redis+unix://$TEST_NGINX_REDIS_SOCKET;

    location /one { chat on; }

    location /two/ {
        chat on;
        chat_links $TEST_NGINX_HTML_DIR/links.json;
    }
--- request eval
["GET /one/links", "GET /two/links", "GET /links"]
--- error_code eval
[200, 200, 404]
--- response_body_like eval
["^{}\$", "^{\"two\": 2}\n?\$", "404 Not Found"]



=== TEST 18: chat on: who may come in is still the location's to say
--- config
    location /c/ {
        chat on;
        chat_redis redis+unix://$TEST_NGINX_REDIS_SOCKET;
        deny all;
    }
--- request
GET /c/me
--- error_code: 403
--- response_body_like: 403 Forbidden



=== TEST 19: chat_redis: in all its places
--- http_config
    chat_redis redis://127.0.0.1;
--- config
    chat_redis redis://127.0.0.1:6380/3;

    location /c/ {
        chat_redis redis+unix:///run/redis.sock?db=2;
    }

    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 20: chat_redis: more values
--- config
    location /1/ { chat_redis redis://localhost/; }
    location /2/ { chat_redis redis://user:pass@127.0.0.1:1; }
    location /3/ { chat_redis redis://:p%40ss@127.0.0.1/15; }
    location /4/ { chat_redis redis://[::1]:6379/0; }
    location /5/ { chat_redis redis+unix:///run/redis.sock; }
    location /6/ { chat_redis sentinel://127.0.0.1/mymaster; }
    location /7/ { chat_redis sentinel://:p%40ss@[::1]:1,localhost/m/15; }
    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 21: chat_redis: no value
--- config
    location /c/ {
        chat_redis;
    }
--- must_die
--- error_log
invalid number of arguments in "chat_redis" directive



=== TEST 22: chat_redis: another scheme
--- config
    location /c/ {
        chat_redis redis2://127.0.0.1;
    }
--- must_die
--- error_log
neither redis[s]://, redis+unix:// nor sentinel[s]:// in chat_redis



=== TEST 23: chat_redis: no scheme
--- config
    location /c/ {
        chat_redis 127.0.0.1:6379;
    }
--- must_die
--- error_log
neither redis[s]://, redis+unix:// nor sentinel[s]:// in chat_redis



=== TEST 24: chat_redis: no host
--- config
    location /c/ {
        chat_redis redis:///0;
    }
--- must_die
--- error_log
no host in chat_redis



=== TEST 25: chat_redis: a bad host
--- config
    location /c/ {
        chat_redis "redis://exa mple";
    }
--- must_die
--- error_log
invalid host in chat_redis



=== TEST 26: chat_redis: a bad port
--- config
    location /c/ {
        chat_redis redis://127.0.0.1:65536;
    }
--- must_die
--- error_log
invalid port in chat_redis



=== TEST 27: chat_redis: a bad database
--- config
    location /c/ {
        chat_redis redis://127.0.0.1/one;
    }
--- must_die
--- error_log
invalid database in chat_redis



=== TEST 28: chat_redis: a user without a password
--- config
    location /c/ {
        chat_redis redis://user@127.0.0.1;
    }
--- must_die
--- error_log
no password before "@" in chat_redis



=== TEST 29: chat_redis: a bad escape
--- config
    location /c/ {
        chat_redis redis://:p%4@127.0.0.1;
    }
--- must_die
--- error_log
invalid percent escape in chat_redis



=== TEST 30: chat_redis: a socket without a path
--- config
    location /c/ {
        chat_redis redis+unix://;
    }
--- must_die
--- error_log
no path of a Unix socket in chat_redis



=== TEST 31: chat_redis: a socket with a host
--- config
    location /c/ {
        chat_redis redis+unix://host/path;
    }
--- must_die
--- error_log
host before the path of a Unix socket in chat_redis



=== TEST 32: chat_redis: a socket with another parameter
--- config
    location /c/ {
        chat_redis redis+unix:///path?x=1;
    }
--- must_die
--- error_log
unknown parameter in chat_redis



=== TEST 33: chat_redis: a socket's path that is too long
--- config
    location /c/ {
        chat_redis redis+unix:///aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;
    }
--- must_die
--- error_log
path of a Unix socket is too long in chat_redis



=== TEST 34: chat_redis: a host that does not exist
--- config
    location /c/ {
        chat_redis redis://no.such.host.invalid;
    }
--- must_die
--- error_log
host not found in chat_redis "no.such.host.invalid"



=== TEST 35: chat_redis: twice
--- config
    location /c/ {
        chat_redis redis://127.0.0.1;
        chat_redis redis://127.0.0.2;
    }
--- must_die
--- error_log
"chat_redis" directive is duplicate



=== TEST 36: chat_redis: not outside of http
--- main_config
    chat_redis redis://127.0.0.1;
--- config
--- must_die
--- error_log
"chat_redis" directive is not allowed here



=== TEST 37: chat_registration: in all its places
--- http_config
    chat_registration off;
--- config
    chat_registration on;

    location /c/ {
        chat_registration off;
    }

    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 38: chat_registration: a bad value
--- config
    location /c/ {
        chat_registration 1;
    }
--- must_die
--- error_log
invalid value "1" in "chat_registration" directive, it must be "on" or "off"



=== TEST 39: chat_registration: twice
--- config
    location /c/ {
        chat_registration on;
        chat_registration on;
    }
--- must_die
--- error_log
"chat_registration" directive is duplicate



=== TEST 40: chat_registration: not outside of http
--- main_config
    chat_registration on;
--- config
--- must_die
--- error_log
"chat_registration" directive is not allowed here



=== TEST 41: chat_demo_data: in all its places
--- http_config
    chat_demo_data off;
--- config
    chat_demo_data on;
    location = /t { return 200 ok; }
--- request
GET /t
--- response_body: ok



=== TEST 42: chat_demo_data: a bad value
--- config
    chat_demo_data yes;
--- must_die
--- error_log
invalid value "yes" in "chat_demo_data" directive, it must be "on" or "off"



=== TEST 43: chat_demo_data: twice
--- config
    chat_demo_data on;
    chat_demo_data off;
--- must_die
--- error_log
"chat_demo_data" directive is duplicate



=== TEST 44: chat_demo_data: not in a location
--- config
    location /c/ {
        chat_demo_data on;
    }
--- must_die
--- error_log
"chat_demo_data" directive is not allowed here



=== TEST 45: chat_demo_data: not outside of http
--- main_config
    chat_demo_data on;
--- config
--- must_die
--- error_log
"chat_demo_data" directive is not allowed here



=== TEST 46: chat_links: in all its places
--- http_config
    chat_links $TEST_NGINX_HTML_DIR/links.json;
--- config
    chat_links ../html/links.json;

    location /c/ {
        chat_links $TEST_NGINX_HTML_DIR/links.json;
    }

    location = /t { return 200 ok; }
--- user_files
>>> links.json
{"a": "https://example.com"}
>>> bad.json
{"a": }
--- request
GET /t
--- response_body: ok



=== TEST 47: chat_links: no value
--- config
    location /c/ {
        chat_links;
    }
--- must_die
--- error_log
invalid number of arguments in "chat_links" directive



=== TEST 48: chat_links: a file that does not exist
--- config
    location /c/ {
        chat_links $TEST_NGINX_HTML_DIR/nothing.json;
    }
--- must_die
--- error_log
nothing.json" failed (2: No such file or directory)



=== TEST 49: chat_links: a folder
--- config
    location /c/ {
        chat_links $TEST_NGINX_HTML_DIR;
    }
--- must_die
--- error_log
is no JSON file of at most 64k



=== TEST 50: chat_links: twice
--- config
    location /c/ {
        chat_links $TEST_NGINX_HTML_DIR/links.json;
        chat_links $TEST_NGINX_HTML_DIR/links.json;
    }
--- user_files
>>> links.json
{"a": "https://example.com"}
>>> bad.json
{"a": }
--- must_die
--- error_log
"chat_links" directive is duplicate



=== TEST 51: chat_links: not outside of http
--- main_config
    chat_links $TEST_NGINX_HTML_DIR/links.json;
--- config
--- must_die
--- error_log
"chat_links" directive is not allowed here



=== TEST 52: chat_links: a file that is no JSON
--- config
    location /c/ {
        chat_links $TEST_NGINX_HTML_DIR/bad.json;
    }
--- user_files
>>> links.json
{"a": "https://example.com"}
>>> bad.json
{"a": }
--- must_die
--- error_log
bad.json" is no JSON file of at most 64k



=== TEST 53: chat_redis: TLS where hiredis has it, so that it looks for the file
--- http_config
    chat_redis_ssl_trusted_certificate none.pem;
--- config
    location /c/ {
        chat on;
        chat_redis rediss://127.0.0.1;
    }
--- must_die
--- error_log eval
-e '/usr/include/hiredis/hiredis_ssl.h'
    ? qr/cannot load ".*none.pem" for TLS to redis: No such file or directory/
    : qr/TLS in chat_redis needs libhiredis_ssl of hiredis 1.0 or later/
