import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.AlreadyClosedException;
import com.rabbitmq.client.AuthenticationFailureException;
import com.rabbitmq.client.CancelCallback;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.DeliverCallback;
import com.rabbitmq.client.GetResponse;
import com.rabbitmq.client.MessageProperties;
import com.rabbitmq.client.RpcClient;
import com.rabbitmq.client.RpcClientParams;
import com.rabbitmq.client.RpcServer;
import com.rabbitmq.client.ShutdownSignalException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** RabbitMQ's Java client: confirms, a work queue, properties, transactions, RPC, errors. */
public class RabbitClient {
    private static final int TIMEOUT = 30;

    public static void main(String[] args) {
        try {
            run();
        } catch (Throwable e) {
            e.printStackTrace();
            System.exit(1);
        }
        System.exit(0); // the pool of consumers would keep the process
    }

    private static void run() throws Exception {
        ConnectionFactory factory = new ConnectionFactory();
        factory.setUri(System.getenv("AMQP_URL"));
        try (Connection connection = factory.newConnection("java")) {
            check("RabbitMQ".equals(connection.getServerProperties().get("product").toString()), "product");
            confirmsAndWork(connection);
            properties(connection);
            returns(connection);
            transactions(connection);
            rpc(connection);
            recover(connection);
        }
        factory.setAutomaticRecoveryEnabled(false);
        errors(factory.newConnection());
        refused(factory);
        System.out.println("java ok");
    }

    private static void confirmsAndWork(Connection connection) throws Exception {
        Channel channel = connection.createChannel();
        channel.confirmSelect();
        String queue = "java.work";
        channel.queueDeclare(queue, true, false, false, null);
        channel.queuePurge(queue);
        int total = 500;
        for (int i = 0; i < total; i++) {
            channel.basicPublish("", queue, MessageProperties.PERSISTENT_TEXT_PLAIN, bytes("" + i));
        }
        channel.waitForConfirmsOrDie(TIMEOUT * 1000L);
        check(channel.messageCount(queue) == total, "message count");
        List<Integer> seen = Collections.synchronizedList(new ArrayList<>());
        CountDownLatch all = new CountDownLatch(total);
        for (int w = 0; w < 2; w++) {
            Channel worker = connection.createChannel();
            worker.basicQos(20);
            DeliverCallback deliver = (tag, delivery) -> {
                seen.add(Integer.parseInt(new String(delivery.getBody(), StandardCharsets.UTF_8)));
                worker.basicAck(delivery.getEnvelope().getDeliveryTag(), false);
                all.countDown();
            };
            worker.basicConsume(queue, false, deliver, (CancelCallback) tag -> { });
        }
        check(all.await(TIMEOUT, TimeUnit.SECONDS), "not everything was delivered");
        Collections.sort(seen);
        for (int i = 0; i < total; i++) {
            check(seen.get(i) == i, "message " + i);
        }
        channel.queueDelete(queue);
        channel.close();
    }

    private static void properties(Connection connection) throws Exception {
        Channel channel = connection.createChannel();
        String queue = channel.queueDeclare().getQueue();
        Map<String, Object> headers = new HashMap<>();
        headers.put("int", 1);
        headers.put("long", 1L << 40);
        headers.put("double", 2.5d);
        headers.put("date", new Date(1700000000000L));
        headers.put("list", List.of(1, 2));
        headers.put("boolean", true);
        AMQP.BasicProperties sent = new AMQP.BasicProperties.Builder()
            .contentType("application/octet-stream").deliveryMode(1).priority(4).correlationId("c").replyTo("r")
            .messageId("m").timestamp(new Date(1700000000000L)).type("t").appId("a").headers(headers).build();
        channel.basicPublish("", queue, sent, bytes("body"));
        GetResponse got = channel.basicGet(queue, true);
        check(sent.equals(got.getProps()), "properties: " + got.getProps());
        check(got.getMessageCount() == 0 && !got.getEnvelope().isRedeliver(), "envelope");
        channel.close();
    }

