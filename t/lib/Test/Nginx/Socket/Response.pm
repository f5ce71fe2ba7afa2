# Parses a response: the status, the header fields, and the body with its
# chunked encoding taken off.  What belongs to the next pipelined response
# is left over.

package Test::Nginx::Socket::Response;

use strict;
use warnings;

use Exporter 'import';

our @EXPORT_OK = qw( parse_response field printable );


# A hash: "code" ('' if there is none), "fields" (lower-case name to a list
# of values), "head" (the status line and fields as they came), "body",
# "left", and perhaps "error", a text, or "warning".  After 101 and 304 all
# that follows the fields is the body.

sub parse_response {
    my ($raw, $is_head, $is_http09) = @_;

    my %response = (code => '', fields => {}, head => '', body => $raw,
                    left => '');

    if ($is_http09) {
        $response{code} = 200;
        return \%response;
    }

    $response{head} = $1 if $raw =~ s/\A(.*?\r\n)\r\n//s;
    $response{body} = $raw;

    my ($status, @lines) = split /\r?\n/, $response{head};

    if (($status // '') =~ m{^HTTP/\d\.\d (\d+)\b}) {
        $response{code} = $1;
    }

    for my $line (@lines) {
        my ($name, $value) = $line =~ /^([^\s:]+)[ \t]*:[ \t]*(.*?)[ \t]*$/
            or next;
        push @{ $response{fields}{ lc $name } }, $value;
    }

    return \%response if $response{code} eq '304' || $response{code} eq '101';

    my $encoding = field(\%response, 'transfer-encoding') // '';
    my $length   = field(\%response, 'content-length');

    if ($encoding eq 'chunked') {
        my $error = decode_chunks(\%response);

        if (defined $error) {
            return { %response, code => '', body => '',
                     error => "invalid chunked body: $error" };
        }

    } elsif (defined $length && $length =~ /^\d+$/) {
        my $got = length $response{body};

        if ($got > $length) {
            $response{left} = substr $response{body}, $length;
            substr($response{body}, $length) = '';

        } elsif ($got < $length && !$is_head) {
            $response{warning} = "response body truncated: $length "
                                 . "expected, but got $got";
        }
    }

    return \%response;
}

# All values of a field in one string, or undef.

sub field {
    my ($response, $name) = @_;

    my $values = $response->{fields}{ lc $name };
    return defined $values ? join(', ', @$values) : undef;
}

# The trailer, if any, is skipped.

sub decode_chunks {
    my $response = shift;

    my $body = '';

    for ($response->{body}) {
        while (1) {
            /\G[ \t]*([0-9A-Fa-f]+)[ \t]*\r\n/gc
                or return 'no chunk size at "'
                          . printable(substr $_, pos // 0, 100) . '"';

            my $size = hex $1;
            last if $size == 0;

            length $_ >= pos() + $size or return 'a chunk is cut short';

            $body .= substr $_, pos, $size;
            pos() += $size;

            /\G\r\n/gc or return 'no CRLF after a chunk';
        }

        /\G(?:[^\r\n]+\r\n)*\r\n/gc or return 'no end';

        $response->{left} = substr $_, pos;
    }

    $response->{body} = $body;
    return undef;
}

sub printable {
    my $text = shift;

    my %escape = ("\n" => '\n', "\r" => '\r', "\t" => '\t', '\\' => '\\\\');

    $text =~ s/([^ -~]|\\)/$escape{$1} \/\/ sprintf '\x{%02x}', ord $1/ge;
    return $text;
}

1;
