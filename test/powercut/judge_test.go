package main

import (
	"reflect"
	"strings"
	"testing"
)

func TestJudge(t *testing.T) {
	const declared = "ready\nqueue a 1\nqueue b 2\n"
	for _, test := range []struct {
		name, history string
		have          found
		faults        []string
	}{
		{"nothing wrong", declared + "publish a#1\nconfirm a#1\npublish a#2\nsettle 1 a#1\nsettled 1\n", found{"a": {"a#2"}, "b": nil}, nil},
		{"lost", declared + "publish a#1\nconfirm a#1\n", found{"a": nil, "b": nil}, []string{"confirmed message a#1 is lost"}},
		{"unconfirmed", declared + "publish a#1\n", found{"a": nil, "b": nil}, nil},
		{"settlement begun", declared + "publish a#1\nconfirm a#1\nsettle 1 a#1\n", found{"a": nil, "b": nil}, nil},
		{"settled and back", declared + "publish a#1\nsettle 1 a#1\nsettled 1\n", found{"a": {"a#1"}, "b": nil}, []string{"settled message a#1 is back"}},
		{"twice", declared + "publish a#1\n", found{"a": {"a#1", "a#1"}, "b": nil}, []string{"message a#1 is there twice"}},
		{"out of order", declared + "publish a#1\npublish a#2\n", found{"a": {"a#2", "a#1"}, "b": nil}, []string{"message a#1 comes after 2"}},
		{"queue lost", declared, found{"a": nil}, []string{"queue b is lost"}},
		{"queue being deleted", declared + "delete b\n", found{"a": nil}, nil},
		{"queue deleted and back", declared + "delete b\ndeleted b\n", found{"a": nil, "b": nil}, []string{"queue b is back after its deletion was answered"}},
		{"never published", declared, found{"a": {"a#1"}, "b": nil}, []string{"message a#1 was never published"}},
		{"transaction whole", declared + "begin 1 +a#1 +b#1\ncommit 1\n", found{"a": {"a#1"}, "b": {"b#1"}}, nil},
		{"transaction absent", declared + "begin 1 +a#1 +b#1\n", found{"a": nil, "b": nil}, nil},
		{
			"transaction answered and absent", declared + "begin 1 +a#1\ncommit 1\n",
			found{"a": nil, "b": nil},
			[]string{"transaction 1 is half done: its answer for it, a#1 against it"},
		},
		{
			"transaction half", declared + "begin 1 +a#1 +b#1\n",
			found{"a": {"a#1"}, "b": nil},
			[]string{"transaction 1 is half done: a#1 for it, b#1 against it"},
		},
		{
			"transaction settled only", declared + "publish a#1\nconfirm a#1\nbegin 1 +b#1 -a#1\n",
			found{"a": nil, "b": nil},
			[]string{"transaction 1 is half done: -a#1 for it, b#1 against it"},
		},
		{
			"transaction published only", declared + "publish a#1\nconfirm a#1\nbegin 1 +b#1 -a#1\n",
			found{"a": {"a#1"}, "b": {"b#1"}},
			[]string{"transaction 1 is half done: b#1 for it, -a#1 against it"},
		},
		{"offset kept", "ready\npublish log#1\nreached log#1 0\n", found{"log": {"log#1"}}, nil},
		{"offset of another", "ready\npublish log#1 log#2\nreached log#1 0\n", found{"log": {"log#2"}}, []string{"message log#1 was read at offset 0, where log#2 is"}},
		{"offset lost", "ready\npublish log#1\nreached log#1 0\n", found{"log": nil}, []string{"message log#1 was read at offset 0, and there are 0"}},
		{"chain of transactions", declared + "begin 1 +a#1\ncommit 1\nbegin 2 -a#1 +b#1\ncommit 2\n", found{"a": nil, "b": {"b#1"}}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			e, err := readHistory(strings.NewReader(test.history), int64(len(test.history)))
			if err != nil {
				t.Fatal(err)
			}
			if v := judge(e, test.have); !reflect.DeepEqual(v.Faults, test.faults) {
				t.Errorf("faults %q, want %q", v.Faults, test.faults)
			}
		})
	}
}

// TestAnswersAfterTheCut checks that an answer that was written after the cut is no promise, and that what was begun
// then counts all the same.
func TestAnswersAfterTheCut(t *testing.T) {
	before, after := "queue a 1\npublish a#1\nconfirm a#1\npublish a#2\n", "settle 1 a#1\nconfirm a#2\n"
	e, err := readHistory(strings.NewReader(before+after), int64(len(before)))
	if err != nil {
		t.Fatal(err)
	}
	if v := judge(e, found{"a": nil}); len(v.Faults) > 0 {
		t.Errorf("faults %q, want none", v.Faults)
	}
}
