package awsproto

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// recorded gives the bodies of the requests in testdata, JSON or query.
func recorded(t testing.TB, json bool) map[string]string {
	t.Helper()
	paths, err := filepath.Glob("testdata/requests/*.snap")
	if err != nil || len(paths) == 0 {
		t.Fatal("no recorded requests", err)
	}
	bodies := make(map[string]string)
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.SplitN(string(content), "\n\n", 3)
		if len(parts) == 3 && strings.Contains(parts[1], "json") == json {
			bodies[filepath.Base(path)] = parts[2]
		}
	}
	return bodies
}

// wide has one member of every kind that inputs have, under names that the recorded requests use.
type wide struct {
	QueueUrl              string
	QueueName             string
	TopicArn              *string
	MaxNumberOfMessages   *int32
	ReturnSubscriptionArn *bool
	Data                  []byte
	AttributeNames        []string `query:"AttributeName,flat"`
	Attributes            map[string]string
	Entries               []wideEntry `query:"PublishBatchRequestEntries"`
	MessageAttributes     map[string]wideValue
	Timestamp             *float64
}

type wideEntry struct {
	Id, MessageBody, Message string
	MessageAttributes        map[string]wideValue `query:"MessageAttributes,key=Name,value=Value"`
}

type wideValue struct {
	DataType    string
	StringValue *string
	BinaryValue []byte
}

func TestDecodeRecordedQuery(t *testing.T) {
	form, err := ParseForm(recorded(t, false)["sns-PublishBatch.snap"])
	if err != nil {
		t.Fatal(err)
	}
	var got wide
	if err := form.Decode(&got); err != nil {
		t.Fatal(err)
	}
	text, arn := "__StringValue__", "__TopicArn__"
	entry := wideEntry{
		Id: "__Id__", Message: "__Message__",
		MessageAttributes: map[string]wideValue{"key0": {"__DataType__", &text, []byte("blob")}},
	}
	if want := (wide{TopicArn: &arn, Entries: []wideEntry{entry, entry}}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestDecodeRecordedJSON(t *testing.T) {
	for name, body := range recorded(t, true) {
		in := reflect.New(reflect.TypeFor[wide]()).Interface()
		if err := DecodeJSON([]byte(body), in); err != nil && !strings.Contains(err.Message, "structure") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStringEnd(t *testing.T) {
	for in, want := range map[string]int{`a"`: 1, `"`: 0, `\"`: -1, `\\"`: 2, `\\\"x"`: 5, ``: -1, `\`: -1} {
		if got := stringEnd([]byte(in)); got != want {
			t.Errorf("%q: %d, want %d", in, got, want)
		}
	}
}

func FuzzDecodeJSON(f *testing.F) {
	for _, body := range recorded(f, true) {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var in wide
		if err := DecodeJSON(body, &in); err != nil {
			if err.status() != 400 || len(err.Message) > 1024 {
				t.Errorf("error %+v", err)
			}
			return
		}
		// What was decoded comes back the same after another round.
		again, err := EncodeJSON(&in)
		if err != nil {
			t.Fatal(err)
		}
		var second wide
		if err := DecodeJSON(again, &second); err != nil {
			t.Fatalf("%v in %s", err, again)
		}
		if !reflect.DeepEqual(in, second) {
			t.Errorf("%+v became %+v", in, second)
		}
	})
}

func FuzzDecodeForm(f *testing.F) {
	for _, body := range recorded(f, false) {
		f.Add(body)
	}
	f.Add("AttributeName.1=All&AttributeName.-1=x&AttributeName=&a..b=c&=&%zz=1")
	f.Fuzz(func(t *testing.T, body string) {
		form, err := ParseForm(body)
		if err == nil {
			var in wide
			err = form.Decode(&in)
		}
		if err != nil && (err.status() != 400 || len(err.Message) > 1024) {
			t.Errorf("error %+v", err)
		}
	})
}

func FuzzAuthorization(f *testing.F) {
	f.Add(authorization("AKIAX", "us-east-1"))
	f.Add("AWS4-HMAC-SHA256 Credential=,SignedHeaders=,Signature=")
	f.Fuzz(func(t *testing.T, header string) {
		c, err := parseAuthorization(header, nil)
		if err == nil && !validRegion(c.region) {
			t.Errorf("region %q", c.region)
		}
	})
}
