package main

import (
	"strings"
	"testing"
)

func TestChecksPass(t *testing.T) {
	url := startPortico(t)
	for name, said := range map[string]string{
		"check_local_alarms":  "reported no local alarms\n",
		"check_alarms":        "reported no alarms, local or clusterwide\n",
		"check_virtual_hosts": "reported all vhosts as running\n",
		"node_health_check":   "Health check passed\n",
	} {
		code, stdout, stderr := ctl(t, url, name)
		if code != 0 || !strings.HasSuffix(stdout, said) {
			t.Errorf("%s: code %d, said %q %s", name, code, stdout, stderr)
		}
		deprecated := strings.HasPrefix(stdout, "This command is DEPRECATED and will be removed in a future version.\n")
		if deprecated != (name == "node_health_check") {
			t.Errorf("%s: said %q", name, stdout)
		}
	}
}

func TestAlarmFailsTheChecks(t *testing.T) {
	url := startPortico(t)
	if code, _, stderr := ctl(t, url, "set_vm_memory_high_watermark", "0"); code != 0 {
		t.Fatal(stderr)
	}
	for _, name := range []string{"check_alarms", "check_local_alarms", "node_health_check"} {
		if code, stdout, stderr := ctl(t, url, name); code != 70 || !strings.HasPrefix(stderr, "Error:\n") {
			t.Errorf("%s: code %d, said %q %q", name, code, stdout, stderr)
		}
	}
}

func TestWhatNeedsErlangIsRefused(t *testing.T) {
	for _, line := range []string{"eval 1."} {
		args := strings.Fields(line)
		code, stdout, stderr := ctl(t, "http://127.0.0.1:1", args...)
		if code != 69 || stdout != "" || !strings.HasPrefix(stderr, "Error: "+args[0]+" is not supported: ") {
			t.Errorf("%s: code %d, said %q %q", line, code, stdout, stderr)
		}
	}
}

// A hash that was printed is that of the password: a user who gets it logs in.
func TestHashPassword(t *testing.T) {
	url := startPortico(t)
	code, stdout, stderr := ctl(t, url, "hash_password", "s/e cret?")
	said, hash, ok := strings.Cut(strings.TrimSpace(stdout), "\n")
	if code != 0 || !ok || said != "Will hash password s/e cret?" {
		t.Fatalf("code %d, said %q %s", code, stdout, stderr)
	}
	c := newClient(options{url: url, user: "guest", password: "guest"})
	err := c.put(api("users", "u"), row{"password_hash": hash, "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": ""})
	if err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := ctl(t, url, "authenticate_user", "u", "s/e cret?"); code != 0 {
		t.Error(stderr)
	}
	if code, _, _ := ctl(t, url, "authenticate_user", "u", "other"); code != 65 {
		t.Errorf("another password: code %d", code)
	}
	if code, _, stderr := ctl(t, url, "hash_password", ""); code != 65 || !strings.Contains(stderr, "password cannot be an empty string") {
		t.Errorf("no password: code %d, %q", code, stderr)
	}
}
