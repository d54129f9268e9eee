package server

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/palantir/go-githubapp/githubapp"
	"github.com/rs/zerolog"

	"github.com/verbatim-dev/verbatim/handlers"
	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/ledger"
)

// How often a row of work is tried before it is set aside, and how long it waits between two tries.
const (
	workAttempts = 10
	// outageWait is for how long a row is tried that fails because somebody outside is down, however often.
	outageWait   = 24 * time.Hour
	firstBackoff = time.Second
	longestBack  = 5 * time.Minute
	longestIdle  = 30 * time.Second
)

// Carrier carries on a request.
type Carrier interface {
	Carry(ctx context.Context, work promotion.Work) (promotion.Changes, error)
}

// Teller tells what an announcement says, and completes its row.
type Teller interface {
	Tell(ctx context.Context, work promotion.Work) error
}

// Looker looks again at what only time or other hands change.
type Looker interface {
	// LookAtCheck computes the check run of an announcement anew.
	LookAtCheck(ctx context.Context, key string) (promotion.Changes, error)
	// LookForDrift compares the tags of a repository's environments with the ledger.
	LookForDrift(ctx context.Context, lease promotion.Lease, subject string) (promotion.Changes, error)
	// Sweep looks in a repository for what no delivery told of.
	Sweep(ctx context.Context, lease promotion.Lease, subject string) (promotion.Changes, error)
}

// Worker works off the rows of work, a few at a time. Each row is held under a lease that is extended while it is
// worked on; whoever loses it stops and writes nothing. No repository has all of the workers to itself.
type Worker struct {
	Ledger   *ledger.Ledger
	Handlers []githubapp.EventHandler
	Requests Carrier
	Teller   Teller
	Looker   Looker
	Faults   Faults
	Clock    func() time.Time
	Metrics  *Metrics
	Logger   zerolog.Logger
	Parallel int
	Lease    time.Duration

	holdings *holdings // of this run
	rests    *rests    // and this
	pauses   pauses
}

// Run works until the context ends, then lets what is under way finish for as long as grace says, and hands back the rest.
func (w *Worker) Run(ctx context.Context, grace time.Duration) {
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var running sync.WaitGroup
	free := make(chan struct{}, w.Parallel)
	for range w.Parallel {
		free <- struct{}{}
	}
	w.holdings, w.rests = newHoldings(), newRests()
	running.Add(1)
	go func() { defer running.Done(); w.holdings.extend(working, w.Ledger, w.Clock, w.Lease) }()
	for ctx.Err() == nil {
		slots := take(ctx, free)
		if slots == 0 {
			break
		}
		most := w.mostOfOne()
		resting, _ := w.rests.resting()
		claimed, err := w.Ledger.Claim(ctx, slots, w.Lease, func(repository int64) int {
			if slices.Contains(resting, repository) {
				return 0
			}
			return most - w.holdings.of(repository)
		})
		if err != nil && ctx.Err() == nil {
			w.Ledger.Notice(err)
			w.Logger.Error().Err(err).Msg("work could not be claimed")
		}
		for range slots - len(claimed) {
			free <- struct{}{}
		}
		for _, work := range claimed {
			held := w.holdings.add(working, work, work.Until.Sub(w.Clock()))
			running.Add(1)
			go func() {
				defer running.Done()
				defer func() { free <- struct{}{} }()
				defer w.holdings.remove(held)
				w.do(held.ctx, work)
			}()
		}
		if len(claimed) < slots {
			w.idle(ctx, err != nil)
		}
	}
	under, left := w.holdings.count(), 0
	ended := make(chan struct{})
	go func() { w.holdings.end(); running.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(grace):
		left = w.holdings.count()
		stop()
		<-ended
	}
	w.Logger.Info().Int("under_way", under).Int("handed_back", left).Msg("no work is under way any more")
}

// take waits for one free slot, and takes all others that are free as well.
func take(ctx context.Context, free <-chan struct{}) int {
	select {
	case <-ctx.Done():
		return 0
	case <-free:
	}
	slots := 1
	for {
		select {
		case <-free:
			slots++
		default:
			return slots
		}
	}
}

// mostOfOne gives how many rows of one repository are worked on at once: of eight workers six, so that a repository whose
// calls all hang leaves two to the others.
func (w *Worker) mostOfOne() int { return max(1, w.Parallel-max(w.Parallel/4, 1)) }

