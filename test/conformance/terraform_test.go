package conformance

import (
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	rabbithole "github.com/michaelklishin/rabbit-hole/v2"

	"github.com/portico-mq/portico/test/server"
)

// TestTerraformProvider makes the calls of Terraform's RabbitMQ provider, cyrilgdn/terraform-provider-rabbitmq, in
// their order and with the library that it uses. The provider's module is not to be had here; each sequence names the
// file, function and commit that it was read from.
func TestTerraformProvider(t *testing.T) {
	s := server.Start(t)
	// rabbitmq/provider.go, providerConfigure, at 043152b.
	c, err := rabbithole.NewTLSClient("http://"+s.Address(t, "management"), "guest", "guest", &http.Transport{})
	must(t, err)
	t.Run("rabbitmq_vhost", func(t *testing.T) { terraformVhost(t, c) })
	t.Run("rabbitmq_user", func(t *testing.T) { terraformUser(t, c) })
	t.Run("rabbitmq_permissions", func(t *testing.T) { terraformPermissions(t, c) })
	t.Run("rabbitmq_exchange", func(t *testing.T) { terraformExchange(t, c) })
	t.Run("rabbitmq_queue", func(t *testing.T) { terraformQueue(t, c) })
	t.Run("rabbitmq_binding", func(t *testing.T) { terraformBinding(t, c) })
	t.Run("rabbitmq_policy", func(t *testing.T) { terraformPolicy(t, c) })
}

// done fails the test unless the provider would go on: with a status below 400 (each Create, Update and Delete).
func done(t *testing.T, resp *http.Response, err error) *http.Response {
	t.Helper()
	must(t, err)
	resp.Body.Close()
	if resp.StatusCode >= 400 {
		t.Fatalf("the provider stops at %s", resp.Status)
	}
	return resp
}

// deleted fails the test unless the provider sees that a resource is gone (rabbitmq/util.go, checkDeleted, at 3a9f067).
func deleted(t *testing.T, err error) {
	t.Helper()
	var answer rabbithole.ErrorResponse
	if !errors.As(err, &answer) || answer.StatusCode != http.StatusNotFound {
		t.Errorf("the resource is not seen to be gone: %v", err)
	}
}

// rabbitmq/resource_vhost.go at 2b57d70: CreateVhost, ReadVhost, UpdateVhost, ReadVhost, DeleteVhost.
func terraformVhost(t *testing.T, c *rabbithole.Client) {
	const name = "v/1"
	resp, err := c.PutVhost(name, rabbithole.VhostSettings{Description: "first"})
	done(t, resp, err)
	resp, err = c.PutVhostLimits(name, rabbithole.VhostLimitsValues{"max-connections": 10})
	done(t, resp, err)
	read := func() (*rabbithole.VhostInfo, rabbithole.VhostLimitsValues) {
		vhost, err := c.GetVhost(name)
		must(t, err)
		limits, err := c.GetVhostLimits(name)
		must(t, err)
		if len(limits) == 0 {
			return vhost, nil
		}
		return vhost, limits[0].Value
	}
	vhost, limits := read()
	if vhost.Name != name || vhost.Description != "first" || vhost.Tracing ||
		!reflect.DeepEqual(limits, rabbithole.VhostLimitsValues{"max-connections": 10}) {
		t.Errorf("created: %+v with limits %v", vhost, limits)
	}
	resp, err = c.PutVhost(name, rabbithole.VhostSettings{Description: "second"})
	done(t, resp, err)
	resp, err = c.DeleteVhostLimits(name, rabbithole.VhostLimits{"max-connections", "max-queues"})
	done(t, resp, err)
	resp, err = c.PutVhostLimits(name, rabbithole.VhostLimitsValues{"max-queues": 5})
	done(t, resp, err)
	vhost, limits = read()
	if vhost.Description != "second" || !reflect.DeepEqual(limits, rabbithole.VhostLimitsValues{"max-queues": 5}) {
		t.Errorf("updated: %+v with limits %v", vhost, limits)
	}
	resp, err = c.DeleteVhost(name)
	done(t, resp, err)
	_, err = c.GetVhost(name)
	deleted(t, err)
}

