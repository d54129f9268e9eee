package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The kinds of text that name times.
type (
	duration string // a length of time: Go's units, and d and w for days and weeks
	dayRange string
	openTime string
	endTime  string
	zoneName string
)

// longestDuration is the longest time that anything may last.
const longestDuration = 3650 * 24 * time.Hour

var (
	durationPattern = regexp.MustCompile(`^(0|([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h|d|w))+)$`)
	durationPart    = regexp.MustCompile(`([0-9.]+)([a-zµ]+)`)
)

func (duration) rule() rule {
	return rule{
		expected: "a length of time such as 90s, 1h30m or 14d", pattern: durationPattern,
		mend: func(text string) string {
			if _, err := strconv.Atoi(text); err == nil && !strings.HasPrefix(text, "-") {
				return "write " + text + "s, " + text + "m, " + text + "h or " + text + "d"
			}
			return ""
		},
		check: func(text string) (string, string) {
			if _, err := parseDuration(text); err != nil {
				return err.Error(), ""
			}
			return "", ""
		},
	}
}

// length gives how long it is; 0 when there is none.
func (d duration) length() time.Duration {
	length, _ := parseDuration(string(d)) // a rule has seen it
	return length
}

// parseDuration reads a length of time. "" is none.
func parseDuration(text string) (time.Duration, error) {
	if text != "" && !durationPattern.MatchString(text) {
		return 0, fmt.Errorf("expected a length of time, found %.40q", text)
	}
	var total time.Duration
	for _, part := range durationPart.FindAllStringSubmatch(text, -1) {
		number, unit, days := part[1], part[2], time.Duration(1)
		switch unit {
		case "d":
			unit, days = "h", 24
		case "w":
			unit, days = "h", 7*24
		}
		length, err := time.ParseDuration(number + unit)
		if err != nil || length > longestDuration/days || total+length*days > longestDuration {
			return 0, fmt.Errorf("expected at most ten years, found %.40q", text)
		}
		total += length * days
	}
	return total, nil
}

var (
	weekdays   = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
	dayPattern = regexp.MustCompile(`^(sun|mon|tue|wed|thu|fri|sat)(-(sun|mon|tue|wed|thu|fri|sat))?( ?, ?(sun|mon|tue|wed|thu|fri|sat)(-(sun|mon|tue|wed|thu|fri|sat))?)*$`)
)

func (dayRange) rule() rule {
	return rule{expected: "days of the week such as mon-thu or sat,sun", pattern: dayPattern, mend: func(text string) string {
		if lower := strings.ToLower(text); dayPattern.MatchString(lower) {
			return "write " + lower
		}
		return ""
	}}
}

// days gives the days, each once, in the order of the text.
func (d dayRange) days() []time.Weekday {
	var days []time.Weekday
	for part := range strings.SplitSeq(string(d), ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			last = first
		}
		from, to := slices.Index(weekdays, first), slices.Index(weekdays, last)
		for day := from; from >= 0 && to >= 0; day = (day + 1) % 7 {
			if !slices.Contains(days, time.Weekday(day)) {
				days = append(days, time.Weekday(day))
			}
			if day == to {
				break
			}
		}
	}
	return days
}

var (
	openPattern = regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9]$`)
	endPattern  = regexp.MustCompile(`^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$`)
)

func (openTime) rule() rule {
	return rule{expected: `a time of day from "00:00" to "23:59", with two digits for the hour`, pattern: openPattern}
}

func (endTime) rule() rule {
	return rule{expected: `a time of day from "00:01" to "24:00", with two digits for the hour`, pattern: endPattern}
}

// minutes gives how long after midnight a time of day is.
func minutes(clock string) int {
	hour, minute, _ := strings.Cut(clock, ":")
	hours, _ := strconv.Atoi(hour)
	rest, _ := strconv.Atoi(minute)
	return hours*60 + rest
}

var zonePattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_+/-]{0,63}$`)

func (zoneName) rule() rule {
	expected := "a time zone's IANA name, such as Europe/Berlin or UTC"
	return rule{expected: expected, pattern: zonePattern, check: func(text string) (string, string) {
		if _, err := time.LoadLocation(text); err != nil || text == "Local" {
			return fmt.Sprintf("expected %s, found %.80q", expected, text), ""
		}
		return "", ""
	}}
}
