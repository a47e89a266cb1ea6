package app

import (
	"context"
	"fmt"
	"net"
	"strings"

	"github.com/portico-mq/portico/config"
)

// bound are the open listeners of one name.
type bound struct {
	name      string
	listeners []net.Listener
}

// String returns the addresses actually bound, separated by commas, or "off".
func (b *bound) String() string {
	if len(b.listeners) == 0 {
		return "off"
	}
	addresses := make([]string, len(b.listeners))
	for i, l := range b.listeners {
		addresses[i] = l.Addr().String()
	}
	return strings.Join(addresses, ",")
}

// listen opens every address of one listener and remembers it for the start
// line and the end. No address opens nothing.
func (a *application) listen(ctx context.Context, name string, addresses config.Addresses) (*bound, error) {
	b := &bound{name: name}
	a.bound = append(a.bound, b)
	for _, address := range addresses {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		b.listeners = append(b.listeners, l)
		a.closes = append(a.closes, func() error {
			_ = l.Close() // the server that uses it has closed it already, in a stop in good order
			return nil
		})
	}
	return b, nil
}
