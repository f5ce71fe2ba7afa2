# The nginx under test: its server root, its configuration, its life and
# its logs.  There is one at a time.  An nginx is only ever signalled if its
# command line names our server root, so that a stale pid file does no harm.

package Test::Nginx::Socket::Server;

use strict;
use warnings;

use File::Path qw( make_path remove_tree );
use POSIX ();
use Time::HiRes qw( sleep time );
use Test::More ();

use Test::Nginx::Socket::Settings qw( %Set expand_env );

my ($pid, $log_position, $build_options, %seen);
my $owner = $$;


sub path { return "$Set{root}/$_[0]" }

# Only what we make ourselves is removed: a server root that holds anything
# else is somebody's by mistake.

sub make_root {
    if (-d $Set{root}) {
        $pid = read_pid();
        stop() if is_running();
        remove_root();
    }

    make_path(map { path($_) } qw( conf html logs ));

    $log_position = 0;
    delete $seen{ path('logs/stderr.log') };

    write_file(path('html/index.html'),
               '<html><head><title>It works!</title></head>'
               . '<body>It works!</body></html>');
}

sub remove_root {
    remove_tree((map { path($_) } qw( conf html logs cache )),
                glob("$Set{root}/*_temp"), glob("$Set{root}/*_cache"));

    rmdir $Set{root}
        or Test::More::BAIL_OUT("cannot remove $Set{root}: $!");
}

sub write_file {
    my ($file, $content) = @_;

    open my $out, '>:raw', $file
        or Test::More::BAIL_OUT("cannot write $file: $!");
    print $out $content;
    close $out;
}

sub read_file {
    my ($file, $from) = @_;

    open my $in, '<:raw', $file or return '';
    seek $in, $from || 0, 0;

    local $/;
    return scalar(<$in>) // '';
}

# The section "user_files": ">>> name [touch's date]" and lines, or an array
# of [name, content, date].  Relative names are below html/.

