package awsproto

import (
	"bufio"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// The cases of AWS's published signature version 4 test suite, by its names; "" for a body or headers that a case lacks.
var suite = []struct {
	name, request, headers, body, signed, signature string
}{
	{"get-vanilla", "GET /", "", "", "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
	{"get-vanilla-query-order-key-case", "GET /?Param2=value2&Param1=value1", "", "", "host;x-amz-date", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
	{"get-vanilla-empty-query-key", "GET /?Param1=value1", "", "", "host;x-amz-date", "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
	{"get-vanilla-utf8-query", "GET /?%E1%88%B4=bar", "", "", "host;x-amz-date", "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
	{"get-unreserved", "GET /-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", "", "", "host;x-amz-date", "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
	{"get-relative", "GET /example/..", "", "", "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
	{"get-slash", "GET //", "", "", "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
	{"get-slashes", "GET //example//", "", "", "host;x-amz-date", "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"},
	{"get-slash-pointless-dot", "GET /./example", "", "", "host;x-amz-date", "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5"},
	{"get-header-value-trim", "GET /", "My-Header1: value1\r\nMy-Header2: \"a   b   c\"\r\n", "", "host;my-header1;my-header2;x-amz-date", "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
	{"get-header-key-duplicate", "GET /", "My-Header1: value2\r\nMy-Header1: value2\r\nMy-Header1: value1\r\n", "", "host;my-header1;x-amz-date", "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
	{"post-vanilla", "POST /", "", "", "host;x-amz-date", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
	{"post-x-www-form-urlencoded", "POST /", "Content-Type: application/x-www-form-urlencoded\r\n", "Param1=value1", "content-type;host;x-amz-date", "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
}

const suiteSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

func suiteRequest(t *testing.T, request, headers, signed, signature string) *http.Request {
	t.Helper()
	text := request + " HTTP/1.1\r\nHost: example.amazonaws.com\r\nX-Amz-Date: 20150830T123600Z\r\n" + headers +
		"Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=" +
		signed + ", Signature=" + signature + "\r\n\r\n"
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSignatureSuite(t *testing.T) {
	for _, tt := range suite {
		t.Run(tt.name, func(t *testing.T) {
			r := suiteRequest(t, tt.request, tt.headers, tt.signed, tt.signature)
			c, bad := credentialOf(r)
			if bad != nil {
				t.Fatal(bad)
			}
			if bad := c.verify(r, []byte(tt.body), c.signingKey(suiteSecret)); bad != nil {
				t.Errorf("%v\n%s", bad, c.canonicalRequest(r, []byte(tt.body)))
			}
			if bad := c.verify(r, []byte(tt.body+"x"), c.signingKey(suiteSecret)); bad == nil {
				t.Error("another body has the same signature")
			}
			if bad := c.verify(r, []byte(tt.body), c.signingKey(suiteSecret+"x")); bad == nil {
				t.Error("another secret has the same signature")
			}
		})
	}
}

func TestSignatureTime(t *testing.T) {
	signed := time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)
	for _, tt := range []struct {
		now  time.Duration
		edit func(*credential)
		code string
		want string
	}{
		{0, nil, "", ""},
		{15 * time.Minute, nil, "", ""},
		{-5 * time.Minute, nil, "", ""},
		{16 * time.Minute, nil, "SignatureDoesNotMatch", "Signature expired: 20150830T123600Z is now earlier than 20150830T123700Z (20150830T125200Z - 15 min.)"},
		{-6 * time.Minute, nil, "SignatureDoesNotMatch", "Signature not yet current: 20150830T123600Z is still later than 20150830T123500Z (20150830T123000Z + 5 min.)"},
		{0, func(c *credential) { c.date = "20150829" }, "SignatureDoesNotMatch", "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20150829' != '20150830', from '20150830T123600Z'."},
		{0, func(c *credential) { c.term = "x" }, "SignatureDoesNotMatch", "Credential should be scoped with a valid terminator: 'aws4_request', not 'x'."},
		{0, func(c *credential) { c.time = "yesterday" }, "IncompleteSignature", "Date must be in ISO-8601 'basic format'. Got 'yesterday'. See http://en.wikipedia.org/wiki/ISO_8601"},
		{61 * time.Second, func(c *credential) { c.presigned, c.expires = true, time.Minute }, "RequestExpired", "Request has expired."},
		{59 * time.Minute, func(c *credential) { c.presigned, c.expires = true, time.Hour }, "", ""},
	} {
		c, _ := credentialOf(suiteRequest(t, "GET /", "", "host", "00"))
		if tt.edit != nil {
			tt.edit(&c)
		}
		bad := c.checkTime(signed.Add(tt.now))
		switch {
		case tt.code == "" && bad != nil:
			t.Errorf("%v: %v", tt.now, bad)
		case tt.code != "" && (bad == nil || bad.queryCode() != tt.code || bad.Message != tt.want):
			t.Errorf("%v: got %v, want %s %s", tt.now, bad, tt.code, tt.want)
		}
	}
}

func TestHostMustBeSigned(t *testing.T) {
	r := suiteRequest(t, "GET /", "", "x-amz-date", "00")
	c, _ := credentialOf(r)
	if bad := c.verify(r, nil, c.signingKey(suiteSecret)); bad == nil || !strings.Contains(bad.Message, "Host") {
		t.Error(bad)
	}
}

func FuzzSignature(f *testing.F) {
	f.Add("/a/../b", "X-Amz-Credential=A%2F20150830%2Fus-east-1%2Fsqs%2Faws4_request&X-Amz-Date=20150830T123600Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=00", "", "body")
	f.Add("//%zz", "a=%zz&&=&b", "AWS4-HMAC-SHA256 Credential=A/20150830/us-east-1/sqs/aws4_request, SignedHeaders=host;content-length;;x, Signature=00", "")
	f.Fuzz(func(t *testing.T, path, query, header, body string) {
		r := &http.Request{
			Method: http.MethodPost, URL: &url.URL{Path: path, RawPath: path, RawQuery: query}, Host: "example.com",
			Header: http.Header{"X-Amz-Date": {"20150830T123600Z"}}, ContentLength: int64(len(body)),
		}
		if header != "" {
			r.Header.Set("Authorization", header)
		}
		c, bad := credentialOf(r)
		if bad != nil || c.accessKey == "" {
			return
		}
		_ = c.checkTime(time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC))
		if bad := c.verify(r, []byte(body), c.signingKey(suiteSecret)); bad == nil && c.signature != c.sum(r, []byte(body), c.signingKey(suiteSecret)) {
			t.Error("a signature verifies that is not the secret's")
		}
	})
}

// BenchmarkSignature is what a signature costs of a request with a body of 1 KiB, with the key in hand and derived.
func BenchmarkSignature(b *testing.B) {
	body := []byte(strings.Repeat("x", 1024))
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("POST / HTTP/1.1\r\nHost: sqs.us-east-1.amazonaws.com\r\nX-Amz-Date: 20150830T123600Z\r\n" +
		"X-Amz-Target: AmazonSQS.SendMessage\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: 1024\r\n\r\n")))
	if err != nil {
		b.Fatal(err)
	}
	c := credential{
		accessKey: "AKIDEXAMPLE", date: "20150830", region: "us-east-1", service: "sqs", term: "aws4_request", time: "20150830T123600Z",
		signedHeaders: []string{"content-length", "content-type", "host", "x-amz-date", "x-amz-target"},
	}
	for name, key := range map[string]func(c *credential, secret string) []byte{
		"kept": new(signingKeys).key, "derived": (*credential).signingKey,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.sum(r, body, key(&c, suiteSecret))
			}
		})
	}
}
