package chaos

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// overtaken has a process hang in the middle of a promotion until others have finished it, and the next one, too. When it
// goes on, it must see that its lease was lost, and not put the tag back to the older digest.
func (w *world) overtaken(ctx context.Context) error {
	shop := w.shops[0]
	var changes []*change
	for range 2 {
		change, err := shop.offered(ctx)
		if err != nil {
			return err
		}
		changes = append(changes, change)
	}
	hung := make(chan *replica, 1)
	hang := func(r *http.Request) {
		victim := w.sender(r)
		if victim.pause() {
			w.paused.Add(1)
			hung <- victim
		}
	}
	// The manifest is what is read last before the ledger says that the promotion runs. After that the registry is greeted,
	// and the tag is put.
	point := &point{label: "registry manifest get", when: atAfter, act: hang}
	if w.options.Late {
		point.act = func(*http.Request) { w.points.arm(greeting(hang)) }
	}
	w.points.arm(point)
	if err := shop.taken(ctx, changes[0]); err != nil {
		return err
	}
	var victim *replica
	select {
	case victim = <-hung:
	case <-time.After(30 * time.Second):
		w.points.clear()
		return errors.New("nobody read a manifest for a promotion")
	}
	defer victim.proceed()
	for i, change := range changes {
		if i > 0 {
			if err := shop.taken(ctx, change); err != nil {
				return err
			}
		}
		if !shop.wait(ctx, 60*time.Second, func() bool { return shop.Tag("production") == change.digest && shop.answered(change) }) {
			return fmt.Errorf("nobody took over the promotion of %s while process %d hung", shop.about(change), victim.pid())
		}
	}
	return nil
}

func greeting(act func(*http.Request)) *point {
	return &point{label: "registry GET", when: atAfter, act: act}
}

// offered gives a change that is ready to be promoted.
func (s *shop) offered(ctx context.Context) (*change, error) {
	s.sequence++
	title := fmt.Sprintf("Change %s %d", s.name, s.sequence)
	offered := &change{pull: s.Merged(title)}
	offered.commit = offered.pull.MergeCommit()
	var err error
	if offered.digest, err = s.prove(offered, title, false); err != nil {
		return nil, err
	}
	s.mutex.Lock()
	s.changes = append(s.changes, offered)
	s.mutex.Unlock()
	if !s.wait(ctx, 60*time.Second, func() bool { return s.ready(offered) }) {
		return nil, fmt.Errorf("%s was not offered: the check run says %q", s.about(offered), s.CheckTitle(offered.commit))
	}
	return offered, nil
}

// taken asks for the change, and returns when a process has taken the comment's delivery.
func (s *shop) taken(ctx context.Context, change *change) error {
	deliveries := s.GitHub.Capture(func() { s.ask(change, s.Alice, "/promote production") })
	for _, delivery := range deliveries {
		for delivery.Send()/100 != 2 {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			pause(ctx, 10*time.Millisecond)
		}
	}
	return nil
}

func (s *shop) answered(change *change) bool {
	for _, ask := range s.asksOf(change) {
		if s.Reply(change.pull.Issue, ask.comment) == "" {
			return false
		}
	}
	return true
}
