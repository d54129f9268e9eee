package promotion

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Drift is a tag of an environment that other hands moved.
type Drift struct {
	Environment string
	Image       string
	Registry    RegistryRepository
	Tag         string
	Expected    Digest // what the ledger has as live
	Found       Digest // zero: the tag is gone
	Restored    bool   // the tag was put back
	Held        bool   // it is not put back while somebody holds the environment
	Trouble     string // why it could not be put back; "" when nobody tried, or it worked
	At          time.Time
}

// String says for people what was moved from what to what.
func (d Drift) String() string {
	text := fmt.Sprintf("tag %s of %s names %s, and the ledger has %s", d.Tag, d.Registry, orNone(d.Found), d.Expected)
	switch {
	case d.Restored:
		text += ": it was put back"
	case d.Held:
		text += ": it is not put back for now: " + d.Trouble
	case d.Trouble != "":
		text += ": it could not be put back: " + d.Trouble
	}
	return text
}

// DriftWatch compares the tags of environments with what the ledger has as live.
type DriftWatch struct {
	Journal  Journal
	Policies *PolicySource
	History  History
	Book     Book
	Registry Registry
	Records  RecordReader
	Lanes    LaneKeeper
	Checks   Checks
	Scope    Scope
	Clock    func() time.Time
	Slack    func(Environment) string
}

// Compare looks at every environment and image of the repository, whose policy is taken as it was last seen. It costs no
// call to GitHub, but for one where a tag names something else than the ledger has, and of the registry what reading an image's tags costs. The changes are good even beside an error.
func (w *DriftWatch) Compare(ctx context.Context, lease Lease, repository Repository) (Changes, error) {
	policy, err := w.Policies.Known(ctx, repository)
	if errors.Is(err, ErrNotFound) {
		return Changes{}, nil
	}
	if err != nil || !policy.Valid() {
		return Changes{}, err
	}
	repository = policy.Repository
	var changes Changes
	var failures []error
	for _, environment := range policy.Policy.Environments {
		for _, image := range policy.Policy.Images {
			found, err := w.compare(ctx, lease, repository, policy, environment, image)
			if err != nil {
				failures = append(failures, err)
			}
			changes.Add(found)
		}
	}
	changes.ReleaseLanes = true
	return changes, errors.Join(failures...)
}

func (w *DriftWatch) compare(ctx context.Context, lease Lease, repository Repository, policy LoadedPolicy, environment Environment, image Image) (Changes, error) {
	live, err := w.live(ctx, repository, environment, image)
	if err != nil || live == nil {
		return Changes{}, err
	}
	scope := scopeOf(ctx, w.Scope, w.Lanes, repository, image)
	if scope.Err != nil || !scope.Allowed {
		return Changes{}, scope.Err
	}
	tags := environment.TagsFor(Commit{})
	if len(tags) == 0 {
		return Changes{}, nil // tags that name a commit are new each time: nobody is to move them
	}
	claim := LaneClaim{Repository: repository.ID, Environment: environment.Name, Image: image.Name}
	for _, tag := range tags {
		claim.Lanes = append(claim.Lanes, Lane{Registry: scope.Registry, Tag: tag})
	}
	if answer, err := w.Lanes.TakeLanes(ctx, lease, claim); err != nil || !answer.Taken {
		return Changes{}, err // a promotion is under way: the next look will tell
	}
	if live, err = w.live(ctx, repository, environment, image); err != nil || live == nil {
		return Changes{}, err
	}
	inspection, err := w.Registry.Inspect(ctx, scope.Registry, Digest{}, tags)
	if err != nil {
		return Changes{}, fromRegistry(fmt.Errorf("read the tags of %s: %w", scope.Registry, err))
	}
	if wrong := slices.ContainsFunc(tags, func(tag string) bool { return inspection.Tags[tag].Digest != live.Digest }); wrong {
		if called, err := w.stillCalled(ctx, repository); err != nil || !called {
			return Changes{}, err
		}
	}
	entries, err := w.Book.Entries(ctx, repository.ID, EntryFilter{Kinds: []EntryKind{EntryDrift, EntryRestore}, Environment: environment.Name})
	if err != nil {
		return Changes{}, err
	}
	var changes Changes
	for _, tag := range tags {
		drift := Drift{
			Environment: environment.Name, Image: image.Name, Registry: scope.Registry, Tag: tag, Expected: live.Digest,
			Found: inspection.Tags[tag].Digest, At: w.Clock(),
		}
		found, err := w.settle(ctx, lease, repository, environment, *live, drift, entries)
		if err != nil {
			return changes, err
		}
		changes.Add(found)
	}
	if len(changes.Entries) == 0 || live.Commit.IsZero() {
		return changes, nil
	}
	// The entries go first, so that the check run shows them.
	if err := w.Journal.Commit(ctx, lease, Changes{Entries: changes.Entries}); err != nil {
		return Changes{}, err
	}
	records, err := w.Records.Records(ctx, repository.ID, live.Commit)
	if err != nil {
		return changes, err
	}
	checks, err := w.Checks.For(ctx, repository, policy, live.Commit, records, nil)
	for _, announcement := range checks {
		if announcement.Check.Environment == environment.Name {
			changes.Announcements = append(changes.Announcements, announcement)
		}
	}
	changes.Work = append(changes.Work, checksAgain(changes.Announcements)...)
	return changes, err
}

