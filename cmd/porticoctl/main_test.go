package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// ctl runs a command line against a server and returns what happened.
func ctl(t *testing.T, url string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errOut bytes.Buffer
	getenv := func(key string) string {
		if key == "PORTICOCTL_URL" {
			return url
		}
		return ""
	}
	code = run(append([]string{"/usr/sbin/rabbitmqctl"}, args...), getenv, &out, &errOut)
	return code, out.String(), errOut.String()
}

func TestSetMemoryHighWatermark(t *testing.T) {
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		user, password, _ := r.BasicAuth()
		got = r.Method + " " + r.URL.Path + " " + user + ":" + password + " " + string(body)
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	for _, tt := range []struct{ args, sent, said string }{
		{"0.4", `{"fraction":0.4}`, "to 0.4 ...\n"},
		{"0", `{"fraction":0}`, "to 0 ...\n"},
		{"1.0", `{"fraction":1}`, "to 1.0 ...\n"},
		{"absolute 1000", `{"bytes":1000}`, "to 1000 bytes ...\n"},
		{"absolute 2GB", `{"bytes":2000000000}`, "to 2GB bytes ...\n"},
		{"absolute 10k", `{"bytes":10240}`, "to 10k bytes ...\n"},
	} {
		got = ""
		code, stdout, stderr := ctl(t, server.URL, append([]string{"set_vm_memory_high_watermark"}, strings.Fields(tt.args)...)...)
		if want := "PUT /portico/v1/memory/limit guest:guest " + tt.sent; code != 0 || got != want {
			t.Errorf("%s: code %d, sent %q, want %q; %s", tt.args, code, got, want, stderr)
		}
		if !strings.HasPrefix(stdout, "Setting memory threshold on rabbit@") || !strings.HasSuffix(stdout, tt.said) {
			t.Errorf("%s: said %q", tt.args, stdout)
		}
	}
	if _, stdout, _ := ctl(t, server.URL, "-q", "set_vm_memory_high_watermark", "0.4"); stdout != "" {
		t.Errorf("quiet said %q", stdout)
	}
	if _, _, _ = ctl(t, "http://127.0.0.1:1", "--url", server.URL, "set_vm_memory_high_watermark", "0.4", "--user", "u", "--password", "p"); !strings.Contains(got, " u:p ") {
		t.Errorf("the flags were not used: %q", got)
	}
}

// The sentences and codes were taken from rabbitmqctl 3.10.8.
func TestWrongArguments(t *testing.T) {
	for _, tt := range []struct {
		args, want string
		code       int
	}{
		{"set_vm_memory_high_watermark", "Error (argument validation): not enough arguments.\n", 64},
		{"set_vm_memory_high_watermark absolute", "Error (argument validation): not enough arguments.\n", 64},
		{"set_vm_memory_high_watermark relative 0.5", "Error (argument validation): too many arguments.\n", 64},
		{"set_vm_memory_high_watermark foo", "Error (argument validation): Bad argument.\nArguments given:\n\tset_vm_memory_high_watermark foo\n", 65},
		{"set_vm_memory_high_watermark .5", "Error (argument validation): Bad argument.\n", 65},
		{"set_vm_memory_high_watermark NaN", "Error (argument validation): Bad argument.\n", 65},
		{"set_vm_memory_high_watermark 1.5", "Error (argument validation): Bad argument: The threshold should be a fraction between 0.0 and 1.0\n", 65},
		{"set_vm_memory_high_watermark absolute foo", "Error (argument validation): Bad argument.\n", 65},
		{"set_vm_memory_high_watermark absolute 1.5GB", "Error (argument validation): Bad argument: The threshold should be an integer.\n", 65},
		{"set_vm_memory_high_watermark absolute 10Kb", "Error (argument validation): Bad argument: Invalid units.\n", 65},
		{"set_vm_memory_high_watermark absolute 9999999999GB", "Error (argument validation): Bad argument.\n", 65},
		{"nonsense", "\nCommand 'nonsense' not found. \n", 64},
		{"--nonsense", "Error: flag provided but not defined: -nonsense\n", 64},
		{"", "\nUsage\n", 64},
	} {
		code, stdout, stderr := ctl(t, "http://127.0.0.1:1", strings.Fields(tt.args)...)
		if code != tt.code || stdout != "" || !strings.HasPrefix(stderr, tt.want) {
			t.Errorf("%q: code %d, want %d; said %q", tt.args, code, tt.code, stderr)
		}
	}
	if code, stdout, _ := ctl(t, "", "--help"); code != 0 || !strings.Contains(stdout, "set_vm_memory_high_watermark") {
		t.Errorf("help: code %d, %q", code, stdout)
	}
}

func TestServerRefuses(t *testing.T) {
	status := http.StatusUnauthorized
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"error":"not_authorized","reason":"Login failed"}`)
	}))
	if code, _, stderr := ctl(t, server.URL, "set_vm_memory_high_watermark", "0.4"); code != 77 || stderr != "Error: Login failed\n" {
		t.Errorf("401: code %d, %q", code, stderr)
	}
	status = http.StatusInternalServerError
	if code, _, _ := ctl(t, server.URL, "set_vm_memory_high_watermark", "0.4"); code != 70 {
		t.Errorf("500: code %d", code)
	}
	server.Close()
	if code, _, _ := ctl(t, server.URL, "set_vm_memory_high_watermark", "0.4"); code != 69 {
		t.Errorf("nobody there: code %d", code)
	}
}