// rabbitmq/resource_user.go at 654dd05: CreateUser, ReadUser, UpdateUser, ReadUser, DeleteUser.
func terraformUser(t *testing.T, c *rabbithole.Client) {
	for _, tags := range []rabbithole.UserTags{{"management"}, {"monitoring", "policymaker"}} {
		resp, err := c.PutUser("someone", rabbithole.UserSettings{Password: "secret", Tags: tags})
		done(t, resp, err)
		user, err := c.GetUser("someone")
		must(t, err)
		if user.Name != "someone" || !reflect.DeepEqual(user.Tags, tags) {
			t.Errorf("the user is %+v, want tags %v", user, tags)
		}
	}
	resp, err := c.DeleteUser("someone")
	done(t, resp, err)
	_, err = c.GetUser("someone")
	deleted(t, err)
}

// rabbitmq/resource_permissions.go and resource_topic_permissions.go at 3a9f067: Create, Read, Update, Read, Delete.
func terraformPermissions(t *testing.T, c *rabbithole.Client) {
	resp, err := c.PutUser("permitted", rabbithole.UserSettings{Password: "secret"})
	done(t, resp, err)
	for _, read := range []string{"^a", ".*"} {
		resp, err = c.UpdatePermissionsIn("/", "permitted", rabbithole.Permissions{Configure: "", Write: "^w$", Read: read})
		done(t, resp, err)
		p, err := c.GetPermissionsIn("/", "permitted")
		must(t, err)
		if p.User != "permitted" || p.Vhost != "/" || p.Configure != "" || p.Write != "^w$" || p.Read != read {
			t.Errorf("the permissions are %+v", p)
		}
	}
	resp, err = c.ClearPermissionsIn("/", "permitted")
	done(t, resp, err)
	_, err = c.GetPermissionsIn("/", "permitted")
	deleted(t, err)
	for _, exchange := range []string{"amq.topic", "other"} {
		resp, err = c.UpdateTopicPermissionsIn("/", "permitted", rabbithole.TopicPermissions{Exchange: exchange, Write: "^w", Read: ".*"})
		done(t, resp, err)
	}
	topics, err := c.GetTopicPermissionsIn("/", "permitted")
	must(t, err)
	if len(topics) != 2 || topics[0].User != "permitted" || topics[0].Write != "^w" {
		t.Errorf("the topic permissions are %+v", topics)
	}
	resp, err = c.ClearTopicPermissionsIn("/", "permitted")
	done(t, resp, err)
	_, err = c.GetTopicPermissionsIn("/", "permitted")
	deleted(t, err)
}

// rabbitmq/resource_exchange.go at 1510d32: CreateExchange, ReadExchange (also the data source), DeleteExchange.
func terraformExchange(t *testing.T, c *rabbithole.Client) {
	arguments := map[string]any{"alternate-exchange": "amq.fanout"}
	resp, err := c.DeclareExchange("/", "made", rabbithole.ExchangeSettings{Type: "topic", Durable: true, Arguments: arguments})
	done(t, resp, err)
	x, err := c.GetExchange("/", "made")
	must(t, err)
	if x.Name != "made" || x.Vhost != "/" || x.Type != "topic" || !x.Durable || x.AutoDelete || !reflect.DeepEqual(x.Arguments, arguments) {
		t.Errorf("the exchange is %+v", x)
	}
	resp, err = c.DeleteExchange("/", "made")
	done(t, resp, err)
	_, err = c.GetExchange("/", "made")
	deleted(t, err)
}

// rabbitmq/resource_queue.go at 654dd05: CreateQueue with arguments_json, ReadQueue, DeleteQueue.
func terraformQueue(t *testing.T, c *rabbithole.Client) {
	arguments := map[string]any{"x-message-ttl": 5000.0, "x-queue-type": "quorum"}
	resp, err := c.DeclareQueue("/", "made", rabbithole.QueueSettings{Durable: true, Arguments: arguments})
	done(t, resp, err)
	q, err := c.GetQueue("/", "made")
	must(t, err)
	if q.Name != "made" || q.Vhost != "/" || !q.Durable || bool(q.AutoDelete) || !reflect.DeepEqual(q.Arguments, arguments) {
		t.Errorf("the queue is %+v", q)
	}
	resp, err = c.DeleteQueue("/", "made")
	done(t, resp, err)
	_, err = c.GetQueue("/", "made")
	deleted(t, err)
}

