package promotion

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// How far back a sweep looks, how much of what was swept before is looked at again, and how many runs are passed on in one
// go: each costs a few calls.
const (
	sweepReach    = 24 * time.Hour
	sweepMargin   = time.Hour
	sweepMaximum  = 250
	sweepBoundary = time.Hour // since is rounded, so that the listing of comments keeps its address, and with it its tags
)

// Listing is what changed in a listing of GitHub's since it was last read.
type Listing[Item any] struct {
	Items []Item   // of the pages that changed
	Tags  []string // one a page: given back with the next question, it makes a page that did not change cost nothing
	Cut   bool     // there is more, which was not read: what is not among the items may be there all the same
}

// RecentComment is a comment on an issue or pull request as GitHub lists it.
type RecentComment struct {
	ID          int64
	Issue       int
	PullRequest bool
	Body        string
	Author      Person
	Insider     bool // GitHub calls the author an owner, member or collaborator
	Created     time.Time
	Updated     time.Time
}

// RecentReader lists what happened in a repository.
type RecentReader interface {
	// RecentRuns gives the runs created since then, each at its newest attempt.
	RecentRuns(ctx context.Context, repository Repository, since time.Time, tags []string) (Listing[Run], error)
	// RunsSince returns all runs of one workflow created since then, each at its newest attempt.
	RunsSince(ctx context.Context, repository Repository, workflow string, since time.Time) ([]Run, error)
	// RecentComments gives the comments made or edited since then.
	RecentComments(ctx context.Context, repository Repository, since time.Time, tags []string) (Listing[RecentComment], error)
}

// ParseCommands reads a comment's commands, and whether they are too many.
type ParseCommands func(body string) (commands []Command, tooMany bool)

// Sweep finds what no delivery told of: runs without a record, and comments without an answer. What it remembers is in
// memory only: after a restart a sweep costs a few calls more and finds the same.
type Sweep struct {
	Journal  Journal
	Policies *PolicySource
	Recent   RecentReader
	Observer *Observer
	Records  RecordReader
	Requests RequestReader
	Door     Door
	Answered func(ctx context.Context, repository Repository, issue int, comment int64) (bool, error) // by our reply, as GitHub has it
	Parse    ParseCommands
	Clock    func() time.Time
	Found    func(what string) // told of each "run" and "comment" that no delivery had told of; nil: nobody is

	mutex    sync.Mutex
	memories map[int64]*sweepMemory
}

// sweepMemory is what is remembered of one repository. Its sweeps run one after another; the lock is for the moment in which
// one that has lost its lease is still ending.
type sweepMemory struct {
	sync.Mutex
	began    time.Time // the last sweep that ended well; zero: none did
	runs     []string  // the tags of the listing
	comments listed
	passed   map[int64]passedRun
}

type listed struct {
	since time.Time
	tags  []string
}

// passedRun is the state in which a run was passed on to the observer.
type passedRun struct {
	attempt  int
	finished bool
	created  time.Time
	unscoped string // the registry repositories that no rule let it use: nothing is recorded of those
}

// Repository sweeps one repository: first its runs, oldest first, then its comments, so that what is asked finds what was
// tested. Everything is committed under the lease as it is found. With nothing new it costs one call for each listing's
// page, answered 304. The error joins what could not be told; the next sweep looks for that again.
func (s *Sweep) Repository(ctx context.Context, lease Lease, repository Repository) error {
	began := s.Clock()
	memory := s.remembered(repository.ID)
	memory.Lock()
	defer memory.Unlock()
	runs := s.runs(ctx, lease, repository, memory, began)
	if errors.Is(runs, ErrLeaseLost) || ctx.Err() != nil {
		return runs
	}
	comments := s.comments(ctx, lease, repository, memory, began)
	if runs == nil && comments == nil {
		memory.began = began
	}
	return errors.Join(runs, comments)
}

func (s *Sweep) remembered(repository int64) *sweepMemory {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	memory, found := s.memories[repository]
	if !found {
		if s.memories == nil {
			s.memories = map[int64]*sweepMemory{}
		}
		memory = &sweepMemory{passed: map[int64]passedRun{}}
		s.memories[repository] = memory
	}
	return memory
}

