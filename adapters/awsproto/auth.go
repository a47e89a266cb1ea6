package awsproto

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// AuthMode says whose requests are taken.
type AuthMode string

// The modes.
const (
	// AuthAuto takes any access key, and none, from a loopback address and refuses everybody else.
	AuthAuto AuthMode = "auto"
	// AuthOff takes any access key, and none, from anywhere.
	AuthOff AuthMode = "off"
	// AuthOn verifies signatures and lets a caller do what policies allow.
	AuthOn AuthMode = "on"
)

// Check says whether the mode can be used.
func (m AuthMode) Check() error {
	switch m {
	case AuthAuto, AuthOff, AuthOn:
		return nil
	}
	return fmt.Errorf("aws.auth: %q is not one of %q, %q, %q", string(m), AuthAuto, AuthOff, AuthOn)
}

// credential is a request's signature. All but its scope is read only where signatures are verified.
type credential struct {
	accessKey string
	date      string // of the scope
	region    string
	service   string
	term      string

	time          string // of the request, as it was sent
	signedHeaders []string
	signature     string
	token         string // of a session
	presigned     bool
	expires       time.Duration
}

const signAlgorithm = "AWS4-HMAC-SHA256"

// maxCredential bounds a Credential value; real ones are below 100 bytes.
const maxCredential = 512

// credentialOf reads who sent a request: from the Authorization header, or from the query string of
// a presigned URL. An unsigned request has the zero credential.
func credentialOf(r *http.Request) (credential, *Error) {
	header := r.Header.Get("Authorization")
	var query url.Values
	if strings.Contains(r.URL.RawQuery, "X-Amz-Credential") {
		query = r.URL.Query()
	}
	presigned := query.Get("X-Amz-Credential")
	switch {
	case header != "" && presigned != "":
		return credential{}, Errorf("InvalidSignatureException", 400, "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.")
	case header != "":
		return parseAuthorization(header, r.Header)
	case presigned != "":
		return parsePresigned(query)
	}
	return credential{}, nil
}

// parseAuthorization reads the header form:
//
//	AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, SignedHeaders=..., Signature=...
func parseAuthorization(header string, headers http.Header) (credential, *Error) {
	rest, ok := strings.CutPrefix(header, signAlgorithm)
	if !ok || (rest != "" && rest[0] != ' ' && rest[0] != ',') {
		return credential{}, incomplete("Unsupported AWS 'algorithm': %q.", firstWord(header))
	}
	var scope, names, signature string
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "Credential":
			scope = value
		case "SignedHeaders":
			names = value
		case "Signature":
			signature = value
		}
	}
	var missing []string
	if scope == "" {
		missing = append(missing, "Authorization header requires 'Credential' parameter.")
	}
	if signature == "" {
		missing = append(missing, "Authorization header requires 'Signature' parameter.")
	}
	if names == "" {
		missing = append(missing, "Authorization header requires 'SignedHeaders' parameter.")
	}
	if len(missing) > 0 {
		return credential{}, incomplete("%s", strings.Join(missing, " "))
	}
	c, err := parseScope(scope)
	if err != nil {
		return c, err
	}
	c.signedHeaders, c.signature = strings.Split(names, ";"), signature
	c.token = headers.Get("X-Amz-Security-Token")
	if c.time = headers.Get("X-Amz-Date"); c.time == "" {
		if at, err := http.ParseTime(headers.Get("Date")); err == nil {
			c.time = at.UTC().Format(amzTime)
		}
	}
	return c, nil
}

// parsePresigned reads the parameters of a presigned URL.
func parsePresigned(query url.Values) (credential, *Error) {
	c, err := parseScope(query.Get("X-Amz-Credential"))
	if err != nil {
		return c, err
	}
	c.presigned = true
	c.time, c.token, c.signature = query.Get("X-Amz-Date"), query.Get("X-Amz-Security-Token"), query.Get("X-Amz-Signature")
	c.signedHeaders = strings.Split(query.Get("X-Amz-SignedHeaders"), ";")
	c.expires = clockSkew
	if text := query.Get("X-Amz-Expires"); text != "" {
		seconds, err := strconv.Atoi(text)
		if err != nil || seconds < 0 || time.Duration(seconds) > longestPresigned/time.Second {
			return c, signatureMismatch("X-Amz-Expires must be between 0 and 604800 seconds.")
		}
		c.expires = time.Duration(seconds) * time.Second
	}
	return c, nil
}

func parseScope(scope string) (credential, *Error) {
	parts := strings.Split(scope, "/")
	if len(scope) > maxCredential || len(parts) < 5 {
		return credential{}, incomplete("Credential must have at least 5 slash-delimited elements (keyid/date/region/service/term), got '%s'.", clip(scope))
	}
	// An access key id may itself hold slashes, so the scope is counted from the end.
	n := len(parts)
	c := credential{
		accessKey: strings.Join(parts[:n-4], "/"), date: parts[n-4], region: parts[n-3], service: parts[n-2], term: parts[n-1],
	}
	if !validRegion(c.region) {
		return credential{}, &Error{
			Shape: "SignatureDoesNotMatch", Namespace: coral, Status: 403,
			Message: fmt.Sprintf("Credential should be scoped to a valid region, not '%s'. ", clip(c.region)),
		}
	}
	return c, nil
}

func incomplete(format string, args ...any) *Error {
	e := Errorf("IncompleteSignatureException", 400, format, args...)
	e.QueryCode = "IncompleteSignature"
	return e
}

// validRegion takes what AWS's region names are made of; the region becomes part of a namespace's
// name.
func validRegion(region string) bool {
	if region == "" || len(region) > 32 {
		return false
	}
	return strings.Trim(region, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

func firstWord(s string) string {
	word, _, _ := strings.Cut(s, " ")
	return clip(word)
}

// admit applies the mode to a request.
func (m AuthMode) admit(r *http.Request) *Error {
	if m == AuthOff || fromLoopback(r.RemoteAddr) {
		return nil
	}
	return invalidToken()
}

func fromLoopback(remote string) bool {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return false
	}
	if zone := strings.IndexByte(host, '%'); zone >= 0 {
		host = host[:zone]
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