// rabbitmq/resource_binding.go at 3a9f067: CreateBinding with declareBinding, ReadBinding, DeleteBinding.
func terraformBinding(t *testing.T, c *rabbithole.Client) {
	resp, err := c.DeclareQueue("/", "bound", rabbithole.QueueSettings{Durable: true})
	done(t, resp, err)
	for _, info := range []rabbithole.BindingInfo{
		{Source: "amq.topic", Destination: "bound", DestinationType: "queue", RoutingKey: "a.#/b ~c", Arguments: map[string]any{}},
		{Source: "amq.headers", Destination: "bound", DestinationType: "queue", Arguments: map[string]any{"k": "v"}},
		{Source: "amq.topic", Destination: "amq.fanout", DestinationType: "exchange", RoutingKey: "k", Arguments: map[string]any{}},
	} {
		resp, err := c.DeclareBinding("/", info)
		resp = done(t, resp, err)
		location := strings.Split(resp.Header.Get("Location"), "/")
		key, err := url.PathUnescape(location[len(location)-1])
		must(t, err)
		read := func() (found []rabbithole.BindingInfo) {
			list := c.ListQueueBindingsBetween
			if info.DestinationType == "exchange" {
				list = c.ListExchangeBindingsBetween
			}
			bindings, err := list("/", info.Source, info.Destination)
			must(t, err)
			for _, b := range bindings {
				if b.Source == info.Source && b.Destination == info.Destination && b.DestinationType == info.DestinationType && b.PropertiesKey == key {
					found = append(found, b)
				}
			}
			return found
		}
		found := read()
		if len(found) != 1 || found[0].Vhost != "/" || found[0].RoutingKey != info.RoutingKey || !reflect.DeepEqual(found[0].Arguments, info.Arguments) {
			t.Errorf("%+v: found %+v", info, found)
		}
		info.Vhost, info.PropertiesKey = "/", key
		resp, err = c.DeleteBinding("/", info)
		done(t, resp, err)
		if found := read(); len(found) != 0 {
			t.Errorf("still there: %+v", found)
		}
	}
}

// rabbitmq/resource_policy.go at 3a9f067 and resource_operator_policy.go at 043152b: Create, Read, Update, Read, Delete.
func terraformPolicy(t *testing.T, c *rabbithole.Client) {
	for _, ttl := range []int64{1000, 2000} {
		resp, err := c.PutPolicy("/", "p", rabbithole.Policy{
			Vhost: "/", Name: "p", Pattern: "^a", Priority: 3, ApplyTo: "queues", Definition: rabbithole.PolicyDefinition{"message-ttl": ttl},
		})
		done(t, resp, err)
		p, err := c.GetPolicy("/", "p")
		must(t, err)
		if p.Name != "p" || p.Vhost != "/" || p.Pattern != "^a" || p.Priority != 3 || p.ApplyTo != "queues" ||
			!reflect.DeepEqual(p.Definition, rabbithole.PolicyDefinition{"message-ttl": float64(ttl)}) {
			t.Errorf("the policy is %+v", p)
		}
		resp, err = c.PutOperatorPolicy("/", "o", rabbithole.OperatorPolicy{
			Vhost: "/", Name: "o", Pattern: "^a", Priority: 3, ApplyTo: "queues", Definition: rabbithole.PolicyDefinition{"max-length": ttl},
		})
		done(t, resp, err)
		o, err := c.GetOperatorPolicy("/", "o")
		must(t, err)
		if o.Name != "o" || o.Pattern != "^a" || !reflect.DeepEqual(o.Definition, rabbithole.PolicyDefinition{"max-length": float64(ttl)}) {
			t.Errorf("the operator policy is %+v", o)
		}
	}
	resp, err := c.DeletePolicy("/", "p")
	done(t, resp, err)
	_, err = c.GetPolicy("/", "p")
	deleted(t, err)
	resp, err = c.DeleteOperatorPolicy("/", "o")
	done(t, resp, err)
	_, err = c.GetOperatorPolicy("/", "o")
	deleted(t, err)
}
