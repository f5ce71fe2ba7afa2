# A runner is worth something only if it fails when it should.  Each case
# here is a small test file that must fail, and fail for its own reason.
#
# Those marked "strict" are what this runner fails and the genuine one lets
# pass or gives up on; they are left out when that one is in use.

use strict;
use warnings;

use File::Basename qw( dirname );
use File::Temp qw( tempdir );
use Test::More;

require Test::Nginx::Socket;

my $file      = $INC{'Test/Nginx/Socket.pm'};
my $is_ours   = $file =~ m{t/lib/Test/Nginx};
my $libraries = dirname(dirname(dirname($file)));
my $folder    = tempdir('runner-XXXXXX', TMPDIR => 1, CLEANUP => 1);

$ENV{TEST_NGINX_SERVROOT} = "$folder/servroot";

my $location = "--- config\n    location = /t { return 200 'body'; }\n"
             . "--- request\nGET /t\n";
my $missing  = "--- config\n    location = /t { root /nowhere; }\n"
             . "--- request\nGET /t\n--- error_code: 404\n";

my $worker  = "chomp(my \$pid = `cat \$ENV{TEST_NGINX_SERVER_ROOT}"
             . "/logs/nginx.pid`);\n"
             . "chomp(my \$worker = `cat /proc/\$pid/task/\$pid/"
             . "children`);\n";

# The name, what has to be among the lines of failed tests, the file's block,
# and what stands before run_tests.

my @cases = (
    ['right', undef, "$location--- response_body: body\n"],

    ['wrong body', 'response_body', "$location--- response_body: corpse\n"],

    ['wrong long body', 'response_body',
     "--- config\n    location = /t { return 200 '" . 'x' x 300 . "'; }\n"
     . "--- request\nGET /t\n--- response_body: " . 'x' x 299 . "y\n"],

    ['body that is no match', 'response_body_like',
     "$location--- response_body_like: ^o\n"],

    ['body that is a match', 'response_body_unlike',
     "$location--- response_body_unlike: o\n"],

    ['other JSON', 'response_body',
     "$location--- response_body_json_sort\n--- response_body\n{\"a\":1}\n"],

    ['wrong code', 'status code', "$location--- error_code: 201\n"],

    ['default code', 'status code',
     "--- config\n    location = /t { return 201; }\n"
     . "--- request\nGET /t\n"],

    ['code that is no match', 'status code',
     "$location--- error_code_like: ^5\n"],

    ['no response', 'status code',
     "--- config\n    location = /t { return 444; }\n"
     . "--- request\nGET /t\n"],

    ['missing header', 'header X-One',
     "$location--- response_headers\nX-One: 1\n"],

    ['header with another value', 'header Content-Type',
     "$location--- response_headers\nContent-Type: a/b\n"],

    ['header that must not be', 'header Content-Type',
     "$location--- response_headers\n! Content-Type\n"],

    ['header that is no match', 'header Content-Type',
     "$location--- response_headers_like\nContent-Type: .*html\n"],

    ['raw headers that are no match', 'headers like',
     "$location--- raw_response_headers_like: X-One\n"],

    ['raw headers that are a match', 'headers unlike',
     "$location--- raw_response_headers_unlike: Content\n"],

    ['second of two requests', 'status code',
     "--- config\n    location = /a { return 200; }\n"
     . "--- request eval\n['GET /a', 'GET /b']\n"],

    ['second of two pipelined requests', 'response_body',
     "--- config\n    location = /a { return 200 'a'; }\n"
     . "--- pipelined_requests eval\n['GET /a', 'GET /a']\n"
     . "--- response_body eval\n['a', 'b']\n"],

    ['bad chunks', 'chunked body',
     "--- config\n    location = /t {\n"
     . "        add_header Transfer-Encoding chunked;\n"
     . "        return 200 'body';\n    }\n--- request\nGET /t\n"],

    ['no answer in time', 'timed out',
     "--- config\n    location = /t { return 200; }\n"
     . "--- raw_request eval\n\"GET /t HTTP/1.1\\r\\n\"\n"
     . "--- timeout: 100ms\n--- ignore_response\n"],

    ['missing line in the error log', '"a line that is not there"',
     "$missing--- error_log\n[error]\na line that is not there\n"],

    ['missing pattern in the error log', 'error\.log',
     "$missing--- error_log eval\nqr/^\\[error\\]/\n"],

    ['unexpected line in the error log', '"No such file',
     "$missing--- no_error_log\n[alert]\nNo such file\n"],

    ['unexpected match in the error log', 'error\.log',
     "$missing--- no_error_log eval\n['x y z', qr/\\[error\\]/]\n"],

    ['other matches in the error log', 'grep_error_log_out',
     "$missing--- grep_error_log eval\nqr/No such \\w+/\n"
     . "--- grep_error_log_out\nNo such folder\n"],

    ['missing line in the access log', '"GET /u"',
     "$location--- access_log\nGET /u\n"],

    ['unexpected line in the access log', '"GET /t"',
     "$location--- no_access_log\nGET /t\n"],

    ['missing line at shutdown', '"so long"',
     "$location--- shutdown_error_log\nso long\n"],

    ['unexpected line at shutdown', '"exit"',
     "$location--- no_shutdown_error_log\nexit\n"],

    ['must die but does not', 'die as expected',
     "--- config\n--- must_die\n"],

    ['dies with another code', 'exit code',
     "--- config\n    nonsense;\n--- must_die: 2\n"],

    ['dies for another reason', '"other nonsense"',
     "--- config\n    nonsense;\n--- must_die\n"
     . "--- error_log\nother nonsense\n"],
);

