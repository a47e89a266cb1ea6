package config

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// Addresses are the addresses of one listener, each host:port. An empty host
// means all addresses of the machine, IPv4 and IPv6; port 0 means any free
// port. No address at all, spelled "off", means that the listener is not opened.
type Addresses []string

// UnmarshalText reads addresses separated by commas, or the word off.
func (a *Addresses) UnmarshalText(text []byte) error {
	s := strings.TrimSpace(string(text))
	if s == "off" {
		*a = Addresses{}
		return nil
	}
	if s == "" {
		return errors.New(`no address; to close the listener write "off"`)
	}
	var out Addresses
	for item := range strings.SplitSeq(s, ",") {
		item = strings.TrimSpace(item)
		if err := checkAddress(item); err != nil {
			return err
		}
		out = append(out, item)
	}
	*a = out
	return nil
}

// MarshalText writes what UnmarshalText reads.
func (a Addresses) MarshalText() ([]byte, error) {
	if len(a) == 0 {
		return []byte("off"), nil
	}
	return []byte(strings.Join(a, ",")), nil
}

func checkAddress(s string) error {
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		return fmt.Errorf("%q is not an address such as :5672, 127.0.0.1:5672 or [::1]:5672", s)
	}
	n, err := strconv.Atoi(port)
	if err != nil || n < 0 || n > 65535 {
		return fmt.Errorf("%q has no port from 0 to 65535", s)
	}
	return nil
}
