package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
)

// commandHelp is what can be asked, one line a command.
const commandHelp = "```\n" +
	"/promote [<environment>] [<image>…] [--sha <commit>|latest] [--dry-run] [--when-verified] [--reason \"…\"]\n" +
	"/promote status [<environment>]\n" +
	"/promote approve [<environment>]\n" +
	"/promote rollback [<environment>] [<image>…] [--to <commit|digest>] [--reason \"…\"]   (short: /rollback)\n" +
	"/promote hold [<environment>] [--pull-request] [--reason \"…\"]\n" +
	"/promote resume [<environment>] [--pull-request]\n" +
	"/promote cancel [<environment>]   (what --when-verified waits for)\n" +
	"/promote override [<environment>] [<image>…] --gates <code,…> --reason \"…\"\n" +
	"/promote help\n" +
	"```\n"

func renderHelp(b *strings.Builder, help promotion.Help) {
	b.WriteString("\n" + commandHelp + "\n")
	if len(help.Images) > 0 {
		fmt.Fprintf(b, "Images: %s\n\n", codes(help.Images))
	}
	if !help.Enforced {
		b.WriteString("The policy's mode is observe: everything is recorded and reported, and nothing is promoted.\n\n")
	}
	for _, environment := range help.Environments {
		note := ""
		if environment.Name == help.Default {
			note = " (meant when none is named)"
		}
		fmt.Fprintf(b, "- %s%s: takes commits of %s, after %s; moves %s; who may: %s\n", Code(environment.Name), note,
			codes(environment.Branches), codes(environment.Requires), codes(environment.Tags), Text(environment.WhoMay))
		if environment.Approvals != "" {
			fmt.Fprintf(b, "  - approvals: %s\n", Text(environment.Approvals))
		}
		if len(environment.Rules) > 0 {
			fmt.Fprintf(b, "  - rules: %s\n", Text(strings.Join(environment.Rules, "; ")))
		}
		if environment.Overrides != "" {
			fmt.Fprintf(b, "  - overrides: %s\n", Text(environment.Overrides))
		}
		fmt.Fprintf(b, "  - who may lift a hold: %s\n", Text(environment.Lifters))
		for _, hold := range environment.Holds {
			fmt.Fprintf(b, "  - **held**: %s\n", Text(hold.String()))
		}
		if len(environment.NotEnforced) > 0 {
			fmt.Fprintf(b, "  - promotes nothing, because this version does not enforce %s\n", codes(environment.NotEnforced))
		}
	}
}

func codes(names []string) string {
	var spans []string
	for _, name := range names {
		spans = append(spans, Code(name))
	}
	return enumerated(spans)
}

func renderStatus(b *strings.Builder, status promotion.EnvironmentStatus) {
	fmt.Fprintf(b, "\n**%s**\n", Text(status.Environment))
	for _, live := range status.Live {
		if live.Promotion == nil {
			fmt.Fprintf(b, "- %s: nothing was promoted yet\n", Text(live.Image))
			continue
		}
		commit := "a commit that is not known"
		if !live.Promotion.Commit.IsZero() {
			commit = Code(live.Promotion.Commit.Short())
		}
		word := map[promotion.Kind]string{
			promotion.KindPromotion: "promoted", promotion.KindRollback: "rolled back to", promotion.KindBaseline: "found there (baseline, unverified)",
		}[live.Promotion.Kind]
		fmt.Fprintf(b, "- %s: %s of %s, %s %s", Text(live.Image), Code(live.Promotion.Digest.String()), commit, word, live.Promotion.Finished.UTC().Format(time.RFC3339))
		if live.Promotion.Requester.Login != "" {
			fmt.Fprintf(b, " by %s", Text(live.Promotion.Requester.Login))
		}
		b.WriteString("\n")
	}
	for _, hold := range status.Holds {
		fmt.Fprintf(b, "- **held**: %s\n", Text(hold.String()))
	}
	for _, decision := range status.Decisions {
		renderGates(b, decision)
	}
}

// renderGates shows all gates of a decision, met or not.
func renderGates(b *strings.Builder, decision promotion.Decision) {
	digest := "no digest yet"
	if !decision.Digest.IsZero() {
		digest = Code(decision.Digest.String())
	}
	fmt.Fprintf(b, "\n%s at %s: %s\n\n| | gate | expected | found | reason |\n|---|---|---|---|---|\n", Code(decision.Image), Code(decision.Commit.Short()), digest)
	for _, gate := range decision.Gates {
		mark, reason := "✓", ""
		if !gate.Met {
			mark, reason = "✗", Code(string(gate.Reason))
		}
		if gate.Waived != "" {
			mark, reason = "!", Code(string(gate.Reason))+" WAIVED by "+Text(gate.Waived)
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", mark, cell(Link(Text(gate.Name), gate.URL)), cell(Text(gate.Expected)), cell(Text(gate.Actual)), cell(reason))
	}
	for _, note := range decision.Notes {
		fmt.Fprintf(b, "\nNote: %s\n", Text(note))
	}
	var advice []string
	for _, gate := range decision.Unmet() {
		if line := fmt.Sprintf("- %s: %s\n", Code(string(gate.Reason)), Text(gate.Next)); gate.Next != "" && !slices.Contains(advice, line) {
			advice = append(advice, line)
		}
	}
	if len(advice) > 0 {
		b.WriteString("\n" + strings.Join(advice, ""))
	}
}
