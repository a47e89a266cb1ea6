package sqs

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// BenchmarkSendReceiveDelete runs the three requests of a message through the adapter, over a broker in memory.
func BenchmarkSendReceiveDelete(b *testing.B) {
	s := newService(b)
	s.ok("CreateQueue", `{"QueueName":"q"}`)
	send := `{"QueueUrl":"` + testURL + `","MessageBody":"` + strings.Repeat("x", 1024) + `"}`
	call := func(action, body string) string {
		r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/", strings.NewReader(body))
		r.RemoteAddr = "127.0.0.1:1"
		r.Header.Set("X-Amz-Target", "AmazonSQS."+action)
		r.Header.Set("Content-Type", "application/x-amz-json-1.0")
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatal(w.Code, w.Body)
		}
		return w.Body.String()
	}
	b.ReportAllocs()
	for b.Loop() {
		call("SendMessage", send)
		_, after, _ := strings.Cut(call("ReceiveMessage", `{"QueueUrl":"`+testURL+`"}`), `"ReceiptHandle":"`)
		handle, _, _ := strings.Cut(after, `"`)
		call("DeleteMessage", `{"QueueUrl":"`+testURL+`","ReceiptHandle":"`+handle+`"}`)
	}
}