// idle waits until there may be something to do: a row was added or finished, or the next one is due.
func (w *Worker) idle(ctx context.Context, failed bool) {
	added := w.Ledger.Added()
	if failed {
		added = nil // what was added meanwhile cannot be claimed either
	}
	select {
	case <-added:
		return
	default:
	}
	wait := longestIdle
	resting, rested := w.rests.resting()
	if len(resting) > 0 {
		wait = rested
	}
	if failed {
		wait = firstBackoff
	} else if next, found, err := w.Ledger.NextRun(ctx, append(w.holdings.full(w.mostOfOne()), resting...)); err == nil && found {
		wait = min(wait, max(next.Sub(w.Clock()), 0))
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-added:
	}
}

// do works on one row, and says what becomes of it.
func (w *Worker) do(ctx context.Context, work promotion.Work) {
	began := w.Clock()
	w.Metrics.workWait.WithLabelValues(string(work.Kind)).Observe(max(began.Sub(work.Due), 0).Seconds())
	logger := w.Logger.With().Int64(LogWork, work.Work).Str(LogKind, string(work.Kind)).Str(LogSubject, work.Subject).Str(LogDelivery, work.Delivery).Str(LogTrace, work.Trace).Logger()
	ctx = promotion.WithTurn(logger.WithContext(ctx), turnOf(work))
	if until := w.pauses.behind(work); !until.IsZero() {
		if err := w.Ledger.Retry(ctx, work.Lease, until, "waits behind work that pauses", false); err != nil {
			logger.Error().Err(err).Msg("work could not be put back; it runs again when its lease ends")
		}
		w.Metrics.work.WithLabelValues(string(work.Kind), "paused").Inc()
		return
	}
	changes, err := w.attempt(ctx, work)
	outcome := w.conclude(ctx, work, changes, err)
	w.rests.ended(work.Repository, outcome)
	if _, paused := promotion.Paused(err); !paused {
		w.Faults.Done(faultKey(work))
	}
	w.Metrics.work.WithLabelValues(string(work.Kind), outcome).Inc()
	w.Metrics.workTime.WithLabelValues(string(work.Kind)).Observe(w.Clock().Sub(began).Seconds())
}

// turnOf says whether the row's calls can wait. What people asked for, and are told, cannot.
func turnOf(work promotion.Work) promotion.Turn {
	urgent := work.Kind == promotion.WorkRequest || work.Kind == promotion.WorkAnnouncement
	return promotion.Turn{Repository: work.Repository, Urgent: urgent}
}

// attempt does the row's work. A panic is an error like any other: one row's fault does not end the server.
func (w *Worker) attempt(ctx context.Context, work promotion.Work) (changes promotion.Changes, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			zerolog.Ctx(ctx).Error().Interface("panic", cause).Bytes("stack", debug.Stack()).Msg("work panicked")
			err = fmt.Errorf("panic: %v", cause)
		}
	}()
	switch work.Kind {
	case promotion.WorkDelivery:
		return w.handle(ctx, work)
	case promotion.WorkRequest:
		return w.Requests.Carry(ctx, work)
	case promotion.WorkAnnouncement:
		return promotion.Changes{}, w.Teller.Tell(ctx, work)
	case promotion.WorkCheck:
		return w.Looker.LookAtCheck(ctx, work.Subject)
	case promotion.WorkDrift:
		return w.Looker.LookForDrift(ctx, work.Lease, work.Subject)
	case promotion.WorkSweep:
		return w.Looker.Sweep(ctx, work.Lease, work.Subject)
	}
	return promotion.Changes{}, &promotion.PermanentError{Err: fmt.Errorf("work of kind %q: nobody does that", work.Kind)}
}

func (w *Worker) handle(ctx context.Context, work promotion.Work) (promotion.Changes, error) {
	for _, handler := range w.Handlers {
		for _, event := range handler.Handles() {
			if event == work.Subject {
				var outcome handlers.Outcome
				ctx := handlers.WithReceived(handlers.WithOutcome(ctx, &outcome), work.Created)
				err := handler.Handle(ctx, work.Subject, work.Delivery, work.Payload)
				return outcome.Changes, err
			}
		}
	}
	return promotion.Changes{}, &promotion.PermanentError{Err: fmt.Errorf("delivery of event %q: nobody handles it", work.Subject)}
}

