package sqs

import "testing"

func value(dataType, s string) attributeValue {
	return attributeValue{DataType: dataType, StringValue: &s}
}

func TestAttributesMD5(t *testing.T) {
	for _, tt := range []struct {
		name       string
		attributes map[string]attributeValue
		want       string
	}{
		// Recorded on AWS by LocalStack (tests/aws/services/sqs/test_sqs.snapshot.json).
		{"one String", map[string]attributeValue{"Foo": value("String", "Bar")}, "ae7155c6026991b6d54b11589678bf9c"},
		{"none", nil, ""},
		// From botocore's handler check_attributes' own arithmetic would be circular; this one is
		// Moto's (tests/test_sqs/test_sqs.py, "test_send_message_with_message_attributes").
		{"one Binary of custom type", map[string]attributeValue{"timestamp": value("Number.java.lang.Long", "1493147359900")}, "2e2e4876d8e0bd6b8c2c8f556831c349"},
	} {
		if got := attributesMD5(tt.attributes); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestBodyMD5(t *testing.T) {
	if got := bodyMD5("This is a test message"); got != "fafb00f5732ab283681e124bf8747ed1" {
		t.Error(got)
	}
}
