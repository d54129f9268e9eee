package report_test

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

var (
	one    = must(promotion.ParseDigest("sha256:" + strings.Repeat("1", 64)))
	two    = must(promotion.ParseDigest("sha256:" + strings.Repeat("2", 64)))
	older  = must(promotion.ParseCommit(strings.Repeat("a", 40)))
	newer  = must(promotion.ParseCommit(strings.Repeat("b", 40)))
	image  = must(promotion.ParseRegistryRepository("registry.example.com/shop/api"))
	noon   = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	shop   = promotion.Repository{ID: 42, Owner: "acme", Name: "shop", DefaultBranch: "main"}
	alice  = promotion.Person{ID: 1, Login: "alice"}
	source = "acme/shop:.github/verbatim.yml"
)

const pages = "https://github.com/acme/shop/"

// decided is a decision whose gates are all met.
func decided(name string) promotion.Decision {
	return promotion.Decision{
		Image: name, Environment: "production", Registry: image, Commit: newer, Digest: two, Tags: []string{"production"},
		Gates: []promotion.Gate{
			{Name: "promoter", Reason: promotion.NotAuthorised, Met: true, Expected: "permission maintain", Actual: "alice: maintain"},
			{Name: "stage test", Reason: promotion.StageMissing, Met: true, Expected: "passed for this digest", Actual: "passed", URL: pages + "actions/runs/7"},
			{Name: "stage staging", Reason: promotion.StageMissing, Met: true, Expected: "passed for this digest", Actual: "passed", URL: pages + "actions/runs/8"},
		},
		Evidence: []promotion.Verification{
			{Stage: "test", Run: 7, Attempt: 2, Ended: noon, URL: pages + "actions/runs/7"},
			{Stage: "staging", Run: 8, Attempt: 1, Ended: noon.Add(time.Minute), URL: pages + "actions/runs/8"},
		},
		FromCommit: older,
	}
}

// failed is a decision with unmet gates of many kinds.
func failed(name string) promotion.Decision {
	decision := decided(name)
	decision.Gates = append(decision.Gates,
		promotion.Gate{Name: "stage e2e", Reason: promotion.StageFailed, Expected: "success of .github/workflows/e2e.yml for this digest", Actual: "failure in run 9, attempt 2", Next: "mend it and run it again", URL: pages + "actions/runs/9"},
		promotion.Gate{Name: "stage load", Reason: promotion.StageRunning, Expected: "success", Actual: "run 10, attempt 1 has not ended", Next: "wait", URL: pages + "actions/runs/10"},
		promotion.Gate{Name: "source tag", Reason: promotion.DigestMoved, Expected: two.String(), Actual: one.String(), Next: "build a new commit"},
		promotion.Gate{Name: "history", Reason: promotion.OlderThanCurrent, Expected: "a commit ahead of aaaaaaa", Actual: "behind by 2 commits: Mend the cart, Add a | sign", Next: "promote a newer commit, or /promote rollback production api"},
	)
	return decision
}

func shipment(commits int) promotion.Shipment {
	ships := promotion.Shipment{Base: older, Head: newer, Total: commits, URL: pages + "compare/aaaaaaa...bbbbbbb"}
	for i := range min(commits, 250) {
		ships.Commits = append(ships.Commits, promotion.ShippedCommit{Commit: newer, Title: fmt.Sprintf("Change number %d", i+1), Author: "bob", URL: pages + "commit/" + newer.String()})
	}
	for i := range min(commits/2, 100) {
		ships.PullRequests = append(ships.PullRequests, promotion.ShippedPullRequest{Number: 41 + i, Title: fmt.Sprintf("Work on %d", i+1), Author: "carol", Commit: newer, URL: fmt.Sprintf("%spull/%d", pages, 41+i)})
	}
	return ships
}

func outcomeOf(result promotion.Result, decision promotion.Decision) promotion.Outcome {
	outcome := promotion.Outcome{Result: result, Decision: decision}
	if result != promotion.ResultRefused {
		outcome.Promotion = promotion.Promotion{
			Environment: decision.Environment, Image: decision.Image, Registry: image, Kind: promotion.KindPromotion, Commit: newer, Digest: two, From: one,
			FromCommit: older, Requester: alice, Moves: []promotion.Move{{Tag: "production", From: one, ReadBack: two}}, Ships: shipment(2),
		}
	}
	return outcome
}

