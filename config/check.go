package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // windows name time zones, and images without a shell have no database of them

	"github.com/verbatim-dev/verbatim/promotion"
)

// needed reports a value that has to be there.
func (v *validator) needed(path, value string) bool {
	if value == "" {
		v.report(path, "", "expected a value, found none")
	}
	return value != ""
}

// oneOf reports a value that is none of the words. No value is fine.
func (v *validator) oneOf(path, value string, words []string) bool {
	if value == "" || slices.Contains(words, value) {
		return true
	}
	v.report(path, promotion.DidYouMean(value, words), "expected one of %s, found %.60q", strings.Join(words, ", "), value)
	return false
}

// known reports names in a list that name nothing, or come twice, and a list that is too short.
func (v *validator) known(path string, names, all []string, kind string, least int) {
	if len(names) < least {
		v.report(path, "", "expected at least %d, found %d", least, len(names))
	}
	for i, name := range names {
		at := fmt.Sprintf("%s[%d]", path, i)
		if v.knownOne(at, name, all, kind) && slices.Index(names, name) < i {
			v.report(at, "keep one of them", "%q is there twice", name)
		}
	}
}

func (v *validator) knownOne(path, name string, all []string, kind string) bool {
	if slices.Contains(all, name) {
		return true
	}
	v.report(path, promotion.DidYouMean(name, all), "%.60q is no %s: %s", name, kind, quoted(all))
	return false
}

func (v *validator) workflow(path, workflow string) {
	if !workflowPattern.MatchString(workflow) {
		v.report(path, "write it as in .github/workflows/ci.yml", "expected a workflow's exact path, found %.120q", workflow)
	}
}

func (v *validator) branch(path, branch string) {
	if !branchPattern.MatchString(branch) || strings.HasPrefix(branch, "refs/") {
		v.report(path, strings.TrimPrefix(branch, "refs/heads/"), "expected a branch's name, in which * stands for anything; found %.120q", branch)
	}
}

func (v *validator) people(path string, teams, users []string) {
	for i, team := range teams {
		if !slugPattern.MatchString(team) {
			v.report(fmt.Sprintf("%s.teams[%d]", path, i), "write the slug alone, without @ and owner", "expected a team's slug, found %.100q", team)
		}
	}
	for i, user := range users {
		if !slugPattern.MatchString(user) {
			v.report(fmt.Sprintf("%s.users[%d]", path, i), "write the login alone, without @", "expected a login, found %.100q", user)
		}
	}
}

func (v *validator) duration(path string, text duration) {
	if _, err := parseDuration(text); err != nil {
		v.report(path, "write it as in 90s, 1h or 14d", "%s", err)
	}
}

var durationPart = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d|w)`)

var durationUnits = map[string]time.Duration{
	"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour,
}

// longestDuration is the longest time that a rule may name.
const longestDuration = 3650 * 24 * time.Hour

// parseDuration reads a length of time such as 1h30m or 14d. "" is none.
func parseDuration(text duration) (time.Duration, error) {
	var total float64
	for rest := string(text); rest != ""; {
		part := durationPart.FindStringSubmatch(rest)
		if part == nil {
			return 0, fmt.Errorf("expected a length of time, found %.40q", text)
		}
		number, err := strconv.ParseFloat(part[1], 64)
		if err != nil {
			return 0, fmt.Errorf("expected a length of time, found %.40q", text)
		}
		total += number * float64(durationUnits[part[2]])
		rest = rest[len(part[0]):]
	}
	if total > float64(longestDuration) {
		return 0, fmt.Errorf("expected at most ten years, found %.40q", text)
	}
	return time.Duration(total), nil
}

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// parseWindow reads a time of the week.
func parseWindow(document windowDocument) (promotion.Window, error) {
	window := promotion.Window{Zone: document.Zone}
	if window.Zone == "" {
		window.Zone = "UTC"
	}
	if _, err := time.LoadLocation(window.Zone); err != nil || window.Zone == "Local" {
		return window, fmt.Errorf("zone: expected an IANA time zone such as Europe/Berlin, found %.60q", document.Zone)
	}
	var err error
	if window.Days, err = parseDays(document.Days); err != nil {
		return window, err
	}
	if window.From, err = parseClock("from", document.From); err != nil {
		return window, err
	}
	if window.To, err = parseClock("to", document.To); err != nil {
		return window, err
	}
	if window.To <= window.From {
		return window, fmt.Errorf("expected to after from, found %s to %s: write two windows for one over midnight", document.From, document.To)
	}
	return window, nil
}

func parseDays(text string) ([]time.Weekday, error) {
	var days []time.Weekday
	for part := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(strings.ToLower(strings.TrimSpace(part)), "-")
		if !isRange {
			last = first
		}
		from, to := slices.Index(weekdays, first), slices.Index(weekdays, last)
		if from < 0 || to < 0 {
			return nil, fmt.Errorf("days: expected days such as mon-thu or sat,sun, found %.60q", text)
		}
		for day := from; ; day = (day + 1) % 7 {
			if !slices.Contains(days, time.Weekday(day)) {
				days = append(days, time.Weekday(day))
			}
			if day == to {
				break
			}
		}
	}
	return days, nil
}

func parseClock(key, text string) (int, error) {
	hour, minute, found := strings.Cut(text, ":")
	h, errHour := strconv.Atoi(hour)
	m, errMinute := strconv.Atoi(minute)
	if !found || len(text) != 5 || errHour != nil || errMinute != nil || h < 0 || m < 0 || m > 59 || h > 24 || h == 24 && m > 0 {
		return 0, fmt.Errorf(`%s: expected a time of day such as "09:00", found %.20q`, key, text)
	}
	return h*60 + m, nil
}
