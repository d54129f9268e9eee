// Package proxytest is a TCP proxy on loopback whose network goes wrong when a test says so.
package proxytest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// Proxy passes bytes on between whoever connects to it and its target. Its methods may be called from several goroutines.
type Proxy struct {
	listener net.Listener
	target   string
	ctx      context.Context // ends with Close
	cancel   context.CancelFunc
	running  sync.WaitGroup

	mu    sync.Mutex
	cut   bool
	delay time.Duration
	open  chan struct{} // closed while bytes pass
	pairs map[*pair]struct{}
}

// pair is a client's connection and the one to the target that belongs to it.
type pair struct {
	ctx    context.Context // ends when the pair is taken apart
	cancel context.CancelFunc
	client net.Conn
	target net.Conn // nil until it is dialled
	dead   bool     // it passes nothing on any more
}

const dialTimeout = 5 * time.Second

// New listens on a free port of 127.0.0.1 for connections to the target, host:port. The error says what could not be
// listened on.
func New(target string) (*Proxy, error) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for connections to %s: %w", target, err)
	}
	p := &Proxy{listener: listener, target: target, open: make(chan struct{}), pairs: map[*pair]struct{}{}}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	close(p.open)
	p.running.Add(1)
	go p.accept()
	return p, nil
}

// Addr gives the proxy's address, host:port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Cut resets all connections, and every new one as soon as it is made.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pass()
	p.cut = true
	for each := range p.pairs {
		each.end()
	}
}

// Hang keeps connections open and accepts new ones, but passes nothing on in either direction. What was on its way
// arrives after Heal, as after a partition.
func (p *Proxy) Hang() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = false
	select {
	case <-p.open:
		p.open = make(chan struct{})
	default: // it hangs already
	}
}

// Strand lets the connections that there are pass nothing on ever again, without an end of theirs, as when a host
// vanishes and another takes its address. New ones work.
func (p *Proxy) Strand() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pass()
	for each := range p.pairs {
		each.dead = true
	}
}

// Slow passes on what comes, in either direction, only after the delay.
func (p *Proxy) Slow(delay time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pass()
	p.delay = delay
}

// Heal ends every fault but that of stranded connections.
func (p *Proxy) Heal() { p.Slow(0) }

// Close ends all connections and the proxy, and waits until nothing of it runs.
func (p *Proxy) Close() error {
	p.cancel()
	err := p.listener.Close()
	p.Cut()
	p.running.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// pass lets bytes through; the lock is held.
func (p *Proxy) pass() {
	p.cut = false
	select {
	case <-p.open:
	default:
		close(p.open)
	}
}

func (p *Proxy) accept() {
	defer p.running.Done()
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // Close has closed the listener
		}
		p.admit(client)
	}
}

func (p *Proxy) admit(client net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	each := &pair{client: client}
	each.ctx, each.cancel = context.WithCancel(p.ctx)
	if p.cut {
		each.end()
		return
	}
	p.pairs[each] = struct{}{}
	p.running.Add(1)
	go p.serve(each)
}

// serve lives as long as the pair. The target is dialled when bytes pass: a hung network lets no connection through either.
func (p *Proxy) serve(each *pair) {
	defer p.running.Done()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.pairs, each)
		each.end()
	}()
	if !p.wait(each) {
		return
	}
	target, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(each.ctx, "tcp", p.target)
	if err != nil {
		return
	}
	p.mu.Lock()
	each.target = target
	p.mu.Unlock()
	if each.ctx.Err() != nil {
		return
	}
	var directions sync.WaitGroup
	directions.Go(func() { p.carry(each, target, each.client) })
	directions.Go(func() { p.carry(each, each.client, target) })
	directions.Wait()
}

// carry passes on what comes from one side until it ends, and the end as well.
func (p *Proxy) carry(each *pair, to, from net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		count, err := from.Read(buffer)
		if !p.wait(each) {
			return
		}
		if _, failed := to.Write(buffer[:count]); failed != nil {
			each.cancel()
			_ = from.Close() // the other direction ends with it
			return
		}
		if err != nil {
			if half, ok := to.(*net.TCPConn); ok {
				_ = half.CloseWrite() // the other side may be gone already
			}
			return
		}
	}
}

// wait returns when the network would let a byte through: true, or false when the pair was taken apart meanwhile.
func (p *Proxy) wait(each *pair) bool {
	delay, _, _ := p.state(each)
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-each.ctx.Done():
		return false
	}
	for {
		_, open, dead := p.state(each)
		if dead {
			<-each.ctx.Done()
			return false
		}
		select {
		case <-open:
		case <-each.ctx.Done():
			return false
		}
		if _, now, dead := p.state(each); now == open && !dead { // it may hang again by now
			return each.ctx.Err() == nil
		}
	}
}

func (p *Proxy) state(each *pair) (delay time.Duration, open chan struct{}, dead bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.delay, p.open, each.dead
}

// end resets both connections, as a cut network or a killed peer does. The proxy's lock is held.
func (each *pair) end() {
	each.cancel()
	for _, connection := range []net.Conn{each.client, each.target} {
		if tcp, ok := connection.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // on one that is closed already there is nothing to reset
			_ = tcp.Close()
		}
	}
}