// conclude completes the row, or has it run again, or sets it aside. It gives the outcome's name for the metrics.
func (w *Worker) conclude(ctx context.Context, work promotion.Work, changes promotion.Changes, failure error) string {
	logger := zerolog.Ctx(ctx)
	lost := errors.Is(context.Cause(ctx), promotion.ErrLeaseLost)
	// What was found out is kept even when the server is stopping.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if errors.Is(failure, promotion.ErrLeaseLost) || lost {
		logger.Warn().Msg("lease lost: somebody else has this work now")
		return "lost"
	}
	if failure == nil && work.Kind == promotion.WorkAnnouncement {
		return "done" // the teller has completed the row together with what became of it
	}
	if failure == nil || hasRows(changes) {
		changes.Complete = failure == nil
		if err := w.Ledger.Commit(ctx, work.Lease, changes); err != nil {
			failure = errors.Join(failure, err)
		} else {
			logChanges(*logger, changes)
			w.countRequests(changes)
			w.Metrics.promoted(changes)
		}
	}
	if failure == nil {
		return "done"
	}
	w.Ledger.Notice(failure)
	outcome, err := w.later(ctx, work, failure)
	if err != nil {
		logger.Error().Err(err).AnErr("cause", failure).Msg("work could not be put back; it runs again when its lease ends")
	}
	return outcome
}

func hasRows(changes promotion.Changes) bool {
	return len(changes.Starts)+len(changes.Verifications)+len(changes.Requests)+len(changes.Promotions)+len(changes.Announcements)+len(changes.Work)+len(changes.Entries) > 0
}

// later decides when a row that is not done is tried again.
func (w *Worker) later(ctx context.Context, work promotion.Work, failure error) (string, error) {
	logger := zerolog.Ctx(ctx)
	var permanent *promotion.PermanentError
	var again *promotion.AgainError
	var delayed *promotion.DelayedError
	paused, isPaused := promotion.Paused(failure)
	if isPaused && w.Faults.Paused(faultKey(work), paused) {
		logger.Error().Err(failure).Str(LogWhat, string(paused.Fault)).Str(LogMend, paused.Mend).Msg("work pauses until this is mended, and then goes on by itself")
	}
	switch {
	case errors.Is(failure, context.Canceled):
		return "handed_back", w.Ledger.HandBack(ctx, work.Lease)
	case errors.As(failure, &again):
		if !again.Uncounted {
			logger.Warn().Err(failure).Dur(LogAfter, again.After).Int(LogAttempts, work.Attempts).Msg("work is tried again")
		}
		return "again", w.Ledger.Retry(ctx, work.Lease, w.Clock().Add(again.After), failure.Error(), !again.Uncounted)
	case isPaused && paused.Fault == promotion.FaultSlackWebhook && !w.outlasts(work, failure):
		logger.Error().Err(failure).Msg("a message to Slack is a day old: it is set aside")
		return "set_aside", w.Ledger.SetAside(ctx, work.Lease, failure.Error())
	case isPaused:
		return "paused", w.Ledger.Retry(ctx, work.Lease, w.pauses.begin(work, w.Clock()), failure.Error(), false)
	case errors.As(failure, &delayed) && delayed.Untried:
		return "delayed", w.Ledger.Retry(ctx, work.Lease, w.Clock().Add(delayed.After+rand.N(time.Second)), failure.Error(), false)
	case errors.As(failure, &permanent), work.Attempts >= workAttempts && !w.outlasts(work, failure):
		logger.Error().Err(failure).Int(LogAttempts, work.Attempts).Msg("work set aside")
		return "set_aside", w.Ledger.SetAside(ctx, work.Lease, failure.Error())
	}
	wait := min(firstBackoff<<min(work.Attempts-1, 20), longestBack)
	wait = wait/2 + rand.N(wait)
	if errors.As(failure, &delayed) {
		wait = delayed.After + rand.N(time.Second)
	}
	logger.Warn().Err(failure).Dur(LogAfter, wait).Int(LogAttempts, work.Attempts).Msg("work failed; it is tried again")
	return "retried", w.Ledger.Retry(ctx, work.Lease, w.Clock().Add(wait), failure.Error(), true)
}

// faultKey names the work for the board of faults.
func faultKey(work promotion.Work) string { return "work/" + strconv.FormatInt(work.Work, 10) }

// outlasts reports whether a row goes on being tried because all that is wrong is that somebody outside is down: what people are
// told, and what deliveries tell, must not be lost to an outage of an hour.
func (w *Worker) outlasts(work promotion.Work, failure error) bool {
	return promotion.IsOutage(failure) && w.Clock().Sub(work.Created) < outageWait
}

func (w *Worker) countRequests(changes promotion.Changes) {
	for _, request := range changes.Requests {
		if request.State == promotion.RequestSettled {
			w.Metrics.requests.WithLabelValues(string(request.Command.Verb), string(request.Answer.Result)).Inc()
		}
	}
}