// tagsFor gives the tags of the listing, when it is the same one.
func (l listed) tagsFor(since time.Time) []string {
	if !l.since.Equal(since) {
		return nil
	}
	return l.tags
}

// runs passes on the runs of the last day that lack a record. GitHub lists runs by when they were created: the day is
// looked at each time, because one that began hours ago may have ended, or run again, since the last sweep.
func (s *Sweep) runs(ctx context.Context, lease Lease, repository Repository, memory *sweepMemory, began time.Time) error {
	since, unscoped := began.Add(-sweepReach), false
	listing, err := s.Recent.RecentRuns(ctx, repository, since, memory.runs)
	if err != nil {
		return gone(err)
	}
	if len(listing.Items) > 0 || listing.Cut {
		policy, err := s.Policies.Tolerant(ctx, repository)
		if err != nil || !policy.Valid() {
			return err
		}
		found, err := s.beyond(ctx, repository, policy.Policy, since, listing)
		slices.SortFunc(found, func(a, b Run) int {
			return compareAttempts(a.Started, a.ID, a.Attempt, b.Started, b.ID, b.Attempt)
		})
		all, passed := s.passOn(ctx, lease, policy, memory, found)
		if err := errors.Join(err, passed); err != nil || !all {
			return err
		}
		unscoped = len(s.Observer.Scope.Missing(policy.Repository, policy.Policy)) > 0
	}
	for id, run := range memory.passed {
		if run.created.Before(since) {
			delete(memory.passed, id)
		}
	}
	memory.runs = listing.Tags
	if listing.Cut || unscoped {
		memory.runs = nil // that the newest did not change says nothing of those beyond, nor of a policy that was mended
	}
	return nil
}

// beyond returns the listing's runs, and where it was cut, because other workflows ran so often, all of those that stages name.
func (s *Sweep) beyond(ctx context.Context, repository Repository, policy Policy, since time.Time, listing Listing[Run]) ([]Run, error) {
	found := listing.Items
	if !listing.Cut {
		return found, nil
	}
	known := map[int64]bool{}
	for _, run := range found {
		known[run.ID] = true
	}
	asked := map[string]bool{}
	var failures []error
	for _, stage := range policy.Stages {
		if asked[stage.Workflow] {
			continue
		}
		asked[stage.Workflow] = true
		runs, err := s.Recent.RunsSince(ctx, repository, stage.Workflow, since.Truncate(sweepBoundary))
		if err != nil {
			failures = append(failures, fmt.Errorf("look for runs beyond the newest that GitHub lists: %w", err))
		}
		for _, run := range runs {
			if !known[run.ID] {
				known[run.ID] = true
				found = append(found, run)
			}
		}
	}
	return found, errors.Join(failures...)
}

// passOn passes runs on as if their events had come. It reports false when some are left for the next sweep.
func (s *Sweep) passOn(ctx context.Context, lease Lease, loaded LoadedPolicy, memory *sweepMemory, runs []Run) (bool, error) {
	var failures []error
	passed := 0
	repository, policy := loaded.Repository, loaded.Policy
	unscoped := fmt.Sprint(s.Observer.Scope.Missing(repository, policy))
	for _, run := range runs {
		state := passedRun{attempt: run.Attempt, finished: run.Finished(), created: run.Created, unscoped: unscoped}
		if memory.passed[run.ID] == state {
			continue
		}
		pending, err := s.pending(ctx, repository, policy, run)
		if err != nil {
			return false, err
		}
		if !pending {
			continue
		}
		if passed++; passed > sweepMaximum {
			return false, errors.Join(failures...)
		}
		if err := s.pass(ctx, lease, repository, run); err != nil {
			failures = append(failures, fmt.Errorf("sweep run %d of %s: %w", run.ID, repository.FullName(), err))
			if hopeless(ctx, err) {
				return false, errors.Join(failures...)
			}
			continue
		}
		s.found("run")
		memory.passed[run.ID] = state
	}
	return true, errors.Join(failures...)
}

func (s *Sweep) pass(ctx context.Context, lease Lease, repository Repository, run Run) error {
	event := RunEvent{Repository: repository, Action: "in_progress", Run: run}
	if run.Finished() {
		event.Action = "completed"
	}
	changes, err := s.Observer.RunChanged(ctx, event)
	// Committed one by one: a later stage is judged by what is recorded of the earlier one.
	if len(changes.Starts)+len(changes.Verifications)+len(changes.Announcements) > 0 {
		changes.Work = append(changes.Work, checksAgain(changes.Announcements)...)
		err = errors.Join(err, s.Journal.Commit(ctx, lease, changes))
	}
	return err
}

