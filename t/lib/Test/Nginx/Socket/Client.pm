# Builds requests from a block's sections, and sends one on a connection of
# its own.  A request is a reference to a list of packets, each a hash with
# "value" (bytes) and perhaps "delay_before" (seconds).

package Test::Nginx::Socket::Client;

use strict;
use warnings;

use Errno qw( EAGAIN EINTR EWOULDBLOCK );
use Exporter 'import';
use IO::Select;
use IO::Socket::INET;
use List::Util qw( max min );
use Test::More ();
use Time::HiRes qw( sleep );

use Test::Nginx::Socket::Settings qw( %Set expand_env );

our @EXPORT_OK = qw( requests_of send_request );


sub requests_of {
    my $block = shift;

    my $raw = $block->raw_request;

    if (defined $raw) {
        return [map { { value => $_ } } ref $raw ? @$raw : $raw];
    }

    if (my $requests = $block->pipelined_requests) {
        ref $requests eq 'ARRAY'
            or bail($block, '"pipelined_requests" must be an array');

        my $bytes = '';

        for my $i (0 .. $#$requests) {
            my $text = expand_env($requests->[$i], $block->name);
            my $last = $i == $#$requests;

            $bytes .= $_->{value}
                for @{ build($block, $i, $last ? 'close' : 'keep-alive',
                             $text) };
        }

        return [{ value => $bytes }];
    }

    my $request = $block->request;

    defined $request or bail($block, 'no section "request"');

    if (!ref $request) {
        1 while $request =~ s/\A\s*#[^\n]*\n//;
        $request =~ s/\A\s+//;

        return build($block, 0, 'close', $request);
    }

    return map { build($block, $_, 'close', ref $request->[$_]
                                            ? @{ $request->[$_] }
                                            : $request->[$_]) }
               0 .. $#$request;
}

# From "METHOD [URI [VERSION]]", a newline and a body, perhaps cut into
# packets at any place, makes a complete request, cut at the same places:
# headers go with the packet in which the request line ends.

sub build {
    my ($block, $index, $connection, @packets) = @_;

    my @values = map { ref $_ ? $_->{value} : $_ } @packets;
    my $text   = join '', @values;

    $text =~ /\A(\s*)(\S+)(?: +(\S+))?(?: +(\S+))? *\r?(?:\n|\z)/
        or bail($block, "bad request line in \"$text\"");

    my ($skipped, $line) = (length $1, join ' ', $2, $3 // '/',
                                            $4 // 'HTTP/1.1');
    my $line_end = $+[0];
    my $body     = substr $text, $line_end;
    my $trimmed  = 0;

    my ($headers, $chunked) = more_headers($block, $index);

    my $head = "$line\r\n";
    $head .= "Host: localhost\r\n" if $headers !~ /^Host:/mi;
    $head .= "Connection: $connection\r\n" if $headers !~ /^Connection/mi;
    $head .= $headers;

    if (!$chunked && length $body && $headers !~ /^Content-Length:/m) {
        $trimmed = length $1 if $body =~ s/\A(\s+)//;
        $body =~ s/\s+\z//;

        $head .= 'Content-Length: ' . length($body) . "\r\n";
    }

    $head .= "\r\n";

    my $request = $head . $body;
    my ($source, $sent) = (0, 0);
    my @result;

    for my $i (0 .. $#packets) {
        $source += length $values[$i];

        my $cut = $source < $line_end
                ? min(max($source - $skipped, 0), length $line)
                : length($head) + max($source - $line_end - $trimmed, 0);

        $cut = length $request if $i == $#packets || $cut > length $request;

        push @result, { ref $packets[$i] ? %{ $packets[$i] } : (),
                        value => substr $request, $sent, $cut - $sent };
        $sent = $cut;
    }

    return \@result;
}

sub more_headers {
    my ($block, $index) = @_;

    my $text = $block->more_headers // '';

    if (ref $text) {
        $text = $text->[$index]
            // bail($block, "\"more_headers\" has no entry for request "
                            . $index);
    }

    my ($headers, $chunked) = ('', 0);

    for my $line (split /\r?\n+/, $text) {
        next if $line =~ /^\s*(?:#|\z)/;

        my ($name, $value) = split /:\s*/, $line, 2;

        $value //= '';
        $headers .= "$name: $value\r\n";
        $chunked = 1 if lc $name eq 'transfer-encoding'
                        && $value eq 'chunked';
    }

    return $headers, $chunked;
}

sub bail {
    my ($block, $text) = @_;

    Test::More::BAIL_OUT($block->name . " - $text");
}

# Sends the packets and returns all that is received until the server closes
# the connection, and what went wrong, if anything.  That nothing happens for
# the time limit is an error unless the block says "abort".

sub send_request {
    my ($block, $request, $timeout) = @_;

    my @packets  = @$request;
    my $bytes    = (shift @packets)->{value};
    my $received = '';
    my $error;

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $Set{port},
                                       Proto => 'tcp', Timeout => $timeout);

    if (!$socket) {
        return '', "cannot connect to port $Set{port}: $@";
    }

    $socket->blocking(0);
    local $SIG{PIPE} = 'IGNORE';

    my $reading = IO::Select->new($socket);
    my $writing = IO::Select->new($socket);

    while (1) {
        my ($readable, $writable) =
            IO::Select->select($reading, $writing, undef, $timeout);

        if (!$readable) {
            next if $! == EINTR;

            $error = 'the client timed out' if !defined $block->abort;
            last;
        }

        if (@$readable) {
            my $n = sysread $socket, $received, 65536, length $received;

            if (!defined $n && !again()) {
                Test::More::diag($block->name . " - reading: $!");
                last;
            }

            last if defined $n && $n == 0;
        }

        next if !@$writable;

        if (length $bytes) {
            my $n = syswrite $socket, $bytes;

            if (defined $n) {
                substr($bytes, 0, $n) = '';

            } elsif (!again()) {
                Test::More::diag($block->name . " - writing: $!");
                $writing->remove($socket);
            }

        } elsif (my $next = shift @packets) {
            my $delay = $next->{delay_before}
                        // $block->raw_request_middle_delay;

            sleep $delay if $delay;
            $bytes = $next->{value};

        } else {
            $writing->remove($socket);

            if (defined(my $how = $block->shutdown)) {
                shutdown $socket, length $how ? $how : 1;
            }
        }
    }

    close $socket;
    return $received, $error;
}

sub again { return $! == EAGAIN || $! == EWOULDBLOCK || $! == EINTR }

1;
