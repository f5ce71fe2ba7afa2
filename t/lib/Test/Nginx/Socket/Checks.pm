# Compares what a block's sections say with the response and the logs.  Each
# comparison is one test, in number and order as in the genuine runner.  When
# a block ends with failures, what helps to understand them is printed once.

package Test::Nginx::Socket::Checks;

use strict;
use warnings;

use Exporter 'import';
use JSON::PP ();
use List::Util qw( first min );
use Test::More ();

use Test::Nginx::Socket::Response qw( field printable );
use Test::Nginx::Socket::Server;
use Test::Nginx::Socket::Settings qw( %Set expand_env );

our @EXPORT = qw(
    begin_checks end_checks check_ok check_is failed keep_log
    check_response check_error_log check_access_log check_shutdown_log
);

# Lines that fail a block whatever its sections say.

my $fatal = qr/(?:Address|Leak|Thread|Memory|UndefinedBehavior)Sanitizer
               |runtime[ ]error:
               |exited[ ]on[ ]signal
               |exited[ ]with[ ](?:fatal[ ])?code[ ][1-9]
               |\bAssertion[ ].*failed/x;

my ($current, $failures, @log, $bad_response);


sub begin_checks {
    $current       = shift;
    $failures      = 0;
    @log           = ();
    $bad_response = undef;
}

