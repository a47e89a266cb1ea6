# Net::Stomp against a STOMP broker: receipts, acknowledgements, transactions, and ActiveMQ's prefetch.
use strict;
use warnings;
use Net::Stomp;

my ($host, $port) = $ENV{STOMP_ADDRESS} =~ /^(.*):(\d+)$/ or die 'STOMP_ADDRESS';

sub check {
    my ($good, $what) = @_;
    die "not so: $what" unless $good;
}

sub client {
    my $stomp = Net::Stomp->new({ hostname => $host, port => $port, reconnect_on_fork => 0 });
    my $connected = $stomp->connect({ login => 'guest', passcode => 'guest' });
    check($connected->command eq 'CONNECTED', 'CONNECT is answered by CONNECTED');
    return $stomp;
}

my $queue = '/queue/net.stomp';
my $stomp = client();
for my $n (1 .. 5) {
    check($stomp->send_with_receipt({ destination => $queue, body => "message $n", number => $n }), 'a receipt');
}
$stomp->subscribe({ destination => $queue, ack => 'client', 'activemq.prefetchSize' => 1 });
for my $n (1 .. 4) {
    check($stomp->can_read({ timeout => 30 }), 'a message comes');
    my $frame = $stomp->receive_frame;
    check($frame->command eq 'MESSAGE' && $frame->body eq "message $n" && $frame->headers->{number} == $n, "message $n");
    $stomp->ack({ frame => $frame });
}
check($stomp->can_read({ timeout => 30 }), 'the last one comes');
my $last = $stomp->receive_frame;
$stomp->disconnect;

# What was not acknowledged comes back.
$stomp = client();
$stomp->subscribe({ destination => $queue, ack => 'client', 'activemq.prefetchSize' => 1 });
check($stomp->can_read({ timeout => 30 }), 'it comes back');
my $again = $stomp->receive_frame;
check($again->body eq $last->body && $again->headers->{redelivered} eq 'true', 'the last one is redelivered');
check($again->headers->{'message-id'} eq $last->headers->{'message-id'}, 'it has the same id');
$stomp->ack({ frame => $again });

# send_transactional commits when the receipt of the SEND in the transaction has come.
check($stomp->send_transactional({ destination => $queue, body => 'committed' }), 'a transaction');
check($stomp->can_read({ timeout => 30 }), 'it comes');
my $committed = $stomp->receive_frame;
check($committed->body eq 'committed', 'what was committed');
$stomp->ack({ frame => $committed });
$stomp->disconnect;
print "Net::Stomp ok\n";
