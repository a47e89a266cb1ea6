package main

import (
	"errors"
	"fmt"
	"net/http"
)

// missing reports whether the server said that there is no such thing.
func missing(err error) bool {
	var r *refusal
	return errors.As(err, &r) && r.status == http.StatusNotFound
}

// failed is what the process ends with for an error of a request.
func failed(err error) *failure {
	var f *failure
	var r *refusal
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &r) && r.status == http.StatusUnauthorized:
		return &failure{code: exitNoPerm, text: "Error: " + r.reason}
	case errors.As(err, &r) && r.status < 500:
		return &failure{code: exitUnavailable, text: "Error:\n" + r.reason}
	default:
		return &failure{code: exitSoftware, text: "Error: " + err.Error()}
	}
}

func noUser(name string) error {
	return &failure{code: exitNoUser, text: fmt.Sprintf("Error:\nUser %q does not exist", name)}
}

func noVhost(name string) error {
	return &failure{code: exitData, text: fmt.Sprintf("Virtual host '%s' does not exist", name)}
}

func noParameter() error {
	return &failure{code: exitUnavailable, text: "Error:\nParameter does not exist"}
}
