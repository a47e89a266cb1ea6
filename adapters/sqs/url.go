package sqs

import (
	"net/url"
	"strings"

	"github.com/portico-mq/portico/adapters/awsproto"
)

// queueURL is the URL of a queue: below the address that the client used, so that it can reach it
// again. SDKs that send to a queue's URL instead of the endpoint they were given depend on that.
func queueURL(c *awsproto.Call, account, name string) string {
	return c.BaseURL + "/" + account + "/" + name
}

// queueARN is the resource name of a queue.
func queueARN(region, account, name string) string {
	return "arn:aws:sqs:" + region + ":" + account + ":" + name
}

// address is what a queue URL names.
type address struct {
	account, name string
}

// parseQueueURL takes the account and the name from the last two parts of the path. The host does
// not matter: clients and tools write it in many ways. Without a URL, the request's own path counts,
// since the query protocol can address the queue itself.
func parseQueueURL(c *awsproto.Call, text string) (address, *awsproto.Error) {
	path := c.Path
	if text == "" && c.Path == "/" {
		return address{}, missingParameter("QueueUrl")
	}
	if text != "" {
		u, err := url.Parse(text)
		if err != nil {
			return address{}, invalidAddress(text)
		}
		path = u.Path
	}
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if len(parts) < 2 {
		return address{}, invalidAddress(text)
	}
	a := address{account: parts[len(parts)-2], name: parts[len(parts)-1]}
	if !awsproto.IsAccount(a.account) {
		return address{}, invalidAddress(text)
	}
	return a, nil
}

func invalidAddress(text string) *awsproto.Error {
	return plainError("InvalidAddress", 404, "The address %s is not valid for this endpoint.", clip(text))
}
