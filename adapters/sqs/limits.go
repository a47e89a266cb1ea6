package sqs

import "strings"

// The service's limits [developer guide, "Amazon SQS message quotas", 2025-08].
const (
	maxMessageSize    = 1 << 20 // body and attributes of one message, and of all messages in a batch
	maxBatchEntries   = 10
	maxReceive        = 10
	maxWaitSeconds    = 20
	maxVisibility     = 12 * 60 * 60
	maxDelaySeconds   = 15 * 60
	maxAttributes     = 10
	maxQueueName      = 80
	maxBatchID        = 80
	maxListed         = 1000
	defaultVisibility = 30
	maxBody           = 8 << 20 // a message of control characters is six times its size in JSON
	minMaximumMessage = 1024
	minRetention      = 60
	maxRetention      = 14 * 24 * 60 * 60
	maxFIFOID         = 128
	maxInFlight       = 120_000
)

const nameText = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"

const fifoNameText = "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length"

// fifoSuffix ends the names of FIFO queues, and of no others.
const fifoSuffix = ".fifo"

// validQueueName tells the names that SQS can spell.
func validQueueName(name string) bool {
	base, _ := strings.CutSuffix(name, fifoSuffix)
	return base != "" && len(name) <= maxQueueName && onlyWordCharacters(base)
}

// validFIFOID tells the ids that groups and deduplication know.
func validFIFOID(id string) bool {
	for i := range len(id) {
		if id[i] <= ' ' || id[i] > '~' {
			return false
		}
	}
	return id != "" && len(id) <= maxFIFOID
}

// validBatchID tells the ids that an entry of a batch may have.
func validBatchID(id string) bool {
	return id != "" && len(id) <= maxBatchID && onlyWordCharacters(id)
}

func onlyWordCharacters(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}
