package sns

import (
	"strings"

	"github.com/portico-mq/portico/adapters/awsproto"
)

// makeARN is arn:aws:sns:REGION:ACCOUNT:RESOURCE.
func makeARN(region, account, resource string) string {
	return "arn:aws:sns:" + region + ":" + account + ":" + resource
}

// arn is a parsed resource name.
type arn struct {
	service, region, account, resource string
}

// parseARN splits a resource name; the resource may hold colons itself.
func parseARN(text, parameter string) (arn, *awsproto.Error) {
	parts := strings.SplitN(text, ":", 6)
	if len(parts) < 6 {
		return arn{}, invalidParameter("%s Reason: An ARN must have at least 6 elements, not %d", parameter, len(parts))
	}
	if parts[0] != "arn" || parts[3] == "" || !awsproto.IsAccount(parts[4]) || parts[5] == "" {
		return arn{}, invalidParameter("%s", parameter)
	}
	return arn{service: parts[2], region: parts[3], account: parts[4], resource: parts[5]}, nil
}

const maxTopicName = 256

// validTopicName tells the names that a topic may have: letters, digits, hyphens and underscores; a
// FIFO topic's has the suffix besides.
func validTopicName(name string) bool {
	return len(name) <= maxTopicName && validWord(strings.TrimSuffix(name, fifoSuffix))
}

// validWord tells texts of letters, digits, hyphens and underscores.
func validWord(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return s != ""
}
