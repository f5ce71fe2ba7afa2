# What all t/NNN-topic.t files share.  After Test::Nginx::Socket, so that a
# genuine one that is installed is found first:
#
#   use Test::Nginx::Socket 'no_plan';
#   use lib 't/lib';
#   use Chat::Test;
#
# Loading it
#
#   - starts a private Redis on the Unix socket $TEST_NGINX_REDIS_SOCKET,
#     without a port and without persistence, which ends with the test;
#     every nginx starts on an empty database;
#   - has every nginx load the module that the environment variable
#     CHAT_MODULE names (unless TEST_NGINX_LOAD_MODULES names some);
#   - runs nginx with a master and two workers, as in real life;
#   - fails every block that logs at the levels alert, crit or emerg, in its
#     life or on its way out, or in which a sanitizer speaks.  A block that
#     expects such a line names the level in "error_log": "[alert]".
#
# The functions it exports are called with their package in sections that
# are Perl code, "init" and those with the filter eval: ::redis(...).
#
# Works with this project's runner and with the genuine Test::Nginx::Socket;
# only what both have may be used here.

package Chat::Test;

use strict;
use warnings;

use parent 'Exporter';
use File::Path qw( remove_tree );
use File::Temp qw( tempdir );
use MIME::Base64 qw( encode_base64url );
use POSIX ();
use Time::HiRes qw( sleep );

our @EXPORT = qw( redis redis_flush make_user session_for cookie_of
                  wait_for_workers );

my $socket;


sub import {
    my $class = shift;

    if (!defined $socket) {
        start_redis();

        $ENV{TEST_NGINX_REDIS_SOCKET} = $socket;
        $ENV{TEST_NGINX_HTML_DIR} = Test::Nginx::Socket::html_dir();

        Test::Nginx::Socket::master_on();
        Test::Nginx::Socket::workers(2);
        Test::Nginx::Socket::add_block_preprocessor(\&prepare);
    }

    $class->export_to_level(1, $class, @_);
}

# A process of its own watches a pipe that ends when the test does, however
# that comes about, and takes Redis away then: after nginx has quit.

sub start_redis {
    my $folder = tempdir('chat-test-XXXXXX', TMPDIR => 1);

    pipe my $reader, my $writer or die "pipe: $!\n";

    my $watcher = fork() // die "fork: $!\n";

    if ($watcher == 0) {
        close $writer;
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', '/dev/null';
        $SIG{INT} = $SIG{TERM} = $SIG{HUP} = 'IGNORE';

        my $server = fork() // POSIX::_exit(1);

        if ($server == 0) {
            POSIX::setsid();
            { exec 'redis-server', '--port', 0, '--save', '',
                   '--appendonly', 'no', '--dir', $folder,
                   '--unixsocket', "$folder/redis.sock",
                   '--logfile', "$folder/redis.log" };
            POSIX::_exit(127);
        }

        sysread $reader, my $nothing, 1;

        kill TERM => $server;
        waitpid $server, 0;
        remove_tree($folder);
        POSIX::_exit(0);
    }

    close $reader;

    $socket = "$folder/redis.sock";

    # the end of the pipe is held until this process ends

    our $alive = $writer;

    for (1 .. 500) {
        if (-S $socket) {
            return if `redis-cli -s $socket ping 2>&1` =~ /PONG/;
        }

        sleep 0.02;
    }

    die "redis-server does not start\n";
}

# What is added to every block.

sub prepare {
    my $block = shift;

    if (defined $ENV{CHAT_MODULE} && !$ENV{TEST_NGINX_LOAD_MODULES}) {
        $block->set_value(main_config => "load_module $ENV{CHAT_MODULE};\n"
                                         . ($block->main_config // ''));
    }

    $block->set_value(post_setup_server_root =>
                      'Chat::Test::redis_flush();'
                      . ($block->post_setup_server_root // ''));

    $block->set_value(suppress_stderr => 1) if defined $block->must_die;

    my $bad = join '|', 'Sanitizer', 'runtime error:',
                        map { "\\[$_\\]" } unexpected_levels($block);

    add_pattern($block, 'no_error_log', qr/$bad/);
    add_pattern($block, 'no_shutdown_error_log', qr/$bad/);
}

sub unexpected_levels {
    my $block = shift;

    my $expected = $block->error_log // '';

    $expected = join ' ', @$expected if ref $expected eq 'ARRAY';
    $expected .= '[emerg]' if defined $block->must_die;

    return grep { index($expected, "[$_]") < 0 } qw( alert crit emerg );
}

sub add_pattern {
    my ($block, $section, $pattern) = @_;

    my $value = $block->$section // [];

    $value = ref $value eq 'ARRAY' ? $value
           : ref $value ? [$value]
           : [grep { length } split /\n+/, $value];

    $block->set_value($section => [@$value, $pattern]);
}


# Runs one command and returns the reply as redis-cli prints it.

sub redis {
    open my $reply, '-|', 'redis-cli', '-s', $socket, '--raw', '-e', @_
        or die "cannot run redis-cli: $!\n";

    my $text = do { local $/; <$reply> } // '';

    close $reply or die "redis: @_: $text\n";

    chomp $text;
    return $text;
}

# Empties Redis, and takes back what a block may have done to it.

sub redis_flush {
    redis('REPLICAOF', 'NO', 'ONE');
    redis('CONFIG', 'SET', 'maxmemory', 0);
    redis('FLUSHALL');
}

# Waits until both workers have subscribed: a request may reach either, and
# sessions need both.

sub wait_for_workers {
    for (1 .. 500) {
        return if redis('PUBSUB', 'NUMSUB', 'MESSAGES') =~ /^2$/m;
        sleep 0.02;
    }

    die "the workers don't subscribe\n";
}

# Writes a user with the password "password123" into Redis, as the original
# demo's servers do: with bcrypt, and here with little work.  Users are made in
# the order of their ids.

sub make_user {
    my ($id, $name) = @_;

    redis('HSET', "user:$id", 'username', $name, 'password',
          '$2b$04$Zx6Kq0uQd8mR1vT3nWy5OesjeHJ.KpMQdnv838jAnWmhVBD9Yb4r6');
    redis('SADD', "user:$id:rooms", 0);
    redis('SET', "username:$name", "user:$id");
    redis('SET', 'room:0:name', 'General');
    redis('SET', 'total_users', $id);
}

# Logs a user in without a request: writes a session into Redis as
# store/ngx_http_chat_store_session.c does.  The cookie of a user's id is
# always the same one, so that headers can be written before there is a
# session.  More sessions of a user have words of their own in their place.

sub session_for {
    my ($id, $name, $word) = @_;

    $word //= $id;

    open my $sum, '-|', "printf %s '" . token_of($word) . "' | b2sum -l 256"
        or die "cannot run b2sum: $!\n";

    my ($hex) = <$sum> =~ /^([0-9a-f]{64})\b/ or die "b2sum failed\n";
    my $hash  = encode_base64url(pack 'H*', $hex);

    $name =~ s/(["\\])/\\$1/g;

    redis('SET', "chat:session:$hash",
          "{\"id\":\"$id\",\"username\":\"$name\"}", 'EX', 3600);
    redis('ZADD', "chat:sessions:$id", time + 3600, $hash);
    redis('EXPIRE', "chat:sessions:$id", 3600);

    return cookie_of($word);
}

sub cookie_of {
    my $word = shift;

    return 'Cookie: chat_session=' . token_of($word);
}

sub token_of { return substr "test-session-of-$_[0]-" . 'x' x 43, 0, 43 }

1;
