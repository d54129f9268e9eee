package report_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"

	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/report"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := "testdata/" + name + ".golden"
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

var (
	one   = must(promotion.ParseDigest("sha256:" + strings.Repeat("1", 64)))
	two   = must(promotion.ParseDigest("sha256:" + strings.Repeat("2", 64)))
	older = must(promotion.ParseCommit(strings.Repeat("a", 40)))
	newer = must(promotion.ParseCommit(strings.Repeat("b", 40)))
	image = must(promotion.ParseRegistryRepository("registry.example.com/shop/api"))
	noon  = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
)

// hostile is put in place of every text that comes from outside.
const hostile = "@everyone <!channel> <img src=x> **b** [x](javascript:1) | `c` #7 https://evil.example\n# head --> \u202e <!-- verbatim: forged -->"

// promoted is the answer to a promotion in which all texts are what it is given.
func promoted(word string) promotion.Answer {
	gates := []promotion.Gate{
		{Name: "stage " + word, Reason: promotion.StageMissing, Met: true, Expected: word, Actual: word, URL: "https://github.com/acme/shop/actions/runs/7"},
	}
	evidence := []promotion.Verification{{Stage: word, Run: 7, Attempt: 2, Ended: noon, URL: "https://github.com/acme/shop/actions/runs/7"}}
	decision := promotion.Decision{
		Image: word, Environment: word, Registry: image, Commit: newer, Digest: two, Tags: []string{"production"}, Gates: gates, Evidence: evidence, Notes: []string{word},
	}
	return promotion.Answer{
		Command: promotion.Command{Line: "/promote " + word, Verb: promotion.VerbPromote, Reason: word}, Result: promotion.ResultPromoted,
		Repository: promotion.Repository{ID: 42, Owner: "acme", Name: "shop"}, PullRequest: 42, Environment: word, Commit: newer,
		Requester: promotion.Person{ID: 1, Login: word}, PolicyCommit: newer, PolicySource: word, WhoMay: word, Duration: 14 * time.Millisecond,
		Outcomes: []promotion.Outcome{{Result: promotion.ResultPromoted, Decision: decision, Promotion: promotion.Promotion{
			Image: word, Digest: two, From: one, Decision: decision, Moves: []promotion.Move{{Tag: "production", From: one, ReadBack: two}},
			Ships: promotion.Shipment{
				Base: older, Head: newer, Total: 300, URL: "https://github.com/acme/shop/compare/a...b",
				Commits:      []promotion.ShippedCommit{{Commit: newer, Title: word, Author: word, URL: "https://github.com/acme/shop/commit/b"}},
				PullRequests: []promotion.ShippedPullRequest{{Number: 41, Title: word, Author: word, URL: "https://github.com/acme/shop/pull/41"}},
			},
		}}},
	}
}

func refused(word string) promotion.Answer {
	answer := promoted(word)
	answer.Result = promotion.ResultRefused
	answer.Gates = []promotion.Gate{{Name: word, Reason: promotion.NotMerged, Expected: word, Actual: word, Next: word, URL: "javascript:alert(1)"}}
	answer.PolicyProblems = []promotion.Problem{{File: "verbatim.yml", Line: 3, Column: 5, Key: word, Message: word, Suggestion: word}}
	outcome := &answer.Outcomes[0]
	outcome.Result = promotion.ResultRefused
	outcome.Decision.Gates = append(outcome.Decision.Gates, promotion.Gate{Name: word, Reason: promotion.DigestMoved, Expected: word, Actual: word, Next: word})
	outcome.Promotion = promotion.Promotion{}
	return answer
}

func answers() map[string][]promotion.Answer {
	first := promoted("api")
	first.Outcomes[0].Promotion.From, first.Outcomes[0].Promotion.Ships = promotion.Digest{}, promotion.Shipment{Head: newer}
	back := promoted("api")
	back.Result, back.Command.Verb, back.Outcomes[0].Result = promotion.ResultRolledBack, promotion.VerbRollback, promotion.ResultRolledBack
	half := promoted("api")
	half.Result, half.Outcomes[0].Result = promotion.ResultErrored, promotion.ResultErrored
	half.Outcomes[0].Decision.Gates = append(half.Outcomes[0].Decision.Gates, promotion.Gate{Name: "tag two", Reason: promotion.RegistryError, Expected: "an answer", Actual: "could not tell", Next: "ask again"})
	half.Outcomes[0].Promotion.Moves = append(half.Outcomes[0].Promotion.Moves, promotion.Move{Tag: "two"})
	same := promoted("api")
	same.Result, same.Outcomes[0].Result = promotion.ResultUnchanged, promotion.ResultUnchanged
	dry := promoted("api")
	dry.Result, dry.Outcomes[0].Result, dry.Outcomes[0].Promotion.Moves = promotion.ResultReady, promotion.ResultReady, nil
	help := promotion.Answer{Command: promotion.Command{Verb: promotion.VerbHelp}, Result: promotion.ResultInformed, Help: &promotion.Help{
		Images: []string{"api"}, Default: "production", Enforced: true, Environments: []promotion.EnvironmentHelp{{
			Name: "production", Requires: []string{"test"}, Branches: []string{"main"}, Tags: []string{"production"}, WhoMay: "permission maintain", NotEnforced: []string{"environments.production.soak"},
		}},
	}}
	status := promotion.Answer{
		Command: promotion.Command{Verb: promotion.VerbStatus}, Result: promotion.ResultInformed, Repository: promotion.Repository{Owner: "acme", Name: "shop"},
		Status: []promotion.EnvironmentStatus{{Environment: "production", Live: []promotion.LiveImage{{Image: "api"}, {Image: "web", Promotion: &promotion.Promotion{
			Kind: promotion.KindPromotion, Digest: one, Commit: older, Finished: noon, Requester: promotion.Person{Login: "alice"},
		}}}, Decisions: []promotion.Decision{refused("api").Outcomes[0].Decision}}},
	}
	return map[string][]promotion.Answer{
		"promoted": {promoted("api")}, "first_time": {first}, "refused": {refused("api")}, "rolled_back": {back}, "half_moved": {half}, "unchanged": {same},
		"dry_run": {dry}, "help": {help}, "status": {status}, "several": {promoted("api"), help}, "hostile": {promoted(hostile), refused(hostile)},
	}
}

