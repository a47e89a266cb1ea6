// Package invocation knows where Lambda functions are invoked.
package invocation

import (
	"fmt"
	"net/url"
	"strings"
)

// Endpoint is what runs functions: the URL of an endpoint that speaks Lambda's Invoke call, or a
// whole URL with {function} in place of the function's name. "" is none.
type Endpoint string

// functionMark stands for the function's name in an endpoint that is a whole URL.
const functionMark = "{function}"

// Parse reads an endpoint.
func Parse(text string) (Endpoint, error) {
	if text == "" {
		return "", nil
	}
	u, err := url.Parse(strings.ReplaceAll(text, functionMark, "f"))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", fmt.Errorf("the endpoint of Lambda functions is no URL: %q", text)
	}
	return Endpoint(text), nil
}

// URL is where a function is invoked [Lambda API reference, Invoke].
func (e Endpoint) URL(functionARN string) string {
	if strings.Contains(string(e), functionMark) {
		_, name, _ := strings.Cut(functionARN, ":function:")
		name, _, _ = strings.Cut(name, ":")
		return strings.ReplaceAll(string(e), functionMark, url.PathEscape(name))
	}
	return strings.TrimSuffix(string(e), "/") + "/2015-03-31/functions/" + url.PathEscape(functionARN) + "/invocations"
}
