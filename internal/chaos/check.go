package chaos

import (
	"fmt"
	"slices"
	"strings"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
)

// findings are what a look at the stand-ins gives.
type findings struct {
	Summary
	missing []string // what may still come
	wrong   []string // what cannot become right again
}

func (f *findings) lacks(format string, arguments ...any) {
	f.missing = append(f.missing, fmt.Sprintf(format, arguments...))
}

func (f *findings) breaks(format string, arguments ...any) {
	f.wrong = append(f.wrong, fmt.Sprintf(format, arguments...))
}

// look checks everything that ever happened in the world, by what the stand-ins saw.
func (w *world) look() findings {
	found := findings{wrong: w.seenBroken()}
	w.lookAtDeliveries(&found)
	messages := w.slack.Messages()
	found.SlackMessages = len(messages)
	for _, shop := range w.shops {
		promoted := map[string]bool{}
		for _, change := range shop.known() {
			shop.lookAtChange(change, &found, promoted)
		}
		shop.lookAtTag(&found, promoted)
		for digest := range promoted {
			told := 0
			for _, message := range messages {
				if strings.HasPrefix(message.Text, "Promoted ") && strings.Contains(message.Body, "digest `"+digest+"`") {
					told++
				}
			}
			if told == 0 {
				found.lacks("acme/%s: the promotion of %s was never told on Slack", shop.name, digest)
			}
			found.SlackDuplicates += max(told-1, 0)
		}
	}
	if most := int(w.killed.Load() + w.paused.Load() + w.faults.Load()*3); found.SlackDuplicates > most {
		found.breaks("Slack was told %d times too often, expected at most once for each of %d interruptions", found.SlackDuplicates, most)
	}
	found.Kills, found.Pauses, found.Faults = int(w.killed.Load()), int(w.paused.Load()), int(w.faults.Load())
	return found
}

// lookAtDeliveries sees that each delivery was taken in the end.
func (w *world) lookAtDeliveries(found *findings) {
	taken, attempts, events := map[string]bool{}, map[string]int{}, map[string]string{}
	for _, delivery := range w.github.Deliveries() {
		attempts[delivery.GUID()]++
		taken[delivery.GUID()] = taken[delivery.GUID()] || delivery.Status()/100 == 2
		events[delivery.GUID()] = delivery.Event() + " " + delivery.Action()
		found.Attempts++
	}
	found.Deliveries = len(attempts)
	for guid, taken := range taken {
		if !taken {
			found.lacks("delivery %s (%s) was never taken, and sent %d times", guid, events[guid], attempts[guid])
		}
	}
}

func (s *shop) known() []*change {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Clone(s.changes)
}

func (s *shop) asksOf(change *change) []ask {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Clone(change.asks)
}

// lookAtChange sees that each comment was answered once, and that the check run says what became of the commit.
func (s *shop) lookAtChange(change *change, found *findings, promoted map[string]bool) {
	for _, ask := range s.asksOf(change) {
		result := s.lookAtAsk(change, ask, found)
		switch result {
		case "rocket":
			if promoted[change.digest] {
				found.breaks("%s: promoted twice", s.about(change))
			}
			promoted[change.digest] = true
			found.Promotions++
		case "-1":
			found.Refusals++
		case "":
		default:
			found.OtherAnswers++
		}
	}
	s.lookAtCheck(change, found, promoted[change.digest])
}

func (s *shop) about(change *change) string {
	return fmt.Sprintf("acme/%s#%d (commit %s, %s)", s.name, change.pull.Number(), change.commit.Short(), change.digest)
}