my @strict = (
    ['right, with a master', undef, "$location--- response_body: body\n",
     'master_on();'],

    ['does not start', 'does not start',
     "--- config\n    nonsense;\n--- request\nGET /\n"],

    ['dies later', 'nginx has died',
     "$location--- init\nkill 9, `cat \$ENV{TEST_NGINX_SERVER_ROOT}"
     . "/logs/nginx.pid`; sleep 1;\n--- ignore_response\n"],

    ['a worker dies', 'error of its own',
     "--- config\n--- request\nGET /\n--- init\n$worker"
     . "kill SEGV => \$worker; sleep 1;\n", 'master_on();'],

    ['a worker dies at the end', 'error of its own',
     "--- config\n--- request\nGET /\n--- init\n$worker"
     . "kill STOP => \$worker;\n"
     . "system \"(sleep 1; kill -9 \$worker) > /dev/null 2>&1 &\";\n"
     . "--- ignore_response\n--- abort\n--- timeout: 100ms\n",
     'master_on();'],

    ['hangs', 'did not quit',
     "--- config\n--- request\nGET /\n--- init\n"
     . "kill STOP => `cat \$ENV{TEST_NGINX_SERVER_ROOT}/logs/nginx.pid`;\n",
     'master_on();'],

    ['a section with a typo', 'respons_body',
     "$location--- respons_body: body\n"],

    ['a sanitizer speaks', 'error of its own',
     "$location--- init\nopen my \$log, '>>', "
     . "\"\$ENV{TEST_NGINX_SERVER_ROOT}/logs/error.log\";\n"
     . "print \$log \"x.c:1:2: runtime error: shift\\n\";\n"],

    ['a sanitizer speaks in a file', 'error of its own',
     "$location--- init\nopen my \$log, '>', '$folder/asan.1';\n"
     . "print \$log \"ERROR: AddressSanitizer: x\\n\";\n",
     "BEGIN { \$ENV{ASAN_OPTIONS} = 'log_path=$folder/asan' }"],
);

for my $case (@cases, $is_ours ? @strict : ()) {
    my ($name, $reason, $block, $setup) = @$case;

    open my $out, '>', "$folder/case.t" or die $!;
    print $out "use Test::Nginx::Socket 'no_plan';\n", $setup // '',
               "\nrun_tests();\n__DATA__\n\n=== TEST 1: $name\n$block";
    close $out;

    my $output = `$^X -I$libraries $folder/case.t 2>&1`;
    my $failed = $? != 0;

    if (!defined $reason) {
        ok(!$failed && $output =~ /^ok 1 /m && $output !~ /^not ok/m,
           "$name: passes") or diag($output);

    } else {
        ok(($failed || !$is_ours)
           && $output =~ /^(?:not ok|Bail out!) .*$reason/m,
           "$name: fails") or diag($output);
    }
}

done_testing();
