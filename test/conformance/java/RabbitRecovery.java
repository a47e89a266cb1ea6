import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.GetResponse;
import com.rabbitmq.client.MessageProperties;
import com.rabbitmq.client.Recoverable;
import com.rabbitmq.client.RecoveryListener;
import com.rabbitmq.client.impl.recovery.AutorecoveringConnection;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** The Java client's recovery of connections, channels and topology over a restart of the server. */
public class RabbitRecovery {
    private static final int TIMEOUT = 60;

    public static void main(String[] args) {
        try {
            run();
        } catch (Throwable e) {
            e.printStackTrace();
            System.exit(1);
        }
        System.exit(0);
    }

    private static void run() throws Exception {
        ConnectionFactory factory = new ConnectionFactory();
        factory.setUri(System.getenv("AMQP_URL"));
        factory.setAutomaticRecoveryEnabled(true);
        factory.setTopologyRecoveryEnabled(true);
        factory.setNetworkRecoveryInterval(300);
        AutorecoveringConnection connection = (AutorecoveringConnection) factory.newConnection("recovery");
        CountDownLatch recovered = new CountDownLatch(1);
        connection.addRecoveryListener(new RecoveryListener() {
            @Override
            public void handleRecovery(Recoverable recoverable) {
                recovered.countDown();
            }

            @Override
            public void handleRecoveryStarted(Recoverable recoverable) {}
        });
        Channel channel = connection.createChannel();
        channel.confirmSelect();
        channel.basicQos(5);
        channel.exchangeDeclare("recovery.source", "topic", false, true, null);
        channel.exchangeDeclare("recovery.target", "fanout", false, true, null);
        channel.exchangeBind("recovery.target", "recovery.source", "a.#");
        String generated = channel.queueDeclare().getQueue();
        channel.queueBind(generated, "recovery.target", "");
        channel.queueDeclare("recovery.kept", true, false, false, null);
        channel.basicPublish("", "recovery.kept", MessageProperties.PERSISTENT_BASIC, "kept".getBytes());
        channel.waitForConfirmsOrDie(TIMEOUT * 1000L);
        BlockingQueue<String> got = new LinkedBlockingQueue<>();
        channel.basicConsume(generated, false, (tag, d) -> {
            channel.basicAck(d.getEnvelope().getDeliveryTag(), false);
            got.add(new String(d.getBody()));
        }, tag -> {});
        exchange(channel, got, "before");

        System.out.println("restart");
        check(System.in.read() > 0, "the server was not restarted");
        check(recovered.await(TIMEOUT, TimeUnit.SECONDS), "the connection did not recover");
        GetResponse kept = channel.basicGet("recovery.kept", true);
        check(kept != null && "kept".equals(new String(kept.getBody())), "what was confirmed is gone");
        exchange(channel, got, "after");
        connection.close();
        System.out.println("java recovery ok");
    }

    private static void exchange(Channel channel, BlockingQueue<String> got, String body) throws Exception {
        channel.basicPublish("recovery.source", "a.b", null, body.getBytes());
        channel.waitForConfirmsOrDie(TIMEOUT * 1000L);
        check(body.equals(got.poll(TIMEOUT, TimeUnit.SECONDS)), body + " did not come");
    }

    private static void check(boolean ok, String what) {
        if (!ok) {
            throw new AssertionError(what);
        }
    }
}