func (w *DriftWatch) live(ctx context.Context, repository Repository, environment Environment, image Image) (*Promotion, error) {
	live, err := w.History.Live(ctx, repository.ID, environment.Name, image.Name)
	if err != nil {
		return nil, err
	}
	current, found := StandingOf(live).Current()
	if !found {
		return nil, nil
	}
	return &current, nil
}

// stillCalled reports whether the repository is there, under the name by whose rules its tags were read. One call. Under another
// name the next look tells.
func (w *DriftWatch) stillCalled(ctx context.Context, repository Repository) (bool, error) {
	present, err := w.Policies.Presence.Now(ctx, repository)
	if isGone(err) {
		return false, nil
	}
	return present.FullName() == repository.FullName(), fromGitHub(err)
}

// settle enters what became of a tag: that other hands moved it, or that it names again what it should.
func (w *DriftWatch) settle(ctx context.Context, lease Lease, repository Repository, environment Environment, live Promotion, drift Drift, entries []Entry) (Changes, error) {
	newest, known := newestDrift(entries, drift)
	open := known && newest.Kind == EntryDrift && newest.Number.After(live.Number)
	entry := Entry{
		Kind: EntryDrift, Repository: repository.ID, Environment: drift.Environment, Image: drift.Image, Tag: drift.Tag, Commit: live.Commit,
		Digests: map[string]Digest{drift.Image: drift.Found}, At: drift.At, Recorded: drift.At,
	}
	entry.Key = fmt.Sprintf("drift/%d/%s/%s/%s/%d/%d/%s", repository.ID, drift.Environment, drift.Image, drift.Tag, live.ID, newest.ID, drift.Found)
	if drift.Found == drift.Expected {
		if !open {
			return Changes{}, nil
		}
		entry.Kind, entry.Key, entry.Reason = EntryRestore, "back/"+entry.Key, "it names the recorded digest again"
		return Changes{Entries: []Entry{entry}}, nil
	}
	if open && newest.Digests[drift.Image] == drift.Found && !environment.DriftRestore {
		return Changes{}, nil
	}
	changes := Changes{Entries: []Entry{entry}}
	if environment.DriftRestore {
		if err := w.restore(ctx, lease, repository, environment, live, &drift); err != nil {
			return Changes{}, err
		}
		if drift.Restored {
			back := entry
			back.Kind, back.Key, back.Reason = EntryRestore, "restore/"+entry.Key, "put back by the policy's drift.restore"
			changes.Entries = append(changes.Entries, back)
		} else if open && newest.Digests[drift.Image] == drift.Found {
			if drift.Held {
				return Changes{}, nil // told already; it is put back once nobody holds any more
			}
			return Changes{}, fromRegistry(fmt.Errorf("put tag %s of %s back: %s", drift.Tag, drift.Registry, drift.Trouble))
		}
	}
	if webhook := w.Slack(environment); webhook != "" {
		changes.Announcements = append(changes.Announcements, Announcement{
			Key: "slack/" + entry.Key, Kind: AnnounceSlack, Repository: repository,
			Notice: &Notice{Webhook: webhook, Kind: NoticeDrift, Repository: repository, Drift: drift},
		})
	}
	return changes, nil
}

