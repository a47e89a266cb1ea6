package kinesis

import (
	"context"

	"github.com/portico-mq/portico/adapters/awsproto"
)

// access says what a request wants to do, for the endpoint to ask policies about.
func (a *adapter) access(_ context.Context, c *awsproto.Call, in any) ([]awsproto.Access, error) {
	one := awsproto.Access{Action: "kinesis:" + c.Action, Resource: "*", OwnerOnly: true} // streams have no policies yet
	var at *streamAddress
	switch in := in.(type) {
	case *createStreamInput:
		at = &streamAddress{StreamName: in.StreamName}
	case *deleteStreamInput:
		at = &in.streamAddress
	case *describeStreamInput:
		at = &in.streamAddress
	case *describeStreamSummaryInput:
		at = &in.streamAddress
	case *listShardsInput:
		at = &in.streamAddress
		if in.NextToken != nil {
			if name, _, bad := a.openShardToken(c, *in.NextToken); bad == nil {
				at = &streamAddress{StreamName: &name}
			}
		}
	case *putRecordInput:
		at = &in.streamAddress
	case *putRecordsInput:
		at = &in.streamAddress
	case *getShardIteratorInput:
		at = &in.streamAddress
	case *getRecordsInput:
		if in.ShardIterator != nil {
			if i, ok := a.openIterator(*in.ShardIterator); ok {
				one.Owner, one.Resource = i.account, streamARN(c.Region, i.account, i.name)
			}
		}
	}
	if at != nil && (at.StreamName != nil || at.StreamARN != nil) {
		account, name, bad := at.resolve(c)
		if bad != nil {
			return nil, bad
		}
		one.Owner, one.Resource = account, streamARN(c.Region, account, name)
	}
	return []awsproto.Access{one}, nil
}

// denied words a refusal.
func denied(text string) *awsproto.Error { return plainError("AccessDeniedException", "%s", text) }
