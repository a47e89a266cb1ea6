import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.Delivery;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** The Java client reads a stream over AMQP 0-9-1: from each kind of offset, twice at once, and by filter values. */
public class RabbitStream {
    private static final int TIMEOUT = 60;
    private static final String STREAM = "java.stream";
    private static final int N = 300;

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
        try (Connection connection = factory.newConnection("streams")) {
            write(connection);
            expect(read(connection, "first", N, null), 0, N);
            expect(read(connection, 120L, 30, null), 120, 150);
            expect(read(connection, "last", 1, null), N - 1, N);
            expect(read(connection, new Date(0), 10, null), 0, 10);
            expect(read(connection, "1h", 10, null), 0, 10);
            List<Long> red = read(connection, "first", N / 3, "red");
            for (int i = 0; i < red.size(); i++) {
                check(red.get(i) == 3L * i, "red: " + red);
            }
            together(connection);
            follow(connection);
            refusals(connection);
            Channel channel = connection.createChannel();
            check(channel.queueDeclarePassive(STREAM).getMessageCount() == N + 1, "reading takes nothing away");
            channel.queueDelete(STREAM);
        }
    }

    private static void write(Connection connection) throws Exception {
        Channel channel = connection.createChannel();
        channel.confirmSelect();
        channel.queueDelete(STREAM); // of a run that failed
        channel.queueDeclare(STREAM, true, false, false, Map.of("x-queue-type", "stream", "x-max-length-bytes", 10_000_000));
        for (int i = 0; i < N; i++) {
            publish(channel, i);
        }
        channel.waitForConfirmsOrDie(TIMEOUT * 1000L);
        channel.close();
    }

    private static void publish(Channel channel, int i) throws IOException {
        AMQP.BasicProperties.Builder properties = new AMQP.BasicProperties.Builder();
        if (i % 3 == 0) {
            properties.headers(Map.of("x-stream-filter-value", "red"));
        }
        channel.basicPublish("", STREAM, properties.build(), Integer.toString(i).getBytes());
    }

    /** A consumer that puts what it gets into a queue. */
    private static BlockingQueue<Delivery> consume(Channel channel, Object offset, String filter) throws IOException {
        BlockingQueue<Delivery> got = new LinkedBlockingQueue<>();
        channel.basicQos(20);
        Map<String, Object> arguments = filter == null
            ? Map.of("x-stream-offset", offset)
            : Map.of("x-stream-offset", offset, "x-stream-filter", filter);
        channel.basicConsume(STREAM, false, "", false, false, arguments, (tag, d) -> got.add(d), tag -> {});
        return got;
    }

    private static long next(Channel channel, BlockingQueue<Delivery> got) throws Exception {
        Delivery d = got.poll(TIMEOUT, TimeUnit.SECONDS);
        check(d != null, "nothing came");
        channel.basicAck(d.getEnvelope().getDeliveryTag(), false);
        long offset = (Long) d.getProperties().getHeaders().get("x-stream-offset");
        check(new String(d.getBody()).equals(Long.toString(offset)), "offset " + offset + " is " + new String(d.getBody()));
        return offset;
    }

    private static List<Long> read(Connection connection, Object offset, int n, String filter) throws Exception {
        Channel channel = connection.createChannel();
        BlockingQueue<Delivery> got = consume(channel, offset, filter);
        List<Long> offsets = new ArrayList<>();
        while (offsets.size() < n) {
            offsets.add(next(channel, got));
        }
        channel.close();
        return offsets;
    }

    /** Two consumers get everything each. */
    private static void together(Connection connection) throws Exception {
        Channel one = connection.createChannel();
        Channel other = connection.createChannel();
        BlockingQueue<Delivery> first = consume(one, "first", null);
        BlockingQueue<Delivery> second = consume(other, "first", null);
        for (long i = 0; i < N; i++) {
            check(next(one, first) == i && next(other, second) == i, "both get " + i);
        }
        one.close();
        other.close();
    }

    /** "next" begins with what is published from then on. */
    private static void follow(Connection connection) throws Exception {
        Channel channel = connection.createChannel();
        channel.confirmSelect();
        BlockingQueue<Delivery> got = consume(channel, "next", null);
        publish(channel, N);
        check(next(channel, got) == N, "the next one");
        channel.close();
    }

    private static void refusals(Connection connection) throws Exception {
        Channel channel = connection.createChannel();
        try {
            channel.basicConsume(STREAM, false, (tag, d) -> {}, tag -> {}); // a stream wants a prefetch limit
            throw new AssertionError("a consumer without a limit was taken");
        } catch (IOException e) {
            String reason = e.getCause().getMessage();
            check(reason.contains("reply-code=406") && reason.contains("consumer prefetch count is not set"), reason);
        }
    }

    private static void expect(List<Long> got, long from, long to) {
        check(got.size() == to - from, "got " + got.size());
        for (int i = 0; i < got.size(); i++) {
            check(got.get(i) == from + i, "got " + got);
        }
    }

    private static void check(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }
}
