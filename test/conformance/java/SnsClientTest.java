import java.net.URI;
import java.util.List;
import java.util.Map;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.sns.SnsClient;
import software.amazon.awssdk.services.sns.model.MessageAttributeValue;
import software.amazon.awssdk.services.sns.model.NotFoundException;
import software.amazon.awssdk.services.sns.model.PublishBatchRequestEntry;
import software.amazon.awssdk.services.sns.model.Subscription;
import software.amazon.awssdk.services.sns.model.Tag;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.sqs.model.Message;
import software.amazon.awssdk.services.sqs.model.QueueAttributeName;

/** The AWS SDK for Java v2 against SNS. */
public class SnsClientTest {
    static final URI ENDPOINT = URI.create(System.getenv("AWS_ENDPOINT_URL"));
    static final StaticCredentialsProvider KEYS = StaticCredentialsProvider.create(AwsBasicCredentials.create("test", "test"));

    public static void main(String[] args) {
        try (SnsClient sns = SnsClient.builder().endpointOverride(ENDPOINT).region(Region.US_EAST_1).credentialsProvider(KEYS).build();
                SqsClient sqs = SqsClient.builder().endpointOverride(ENDPOINT).region(Region.US_EAST_1).credentialsProvider(KEYS).build()) {
            run(sns, sqs);
        }
        System.out.println("sns java ok");
    }

    static void run(SnsClient sns, SqsClient sqs) {
        String queue = sqs.createQueue(b -> b.queueName("java-sns.fifo").attributes(Map.of(QueueAttributeName.FIFO_QUEUE, "true"))).queueUrl();
        String queueArn = sqs.getQueueAttributes(b -> b.queueUrl(queue).attributeNames(QueueAttributeName.QUEUE_ARN)).attributes().get(QueueAttributeName.QUEUE_ARN);
        String topic = sns.createTopic(b -> b.name("java.fifo").attributes(Map.of("FifoTopic", "true")).tags(Tag.builder().key("a").value("b").build())).topicArn();
        String subscription = sns.subscribe(b -> b.topicArn(topic).protocol("sqs").endpoint(queueArn).returnSubscriptionArn(true)
            .attributes(Map.of("RawMessageDelivery", "true", "FilterPolicy", "{\"kind\":[{\"anything-but\":[\"dog\"]}]}"))).subscriptionArn();
        check(sns.getSubscriptionAttributes(b -> b.subscriptionArn(subscription)).attributes().get("RawMessageDelivery").equals("true"), "raw");
        var entries = List.of("cat", "dog", "cow").stream().map(kind -> PublishBatchRequestEntry.builder().id(kind).message(kind)
            .messageGroupId("g").messageDeduplicationId(kind).messageAttributes(Map.of(
                "kind", MessageAttributeValue.builder().dataType("String").stringValue(kind).build(),
                "bytes", MessageAttributeValue.builder().dataType("Binary").binaryValue(SdkBytes.fromByteArray(new byte[] {0, -1})).build())).build()).toList();
        var answer = sns.publishBatch(b -> b.topicArn(topic).publishBatchRequestEntries(entries));
        check(answer.successful().size() == 3 && answer.successful().get(0).sequenceNumber().length() == 20, "batch " + answer);
        var again = sns.publish(b -> b.topicArn(topic).message("cat").messageGroupId("g").messageDeduplicationId("cat"));
        check(again.messageId().equals(answer.successful().get(0).messageId()), "duplicate " + again);
        for (String want : List.of("cat", "cow")) {
            List<Message> got = List.of();
            for (int i = 0; i < 3 && got.isEmpty(); i++) {
                got = sqs.receiveMessage(b -> b.queueUrl(queue).waitTimeSeconds(20).messageAttributeNames("All")).messages();
            }
            check(got.size() == 1 && got.get(0).body().equals(want) && got.get(0).messageAttributes().get("kind").stringValue().equals(want), "received " + got);
            String handle = got.get(0).receiptHandle();
            sqs.deleteMessage(b -> b.queueUrl(queue).receiptHandle(handle));
        }
        int n = 0;
        for (Subscription s : sns.listSubscriptionsByTopicPaginator(b -> b.topicArn(topic)).subscriptions()) {
            n += s.endpoint().equals(queueArn) ? 1 : 100;
        }
        check(n == 1, n + " subscriptions");
        sns.setTopicAttributes(b -> b.topicArn(topic).attributeName("ContentBasedDeduplication").attributeValue("true"));
        check(sns.getTopicAttributes(b -> b.topicArn(topic)).attributes().get("ContentBasedDeduplication").equals("true"), "attribute");
        sns.unsubscribe(b -> b.subscriptionArn(subscription));
        sns.deleteTopic(b -> b.topicArn(topic));
        try {
            sns.publish(b -> b.topicArn(topic).message("m").messageGroupId("g"));
            check(false, "published to a deleted topic");
        } catch (NotFoundException e) {
            check(e.awsErrorDetails().errorMessage().equals("Topic does not exist"), e.getMessage());
        }
    }

    static void check(boolean ok, String what) {
        if (!ok) throw new AssertionError(what);
    }
}
