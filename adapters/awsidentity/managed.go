package awsidentity

import "time"

// managedAccount stands in the ARNs of AWS's own policies.
const managedAccount = "aws"

// managedPolicies are those of AWS's own policies that concern the services here, with what of them does.
func managedPolicies() []*Policy {
	created := time.Date(2015, 2, 6, 18, 41, 0, 0, time.UTC)
	all := make([]*Policy, 0, 8)
	for name, statement := range map[string]string{
		"AdministratorAccess":             `"Action":"*"`,
		"PowerUserAccess":                 `"NotAction":["iam:*","organizations:*","account:*"]`,
		"IAMFullAccess":                   `"Action":"iam:*"`,
		"IAMReadOnlyAccess":               `"Action":["iam:Get*","iam:List*"]`,
		"AmazonSQSFullAccess":             `"Action":"sqs:*"`,
		"AmazonSQSReadOnlyAccess":         `"Action":["sqs:GetQueueAttributes","sqs:GetQueueUrl","sqs:ListDeadLetterSourceQueues","sqs:ListQueues","sqs:ListMessageMoveTasks","sqs:ListQueueTags"]`,
		"AmazonSNSFullAccess":             `"Action":"sns:*"`,
		"AmazonSNSReadOnlyAccess":         `"Action":["sns:GetTopicAttributes","sns:List*","sns:CheckIfPhoneNumberIsOptedOut","sns:GetEndpointAttributes","sns:GetDataProtectionPolicy","sns:GetPlatformApplicationAttributes","sns:GetSMSAttributes","sns:GetSMSSandboxAccountStatus","sns:GetSubscriptionAttributes"]`,
		"AmazonKinesisFullAccess":         `"Action":"kinesis:*"`,
		"AmazonKinesisReadOnlyAccess":     `"Action":["kinesis:Get*","kinesis:List*","kinesis:Describe*"]`,
		"AmazonKinesisFirehoseFullAccess": `"Action":"firehose:*"`,
	} {
		all = append(all, &Policy{
			Account: managedAccount, Name: name, Path: "/", ID: "ANPA" + name, Created: created, Updated: created, Fixed: true, Default: "v1",
			Versions: []PolicyVersion{{"v1", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` + statement + `,"Resource":"*"}]}`, created}},
		})
	}
	return all
}
