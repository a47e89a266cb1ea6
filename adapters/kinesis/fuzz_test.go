package kinesis

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
	paths, err := filepath.Glob("../awsproto/testdata/requests/kinesis-*.snap")
	if err != nil || len(paths) == 0 {
		f.Fatal("no recorded requests", err)
	}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		action := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), "kinesis-"), ".snap")
		_, body, _ := strings.Cut(string(content), "\n\n{")
		f.Add(action, strings.NewReplacer("__StreamName__", "s", `"StreamARN":"__StreamARN__","StreamId":"__StreamId__",`, "", `"DryRun":true,`, "").Replace("{"+body))
	}
	s := newService(f)
	s.ok("CreateStream", `{"StreamName":"s","ShardCount":2}`)
	f.Fuzz(func(t *testing.T, action, body string) {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond) // longer than any request takes
		defer cancel()
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", strings.NewReader(body))
		r.RemoteAddr = "127.0.0.1:1"
		r.Header["X-Amz-Target"] = []string{"Kinesis_20131202." + action}
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		if w.Code >= 500 && ctx.Err() == nil {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}
