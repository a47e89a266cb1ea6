package sqs

import (
	"context"
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/portico-mq/portico/adapters/awsproto"
)

// FuzzRequest runs requests, seeded with those recorded from the AWS SDK, through the whole adapter:
// none may panic, which the endpoint would log, nor fail by a fault of ours.
func FuzzRequest(f *testing.F) {
	paths, err := filepath.Glob("../awsproto/testdata/requests/sqs-*.snap")
	if err != nil || len(paths) == 0 {
		f.Fatal("no recorded requests", err)
	}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		action := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), "sqs-"), ".snap")
		_, body, _ := strings.Cut(string(content), "\n\n{")
		f.Add(action, strings.ReplaceAll("{"+body, "__QueueUrl__", testURL))
	}
	s := newService(f)
	s.ok("CreateQueue", `{"QueueName":"q"}`)
	f.Fuzz(func(t *testing.T, action, body string) {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond) // a receive may want to wait longer
		defer cancel()
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", strings.NewReader(body))
		r.RemoteAddr = "127.0.0.1:1"
		r.Header["X-Amz-Target"] = []string{"AmazonSQS." + action}
		r.Header.Set("Content-Type", "application/x-amz-json-1.0")
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		if w.Code >= 500 && ctx.Err() == nil {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

// FuzzForm does the same with the query protocol.
func FuzzForm(f *testing.F) {
	for _, form := range []string{
		"Action=CreateQueue&QueueName=q&Attribute.1.Name=VisibilityTimeout&Attribute.1.Value=40&Tag.1.Key=a&Tag.1.Value=b",
		"Action=SendMessage&QueueUrl=q&MessageBody=b&DelaySeconds=1&MessageAttribute.1.Name=a&MessageAttribute.1.Value.DataType=Binary&MessageAttribute.1.Value.BinaryValue=AQI=",
		"Action=SendMessageBatch&QueueUrl=q&SendMessageBatchRequestEntry.1.Id=a&SendMessageBatchRequestEntry.1.MessageBody=b",
		"Action=ReceiveMessage&QueueUrl=q&AttributeName.1=All&MaxNumberOfMessages=10",
		"Action=ChangeMessageVisibilityBatch&QueueUrl=q&ChangeMessageVisibilityBatchRequestEntry.1.Id=a&ChangeMessageVisibilityBatchRequestEntry.1.ReceiptHandle=x",
		"Action=AddPermission&QueueUrl=q&Label=l&AWSAccountId.1=111122223333&ActionName.1=SendMessage",
		"Action=StartMessageMoveTask&SourceArn=arn:aws:sqs:us-east-1:000000000000:q",
		"Action=SetQueueAttributes&QueueUrl=q&Attribute.1.Name=Policy&Attribute.1.Value=%7B%7D",
	} {
		f.Add(form)
	}
	s := newService(f)
	s.ok("CreateQueue", `{"QueueName":"q"}`)
	f.Fuzz(func(t *testing.T, form string) {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", strings.NewReader(form))
		r.RemoteAddr = "127.0.0.1:1"
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		var any struct{}
		if err := xml.Unmarshal(w.Body.Bytes(), &any); err != nil {
			t.Errorf("%v in %q", err, w.Body)
		}
		if w.Code >= 500 && ctx.Err() == nil {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

// FuzzDocument gives texts to everything that reads documents, handles, ARNs and URLs. What is taken is taken again
// when it is written.
func FuzzDocument(f *testing.F) {
	for _, text := range []string{
		`{"Version":"2012-10-17","Id":"i","Statement":[{"Sid":"s","Effect":"Allow","Principal":{"AWS":["*"]},"Action":"sqs:*","Resource":"*","Condition":{"StringLike":{"a":"b"}}}]}`,
		`{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:d","maxReceiveCount":"3"}`,
		`{"redrivePermission":"byQueue","sourceQueueArns":["arn:aws:sqs:us-east-1:000000000000:d"]}`,
		(&moveTask{id: "i", Source: "arn:aws:sqs:us-east-1:000000000000:d"}).handle(),
		"http://sqs.eu-west-1.localhost.localstack.cloud:4566/000000000000/q", "http://x/queue/eu-west-1/000000000000/q",
	} {
		f.Add(text)
	}
	c := &awsproto.Call{Path: "/", Account: "111122223333", Region: "us-east-1"}
	f.Fuzz(func(t *testing.T, text string) {
		if doc, ok := parsePolicy(text); ok {
			k := kept{attributes: make(map[string]string)}
			if err := k.setPolicy(&doc); err != nil {
				return // it is longer than it was
			}
			if _, again := parsePolicy(k.attributes[attrPolicy]); !again {
				t.Errorf("%q became %q", text, k.attributes[attrPolicy])
			}
		}
		if p, reason := parseRedrivePolicy(text); reason == "" && (p.maxReceive < 1 || p.maxReceive > maxReceiveCount || p.target == "") {
			t.Errorf("%q: %+v", text, p)
		}
		_ = checkRedriveAllowPolicy(attrRedriveAllow, text)
		if h, source, ok := parseTaskHandle(text); ok && (h.TaskID == "" || source.arn() == "") {
			t.Errorf("%q: %+v", text, h)
		}
		if a, ok := parseARN(text); ok {
			if b, again := parseARN(a.arn()); !again || a != b {
				t.Errorf("%q: %+v became %+v", text, a, b)
			}
		}
		if a, bad := parseQueueURL(c, text); bad == nil && (a.region == "" || !awsproto.IsAccount(a.account)) {
			t.Errorf("%q: %+v", text, a)
		}
	})
}
