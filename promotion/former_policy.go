package promotion

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// PolicyMark says which policy a promotion was judged by.
type PolicyMark struct {
	Hash   string // LoadedPolicy.Hash; "" where it was not kept
	Source string // PolicyFile.Source
	Head   Commit // PolicyFile.Head
}

// KeptPolicy is a policy file that judged a promotion, to be kept under its hash.
type KeptPolicy struct {
	Repository int64
	Hash       string
	File       PolicyFile
}

// Mark gives what a promotion keeps of the policy.
func (l LoadedPolicy) Mark() PolicyMark {
	return PolicyMark{Hash: l.Hash(), Source: l.File.Source, Head: l.File.Head}
}

// ownPolicyFile is where a repository's own policy is.
const ownPolicyFile = ".github/verbatim.yml"

// own reports whether the file is the repository's own one, and not its owner's.
func (f PolicyFile) own(repository Repository) bool {
	return f.Found && strings.HasPrefix(f.Source, repository.FullName()+":")
}

// formerPolicies gives the policies that judge beside the present one, wherever that comes from: the one that judged what the
// environment has, and that of the commit which the environment has, as far as they differ from the present one. Where nothing is
// known to be there yet, it is the one before the candidate's pull request. It costs no call where the ledger and the comparison
// with what the environment has tell that the policy is the same.
func (c *carrying) formerPolicies(ctx context.Context, into target, facts Facts) ([]LoadedPolicy, error) {
	current := facts.Current
	if current == nil || current.Err != nil {
		return nil, nil // it is refused for that already
	}
	var former []LoadedPolicy
	add := func(policy LoadedPolicy) {
		same := func(other LoadedPolicy) bool { return other.Hash() == policy.Hash() }
		if policy.Valid() && !same(facts.Policy) && !slices.ContainsFunc(former, same) {
			former = append(former, policy)
		}
	}
	kept, isKept, err := c.keptPolicy(ctx, facts)
	if err != nil {
		return nil, err
	}
	if isKept {
		add(kept)
	}
	base, touched, err := c.policyBase(ctx, into, facts, isKept)
	if err != nil || !touched || isKept && current.Policy.Head == base && kept.File.own(facts.Repository) {
		return former, err
	}
	policy, err := c.Policies.At(ctx, facts.Repository, base)
	permanent := (*PermanentError)(nil)
	switch {
	case errors.As(err, &permanent) && isKept:
		return former, nil // what is there is no policy, and another one judged what the environment has
	case err != nil:
		return nil, fromGitHub(fmt.Errorf("read the policy at %s, which changed since: %w", base.Short(), err))
	case !isKept || policy.File.own(facts.Repository):
		add(policy) // the owner's file is read as it is now; as it was then it is kept
	}
	return former, nil
}

// keptPolicy gives the policy that judged what the environment has. No call.
func (c *carrying) keptPolicy(ctx context.Context, facts Facts) (LoadedPolicy, bool, error) {
	mark := facts.Current.Policy
	if mark.Hash == "" {
		return LoadedPolicy{}, false, nil
	}
	if mark.Hash == facts.Policy.Hash() {
		kept := facts.Policy
		kept.File.Source, kept.File.Head = mark.Source, mark.Head
		return kept, true, nil
	}
	policy, err := c.Policies.Kept(ctx, facts.Repository, mark)
	return policy, err == nil, err
}

// policyBase gives the commit before the candidate whose policy may judge as well, and whether the policy was, or may have been,
// changed since. What the candidate has of it does not tell of changes after the candidate: then a kept one has to.
func (c *carrying) policyBase(ctx context.Context, into target, facts Facts, isKept bool) (Commit, bool, error) {
	current := facts.Current
	if !current.Commit.IsZero() {
		told := isKept || facts.Policy.File.Head == facts.Commit
		if !current.Ledger.IsZero() {
			return current.Ledger, !told || !current.SinceThen.leaves(ownPolicyFile), nil
		}
		return current.Commit, !told || !current.Comparison.leaves(ownPolicyFile), nil
	}
	pull, found, err := c.broughtBy(ctx, into, facts.Commit)
	if err != nil {
		return Commit{}, false, err
	}
	if found && !pull.BaseCommit.IsZero() {
		return c.beforePull(ctx, facts.Commit, pull)
	}
	return c.beforeCommit(ctx, facts.Commit)
}

// leaves reports whether head has every commit of base, and left the file as it is there.
func (c Comparison) leaves(file string) bool {
	forward := c.Status == "ahead" || c.Status == "identical"
	return forward && c.AllFiles && !slices.Contains(c.Files, file)
}

// broughtBy gives the merged pull request that brought the commit.
func (c *carrying) broughtBy(ctx context.Context, into target, commit Commit) (PullRequest, bool, error) {
	if into.pullRequest.Number != 0 && (into.pullRequest.MergeCommit == commit || into.pullRequest.Head == commit) {
		return into.pullRequest, true, nil
	}
	pulls, err := c.pullsOf(ctx, commit)
	for _, pull := range pulls {
		if pull.Merged || pull.Head == commit {
			return pull, true, err
		}
	}
	return PullRequest{}, false, err
}

// beforePull gives the commit before what the pull request brought: all of its commits, however they were merged. What its base
// was when it was opened tells mostly that nothing changed; else what others merged meanwhile is left out.
func (c *carrying) beforePull(ctx context.Context, commit Commit, pull PullRequest) (Commit, bool, error) {
	comparison, err := c.Commits.Compare(ctx, c.request.Repository, pull.BaseCommit.String(), commit.String())
	if errors.Is(err, ErrNotFound) {
		return c.beforeCommit(ctx, commit)
	}
	if err != nil {
		return Commit{}, false, fromGitHub(fmt.Errorf("compare %s with the base of pull request #%d: %w", commit.Short(), pull.Number, err))
	}
	brought := comparison.Commits
	if comparison.leaves(ownPolicyFile) || pull.Commits < 1 || len(brought) < comparison.Total || comparison.Status != "ahead" {
		return pull.BaseCommit, !comparison.leaves(ownPolicyFile), nil
	}
	if pull.Commits == 1 || slices.ContainsFunc(brought, func(one ShippedCommit) bool { return one.Commit == commit && len(one.Parents) > 1 }) {
		return c.beforeCommit(ctx, commit)
	}
	if len(brought) <= pull.Commits {
		return pull.BaseCommit, true, nil
	}
	return brought[len(brought)-pull.Commits-1].Commit, true, nil
}

// beforeCommit gives the commit's first parent, and whether the commit itself changes the policy. One call.
func (c *carrying) beforeCommit(ctx context.Context, commit Commit) (Commit, bool, error) {
	detail, err := c.detail(ctx, commit)
	if err != nil || len(detail.Parents) == 0 {
		return Commit{}, false, err
	}
	return detail.Parents[0], !detail.AllFiles || slices.Contains(detail.Files, ownPolicyFile), nil
}
