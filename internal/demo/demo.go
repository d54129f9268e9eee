// Package demo is the script of `verbatim demo`: the main job, and then what must be refused, played by the real server
// over real HTTP with signed webhooks. It has no logic of its own but the script and how it is shown.
package demo

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/scene"
	"github.com/verbatim-dev/verbatim/promotion/report"
)

// Options are how the demo is run.
type Options struct {
	Out     io.Writer
	Version string
	Once    bool // end after the script; otherwise the server stays up until the context ends
}

// Run plays the script. It returns an error that names the first step that did not go as it should.
func Run(ctx context.Context, options Options) error {
	began := time.Now()
	set, err := scene.Start(ctx, scene.Options{Version: options.Version, Logger: zerolog.Nop()})
	if err != nil {
		return fmt.Errorf("set the scene: %w", err)
	}
	defer func() { _ = set.Close() }() // what it could not clean up is in the temporary folder
	show := &stage{out: options.Out, scene: set}
	show.line("verbatim %s: server http://%s, GitHub stand-in %s, registry %s", options.Version, set.Server.Addr(), set.GitHub.URL(), set.Registry.Host())
	for _, act := range []struct {
		title string
		play  func(context.Context, *stage) error
	}{
		{"The main job: what was tested is what ships", mainJob},
		{"Refused: the tag of the commit was overwritten after the tests", overwritten},
		{"Refused: the run of a fork proves nothing", fork},
		{"Refused: somebody who may not", mayNot},
		{"Refused: a stage that failed when it ran again", failedAgain},
	} {
		show.title(act.title)
		if err := act.play(ctx, show); err != nil {
			return fmt.Errorf("%s: %w", act.title, err)
		}
	}
	show.line("\nEverything went as it should, in %.1f s.", time.Since(began).Seconds())
	if options.Once {
		return nil
	}
	show.line("The server stays up. Look around: curl http://%s/readyz, curl http://%s/metrics. Ctrl-C ends it.", set.Server.Addr(), set.Server.MetricsAddr())
	<-ctx.Done()
	return nil
}

// mainJob takes a commit's image from build to production.
func mainJob(ctx context.Context, show *stage) error {
	set := show.scene
	pull := set.Merged("Add a basket")
	commit := pull.MergeCommit()
	show.line("pull request #%d is merged as %s", pull.Number(), commit.Short())
	run, digest, err := set.Built(commit, "basket")
	if err != nil {
		return err
	}
	show.line("ci built once, and pushed shop/api:%s\n  a multi-architecture index: %s", commit.Short(), digest)
	if err := show.check(ctx, commit, "3 of 5 gates met"); err != nil {
		return err
	}
	set.Tested(run, "success")
	if err := show.gate(ctx, commit, "stage test"); err != nil {
		return err
	}
	set.Staged(commit, "success")
	if err := show.check(ctx, commit, "Ready to promote"); err != nil {
		return err
	}
	reply, err := show.ask(ctx, pull.Issue, set.Alice, "/promote production")
	if err != nil {
		return err
	}
	if err := expect(reply, "Promoted", digest); err != nil {
		return err
	}
	if err := show.check(ctx, commit, "Promoted"); err != nil {
		return err
	}
	if err := show.slack(ctx, 1); err != nil {
		return err
	}
	live := set.Tag("production")
	show.line("the registry's answer for shop/api:production  %s", live)
	show.line("the digest that was tested                     %s", digest)
	if live != digest {
		return fmt.Errorf("production has %s, expected %s", live, digest)
	}
	return nil
}

// overwritten pushes other bytes under the commit's tag once the stages have passed.
func overwritten(ctx context.Context, show *stage) error {
	set := show.scene
	pull := set.Merged("Add a discount")
	before := set.Tag("production")
	if _, err := set.Verified(ctx, pull.MergeCommit(), "discount"); err != nil {
		return err
	}
	other, err := set.Registry.PushIndex(scene.Image, pull.MergeCommit().SHA(), "never tested")
	if err != nil {
		return err
	}
	show.line("somebody pushed other bytes under shop/api:%s: %s", pull.MergeCommit().Short(), other)
	return show.refused(ctx, pull, set.Alice, before, "digest_moved")
}

// fork has a fork's run say that the tests passed.
func fork(ctx context.Context, show *stage) error {
	set := show.scene
	pull := set.Merged("Add a voucher")
	commit, before := pull.MergeCommit(), set.Tag("production")
	run, _, err := set.Built(commit, "voucher")
	if err != nil {
		return err
	}
	run.Complete("success")
	copied := set.Repository.Fork(set.Stranger)
	foreign := set.Repository.Run(githubtest.RunSpec{
		Workflow: scene.DeployStaging, Name: "deploy staging", Head: commit, HeadRepository: copied, HeadBranch: "main", Actor: set.Stranger,
	})
	foreign.Request()
	foreign.Start()
	foreign.Complete("success")
	show.line("the staging workflow ran, and succeeded, in the fork %s", copied.FullName())
	return show.refused(ctx, pull, set.Alice, before, "stage_missing")
}

