package chaos

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// Where a process is killed: when such a request has come, before or after it had its effect.
var killPoints = []string{
	"registry production put", "registry production put", "registry production head", "registry manifest get",
	"github comment", "github comment", "github comment edit", "github reaction", "github check run", "github check run edit",
	"github run", "github jobs", "github permission", "github redelivery", "slack POST",
}

// disturb kills so many times, pauses and injects faults besides, and starts again what was killed.
func (w *world) disturb(ctx context.Context, kills int) error {
	for range kills {
		if w.random.oneIn(3) {
			w.fault()
		}
		if len(w.replicas) > 1 && w.random.oneIn(8) {
			w.hang(ctx)
		}
		hit, err := w.killOnce(ctx)
		if err != nil {
			return err
		}
		w.killed.Add(1)
		if w.random.oneIn(4) { // mostly it is back at once
			pause(ctx, w.random.between(0, 200*time.Millisecond))
		}
		if err := hit.start(ctx); err != nil {
			return err
		}
		pause(ctx, w.random.between(0, 40*time.Millisecond))
	}
	return ctx.Err()
}

// killOnce kills a process at a named point, within a delivery, or at some moment.
func (w *world) killOnce(ctx context.Context) (*replica, error) {
	hits := make(chan *replica, 1)
	var disarm func() bool
	switch choice := w.random.below(10); {
	case choice < 5:
		disarm = w.killAtPoint(hits)
	case choice < 7:
		disarm = w.killInDelivery(hits)
	}
	if disarm != nil {
		timer := time.NewTimer(600 * time.Millisecond)
		defer timer.Stop()
		select {
		case hit := <-hits:
			return hit, nil
		case <-ctx.Done():
		case <-timer.C:
		}
		if !disarm() { // it is happening now
			select {
			case hit := <-hits:
				return hit, nil
			case <-time.After(10 * time.Second):
			}
		}
	} else {
		pause(ctx, w.random.between(time.Millisecond, 150*time.Millisecond))
	}
	for range 1000 {
		if victim := one(w.random, w.replicas); victim.kill() {
			return victim, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		pause(ctx, 10*time.Millisecond)
	}
	return nil, fmt.Errorf("nobody is left to be killed: %v", w.seenBroken())
}

func (w *world) killAtPoint(hits chan<- *replica) (disarm func() bool) {
	point := &point{label: one(w.random, killPoints), when: atBefore}
	switch w.random.below(3) {
	case 0:
		point.lost = true
	case 1:
		point.when = atAfter
	}
	point.act = func(r *http.Request) { w.strike(w.sender(r), hits) }
	w.points.arm(point)
	return func() bool { return w.points.disarm(point) }
}

// killInDelivery kills whom the next delivery goes to, some hundred microseconds after it was sent.
func (w *world) killInDelivery(hits chan<- *replica) (disarm func() bool) {
	after := w.random.between(0, 3*time.Millisecond)
	act := func(to *replica) {
		go func() {
			pause(context.Background(), after)
			w.strike(to, hits)
		}()
	}
	w.arriving.Store(&act)
	return func() bool { return w.arriving.CompareAndSwap(&act, nil) }
}

// strike kills the process; when it is gone or paused already, another.
func (w *world) strike(victim *replica, hits chan<- *replica) {
	for range 1000 {
		if victim.kill() {
			hits <- victim
			return
		}
		pause(context.Background(), 10*time.Millisecond)
		victim = one(w.random, w.replicas)
	}
}

// fault makes a bounded number of requests go wrong.
func (w *world) fault() {
	fault := &point{label: one(w.random, []string{"github", "github", "registry", "slack", one(w.random, killPoints)}), times: 1 + w.random.below(3)}
	switch w.random.below(7) {
	case 0:
		fault.delay = w.random.between(50*time.Millisecond, 500*time.Millisecond)
	case 1:
		fault.lost, fault.status = true, one(w.random, []int{500, 502, 503})
	case 2:
		fault.status = 502 // after the effect
	case 3:
		fault.lost, fault.reset = true, true
	case 4:
		fault.reset = true
	case 5:
		fault.truncated = true
	default:
		fault.lost, fault.status, fault.header = true, http.StatusTooManyRequests, http.Header{"Retry-After": {"1"}}
		fault.message = "You have exceeded a secondary rate limit."
	}
	w.faults.Add(1)
	w.points.arm(fault)
}

// hang stops a process at a point in its work for longer than its lease, and lets it go on while another has taken over.
func (w *world) hang(ctx context.Context) {
	point := &point{label: one(w.random, killPoints), when: one(w.random, []moment{atBefore, atAfter})}
	point.act = func(r *http.Request) {
		victim := w.sender(r)
		if !w.spare(victim) || !victim.pause() {
			return
		}
		w.paused.Add(1)
		w.suspended.Add(1)
		go func() {
			defer w.suspended.Done()
			pause(ctx, lease+2*time.Second)
			victim.proceed()
		}()
	}
	w.points.arm(point)
}

// spare reports whether another process serves.
func (w *world) spare(victim *replica) bool {
	for _, replica := range w.replicas {
		if replica != victim && replica.serving() {
			return true
		}
	}
	return false
}

// sender finds the process that made a request.
func (w *world) sender(r *http.Request) *replica {
	if len(w.replicas) > 1 {
		for _, replica := range w.replicas {
			if pid := replica.pid(); pid != 0 && hasConnection(pid, r) {
				return replica
			}
		}
		return one(w.random, w.replicas)
	}
	return w.replicas[0]
}

func pause(ctx context.Context, how time.Duration) {
	timer := time.NewTimer(how)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