// lookAtAsk gives the comment's final reaction, "" while there is none.
func (s *shop) lookAtAsk(change *change, ask ask, found *findings) string {
	about := fmt.Sprintf("%s: comment %d of %s", s.about(change), ask.comment.ID(), ask.author.Login())
	marker := fmt.Sprintf("verbatim: reply/%d/%d ", s.Repository.ID(), ask.comment.ID())
	var replies []string
	for _, comment := range change.pull.Comments() {
		if comment.Author() == s.GitHub.AppBot() && strings.Contains(comment.Body(), marker) {
			replies = append(replies, comment.Body())
		}
	}
	found.Replies += len(replies)
	reactions := slices.DeleteFunc(ask.comment.Reactions(s.GitHub.AppBot()), func(content string) bool { return content == "eyes" })
	switch {
	case ask.author == s.Stranger:
		if len(replies)+len(reactions) > 0 {
			found.breaks("%s: answered, though it is nobody's who has a role here", about)
		}
		return ""
	case len(replies) > 1:
		found.breaks("%s: %d replies", about, len(replies))
	case len(reactions) > 1:
		found.breaks("%s: several final reactions: %v", about, reactions)
	case len(replies) == 0:
		found.lacks("%s: no reply", about)
	}
	if len(reactions) == 0 {
		found.lacks("%s: no final reaction", about)
		return ""
	}
	said := len(replies) > 0 && strings.Contains(replies[0], "Promoted")
	if len(replies) > 0 && said != (reactions[0] == "rocket") {
		found.breaks("%s: reaction %s, but the reply is %.200q", about, reactions[0], replies[0])
	}
	if reactions[0] == "rocket" && (ask.author != s.Alice || !change.passed) {
		found.breaks("%s: promoted, which it may not be", about)
	}
	return reactions[0]
}

// lookAtCheck sees what the commit's check runs say.
func (s *shop) lookAtCheck(change *change, found *findings, promoted bool) {
	var newest *githubtest.CheckRun
	said := map[string]int{}
	for _, check := range s.Repository.CheckRuns("verbatim / production") {
		if check.HeadSHA() != change.commit.SHA() {
			continue
		}
		newest = check
		if state := check.State(); state.Status == "completed" {
			said[state.Title]++
		} else if s.CheckRun(change.commit) != check {
			found.lacks("%s: check run %d is %s, but not the newest", s.about(change), check.ID(), state.Status)
		}
	}
	if said["Promoted"] > 1 {
		found.CheckRepeats += said["Promoted"] - 1
	}
	switch {
	case newest == nil:
		found.lacks("%s: no check run", s.about(change))
	case promoted && s.Tag("production") == change.digest && newest.State().Title != "Promoted", promoted && newest.State().Status != "completed":
		found.lacks("%s: promoted, but the check run says %q, %s", s.about(change), newest.State().Title, newest.State().Status)
	case change.through && !promoted:
		s.lookAtGates(change, newest.State(), found)
	}
}

// lookAtGates sees that each stage's end was taken in.
func (s *shop) lookAtGates(change *change, state githubtest.CheckRunState, found *findings) {
	for _, stage := range []string{"stage test", "stage staging"} {
		met := state.Title == "Ready to promote"
		for _, line := range strings.Split(state.Summary, "\n") {
			met = met || strings.Contains(line, stage) && strings.Contains(line, "✓")
		}
		if want := change.passed || stage == "stage test"; met != want {
			found.lacks("%s: %s met: %t, expected %t; the check run says %q", s.about(change), stage, met, want, state.Title)
		}
	}
}

// lookAtTag sees that the tag went from one promoted digest to the next, never back, and nowhere else.
func (s *shop) lookAtTag(found *findings, promoted map[string]bool) {
	s.mutex.Lock()
	puts := slices.Clone(s.puts)
	s.mutex.Unlock()
	changes := slices.Compact(slices.Clone(puts))
	found.TagChanges += len(changes)
	found.RepeatedPuts += len(puts) - len(changes)
	seen := map[string]bool{}
	for _, digest := range changes {
		if seen[digest] {
			found.breaks("acme/%s: production went back to %s: %v", s.name, digest, changes)
		}
		seen[digest] = true
		if !promoted[digest] {
			found.lacks("acme/%s: production was moved to %s, and nobody was told that it was promoted", s.name, digest)
		}
	}
	for digest := range promoted {
		if !seen[digest] {
			found.breaks("acme/%s: %s is said to be promoted, but production never named it", s.name, digest)
		}
	}
	if len(changes) > 0 && s.Tag("production") != changes[len(changes)-1] {
		found.lacks("acme/%s: production names %s, expected the newest that was promoted, %s", s.name, s.Tag("production"), changes[len(changes)-1])
	}
}
