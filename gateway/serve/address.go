package serve

import (
	"net"
	"net/netip"
)

// AddrPort is the address and port of an end of a TCP connection, an IPv4 address that came as an IPv6 one as IPv4; the
// zero AddrPort for one of another kind. It is safe for concurrent use.
func AddrPort(a net.Addr) netip.AddrPort {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	p := tcp.AddrPort()
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}
