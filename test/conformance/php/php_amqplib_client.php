<?php
// php-amqplib: confirms, returns, consumes, rejects, errors, and a connection made anew after a restart.
require_once "PhpAmqpLib/autoload.php";

use PhpAmqpLib\Connection\AMQPStreamConnection;
use PhpAmqpLib\Exception\AMQPProtocolChannelException;
use PhpAmqpLib\Message\AMQPMessage;
use PhpAmqpLib\Wire\AMQPTable;

function check($ok, $what)
{
    if (!$ok) {
        fwrite(STDERR, $what . "\n");
        exit(1);
    }
}

function connect()
{
    $url = parse_url(getenv("AMQP_URL"));
    return new AMQPStreamConnection($url["host"], $url["port"], $url["user"], $url["pass"], "/");
}

function confirmsAndWork($connection)
{
    $ch = $connection->channel();
    $ch->queue_declare("php.work", false, true, false, false, false,
        new AMQPTable(["x-dead-letter-exchange" => "", "x-dead-letter-routing-key" => "php.dead"]));
    $ch->queue_declare("php.dead", false, true, false, false);
    $ch->confirm_select();
    $acked = 0;
    $ch->set_ack_handler(function () use (&$acked) { $acked++; });
    for ($i = 0; $i < 100; $i++) {
        $ch->basic_publish(new AMQPMessage("job $i", ["delivery_mode" => 2, "application_headers" => new AMQPTable(["n" => $i])]), "", "php.work");
    }
    $ch->wait_for_pending_acks(30);
    check($acked == 100, "$acked confirms");
    $ch->basic_qos(null, 10, null);
    $seen = [];
    $ch->basic_consume("php.work", "worker", false, false, false, false, function ($m) use (&$seen) {
        $n = $m->get("application_headers")->getNativeData()["n"];
        if ($n == 50 && !$m->isRedelivered()) {
            $m->nack(true);
            return;
        }
        $seen[$n] = true;
        $n == 60 ? $m->reject(false) : $m->ack();
    });
    while (count($seen) < 100) {
        $ch->wait(null, false, 30);
    }
    $ch->basic_cancel("worker");
    while (!($dead = $ch->basic_get("php.dead"))) {
        usleep(10000);
    }
    $death = $dead->get("application_headers")->getNativeData()["x-death"][0];
    check($dead->getBody() == "job 60" && $death["reason"] == "rejected" && $death["queue"] == "php.work", "the dead letter");
    $dead->ack();
    $ch->close();
}

function returns($connection)
{
    $ch = $connection->channel();
    $code = 0;
    $ch->set_return_listener(function ($c) use (&$code) { $code = $c; });
    $ch->basic_publish(new AMQPMessage("nobody"), "amq.direct", "php.nobody", true);
    $ch->wait(null, false, 30);
    check($code == 312, "the return");
    $ch->tx_select();
    $ch->basic_publish(new AMQPMessage("in a transaction"), "", "php.work");
    $ch->tx_rollback();
    check($ch->queue_declare("php.work", true)[1] == 0, "the transaction was not rolled back");
    $ch->close();
}

function errors($connection)
{
    try {
        $connection->channel()->queue_declare("php.missing", true);
        check(false, "a missing queue was found");
    } catch (AMQPProtocolChannelException $e) {
        check($e->getMessage() == "NOT_FOUND - no queue 'php.missing' in vhost '/'", $e->getMessage());
    }
}

function restarted($connection)
{
    $ch = $connection->channel();
    $ch->confirm_select();
    $ch->queue_declare("php.kept", false, true, false, false);
    $ch->basic_publish(new AMQPMessage("kept", ["delivery_mode" => 2]), "", "php.kept");
    $ch->wait_for_pending_acks(30);
    // The test restarts the server when it reads this line, and answers when that is done.
    echo "restart\n";
    check(fgets(STDIN) !== false, "the server was not restarted");
    try {
        $ch->basic_get("php.kept");
        check(false, "the connection outlived the server");
    } catch (Exception $e) {
        $connection->reconnect();
    }
    $kept = $connection->channel()->basic_get("php.kept", true);
    check($kept && $kept->getBody() == "kept", "what was confirmed is gone");
}

$connection = connect();
confirmsAndWork($connection);
returns($connection);
errors($connection);
restarted($connection);
$connection->close();
echo "php-amqplib ok\n";
