package awsproto

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Signature version 4, as the AWS General Reference describes it for services other than S3: the path is encoded
// twice and normalized, and the body's hash is always that of the body. A client that signs UNSIGNED-PAYLOAD gets
// SignatureDoesNotMatch, as these services answer it.

// The texts of AWS for signatures that do not fit.
const (
	textMismatch = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	textToken    = "The security token included in the request is invalid."
	textExpired  = "The security token included in the request is expired"
)

const (
	// clockSkew is how far a request's time may be from ours.
	clockSkew = 15 * time.Minute
	// futureSkew is how far it may be ahead.
	futureSkew = 5 * time.Minute
	// longestPresigned is how long a presigned URL may be good for.
	longestPresigned = 7 * 24 * time.Hour

	amzTime = "20060102T150405Z"
	amzDate = "20060102"
)

func signatureMismatch(text string) *Error {
	e := Errorf("InvalidSignatureException", 403, "%s", text)
	e.QueryCode = "SignatureDoesNotMatch"
	return e
}

// invalidToken is the answer to an access key that nobody has, or a token that does not belong to it.
func invalidToken() *Error {
	e := Errorf("UnrecognizedClientException", 403, textToken)
	e.QueryCode = "InvalidClientTokenId"
	return e
}

// InvalidToken is the answer of a Keys function to an access key that nobody has, or a token that does not belong to it.
func InvalidToken() *Error { return invalidToken() }

// ExpiredToken is the answer of a Keys function to a session that is over.
func ExpiredToken() *Error {
	e := Errorf("ExpiredTokenException", 403, textExpired)
	e.QueryCode = "ExpiredToken"
	return e
}

func missingToken() *Error {
	e := Errorf("MissingAuthenticationTokenException", 403, "Request is missing Authentication Token")
	e.QueryCode = "MissingAuthenticationToken"
	return e
}

// checkTime says whether the signature's time is good now.
func (c *credential) checkTime(now time.Time) *Error {
	if c.term != "aws4_request" {
		return signatureMismatch("Credential should be scoped with a valid terminator: 'aws4_request', not '" + clip(c.term) + "'.")
	}
	at, err := time.Parse(amzTime, c.time)
	if err != nil {
		return incomplete("Date must be in ISO-8601 'basic format'. Got '%s'. See http://en.wikipedia.org/wiki/ISO_8601", clip(c.time))
	}
	if day := at.Format(amzDate); day != c.date {
		return signatureMismatch("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '" +
			clip(c.date) + "' != '" + day + "', from '" + c.time + "'.")
	}
	now = now.UTC()
	if latest := now.Add(futureSkew); at.After(latest) {
		return signatureMismatch("Signature not yet current: " + c.time + " is still later than " + latest.Format(amzTime) +
			" (" + now.Format(amzTime) + " + 5 min.)")
	}
	if c.presigned {
		if now.After(at.Add(c.expires)) {
			return Errorf("RequestExpired", 400, "Request has expired.")
		}
		return nil
	}
	if earliest := now.Add(-clockSkew); at.Before(earliest) {
		return signatureMismatch("Signature expired: " + c.time + " is now earlier than " + earliest.Format(amzTime) +
			" (" + now.Format(amzTime) + " - 15 min.)")
	}
	return nil
}

// verify says whether the request was signed with the key. The comparison takes the same time whatever is wrong.
func (c *credential) verify(r *http.Request, body, key []byte) *Error {
	if !slices.Contains(c.signedHeaders, "host") {
		return signatureMismatch("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
	}
	// What says what is to be done must be signed, or somebody on the way could change it.
	for _, name := range []string{"X-Amz-Date", "X-Amz-Target", "X-Amz-Security-Token"} {
		if r.Header.Get(name) != "" && !slices.Contains(c.signedHeaders, strings.ToLower(name)) {
			return signatureMismatch("'" + strings.ToLower(name) + "' must be a 'SignedHeader' in the AWS Authorization.")
		}
	}
	if subtle.ConstantTimeCompare([]byte(c.sum(r, body, key)), []byte(c.signature)) != 1 {
		return signatureMismatch(textMismatch)
	}
	return nil
}

// sum is the signature that the key makes.
func (c *credential) sum(r *http.Request, body, key []byte) string {
	hash := sha256.Sum256([]byte(c.canonicalRequest(r, body)))
	scope := c.date + "/" + c.region + "/" + c.service + "/" + c.term
	text := signAlgorithm + "\n" + c.time + "\n" + scope + "\n" + hex.EncodeToString(hash[:])
	return hex.EncodeToString(hmacSHA256(key, text))
}

func hmacSHA256(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// canonicalRequest is the request as both sides write it before they hash it.
func (c *credential) canonicalRequest(r *http.Request, body []byte) string {
	var b strings.Builder
	b.WriteString(r.Method + "\n" + canonicalPath(r.URL) + "\n" + canonicalQuery(r.URL.RawQuery) + "\n")
	for _, name := range c.signedHeaders {
		b.WriteString(name + ":" + headerValue(r, name) + "\n")
	}
	sum := sha256.Sum256(body)
	b.WriteString("\n" + strings.Join(c.signedHeaders, ";") + "\n" + hex.EncodeToString(sum[:]))
	return b.String()
}

// headerValue joins a header's values. The server keeps some headers elsewhere.
func headerValue(r *http.Request, name string) string {
	switch name {
	case "host":
		return strings.TrimSpace(r.Host)
	case "content-length":
		return strconv.FormatInt(max(r.ContentLength, 0), 10)
	case "transfer-encoding":
		return strings.Join(r.TransferEncoding, ",")
	}
	values := r.Header.Values(name)
	clean := make([]string, len(values))
	for i, v := range values {
		clean[i] = strings.Join(strings.FieldsFunc(v, func(r rune) bool { return r == ' ' }), " ")
	}
	return strings.Join(clean, ",")
}

// canonicalPath encodes the path as it was sent once more, without dot segments and double slashes.
func canonicalPath(u *url.URL) string {
	raw := u.EscapedPath()
	clean := path.Clean("/" + raw)
	if strings.HasSuffix(raw, "/") && clean != "/" {
		clean += "/"
	}
	return encode(clean, true)
}

// canonicalQuery sorts the parameters by their encoded names, then values.
func canonicalQuery(raw string) string {
	var pairs []string
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		name, value, _ := strings.Cut(pair, "=")
		name, value = recode(name), recode(value)
		if pair == "" || name == "X-Amz-Signature" {
			continue
		}
		// An "=" sorts after every encoded character that can follow a name; a zero before all.
		pairs = append(pairs, name+"\x00"+value)
	}
	slices.Sort(pairs)
	return strings.ReplaceAll(strings.Join(pairs, "&"), "\x00", "=")
}

func recode(s string) string {
	decoded, err := url.QueryUnescape(s)
	if err != nil {
		decoded = s
	}
	return encode(decoded, false)
}

// encode writes all but the unreserved characters of RFC 3986 as %XX.
func encode(s string, slashes bool) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	b.Grow(len(s))
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-._~", c) >= 0, c == '/' && slashes:
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}
