package selfcheck

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/verbatim-dev/verbatim/promotion"
)

// Board keeps how things stand: what checks found, and the faults because of which work pauses. It is safe for concurrent use.
type Board struct {
	clock func() time.Time

	mutex  sync.Mutex
	asked  []func() []Finding
	found  map[string]Finding // by name, of checks
	faults map[string]*fault  // by name, of work
}

// fault is why some work pauses.
type fault struct {
	finding Finding
	met     map[string]time.Time // by the work's key: when it last met the fault
}

// forgotten is how long a fault counts that no work meets any more: another replica may have done that work.
const forgotten = 2 * time.Minute

// NewBoard returns an empty board.
func NewBoard(clock func() time.Time) *Board {
	return &Board{clock: clock, found: map[string]Finding{}, faults: map[string]*fault{}}
}

// Set takes what a check found: each finding replaces the one of its name.
func (b *Board) Set(findings ...Finding) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	for _, finding := range findings {
		b.found[finding.Name] = finding
	}
}

// Ask has the board ask for findings whenever somebody wants to know what is degraded.
func (b *Board) Ask(findings func() []Finding) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.asked = append(b.asked, findings)
}

// Paused notes that the work met the fault. It reports whether nobody had met it before. A missing scope is not noted: whoever
// looks at policies tells the board (Ask), whether somebody asked for a promotion or not.
func (b *Board) Paused(work string, paused *promotion.PausedError) (first bool) {
	if paused.Fault == promotion.FaultRegistryScope {
		return false
	}
	finding := findingOf(paused)
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.forget()
	known := b.faults[finding.Name]
	if known == nil {
		known = &fault{met: map[string]time.Time{}}
		b.faults[finding.Name] = known
		first = true
	}
	known.finding = finding
	known.met[work] = b.clock()
	return first
}

func findingOf(paused *promotion.PausedError) Finding {
	finding := Finding{Name: GitHubCredentials, State: Degraded, Found: paused.Error(), Mend: paused.Mend}
	switch paused.Fault {
	case promotion.FaultGitHubPermission:
		finding.Name, finding.Permissions = GitHubPermissions, permissionsIn(paused.What)
	case promotion.FaultRegistryCredentials:
		finding.Name = RegistryName(paused.What)
	case promotion.FaultRegistryScope:
		finding.Name = RegistryScope
	case promotion.FaultSlackWebhook:
		finding.Name = Slack
	case promotion.FaultGitHubCredentials:
	}
	return finding
}

// permissionsIn gives the permissions that a call takes, as we write them: GitHub writes "checks=write", and several beside commas
// or, where any one does, semicolons.
func permissionsIn(what string) []string {
	named := strings.FieldsFunc(what, func(r rune) bool { return r == ',' || r == ';' })
	for i, one := range named {
		name, level, written := strings.Cut(strings.TrimSpace(one), "=")
		if named[i] = name; written {
			named[i] = name + ": " + level
		}
	}
	return named
}

// Done notes that the work meets no fault any more.
func (b *Board) Done(work string) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	for name, known := range b.faults {
		delete(known.met, work)
		if len(known.met) == 0 {
			delete(b.faults, name)
		}
	}
}

func (b *Board) forget() {
	oldest := b.clock().Add(-forgotten)
	for name, known := range b.faults {
		maps.DeleteFunc(known.met, func(_ string, at time.Time) bool { return at.Before(oldest) })
		if len(known.met) == 0 {
			delete(b.faults, name)
		}
	}
}

// Degraded returns what does not stand well, by name. What work met says more than what a check found.
func (b *Board) Degraded() []Finding {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.forget()
	all := map[string]Finding{}
	for name, finding := range b.found {
		if finding.State != OK && finding.Found != "" {
			all[name] = finding
		}
	}
	for _, ask := range b.asked {
		for _, finding := range ask() {
			if found, isFound := all[finding.Name]; isFound { // a check has found out more
				finding.State, finding.Found, finding.Mend = found.State, found.Found+"; "+finding.Found, cmp.Or(found.Mend, finding.Mend)
			}
			all[finding.Name] = finding
		}
	}
	for name, known := range b.faults {
		if all[name].State != Wrong {
			all[name] = known.finding
		}
	}
	return slices.SortedFunc(maps.Values(all), func(x, y Finding) int { return cmp.Compare(x.Name, y.Name) })
}