sub write_files {
    my $block = shift;

    my $files = $block->user_files;
    return if !defined $files;

    if (!ref $files) {
        my (undef, @parts) = split /^>>> *(\S+)(?:[ \t]+(\S+))?[ \t]*\n/m,
                                   $files;
        $files = [];

        while (my ($name, $date, $content) = splice @parts, 0, 3) {
            push @$files, [$name, $content, $date];
        }
    }

    for my $file (@$files) {
        my ($name, $content, $date) = @$file;

        my $target = $name =~ m{^/} ? $name : path("html/$name");

        make_path($1) if $target =~ m{^(.*)/};
        write_file($target, expand_env($content, $block->name) // '');

        if (defined $date) {
            local $ENV{TZ} = 'GMT';
            system('touch', '-t', $date, $target) == 0
                or Test::More::BAIL_OUT("touch -t $date $target failed");
        }
    }
}

sub write_config {
    my $block = shift;

    my $name   = $block->name;
    my %part   = map { $_ => $block->$_ // '' }
                     qw( main_config http_config config );
    my $level  = $block->log_level || $Set{log_level};
    my $logs   = path('logs');
    my $loads  = join ' ', map { "load_module $_;" } split ' ', $Set{modules};
    my $env    = join '', map { /\s/ ? "env '$_';\n" : "env $_;\n" }
                              @{ $Set{env} };
    my $user   = $> == 0 ? 'user root;' : '';
    my $temp   = '';
    my $root   = '';

    for my $kind (qw( client_body proxy fastcgi scgi uwsgi )) {
        next if $part{http_config} =~ /\b${kind}_temp_path\b/
                || build_options() =~ /--without-http_${kind}_module/;
        $temp .= "    ${kind}_temp_path " . path("${kind}_temp") . ";\n";
    }

    if ($Set{root_location}) {
        $root = "location / { root " . path('html') . ";"
                . " index index.html index.htm; }";
    }

    write_file(path('conf/nginx.conf'), expand_env(<<"END", $name));
worker_processes $Set{workers};
daemon on;
master_process $Set{master};
error_log $logs/error.log $level;
pid $logs/nginx.pid;
env ASAN_OPTIONS;
${env}${user}
$loads
$part{main_config}
http {
    access_log $logs/access.log;
$temp
    default_type text/plain;
    keepalive_timeout 68000ms;

$part{http_config}
    server {
        listen $Set{port};
        server_name 'localhost';
        client_max_body_size 30M;

$part{config}
        $root
    }
}

events {
    accept_mutex off;
    worker_connections $Set{worker_connections};
}
END
}

sub build_options {
    if (!defined $build_options) {
        $build_options = `\Q$Set{binary}\E -V 2>&1`;
        Test::More::BAIL_OUT("cannot run $Set{binary} -V") if $?;
    }

    return $build_options;
}

# Runs the nginx command in the foreground, until it has gone into the
# background or given up, and returns its wait status.  What it says on
# stderr goes to a file: configuration errors are in the error log too.

sub execute {
    $pid = undef;

    my $child = fork() // die "fork: $!\n";

    if ($child == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', '/dev/null';
        open STDERR, '>>', path('logs/stderr.log');

        { exec $Set{binary}, '-e', path('logs/error.log'),
               '-p', "$Set{root}/", '-c', path('conf/nginx.conf') };
        warn "cannot run $Set{binary}: $!\n";
        POSIX::_exit(127);
    }

    waitpid $child, 0;
    return $?;
}

# Waits for a port that another process is about to free, but for nothing
# else.

sub start {
    my $deadline = time + 5;

    while (execute() != 0) {
        return 0 if time > $deadline
                    || read_file(path('logs/error.log'))
                       !~ /bind\(\).*Address already in use/;
        sleep 0.1;
        unlink path('logs/error.log');
    }

    return adopt();
}

# The pid file appears a moment after the command has ended.

sub adopt {
    my $deadline = time + 5;

    while (time < $deadline) {
        $pid = read_pid();

        if (is_running()) {
            sleep $Set{pause};
            return 1;
        }

        sleep 0.005;
    }

    return 0;
}

sub read_pid {
    return read_file(path('logs/nginx.pid')) =~ /^(\d+)$/m ? $1 : undef;
}

# A daemon whose new parent doesn't collect it stays as a zombie, whose
# command line is empty.

sub is_running {
    return defined $pid
           && index(read_file("/proc/$pid/cmdline"), $Set{root}) >= 0;
}

# Tells nginx to quit.  False if it had to be killed.  The limit is high: it
# is there for an nginx that hangs, not for a slow one.

sub stop {
    return 1 if !is_running();

    my $deadline = time + 10 + $Set{timeout};

    kill QUIT => $pid;

    while (is_running()) {
        if (time > $deadline) {
            kill_now();
            return 0;
        }

        sleep 0.01;
    }

    $pid = undef;
    return 1;
}

# A daemon leads its own process group, which has the workers in it.

sub kill_now {
    return if !is_running();

    kill KILL => getpgrp($pid) == $pid ? -$pid : $pid;
    $pid = undef;
}

sub rewind_log { $log_position = 0 }

# The lines logged since the last call, or all of them.

sub error_log_lines {
    sleep $Set{pause} * 3;

    my $text = read_file(path('logs/error.log'),
                         $Set{accumulate_log} ? 0 : $log_position);

    $log_position = -s path('logs/error.log') || 0;
    return split /^/, $text;
}

sub access_log_lines {
    sleep $Set{pause} * 3;
    return split /^/, read_file(path('logs/access.log'));
}

# What nginx said on stderr before it had its error log, and what sanitizers
# wrote into files of their own (the option log_path), since the last call.

sub report_lines {
    my @files = map { glob "$_.*" }
                map { /\blog_path=([^:,\s]+)/ ? $1 : () }
                grep { defined } @ENV{qw( ASAN_OPTIONS UBSAN_OPTIONS
                                          LSAN_OPTIONS )};
    my @lines;

    for my $file (path('logs/stderr.log'), @files) {
        push @lines, split /^/, read_file($file, $seen{$file});
        $seen{$file} = -s $file || 0;
    }

    return @lines;
}

# An interrupted test leaves no nginx behind.

$SIG{INT} = $SIG{TERM} = sub { exit 1 };

END {
    if ($$ == $owner) {
        local $?;
        kill_now();
    }
}

1;
