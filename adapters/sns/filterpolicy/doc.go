// Package filterpolicy compiles the filter policies of SNS subscriptions and decides by them.
//
// A policy names properties and, for each, the values that pass [SNS developer guide, "Message
// filtering"]: every property must be there with one of its values. Texts and places of complaints
// are those of the service, which reads policies with the library event-ruler; they were compared
// with answers recorded from it.
//
// The service took anything-but with prefix only when that was recorded (2024); the further forms
// that event-ruler has since (suffix, equals-ignore-case, wildcard, and lists of each) are taken
// here, as is wildcard by itself.
package filterpolicy
