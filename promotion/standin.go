package promotion

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// maximumStandIns is how many verified commits before one that has no digest of its own are compared with it.
const maximumStandIns = 5

// maximumDoubted is of how many of them the runs may turn out not to count: each costs reading them again.
const maximumDoubted = 3

// recordedImage is what is known of an image at the commit that counts for it.
type recordedImage struct {
	records Records
	listed  []Attempt
	source  *SourceFact
	doubts  map[string]Doubt
	unclear error
	beyond  string // what was not looked at
}

// recordsOf gives the records that count for the image: the commit's own, or where it has no digest those of a commit that
// stands for it: the head of its pull request with the same files, or one since which nothing of the image changed.
func (c *carrying) recordsOf(ctx context.Context, into target, image Image) (recordedImage, error) {
	own := c.countedOf(into, image)
	if sighted(own.records) {
		return own, nil
	}
	if into.environment.SameTree {
		stands, found, err := c.sameTree(ctx, into, image)
		if found || err != nil {
			return stands, err
		}
		own.beyond = stands.doubted()
	}
	if len(image.Paths) > 0 {
		stands, found, err := c.unchangedSince(ctx, into, image)
		if found || err != nil {
			return stands, err
		}
		own.beyond = strings.TrimSpace(own.beyond + " " + stands.beyond)
	}
	return own, nil
}

// doubted says why runs of the commit that was to stand for another do not count; "" where there are none.
func (r recordedImage) doubted() string {
	for _, name := range slices.Sorted(maps.Keys(r.doubts)) {
		if why := r.doubts[name].Why; why != "" && r.source != nil {
			return fmt.Sprintf("%s does not stand for it: %s", r.source.Commit.Short(), why)
		}
	}
	return ""
}

// sameTree takes what was verified for a pull request's head, when its files are those of the merged commit.
func (c *carrying) sameTree(ctx context.Context, into target, image Image) (recordedImage, bool, error) {
	pull, found, err := c.producing(ctx, into)
	if err != nil || !found || !pull.Merged || pull.HeadRepository != c.request.Repository.ID {
		return recordedImage{}, false, err
	}
	merged, err := c.detail(ctx, into.commit)
	if err != nil {
		return recordedImage{}, false, err
	}
	head, err := c.detail(ctx, pull.Head)
	if err != nil {
		return recordedImage{}, false, err
	}
	if merged.Tree == "" || merged.Tree != head.Tree {
		return recordedImage{}, false, nil
	}
	stands, err := c.standIn(ctx, target{commit: pull.Head, pullRequest: pull, sameTree: true}, image, fmt.Sprintf("%s was built and verified for %s, the head of pull request #%d: the files of both commits are the same", image.Name, pull.Head.Short(), pull.Number))
	if stands.source != nil {
		stands.source.SameTree = true
	}
	return stands, err == nil && sighted(stands.records), err
}

