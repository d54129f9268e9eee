package chaos

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// The sabotages that a binary built with the tag "sabotage" knows: each takes one promise away, and the harness must see it.
const (
	AcknowledgeBeforeCommit = "acknowledge_before_commit"
	NoFencing               = "no_fencing"
	NoDeduplication         = "no_deduplication"
)

// Options are how much is killed, and what. The zero value of a field is a sensible one.
type Options struct {
	Database string // sqlite (default) or postgres
	Replicas int    // how many processes share the database: 1 by default; more than one take postgres
	Kills    int    // 20 by default
	PerRound int    // kills between two checks: 20 by default
	PerWorld int    // kills before everything begins anew, with empty stand-ins and an empty database: 100 by default
	Parallel int    // how many worlds there are at once: 1 by default
	Seed     uint64 // reproduces the harness's choices, though not the machine's
	// Late has the process that is overtaken hang even later: after its last look at the ledger, right before it puts the tag.
	Late bool
	// Redeliver has the harness ask for failed deliveries, as a person does on the app's page, so that a short run need not wait
	// until the program catches up: the lead in that comes free half a minute after its holder was killed.
	Redeliver bool
	Settle    time.Duration // how long a round may take to come to rest: 2 min by default
	Sabotage  string        // "" or one of the sabotages
	Binary    string        // built already; "" has it built
	Out       io.Writer     // one line a round
}

func (o Options) complete() (Options, error) {
	fill := func(into *int, otherwise int) {
		if *into == 0 {
			*into = otherwise
		}
	}
	fill(&o.Replicas, 1)
	fill(&o.Kills, 20)
	fill(&o.PerRound, 20)
	fill(&o.PerWorld, 100)
	fill(&o.Parallel, 1)
	if o.Database == "" {
		o.Database = "sqlite"
	}
	if o.Sabotage == AcknowledgeBeforeCommit {
		o.Redeliver = true // the program does not catch up: see catchUp
	}
	if o.Settle == 0 {
		o.Settle = 2 * time.Minute
	}
	if o.Out == nil {
		o.Out = io.Discard
	}
	switch {
	case o.Database != "sqlite" && o.Database != "postgres":
		return o, fmt.Errorf("database %q: expected sqlite or postgres", o.Database)
	case o.Database == "sqlite" && o.Replicas > 1:
		return o, errors.New("several replicas take postgres: SQLite has one writer")
	case min(o.Replicas, o.Kills, o.PerRound, o.PerWorld, o.Parallel) < 1:
		return o, errors.New("replicas, kills and their parts: expected positive numbers")
	case o.Sabotage != "" && o.Sabotage != AcknowledgeBeforeCommit && o.Sabotage != NoFencing && o.Sabotage != NoDeduplication:
		return o, fmt.Errorf("sabotage %q: expected %s, %s or %s", o.Sabotage, AcknowledgeBeforeCommit, NoFencing, NoDeduplication)
	}
	return o, nil
}

// Summary is what happened in all.
type Summary struct {
	Kills, Pauses, Faults, Rounds                int
	Promotions, Refusals, OtherAnswers           int // answers to comments
	Deliveries, Attempts, Replies                int // distinct deliveries, and how often they were sent
	TagChanges, RepeatedPuts                     int // of the tag production; puts of what it named already
	SlackMessages, SlackDuplicates, CheckRepeats int
	Violations                                   []string
	Folders                                      []string // what is kept of worlds with violations: logs and databases
	Took                                         time.Duration
}

func (s *Summary) add(other Summary) {
	for _, sum := range []struct {
		into *int
		more int
	}{
		{&s.Kills, other.Kills},
		{&s.Pauses, other.Pauses},
		{&s.Faults, other.Faults},
		{&s.Rounds, other.Rounds},
		{&s.Promotions, other.Promotions},
		{&s.Refusals, other.Refusals},
		{&s.OtherAnswers, other.OtherAnswers},
		{&s.Deliveries, other.Deliveries},
		{&s.Attempts, other.Attempts},
		{&s.Replies, other.Replies},
		{&s.TagChanges, other.TagChanges},
		{&s.RepeatedPuts, other.RepeatedPuts},
		{&s.SlackMessages, other.SlackMessages},
		{&s.SlackDuplicates, other.SlackDuplicates},
		{&s.CheckRepeats, other.CheckRepeats},
	} {
		*sum.into += sum.more
	}
	s.Violations = append(s.Violations, other.Violations...)
	s.Folders = append(s.Folders, other.Folders...)
}

// String gives it in one line.
func (s Summary) String() string {
	return fmt.Sprintf("kills %d, pauses %d, faults %d, rounds %d; promotions %d, refusals %d, other answers %d; deliveries %d sent %d times; replies %d; "+
		"tag changes %d, puts repeated %d; Slack messages %d, of them duplicates %d; check runs told twice %d; violations %d; %s",
		s.Kills, s.Pauses, s.Faults, s.Rounds, s.Promotions, s.Refusals, s.OtherAnswers, s.Deliveries, s.Attempts, s.Replies,
		s.TagChanges, s.RepeatedPuts, s.SlackMessages, s.SlackDuplicates, s.CheckRepeats, len(s.Violations), s.Took.Round(time.Second))
}