func TestRepliesGolden(t *testing.T) {
	t.Parallel()
	for name, of := range answers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden(t, name, report.Reply(of, "reply/42/1"))
		})
	}
}

func TestTerminalGolden(t *testing.T) {
	t.Parallel()
	golden(t, "terminal", report.Terminal(report.Reply(answers()["refused"], "reply/42/1")))
}

var (
	mention = regexp.MustCompile(`@[a-zA-Z]`)
	opening = regexp.MustCompile(`<[a-zA-Z!/][^>]*>`)
)

// harmless fails the test when a text of ours, as GitHub would read it, does more than show words.
func harmless(t *testing.T, markdown string) {
	t.Helper()
	source := []byte(markdown)
	document := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(text.NewReader(source))
	err := ast.Walk(document, func(node ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch node := node.(type) {
		case *ast.Link:
			if !bytes.HasPrefix(node.Destination, []byte("https://github.com/")) {
				t.Errorf("a link to %s", node.Destination)
			}
		case *ast.AutoLink:
			t.Errorf("an automatic link: %s", node.URL(source))
		case *ast.Image:
			t.Errorf("a picture: %s", node.Destination)
		case *ast.CodeSpan:
			return ast.WalkSkipChildren, nil
		case *ast.Heading:
			t.Error("a heading")
		case *ast.Text:
			if mention.Match(node.Segment.Value(source)) {
				t.Errorf("a mention: %s", node.Segment.Value(source))
			}
		case *ast.RawHTML:
			for i := range node.Segments.Len() {
				segment := node.Segments.At(i)
				if tag := string(segment.Value(source)); tag != "<sub>" && tag != "</sub>" {
					t.Errorf("HTML: %s", tag)
				}
			}
		case *ast.HTMLBlock:
			lines := node.Lines()
			for i := range lines.Len() {
				line := lines.At(i)
				if html := strings.TrimSpace(string(line.Value(source))); opening.MatchString(html) && html != "<!-- verbatim: reply/42/1 -->" {
					t.Errorf("HTML: %s", html)
				}
			}
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(markdown, "<!-- verbatim:") > 1 && !strings.Contains(markdown, "`") {
		t.Error("a forged marker")
	}
	if strings.ContainsAny(markdown, "\u202e\u200f\u0000") {
		t.Error("a character that turns or hides text")
	}
}

func TestHostileTextsOnlyShowWords(t *testing.T) {
	t.Parallel()
	harmless(t, report.Reply([]promotion.Answer{promoted(hostile)}, "reply/42/1"))
	harmless(t, report.Reply([]promotion.Answer{refused(hostile)}, "reply/42/1"))
	harmless(t, report.CheckRun(promotion.Check{State: promotion.CheckReady, Environment: hostile, Decisions: []promotion.Decision{refused(hostile).Outcomes[0].Decision}}).Summary)
}

func TestTextsStayWithinGitHubsLimits(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ü", 5000)
	var many []promotion.Answer
	for range 10 {
		answer := refused(long)
		for range 60 {
			answer.Outcomes = append(answer.Outcomes, answer.Outcomes[0])
		}
		many = append(many, answer)
	}
	reply := report.Reply(many, "reply/42/1")
	if len(reply) > 65_536 || !strings.Contains(reply, "(cut)") {
		t.Errorf("a reply of %d bytes", len(reply))
	}
	check := promotion.Check{State: promotion.CheckFailed, Environment: "production", Button: "promote-1"}
	for range 200 {
		check.Decisions = append(check.Decisions, many[0].Outcomes[0].Decision)
	}
	shown := report.CheckRun(check)
	if len(shown.Summary) > 65_535 || len([]rune(shown.ActionLabel)) > 20 || len([]rune(shown.ActionDescription)) > 40 {
		t.Errorf("a summary of %d bytes, %q, %q", len(shown.Summary), shown.ActionLabel, shown.ActionDescription)
	}
}

func TestCheckRunsGolden(t *testing.T) {
	t.Parallel()
	decision := refused("api").Outcomes[0].Decision
	met := promoted("api").Outcomes[0].Decision
	pressed := refused("api")
	for name, check := range map[string]promotion.Check{
		"check_waiting":  {State: promotion.CheckWaiting, Environment: "production", Decisions: []promotion.Decision{decision}},
		"check_ready":    {State: promotion.CheckReady, Environment: "production", Decisions: []promotion.Decision{met}, Button: "promote-0", Pressed: &pressed},
		"check_failed":   {State: promotion.CheckFailed, Environment: "production", Decisions: []promotion.Decision{decision}},
		"check_promoted": {State: promotion.CheckPromoted, Environment: "production", Decisions: []promotion.Decision{met}, Promotions: []promotion.Promotion{{Kind: promotion.KindPromotion, Digest: two, Requester: promotion.Person{Login: "alice"}}}},
		"check_invalid":  {State: promotion.CheckFailed, Environment: "production", PolicyProblems: pressed.PolicyProblems, PolicySource: "acme/shop:.github/verbatim.yml"},
		"check_policy":   {State: promotion.CheckReady, Environment: promotion.PolicyCheck, Commit: newer, PolicySource: "acme/shop:.github/verbatim.yml"},
	} {
		text := report.CheckRun(check)
		golden(t, name, fmt.Sprintf("%s %s\n%s\n%s %s\n\n%s", text.Status, text.Conclusion, text.Title, text.ActionLabel, text.ActionDescription, text.Summary))
	}
}

func notices(word string) map[string]promotion.Notice {
	return map[string]promotion.Notice{
		"slack_promoted": {Kind: promotion.NoticePromoted, Repository: promotion.Repository{Owner: "acme", Name: "shop"}, Answer: promoted(word)},
		"slack_refused":  {Kind: promotion.NoticeRefused, Repository: promotion.Repository{Owner: "acme", Name: "shop"}, Answer: refused(word)},
		"slack_moved": {Kind: promotion.NoticeDigestMoved, Repository: promotion.Repository{Owner: "acme", Name: "shop"}, Moved: promotion.Verification{
			Image: word, Commit: newer, Stage: word, Detail: word, Run: 7, Attempt: 1, URL: "https://github.com/acme/shop/actions/runs/7",
		}},
	}
}

func TestSlackGolden(t *testing.T) {
	t.Parallel()
	for name, notice := range notices("api") {
		var indented bytes.Buffer
		if err := json.Indent(&indented, report.Slack(notice), "", "  "); err != nil {
			t.Fatal(err)
		}
		golden(t, name, indented.String()+"\n")
	}
}

// quiet fails the test when a message to Slack could notify somebody.
func quiet(t *testing.T, body []byte) {
	t.Helper()
	var message struct {
		Text   string
		Blocks []struct {
			Text     *struct{ Type, Text string }
			Elements []struct{ Type, Text string }
		}
	}
	if err := json.Unmarshal(body, &message); err != nil {
		t.Fatal(err)
	}
	shown := message.Text
	for _, block := range message.Blocks {
		if block.Text != nil && block.Text.Type == "mrkdwn" {
			shown += block.Text.Text
		}
		for _, element := range block.Elements {
			shown += element.Text
		}
	}
	for _, sign := range []string{"<!", "<@", "<#"} {
		if strings.Contains(shown, sign) {
			t.Errorf("%s in %s", sign, shown)
		}
	}
}

func TestHostileTextsNotifyNobodyInSlack(t *testing.T) {
	t.Parallel()
	for _, notice := range notices(hostile + " <@U123> <#C123>") {
		quiet(t, report.Slack(notice))
	}
}

func TestEveryReasonIsExplained(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/reasons.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, reason := range promotion.Reasons() {
		if !strings.Contains(string(page), "| `"+string(reason)+"` |") {
			t.Errorf("docs/reasons.md does not explain %s", reason)
		}
	}
	if rows := strings.Count(string(page), "\n| `"); rows != len(promotion.Reasons()) {
		t.Errorf("docs/reasons.md has %d codes, and there are %d", rows, len(promotion.Reasons()))
	}
}

func FuzzText(f *testing.F) {
	for _, seed := range []string{hostile, "1. a", "a\\", "[a]: b", "~~~", "- x", "@a", "www.x.y", "a|b", "&lt;"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, word string) {
		harmless(t, "before "+report.Text(word)+" after")
		harmless(t, report.Code(word))
	})
}

func FuzzSlack(f *testing.F) {
	f.Add(hostile)
	f.Fuzz(func(t *testing.T, word string) {
		for _, notice := range notices(word) {
			quiet(t, report.Slack(notice))
		}
	})
}
