import com.amazon.sqs.javamessaging.AmazonSQSMessagingClientWrapper;
import com.amazon.sqs.javamessaging.ProviderConfiguration;
import com.amazon.sqs.javamessaging.SQSConnection;
import com.amazon.sqs.javamessaging.SQSConnectionFactory;
import com.amazon.sqs.javamessaging.SQSSession;
import jakarta.jms.Message;
import jakarta.jms.MessageConsumer;
import jakarta.jms.MessageProducer;
import jakarta.jms.ObjectMessage;
import jakarta.jms.BytesMessage;
import jakarta.jms.Queue;
import jakarta.jms.Session;
import jakarta.jms.TextMessage;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.sqs.SqsAsyncClient;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.sqs.batchmanager.SqsAsyncBatchManager;
import software.amazon.awssdk.services.sqs.model.MessageAttributeValue;
import software.amazon.awssdk.services.sqs.model.QueueAttributeName;
import software.amazon.awssdk.services.sqs.model.QueueDoesNotExistException;
import software.amazon.awssdk.services.sqs.model.QueueNameExistsException;

/** The AWS SDK for Java v2 and the Amazon SQS Java Messaging Library (JMS) against SQS. */
public class SqsClients {
    static final URI ENDPOINT = URI.create(System.getenv("AWS_ENDPOINT_URL"));
    static final StaticCredentialsProvider KEYS = StaticCredentialsProvider.create(AwsBasicCredentials.create("test", "test"));
    static final int WAIT = 30;

    public static void main(String[] args) throws Exception {
        try (SqsClient sqs = SqsClient.builder().endpointOverride(ENDPOINT).region(Region.US_EAST_1).credentialsProvider(KEYS).build()) {
            sdk(sqs);
            errors(sqs);
            batchManager(sqs);
            // Closing a JMS connection waits for its last long poll, of 20 s: so all at once.
            inParallel(() -> jms(sqs), () -> jmsFifo(sqs), () -> listener(sqs));
        }
        System.out.println("Java v2 and JMS over SQS ok");
    }

    interface Part {
        void run() throws Exception;
    }

    static void inParallel(Part... parts) throws Exception {
        var running = new ArrayList<java.util.concurrent.CompletableFuture<Void>>();
        for (Part part : parts) {
            running.add(java.util.concurrent.CompletableFuture.runAsync(() -> {
                try {
                    part.run();
                } catch (Exception e) {
                    throw new java.util.concurrent.CompletionException(e);
                }
            }, task -> new Thread(task).start()));
        }
        for (var r : running) r.get();
    }

    static void check(boolean ok, Object about) {
        if (!ok) throw new AssertionError(about);
    }

    static void sdk(SqsClient sqs) {
        String url = sqs.createQueue(b -> b.queueName("java-sdk").attributes(Map.of(QueueAttributeName.VISIBILITY_TIMEOUT, "45")).tags(Map.of("a", "b"))).queueUrl();
        var sent = sqs.sendMessage(b -> b.queueUrl(url).messageBody("hellö \r\n").messageAttributes(Map.of(
            "bytes", MessageAttributeValue.builder().dataType("Binary").binaryValue(SdkBytes.fromByteArray(new byte[] {0, -1})).build(),
            "n", MessageAttributeValue.builder().dataType("Number").stringValue("1.50").build())));
        var got = sqs.receiveMessage(b -> b.queueUrl(url).waitTimeSeconds(5).messageAttributeNames("All").messageSystemAttributeNamesWithStrings("All")).messages();
        check(got.size() == 1 && got.get(0).messageId().equals(sent.messageId()) && got.get(0).body().equals("hellö \r\n"), got);
        check(got.get(0).md5OfMessageAttributes().equals(sent.md5OfMessageAttributes()), got);
        check(got.get(0).messageAttributes().get("n").stringValue().equals("1.50"), got);
        sqs.changeMessageVisibility(b -> b.queueUrl(url).receiptHandle(got.get(0).receiptHandle()).visibilityTimeout(100));
        sqs.deleteMessage(b -> b.queueUrl(url).receiptHandle(got.get(0).receiptHandle()));
        var all = sqs.getQueueAttributes(b -> b.queueUrl(url).attributeNames(QueueAttributeName.ALL)).attributes();
        check(all.get(QueueAttributeName.VISIBILITY_TIMEOUT).equals("45"), all);
        check(all.get(QueueAttributeName.APPROXIMATE_NUMBER_OF_MESSAGES).equals("0"), all);
        check(sqs.listQueueTags(b -> b.queueUrl(url)).tags().equals(Map.of("a", "b")), "tags");
        check(sqs.listQueuesPaginator(b -> b.queueNamePrefix("java-").maxResults(1)).queueUrls().stream().toList().equals(List.of(url)), "paging");
    }

    static void errors(SqsClient sqs) {
        try {
            sqs.getQueueUrl(b -> b.queueName("java-none"));
            check(false, "a queue that does not exist");
        } catch (QueueDoesNotExistException e) {
            check(e.awsErrorDetails().errorCode().equals("AWS.SimpleQueueService.NonExistentQueue"), e.awsErrorDetails());
        }
        try {
            sqs.createQueue(b -> b.queueName("java-sdk").attributes(Map.of(QueueAttributeName.VISIBILITY_TIMEOUT, "46")));
            check(false, "another value");
        } catch (QueueNameExistsException e) {
            check(e.statusCode() == 400, e);
        }
    }

