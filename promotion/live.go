package promotion

import (
	"fmt"
	"slices"
	"strings"
)

// Standing is what an environment has of one image and what it can go back to, oldest first. The last entry is what
// is live as far as the ledger knows.
type Standing []Promotion

// StandingOf replays what was promoted: a rollback takes off what was live after its target, so that a digest rolled
// back from is not a target again until it is promoted anew.
func StandingOf(live []Promotion) Standing {
	var standing Standing
	for _, promotion := range live {
		if promotion.Kind == KindRollback {
			if at := standing.indexOf(promotion.Digest); at >= 0 {
				standing = standing[:at+1]
				if promotion.Policy.Hash != "" {
					standing[at].Policy = promotion.Policy // going back loosens no rule
				}
				continue
			}
		} else if at := standing.indexOf(promotion.Digest); at >= 0 {
			standing = append(standing[:at:at], standing[at+1:]...)
		}
		standing = append(standing, promotion)
	}
	return standing
}

func (s Standing) indexOf(digest Digest) int {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i].Digest == digest {
			return i
		}
	}
	return -1
}

// Current gives what is live as far as the ledger knows.
func (s Standing) Current() (Promotion, bool) {
	if len(s) == 0 {
		return Promotion{}, false
	}
	return s[len(s)-1], true
}

// Previous gives what a rollback goes to when the environment's tag names the digest: what was live before it, or what
// the ledger has as live when other hands moved the tag.
func (s Standing) Previous(named Digest) (Promotion, bool) {
	current, found := s.Current()
	if !found {
		return Promotion{}, false
	}
	if current.Digest != named && !named.IsZero() {
		return current, true
	}
	if len(s) < 2 {
		return Promotion{}, false
	}
	return s[len(s)-2], true
}

// maximumChoices is how many digests a refusal names that could be gone back to.
const maximumChoices = 5

// choices names what --to could name, newest first: what was once live, but for these digests. A commit stands for the digest that it
// alone names.
func choices(live []Promotion, except ...Digest) string {
	var names []string
	more := 0
	for _, promotion := range slices.Backward(live) {
		if slices.Contains(except, promotion.Digest) {
			continue
		}
		except = append(except, promotion.Digest)
		if len(names) == maximumChoices {
			more++
			continue
		}
		name := promotion.Digest.Short()
		if _, digests := OnceLive(live, promotion.Commit.Short()); !promotion.Commit.IsZero() && digests == 1 {
			name = promotion.Commit.Short()
		}
		names = append(names, name)
	}
	if more > 0 {
		names = append(names, fmt.Sprintf("or one of %d older", more))
	}
	return strings.Join(names, ", ")
}

// OnceLive finds the newest promotion whose commit or digest begins with the text: what --to may name. It reports how
// many different digests the text fits.
func OnceLive(live []Promotion, text string) (found Promotion, digests int) {
	seen := map[Digest]bool{}
	for _, promotion := range live {
		fits := strings.HasPrefix(promotion.Digest.String(), text) ||
			!promotion.Commit.IsZero() && strings.HasPrefix(promotion.Commit.String(), text)
		if fits {
			found = promotion
			seen[promotion.Digest] = true
		}
	}
	return found, len(seen)
}
