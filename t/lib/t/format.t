# Every section that the runner knows, on a plain nginx.  The file passes
# under this runner and under the genuine one, and the plan is exact: both
# count the same number of tests.

use Test::Nginx::Socket;

repeat_each(2);
no_shuffle();
no_long_string();
master_on();
workers(2);
worker_connections(128);
env_to_nginx('FORMAT_TEST=1', 'HOME');

$ENV{TEST_NGINX_HTML_DIR} ||= html_dir();
$ENV{TEST_NGINX_WORD} = 'expanded';

add_block_preprocessor(sub {
    my $block = shift;

    if (!defined $block->no_error_log) {
        $block->set_value('no_error_log', "[alert]\n[crit]");
    }
});

our $init_runs = 0;

# In each round 84 tests on the responses and 92 on the logs, and 5 on the
# logs of shutdowns.

plan tests => repeat_each() * (84 + 92) + 5;

run_tests();

__DATA__

=== TEST 1: the root location, and the default code
--- config
--- request
GET /
--- response_body chomp
<html><head><title>It works!</title></head><body>It works!</body></html>
--- response_headers
Content-Type: text/html
! X-Missing



=== TEST 2: variables in the configuration and in the body
--- config
    location = /t {
        return 200 "$TEST_NGINX_WORD $server_port $TEST_NGINX_SERVER_PORT\n";
    }
--- request
# a comment before the request

  GET /t
--- response_body
expanded $ServerPort $TEST_NGINX_SERVER_PORT



=== TEST 3: a body is sent with its length, trimmed
--- config
    location = /t {
        client_body_in_file_only clean;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/echo;
    }

    location = /echo {
        return 200 "$request_method $http_content_length $http_x_foo\n";
    }
--- more_headers
X-Foo: bar
--- request
POST /t
 hello world
--- response_body
POST 11 bar



=== TEST 4: method, version, Host, Connection
--- config
    location = /t {
        set $line "$request_method|$server_protocol";
        return 200 "$line|$http_host|$http_connection";
    }
--- request
PUT /t HTTP/1.0
--- response_body: PUT|HTTP/1.0|localhost|close



=== TEST 5: Host and Connection of the block's own
--- config
    location = /t {
        return 200 "$http_host|$http_connection";
    }
--- request
GET /t
--- more_headers
# a comment
Host: example.com
Connection: x, close
--- response_body: example.com|x, close



=== TEST 6: a list of requests
--- config
    location = /a { return 200 "a$http_x"; }
    location = /b { return 404 "b$http_x"; }
--- request eval
["GET /a", "GET /b"]
--- more_headers eval
["X: 1", "X: 2"]
--- error_code eval
[200, 404]
--- response_body eval
["a1", "b2"]
--- response_headers eval
["Content-Length: 2", "! Location"]
--- raw_response_headers_like eval
["^HTTP/1.1 200 OK\r\n", "404 Not Found"]



=== TEST 7: one set of headers for all requests of a list
--- config
    location = /a { return 200 "a$http_x"; }
--- request eval
["GET /a", "HEAD /a"]
--- more_headers
X: 1
--- response_body eval
["a1", ""]



=== TEST 8: a request in packets
--- config
    location = /t {
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/echo;
    }

    location = /echo {
        return 200 "$request_uri $http_content_length\n";
    }
--- request eval
[["POST /t\nhel", {value => "lo ", delay_before => 0.05}, "world"]]
--- response_body
/echo 11



=== TEST 9: packets that part in the request line
--- config
    location = /test {
        return 200 "$request_method $uri";
    }
--- request eval
[["GE", "T /te", "st"]]
--- response_body: GET /test



=== TEST 10: pipelined requests
--- config
    location = /a { return 200 "a $http_connection $http_n"; }
    location = /c { return 201 "c $http_connection $http_n"; }
--- pipelined_requests eval

["GET /a", "GET /nothing", "GET /c"]
--- more_headers eval
["N: 1", "N: 2", "N: 3"]
--- error_code eval
[200, 404, 201]
--- response_body_like eval
["^a keep-alive 1\$", "404 Not Found", "^c close 3\$"]



=== TEST 11: a raw request
--- config
    location = /t { return 200 "$http_host:$arg_a"; }
--- raw_request eval
"GET /t?a=1 HTTP/1.1\r\nHost: raw\r\nConnection: close\r\n\r\n"
--- response_body: raw:1



=== TEST 12: a raw request in packets, with a chunked body
--- config
    location = /t {
        proxy_http_version 1.1;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/echo;
    }

    location = /echo {
        return 200 "length $http_content_length.";
    }
--- raw_request_middle_delay: 0.02
--- raw_request eval
["POST /t HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n",
 "Transfer-Encoding: chunked\r\n\r\n",
 "5\r\nhel",
 "lo\r\n6\r\n world\r\n0\r\n\r\n"]
--- response_body: length 11.



=== TEST 13: a chunked response
--- config
    location = /t {
        sub_filter_types *;
        sub_filter 'It' 'That';
        root $TEST_NGINX_HTML_DIR;
        try_files /chunky.txt =404;
    }
--- user_files
>>> chunky.txt
It is chunked.
--- request
GET /t
--- response_headers
Transfer-Encoding: chunked
! Content-Length
--- response_body
That is chunked.



=== TEST 14: chunked responses, pipelined
--- config
    location = /t {
        sub_filter_types *;
        sub_filter 'It' 'That';
        root $TEST_NGINX_HTML_DIR;
        try_files /chunky.txt =404;
    }
--- user_files
>>> chunky.txt
It is chunked.
--- pipelined_requests eval
["GET /t", "GET /t"]
--- response_body eval
["That is chunked.\n", "That is chunked.\n"]