// unchangedSince takes what was verified for the newest commit on the branch since which none of the image's paths changed, and whose
// runs count. Where it finds none, it says what it did not look at.
func (c *carrying) unchangedSince(ctx context.Context, into target, image Image) (recordedImage, bool, error) {
	commits, err := c.Records.VerifiedCommits(ctx, c.request.Repository.ID, image.Name, 4*maximumStandIns)
	if err != nil {
		return recordedImage{}, false, err
	}
	var beyond []string
	var doubted *recordedImage // the newest whose runs do not count: it says why, where no older one counts
	compared, doubts := 0, 0
	if len(commits) == 4*maximumStandIns {
		beyond = []string{fmt.Sprintf("older ones than the newest %d", len(commits))}
	}
	for _, commit := range commits {
		if commit == into.commit || !c.verifiedBefore(ctx, into, commit, image) {
			continue
		}
		if compared == maximumStandIns {
			beyond = append(beyond, fmt.Sprintf("older ones than the newest %d before it", compared))
			break
		}
		comparison, err := c.Commits.Compare(ctx, c.request.Repository, commit.String(), into.commit.String())
		if err != nil {
			return recordedImage{}, false, fromGitHub(fmt.Errorf("compare %s with %s, which was verified: %w", into.commit.Short(), commit.Short(), err))
		}
		if comparison.Status != "ahead" {
			continue // it is no commit before this one
		}
		compared++
		if !comparison.AllFiles {
			beyond = append(beyond, commit.Short()+", since which too many files changed for GitHub to list")
			continue
		}
		touched, err := image.touched(ctx, comparison.Files)
		if err != nil {
			return recordedImage{}, false, err
		}
		if touched {
			continue
		}
		c.places().follows(commit, into.commit)
		stands, err := c.standIn(ctx, target{commit: commit}, image, fmt.Sprintf("%s is unchanged since %s (nothing in %s): its digest counts", image.Name, commit.Short(), image.pathTexts()))
		if err != nil || !c.discounted(into, stands) {
			return stands, err == nil, err
		}
		if doubted == nil {
			doubted = &stands
		}
		if doubts++; doubts == maximumDoubted {
			break
		}
	}
	if doubted != nil {
		return *doubted, true, nil
	}
	if len(beyond) == 0 {
		return recordedImage{}, false, nil
	}
	return recordedImage{beyond: fmt.Sprintf("whether %s is unchanged since a commit that was verified could not be told of all: not looked at were %s. "+
		"If it is, promote that commit, or build it for this one", image.Name, strings.Join(beyond, "; "))}, false, nil
}

// verifiedBefore reports whether every required stage passed for the image at the commit, as far as the ledger knows.
func (c *carrying) verifiedBefore(ctx context.Context, into target, commit Commit, image Image) bool {
	records, err := c.Records.Records(ctx, c.request.Repository.ID, commit)
	if err != nil {
		return false
	}
	candidate := Candidate(c.policy.Policy, records[image.Name])
	return !candidate.Digest.IsZero() && candidate.Moved.IsZero() && len(c.unpassed(into, records[image.Name])) == 0
}

// unpassed returns the required stages that did not pass by the records.
func (c *carrying) unpassed(into target, records Records) []Stage {
	policy := c.policy.Policy
	candidate := Candidate(policy, records)
	return slices.DeleteFunc(policy.closure(into.environment.Requires), func(stage Stage) bool {
		gates, _ := stageGates(policy, stage, records, nil, candidate.Digest)
		return gates[0].Met
	})
}

// discounted reports whether runs that passed do not count for where they are from, so that stages lack them. What could not be told
// or failed since is no reason to look further.
func (c *carrying) discounted(into target, stands recordedImage) bool {
	return stands.unclear == nil && slices.ContainsFunc(c.unpassed(into, stands.records), func(stage Stage) bool {
		doubt := stands.doubts[stage.Name]
		return doubt.Err == nil && doubt.Why != ""
	})
}

// countedOf returns what is known of an image at the target's commit, without the runs that do not count.
func (c *carrying) countedOf(into target, image Image) recordedImage {
	counted := into.origins.count(c.policy.Policy, into.records[image.Name], into.listed)
	return recordedImage{records: counted.records, listed: counted.listed, doubts: counted.doubts, unclear: into.unclear}
}

// standIn reads the runs of the commit that stands for another again, like the commit's own.
func (c *carrying) standIn(ctx context.Context, other target, image Image, why string) (recordedImage, error) {
	known, found := c.standIns[other.commit]
	if !found {
		if err := c.runs(ctx, &other); err != nil {
			return recordedImage{}, err
		}
		if c.standIns == nil {
			c.standIns = map[Commit]target{}
		}
		c.standIns[other.commit] = other
		known = other
	}
	stands := c.countedOf(known, image)
	stands.source = &SourceFact{Commit: other.commit, Why: why}
	return stands, nil
}