// answered is the answer to "/promote production" with these outcomes.
func answered(result promotion.Result, outcomes ...promotion.Outcome) promotion.Answer {
	return promotion.Answer{
		Command: promotion.Command{Line: "/promote production", Verb: promotion.VerbPromote, Names: []string{"production"}}, Result: result, Repository: shop,
		PullRequest: 42, Environment: "production", Commit: newer, CommitURL: pages + "commit/" + newer.String(), Outcomes: outcomes, Requester: alice,
		PolicyCommit: newer, PolicySource: source, WhoMay: "permission maintain, or team release", Duration: 14 * time.Millisecond,
	}
}

func refused() promotion.Answer {
	return answered(promotion.ResultRefused, outcomeOf(promotion.ResultRefused, failed("api")))
}

func invalid() promotion.Answer {
	answer := answered(promotion.ResultRefused)
	answer.Gates = []promotion.Gate{{Name: "policy", Reason: promotion.PolicyInvalid, Expected: "a valid policy", Actual: "2 problems", Next: "mend .github/verbatim.yml"}}
	answer.PolicyProblems = []promotion.Problem{
		{File: source, Line: 14, Column: 5, Key: "environments.production.promotors", Message: "unknown key", Suggestion: "did you mean promoters?"},
		{File: source, Line: 20, Column: 1, Message: "merge keys (<<) are not allowed"},
	}
	return answer
}

func help() promotion.Answer {
	return promotion.Answer{
		Command: promotion.Command{Line: "/promote help", Verb: promotion.VerbHelp}, Result: promotion.ResultInformed, Repository: shop, Requester: alice,
		Help: &promotion.Help{
			Images: []string{"api", "worker"}, Default: "production", Enforced: true, Environments: []promotion.EnvironmentHelp{
				{Name: "staging", Requires: []string{"test"}, Branches: []string{"main"}, Tags: []string{"staging"}, WhoMay: "permission write"},
				{Name: "production", Requires: []string{"test", "staging"}, Branches: []string{"main", "release/*"}, Tags: []string{"production", "production-{short_sha}"}, WhoMay: "permission maintain", NotEnforced: []string{"environments.production.soak"}},
			},
		},
	}
}

func status() promotion.Answer {
	live := promotion.Promotion{Kind: promotion.KindPromotion, Digest: one, Commit: older, Finished: noon, Requester: alice}
	baseline := promotion.Promotion{Kind: promotion.KindBaseline, Digest: two, Finished: noon}
	return promotion.Answer{
		Command: promotion.Command{Line: "/promote status", Verb: promotion.VerbStatus}, Result: promotion.ResultInformed, Repository: shop, Requester: alice,
		Status: []promotion.EnvironmentStatus{{
			Environment: "production", Live: []promotion.LiveImage{{Image: "api", Promotion: &live}, {Image: "worker", Promotion: &baseline}, {Image: "web"}},
			Decisions: []promotion.Decision{failed("api")},
		}},
	}
}

