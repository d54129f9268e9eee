package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
)

// Run kills as often as the options say, and gives what was found. Its error says that the harness itself could not go on;
// violations are in the summary.
func Run(ctx context.Context, options Options) (Summary, error) {
	began := time.Now()
	options, err := options.complete()
	if err != nil {
		return Summary{}, err
	}
	if options.Binary == "" {
		folder, err := os.MkdirTemp("", "verbatim-binary-")
		if err != nil {
			return Summary{}, err
		}
		defer func() { _ = os.RemoveAll(folder) }() // it is in the temporary folder
		tags := ""
		if options.Sabotage != "" {
			tags = "sabotage"
		}
		if options.Binary, err = build(ctx, folder, tags, options.Out); err != nil {
			return Summary{}, err
		}
	}
	total, err := worlds(ctx, options)
	total.Took = time.Since(began)
	return total, err
}

// worlds runs one world after another, some at once, until the kills are done.
func worlds(ctx context.Context, options Options) (Summary, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var mutex sync.Mutex
	var total Summary
	var failures []error
	left, number := options.Kills, 0
	next := func() (kills, of int) {
		mutex.Lock()
		defer mutex.Unlock()
		kills = min(left, options.PerWorld)
		if options.Sabotage != "" && len(total.Violations) > 0 {
			kills = 0 // it was found
		}
		left -= kills
		number++
		return kills, number
	}
	var running sync.WaitGroup
	for range options.Parallel {
		running.Go(func() {
			for kills, number := next(); kills > 0 && ctx.Err() == nil; kills, number = next() {
				summary, err := inWorld(ctx, options, number, kills)
				mutex.Lock()
				total.add(summary)
				if err != nil {
					failures = append(failures, err)
					cancel()
				}
				mutex.Unlock()
			}
		})
	}
	running.Wait()
	return total, errors.Join(failures...)
}

// inWorld kills so many times in a new world.
func inWorld(ctx context.Context, options Options, number, kills int) (summary Summary, err error) {
	w, err := newWorld(ctx, options, number)
	if err != nil {
		return Summary{}, fmt.Errorf("begin a world: %w", err)
	}
	defer func() {
		err = errors.Join(err, w.close(len(summary.Violations) > 0 && options.Sabotage == "" || err != nil))
	}()
	if options.Replicas > 1 {
		if err := w.overtaken(ctx); err != nil {
			return Summary{}, fmt.Errorf("world %d, a process overtaken (logs in %s): %w", number, w.folder, err)
		}
	}
	rounds := 0
	for left := kills; left > 0; {
		now := min(left, options.PerRound)
		left -= now
		rounds++
		began := time.Now()
		if err := w.round(ctx, now); err != nil {
			return Summary{}, fmt.Errorf("world %d, round %d (logs in %s): %w", number, rounds, w.folder, err)
		}
		worked := time.Since(began)
		found := w.settle(ctx, left == 0)
		summary = found.Summary
		summary.Rounds = rounds
		summary.Violations = append(found.wrong, found.missing...)
		fmt.Fprintf(options.Out, "world %d, round %d (%s + %s): %s\n", number, rounds, worked.Round(100*time.Millisecond), (time.Since(began) - worked).Round(100*time.Millisecond), summary)
		for _, violation := range summary.Violations {
			fmt.Fprintf(options.Out, "  VIOLATION: %s\n", violation)
		}
		if len(summary.Violations) > 0 {
			summary.Folders = []string{w.folder}
			return summary, nil
		}
	}
	return summary, nil
}

// round has all shops work while processes are killed.
func (w *world) round(ctx context.Context, kills int) error {
	working, stop := context.WithCancel(ctx)
	defer stop()
	failures := make(chan error, len(w.shops))
	var running sync.WaitGroup
	for _, shop := range w.shops {
		running.Go(func() { failures <- shop.work(working) })
	}
	err := w.disturb(ctx, kills)
	stop()
	w.arriving.Store(nil)
	w.points.clear()
	running.Wait()
	close(failures)
	for failure := range failures {
		err = errors.Join(err, failure)
	}
	return err
}

// settle waits until everything that was asked for has come and nothing is changed any more, and gives what is there then.
func (w *world) settle(ctx context.Context, last bool) findings {
	w.suspended.Wait()
	for _, replica := range w.replicas {
		if err := replica.start(ctx); err != nil {
			w.violation("%v", err)
		}
	}
	quiet := time.Second
	if last {
		quiet = lease + 2*time.Second // what a killed process held comes back by then
	}
	ctx, cancel := context.WithTimeout(ctx, w.options.Settle)
	defer cancel()
	again := time.NewTicker(2 * time.Second)
	defer again.Stop()
	for {
		found := w.look()
		rests := time.Since(time.Unix(0, w.wrote.Load())) > quiet
		if len(found.missing) == 0 && rests || ctx.Err() != nil {
			return found
		}
		if len(found.wrong) > 0 { // enough, and what is missing may still come
			found.missing = nil
			return found
		}
		select {
		case <-again.C:
			if w.options.Redeliver {
				w.redeliver()
			}
		default:
		}
		pause(ctx, 100*time.Millisecond)
	}
}

// redeliver has the deliveries that nobody took sent again.
func (w *world) redeliver() {
	taken, newest := map[string]bool{}, map[string]*githubtest.Delivery{}
	for _, delivery := range w.github.Deliveries() {
		taken[delivery.GUID()] = taken[delivery.GUID()] || delivery.Status()/100 == 2
		newest[delivery.GUID()] = delivery
	}
	for guid, delivery := range newest {
		if !taken[guid] {
			delivery.Redeliver()
		}
	}
}
