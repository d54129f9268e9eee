package promotion

import (
	"context"
	"fmt"
	"slices"
)

// contribution is somebody's part in what would ship, and why their agreement to it does not count.
type contribution struct {
	Person  Person
	Because string
}

const wrote = "is an author of what would ship"

// partOf returns why the person's agreement does not count; "" when they have no part in it. Writing is more than pushing.
func partOf(contributions []contribution, person Person) string {
	part := ""
	for _, contribution := range contributions {
		if contribution.Person.is(person) && (part == "" || contribution.Because == wrote) {
			part = contribution.Because
		}
	}
	return part
}

// byAuthors makes contributions of authors.
func byAuthors(people ...Person) []contribution {
	var written []contribution
	for _, person := range people {
		if person != (Person{}) {
			written = append(written, contribution{person, wrote})
		}
	}
	return written
}

// maximumPushed is how many commits GitHub tells of in one push.
// (https://docs.github.com/webhooks/webhook-events-and-payloads#push)
const maximumPushed = 2048

// pushEntries returns an entry for each commit that the push brought. Nobody knows who is behind a bot.
func (e PushEvent) pushEntries() []Entry {
	if e.Pusher.ID <= 0 || e.Pusher.Bot {
		return nil
	}
	var entries []Entry
	for _, commit := range e.Commits[:min(len(e.Commits), maximumPushed)] {
		entries = append(entries, Entry{
			Key: fmt.Sprintf("push/%d/%s/%s/%d", e.Repository.ID, commit, e.Branch, e.Pusher.ID), Kind: EntryPush, Repository: e.Repository.ID,
			Commit: commit, Base: e.Branch, Person: e.Pusher, At: e.Received, Recorded: e.Received,
		})
	}
	return entries
}

// pushesOf reads who pushed the commit first, once.
func (c *carrying) pushesOf(ctx context.Context, commit Commit) ([]Entry, error) {
	if known, found := c.pushes[commit]; found {
		return known, nil
	}
	entries, err := c.Book.Entries(ctx, c.request.Repository.ID, EntryFilter{Kinds: []EntryKind{EntryPush}, Commit: commit})
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(entries, func(entry Entry) bool { return entry.Unreadable }) {
		return nil, &PermanentError{Err: fmt.Errorf("the ledger cannot read who pushed %s", commit.Short())}
	}
	if c.pushes == nil {
		c.pushes = map[Commit][]Entry{}
	}
	c.pushes[commit] = entries
	return entries, nil
}

// pushersOf returns who of the people pushed one of the commits, whoever git says has written it: not who pressed a button with
// which GitHub made it. Of a commit that GitHub signed for a person git's author is who pressed, and counts as that.
func (c *carrying) pushersOf(ctx context.Context, commits []ShippedCommit, people []Person, shipped []ShippedCommit) ([]contribution, error) {
	var pushers []contribution
	for _, commit := range commits {
		if commit.byTheirButton() {
			continue
		}
		pushes, err := c.pushesOf(ctx, commit.Commit)
		if err != nil {
			return nil, err
		}
		for _, push := range pushes {
			if !slices.ContainsFunc(people, push.Person.is) {
				continue
			}
			pressed, err := c.byButton(ctx, push, commit, shipped)
			if err != nil {
				return nil, err
			}
			if !pressed {
				pushers = append(pushers, contribution{push.Person, fmt.Sprintf("pushed %s to %s, which would ship", commit.Commit.Short(), push.Base)})
			}
		}
	}
	return pushers, nil
}

// byButton reports whether the push is GitHub's own, made by merging a pull request into the branch: by rebasing or squashing, or
// by a clean merge, which brings a fork's commits as well.
func (c *carrying) byButton(ctx context.Context, push Entry, commit ShippedCommit, shipped []ShippedCommit) (bool, error) {
	pulls, err := c.pullsOf(ctx, commit.Commit)
	if err != nil {
		return false, err
	}
	for _, pull := range pulls {
		if !pull.Merged || pull.Base != push.Base {
			continue
		}
		contents, err := c.commitsOf(ctx, pull.Number)
		if err != nil {
			return false, err
		}
		merged, err := c.byMergeButtonAmong(ctx, shipped, pull)
		if err != nil {
			return false, err
		}
		if merged && contents.has(commit.Commit) || !contents.has(commit.Commit) && commit.replays(pull, contents, shipped) {
			return true, nil
		}
	}
	return false, nil
}

// headPushersOf returns who of the people gave the pull request a head, as far as no push tells of that commit: a fork's pushes
// tell nobody, and one may have been missed. A head of a fork that is gone may have left commits.
func (c *carrying) headPushersOf(ctx context.Context, pull PullRequest, contents pullContents, people []Person) ([]contribution, error) {
	heads, err := c.Book.Entries(ctx, c.request.Repository.ID, EntryFilter{Kinds: []EntryKind{EntryHead}, PullRequest: pull.Number})
	if err != nil {
		return nil, err
	}
	var pushers []contribution
	for _, head := range heads {
		if head.Person.ID == 0 || head.Person.Bot || !slices.ContainsFunc(people, head.Person.is) {
			continue
		}
		pushes, err := c.pushesOf(ctx, head.Commit)
		if err != nil {
			return nil, err
		}
		at := slices.IndexFunc(contents.commits, func(of ShippedCommit) bool { return of.Commit == head.Commit })
		gone := at < 0 && pull.HeadRepository == c.request.Repository.ID
		if len(pushes) > 0 || gone || at >= 0 && contents.commits[at].byTheirButton() {
			continue
		}
		pushers = append(pushers, contribution{head.Person, fmt.Sprintf("pushed %s to pull request #%d, which would ship", head.Commit.Short(), pull.Number)})
	}
	return pushers, nil
}