// restore puts the recorded digest back under the tag, unless somebody holds the environment. The drift says what became of it.
func (w *DriftWatch) restore(ctx context.Context, lease Lease, repository Repository, environment Environment, live Promotion, drift *Drift) error {
	inspection, err := w.Registry.Inspect(ctx, drift.Registry, drift.Expected, []string{drift.Tag})
	if err == nil && inspection.Manifest.Digest != drift.Expected {
		drift.Trouble = "the registry does not have the digest any more"
		return nil
	}
	if err != nil {
		drift.Trouble = err.Error()
		return nil
	}
	held, err := w.mayRestore(ctx, lease, repository, environment, live)
	if err != nil {
		return err
	}
	if held != "" {
		drift.Held, drift.Trouble = true, held
		return nil
	}
	if err := w.Registry.SetTag(ctx, drift.Registry, inspection.Manifest, drift.Tag); err != nil {
		drift.Trouble = err.Error()
		return nil
	}
	named, err := w.Registry.Resolve(ctx, drift.Registry, drift.Tag)
	switch {
	case err != nil:
		drift.Trouble = err.Error()
	case named.Digest != drift.Expected:
		drift.Trouble = "it was set, and names " + orNone(named.Digest)
	default:
		drift.Restored = true
	}
	return nil
}

// mayRestore is asked right before a tag is put back, as mayMove is before one is promoted. It says who holds what.
func (w *DriftWatch) mayRestore(ctx context.Context, lease Lease, repository Repository, environment Environment, live Promotion) (string, error) {
	if err := w.Journal.Commit(ctx, lease, Changes{}); err != nil {
		return "", err
	}
	pull, err := pullOf(ctx, w.Book, repository.ID, live.Commit)
	if err != nil {
		return "", err
	}
	holds, err := holdsNow(ctx, w.Book, repository.ID)
	if err != nil {
		return "", err
	}
	if gate := holdGate(holds, environment, []int{pull}, live.Commit); !gate.Met {
		return gate.Actual, nil
	}
	return "", nil
}

// newestDrift gives the newest entry of a tag's drift.
func newestDrift(entries []Entry, drift Drift) (Entry, bool) {
	for i := len(entries) - 1; i >= 0; i-- {
		if entries[i].Image == drift.Image && entries[i].Tag == drift.Tag {
			return entries[i], true
		}
	}
	return Entry{}, false
}

// driftsOf gives the drifts of an image that nobody has ended, against what is live.
func driftsOf(entries []Entry, image Image, live Promotion) []Drift {
	var drifts []Drift
	seen := map[string]bool{}
	for i := len(entries) - 1; i >= 0; i-- {
		entry := entries[i]
		if entry.Image != image.Name || seen[entry.Tag] {
			continue
		}
		seen[entry.Tag] = true
		if entry.Kind == EntryDrift && entry.Number.After(live.Number) {
			drifts = append(drifts, Drift{
				Environment: entry.Environment, Image: entry.Image, Registry: live.Registry, Tag: entry.Tag, Expected: live.Digest,
				Found: entry.Digests[image.Name], At: entry.At,
			})
		}
	}
	return drifts
}
