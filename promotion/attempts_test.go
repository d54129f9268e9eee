package promotion

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestAttemptsInWhichJobsRan(t *testing.T) {
	t.Parallel()
	// Three attempts, which began at 0, 20 and 40.
	job := func(id int64, attempt, from, to int) Job {
		return Job{ID: id, Run: 1, Attempt: attempt, Name: "test", Status: "completed", Conclusion: "success", Started: at(from), Completed: at(to)}
	}
	running := Job{ID: 9, Run: 1, Attempt: 3, Name: "test", Status: "in_progress", Started: at(41)}
	unknown := map[int]time.Time{}
	began := map[int]time.Time{1: at(0), 2: at(20)}
	tests := map[string]struct {
		jobs    []Job
		began   map[int]time.Time
		plain   bool // no evidence is wanted
		ran     int
		next    int // minute; 0: none
		endless bool
		asked   int
		fails   bool
	}{
		"in the newest":                  {jobs: []Job{job(1, 1, 1, 2), job(3, 3, 41, 42)}, began: began, ran: 3},
		"running in the newest":          {jobs: []Job{job(1, 1, 1, 2), running}, began: began, ran: 3},
		"in the first, listed once":      {jobs: []Job{job(1, 1, 1, 2)}, began: began, ran: 1, next: 20, asked: 2},
		"in the first, listed anew":      {jobs: []Job{job(1, 1, 1, 2), job(2, 2, 1, 2), job(3, 3, 1, 2)}, began: began, ran: 1, next: 20, asked: 2},
		"in the first, listed anew only": {jobs: []Job{job(3, 3, 1, 2)}, began: began, ran: 1, next: 20, asked: 2},
		"in the second, listed anew":     {jobs: []Job{job(1, 1, 1, 2), job(2, 2, 21, 22), job(3, 3, 21, 22)}, began: began, ran: 2, next: 40, asked: 1},
		"in the second, anew only":       {jobs: []Job{job(3, 3, 21, 22)}, began: began, ran: 2, next: 40, asked: 1},
		"the next attempt is not known":  {jobs: []Job{job(1, 1, 1, 2)}, began: unknown, ran: 1, endless: true, asked: 2},
		"its attempt is not known":       {jobs: []Job{job(2, 2, 21, 22)}, began: unknown, fails: true, asked: 1},
		"nothing depends on it":          {jobs: []Job{job(2, 2, 21, 22)}, began: unknown, plain: true, ran: 2, next: 40},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := Run{ID: 1, Attempt: 3, Started: at(40), Status: "completed"}
			asked := 0
			of := &attempts{run: run, known: map[int]time.Time{3: run.Started}, ask: func(_ context.Context, attempt int) (time.Time, error) {
				asked++
				return test.began[attempt], nil
			}}
			stage := Stage{Name: "test", Job: "test", JUnit: &JUnitEvidence{Artifact: "results"}}
			if test.plain {
				stage.JUnit = nil
			}
			jobs, err := of.ran(t.Context(), stage, test.jobs)
			if asked != test.asked && test.fails || (err != nil) != test.fails {
				t.Fatalf("asked %d times: %v", asked, err)
			}
			if test.fails {
				return
			}
			read, _ := readJobs(stage, run, jobs)
			read, err = of.bound(t.Context(), stage, read)
			next := time.Time{}
			if test.next > 0 {
				next = at(test.next)
			}
			if err != nil || len(jobs) != 1 || read.Attempt != test.ran || !read.NextStart.Equal(next) || read.Endless != test.endless || asked != test.asked {
				t.Errorf("%v: %d jobs, attempt %d, next at %s (endless %t), asked %d times", err, len(jobs), read.Attempt, read.NextStart, read.Endless, asked)
			}
		})
	}
}

func TestAnAttemptThatCannotBeReadIsNoAttempt(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	of := &attempts{run: Run{ID: 1, Attempt: 3}, known: map[int]time.Time{3: at(40)}, ask: func(context.Context, int) (time.Time, error) { return time.Time{}, broken }}
	job := Job{ID: 1, Attempt: 2, Name: "build", Status: "completed", Completed: at(2)}
	if _, err := of.ran(t.Context(), Stage{Job: "build", Builds: true}, []Job{job}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}
