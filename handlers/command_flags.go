package handlers

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/verbatim-dev/verbatim/promotion"
)

// commandFlag is one flag of the grammar.
type commandFlag struct {
	name        string
	verbs       []promotion.Verb
	placeholder string // stands for its value in what is suggested; "" for a flag that takes none
	// set puts the value into the command. When it cannot, it says why, and which value was probably meant.
	set func(command *promotion.Command, value string) (problem, meant string)
	// get gives the value as it is typed.
	get func(command promotion.Command) (value string, given bool)
}

// flags are the flags of the grammar, in the order in which they are written.
var flags = []commandFlag{
	{"sha", []promotion.Verb{promotion.VerbPromote}, "<commit>", setSHA, func(c promotion.Command) (string, bool) { return c.SHA, c.SHA != "" }},
	{"to", []promotion.Verb{promotion.VerbRollback}, "<commit|digest>", setTo, func(c promotion.Command) (string, bool) { return c.To, c.To != "" }},
	{"dry-run", []promotion.Verb{promotion.VerbPromote}, "", setDryRun, func(c promotion.Command) (string, bool) { return "", c.DryRun }},
	{"when-verified", []promotion.Verb{promotion.VerbPromote}, "", setWhenVerified, func(c promotion.Command) (string, bool) { return "", c.WhenVerified }},
	{"pull-request", []promotion.Verb{promotion.VerbHold, promotion.VerbResume}, "", setPullRequest, func(c promotion.Command) (string, bool) { return "", c.PullRequest }},
	{"gates", []promotion.Verb{promotion.VerbOverride}, "<codes>", setGates, func(c promotion.Command) (string, bool) { return strings.Join(c.Gates, ","), len(c.Gates) > 0 }},
	{"reason", []promotion.Verb{promotion.VerbPromote, promotion.VerbRollback, promotion.VerbHold, promotion.VerbOverride}, `"<why>"`, setReason, func(c promotion.Command) (string, bool) { return quoted(c.Reason), c.Reason != "" }},
}

// maximumNames says how many names each verb takes: an environment, and images where the verb is about images.
var maximumNames = map[promotion.Verb]int{
	promotion.VerbPromote: 50, promotion.VerbRollback: 50, promotion.VerbOverride: 50, promotion.VerbStatus: 1, promotion.VerbHelp: 0,
	promotion.VerbApprove: 1, promotion.VerbHold: 1, promotion.VerbResume: 1, promotion.VerbCancel: 1,
}

// written gives how a verb is typed.
func written(verb promotion.Verb) string {
	if verb == promotion.VerbPromote {
		return "/promote"
	}
	return "/promote " + string(verb)
}

// flagNamed gives the flag of that name, and the names of those that the verb has.
func flagNamed(name string, verb promotion.Verb) (found *commandFlag, own []string) {
	for i := range flags {
		if flags[i].name == name {
			found = &flags[i]
		}
		if slices.Contains(flags[i].verbs, verb) {
			own = append(own, flags[i].name)
		}
	}
	return found, own
}

// whose gives the verbs that have the flag, as they are typed.
func (f commandFlag) whose() string {
	var verbs []string
	for _, verb := range f.verbs {
		verbs = append(verbs, written(verb))
	}
	return strings.Join(verbs, " and ")
}

var (
	hexPattern         = regexp.MustCompile(`^[0-9a-f]{7,64}$`)
	digestPattern      = regexp.MustCompile(`^sha256:[0-9a-f]{12,64}$`)
	placeholderPattern = regexp.MustCompile(`^<[^<>]*>$`)
)

func setSHA(command *promotion.Command, value string) (problem, meant string) {
	value = strings.ToLower(value)
	if value != "latest" && !hexPattern.MatchString(value) {
		return fmt.Sprintf("--sha has %.90q: expected 7 to 64 hex digits of a commit, or latest.", value), nearest(value, []string{"latest"})
	}
	command.SHA = value
	return "", ""
}

// setTo takes the beginning of a digest as well; the ledger tells whether only one digest begins so.
func setTo(command *promotion.Command, value string) (problem, meant string) {
	value = strings.ToLower(value)
	if !hexPattern.MatchString(value) && !digestPattern.MatchString(value) {
		return fmt.Sprintf("--to has %.90q: expected 7 to 64 hex digits of a commit, or sha256: and 12 to 64 hex digits of a digest.", value), ""
	}
	command.To = value
	return "", ""
}

func setReason(command *promotion.Command, value string) (problem, meant string) {
	switch length := utf8.RuneCountInString(value); {
	case strings.TrimSpace(withoutInvisible(value)) == "":
		return "--reason is empty: expected some words in quotes.", ""
	case placeholderPattern.MatchString(value):
		return fmt.Sprintf("--reason has the placeholder %.90q: expected your own words in its place.", value), ""
	case length > maximumReason:
		return fmt.Sprintf("--reason has %d characters: expected at most %d.", length, maximumReason), ""
	}
	command.Reason = value
	return "", ""
}

func setDryRun(command *promotion.Command, _ string) (problem, meant string) {
	command.DryRun = true
	return "", ""
}

func setWhenVerified(command *promotion.Command, _ string) (problem, meant string) {
	command.WhenVerified = true
	return "", ""
}

func setPullRequest(command *promotion.Command, _ string) (problem, meant string) {
	command.PullRequest = true
	return "", ""
}

func setGates(command *promotion.Command, value string) (problem, meant string) {
	var known []string
	for _, reason := range promotion.Reasons() {
		known = append(known, string(reason))
	}
	codes := strings.Split(strings.ToLower(value), ",")
	if len(codes) > len(known) {
		return fmt.Sprintf("--gates has %d codes: there are only %d.", len(codes), len(known)), ""
	}
	for i, code := range codes {
		code = strings.TrimSpace(code)
		if code == "" {
			return fmt.Sprintf("--gates has %.90q, with an empty code: expected codes with commas between them and no spaces.", value), strings.Trim(strings.ReplaceAll(value, ",,", ","), ",")
		}
		if rule, isRule := promotion.RuleReasons()[code]; isRule {
			code = string(rule) // a rule's own word does as well
		}
		if !slices.Contains(known, code) {
			problem = fmt.Sprintf("--gates has %.60q, which is no reason code: ", code)
			if codes[i] = nearestCode(code, known); codes[i] == "" {
				return problem + "expected codes as refusals name them, such as soaking.", ""
			}
			return problem + "did you mean " + codes[i] + "?", strings.Join(codes, ",")
		}
		if !slices.Contains(command.Gates, code) {
			command.Gates = append(command.Gates, code)
		}
	}
	return "", ""
}

// nearestCode gives the reason code that was meant, also by the policy's word for its gate: soak for soaking.
func nearestCode(code string, known []string) string {
	if near := nearest(code, known); near != "" {
		return near
	}
	var having []string
	for _, other := range known {
		if len(code) >= 4 && strings.Contains(other, code) {
			having = append(having, other)
		}
	}
	if len(having) != 1 {
		return ""
	}
	return having[0]
}

// nearest gives the one of the names that the word was probably meant to be, or "".
func nearest(typed string, names []string) string {
	question := promotion.DidYouMean(typed, names)
	return strings.TrimSuffix(strings.TrimPrefix(question, "did you mean "), "?")
}

// meantFalse reports whether a flag that takes no value was given one that switches it off.
func meantFalse(value string) bool {
	on, err := strconv.ParseBool(strings.ToLower(value))
	return err == nil && !on || strings.EqualFold(value, "no") || strings.EqualFold(value, "off")
}
