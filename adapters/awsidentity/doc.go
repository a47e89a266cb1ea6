// Package awsidentity keeps who may use the AWS endpoint: accounts with their users, groups, roles, access keys and
// policies. The configuration brings some, the IAM API makes others, which the broker stores; the adapters of IAM and
// STS and the endpoint itself share one Directory.
package awsidentity
