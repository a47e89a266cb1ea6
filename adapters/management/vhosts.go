package management

import (
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/portico-mq/portico/broker"
)

func vhostResources() []resource {
	return []resource{
		{path: "/vhosts", get: listVhosts},
		{path: "/vhosts/{vhost}", get: getVhost, put: putVhost, delete: deleteVhost, access: administrators},
	}
}

// vhostObject shows a virtual host. Its queues are classic when it names no type, as in RabbitMQ.
func (c *call) vhostObject(info broker.NamespaceInfo) object {
	kind := info.DefaultQueueType
	if kind == "" {
		kind = "classic"
	}
	o := object{
		"name": info.Name, "description": info.Description, "tags": listOf(info.Tags), "default_queue_type": kind,
		"metadata": vhostMetadata(info.NamespaceSpec), "tracing": c.server.broker.Tracing(info.Name),
		"cluster_state": object{nodeName(): "running"},
	}
	c.addVhostStats(o, info.Name)
	return o
}

func vhostMetadata(spec broker.NamespaceSpec) object {
	metadata := object{"description": spec.Description, "tags": listOf(spec.Tags)}
	if spec.DefaultQueueType != "" {
		metadata["default_queue_type"] = spec.DefaultQueueType
	}
	return metadata
}

// listOf is a list of strings that is [] in JSON when it is empty, and never null.
func listOf(list []string) []string { return append([]string{}, list...) }

func listVhosts(c *call) {
	var items []object
	for _, name := range c.visibleVhosts() {
		if info, err := c.server.broker.NamespaceInfo(name); err == nil { // else it was deleted just now
			items = append(items, c.vhostObject(info))
		}
	}
	c.list(items, "name")
}

func getVhost(c *call) {
	info, err := c.server.broker.NamespaceInfo(c.vars["vhost"])
	if err != nil {
		c.failed(err)
		return
	}
	c.answer(c.vhostObject(info))
}

// vhostBody is what PUT takes. Tags are a list, or a text with commas.
type vhostBody struct {
	Description      string `json:"description"`
	Tags             any    `json:"tags"`
	DefaultQueueType string `json:"default_queue_type"`
	OldQueueType     string `json:"defaultqueuetype"`
	Tracing          *bool  `json:"tracing"` // nil: as it is
}

func (b *vhostBody) spec() (broker.NamespaceSpec, error) {
	spec := broker.NamespaceSpec{Description: b.Description, DefaultQueueType: b.DefaultQueueType}
	if spec.DefaultQueueType == "" {
		spec.DefaultQueueType = b.OldQueueType
	}
	if spec.DefaultQueueType == "undefined" { // what RabbitMQ 3 writes for none
		spec.DefaultQueueType = ""
	}
	switch spec.DefaultQueueType {
	case "", "classic", "quorum", "stream":
	default:
		return spec, invalid("Unsupported default queue type: " + spec.DefaultQueueType)
	}
	var err error
	spec.Tags, err = readTags(b.Tags)
	return spec, err
}

// readTags reads a list of tags, or a text with commas.
func readTags(v any) ([]string, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case string:
		var tags []string
		for tag := range strings.SplitSeq(v, ",") {
			if tag = strings.TrimSpace(tag); tag != "" {
				tags = append(tags, tag)
			}
		}
		return tags, nil
	case []any:
		tags := make([]string, len(v))
		for i := range v {
			tag, ok := v[i].(string)
			if !ok {
				return nil, invalid("tags must be strings")
			}
			tags[i] = tag
		}
		return tags, nil
	default:
		return nil, invalid("tags must be a list of strings or a string with commas")
	}
}

func putVhost(c *call) {
	var body vhostBody
	if !c.decode(&body) {
		return
	}
	spec, err := body.spec()
	if err != nil {
		c.failed(err)
		return
	}
	created, err := c.server.broker.PutNamespace(c.vars["vhost"], spec)
	if err != nil {
		c.failed(err)
		return
	}
	if body.Tracing != nil {
		if err := c.server.broker.SetTracing(c.vars["vhost"], *body.Tracing); err != nil {
			c.failed(err)
			return
		}
	}
	// Who makes a virtual host may use it.
	if created {
		if err := c.server.broker.SetPermission(c.user.Name(), c.vars["vhost"], broker.Permission{Configure: ".*", Write: ".*", Read: ".*"}); err != nil {
			c.failed(err)
			return
		}
	}
	c.put(created)
}

func deleteVhost(c *call) {
	if err := c.server.broker.DeleteNamespace(c.r.Context(), c.vars["vhost"]); err != nil {
		c.failed(err)
		return
	}
	c.changed()
}

// hasVhost answers 404 when there is no virtual host {vhost}.
func (c *call) hasVhost() bool {
	if slices.Contains(c.server.broker.Namespaces(), c.vars["vhost"]) {
		return true
	}
	c.notFound()
	return false
}

// invalid is an error of a request in RabbitMQ's words.
func invalid(reason string) error {
	return &broker.Error{Kind: broker.KindInvalid, Type: broker.ResourceParameter, Detail: reason}
}

// missingKey words a key that a body lacks.
func (c *call) missingKey(key string) { c.badRequest("[{key_missing," + key + "}]") }

// noVhost answers a change in a virtual host that does not exist.
func (c *call) noVhost() { c.fail(http.StatusNotFound, "not_found", "vhost_not_found") }

// nodeName is the name of this node, as RabbitMQ names nodes.
func nodeName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	short, _, _ := strings.Cut(host, ".")
	return "rabbit@" + short
}
