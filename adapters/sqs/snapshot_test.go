package sqs

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/portico-mq/portico/adapters/awsproto"
)

// shape is the input and output of an action.
type shape struct{ in, out any }

var shapes = map[string]shape{
	"AddPermission":                {addPermissionInput{}, empty{}},
	"CancelMessageMoveTask":        {cancelMoveInput{}, cancelMoveOutput{}},
	"ChangeMessageVisibility":      {changeVisibilityInput{}, empty{}},
	"ChangeMessageVisibilityBatch": {changeVisibilityBatchInput{}, changeVisibilityBatchOutput{}},
	"CreateQueue":                  {createQueueInput{}, queueURLOutput{}},
	"DeleteMessage":                {deleteMessageInput{}, empty{}},
	"DeleteMessageBatch":           {deleteMessageBatchInput{}, deleteMessageBatchOutput{}},
	"DeleteQueue":                  {queueInput{}, empty{}},
	"GetQueueAttributes":           {getQueueAttributesInput{}, getQueueAttributesOutput{}},
	"GetQueueUrl":                  {getQueueURLInput{}, queueURLOutput{}},
	"ListDeadLetterSourceQueues":   {listSourcesInput{}, listSourcesOutput{}},
	"ListMessageMoveTasks":         {listMovesInput{}, listMovesOutput{}},
	"ListQueueTags":                {queueInput{}, listQueueTagsOutput{}},
	"ListQueues":                   {listQueuesInput{}, listQueuesOutput{}},
	"PurgeQueue":                   {queueInput{}, empty{}},
	"ReceiveMessage":               {receiveMessageInput{}, receiveMessageOutput{}},
	"RemovePermission":             {removePermissionInput{}, empty{}},
	"SendMessage":                  {sendMessageInput{}, sendMessageOutput{}},
	"SendMessageBatch":             {sendMessageBatchInput{}, sendMessageBatchOutput{}},
	"SetQueueAttributes":           {setQueueAttributesInput{}, empty{}},
	"StartMessageMoveTask":         {startMoveInput{}, startMoveOutput{}},
	"TagQueue":                     {tagQueueInput{}, empty{}},
	"UntagQueue":                   {untagQueueInput{}, empty{}},
}

func TestEveryActionHasAShape(t *testing.T) {
	a, err := New(Options{Broker: newService(t).broker, Secret: awsproto.NewSecret()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Close() }()
	for name := range a.Service().Actions {
		if _, ok := shapes[name]; !ok {
			t.Errorf("%s is not tested", name)
		}
	}
	if len(a.Service().Actions) != 23 || len(shapes) != 23 {
		t.Errorf("%d actions, %d shapes", len(a.Service().Actions), len(shapes))
	}
}

// TestRecordedRequests decodes each request that the AWS SDK for Go recorded, every member of which is
// set, and encodes it again: what comes out is what came in, so that no member was passed over.
func TestRecordedRequests(t *testing.T) {
	for name, s := range shapes {
		recorded, err := os.ReadFile(filepath.Join("..", "awsproto", "testdata", "requests", "sqs-"+name+".snap"))
		if err != nil {
			t.Fatal(err)
		}
		_, body, _ := strings.Cut(string(recorded), "\n\n{")
		in := reflect.New(reflect.TypeOf(s.in)).Interface()
		if bad := awsproto.DecodeJSON([]byte("{"+body), in); bad != nil {
			t.Errorf("%s: %v", name, bad)
			continue
		}
		sameJSON(t, name, "{"+body, in)
	}
}

// TestRecordedResponses does the same with the recorded answers and our outputs.
func TestRecordedResponses(t *testing.T) {
	seen := 0
	for name, s := range shapes {
		recorded, err := os.ReadFile(filepath.Join("testdata", "snapshots", name+".response.snap"))
		if os.IsNotExist(err) { // the SDK has none for the actions whose checksums it verifies
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		seen++
		_, body, _ := strings.Cut(string(recorded), "\n\n{")
		out := reflect.New(reflect.TypeOf(s.out)).Interface()
		if err := json.Unmarshal([]byte("{"+body), out); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		sameJSON(t, name, "{"+body, out)
	}
	if seen != 20 {
		t.Errorf("%d responses", seen)
	}
}

// TestRecordedErrors compares the status and the shape of the recorded errors that we make with ours.
func TestRecordedErrors(t *testing.T) {
	ours := map[string]*awsproto.Error{
		"BatchEntryIdsNotDistinct":     checkBatch("", []string{"a", "a"}),
		"EmptyBatchRequest":            checkBatch("", nil),
		"InvalidAddress":               invalidAddress("x"),
		"InvalidAttributeName":         unknownAttribute("x"),
		"InvalidAttributeValue":        invalidAttribute("x", ""),
		"InvalidBatchEntryId":          checkBatch("", []string{"a b"}),
		"OverLimit":                    tooManyStatements(21),
		"QueueDoesNotExist":            queueDoesNotExist(awsproto.JSON),
		"QueueNameExists":              queueNameTaken,
		"ReceiptHandleIsInvalid":       receiptHandleInvalid("x"),
		"ResourceNotFoundException":    resourceNotFound("x"),
		"TooManyEntriesInBatchRequest": checkBatch("", strings.Split(strings.Repeat("x", 11), "")),
		"UnsupportedOperation":         unsupported("x"),
		"PurgeQueueInProgress":         purgeInProgress("x"),
		"QueueDeletedRecently":         deletedRecently,
	}
	for shape, e := range ours {
		recorded, err := os.ReadFile(filepath.Join("testdata", "snapshots", shape+".error.snap"))
		if err != nil {
			t.Fatal(err)
		}
		status, _, _ := strings.Cut(string(recorded), "\n")
		if e.Shape != shape || fmt.Sprint(e.Status) != status || !strings.Contains(string(recorded), `"__type":"`+shape+`"`) {
			t.Errorf("%s: we answer %s with %d, recorded is %s", shape, e.Shape, e.Status, status)
		}
	}
}

// sameJSON compares a JSON text with what v is encoded as.
func sameJSON(t *testing.T, name, want string, v any) {
	t.Helper()
	got, err := awsproto.EncodeJSON(v)
	if err != nil {
		t.Fatal(err)
	}
	var x, y any
	if err := json.Unmarshal(got, &x); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(want), &y); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(x, y) {
		t.Errorf("%s\ngot  %s\nwant %s", name, got, want)
	}
}
