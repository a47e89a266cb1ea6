// Package awsproto is the HTTP layer that all AWS services of the endpoint share: it tells which
// service and action a request is for, who sent it, decodes the AWS JSON 1.0, JSON 1.1 and query
// protocols into the service's input structures, and encodes outputs and errors the way the AWS
// SDKs read them.
//
// It knows no service and no broker: a Service is a table of actions, made by the package of that
// service.
//
// Sources: the Smithy specifications "AWS JSON 1.0 protocol", "AWS JSON 1.1 protocol", "AWS query
// protocol" and "awsQueryCompatible trait"; the request and response snapshots that ship with
// aws-sdk-go-v2's service modules (sqs v1.52.11, sns v1.47.10, kinesis v1.56.12).
package awsproto