    private static void returns(Connection connection) throws Exception {
        Channel channel = connection.createChannel();
        BlockingQueue<Integer> codes = new LinkedBlockingQueue<>();
        channel.addReturnListener(message -> codes.add(message.getReplyCode()));
        channel.basicPublish("", "java.nobody", true, null, bytes("x"));
        check(Integer.valueOf(312).equals(codes.poll(TIMEOUT, TimeUnit.SECONDS)), "return");
        channel.close();
    }

    private static void transactions(Connection connection) throws Exception {
        Channel channel = connection.createChannel();
        String queue = channel.queueDeclare().getQueue();
        channel.txSelect();
        channel.basicPublish("", queue, null, bytes("no"));
        channel.txRollback();
        channel.basicPublish("", queue, null, bytes("yes"));
        channel.txCommit();
        check("yes".equals(new String(channel.basicGet(queue, true).getBody(), StandardCharsets.UTF_8)), "tx");
        check(channel.basicGet(queue, true) == null, "tx left something");
        channel.txCommit();
        channel.close();
    }

    private static void rpc(Connection connection) throws Exception {
        Channel serverChannel = connection.createChannel();
        String queue = serverChannel.queueDeclare().getQueue();
        RpcServer server = new RpcServer(serverChannel, queue) {
            @Override
            public byte[] handleCall(byte[] request, AMQP.BasicProperties replyProperties) {
                return bytes(new String(request, StandardCharsets.UTF_8) + "!");
            }
        };
        Thread thread = new Thread(() -> {
            try {
                server.mainloop();
            } catch (IOException | ShutdownSignalException e) {
                // the end of the test closes the channel
            }
        });
        thread.setDaemon(true);
        thread.start();
        Channel channel = connection.createChannel();
        RpcClient client = new RpcClient(new RpcClientParams().channel(channel).exchange("").routingKey(queue)
            .timeout(TIMEOUT * 1000));
        check("hello!".equals(new String(client.primitiveCall(bytes("hello")), StandardCharsets.UTF_8)), "rpc");
        client.close();
        server.terminateMainloop();
        channel.close();
    }

    private static void recover(Connection connection) throws Exception {
        Channel channel = connection.createChannel();
        String queue = channel.queueDeclare().getQueue();
        channel.basicPublish("", queue, null, bytes("again"));
        channel.basicGet(queue, false);
        check(channel.basicGet(queue, false) == null, "a message that is out was given again");
        channel.basicRecover(true);
        GetResponse got = channel.basicGet(queue, false);
        check(got != null && got.getEnvelope().isRedeliver(), "recover");
        channel.basicAck(got.getEnvelope().getDeliveryTag(), false);
        channel.close();
    }

    private static void errors(Connection connection) throws Exception {
        Channel channel = connection.createChannel();
        try {
            channel.exchangeDeclare("java.exchange", "no-such-type");
            throw new AssertionError("an exchange type that is not there was taken");
        } catch (IOException e) {
            // RabbitMQ closes the connection with 503 up to 3.13.2 and the channel with 406 since.
            String reason = e.getCause().getMessage();
            check(reason.contains("unknown exchange type 'no-such-type'"), reason);
        }
        try {
            channel.queueDeclare();
            throw new AssertionError("the channel is still open");
        } catch (AlreadyClosedException e) {
            check(!channel.isOpen(), "the client does not know that the channel is closed");
        }
        connection.abort();
    }

    private static void refused(ConnectionFactory factory) throws Exception {
        factory.setPassword("wrong");
        try {
            factory.newConnection();
            throw new AssertionError("a wrong password was taken");
        } catch (AuthenticationFailureException e) {
            check(e.getMessage().contains("ACCESS_REFUSED"), e.getMessage());
        }
    }

    private static byte[] bytes(String s) {
        return s.getBytes(StandardCharsets.UTF_8);
    }

    private static void check(boolean condition, String what) {
        if (!condition) {
            throw new AssertionError(what);
        }
    }
}
