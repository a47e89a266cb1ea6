package management

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// resource is one path of the API with what it answers to. A method without a handler gets 405.
type resource struct {
	// path is what follows /api, in segments that are matched one by one; {name} matches any one of them, which is
	// percent-decoded before it is handed to the handlers.
	path string
	// access says who gets in.
	access access
	// HEAD is answered as GET without its body.
	get, put, post, delete func(*call)
}

// methods are the methods that the resource takes, in the order in which the Allow header names them.
func (res *resource) methods() []string {
	list := []string{}
	for _, m := range []struct {
		name string
		f    func(*call)
	}{
		{http.MethodHead, res.get},
		{http.MethodGet, res.get},
		{http.MethodPut, res.put},
		{http.MethodPost, res.post},
		{http.MethodDelete, res.delete},
	} {
		if m.f != nil {
			list = append(list, m.name)
		}
	}
	return append(list, http.MethodOptions)
}

func (res *resource) handler(method string) func(*call) {
	switch method {
	case http.MethodGet, http.MethodHead:
		return res.get
	case http.MethodPut:
		return res.put
	case http.MethodPost:
		return res.post
	case http.MethodDelete:
		return res.delete
	default:
		return nil
	}
}

// router finds the resource of a path. Literal segments win over {names}.
type router struct {
	root pathNode
}

type pathNode struct {
	literal  map[string]*pathNode
	variable *pathNode
	resource *resource
	names    []string // of the variables on the way here
}

func newRouter(resources []resource) *router {
	rt := &router{}
	for i := range resources {
		n := &rt.root
		var names []string
		for segment := range strings.SplitSeq(strings.Trim(resources[i].path, "/"), "/") {
			if name, ok := strings.CutPrefix(segment, "{"); ok {
				names = append(names, strings.TrimSuffix(name, "}"))
				if n.variable == nil {
					n.variable = &pathNode{}
				}
				n = n.variable
				continue
			}
			if n.literal == nil {
				n.literal = make(map[string]*pathNode)
			}
			if n.literal[segment] == nil {
				n.literal[segment] = &pathNode{}
			}
			n = n.literal[segment]
		}
		if n.resource != nil {
			panic("management: two resources at " + resources[i].path)
		}
		n.resource, n.names = &resources[i], names
	}
	return rt
}

// find returns the resource of an escaped path below /api and its variables; nil when there is none.
func (rt *router) find(escaped string) (*resource, map[string]string) {
	segments := strings.Split(strings.TrimSuffix(strings.TrimPrefix(escaped, "/"), "/"), "/")
	for i, segment := range segments {
		decoded, err := url.PathUnescape(segment)
		if err != nil {
			return nil, nil
		}
		segments[i] = decoded
	}
	n, values := rt.root.find(segments, nil)
	if n == nil {
		return nil, nil
	}
	vars := make(map[string]string, len(values))
	for i, name := range n.names {
		vars[name] = values[i]
	}
	return n.resource, vars
}

func (n *pathNode) find(segments, values []string) (*pathNode, []string) {
	if len(segments) == 0 {
		if n.resource == nil {
			return nil, nil
		}
		return n, values
	}
	if next := n.literal[segments[0]]; next != nil {
		if found, values := next.find(segments[1:], values); found != nil {
			return found, values
		}
	}
	if n.variable == nil {
		return nil, nil
	}
	return n.variable.find(segments[1:], append(slices.Clone(values), segments[0]))
}

// serveAPI answers what is below /api.
func (s *server) serveAPI(w http.ResponseWriter, r *http.Request) {
	res, vars := s.router.find(strings.TrimPrefix(r.URL.EscapedPath(), "/api"))
	s.crossOrigin(w, r)
	if res == nil {
		notFound(w, r)
		return
	}
	allow := strings.Join(res.methods(), ", ")
	if r.Method == http.MethodOptions {
		w.Header().Set("Allow", allow)
		w.WriteHeader(http.StatusOK)
		return
	}
	handle := res.handler(r.Method)
	if handle == nil {
		w.Header().Set("Allow", allow)
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	c := &call{server: s, w: w, r: r, vars: vars}
	if !c.authenticate() || !c.authorize(res.access) {
		return
	}
	var err error
	if c.spans, err = readSpans(r.URL.Query()); err != nil {
		c.badRequest(err.Error())
		return
	}
	handle(c)
}

// crossOrigin answers the headers that a browser sends for a page of elsewhere, which RabbitMQ allows from the
// origins of management.cors.allow_origins. None is allowed by default, here as there: it varies, and says no more.
func (s *server) crossOrigin(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Vary", "accept, accept-encoding, origin")
}
