# What the test file and the environment set, for all parts of the runner.

package Test::Nginx::Socket::Settings;

use strict;
use warnings;

use Exporter 'import';
use File::Spec;
use IO::Socket::INET;
use Test::More ();

our @EXPORT_OK = qw( %Set expand_env parse_time );

our %Set = (
    binary             => $ENV{TEST_NGINX_BINARY} || 'nginx',
    modules            => $ENV{TEST_NGINX_LOAD_MODULES} || '',
    port               => $ENV{TEST_NGINX_SERVER_PORT}
                          || $ENV{TEST_NGINX_PORT} || 1984,
    pause              => $ENV{TEST_NGINX_SLEEP} || 0.015,
    timeout            => $ENV{TEST_NGINX_TIMEOUT} || 3,
    log_level          => $ENV{TEST_NGINX_LOG_LEVEL} || 'debug',
    shuffle            => !$ENV{TEST_NGINX_NO_SHUFFLE},
    randomize          => $ENV{TEST_NGINX_RANDOMIZE},
    repeat             => 1,
    workers            => 1,
    worker_connections => 64,
    master             => 'off',
    long_string        => 1,
    root_location      => 1,
    accumulate_log     => 0,
    env                => [],
);

if ($Set{randomize}) {
    $Set{port} = free_port();
    $Set{root} = File::Spec->rel2abs("t/servroot_$Set{port}");

} else {
    $Set{root} = $ENV{TEST_NGINX_SERVROOT}
                 || File::Spec->rel2abs('t/servroot');
}

$ENV{TEST_NGINX_SERVER_ROOT} = $Set{root};

my %random_ports;


sub free_port {
    my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
                                       Proto => 'tcp', Listen => 1)
        or die "no free port: $!\n";

    return $socket->sockport;
}

# $TEST_NGINX_NAME in a text is the variable of that name in the environment;
# $TEST_NGINX_RAND_PORT_N is a free port, the same one throughout a file.

sub expand_env {
    my ($text, $name) = @_;

    return $text if !defined $text || ref $text;

    $text =~ s{\$(TEST_NGINX_[_A-Z0-9]+)}{
        my $variable = $1;

        if ($variable =~ /^TEST_NGINX_RAND_PORT_\d+$/) {
            $random_ports{$variable} //= free_port();

        } elsif (defined $ENV{$variable}) {
            $ENV{$variable};

        } else {
            Test::More::BAIL_OUT("$name - $variable is not in the "
                                 . "environment");
        }
    }xeg;

    return $text;
}

# "50ms", "2s" or "2", in seconds.

sub parse_time {
    my $time = shift;

    return undef if !defined $time;
    return $1 / 1000 if $time =~ /^\s*([\d.]+)\s*ms\s*$/;
    return $1 if $time =~ /^\s*([\d.]+)\s*s?\s*$/;

    die "bad time: $time\n";
}

1;
