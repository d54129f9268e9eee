package promotion

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// world is GitHub and a ledger, as far as a sweep of comments sees them.
type world struct {
	now      time.Time
	comments []*RecentComment
	answered map[int64]bool // our reply is there, whatever the ledger knows
	requests map[string]Request
	failing  bool
	sweep    *Sweep
}

var errFailing = errors.New("not at the moment")

func newWorld() *world {
	w := &world{now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), answered: map[int64]bool{}, requests: map[string]Request{}}
	w.Restart(nil)
	return w
}

func (w *world) Commit(_ context.Context, _ Lease, changes Changes) error {
	if w.failing {
		return errFailing
	}
	for _, request := range changes.Requests {
		if _, known := w.requests[request.Key]; !known {
			w.requests[request.Key] = *request
		}
	}
	return nil
}

func (w *world) Request(context.Context, int64) (Request, error) { return Request{}, ErrNotFound }

func (w *world) RequestByKey(_ context.Context, key string) (Request, error) {
	if request, known := w.requests[key]; known {
		return request, nil
	}
	return Request{}, ErrNotFound
}

func (w *world) RequestsOfComment(_ context.Context, _ int64, _ RequestSource, comment int64) (of []Request, err error) {
	for _, request := range w.requests {
		if request.Comment == comment {
			of = append(of, request)
		}
	}
	return of, nil
}

func (w *world) WaitingRequests(context.Context, int64) ([]Request, error) { return nil, nil }

func (w *world) RecentRuns(context.Context, Repository, time.Time, []string) (Listing[Run], error) {
	return Listing[Run]{}, nil
}

func (w *world) RunsSince(context.Context, Repository, string, time.Time) ([]Run, error) {
	return nil, nil
}

func (w *world) RecentComments(_ context.Context, _ Repository, since time.Time, tags []string) (Listing[RecentComment], error) {
	if w.failing {
		return Listing[RecentComment]{}, errFailing
	}
	var listed []RecentComment
	for _, comment := range w.comments {
		if !comment.Updated.Before(since) {
			listed = append(listed, *comment)
		}
	}
	tag := fmt.Sprint(listed)
	if len(tags) == 1 && tags[0] == tag {
		return Listing[RecentComment]{Tags: tags}, nil
	}
	return Listing[RecentComment]{Items: listed, Tags: []string{tag}}, nil
}

func commandsIn(body string) ([]Command, bool) {
	if strings.HasPrefix(body, "/promote") {
		return []Command{{Verb: VerbPromote, Line: body}}, false
	}
	return nil, false
}

// Restart forgets what is in memory only.
func (w *world) Restart(*rapid.T) {
	w.sweep = &Sweep{
		Journal: w, Recent: w, Requests: w, Door: Door{Requests: w}, Parse: commandsIn, Clock: func() time.Time { return w.now },
		Answered: func(_ context.Context, _ Repository, _ int, comment int64) (bool, error) {
			return w.answered[comment], nil
		},
	}
}

// Comment says something.
func (w *world) Comment(t *rapid.T) {
	w.comments = append(w.comments, &RecentComment{
		ID: int64(len(w.comments) + 1), Issue: 7, PullRequest: rapid.IntRange(0, 4).Draw(t, "on an issue") > 0,
		Body:    rapid.SampledFrom([]string{"/promote", "/promote production", "nice"}).Draw(t, "text"),
		Author:  Person{ID: 1, Login: "alice", Bot: rapid.IntRange(0, 4).Draw(t, "a bot") == 0},
		Created: w.now, Updated: w.now,
	})
}

func (w *world) any(t *rapid.T) *RecentComment {
	if len(w.comments) == 0 {
		t.Skip("nobody has said anything")
	}
	return w.comments[rapid.IntRange(0, len(w.comments)-1).Draw(t, "comment")]
}

