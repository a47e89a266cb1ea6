package sns

import (
	"slices"
	"strings"

	"github.com/portico-mq/portico/adapters/awsproto"
)

// pageOf cuts the page that a token asks for out of a list, and makes the next page's token. The
// list is in order of its keys; a token holds the last key of a page, so that what comes and goes
// meanwhile shifts nothing.
func pageOf[T any](tokens *awsproto.Sealer, c *awsproto.Call, token string, size int, list []T, key func(T) string) ([]T, string, error) {
	context := c.Action + " " + c.Account
	after := ""
	if token != "" {
		last, ok := tokens.Open(token, context)
		if !ok {
			return nil, "", invalidParameter("NextToken")
		}
		after = string(last)
	}
	list = slices.DeleteFunc(list, func(item T) bool { return key(item) <= after })
	slices.SortFunc(list, func(x, y T) int { return strings.Compare(key(x), key(y)) })
	if len(list) <= size {
		return list, "", nil
	}
	list = list[:size]
	return list, tokens.Seal([]byte(key(list[size-1])), context), nil
}
