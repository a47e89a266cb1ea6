import io.awspring.cloud.sqs.annotation.SqsListener;
import io.awspring.cloud.sqs.config.SqsBootstrapConfiguration;
import io.awspring.cloud.sqs.config.SqsMessageListenerContainerFactory;
import io.awspring.cloud.sqs.listener.acknowledgement.Acknowledgement;
import io.awspring.cloud.sqs.listener.acknowledgement.handler.AcknowledgementMode;
import io.awspring.cloud.sqs.operations.SqsTemplate;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.messaging.handler.annotation.Header;
import org.springframework.messaging.support.MessageBuilder;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.sqs.SqsAsyncClient;
import software.amazon.awssdk.services.sqs.model.QueueAttributeName;

/** Spring Cloud AWS: listeners of queues that it makes, retries, manual acknowledgement, batches, FIFO groups, its template. */
public class SpringSqsClient {
    private static final int TIMEOUT = 60;

    public static void main(String[] args) {
        try (var context = new AnnotationConfigApplicationContext(Config.class)) {
            run(context);
        } catch (Throwable e) {
            e.printStackTrace();
            System.exit(1);
        }
        System.out.println("Spring Cloud AWS over SQS ok");
        System.exit(0);
    }

    @Configuration
    @Import(SqsBootstrapConfiguration.class)
    static class Config {
        @Bean
        SqsAsyncClient client() {
            return SqsAsyncClient.builder()
                    .endpointOverride(URI.create(System.getenv("AWS_ENDPOINT_URL")))
                    .region(Region.US_EAST_1)
                    .credentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create("test", "test")))
                    .build();
        }

        @Bean
        SqsMessageListenerContainerFactory<Object> defaultSqsListenerContainerFactory(SqsAsyncClient client) {
            return SqsMessageListenerContainerFactory.builder()
                    .sqsAsyncClient(client)
                    .configure(o -> o.pollTimeout(Duration.ofSeconds(2)))
                    .build();
        }

        @Bean
        SqsMessageListenerContainerFactory<Object> manual(SqsAsyncClient client) {
            return SqsMessageListenerContainerFactory.builder()
                    .sqsAsyncClient(client)
                    .configure(o -> o.pollTimeout(Duration.ofSeconds(2)).acknowledgementMode(AcknowledgementMode.MANUAL))
                    .build();
        }

        @Bean
        Listeners listeners() {
            return new Listeners();
        }
    }

    static class Listeners {
        final BlockingQueue<String> jobs = new LinkedBlockingQueue<>();
        final BlockingQueue<String> acknowledged = new LinkedBlockingQueue<>();
        final BlockingQueue<String> batches = new LinkedBlockingQueue<>();
        final Map<String, List<String>> groups = new ConcurrentHashMap<>();
        final AtomicInteger failures = new AtomicInteger();

        @SqsListener(queueNames = "spring-jobs", messageVisibilitySeconds = "1")
        void job(String body, @Header(name = "kind", required = false) String kind) {
            if (body.equals("fails once") && failures.getAndIncrement() == 0) {
                throw new IllegalStateException("as told");
            }
            jobs.add(body + "/" + kind);
        }

        @SqsListener(queueNames = "spring-manual", factory = "manual")
        void manual(String body, Acknowledgement acknowledgement) {
            acknowledgement.acknowledge();
            acknowledged.add(body);
        }

        @SqsListener("spring-batch")
        void batch(List<String> bodies) {
            batches.addAll(bodies);
        }

        @SqsListener("spring-groups.fifo")
        void group(String body, @Header("Sqs_Msa_MessageGroupId") String group) {
            groups.computeIfAbsent(group, g -> new ArrayList<>()).add(body);
            jobs.add("fifo");
        }
    }

    private static String next(BlockingQueue<String> queue) throws InterruptedException {
        String got = queue.poll(TIMEOUT, TimeUnit.SECONDS);
        check(got != null, "nothing came");
        return got;
    }

    private static void check(boolean ok, String what) {
        if (!ok) {
            throw new AssertionError(what);
        }
    }

    private static void run(AnnotationConfigApplicationContext context) throws Exception {
        SqsAsyncClient client = context.getBean(SqsAsyncClient.class);
        Listeners listeners = context.getBean(Listeners.class);
        SqsTemplate template = SqsTemplate.builder().sqsAsyncClient(client).build();

        template.send(to -> to.queue("spring-jobs").payload("first").header("kind", "urgent"));
        check(next(listeners.jobs).equals("first/urgent"), "a message with its header");
        template.send("spring-jobs", "fails once");
        check(next(listeners.jobs).equals("fails once/null") && listeners.failures.get() == 2, "a message that comes again");

        template.send("spring-manual", "mine");
        check(next(listeners.acknowledged).equals("mine"), "a manual acknowledgement");

        template.sendMany("spring-batch", List.of("a", "b", "c").stream().map(b -> MessageBuilder.withPayload(b).build()).toList());
        List<String> batch = new ArrayList<>(List.of(next(listeners.batches), next(listeners.batches), next(listeners.batches)));
        batch.sort(null);
        check(batch.equals(List.of("a", "b", "c")), "a batch: " + batch);

        for (int i = 0; i < 4; i++) {
            String group = "g" + i % 2, body = "m" + i;
            template.send(to -> to.queue("spring-groups.fifo").payload(body).messageGroupId(group).messageDeduplicationId(body));
        }
        for (int i = 0; i < 4; i++) {
            next(listeners.jobs);
        }
        check(listeners.groups.equals(Map.of("g0", List.of("m0", "m2"), "g1", List.of("m1", "m3"))), "groups: " + listeners.groups);

        template.send("spring-pull", "pulled");
        var pulled = template.receive(from -> from.queue("spring-pull").pollTimeout(Duration.ofSeconds(20)), String.class);
        check(pulled.isPresent() && pulled.get().getPayload().equals("pulled"), "a received message");

        String manual = client.getQueueUrl(r -> r.queueName("spring-manual")).get().queueUrl();
        for (long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(TIMEOUT); ; Thread.sleep(50)) {
            var left = client.getQueueAttributes(r -> r.queueUrl(manual).attributeNames(QueueAttributeName.ALL)).get().attributes();
            if (left.get(QueueAttributeName.APPROXIMATE_NUMBER_OF_MESSAGES).equals("0")
                    && left.get(QueueAttributeName.APPROXIMATE_NUMBER_OF_MESSAGES_NOT_VISIBLE).equals("0")) {
                break;
            }
            check(System.nanoTime() < end, "the acknowledged message is still there: " + left);
        }
    }
}
