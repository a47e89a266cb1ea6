import java.net.URI;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.springframework.amqp.AmqpRejectAndDontRequeueException;
import org.springframework.amqp.core.Binding;
import org.springframework.amqp.core.BindingBuilder;
import org.springframework.amqp.core.DirectExchange;
import org.springframework.amqp.core.Message;
import org.springframework.amqp.core.MessageListener;
import org.springframework.amqp.core.Queue;
import org.springframework.amqp.core.QueueBuilder;
import org.springframework.amqp.rabbit.connection.CachingConnectionFactory;
import org.springframework.amqp.rabbit.connection.CorrelationData;
import org.springframework.amqp.rabbit.core.RabbitAdmin;
import org.springframework.amqp.rabbit.core.RabbitTemplate;
import org.springframework.amqp.rabbit.listener.SimpleMessageListenerContainer;
import org.springframework.context.support.GenericApplicationContext;

/** Spring AMQP: declarations, correlated confirms, returns, a listener container with dead letters, RPC, a restart. */
public class SpringClient {
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
        CachingConnectionFactory factory = new CachingConnectionFactory(new URI(System.getenv("AMQP_URL")));
        factory.setPublisherConfirmType(CachingConnectionFactory.ConfirmType.CORRELATED);
        factory.setPublisherReturns(true);
        GenericApplicationContext context = new GenericApplicationContext();
        Queue work = QueueBuilder.durable("spring.work").deadLetterExchange("").deadLetterRoutingKey("spring.dead").build();
        DirectExchange exchange = new DirectExchange("spring.exchange");
        Binding binding = BindingBuilder.bind(work).to(exchange).with("job");
        context.getBeanFactory().registerSingleton("work", work);
        context.getBeanFactory().registerSingleton("dead", new Queue("spring.dead"));
        context.getBeanFactory().registerSingleton("exchange", exchange);
        context.getBeanFactory().registerSingleton("binding", binding);
        context.refresh();
        RabbitAdmin admin = new RabbitAdmin(factory);
        admin.setApplicationContext(context);
        admin.afterPropertiesSet();
        admin.initialize();

        RabbitTemplate template = new RabbitTemplate(factory);
        template.setMandatory(true);
        template.setReceiveTimeout(TIMEOUT * 1000L);
        template.setReplyTimeout(TIMEOUT * 1000L);
        BlockingQueue<Integer> returned = new LinkedBlockingQueue<>();
        template.setReturnsCallback(r -> returned.add(r.getReplyCode()));

        BlockingQueue<String> got = new LinkedBlockingQueue<>();
        Set<String> failed = ConcurrentHashMap.newKeySet();
        SimpleMessageListenerContainer container = new SimpleMessageListenerContainer(factory);
        container.setQueueNames("spring.work");
        container.setConcurrentConsumers(2);
        container.setPrefetchCount(10);
        container.setRecoveryInterval(300);
        container.setMessageListener((MessageListener) message -> {
            String body = new String(message.getBody());
            if (body.equals("poison")) {
                throw new AmqpRejectAndDontRequeueException("as it should");
            }
            if (body.equals("flaky") && failed.add(body)) {
                throw new IllegalStateException("once, as it should");
            }
            got.add(body);
        });
        container.start();

        for (int i = 0; i < 100; i++) {
            send(template, "job " + i);
        }
        for (int i = 0; i < 100; i++) {
            check(got.poll(TIMEOUT, TimeUnit.SECONDS) != null, "a job did not come");
        }
        send(template, "flaky");
        check("flaky".equals(got.poll(TIMEOUT, TimeUnit.SECONDS)), "what failed once did not come again");
        send(template, "poison");
        Message dead = template.receive("spring.dead");
        check(dead != null && "poison".equals(new String(dead.getBody())), "no dead letter");
        check("rejected".equals(dead.getMessageProperties().getXDeathHeader().get(0).get("reason")), "x-death");
        CorrelationData nobody = new CorrelationData("nobody");
        template.convertAndSend("spring.exchange", "nobody", "x", nobody);
        check(nobody.getFuture().get(TIMEOUT, TimeUnit.SECONDS).isAck(), "the confirm of what was returned");
        check(Integer.valueOf(312).equals(returned.poll(TIMEOUT, TimeUnit.SECONDS)), "no return");
        rpc(factory, template);

        System.out.println("restart");
        check(System.in.read() > 0, "the server was not restarted");
        send(template, "after");
        check("after".equals(got.poll(TIMEOUT, TimeUnit.SECONDS)), "nothing comes after the restart");
        container.stop();
        factory.destroy();
        System.out.println("spring ok");
    }

    private static void send(RabbitTemplate template, String body) throws Exception {
        CorrelationData data = new CorrelationData(body);
        template.convertAndSend("spring.exchange", "job", body, data);
        check(data.getFuture().get(TIMEOUT, TimeUnit.SECONDS).isAck(), body + " was not confirmed");
    }

    /** Replies come by direct reply-to, which is what the template uses. */
    private static void rpc(CachingConnectionFactory factory, RabbitTemplate template) {
        new RabbitAdmin(factory).declareQueue(new Queue("spring.rpc", false, false, true));
        SimpleMessageListenerContainer server = new SimpleMessageListenerContainer(factory);
        server.setQueueNames("spring.rpc");
        server.setMessageListener((MessageListener) m -> new RabbitTemplate(factory).send(
            "", m.getMessageProperties().getReplyTo(),
            new Message(("re: " + new String(m.getBody())).getBytes(), m.getMessageProperties())));
        server.start();
        Object reply = template.convertSendAndReceive("", "spring.rpc", "question");
        server.stop();
        check(reply != null && "re: question".equals(reply instanceof byte[] b ? new String(b) : reply), "reply " + reply);
    }

    private static void check(boolean ok, String what) {
        if (!ok) {
            throw new AssertionError(what);
        }
    }
}