// answers are the replies that there are, each with all of its texts.
func answers() map[string][]promotion.Answer {
	promoted := answered(promotion.ResultPromoted, outcomeOf(promotion.ResultPromoted, decided("api")))
	several := answered(promotion.ResultPromoted, outcomeOf(promotion.ResultPromoted, decided("api")), outcomeOf(promotion.ResultUnchanged, decided("worker")))
	missing := decided("worker")
	missing.Digest = promotion.Digest{}
	missing.Gates = append(missing.Gates, promotion.Gate{Name: "source tag", Reason: promotion.ImageMissing, Expected: "a tag for bbbbbbb", Actual: "none", Next: "push it"})
	mixed := answered(promotion.ResultRefused, outcomeOf(promotion.ResultPromoted, decided("api")), outcomeOf(promotion.ResultRefused, missing))
	tags := answered(promotion.ResultPromoted, outcomeOf(promotion.ResultPromoted, decided("api")))
	tags.Outcomes[0].Promotion.Moves = []promotion.Move{{Tag: "production", From: one, ReadBack: two}, {Tag: "production-bbbbbbb", ReadBack: two}, {Tag: "latest", From: two, ReadBack: two}}
	first := answered(promotion.ResultPromoted, outcomeOf(promotion.ResultPromoted, decided("api")))
	first.Outcomes[0].Promotion.From, first.Outcomes[0].Promotion.Ships = promotion.Digest{}, promotion.Shipment{Head: newer}
	baseline := answered(promotion.ResultPromoted, outcomeOf(promotion.ResultPromoted, decided("api")))
	baseline.Outcomes[0].Decision.Notes = []string{"production's commit is not known: its digest was there before Verbatim (baseline)"}
	baseline.Outcomes[0].Promotion.Ships = promotion.Shipment{Head: newer}
	back := answered(promotion.ResultRolledBack, outcomeOf(promotion.ResultRolledBack, decided("api")))
	back.Command = promotion.Command{Line: `/rollback production --reason "it burns"`, Verb: promotion.VerbRollback, Reason: "it burns"}
	half := answered(promotion.ResultErrored, outcomeOf(promotion.ResultErrored, decided("api")))
	half.Outcomes[0].Decision.Gates = append(half.Outcomes[0].Decision.Gates, promotion.Gate{Name: "registry", Reason: promotion.RegistryError, Expected: "an answer", Actual: "read back production-bbbbbbb: 503", Next: "ask again"})
	half.Outcomes[0].Promotion.Moves = []promotion.Move{{Tag: "production", From: one, ReadBack: two}, {Tag: "production-bbbbbbb"}, {Tag: "latest", From: one, ReadBack: one}}
	same := answered(promotion.ResultUnchanged, outcomeOf(promotion.ResultUnchanged, decided("api")))
	same.Outcomes[0].Promotion = promotion.Promotion{}
	dry := answered(promotion.ResultReady, outcomeOf(promotion.ResultReady, decided("api")))
	dry.Outcomes[0].Promotion.Moves = nil
	unknown := answered(promotion.ResultRefused)
	unknown.Environment, unknown.Command.Line = "", "/promote prodution"
	unknown.Gates = []promotion.Gate{{Name: "environment", Reason: promotion.UnknownEnvironment, Expected: "production or staging", Actual: "prodution", Next: "did you mean production?"}}
	command := promotion.Answer{
		Command: promotion.Command{Line: "/promote production —dry-run", Verb: promotion.VerbPromote, Problem: "—dry-run is not typed with two hyphens", Suggestion: "/promote production --dry-run"},
		Result:  promotion.ResultRefused, Repository: shop, Requester: alice,
		Gates: []promotion.Gate{{Name: "command", Reason: promotion.UnknownCommand, Expected: "a command of /promote help", Actual: "—dry-run is not typed with two hyphens", Next: "/promote production --dry-run"}},
	}
	many := answered(promotion.ResultPromoted, outcomeOf(promotion.ResultPromoted, decided("api")))
	many.Outcomes[0].Promotion.Ships = shipment(300)
	waits := answered(promotion.ResultWaiting, outcomeOf(promotion.ResultWaiting, decided("api")))
	away := answered(promotion.ResultInformed)
	away.Environment, away.WhoMay = "", ""
	away.Notes = []string{
		"Verbatim was away when this was asked: nothing was done, ask again",
		"The comment was made at 2026-11-23T10:40:00Z and found at 2026-11-23T12:00:00Z, and no command is carried out more than 60 minutes late. To go on, give it again in a new comment.",
	}
	return map[string][]promotion.Answer{
		"away":     {away},
		"promoted": {promoted}, "several_images": {several}, "mixed": {mixed}, "several_tags": {tags}, "first_time": {first}, "baseline": {baseline},
		"rolled_back": {back}, "refused": {refused()}, "half_moved": {half}, "unchanged": {same}, "dry_run": {dry}, "status": {status()}, "help": {help()},
		"invalid": {invalid()}, "unknown_environment": {unknown}, "unknown_command": {command}, "several_commands": {promoted, command, status()},
		"ships_300": {many}, "waiting": {waits},
	}
}

