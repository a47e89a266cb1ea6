package sqs

import (
	"errors"

	"github.com/portico-mq/portico/adapters/awsproto"
)

// checkBatch applies the rules that every batch has. entryName is the name of the entries in the
// service's model; ids are the entries' ids in order.
func checkBatch(entryName string, ids []string) *awsproto.Error {
	if len(ids) == 0 {
		return modelledError("EmptyBatchRequest", 400, "There should be at least one %s in the request.", entryName)
	}
	if len(ids) > maxBatchEntries {
		return modelledError("TooManyEntriesInBatchRequest", 400, "Maximum number of entries per request are %d. You have sent %d.", maxBatchEntries, len(ids))
	}
	seen := make(map[string]bool, len(ids))
	for _, id := range ids {
		if !validBatchID(id) {
			return modelledError("InvalidBatchEntryId", 400, "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.")
		}
		if seen[id] {
			return modelledError("BatchEntryIdsNotDistinct", 400, "Id %s repeated.", id)
		}
		seen[id] = true
	}
	return nil
}

// failure is the answer for an entry of a batch that failed on its own.
func failure(id string, err error) batchFailure {
	var e *awsproto.Error
	if !errors.As(err, &e) {
		if e = translate(err); e == nil {
			e = internalError
		}
	}
	code := e.QueryCode
	if code == "" {
		code = e.Shape
	}
	return batchFailure{ID: id, SenderFault: e.Status < 500, Code: code, Message: e.Message}
}
