package sqs

import (
	"net/url"
	"strings"

	"github.com/portico-mq/portico/adapters/awsproto"
)

// address is what a queue's URL or ARN names.
type address struct {
	region, account, name string
}

// arn is the resource name of a queue.
func (a address) arn() string {
	return "arn:aws:sqs:" + a.region + ":" + a.account + ":" + a.name
}

// queueURL is the URL of a queue: below the address that the client used, so that it can reach it
// again. SDKs that send to a queue's URL instead of the endpoint they were given depend on that.
func queueURL(c *awsproto.Call, a address) string {
	return c.BaseURL + "/" + a.account + "/" + a.name
}

// parseARN reads the resource name of a queue.
func parseARN(arn string) (address, bool) {
	parts := strings.Split(arn, ":")
	if len(parts) != 6 || parts[0] != "arn" || !strings.HasPrefix(parts[1], "aws") || parts[2] != "sqs" ||
		!awsproto.IsAccount(parts[4]) || parts[3] == "" || parts[5] == "" {
		return address{}, false
	}
	return address{region: parts[3], account: parts[4], name: parts[5]}, true
}

// parseQueueURL takes the account and the name from the last two parts of the path. The host does
// not matter but for a region that it names: clients and tools write it in many ways. Without a URL,
// the request's own path counts, since the query protocol can address the queue itself. These are the
// forms of AWS, LocalStack (standard, domain, path and dynamic), ElasticMQ, goaws and moto:
//
//	https://sqs.REGION.amazonaws.com/ACCOUNT/NAME
//	http://sqs.REGION.localhost.localstack.cloud:4566/ACCOUNT/NAME
//	http://REGION.queue.localhost.localstack.cloud:4566/ACCOUNT/NAME
//	http://localhost:4566/queue/REGION/ACCOUNT/NAME
//	http://localhost:4566/ACCOUNT/NAME
//	http://localhost:9324/queue/NAME
func parseQueueURL(c *awsproto.Call, text string) (address, *awsproto.Error) {
	path, host := c.Path, ""
	if text == "" && c.Path == "/" {
		return address{}, missingParameter("QueueUrl")
	}
	if a, ok := ownURL(c, text); ok {
		return a, nil
	}
	if text != "" {
		u, err := url.Parse(text)
		if err != nil {
			return address{}, invalidAddress(text)
		}
		path, host = u.Path, u.Hostname()
	}
	parts := strings.Split(strings.Trim(path, "/"), "/")
	n := len(parts)
	if n == 1 && host == "" && validQueueName(path) { // the name alone, which AWS takes too
		return address{c.Region, c.Account, path}, nil
	}
	if n < 2 {
		return address{}, invalidAddress(text)
	}
	a := address{region: regionOfHost(host), account: parts[n-2], name: parts[n-1]}
	switch {
	case n >= 4 && parts[n-4] == "queue":
		a.region = parts[n-3]
	case n == 2 && a.account == "queue":
		a.account = c.Account
	}
	if a.region == "" {
		a.region = c.Region
	}
	if !awsproto.IsAccount(a.account) {
		return address{}, invalidAddress(text)
	}
	return a, nil
}

// refuseAtQueue refuses an action of the query protocol at a queue's URL that is not about that queue.
func refuseAtQueue(c *awsproto.Call) *awsproto.Error {
	if c.Protocol != awsproto.Query || c.Path == "/" {
		return nil
	}
	if _, bad := parseQueueURL(c, ""); bad == nil {
		return unknownAction(c.Action, "")
	}
	return nil
}

// ownURL reads a URL in the form of queueURL, which is what nearly every request has.
func ownURL(c *awsproto.Call, text string) (address, bool) {
	path, ok := strings.CutPrefix(text, c.BaseURL)
	if !ok || path == "" || path[0] != '/' {
		return address{}, false
	}
	account, name, ok := strings.Cut(path[1:], "/")
	if !ok || !awsproto.IsAccount(account) || !validQueueName(name) {
		return address{}, false
	}
	_, host, _ := strings.Cut(c.BaseURL, "://")
	a := address{region: regionOfHost(host), account: account, name: name}
	if a.region == "" {
		a.region = c.Region
	}
	return a, true
}

// regionOfHost gives the region in a host's name; "" when there is none.
func regionOfHost(host string) string {
	if !strings.HasPrefix(host, "sqs.") && !strings.Contains(host, ".queue.") {
		return ""
	}
	parts := strings.Split(host, ".")
	switch {
	case len(parts) < 3:
		return ""
	case parts[0] == "sqs" && strings.Count(parts[1], "-") >= 2:
		return parts[1]
	case parts[1] == "queue" && strings.Count(parts[0], "-") >= 2:
		return parts[0]
	}
	return ""
}

func invalidAddress(text string) *awsproto.Error {
	return plainError("InvalidAddress", 404, "The address %s is not valid for this endpoint.", clip(text))
}
