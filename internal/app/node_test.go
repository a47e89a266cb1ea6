package app

import (
	"net/http"
	"strings"
	"testing"
)

// What the API tells of the node besides its queues: as RabbitMQ 3.10.8 does.
func TestNodeIsTold(t *testing.T) {
	certificate, key, _ := writeCertificate(t)
	r := start(t, "management.listen=127.0.0.1:0", "amqps.listen=127.0.0.1:0", "tls.certificate="+certificate, "tls.key="+key)
	a := &api{t, "http://" + r.started["management"] + "/api"}
	name := nodeName()
	for _, tt := range []struct {
		method, path, body string
		code               int
		want               string
	}{
		{"PUT", "/cluster-name", `{}`, 400, `{"error":"bad_request","reason":"[{key_missing,name}]"}`},
		{"PUT", "/cluster-name", `{"name":"one"}`, 204, ``},
		{"GET", "/cluster-name", ``, 200, `{"name":"one"}`},
		{"GET", "/overview?columns=cluster_name", ``, 200, `{"cluster_name":"one"}`},
		{"GET", "/global-parameters/cluster_name", ``, 200, `{"name":"cluster_name","value":"one"}`},
		{"GET", "/health/checks/certificate-expiration/0/days", ``, 200, `{"status":"ok"}`},
		{"GET", "/health/checks/certificate-expiration/x/days", ``, 400, `{"error":"bad_request","reason":"Invalid expiration value."}`},
		{"GET", "/health/checks/certificate-expiration/1/decades", ``, 400, `{"error":"bad_request","reason":"Time unit not recognised. Supported units: days, weeks, months, years."}`},
		{"GET", "/auth/attempts/other", ``, 404, `{"error":"Object Not Found","reason":"Not Found"}`},
		{"GET", "/auth/attempts/" + name + "/source", ``, 200, `[]`},
	} {
		if code, body := a.call(tt.method, tt.path, tt.body); code != tt.code || body != tt.want {
			t.Errorf("%s %s: %d %s\nwant %d %s", tt.method, tt.path, code, body, tt.code, tt.want)
		}
	}
	if code, body := a.call("GET", "/health/checks/certificate-expiration/100/years", ""); code != 503 || !strings.Contains(body, "Certificates expiring") {
		t.Errorf("the certificate lasts: %d %s", code, body)
	}
	if code := get(t, http.DefaultClient, a.base+"/whoami"); code != 401 { // which no attempt is made with
		t.Errorf("without a login: %d", code)
	}
	if _, body := a.call("GET", "/auth/attempts/"+name, ""); !strings.Contains(body, `"auth_attempts_failed":0`) || !strings.Contains(body, `"protocol":"http"`) {
		t.Errorf("attempts: %s", body)
	}
	n := a.object("/nodes/" + name)
	for _, key := range []string{"mem_used", "disk_free", "fd_used", "sockets_used", "proc_used", "connection_created"} {
		if _, ok := dig(n, key+"_details", "rate").(float64); !ok || n[key] == nil {
			t.Errorf("%s is %v, its rate %v", key, n[key], n[key+"_details"])
		}
	}
}