sub end_checks {
    look_for_reports();

    return if !$failures;

    Test::More::diag('response:', map { "\n  " . printable($_) }
                                      split /\r?\n/, $bad_response)
        if defined $bad_response;

    # Lines of a debug log, many of which are continued, and those on nginx's
    # life only hide the others.

    my @lines = grep { m{^\d+/\d\d/\d\d [\d:]+ \[(?!debug|notice)} } @log;
    splice @lines, 0, -30 if @lines > 30;

    Test::More::diag('error log:', map { chomp(my $line = $_); "\n  $line" }
                                       @lines) if @lines;
}

sub check_ok {
    my ($ok, $name) = @_;

    Test::More::ok($ok, $name) or $failures++;
    return $ok;
}

sub failed { check_ok(0, @_) }

sub check_like {
    my ($got, $pattern, $name) = @_;

    Test::More::like($got, $pattern, $name) or $failures++;
}

sub check_unlike {
    my ($got, $pattern, $name) = @_;

    Test::More::unlike($got, $pattern, $name) or $failures++;
}

# For long strings: where they part, rather than the whole of both.

sub check_is {
    my ($got, $expected, $name) = @_;

    my $is_long = $Set{long_string} && defined $got && defined $expected
                  && length($got) + length($expected) > 200;

    if (!$is_long) {
        Test::More::is($got, $expected, $name) or $failures++;
        return;
    }

    return if check_ok($got eq $expected, $name);

    my $at = first { substr($got, $_, 1) ne substr($expected, $_, 1) }
                   0 .. min(length $got, length $expected);
    my $from = $at > 40 ? $at - 40 : 0;

    Test::More::diag("lengths: got ", length $got, ", expected ",
                     length $expected, "; they differ at $at");
    Test::More::diag("     got: ...", printable(substr $got, $from, 120));
    Test::More::diag("expected: ...", printable(substr $expected, $from,
                                                120));
}


# An expectation for answer $index of a block: with several answers it has
# to be a list.

sub expected {
    my ($block, $section, $index, $many) = @_;

    my $value = $block->$section;

    if (ref $value eq 'ARRAY') {
        return $value->[$index];
    }

    if ($many) {
        Test::More::BAIL_OUT($block->name . " - with several requests, "
                             . "\"$section\" must be an array");
    }

    return $value;
}

sub check_response {
    my ($block, $response, $index, $round, $many) = @_;

    my $name = $block->name;
    my $code = $response->{code};
    my $want = sub { expected($block, $_[0], $index, $many) };

    my $before = $failures;

    failed("$name - $response->{error}") if defined $response->{error};

    if (defined $response->{warning}) {
        Test::More::diag("$name - $response->{warning}");
    }

    if (defined $block->error_code_like) {
        my $pattern = $want->('error_code_like');
        check_like($code, qr/$pattern/sm, "$name - status code ok");

    } elsif (defined $block->error_code) {
        check_is($code, $want->('error_code'), "$name - status code ok");

    } else {
        check_is($code, 200, "$name - status code ok");
    }

    if (defined $block->raw_response_headers_like) {
        my $pattern = $want->('raw_response_headers_like');
        check_like($response->{head}, qr/$pattern/s,
                   "$name - raw response headers like");
    }

    if (defined $block->raw_response_headers_unlike) {
        my $pattern = $want->('raw_response_headers_unlike');
        check_unlike($response->{head}, qr/$pattern/s,
                     "$name - raw response headers unlike");
    }

    check_fields($block, $response, $want);
    check_body($block, $response, $want, "(round $round, request $index)");

    if ($failures && !$before) {
        $bad_response = substr "$response->{head}\n$response->{body}", 0, 2000;
    }
}

sub check_fields {
    my ($block, $response, $want) = @_;

    my $name    = $block->name;
    my $exact   = defined $block->response_headers;
    my $section = $exact ? 'response_headers' : 'response_headers_like';

    return if !defined $block->$section;

    # Later lines for a name replace earlier ones, as in the genuine runner.

    my (%wanted, @order);

    for my $line (split /\n/, $want->($section) // '') {
        $line =~ s/^\s+|\s+$//g;
        next if $line eq '';

        my ($field, $value) = $exact && $line =~ s/^!\s*//
                            ? ($line) : split /\s*:\s*/, $line, 2;

        push @order, $field if !exists $wanted{$field};
        $wanted{$field} = $value;
    }

    for my $field (@order) {
        my $got = field($response, $field);

        if (!$exact) {
            check_like($got // '', qr/^$wanted{$field}$/,
                       "$name - header $field like ok");

        } elsif (defined $wanted{$field}) {
            check_is($got // '', own_variables($wanted{$field}),
                     "$name - header $field ok");

        } else {
            check_ok(!defined $got, "$name - header $field is absent")
                or Test::More::diag("got: $got");
        }
    }
}

sub check_body {
    my ($block, $response, $want, $where) = @_;

    my $name = $block->name;
    my $body = $response->{body};

    if (defined $block->response_body) {
        my $wanted = $want->('response_body');

        if (defined $block->response_body_json_sort) {
            my $json = JSON::PP->new->canonical(1)->loose(1);
            my $data = eval { $json->decode($body) };

            $body = $json->encode($data) . "\n" if !$@;
        }

        if (ref $wanted) {
            check_like($body, $wanted, "$name - response_body like $where");

        } else {
            check_is($body, expand_env(own_variables($wanted), $name),
                     "$name - response_body is expected $where");
        }

    } elsif (defined $block->response_body_like) {
        my $pattern = own_variables($want->('response_body_like'));
        check_like($body, qr/$pattern/s,
                   "$name - response_body_like $where");

    } elsif (defined $block->response_body_unlike) {
        my $pattern = own_variables($want->('response_body_unlike'));
        check_unlike($body, qr/$pattern/s,
                     "$name - response_body_unlike $where");
    }
}

# $ServerPort and $ServerPortForClient in an expectation.

sub own_variables {
    my $text = shift;

    $text =~ s/\$ServerPort(?:ForClient)?\b/$Set{port}/g if defined $text;
    return $text;
}


# The value of a log section as a list of strings (which are looked for
# literally) and compiled patterns.

sub patterns_of {
    my $value = shift;

    return () if !defined $value;
    return @$value if ref $value eq 'ARRAY';
    return $value if ref $value;
    return grep { length } split /\n+/, $value;
}

sub matches {
    my ($line, $pattern) = @_;

    return ref $pattern ? $line =~ /$pattern/ : index($line, $pattern) >= 0;
}

sub check_present {
    my ($what, $patterns, @lines) = @_;

    for my $pattern (@$patterns) {
        check_ok(!!(first { matches($_, $pattern) } @lines),
                 "$what has a line with \"$pattern\"");
    }
}

sub check_absent {
    my ($what, $patterns, @lines) = @_;

    for my $pattern (@$patterns) {
        my @found = grep { matches($_, $pattern) } @lines;

        check_ok(!@found, "$what has no line with \"$pattern\"")
            or Test::More::diag("found: $found[0]");
    }
}

# What has been logged since the last call; kept to be shown if the block
# fails.

sub keep_log {
    my @lines = Test::Nginx::Socket::Server::error_log_lines();

    push @log, @lines;
    return @lines;
}

sub check_error_log {
    my ($block, $round) = @_;

    my $name  = $block->name;
    my @lines = keep_log();

    if (defined $block->grep_error_log) {
        check_grep($block, $round, @lines);

    } elsif (defined $block->grep_error_log_out) {
        Test::More::BAIL_OUT("$name - \"grep_error_log_out\" without "
                             . "\"grep_error_log\"");
    }

    my @present = patterns_of(scalar $block->error_log);
    my @absent  = patterns_of(scalar $block->no_error_log);

    check_present("$name - error.log (round $round)", \@present, @lines);
    check_absent("$name - error.log (round $round)", \@absent, @lines);

    # A level that no section speaks of is worth a word, but for the one that
    # every nginx dies with.

    for my $level (qw( [alert] [crit] [emerg] )) {
        next if $level eq '[emerg]' && defined $block->must_die;
        next if grep { index($_, $level) >= 0 } @present, @absent;
        Test::More::diag("$name - $_")
            for grep { index($_, $level) >= 0 } @lines;
    }

    look_for_reports(@lines);
}

sub check_grep {
    my ($block, $round, @lines) = @_;

    my $name    = $block->name;
    my $pattern = $block->grep_error_log;
    my $wanted  = $block->grep_error_log_out;

    if (!defined $wanted) {
        Test::More::BAIL_OUT("$name - \"grep_error_log\" without "
                             . "\"grep_error_log_out\"");
    }

    $pattern = $pattern->[$round] if ref $pattern eq 'ARRAY';
    $wanted  = $wanted->[$round] if ref $wanted eq 'ARRAY';

    return if !defined $pattern;

    $pattern = qr/\Q$pattern\E/ if !ref $pattern;

    my $got = join '', map { "$_\n" } grep { !/\n/ }
                       map { /$pattern/ ? $& : () } @lines;

    if (ref $wanted) {
        check_like($got, $wanted, "$name - grep_error_log_out "
                                  . "(round $round)");

    } else {
        check_is($got, expand_env($wanted, $name),
                 "$name - grep_error_log_out (round $round)");
    }
}

sub check_access_log {
    my ($block, $round) = @_;

    my @present = patterns_of(scalar $block->access_log);
    my @absent  = patterns_of(scalar $block->no_access_log);

    return if !@present && !@absent;

    my $what  = $block->name . " - access.log (round $round)";
    my @lines = Test::Nginx::Socket::Server::access_log_lines();

    check_present($what, \@present, @lines);
    check_absent($what, \@absent, @lines);
}

sub check_shutdown_log {
    my $block = shift;

    my $what    = $block->name . ' - error.log of the shutdown';
    my @lines   = keep_log();
    my @present = patterns_of(scalar $block->shutdown_error_log);
    my @absent  = patterns_of(scalar $block->no_shutdown_error_log);

    check_present($what, \@present, @lines);
    check_absent($what, \@absent, @lines);
    look_for_reports(@lines);
}

# Everything that a sanitizer says is a failure, wherever it was written.

sub look_for_reports {
    my @lines = (@_, Test::Nginx::Socket::Server::report_lines());

    for my $i (grep { $lines[$_] =~ $fatal } 0 .. $#lines) {
        my @report = grep { !m{^\d+/\d\d/\d\d [\d:]+ \[debug\]} }
                          @lines[$i .. min($i + 40, $#lines)];

        failed($current->name . ' - nginx reports an error of its own');
        Test::More::diag(@report);
        last;
    }
}

1;
