import java.lang.reflect.Type;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.web.context.WebServerApplicationContext;
import org.springframework.context.ApplicationListener;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.messaging.converter.StringMessageConverter;
import org.springframework.messaging.handler.annotation.MessageMapping;
import org.springframework.messaging.handler.annotation.SendTo;
import org.springframework.messaging.simp.SimpMessagingTemplate;
import org.springframework.messaging.simp.annotation.SendToUser;
import org.springframework.messaging.simp.broker.BrokerAvailabilityEvent;
import org.springframework.messaging.simp.config.MessageBrokerRegistry;
import org.springframework.messaging.simp.stomp.StompCommand;
import org.springframework.messaging.simp.stomp.StompFrameHandler;
import org.springframework.messaging.simp.stomp.StompHeaders;
import org.springframework.messaging.simp.stomp.StompSession;
import org.springframework.messaging.simp.stomp.StompSessionHandlerAdapter;
import org.springframework.scheduling.concurrent.ThreadPoolTaskScheduler;
import org.springframework.stereotype.Controller;
import org.springframework.web.socket.client.standard.StandardWebSocketClient;
import org.springframework.web.socket.config.annotation.EnableWebSocketMessageBroker;
import org.springframework.web.socket.config.annotation.StompEndpointRegistry;
import org.springframework.web.socket.config.annotation.WebSocketMessageBrokerConfigurer;
import org.springframework.web.socket.messaging.WebSocketStompClient;
import org.springframework.web.socket.sockjs.client.RestTemplateXhrTransport;
import org.springframework.web.socket.sockjs.client.SockJsClient;
import org.springframework.web.socket.sockjs.client.WebSocketTransport;

/**
 * A Spring application whose broker relay is connected to each of STOMP_ADDRESSES in turn, and its clients over SockJS, with
 * WebSocket and with HTTP streaming: topics, queues, what the application sends, answers to one user.
 */
public class StompRelay {
    private static final int TIMEOUT = 120;

    public static void main(String[] args) {
        Logger.getLogger("").setLevel(Level.WARNING);
        System.setProperty("org.springframework.boot.logging.LoggingSystem", "none");
        try {
            for (String address : System.getenv("STOMP_ADDRESSES").split(",")) {
                run(address);
                System.out.println("relayed through " + address);
            }
        } catch (Throwable e) {
            e.printStackTrace();
            System.exit(1);
        }
        System.exit(0);
    }

    @Configuration(proxyBeanMethods = false)
    @EnableAutoConfiguration
    @EnableWebSocketMessageBroker
    public static class Application implements WebSocketMessageBrokerConfigurer {
        static String host;
        static int port;
        static CountDownLatch available;

        @Override
        public void configureMessageBroker(MessageBrokerRegistry registry) {
            registry.setApplicationDestinationPrefixes("/app");
            registry.enableStompBrokerRelay("/topic", "/queue").setRelayHost(host).setRelayPort(port)
                .setClientLogin("guest").setClientPasscode("guest").setSystemLogin("guest").setSystemPasscode("guest")
                .setVirtualHost("/").setUserDestinationBroadcast("/topic/unresolved-user")
                .setUserRegistryBroadcast("/topic/user-registry");
        }

        @Override
        public void registerStompEndpoints(StompEndpointRegistry registry) {
            registry.addEndpoint("/stomp").withSockJS();
        }

        @Bean
        public ApplicationListener<BrokerAvailabilityEvent> availability() {
            return event -> {
                if (event.isBrokerAvailable()) {
                    available.countDown();
                }
            };
        }

        @Bean
        public Answers answers() {
            return new Answers();
        }
    }

    @Controller
    public static class Answers {
        @MessageMapping("/all")
        @SendTo("/topic/relay.all")
        public String all(String text) {
            return "to all: " + text;
        }

        @MessageMapping("/me")
        @SendToUser(destinations = "/queue/relay-answers", broadcast = false)
        public String me(String text) {
            return "to you: " + text;
        }
    }

    private static void run(String address) throws Exception {
        Application.host = address.substring(0, address.lastIndexOf(':'));
        Application.port = Integer.parseInt(address.substring(address.lastIndexOf(':') + 1));
        Application.available = new CountDownLatch(1);
        SpringApplication application = new SpringApplication(Application.class);
        application.setDefaultProperties(Map.of(
            "server.port", "0", "server.address", "127.0.0.1", "server.shutdown", "immediate", "spring.main.banner-mode", "off"));
        try (ConfigurableApplicationContext context = application.run()) {
            check(Application.available.await(TIMEOUT, TimeUnit.SECONDS), "the relay says that its broker is available");
            String url = "http://127.0.0.1:" + ((WebServerApplicationContext) context).getWebServer().getPort() + "/stomp";
            ThreadPoolTaskScheduler scheduler = new ThreadPoolTaskScheduler();
            scheduler.afterPropertiesSet();
            WebSocketStompClient overWebSocket = client(new SockJsClient(List.of(new WebSocketTransport(new StandardWebSocketClient()))), scheduler);
            WebSocketStompClient overHTTP = client(new SockJsClient(List.of(new RestTemplateXhrTransport())), scheduler);
            exchange(url, overWebSocket, overHTTP, context.getBean(SimpMessagingTemplate.class));
            scheduler.shutdown();
        }
    }

