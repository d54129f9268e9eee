package githubtest

import "sync"

// queue posts the webhooks that requests to the API cause: in order, one after another, after the answer.
type queue struct {
	mu      sync.Mutex
	changed *sync.Cond
	pending []*Delivery
	busy    bool
	closed  bool
	done    chan struct{}
}

func newQueue(send func([]*Delivery)) *queue {
	q := &queue{done: make(chan struct{})}
	q.changed = sync.NewCond(&q.mu)
	go q.run(send)
	return q
}

func (q *queue) run(send func([]*Delivery)) {
	defer close(q.done)
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		for len(q.pending) == 0 && !q.closed {
			q.changed.Wait()
		}
		if q.closed {
			return
		}
		batch := q.pending
		q.pending, q.busy = nil, true
		q.mu.Unlock()
		send(batch)
		q.mu.Lock()
		q.busy = false
		q.changed.Broadcast()
	}
}

func (q *queue) add(deliveries []*Delivery) {
	if len(deliveries) == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pending = append(q.pending, deliveries...)
	q.changed.Broadcast()
}

func (q *queue) drain() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for (len(q.pending) > 0 || q.busy) && !q.closed {
		q.changed.Wait()
	}
}

func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.changed.Broadcast()
	q.mu.Unlock()
	<-q.done
}

// Drain waits until the webhooks that requests to the API caused are delivered: those of the app's own comments and check
// runs, and redeliveries.
func (s *Server) Drain() { s.queue.drain() }
