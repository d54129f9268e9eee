package promotion

import (
	"fmt"
	"strings"
	"time"
)

// ageGate asks that what the stages proved is not too old.
func ageGate(environment Environment, evidence []Verification, now time.Time) Gate {
	gate := Gate{Name: "age", Reason: TooOld, Expected: "verified within the last " + days(environment.MaxAge), Met: true}
	var oldest Verification
	for _, verification := range evidence {
		if oldest.Ended.IsZero() || verification.Ended.Before(oldest.Ended) {
			oldest = verification
		}
	}
	if oldest.Ended.IsZero() {
		gate.Met, gate.Actual, gate.Next = false, "no stage has passed", "let the stages pass"
		return gate
	}
	gate.Actual = fmt.Sprintf("%s passed at %s", oldest.Stage, clockText(oldest.Ended))
	if now.Sub(oldest.Ended) > environment.MaxAge {
		gate.Met, gate.Next = false, "run the stages again for this commit, or build a new one"
	}
	return gate
}

// days writes a length of time with days, as policies do.
func days(length time.Duration) string {
	const day = 24 * time.Hour
	if length >= day && length%day == 0 {
		return fmt.Sprintf("%dd", length/day)
	}
	return strings.TrimSuffix(strings.TrimSuffix(length.String(), "0s"), "0m")
}

// windowGate asks that the time is in one of the environment's windows.
func windowGate(environment Environment, now time.Time) Gate {
	gate := Gate{Name: "window", Reason: OutsideWindow, Expected: windowsText(environment.Windows)}
	next, err := nextOpening(environment.Windows, now)
	switch {
	case err != nil:
		gate.Reason, gate.Actual, gate.Next = InternalError, "could not tell: "+err.Error(), "mend the zone in the policy"
	case !next.After(now):
		gate.Met, gate.Actual = true, "it is "+clockText(now)
	default:
		gate.Until = next
		gate.Actual, gate.Next = "it is "+clockText(now), "possible from "+clockText(next)
	}
	return gate
}

// nextOpening gives the first moment from now on that is in a window: now itself when it is in one. A window's hours are
// those of the wall clock in its zone, so that a day on which clocks change is shorter or longer like any other.
func nextOpening(windows []Window, now time.Time) (time.Time, error) {
	var next time.Time
	for _, window := range windows {
		zone, err := time.LoadLocation(window.Zone)
		if err != nil {
			return time.Time{}, fmt.Errorf("time zone %.80q: %w", window.Zone, err)
		}
		local := now.In(zone)
		for ahead := range 8 {
			date := time.Date(local.Year(), local.Month(), local.Day()+ahead, 12, 0, 0, 0, zone)
			if !window.holds(date.Weekday()) {
				continue
			}
			opens, closes := onWallClock(date, window.From), onWallClock(date, window.To)
			if !opens.Before(closes) || !now.Before(closes) {
				continue
			}
			if now.After(opens) {
				opens = now
			}
			if next.IsZero() || opens.Before(next) {
				next = opens
			}
			break
		}
	}
	if next.IsZero() {
		return time.Time{}, fmt.Errorf("no window of %s ever opens", windowsText(windows))
	}
	return next, nil
}

func (w Window) holds(day time.Weekday) bool {
	for _, one := range w.Days {
		if one == day {
			return true
		}
	}
	return len(w.Days) == 0
}

// onWallClock gives the moment at which the clocks of the date's zone show the minute of the day, or, where clocks skip it,
// the moment at which they skip.
func onWallClock(date time.Time, minute int) time.Time {
	at := time.Date(date.Year(), date.Month(), date.Day(), minute/60, minute%60, 0, 0, date.Location())
	if at.Hour()*60+at.Minute() == minute%(24*60) {
		return at
	}
	// The minute does not exist: clocks go from before it to after it. Look for the first moment past the gap.
	from, to := at.Add(-3*time.Hour), at.Add(3*time.Hour)
	_, before := from.Zone()
	for from.Add(time.Minute).Before(to) {
		middle := from.Add(to.Sub(from) / 2).Truncate(time.Minute)
		if _, offset := middle.Zone(); offset == before {
			from = middle
		} else {
			to = middle
		}
	}
	return to
}

func windowsText(windows []Window) string {
	var texts []string
	for _, window := range windows {
		var names []string
		for _, day := range window.Days {
			names = append(names, strings.ToLower(day.String()[:3]))
		}
		texts = append(texts, fmt.Sprintf("%s %02d:%02d–%02d:%02d %s", strings.Join(names, ","), window.From/60, window.From%60, window.To/60, window.To%60, window.Zone))
	}
	return strings.Join(texts, " or ")
}
