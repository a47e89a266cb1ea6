package sns

import (
	"strings"

	"github.com/portico-mq/portico/adapters/awsproto"
)

// topicARN is arn:aws:sns:REGION:ACCOUNT:NAME.
func topicARN(region, account, name string) string {
	return "arn:aws:sns:" + region + ":" + account + ":" + name
}

// arn is a parsed resource name of SNS or SQS.
type arn struct {
	service, region, account, resource string
}

// parseARN splits a resource name; the resource may hold colons itself.
func parseARN(text, parameter string) (arn, *awsproto.Error) {
	parts := strings.SplitN(text, ":", 6)
	if len(parts) < 6 {
		return arn{}, invalidParameter("%s Reason: An ARN must have at least 6 elements, not %d", parameter, len(parts))
	}
	if parts[0] != "arn" || parts[3] == "" || len(parts[4]) != len(awsproto.DefaultAccount) || parts[5] == "" {
		return arn{}, invalidParameter("%s", parameter)
	}
	return arn{service: parts[2], region: parts[3], account: parts[4], resource: parts[5]}, nil
}

const maxTopicName = 256

// validTopicName tells the names that a standard topic may have.
func validTopicName(name string) bool {
	if name == "" || len(name) > maxTopicName {
		return false
	}
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}