=== TEST 15: 101 and what follows it
--- http_config
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
        location / { return 204; }
    }
--- config
    location = /t {
        add_header Upgrade test always;
        return 101;
    }
--- raw_request eval
"GET /t HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
--- error_code: 101
--- response_headers
Upgrade: test



=== TEST 16: a client that waits, and says so
--- config
    location = /t { return 200 "ok"; }
--- raw_request eval
"GET /t HTTP/1.1\r\nHost: x\r\n\r\n"
--- timeout: 1500ms
--- abort
--- response_body: ok



=== TEST 17: half-close
--- config
    location = /t { return 200 "ok"; }
--- raw_request eval
"GET /t HTTP/1.1\r\nHost: x\r\n\r\n"
--- shutdown
--- response_body: ok



=== TEST 18: HTTP/0.9
--- config
    location = /t { return 200 "plain"; }
--- raw_request eval
"GET /t\r\n"
--- http09
--- response_body: plain



=== TEST 19: the response is of no interest
--- config
    location = /t { return 500; }
--- request
GET /t
--- ignore_response
--- no_error_log
[alert]
[emerg]



=== TEST 20: likes and unlikes
--- config
    location = /t {
        add_header X-One 1 always;
        add_header X-One 2 always;
        return 403 "port $server_port";
    }
--- request
GET /t
--- error_code_like: ^40\d$
--- response_headers_like
X-One: 1.*\d
Content-Type: text/.*
--- raw_response_headers_unlike: X-Two
--- response_body_unlike: harbour



=== TEST 21: fields that come twice are joined
--- config
    location = /t {
        add_header X-One 1;
        add_header X-One 2;
        return 200 "port $server_port";
    }
--- request
GET /t
--- response_headers
X-One: 1, 2
--- response_body eval
qr/^port \d+$/



=== TEST 22: lines of the error log
--- config
    location = /t { root $TEST_NGINX_HTML_DIR; }
--- request
GET /t
--- error_code: 404
--- response_body_like: Not Found
--- error_log
No such file or directory
html/t" failed
--- no_error_log
[crit]
another thing
--- wait: 0.05



=== TEST 23: lines of the error log, as patterns
--- config
    location = /t { root $TEST_NGINX_HTML_DIR; }
--- request eval
["GET /t", "GET /t"]
--- error_code eval
[404, 404]
--- error_log eval
[qr/open\(\) ".*?" failed/, "[error]"]
--- no_error_log eval
[qr/\[(?:alert|crit)\]/, "xyz"]
--- access_log
GET /t
--- no_access_log
GET /u



=== TEST 24: what a pattern finds in the error log
--- config
    location = /t { root $TEST_NGINX_HTML_DIR; }
--- request
GET /t
--- error_code: 404
--- grep_error_log eval
qr/open\(\) "[^"]*\/(?:html\/)?t" failed|request: "[^"]*"/
--- grep_error_log_out eval
["open() \"$ENV{TEST_NGINX_HTML_DIR}/t\" failed\n",
 qr/^open.* failed\n$/]



=== TEST 25: a configuration that nginx refuses
--- config
    no_such_directive on;
--- must_die
--- error_log
unknown directive "no_such_directive"
[emerg]
--- no_error_log
[alert]
[crit]
--- suppress_stderr



=== TEST 26: and with which exit code
--- main_config
    no_such_directive on;
--- config
--- must_die: 1
--- no_error_log
[alert]
[crit]
--- suppress_stderr



=== TEST 27: code before and behind the start
--- post_setup_server_root
open my $out, '>', "$ENV{TEST_NGINX_SERVER_ROOT}/html/made.txt" or die;
print $out "made before\n";
--- config
--- init
open my $out, '>', "$ENV{TEST_NGINX_SERVER_ROOT}/html/init.txt" or die;
print $out "made behind, ", ++$::init_runs, "\n";
--- request eval
["GET /made.txt", "GET /init.txt"]
--- response_body eval
["made before\n", "made behind, 1\n"]



=== TEST 28: the environment, a level, files in folders
--- log_level: info
--- main_config
    env ANOTHER=1;
--- config
    location = /t {
        root $TEST_NGINX_HTML_DIR;
        try_files /sub/dir/file.txt =404;
    }
--- user_files eval
[["sub/dir/file.txt" => "deep $ENV{TEST_NGINX_WORD} \$TEST_NGINX_WORD",
  '199801171935.33']]
--- request
GET /t
--- response_headers
Last-Modified: Sat, 17 Jan 1998 19:35:33 GMT
--- response_body: deep expanded expanded



=== TEST 29: no configuration: the nginx of the block before
--- request
GET /t
--- response_headers
Last-Modified: Sat, 17 Jan 1998 19:35:33 GMT
--- response_body: deep expanded expanded



=== TEST 30: the log of the shutdown
--- config
    location = /t { return 200 "ok"; }
--- request
GET /t
--- response_body: ok
--- shutdown_error_log
gracefully shutting down
--- no_shutdown_error_log
[alert]
[emerg]



=== TEST 31: JSON in any order
--- config
    default_type application/json;
    location = /t { return 200 '{"b": 2, "a": [1, "x"]}'; }
--- request
GET /t
--- response_body_json_sort
--- response_body
{"a":[1,"x"],"b":2}



=== TEST 32: the last block's shutdown
--- config
    location = /t { return 200 "ok"; }
--- request
GET /t
--- response_body chomp
ok
--- shutdown_error_log eval
[qr/\[notice\] \d+#\d+: exit/]
--- no_shutdown_error_log
[crit]
