# A small runner for tests in the format of Test::Nginx::Socket, used only
# where the genuine one is not installed.  It knows the part of the format
# that this project's tests use, with the genuine meaning: the same files
# pass under both.  https://metacpan.org/pod/Test::Nginx::Socket is the
# manual.
#
#   prove -It/lib t/            with this runner, from the project's root
#   prove t/                    with the genuine one
#
# A test file is a list of blocks (Test::Base).  For each block an nginx is
# started on a generated configuration, requests are sent, and the answers
# and the error log are compared with what the block's sections say.  The
# number of tests of a block is the genuine one, so that `plan tests => N`
# holds under both.
#
# It is stricter in a few ways, all of which only ever add failures:
#
#   - a section that it doesn't know is an error, not silently ignored;
#   - nginx that dies, a worker that is killed by a signal, a sanitizer's
#     report, or an nginx that does not quit when told to, fails the block;
#   - nginx that does not start fails the block at once.
#
# The environment: TEST_NGINX_BINARY, TEST_NGINX_PORT (or ..._SERVER_PORT),
# TEST_NGINX_SERVROOT, TEST_NGINX_SLEEP, TEST_NGINX_TIMEOUT,
# TEST_NGINX_LOG_LEVEL, TEST_NGINX_LOAD_MODULES, TEST_NGINX_NO_SHUFFLE,
# TEST_NGINX_RANDOMIZE (a free port and a server root of its own, for
# parallel runs).
#
# The parts: Settings holds what the functions below and the environment
# set; Server writes the configuration and starts and stops nginx; Client
# builds requests and sends them; Response parses; Checks compares.

package Test::Nginx::Socket;

use strict;
use warnings;

use Test::Base -base;
use List::Util qw( shuffle );
use Time::HiRes qw( sleep );

use Test::Nginx::Socket::Settings qw( %Set expand_env parse_time );
use Test::Nginx::Socket::Server;
use Test::Nginx::Socket::Client qw( requests_of send_request );
use Test::Nginx::Socket::Response qw( parse_response printable );
use Test::Nginx::Socket::Checks;

our @EXPORT = qw(
    plan run_tests repeat_each no_shuffle no_long_string no_root_location
    log_level workers worker_connections master_on master_off timeout
    env_to_nginx add_block_preprocessor add_cleanup_handler bail_out
    server_root html_dir server_port check_accum_error_log
);

# What a block may contain.

my %known = map { $_ => 1 } qw(
    name description ONLY LAST SKIP
    config main_config http_config user_files init post_setup_server_root
    log_level must_die suppress_stderr
    request raw_request raw_request_middle_delay pipelined_requests
    more_headers timeout abort wait shutdown http09
    ignore_response error_code error_code_like
    response_headers response_headers_like
    raw_response_headers_like raw_response_headers_unlike
    response_body response_body_like response_body_unlike
    response_body_json_sort
    error_log no_error_log grep_error_log grep_error_log_out
    access_log no_access_log shutdown_error_log no_shutdown_error_log
);

my (@preprocessors, @cleanup_handlers, $previous);


sub repeat_each {
    $Set{repeat} = shift if @_;
    return $Set{repeat};
}

sub workers {
    $Set{workers} = shift if @_;
    return $Set{workers};
}

sub worker_connections {
    $Set{worker_connections} = shift if @_;
    return $Set{worker_connections};
}

sub log_level {
    $Set{log_level} = shift if @_;
    return $Set{log_level};
}

sub timeout {
    $Set{timeout} = shift if @_;
    return $Set{timeout};
}

sub server_port {
    $Set{port} = shift if @_;
    return $Set{port};
}

sub no_shuffle            { $Set{shuffle} = 0 }
sub no_long_string        { $Set{long_string} = 0 }
sub no_root_location      { $Set{root_location} = 0 }
sub master_on             { $Set{master} = 'on' }
sub master_off            { $Set{master} = 'off' }
sub check_accum_error_log { $Set{accumulate_log} = 1 }
sub server_root           { return $Set{root} }
sub html_dir              { return "$Set{root}/html" }

sub env_to_nginx {
    for my $variable (@_) {
        if ($variable !~ /^[A-Za-z_]/ || $variable =~ /\n/) {
            die "env_to_nginx: bad value: $variable\n";
        }

        push @{ $Set{env} }, $variable;
    }
}

# The genuine runner calls preprocessors in the reverse order of adding, so
# that those of a test file come before those of the modules that it uses.

sub add_block_preprocessor(&) {
    unshift @preprocessors, shift;
}

sub add_cleanup_handler {
    unshift @cleanup_handlers, shift;
}

sub bail_out {
    Test::Nginx::Socket::Server::kill_now();
    Test::More::BAIL_OUT(join '', @_);
}


