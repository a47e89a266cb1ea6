package awsproto

import (
	"errors"
	"net/http"
	"strconv"
)

// What is answered to a request.

// succeed answers an action's output in the request's protocol; it answers nothing when that fails.
func (x *exchange) succeed(out any) (err error) {
	var body []byte
	kind := x.jsonType()
	switch {
	case x.call.Protocol == Query && wantsJSON(x.r):
		body, err = encodeQueryJSON(x.service, &x.call, out)
	case x.call.Protocol == Query:
		body, kind = encodeXML(x.service, &x.call, out), "text/xml"
	default:
		body, err = EncodeJSON(out)
	}
	if err == nil {
		x.answer(http.StatusOK, kind, body)
	}
	return err
}

func (e *Endpoint) translate(x *exchange, err error) *Error {
	var answer *Error
	if errors.As(err, &answer) {
		return answer
	}
	if answer = x.service.Translate(err); answer != nil {
		return answer
	}
	if x.r.Context().Err() == nil { // the client is still there
		e.log.Error("aws request failed", "proto", x.service.Name, "op", x.call.Action, "ns", x.call.Namespace(x.call.Account), "err_id", x.call.ID, "err", err)
	}
	return x.service.Internal
}

func (x *exchange) jsonType() string {
	if x.call.Protocol == Query {
		return "application/json"
	}
	version := "1.0"
	if x.service != nil {
		version = x.service.JSONVersion
	}
	return "application/x-amz-json-" + version
}

// fail answers an error in the request's protocol.
func (x *exchange) fail(err *Error) {
	status := err.status()
	if x.call.Protocol == Query && wantsJSON(x.r) {
		x.answer(status, x.jsonType(), errorQueryJSON(x.call.ID, err))
		return
	}
	if x.call.Protocol == Query {
		x.answer(status, "text/xml", errorXML(x.service, x.call.ID, err))
		return
	}
	if x.cbor {
		x.answer(status, "application/x-amz-cbor-1.1", errorCBOR(err))
		return
	}
	if x.service != nil && x.service.QueryCompatible {
		x.w.Header().Set("X-Amzn-Query-Error", err.queryCode()+";"+err.fault())
		// Clients from before the query protocol's statuses were kept get 400 for all their faults.
		if x.r.Header.Get("X-Amzn-Query-Mode") == "" && status < 500 && err.Namespace != coral {
			status = 400
		}
	}
	x.answer(status, x.jsonType(), errorJSON(err))
}

func (x *exchange) answer(status int, contentType string, body []byte) {
	h := x.w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	x.w.WriteHeader(status)
	_, _ = x.w.Write(body) // a client that went away is nothing to act on here
}
