package live

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"scamper/tools/simnet"
)

// A connection may idle this long before a server closes it.
const idleTime = 5 * time.Minute

// serve starts a built-in server. It runs in the namespace; the socket stays there.
func (s *space) serve(spec string) error {
	service, err := simnet.ParseService(spec)
	if err != nil {
		return err
	}
	address := fmt.Sprintf(":%d", service.Port)
	if service.Kind == "dns" {
		return s.serveDNS(address)
	}
	if service.Kind == "udp-echo" {
		conn, err := net.ListenPacket("udp", address)
		if err != nil {
			return err
		}
		s.servers = append(s.servers, conn)
		go echoDatagrams(conn)
		return nil
	}
	listener, err := listenTCP(address)
	if err != nil {
		return err
	}
	s.servers = append(s.servers, listener)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serveConnection(conn, service)
		}
	}()
	return nil
}

func listenTCP(address string) (net.Listener, error) {
	var config net.ListenConfig
	config.SetMultipathTCP(false) // measured stacks should speak plain TCP
	return config.Listen(context.Background(), "tcp", address)
}

func echoDatagrams(conn net.PacketConn) {
	buf := make([]byte, 1<<16)
	for {
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			return
		}
		if _, err := conn.WriteTo(buf[:n], from); err != nil {
			continue // a datagram that cannot be answered is lost, as datagrams are
		}
	}
}

func serveConnection(conn net.Conn, service simnet.Service) {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(idleTime))
	switch service.Kind {
	case "tcp-echo":
		io.Copy(conn, conn)
	case "discard":
		io.Copy(io.Discard, conn)
	case "http":
		serveHTTP(conn, service.Size)
	}
}

// serveHTTP answers one request with a page of the given size and closes: HTTP/1.0 as far as a measurement needs it.
func serveHTTP(conn net.Conn, size int) {
	r := bufio.NewReader(io.LimitReader(conn, 1<<16))
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		if strings.TrimRight(line, "\r\n") == "" {
			break
		}
	}
	body := strings.Repeat("All work and no play makes a dull network.\n", size/43+1)[:size]
	fmt.Fprintf(conn, "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", size, body)
}