sub run_tests {
    $ENV{TEST_NGINX_SERVER_PORT} //= $Set{port};

    my @blocks = blocks();
    @blocks = shuffle(@blocks) if $Set{shuffle};

    for my $block (@blocks) {
        $_->($block) for @preprocessors;

        $block->set_value(name => $0 . ' ' . $block->name);
        run_block($block);

        $previous = $block;
    }

    stop_server();
    $_->() for @cleanup_handlers;

    Test::Nginx::Socket::Server::remove_root() if $Set{randomize};
}

sub run_block {
    my $block = shift;

    my $name = $block->name;

    for my $section (keys %$block) {
        next if $known{$section} || $section =~ /^_/;
        next if $section =~ /^(?:seq_num|is_filtered|blocks_object|
                                 original_values)$/x;
        bail_out("$name - section \"$section\" is not known to this runner");
    }

    # A section "config" means a new nginx; without one, the block goes on
    # with the nginx of the block before.

    stop_server() if defined $block->config;
    begin_checks($block);

    if (defined $block->config) {
        Test::Nginx::Socket::Server::make_root();
        evaluate($block, 'post_setup_server_root');
        Test::Nginx::Socket::Server::write_files($block);
        Test::Nginx::Socket::Server::write_config($block);

        if (defined $block->must_die) {
            expect_death($block);
            end_checks();
            return;
        }

        if (!Test::Nginx::Socket::Server::start()) {
            failed("$name - nginx does not start");
            keep_log();
            end_checks();
            return;
        }

    } elsif (!Test::Nginx::Socket::Server::is_running()) {
        bail_out("$name - no section \"config\", and no nginx is running");
    }

    evaluate($block, 'init');
    Test::Nginx::Socket::Server::rewind_log();

    for my $round (0 .. $Set{repeat} - 1) {
        Test::Nginx::Socket::Server::write_files($block) if $round;
        run_requests($block, $round);
    }

    if (!Test::Nginx::Socket::Server::is_running()) {
        failed("$name - nginx has died");
    }

    end_checks();
}

# Ends the running nginx and looks at what it logged on its way out, which
# is checked for the block that ran last.

sub stop_server {
    my $was_running = Test::Nginx::Socket::Server::is_running();

    begin_checks($previous) if defined $previous;

    if ($was_running && !Test::Nginx::Socket::Server::stop()) {
        failed('nginx did not quit when told to, and was killed');
    }

    if (defined $previous) {
        check_shutdown_log($previous, $was_running);
        end_checks();
        undef $previous;
    }
}

sub expect_death {
    my $block = shift;

    my $name = $block->name;
    my $want = $block->must_die;

    for my $round (0 .. $Set{repeat} - 1) {
        my $status = Test::Nginx::Socket::Server::execute();

        if ($status & 127) {
            failed("$name - nginx was killed by signal " . ($status & 127));

        } elsif (defined $want && $want =~ /^\d+$/) {
            check_is($status >> 8, $want,
                     "$name - die with the expected exit code");

        } else {
            check_ok($status != 0, "$name - die as expected");
        }

        if ($status == 0) {
            Test::Nginx::Socket::Server::adopt();
            Test::Nginx::Socket::Server::stop();
        }

        check_error_log($block, $round);
    }
}

# A round of a block: each request on a connection of its own, but for
# pipelined ones; and the checks of each answer, in the genuine order.

sub run_requests {
    my ($block, $round) = @_;

    my $name     = $block->name;
    my $timeout  = parse_time(scalar $block->timeout) // $Set{timeout};
    my @requests = requests_of($block);
    my $pieces   = $block->pipelined_requests
                 ? scalar @{ $block->pipelined_requests } : 0;
    my $answers  = $pieces || @requests;
    my $index    = 0;

    for my $request (@requests) {
        my ($raw, $error) = send_request($block, $request, $timeout);
        my $head = $request->[0]{value} =~ /^\s*HEAD\s/;

        failed("$name - $error") if defined $error;

        for (1 .. $pieces || 1) {
            if (!defined $block->ignore_response) {
                my $response = parse_response($raw, $head,
                                              defined $block->http09);
                $raw = $response->{left};

                check_response($block, $response, $index, $round,
                               $answers > 1);
            }

            if (!$pieces && !defined $block->ignore_response
                && length $raw)
            {
                diag("$name - bytes after the end of the response: "
                     . printable($raw));
            }

            sleep $block->wait if $block->wait;

            check_error_log($block, $round);
            check_access_log($block, $round)
                unless defined $block->ignore_response;

            $index++;
        }
    }
}

# The code of "init" and its like runs in a package of its own, as in the
# genuine runner: a function of the test file is ::name() there.

sub evaluate {
    my ($block, $section) = @_;

    my $code = $block->$section;
    return if !defined $code;

    eval "package Test::Nginx::Socket::Init; $code";

    if ($@) {
        bail_out($block->name . " - section \"$section\" failed: $@");
    }
}

1;
