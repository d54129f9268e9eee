package chaos

import (
	"net"
	"sync"
)

// forwarder is the address that deliveries are sent to: it hands each connection to one of the replicas that serve.
type forwarder struct {
	listener net.Listener
	replicas []*replica
	arrived  func(*replica) // a delivery's bytes are being passed on

	mutex       sync.Mutex
	next        int
	connections map[net.Conn]struct{}
	closed      bool
	running     sync.WaitGroup
}

func newForwarder(replicas []*replica, arrived func(*replica)) (*forwarder, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f := &forwarder{listener: listener, replicas: replicas, arrived: arrived, connections: map[net.Conn]struct{}{}}
	f.running.Add(1)
	go func() { defer f.running.Done(); f.run() }()
	return f, nil
}

func (f *forwarder) hook() string { return "http://" + f.listener.Addr().String() + "/api/github/hook" }

func (f *forwarder) run() {
	for {
		client, err := f.listener.Accept()
		if err != nil {
			return
		}
		if !f.keep(client) {
			return
		}
		f.running.Add(1)
		go func() { defer f.running.Done(); f.forward(client) }()
	}
}

// forward passes bytes on until one side ends. A client for whom nobody is there is hung up on.
func (f *forwarder) forward(client net.Conn) {
	defer f.drop(client)
	behind, to := f.dial()
	if behind == nil || !f.keep(behind) {
		return
	}
	defer f.drop(behind)
	f.running.Add(1)
	go func() {
		defer f.running.Done()
		defer f.drop(client)
		pass(client, behind, func() {})
	}()
	pass(behind, client, func() { f.arrived(to) })
}

func pass(to, from net.Conn, each func()) {
	buffer := make([]byte, 64<<10)
	for {
		count, err := from.Read(buffer)
		if count > 0 {
			if _, err := to.Write(buffer[:count]); err != nil {
				return
			}
			each()
		}
		if err != nil {
			return
		}
	}
}

func (f *forwarder) dial() (net.Conn, *replica) {
	for range f.replicas {
		f.mutex.Lock()
		to := f.replicas[f.next%len(f.replicas)]
		f.next++
		f.mutex.Unlock()
		if !to.serving() {
			continue
		}
		if connection, err := net.Dial("tcp", to.address); err == nil {
			return connection, to
		}
	}
	return nil, nil
}

func (f *forwarder) keep(connection net.Conn) bool {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.closed {
		_ = connection.Close()
		return false
	}
	f.connections[connection] = struct{}{}
	return true
}

func (f *forwarder) drop(connection net.Conn) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	delete(f.connections, connection)
	_ = connection.Close()
}

func (f *forwarder) close() {
	f.mutex.Lock()
	f.closed = true
	_ = f.listener.Close()
	for connection := range f.connections {
		_ = connection.Close()
	}
	f.mutex.Unlock()
	f.running.Wait()
}
