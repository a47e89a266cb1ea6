package awsproto

import (
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
)

// plainHead is a request's head as SDKs write it: a POST to "/" over HTTP/1.1, with the length of its body and without
// anything that concerns the connection. It views the text that it was read from.
type plainHead struct {
	host   string
	length int64
	header http.Header
	values []string // what the header's slices stand in
}

// read reads a head, without the empty line at its end. False: it is none that is plain, and net/http must read it.
func (h *plainHead) read(text string) bool {
	clear(h.header)
	h.host, h.length, h.values = "", -1, h.values[:0]
	lines, ok := strings.CutPrefix(text, "POST / HTTP/1.1\r\n")
	if !ok {
		return false
	}
	for lines != "" {
		var line string
		line, lines, _ = strings.Cut(lines, "\r\n")
		name, value, ok := strings.Cut(line, ":")
		if !ok || !h.add(name, strings.Trim(value, " \t")) {
			return false
		}
	}
	return h.host != "" && h.length >= 0
}

// add takes a field of the head.
func (h *plainHead) add(name, value string) bool {
	if !isToken(name) || !isFieldValue(value) {
		return false
	}
	key := canonicalKey(name)
	switch key {
	case "Host":
		if h.host != "" || !isPlainHost(value) {
			return false
		}
		h.host = value
		return true // net/http keeps it elsewhere, too
	case "Content-Length":
		n, err := strconv.ParseUint(value, 10, 31)
		if err != nil || h.length >= 0 || value[0] == '+' {
			return false
		}
		h.length = int64(n)
	case "Connection":
		if !strings.EqualFold(value, "keep-alive") {
			return false
		}
	case "Transfer-Encoding", "Expect", "Upgrade", "Trailer", "Http2-Settings":
		return false
	}
	if at := len(h.values); h.header[key] == nil && at < cap(h.values) {
		h.values = append(h.values, value)
		h.header[key] = h.values[at : at+1 : at+1]
		return true
	}
	h.header[key] = append(h.header[key], value)
	return true
}

// canonicalKey is the header's name as http.Header has it. What SDKs send needs no memory for that.
func canonicalKey(name string) string {
	for i := range sdkHeaders {
		if strings.EqualFold(name, sdkHeaders[i]) {
			return sdkHeaders[i]
		}
	}
	return textproto.CanonicalMIMEHeaderKey(name)
}

var sdkHeaders = [...]string{
	"Host", "Content-Length", "Content-Type", "X-Amz-Target", "Authorization", "X-Amz-Date", "User-Agent", "Accept-Encoding",
	"X-Amz-Content-Sha256", "X-Amz-Security-Token", "Amz-Sdk-Invocation-Id", "Amz-Sdk-Request", "X-Amzn-Query-Mode", "X-Amz-User-Agent",
}

// isToken tells the names that a field may have [RFC 9110 5.6.2].
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return false
		}
	}
	return s != ""
}

// isFieldValue tells what a field may hold [RFC 9110 5.5].
func isFieldValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// isPlainHost tells names and addresses, with a port or without.
func isPlainHost(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._:[]", c) >= 0) {
			return false
		}
	}
	return true
}
