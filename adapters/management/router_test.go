package management

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestFindsResources(t *testing.T) {
	rt := newRouter([]resource{
		{path: "/queues"},
		{path: "/queues/{vhost}"},
		{path: "/queues/{vhost}/{name}"},
		{path: "/queues/{vhost}/{name}/get"},
		{path: "/users/bulk-delete"},
		{path: "/users/{user}"},
		{path: "/users/{user}/permissions"},
	})
	for path, want := range map[string]string{
		"/queues": "/queues", "/queues/": "/queues", "/queues/%2F": "/queues/{vhost} vhost=/",
		"/queues/%2f/a%2Fb%20c": "/queues/{vhost}/{name} name=a/b c vhost=/",
		"/queues/v//get":        "/queues/{vhost}/{name}/get name= vhost=v",
		"/users/bulk-delete":    "/users/bulk-delete", "/users/x": "/users/{user} user=x",
		"/users/bulk-delete/permissions": "/users/{user}/permissions user=bulk-delete",
		"/queues/%2F/a/b":                "", "/nothing": "", "/": "",
	} {
		res, vars := rt.find(path)
		got := ""
		if res != nil {
			got = res.path
		}
		for _, name := range []string{"name", "user", "vhost"} {
			if v, ok := vars[name]; ok {
				got += " " + name + "=" + v
			}
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

func TestAnswersOfTheFrame(t *testing.T) {
	f := newFixture(t)
	for _, tt := range []struct {
		method, path, user, body string
		code                     int
	}{
		{"GET", "/api/whoami", "admin", `{"is_internal_user":true,"name":"admin","tags":["administrator"]}`, 200},
		{"GET", "/api/whoami?columns=name", "admin", `{"name":"admin"}`, 200},
		{"GET", "/api/whoami/", "admin", `{"is_internal_user":true,"name":"admin","tags":["administrator"]}`, 200},
		{"GET", "/api/whoami", "plain", `{"error":"not_authorised","reason":"Not management user"}`, 401},
		{"GET", "/api/whoami", "nobody", `{"error":"not_authorized","reason":"Not_Authorized"}`, 401},
		{"GET", "/api/whoami", "guest", `{"error":"not_authorised","reason":"User can only log in via localhost"}`, 401},
		{"GET", "/api/whoami", "", "", 401},
		{"POST", "/api/whoami", "admin", "", 405},
		{"OPTIONS", "/api/whoami", "", "", 200},
	} {
		w := f.do(t, tt.method, tt.path, tt.user, "")
		if got := strings.TrimSpace(w.Body.String()); w.Code != tt.code || got != tt.body {
			t.Errorf("%s %s as %q: got %d %s", tt.method, tt.path, tt.user, w.Code, got)
		}
		if allow := w.Header().Get("Allow"); (tt.code == 405 || tt.method == "OPTIONS") && allow != "HEAD, GET, OPTIONS" {
			t.Errorf("%s %s: Allow is %q", tt.method, tt.path, allow)
		}
		if challenge := w.Header().Get("WWW-Authenticate"); tt.code == 401 && (challenge == realm) != (tt.user == "" || tt.user == "nobody") {
			t.Errorf("%s: WWW-Authenticate is %q", tt.user, challenge)
		}
	}
}

func TestPages(t *testing.T) {
	for query, want := range map[string]string{
		"":                                 `[{"n":3,"name":"a"},{"n":1,"name":"b"},{"n":2,"name":"bb"}]`,
		"?sort=n":                          `[{"n":1,"name":"b"},{"n":2,"name":"bb"},{"n":3,"name":"a"}]`,
		"?sort=n&sort_reverse=true":        `[{"n":3,"name":"a"},{"n":2,"name":"bb"},{"n":1,"name":"b"}]`,
		"?columns=name":                    `[{"name":"a"},{"name":"b"},{"name":"bb"}]`,
		"?page=1&page_size=2&columns=name": `{"filtered_count":3,"item_count":2,"items":[{"name":"a"},{"name":"b"}],"page":1,"page_count":2,"page_size":2,"total_count":3}`,
		"?page=1&name=B&columns=name":      `{"filtered_count":2,"item_count":2,"items":[{"name":"b"},{"name":"bb"}],"page":1,"page_count":1,"page_size":100,"total_count":3}`,
		"?page=1&name=^b$&use_regex=true&columns=n": `{"filtered_count":1,"item_count":1,"items":[{"n":1}],"page":1,"page_count":1,"page_size":100,"total_count":3}`,
		"?page=3&page_size=2":                       `{"error":"page_out_of_range","reason":"Page out of range, page: 3 page size: 2, len: 3"}`,
		"?page=0":                                   `{"error":"bad_request","reason":"Invalid pagination parameters: page number 0 page size "}`,
		"?page=1&page_size=501":                     `{"error":"bad_request","reason":"Invalid pagination parameters: page number 1 page size 501"}`,
	} {
		w := httptest.NewRecorder()
		c := &call{w: w, r: httptest.NewRequestWithContext(t.Context(), "GET", "/api/queues"+query, nil)}
		c.list([]object{{"name": "bb", "n": 2}, {"name": "a", "n": 3}, {"name": "b", "n": 1}})
		if got := strings.TrimSpace(w.Body.String()); got != want || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s: got %s", query, got)
		}
	}
}