// hopeless reports whether going on with the next one makes no sense: GitHub or a registry wants to be left alone, or the
// work is somebody else's now.
func hopeless(ctx context.Context, err error) bool {
	delayed := (*DelayedError)(nil)
	return errors.Is(err, ErrLeaseLost) || errors.As(err, &delayed) || ctx.Err() != nil
}

// pending reports whether a run is of a stage and may lack a record, as far as can be told without a call.
func (s *Sweep) pending(ctx context.Context, repository Repository, policy Policy, run Run) (bool, error) {
	stages := stagesOf(policy, run.Path)
	if len(stages) == 0 || run.Repository != repository.ID {
		return false, nil
	}
	if ByDigest(run.Event) {
		return run.Finished(), nil // its records are those of other commits
	}
	records, err := s.Records.Records(ctx, repository.ID, run.Commit)
	if err != nil {
		return false, err
	}
	for _, stage := range stages {
		for _, image := range policy.Images {
			of := records[image.Name]
			switch {
			case run.Finished() && !settled(stage, run, of):
				return true, nil
			case !run.Finished() && stage.Job == "" && !startKnown(of, stage, run, Job{}):
				return true, nil
			}
		}
	}
	return false, nil
}

// comments answers the commands that nobody answered.
func (s *Sweep) comments(ctx context.Context, lease Lease, repository Repository, memory *sweepMemory, began time.Time) error {
	since := began.Add(-sweepReach)
	if swept := memory.began.Add(-sweepMargin); swept.After(since) {
		since = swept
	}
	since = since.Truncate(sweepBoundary)
	listing, err := s.Recent.RecentComments(ctx, repository, since, memory.comments.tagsFor(since))
	if err != nil {
		return gone(err)
	}
	slices.SortFunc(listing.Items, func(a, b RecentComment) int { return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID)) })
	for _, comment := range listing.Items {
		if comment.Created.Before(began.Add(-sweepReach)) {
			continue
		}
		if err := s.comment(ctx, lease, repository, comment, began); err != nil {
			return fmt.Errorf("sweep comment %d of %s: %w", comment.ID, repository.FullName(), err)
		}
	}
	if listing.Cut {
		return &PermanentError{Err: fmt.Errorf("sweep the comments of %s: there are more than the %d newest since %s, and older ones were not looked at",
			repository.FullName(), len(listing.Items), clockText(since))}
	}
	memory.comments = listed{since: since, tags: listing.Tags}
	return nil
}

// comment takes one comment to the door, if the door would have let it in and it has no request yet. The same delivery,
// when it comes after all, changes nothing: requests are keyed by the comment.
func (s *Sweep) comment(ctx context.Context, lease Lease, repository Repository, comment RecentComment, now time.Time) error {
	author := comment.Author
	if !comment.PullRequest || author.ID <= 0 || author.Bot || strings.HasSuffix(author.Login, "[bot]") || !comment.Updated.Equal(comment.Created) {
		return nil
	}
	commands, tooMany := s.Parse(comment.Body)
	if len(commands) == 0 {
		return nil
	}
	known, err := s.Requests.RequestsOfComment(ctx, repository.ID, FromComment, comment.ID)
	if err != nil || len(known) > 0 {
		return err
	}
	// A ledger that was restored from a backup does not know what it answered.
	answered, err := s.Answered(ctx, repository, comment.Issue, comment.ID)
	if err != nil || answered {
		return err
	}
	changes, err := s.Door.Commented(ctx, CommentEvent{
		Repository: repository, Issue: comment.Issue, Comment: comment.ID, Commented: comment.Created, Author: author, Insider: comment.Insider,
		Commands: commands, TooMany: tooMany, Received: now, Swept: true,
	})
	if err != nil || len(changes.Requests) == 0 {
		return err
	}
	s.found("comment")
	return s.Journal.Commit(ctx, lease, changes)
}

func (s *Sweep) found(what string) {
	if s.Found != nil {
		s.Found(what)
	}
}
