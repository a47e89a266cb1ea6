package sqs

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
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