    private static WebSocketStompClient client(SockJsClient sockJS, ThreadPoolTaskScheduler scheduler) {
        WebSocketStompClient client = new WebSocketStompClient(sockJS);
        client.setMessageConverter(new StringMessageConverter());
        client.setTaskScheduler(scheduler);
        return client;
    }

    private static void exchange(String url, WebSocketStompClient first, WebSocketStompClient second, SimpMessagingTemplate template)
            throws Exception {
        Handler handlerOne = new Handler();
        Handler handlerTwo = new Handler();
        StompSession one = first.connectAsync(url, handlerOne).get(TIMEOUT, TimeUnit.SECONDS);
        StompSession two = second.connectAsync(url, handlerTwo).get(TIMEOUT, TimeUnit.SECONDS);
        one.setAutoReceipt(true);
        two.setAutoReceipt(true);

        BlockingQueue<String> oneAll = subscribe(one, "/topic/relay.all");
        BlockingQueue<String> twoAll = subscribe(two, "/topic/relay.*");
        send(two, "/app/all", "hello", false);
        equal("to all: hello", take(oneAll));
        equal("to all: hello", take(twoAll));
        template.convertAndSend("/topic/relay.all", "from the application");
        equal("from the application", take(oneAll));
        equal("from the application", take(twoAll));

        send(one, "/queue/relay-jobs", "kept until somebody comes", true);
        equal("kept until somebody comes", take(subscribe(two, "/queue/relay-jobs")));

        BlockingQueue<String> mine = subscribe(one, "/user/queue/relay-answers");
        BlockingQueue<String> yours = subscribe(two, "/user/queue/relay-answers");
        send(two, "/app/me", "who", false);
        equal("to you: who", take(yours));
        send(one, "/app/me", "me", false);
        equal("to you: me", take(mine));
        check(yours.isEmpty() && mine.isEmpty(), "an answer goes to one");

        one.disconnect();
        two.disconnect();
        check(handlerOne.failures.isEmpty() && handlerTwo.failures.isEmpty(), handlerOne.failures + " " + handlerTwo.failures);
    }

    /** Subscribes, and returns when the broker has answered that. */
    private static BlockingQueue<String> subscribe(StompSession session, String destination) throws Exception {
        BlockingQueue<String> got = new LinkedBlockingQueue<>();
        StompSession.Receiptable subscription = session.subscribe(destination, new StompFrameHandler() {
            @Override
            public Type getPayloadType(StompHeaders headers) {
                return String.class;
            }

            @Override
            public void handleFrame(StompHeaders headers, Object payload) {
                got.add((String) payload);
            }
        });
        await(subscription);
        return got;
    }

    /** Sends; what goes to the broker, and not to the application, is answered by it. */
    private static void send(StompSession session, String destination, String body, boolean toBroker) throws Exception {
        StompSession.Receiptable sent = session.send(destination, body);
        if (toBroker) {
            await(sent);
        }
    }

    private static void await(StompSession.Receiptable frame) throws Exception {
        CompletableFuture<Void> came = new CompletableFuture<>();
        frame.addReceiptTask(() -> came.complete(null));
        came.get(TIMEOUT, TimeUnit.SECONDS);
    }

    /** Collects what goes wrong in a session. */
    private static class Handler extends StompSessionHandlerAdapter {
        final List<String> failures = new CopyOnWriteArrayList<>();

        @Override
        public void handleException(StompSession session, StompCommand command, StompHeaders headers, byte[] payload, Throwable e) {
            failures.add(command + ": " + e);
        }

        @Override
        public void handleFrame(StompHeaders headers, Object payload) {
            failures.add("ERROR " + headers + ": " + payload);
        }
    }

    private static String take(BlockingQueue<String> queue) throws InterruptedException {
        return queue.poll(TIMEOUT, TimeUnit.SECONDS);
    }

    private static void equal(Object want, Object got) {
        check(want.equals(got), "want " + want + ", got " + got);
    }

    private static void check(boolean ok, String what) {
        if (!ok) {
            throw new AssertionError(what);
        }
    }
}
