package management

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/portico-mq/portico/broker"
)

// Parameters of a virtual host are policies, operator policies and limits: what RabbitMQ without further plugins knows,
// in another form. Global parameters are values that tools keep.

func parameterResources() []resource {
	return []resource{
		{path: "/parameters", get: listParameters, access: globalPolicymakers},
		{path: "/parameters/{component}", get: listParameters, access: globalPolicymakers},
		{path: "/parameters/{component}/{vhost}", get: listParameters, access: policymakers},
		{
			path: "/parameters/{component}/{vhost}/{name}", access: policymakers,
			get: getParameter, put: putParameter, delete: deleteParameter,
		},
		{path: "/global-parameters", get: listGlobalParameters, access: globalPolicymakers},
		{
			path: "/global-parameters/{name}", access: administrators,
			get: getGlobalParameter, put: putGlobalParameter, delete: deleteGlobalParameter,
		},
	}
}

// The components of parameters.
const (
	policyComponent   = "policy"
	operatorComponent = "operator_policy"
	limitsComponent   = "vhost-limits"
	limitsName        = "limits"
)

func policyParameter(p *broker.Policy, component string) object {
	return object{
		"vhost": p.Namespace, "component": component, "name": p.Name,
		"value": object{"pattern": p.Pattern, "definition": p.Definition, "priority": p.Priority, "apply-to": applyTo(p)},
	}
}

// parameters lists what a virtual host has of a component, or, with "", of all but policies, as RabbitMQ does.
func (s *server) parameters(vhost, component string) []object {
	var items []object
	if component == policyComponent {
		for _, p := range s.broker.Policies(vhost, false) {
			items = append(items, policyParameter(&p, policyComponent))
		}
	}
	if component == "" || component == operatorComponent {
		for _, p := range s.broker.Policies(vhost, true) {
			items = append(items, policyParameter(&p, operatorComponent))
		}
	}
	if component == "" || component == limitsComponent {
		if info, err := s.broker.NamespaceInfo(vhost); err == nil && info.Limits != nil {
			items = append(items, object{
				"vhost": vhost, "component": limitsComponent, "name": limitsName, "value": limitsObject(info.Limits),
			})
		}
	}
	return items
}

func listParameters(c *call) {
	vhosts := c.visibleVhosts()
	if name, ok := c.vars["vhost"]; ok {
		if !c.hasVhost() {
			return
		}
		vhosts = []string{name}
	}
	var items []object
	for _, vhost := range vhosts {
		items = append(items, c.server.parameters(vhost, c.vars["component"])...)
	}
	c.list(items, "vhost", "component", "name")
}

func getParameter(c *call) {
	for _, o := range c.server.parameters(c.vars["vhost"], c.vars["component"]) {
		if o["name"] == c.vars["name"] {
			c.answer(o)
			return
		}
	}
	c.notFound()
}

func putParameter(c *call) {
	if !c.policyVhost() {
		return
	}
	value, ok := c.valueBody()
	if !ok {
		return
	}
	if c.vars["component"] == policyComponent {
		c.badRequest("policies may not be set using this method")
		return
	}
	existed := slices.ContainsFunc(c.server.parameters(c.vars["vhost"], c.vars["component"]), func(o object) bool {
		return o["name"] == c.vars["name"]
	})
	change, err := c.server.parameter(c.vars["vhost"], c.vars["component"], c.vars["name"], value)
	if err == nil {
		err = change()
	}
	if err != nil {
		c.failed(err)
		return
	}
	c.put(!existed)
}

// parameter checks a parameter of a virtual host and returns what sets it.
func (s *server) parameter(vhost, component, name string, value json.RawMessage) (set func() error, err error) {
	switch component {
	case operatorComponent:
		var body policyBody
		if err := json.Unmarshal(value, &body); err != nil {
			return nil, failedValidation("%s is not a dictionary", erlangTerm(value))
		}
		body.Vhost, body.Name = vhost, name
		p, err := body.policy(true)
		if err != nil {
			return nil, err
		}
		return func() error { _, err := s.broker.PutPolicy(p); return err }, nil
	case limitsComponent:
		limits, err := readLimits(value)
		if err != nil {
			return nil, err
		}
		return func() error {
			return s.broker.ChangeNamespaceLimits(vhost, func(map[broker.LimitName]int64) map[broker.LimitName]int64 { return limits })
		}, nil
	default:
		return nil, failedValidation("component %s not found", component)
	}
}

// readLimits reads the limits of a virtual host. RabbitMQ writes none as [].
func readLimits(value json.RawMessage) (map[broker.LimitName]int64, error) {
	limits := map[broker.LimitName]int64{}
	if string(value) == "[]" {
		return limits, nil
	}
	var raw map[string]json.RawMessage
	if json.Unmarshal(value, &raw) != nil {
		return nil, failedValidation("limits should be a dictionary, actually was %s", erlangTerm(value))
	}
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		if reason := checkLimit("limits", broker.NamespaceLimits, name, raw[name]); reason != "" {
			return nil, failedValidation("%s", reason)
		}
		var n int64
		_ = json.Unmarshal(raw[name], &n) // it was checked
		limits[broker.LimitName(name)] = n
	}
	return limits, nil
}

func deleteParameter(c *call) {
	vhost, component, name := c.vars["vhost"], c.vars["component"], c.vars["name"]
	items := c.server.parameters(vhost, component)
	if !slices.ContainsFunc(items, func(o object) bool { return o["name"] == name }) {
		c.notFound()
		return
	}
	var err error
	switch component {
	case limitsComponent:
		err = c.server.broker.ChangeNamespaceLimits(vhost, func(map[broker.LimitName]int64) map[broker.LimitName]int64 { return nil })
	case operatorComponent:
		err = c.server.broker.ClearPolicy(vhost, name, true)
	case policyComponent:
		err = c.server.broker.ClearPolicy(vhost, name, false)
	}
	if err != nil {
		c.failed(err)
		return
	}
	c.changed()
}

func listGlobalParameters(c *call) {
	var items []object
	for name, value := range c.server.broker.GlobalParameters() {
		items = append(items, object{"name": name, "value": value})
	}
	c.list(items, "name")
}

func getGlobalParameter(c *call) {
	value, ok := c.server.broker.GlobalParameters()[c.vars["name"]]
	if !ok {
		c.notFound()
		return
	}
	c.answer(object{"name": c.vars["name"], "value": value})
}

func putGlobalParameter(c *call) {
	value, ok := c.valueBody()
	if !ok {
		return
	}
	created, err := c.server.broker.SetGlobalParameter(c.vars["name"], value)
	if err != nil {
		c.failed(err)
		return
	}
	c.put(created)
}

func deleteGlobalParameter(c *call) {
	if err := c.server.broker.ClearGlobalParameter(c.vars["name"]); err != nil {
		c.failed(err)
		return
	}
	c.changed()
}