// mayNot has somebody with write permission ask for what takes maintain.
func mayNot(ctx context.Context, show *stage) error {
	set := show.scene
	pull := set.Merged("Add a wish list")
	before := set.Tag("production")
	if _, err := set.Verified(ctx, pull.MergeCommit(), "wish list"); err != nil {
		return err
	}
	return show.refused(ctx, pull, set.Walter, before, "not_authorised")
}

// failedAgain runs a stage again after it had passed, and it fails.
func failedAgain(ctx context.Context, show *stage) error {
	set := show.scene
	pull := set.Merged("Add a newsletter")
	commit, before := pull.MergeCommit(), set.Tag("production")
	run, _, err := set.Built(commit, "newsletter")
	if err != nil {
		return err
	}
	set.Tested(run, "success")
	staging := set.Staged(commit, "success")
	if err := show.check(ctx, commit, "Ready to promote"); err != nil {
		return err
	}
	staging.Rerun(set.Walter).Start().Complete("failure")
	show.line("staging ran again, and failed: the newest attempt rules")
	if err := show.check(ctx, commit, "stage_failed"); err != nil {
		return err
	}
	return show.refused(ctx, pull, set.Alice, before, "stage_failed")
}

// stage prints what happens.
type stage struct {
	out    io.Writer
	scene  *scene.Scene
	events int // how many deliveries were shown
}

// line prints what happened, after the events that led to it.
func (s *stage) line(format string, arguments ...any) {
	deliveries := s.scene.GitHub.Deliveries()
	for _, delivery := range deliveries[min(s.events, len(deliveries)):] {
		s.print("  → %s %s, signed: answered %d", delivery.Event(), delivery.Action(), delivery.Status())
	}
	s.events = len(deliveries)
	s.print(format, arguments...)
}

func (s *stage) print(format string, arguments ...any) {
	_, _ = fmt.Fprintf(s.out, format+"\n", arguments...) // a terminal that is gone ends the demo by its signal
}

func (s *stage) title(text string) { s.line("\n── %s ──", text) }

func (s *stage) indented(text string) {
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		s.print("  │ %s", line)
	}
}

// check waits for the check run to say so, and prints what it shows.
func (s *stage) check(ctx context.Context, commit *githubtest.Commit, title string) error {
	if err := s.scene.Check(ctx, commit, title); err != nil {
		return err
	}
	s.showCheck(commit)
	return nil
}

// gate waits for one gate of the check run to be met, and prints what it shows.
func (s *stage) gate(ctx context.Context, commit *githubtest.Commit, gate string) error {
	err := s.scene.Eventually(ctx, gate+" to be met", func() bool {
		check := s.scene.CheckRun(commit)
		if check == nil {
			return false
		}
		for _, line := range strings.Split(check.State().Summary, "\n") {
			if strings.Contains(line, gate) && strings.Contains(line, "✓") {
				return true
			}
		}
		return false
	})
	if err != nil {
		return err
	}
	s.showCheck(commit)
	return nil
}

func (s *stage) showCheck(commit *githubtest.Commit) {
	state := s.scene.CheckRun(commit).State()
	word := state.Status
	if state.Conclusion != "" {
		word = state.Conclusion
	}
	s.line("check run “%s”: %s — %s", state.Name, word, state.Title)
	s.indented(report.Terminal(state.Summary))
}

// ask comments, and prints the reply.
func (s *stage) ask(ctx context.Context, issue *githubtest.Issue, author *githubtest.User, text string) (string, error) {
	s.line("%s comments: %s", author.Login(), text)
	began := time.Now()
	comment, reply, err := s.scene.Ask(ctx, issue, author, text)
	if err != nil {
		return "", err
	}
	s.line("verbatim reacts with %s and replies after %d ms:", strings.Join(comment.Reactions(s.scene.GitHub.AppBot()), ", "), time.Since(began).Milliseconds())
	s.indented(report.Terminal(reply))
	return reply, nil
}

// refused asks for a promotion that must be refused for the reason, and sees that production has what it had.
func (s *stage) refused(ctx context.Context, pull *githubtest.PullRequest, author *githubtest.User, before, reason string) error {
	told := len(s.scene.Slack.Messages())
	reply, err := s.ask(ctx, pull.Issue, author, "/promote production")
	if err != nil {
		return err
	}
	if err := expect(reply, reason); err != nil {
		return err
	}
	if err := s.slack(ctx, told+1); err != nil {
		return err
	}
	if after := s.scene.Tag("production"); after != before {
		return fmt.Errorf("production has %s, expected it to stay at %s", after, before)
	}
	s.line("production still has %s", before)
	return nil
}

// slack waits for so many messages, and prints the newest.
func (s *stage) slack(ctx context.Context, count int) error {
	err := s.scene.Eventually(ctx, "a Slack message", func() bool { return len(s.scene.Slack.Messages()) >= count })
	if err != nil {
		return err
	}
	messages := s.scene.Slack.Messages()
	s.line("Slack: %s", messages[len(messages)-1].Text)
	return nil
}

func expect(text string, words ...string) error {
	for _, word := range words {
		if !strings.Contains(text, word) {
			return fmt.Errorf("expected a reply with %q, found:\n%s", word, text)
		}
	}
	return nil
}
