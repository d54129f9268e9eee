package promotion

import "strings"

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
