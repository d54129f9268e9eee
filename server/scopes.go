package server

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/verbatim-dev/verbatim/internal/selfcheck"
	"github.com/verbatim-dev/verbatim/promotion"
)

// Bounds of what is kept and told of missing scopes: policies name what they like, and repositories are made by others.
const (
	unscopedMost      = 1000 // repositories
	unscopedNamed     = 10   // registry repositories of one that are kept and logged
	unscopedTold      = 5    // repositories that health names
	unscopedForgotten = time.Hour
)

// scopes keep which repositories' policies name registry repositories that no rule of the settings lets them use. That is an
// omission of the settings or a mistake of a policy, and nobody here can tell which.
type scopes struct {
	rules  promotion.Scope
	clock  func() time.Time
	logger zerolog.Logger

	mutex        sync.Mutex
	repositories map[int64]*unscoped
}

// unscoped is one such repository.
type unscoped struct {
	name    string
	missing []promotion.RegistryRepository // empty: it was mended
	logged  []promotion.RegistryRepository
	looked  time.Time
}

// see takes a policy that is gone by. Each pair is logged once.
func (s *scopes) see(policy promotion.LoadedPolicy) {
	var missing []promotion.RegistryRepository
	if policy.Valid() {
		missing = s.rules.Missing(policy.Repository, policy.Policy)
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	one := s.repositories[policy.Repository.ID]
	switch {
	case one == nil && (len(missing) == 0 || len(s.repositories) >= unscopedMost):
		return
	case one == nil:
		if s.repositories == nil {
			s.repositories = map[int64]*unscoped{}
		}
		one = &unscoped{}
		s.repositories[policy.Repository.ID] = one
	}
	one.name, one.missing, one.looked = policy.Repository.FullName(), missing[:min(len(missing), unscopedNamed)], s.clock()
	for _, registry := range one.missing {
		if len(one.logged) < unscopedNamed && !slices.Contains(one.logged, registry) {
			one.logged = append(one.logged, registry)
			s.logger.Warn().Str(LogRepository, one.name).Str(LogWhat, selfcheck.RegistryScope).Str(LogMend, scopeMend).
				Msgf("no rule of the server lets %s use %s: nothing of it is read or promoted until that is mended", one.name, registry)
		}
	}
}

const scopeMend = "let each use it (VERBATIM_REGISTRY_SCOPE) and start the server again, or have its policy name another one; what waits then goes on by itself"

// Degraded returns the finding, if there is one: of all repositories together, and with a few of them named.
func (s *scopes) Degraded() []selfcheck.Finding {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	oldest := s.clock().Add(-unscopedForgotten)
	maps.DeleteFunc(s.repositories, func(_ int64, one *unscoped) bool { return one.looked.Before(oldest) })
	var missing []*unscoped
	for _, one := range s.repositories {
		if len(one.missing) > 0 {
			missing = append(missing, one)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.SortFunc(missing, func(a, b *unscoped) int { return cmp.Compare(a.name, b.name) })
	var words []string
	for _, one := range missing[:min(len(missing), unscopedTold)] {
		word := fmt.Sprintf("%s may not use %s", one.name, one.missing[0])
		if more := len(one.missing) - 1; more > 0 {
			word += fmt.Sprintf(" and %d more", more)
		}
		words = append(words, word)
	}
	if more := len(missing) - len(words); more > 0 {
		words = append(words, fmt.Sprintf("and %d repositories more", more))
	}
	return []selfcheck.Finding{{Name: selfcheck.RegistryScope, State: selfcheck.Degraded, Found: "no rule of the server lets it: " + strings.Join(words, "; "), Mend: scopeMend}}
}