    /** The batch manager gathers sends, and asks for attributes of the queue by itself. */
    static void batchManager(SqsClient sqs) throws Exception {
        String url = sqs.createQueue(b -> b.queueName("java-batches")).queueUrl();
        try (SqsAsyncClient async = SqsAsyncClient.builder().endpointOverride(ENDPOINT).region(Region.US_EAST_1).credentialsProvider(KEYS).build();
             SqsAsyncBatchManager manager = async.batchManager()) {
            var sends = new ArrayList<java.util.concurrent.CompletableFuture<?>>();
            for (int i = 0; i < 25; i++) {
                String body = "b" + i;
                sends.add(manager.sendMessage(b -> b.queueUrl(url).messageBody(body)));
            }
            for (var send : sends) send.get(WAIT, TimeUnit.SECONDS);
            int got = 0;
            for (long end = System.nanoTime() + WAIT * 1_000_000_000L; got < 25 && System.nanoTime() < end;) {
                for (var m : manager.receiveMessage(b -> b.queueUrl(url).maxNumberOfMessages(10)).get(WAIT, TimeUnit.SECONDS).messages()) {
                    manager.deleteMessage(b -> b.queueUrl(url).receiptHandle(m.receiptHandle())).get(WAIT, TimeUnit.SECONDS);
                    got++;
                }
            }
            check(got == 25, got);
        }
    }

    static SQSConnection connect(SqsClient sqs) throws Exception {
        return new SQSConnectionFactory(new ProviderConfiguration(), sqs).createConnection();
    }

    static void jms(SqsClient sqs) throws Exception {
        SQSConnection connection = connect(sqs);
        AmazonSQSMessagingClientWrapper client = connection.getWrappedAmazonSQSClient();
        check(!client.queueExists("java-jms"), "a queue that is not there");
        client.createQueue("java-jms");
        check(client.queueExists("java-jms"), "a queue that is there");
        Session session = connection.createSession(false, Session.CLIENT_ACKNOWLEDGE);
        Queue queue = session.createQueue("java-jms");
        MessageProducer producer = session.createProducer(queue);
        MessageConsumer consumer = session.createConsumer(queue);
        connection.start();
        TextMessage text = session.createTextMessage("text");
        text.setStringProperty("s", "v");
        text.setIntProperty("i", 7);
        text.setBooleanProperty("b", true);
        text.setJMSCorrelationID("corr");
        producer.send(text);
        TextMessage gotText = (TextMessage) consumer.receive(WAIT * 1000);
        check(gotText.getText().equals("text") && gotText.getStringProperty("s").equals("v") && gotText.getIntProperty("i") == 7 && gotText.getBooleanProperty("b"), gotText);
        check(gotText.getJMSCorrelationID().equals("corr") && gotText.getJMSMessageID().equals(text.getJMSMessageID()) && !gotText.getJMSRedelivered(), gotText);
        gotText.acknowledge();
        BytesMessage bytes = session.createBytesMessage();
        bytes.writeBytes(new byte[] {1, 0, -1});
        producer.send(bytes);
        BytesMessage gotBytes = (BytesMessage) consumer.receive(WAIT * 1000);
        byte[] content = new byte[3];
        check(gotBytes.readBytes(content) == 3 && content[2] == -1, gotBytes);
        gotBytes.acknowledge();
        ObjectMessage object = session.createObjectMessage(new ArrayList<>(List.of("a", "b")));
        producer.send(object);
        ObjectMessage gotObject = (ObjectMessage) consumer.receive(WAIT * 1000);
        check(gotObject.getObject().equals(List.of("a", "b")), gotObject);
        // What is not acknowledged comes again after recover.
        session.recover();
        Message again = consumer.receive(WAIT * 1000);
        check(again.getJMSRedelivered() && again.getIntProperty("JMSXDeliveryCount") >= 2, again);
        again.acknowledge();
        connection.close();
    }

    static void jmsFifo(SqsClient sqs) throws Exception {
        SQSConnection connection = connect(sqs);
        connection.getWrappedAmazonSQSClient().createQueue(software.amazon.awssdk.services.sqs.model.CreateQueueRequest.builder()
            .queueName("java-jms.fifo").attributes(Map.of(QueueAttributeName.FIFO_QUEUE, "true", QueueAttributeName.CONTENT_BASED_DEDUPLICATION, "true")).build());
        Session session = connection.createSession(false, SQSSession.UNORDERED_ACKNOWLEDGE);
        Queue queue = session.createQueue("java-jms.fifo");
        MessageProducer producer = session.createProducer(queue);
        String last = "";
        for (int i = 0; i < 12; i++) {
            TextMessage m = session.createTextMessage("m" + i);
            m.setStringProperty("JMSXGroupID", "group");
            producer.send(m);
            String number = m.getStringProperty("JMS_SQS_SequenceNumber");
            check(number.compareTo(last) > 0, number);
            last = number;
        }
        connection.start();
        MessageConsumer consumer = session.createConsumer(queue);
        for (int i = 0; i < 12; i++) {
            TextMessage m = (TextMessage) consumer.receive(WAIT * 1000);
            check(m != null && m.getText().equals("m" + i) && m.getStringProperty("JMSXGroupID").equals("group"), i + " " + m);
            m.acknowledge();
        }
        connection.close();
    }

    static void listener(SqsClient sqs) throws Exception {
        SQSConnection connection = connect(sqs);
        connection.getWrappedAmazonSQSClient().createQueue("java-listener");
        Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
        Queue queue = session.createQueue("java-listener");
        CountDownLatch left = new CountDownLatch(20);
        session.createConsumer(queue).setMessageListener(m -> left.countDown());
        connection.start();
        Session sender = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
        MessageProducer producer = sender.createProducer(queue);
        for (int i = 0; i < 20; i++) producer.send(sender.createTextMessage("m" + i));
        check(left.await(WAIT, TimeUnit.SECONDS), left.getCount());
        connection.close();
    }
}