// Edit changes a comment.
func (w *world) Edit(t *rapid.T) {
	w.any(t).Updated = w.now.Add(time.Second)
}

// Deliver brings a comment to the door as its delivery does, late perhaps, or again.
func (w *world) Deliver(t *rapid.T) {
	comment := w.any(t)
	if commands, _ := commandsIn(comment.Body); len(commands) == 0 || !eligible(comment) {
		return
	}
	w.failing = false
	changes, err := w.sweep.Door.Commented(context.Background(), CommentEvent{
		Repository: Repository{ID: 42}, Issue: comment.Issue, Comment: comment.ID, Commented: comment.Created, Author: comment.Author, Commands: []Command{{Verb: VerbPromote}}, Received: w.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	_ = w.Commit(context.Background(), Lease{}, changes) // it does not fail now
}

// Answer is a reply of before a restore, which the ledger does not know.
func (w *world) Answer(t *rapid.T) {
	comment := w.any(t)
	if known, _ := w.RequestsOfComment(context.Background(), 42, FromComment, comment.ID); len(known) == 0 {
		w.answered[comment.ID] = true
	}
}

// Sweep sweeps, perhaps in vain.
func (w *world) Sweep(t *rapid.T) {
	w.failing = rapid.IntRange(0, 2).Draw(t, "fails") == 0
	before, had := len(w.requests), map[int64]bool{}
	for _, request := range w.requests {
		had[request.Comment] = true
	}
	err := w.sweep.Repository(context.Background(), Lease{}, Repository{ID: 42, Owner: "acme", Name: "shop"})
	if w.failing {
		if len(w.requests) != before {
			t.Fatal("something was kept although nothing can be")
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, comment := range w.comments {
		if known, _ := w.RequestsOfComment(context.Background(), 42, FromComment, comment.ID); len(known) > 0 && !had[comment.ID] && !eligible(comment) {
			t.Fatalf("%+v was acted on", comment)
		}
	}
	w.swept(t)
}

// Pass lets time pass: minutes, or most of a day.
func (w *world) Pass(t *rapid.T) {
	w.now = w.now.Add(time.Duration(rapid.SampledFrom([]int{1, 20, 50, 70, 900}).Draw(t, "minutes")) * time.Minute)
}

func eligible(comment *RecentComment) bool {
	commands, _ := commandsIn(comment.Body)
	return comment.PullRequest && !comment.Author.Bot && comment.Updated.Equal(comment.Created) && len(commands) > 0
}

// swept is what holds after a sweep: each command of the last day that nobody edited or answered has its request.
func (w *world) swept(t *rapid.T) {
	for _, comment := range w.comments {
		known, _ := w.RequestsOfComment(context.Background(), 42, FromComment, comment.ID)
		if eligible(comment) && !w.answered[comment.ID] && w.now.Sub(comment.Created) <= sweepReach-sweepBoundary && len(known) == 0 {
			t.Fatalf("%+v was not found at %s", comment, w.now)
		}
	}
}

// Check holds always: one request a comment with its time, and none for what the door would not let in.
func (w *world) Check(t *rapid.T) {
	for _, comment := range w.comments {
		known, _ := w.RequestsOfComment(context.Background(), 42, FromComment, comment.ID)
		if len(known) > 1 {
			t.Fatalf("%+v has %d requests", comment, len(known))
		}
		for _, request := range known {
			if !comment.PullRequest || comment.Author.Bot || comment.Body == "nice" {
				t.Fatalf("%+v has a request", comment)
			}
			if request.Swept && w.answered[comment.ID] {
				t.Fatalf("%+v was answered before, and has a request", comment)
			}
			if !request.Commented.Equal(comment.Created) {
				t.Fatalf("commented %s, so that nobody can tell whether it is late: %+v", request.Commented, comment)
			}
		}
	}
}

func TestSweepsAreAsASimpleModelHasThem(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		t.Repeat(rapid.StateMachineActions(newWorld()))
	})
}