// checks are the check runs that there are.
func checks() map[string]promotion.Check {
	waiting, pressed, problems := failed("api"), refused(), invalid()
	waiting.Gates = append(waiting.Gates[:3], waiting.Gates[4])
	check := func(state promotion.CheckState, decisions ...promotion.Decision) promotion.Check {
		return promotion.Check{Repository: shop, Environment: "production", Commit: newer, State: state, Decisions: decisions, PolicySource: source}
	}
	ready, promoted, pushed := check(promotion.CheckReady, decided("api"), decided("worker")), check(promotion.CheckPromoted, decided("api")), check(promotion.CheckReady, decided("api"))
	ready.Button, pushed.Button, pushed.Pressed = "promote-0123456789", "promote-0123456789", &pressed
	promoted.Promotions = []promotion.Promotion{{Image: "api", Kind: promotion.KindPromotion, Digest: two, Requester: alice}, {Image: "worker", Kind: promotion.KindRollback, Digest: one, Requester: alice}}
	bad, policy := check(promotion.CheckFailed), check(promotion.CheckReady)
	bad.PolicyProblems, policy.Environment = problems.PolicyProblems, promotion.PolicyCheck
	return map[string]promotion.Check{
		"check_waiting": check(promotion.CheckWaiting, waiting), "check_started": check(promotion.CheckWaiting), "check_ready": ready, "check_pressed": pushed,
		"check_failed": check(promotion.CheckFailed, failed("api"), failed("worker")), "check_promoted": promoted, "check_invalid": bad, "check_policy": policy,
	}
}

// notices are the messages to Slack that there are.
func notices() map[string]promotion.Notice {
	all := answers()
	notice := func(kind promotion.NoticeKind, name string) promotion.Notice {
		return promotion.Notice{Webhook: "default", Kind: kind, Repository: shop, Answer: all[name][0]}
	}
	return map[string]promotion.Notice{
		"slack_promoted": notice(promotion.NoticePromoted, "promoted"), "slack_rolled_back": notice(promotion.NoticeRolledBack, "rolled_back"),
		"slack_refused": notice(promotion.NoticeRefused, "refused"), "slack_mixed": notice(promotion.NoticeRefused, "mixed"), "slack_invalid": notice(promotion.NoticeRefused, "invalid"),
		"slack_unknown": notice(promotion.NoticeRefused, "unknown_environment"), "slack_ships_300": notice(promotion.NoticePromoted, "ships_300"),
		"slack_moved": {Webhook: "default", Kind: promotion.NoticeDigestMoved, Repository: shop, Moved: promotion.Verification{
			Image: "api", Commit: newer, Stage: "test", Detail: "the tag named one digest at the start and another at the end", Run: 7, Attempt: 1, URL: pages + "actions/runs/7",
		}},
		"slack_moved_later": {Webhook: "default", Kind: promotion.NoticeDigestMoved, Repository: shop, Moved: promotion.Verification{
			Image: "api", Commit: newer, Detail: "source tag names another digest, expected that it names the one that was tested",
		}},
		"slack_nothing": {Kind: promotion.NoticePromoted, Repository: shop},
	}
}

// with puts a word in place of every text of a value, whatever its field: also of those that are added one day. Types of
// the domain whose values are ours, or validated, stay.
func with[T any](value T, word string) T {
	fill(reflect.ValueOf(&value).Elem(), word)
	return value
}

func fill(value reflect.Value, word string) {
	switch value.Kind() {
	case reflect.String:
		if value.Type() == reflect.TypeFor[string]() && value.CanSet() {
			value.SetString(word)
		}
	case reflect.Pointer:
		if !value.IsNil() {
			fill(value.Elem(), word)
		}
	case reflect.Slice:
		for i := range value.Len() {
			fill(value.Index(i), word)
		}
	case reflect.Struct:
		for i := range value.NumField() {
			// Addresses are GitHub's own: a well-formed one is meant to be linked to, wherever it leads.
			address := strings.HasSuffix(value.Type().Field(i).Name, "URL") && strings.HasPrefix(word, "http")
			if value.Type().Field(i).IsExported() && !address {
				fill(value.Field(i), word)
			}
		}
	default:
	}
}
