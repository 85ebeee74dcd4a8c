package technique

import (
	"net"
	"sync"
)

// interfaceNames remembers the names of interfaces. It is asked by the goroutine that encodes.
type interfaceNames struct {
	mu     sync.Mutex
	byNum  map[int32]string
	last   int32
	latest string
}

// InterfaceName returns the name of an interface; empty if there is none. A name is asked for once: an interface that is
// renamed while the program runs keeps its old one in records. It may be called on any goroutine.
func (e *Env) InterfaceName(index int32) string {
	if index <= 0 {
		return ""
	}
	n := &e.names
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.last == index {
		return n.latest
	}
	name, ok := n.byNum[index]
	if !ok {
		if i, err := net.InterfaceByIndex(int(index)); err == nil {
			name = i.Name
		}
		if n.byNum == nil {
			n.byNum = make(map[int32]string)
		}
		n.byNum[index] = name
	}
	n.last, n.latest = index, name
	return name
}
