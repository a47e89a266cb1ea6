package sqs

import (
	"slices"

	"github.com/portico-mq/portico/adapters/awsproto"
)

// page cuts the page that a token asks for out of a list of names, and makes the next page's token. A
// token holds the last name of a page, so that what comes and goes meanwhile shifts nothing; the
// purpose is what the list is of. As on AWS, a request without MaxResults gets at most 1,000 names
// and no token.
func (a *adapter) page(c *awsproto.Call, names []string, maxResults *int32, token, purpose string) ([]string, string, *awsproto.Error) {
	limit := maxListed
	if maxResults != nil {
		limit = int(*maxResults)
		if limit < 1 || limit > maxListed {
			return nil, "", invalidValue(limit, "MaxResults", "Must be between 1 and 1000, if provided.")
		}
	}
	purpose += " " + c.Account + " " + c.Region
	if token != "" {
		after, ok := a.receipts.Open(token, purpose)
		if !ok {
			return nil, "", invalidParameter("Invalid or expired next token.")
		}
		names = slices.DeleteFunc(names, func(name string) bool { return name <= string(after) })
	}
	slices.Sort(names)
	if len(names) <= limit {
		return names, "", nil
	}
	names = names[:limit]
	if maxResults == nil {
		return names, "", nil
	}
	return names, a.receipts.Seal([]byte(names[limit-1]), purpose), nil
}
