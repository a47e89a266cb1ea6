// Package awspolicy reads policies in the language of AWS's IAM and decides by them who may do what. A policy is
// compiled once (Parse) and then evaluated without allocating for what it says; compiled policies are safe for
// concurrent use.
//
// It knows no service: actions, resources and condition keys are texts that the caller brings.
//
// Source: "IAM JSON policy reference" and "Policy evaluation logic" in the IAM user guide; the errors of documents as
// IAM words them.
package awspolicy
