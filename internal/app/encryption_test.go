package app

import (
	"bytes"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// askSQS sends a JSON request to the AWS port and gives the answer.
func askSQS(t *testing.T, address, action, body string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Target", "AmazonSQS."+action)
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer bytes.Buffer
	if _, err := answer.ReadFrom(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %s %v", action, resp.StatusCode, &answer, err)
	}
	return answer.String()
}

// holds tells whether any file below a directory holds a text.
func holds(t *testing.T, dir, text string) bool {
	t.Helper()
	found := false
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		found = found || bytes.Contains(content, []byte(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// What is stored cannot be read without the key, SQS says that it is encrypted, and another key is refused at the start.
func TestEncryption(t *testing.T) {
	const body = "nobody reads this on the disk"
	for _, encrypted := range []bool{true, false} {
		dir := t.TempDir()
		settings := []string{"data_dir=" + dir, "aws.listen=127.0.0.1:0"}
		if encrypted {
			settings = append(settings, "encryption.key=a key of the tests")
		}
		r := start(t, settings...)
		askSQS(t, r.started["aws"], "CreateQueue", `{"QueueName":"q"}`)
		askSQS(t, r.started["aws"], "SendMessage", `{"QueueUrl":"q","MessageBody":"`+body+`"}`)
		shown := askSQS(t, r.started["aws"], "GetQueueAttributes", `{"QueueUrl":"q","AttributeNames":["SqsManagedSseEnabled"]}`)
		if strings.Contains(shown, `"true"`) != encrypted {
			t.Errorf("encrypted: %v, shown %s", encrypted, shown)
		}
		r.stop()
		if err := <-r.ended; err != nil {
			t.Fatal(err)
		}
		if holds(t, dir, body) == encrypted {
			t.Errorf("encrypted: %v, and the body is on the disk: %v", encrypted, !encrypted)
		}
		if !encrypted {
			continue
		}
		for _, wrong := range []struct{ setting, text string }{
			{"encryption.key=another key of the tests", "encrypted with another key"},
			{"encryption.key=", "is encrypted, and no encryption key is given"},
		} {
			err := Run(t.Context(), configure(t, append(settings, wrong.setting)...), slog.New(slog.DiscardHandler))
			if err == nil || !strings.Contains(err.Error(), wrong.text) {
				t.Errorf("%s: %v", wrong.setting, err)
			}
		}
		file := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(file, []byte("a key of the tests\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		r = start(t, append(settings, "encryption.key=", "encryption.key_file="+file)...)
		if got := askSQS(t, r.started["aws"], "ReceiveMessage", `{"QueueUrl":"q"}`); !strings.Contains(got, body) {
			t.Errorf("received %s", got)
		}
	}
}

func TestEncryptionKeyFileThatCannotBeUsed(t *testing.T) {
	short := filepath.Join(t.TempDir(), "short")
	if err := os.WriteFile(short, []byte("short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{short, short + "er"} {
		err := Run(t.Context(), configure(t, "encryption.key_file="+file), slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), "encryption.key_file") {
			t.Errorf("%s: %v", file, err)
		}
	}
}
