package stomp

import (
	"bytes"
	"encoding/json"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
)

// Bodies of advisories: what XStream makes of ActiveMQ's commands in JSON, with its field names and their order (5.17.2).

// shownDestination is an ActiveMQDestination.
type shownDestination struct {
	Class string `json:"@class"`
	Name  string `json:"string"`
	Null  string `json:"null"` // XStream's, for a field that is not set
}

func (p place) shown() shownDestination {
	kind := "Queue"
	if p.topic {
		kind = "Topic"
	}
	if p.temp {
		kind = "Temp" + kind
	}
	return shownDestination{Class: "ActiveMQ" + kind, Name: p.name}
}

type shownConnectionID struct {
	Value string `json:"value"`
}

type connectionInfo struct {
	CommandID         int               `json:"commandId"`
	ResponseRequired  bool              `json:"responseRequired"`
	ConnectionID      shownConnectionID `json:"connectionId"`
	ClientID          string            `json:"clientId"`
	ClientIP          string            `json:"clientIp"`
	UserName          string            `json:"userName,omitempty"`
	Password          string            `json:"password"` // never shown
	BrokerMaster      bool              `json:"brokerMasterConnector"`
	Manageable        bool              `json:"manageable"`
	ClientMaster      bool              `json:"clientMaster"`
	FaultTolerant     bool              `json:"faultTolerant"`
	FailoverReconnect bool              `json:"failoverReconnect"`
}

// shownConsumerID is a ConsumerId.
type shownConsumerID struct {
	Class        string `json:"@class,omitempty"`
	ConnectionID string `json:"connectionId"`
	SessionID    int    `json:"sessionId"`
	Value        int    `json:"value"`
}

type consumerInfo struct {
	CommandID           int              `json:"commandId"`
	ResponseRequired    bool             `json:"responseRequired"`
	ConsumerID          shownConsumerID  `json:"consumerId"`
	Destination         shownDestination `json:"destination"`
	PrefetchSize        int              `json:"prefetchSize"`
	MaximumPending      int              `json:"maximumPendingMessageLimit"`
	Browser             bool             `json:"browser"`
	DispatchAsync       bool             `json:"dispatchAsync"`
	Selector            string           `json:"selector,omitempty"`
	SubscriptionName    string           `json:"subscriptionName,omitempty"`
	NoLocal             bool             `json:"noLocal"`
	Exclusive           bool             `json:"exclusive"`
	Retroactive         bool             `json:"retroactive"`
	Priority            int              `json:"priority"`
	OptimizedAcknowlege bool             `json:"optimizedAcknowledge"`
	NoRangeAcks         bool             `json:"noRangeAcks"`
}

type destinationInfo struct {
	CommandID        int               `json:"commandId"`
	ResponseRequired bool              `json:"responseRequired"`
	ConnectionID     shownConnectionID `json:"connectionId"`
	Destination      shownDestination  `json:"destination"`
	OperationType    int               `json:"operationType"`
	Timeout          int               `json:"timeout"`
}

// The operation types of a destinationInfo (DestinationInfo.ADD_OPERATION_TYPE and its neighbour).
const (
	destinationAdded = iota
	destinationRemoved
)

// removeInfo is what follows a connection or a consumer that is gone.
type removeInfo struct {
	CommandID        int  `json:"commandId"`
	ResponseRequired bool `json:"responseRequired"`
	ObjectID         any  `json:"objectId"`
	LastDelivered    int  `json:"lastDeliveredSequenceId"`
}

func removed(id any, responds bool) map[string]any {
	return map[string]any{"RemoveInfo": removeInfo{ResponseRequired: responds, ObjectID: id, LastDelivered: -2}}
}

// goneConnection is a ConnectionId where one of several classes can stand.
type goneConnection struct {
	Class string `json:"@class"`
	Value string `json:"value"`
}

// shownMessage is a message as advisories of dead and expired ones show it: without its body and properties.
type shownMessage struct {
	CommandID        int              `json:"commandId"`
	ResponseRequired bool             `json:"responseRequired"`
	MessageID        string           `json:"messageId"`
	Destination      shownDestination `json:"destination"`
	Expiration       json.Number      `json:"expiration"`
	Timestamp        int64            `json:"timestamp"`
	Persistent       bool             `json:"persistent"`
	Priority         int              `json:"priority"`
	CorrelationID    string           `json:"correlationId,omitempty"`
	Type             string           `json:"type,omitempty"`
	Size             int              `json:"size"`
}

func messageBody(m *broker.Message, at place) map[string]any {
	set, err := m.Properties().Decode()
	if err != nil {
		return nil
	}
	shown := shownMessage{
		ResponseRequired: true, MessageID: set.MessageID, Destination: at.shown(), Expiration: json.Number(expiryOf(m)),
		Timestamp: m.Published().UnixMilli(), Persistent: persistent(m), Priority: 4,
		CorrelationID: set.CorrelationID, Type: set.Type, Size: m.Size(),
	}
	if set.Flags&property.FlagPriority != 0 {
		shown.Priority = int(set.Priority)
	}
	class := "ActiveMQTextMessage"
	if storedKind(m.Properties(), m.Properties().Headers()) == bytesMessage {
		class = "ActiveMQBytesMessage"
	}
	return map[string]any{class: shown}
}

// advisoryText is a body as it is sent: names such as a.> stay as they are.
func advisoryText(body any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(body); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}
