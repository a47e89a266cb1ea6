package awsproto

import (
	"encoding/json"
	"reflect"
	"testing"
)

// planned has what a plan decodes.
type planned struct {
	plannedInner
	QueueURL string `json:"QueueUrl"`
	Wait     *int32
	Count    int64
	All      bool
	Names    []string
	Tags     map[string]string `json:"tags"`
	Entries  []plannedEntry
	Blob     []byte
}

type plannedInner struct {
	MessageBody string
	Attributes  map[string]plannedValue
}

type plannedEntry struct {
	ID string `json:"Id"`
	plannedInner
}

type plannedValue struct {
	DataType    string
	StringValue *string
	BinaryValue []byte
}

var plannedBodies = []string{
	`{}`,
	` { "QueueUrl" : "http:\/\/host\/q" , "Wait" : 20 , "All" : true , "Count": -7, "Names":["a","b", ""] } `,
	`{"MessageBody":"{\"a\":[1,2]}\n\t\u00e9\ud83d\ude00\\","Attributes":{"n":{"DataType":"Number","StringValue":"1"},"b":{"BinaryValue":"AAEC"}}}`,
	`{"Entries":[{"Id":"1","MessageBody":"x"},{"Id":"2","MessageBody":"y","Attributes":{}}],"tags":{"k":"v"},"Blob":""}`,
	`{"Names":[],"tags":{},"Entries":[]}`,
}

func TestPlanDecodesLikeEncodingJSON(t *testing.T) {
	for _, body := range plannedBodies {
		var got, want planned
		if !fillJSON([]byte(body), &got) {
			t.Errorf("%s: left to encoding/json", body)
		}
		if err := json.Unmarshal([]byte(body), &want); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s\ngot  %+v\nwant %+v (%v)", body, got, want, err)
		}
	}
}

// What only encoding/json decodes, or refuses, is decoded from the beginning: nothing of the plan's part stays.
func TestPlanLeavesTheRest(t *testing.T) {
	for _, body := range []string{
		``, `{`, `[]`, `{"QueueUrl":"a"}x`, `{"queueurl":"a"}`, `{"Unknown":1,"QueueUrl":"a"}`, `{"QueueUrl":null}`, `{"Wait":1.0}`,
		`{"Wait":01}`, `{"Wait":"1"}`, `{"Wait":4294967296}`, `{"MessageBody":"` + "\n" + `"}`, `{"MessageBody":"\ud83d"}`, `{"MessageBody":"\x"}`,
		`{"Names":["a"],"Names":["b"]}`, `{"Blob":"!"}`, `{"All":tru}`, `{"QueueUrl":"a",}`, `{"Count":-}`, `{"Names":["a"`, `{"MessageBody":"a\`,
	} {
		var got, want planned
		if fillJSON([]byte(body), &got) {
			t.Errorf("%q was taken", body)
		}
		if bad, err := DecodeJSON([]byte(body), &got), json.Unmarshal([]byte(body), &want); (bad == nil) != (err == nil) || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %+v, %v, want %+v, %v", body, got, bad, want, err)
		}
	}
	for _, in := range []any{struct{ A any }{}, struct{ A json.RawMessage }{}, struct{ A *json.Number }{}, struct{ A float64 }{}} {
		if planOf(reflect.TypeOf(in)) != nil {
			t.Errorf("a plan was made for %T, which only encoding/json decodes", in)
		}
	}
}

func FuzzJSONPlan(f *testing.F) {
	for _, body := range plannedBodies {
		f.Add([]byte(body))
	}
	for _, body := range recorded(f, true) {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var got, want planned
		bad := DecodeJSON(body, &got)
		if err := json.Unmarshal(body, &want); bad == nil && (err != nil || !reflect.DeepEqual(got, want)) {
			t.Errorf("%q\ngot  %+v\nwant %+v (%v)", body, got, want, err)
		}
	})
}
