package promotion

import (
	"context"
	"time"
)

//go:generate go tool -modfile=../.tools/go.mod mockgen -source=ports.go -destination=../internal/promotionmock/ports.go -package=promotionmock

// Journal commits what a step of work decided, in one transaction.
type Journal interface {
	// Commit writes the changes if the lease still holds, and ErrLeaseLost (writing nothing) if it does not. New
	// requests and promotions get their IDs. With changes.Complete the row of work is done.
	Commit(ctx context.Context, lease Lease, changes Changes) error
}

// RecordReader reads the records of a commit.
type RecordReader interface {
	// Records gives all records of the commit, by image name, oldest first.
	Records(ctx context.Context, repository int64, commit Commit) (map[string]Records, error)
	// Origin gives the commit for which the digest was first recorded for the image. ErrNotFound when it never was.
	Origin(ctx context.Context, repository int64, image string, digest Digest) (Commit, error)
	// CommitsOf gives the commits for which the digest was recorded for the image, those of the newest records first, and at most twenty.
	CommitsOf(ctx context.Context, repository int64, image string, digest Digest) ([]Commit, error)
	// VerifiedCommits gives the commits for which a stage of the image passed, the newest record first, and at most limit.
	VerifiedCommits(ctx context.Context, repository int64, image string, limit int) ([]Commit, error)
}

// StageReader reads what went through a stage, whatever its commit.
type StageReader interface {
	// Intrusions gives the newest runs of the stage in which the image had another digest than this one.
	Intrusions(ctx context.Context, repository int64, image, stage string, digest Digest) ([]Intrusion, error)
	// Deployments gives the newest records of the digest in the stage, whatever their commits, the newest first, and at most limit.
	Deployments(ctx context.Context, repository int64, image, stage string, digest Digest, limit int) ([]Verification, error)
}

// History reads what was promoted.
type History interface {
	// Live gives the newest hundred succeeded promotions, rollbacks and baselines of an image in an environment, in the order
	// in which they finished.
	Live(ctx context.Context, repository int64, environment, image string) ([]Promotion, error)
	// EverLive gives all of them, for going back to any.
	EverLive(ctx context.Context, repository int64, environment, image string) ([]Promotion, error)
	// LiveAnywhere gives the newest of them of each environment and image of the repository, by the names of both.
	LiveAnywhere(ctx context.Context, repository int64) ([]Promotion, error)
	// PromotionsOf gives the promotions of a request, in the order in which they were added.
	PromotionsOf(ctx context.Context, request int64) ([]Promotion, error)
	// Sequence gives a number that rises with each promotion and rollback that succeeds in the environment; 0 before the first.
	Sequence(ctx context.Context, repository int64, environment string) (int64, error)
}

// RequestReader reads requests.
type RequestReader interface {
	// Request gives one request by its ID, or ErrNotFound.
	Request(ctx context.Context, id int64) (Request, error)
	// RequestByKey gives one request by its meaning, or ErrNotFound.
	RequestByKey(ctx context.Context, key string) (Request, error)
	// RequestsOfComment gives a comment's requests, in the order of their lines.
	RequestsOfComment(ctx context.Context, repository int64, source RequestSource, comment int64) ([]Request, error)
	// WaitingRequests gives the repository's requests that wait for a gate to fall.
	WaitingRequests(ctx context.Context, repository int64) ([]Request, error)
}

// AnnouncementReader reads announcements.
type AnnouncementReader interface {
	// Announcement gives one announcement by its key, or ErrNotFound.
	Announcement(ctx context.Context, key string) (Announcement, error)
}

// LaneClaim asks for lanes on behalf of an environment's image.
type LaneClaim struct {
	Repository  int64
	Environment string
	Image       string
	Lanes       []Lane
}

// LaneAnswer says whether lanes were taken. When they were not, exactly one of Busy and Owner is set.
type LaneAnswer struct {
	Taken bool
	Busy  bool
	Owner string // "environment staging of repository 42": whose lane it is, until it is given back
	Owned Lane   // that lane
}

// LaneKeeper hands out lanes and remembers which GitHub repository a registry repository belongs to.
type LaneKeeper interface {
	// TakeLanes takes all lanes of the claim, or none. A lane held under an expired lease is free; one already held under
	// this lease stays held. The first claim of a lane makes it the environment's for good.
	TakeLanes(ctx context.Context, lease Lease, claim LaneClaim) (LaneAnswer, error)
	// ClaimRegistry makes the registry repository the GitHub repository's unless it has an owner, and gives the owner.
	ClaimRegistry(ctx context.Context, registry RegistryRepository, repository int64) (owner int64, err error)
}

// KnownPolicy is a policy file as it was last seen.
type KnownPolicy struct {
	File       PolicyFile
	Repository Repository // as it was called then
	Checked    time.Time  // when the file was last known to be that of the default branch's head
}

// PolicyCache keeps the policy file by repository.
type PolicyCache interface {
	// CachedPolicy gives the file, under which name of the repository it was found, and when. ErrNotFound when there is none.
	CachedPolicy(ctx context.Context, repository int64) (KnownPolicy, error)
	// CachePolicy replaces what is kept, unless that was checked later. A zero checked time makes the next reader look anew; so it
	// stays when that happened since the time known was read.
	CachePolicy(ctx context.Context, repository Repository, file PolicyFile, checked, known time.Time) error
	// ForgetPolicies makes the next readers of every repository of the owner look anew.
	ForgetPolicies(ctx context.Context, owner string) error
}

// PolicyArchive keeps the policies by which promotions were judged.
type PolicyArchive interface {
	// KeptPolicy gives the content under a hash, or ErrNotFound.
	KeptPolicy(ctx context.Context, repository int64, hash string) ([]byte, error)
}

// PolicyFiles reads policy files from GitHub.
type PolicyFiles interface {
	// Head gives the head commit of the repository's default branch.
	Head(ctx context.Context, repository Repository) (Commit, error)
	// PolicyFile gives the policy file at a commit of the repository; when that answers 404, the one of the owner's
	// .github repository. Found is false when neither is there.
	PolicyFile(ctx context.Context, repository Repository, head Commit) (PolicyFile, error)
}

// RunKind is a kind of run that a stage asks for.
type RunKind struct {
	Workflow string // its exact path
	Event    string
}

// Runs reads workflow runs from GitHub.
type Runs interface {
	// Run gives one run at its newest attempt, or ErrNotFound.
	Run(ctx context.Context, repository Repository, id int64) (Run, error)
	// RunsOf returns every run whose head is the commit and that is one of the kinds, each at its newest attempt. There may be
	// others among them. However many runs of other kinds there are, none of these is missing.
	RunsOf(ctx context.Context, repository Repository, commit Commit, kinds []RunKind) ([]Run, error)
	// Jobs gives the run's jobs in all of its attempts.
	Jobs(ctx context.Context, repository Repository, run int64) ([]Job, error)
}

// AttemptReader reads the earlier attempts of workflow runs.
type AttemptReader interface {
	// AttemptStart returns when the attempt of the run began, or ErrNotFound.
	AttemptStart(ctx context.Context, repository Repository, run int64, attempt int) (time.Time, error)
}

// Role is what a person may do in a repository.
type Role struct {
	Person     Person
	Permission string // none, read, triage, write, maintain, admin; a custom role counts as the one it is based on
}

// PeopleReader asks GitHub about people, at that moment.
type PeopleReader interface {
	// Role gives the person's role in the repository.
	Role(ctx context.Context, repository Repository, person Person) (Role, error)
	// TeamMember reports whether the person is an active member of the owner's team, by its slug; nested teams count.
	TeamMember(ctx context.Context, repository Repository, team string, person Person) (bool, error)
}

// PullRequest is what GitHub says of one.
type PullRequest struct {
	Number         int
	State          string // open, closed
	Merged         bool
	MergeCommit    Commit // only meaningful when merged
	Head           Commit
	HeadRepository int64
	HeadBranch     string // in that repository
	Base           string
	Closed         time.Time // zero: it is open
	BaseCommit     Commit    // the base's head when the pull request last changed; zero where GitHub does not say
	Commits        int       // how many it has; 0 where GitHub does not say
	Title          string
	Author         Person
	URL            string
}

// Comparison is GitHub's answer to compare/base...head.
type Comparison struct {
	Status   string // ahead, behind, diverged, identical: head, as seen from base
	AheadBy  int
	BehindBy int
	Total    int
	Commits  []ShippedCommit // those that head has and base has not; may be cut short
	Files    []string        // what differs between their merge base and head, a renamed one under both names; may be cut short. See ChangedEntries.
	AllFiles bool            // Files is not cut short
	Contents FileContents    // of the same files
	URL      string
}

// ChangedEntries gives the names under which a changed path is listed: a submodule or a link stands for whatever is below it, and
// is listed with a slash at its end as well.
func ChangedEntries(path string, holds bool) []string {
	if holds {
		return []string{path, path + "/"}
	}
	return []string{path}
}

// Commits reads commits and pull requests from GitHub.
type Commits interface {
	// PullRequest gives one pull request, or ErrNotFound.
	PullRequest(ctx context.Context, repository Repository, number int) (PullRequest, error)
	// ResolveCommit gives the one commit whose name begins with the hex digits, or ErrNotFound.
	ResolveCommit(ctx context.Context, repository Repository, prefix string) (Commit, error)
	// Compare gives how head stands to base; both are commits or branches.
	Compare(ctx context.Context, repository Repository, base, head string) (Comparison, error)
	// MergedPullRequests gives the pull requests most recently merged into the branch, with their merge commits.
	MergedPullRequests(ctx context.Context, repository Repository, branch string) ([]ShippedPullRequest, error)
}

// FirstDelivery is what GitHub tells of when it first tried to deliver something.
type FirstDelivery struct {
	Listed bool      // GitHub lists an attempt of it
	At     time.Time // of the first attempt; zero: it was longer ago than was looked, or is not listed
}

// DeliveryReader reads from GitHub when it delivered.
type DeliveryReader interface {
	// FirstDelivered returns when GitHub first tried to deliver what has this GUID, looking back until then.
	FirstDelivered(ctx context.Context, guid string, since time.Time) (FirstDelivery, error)
}

// CommentReader reads comments from GitHub.
type CommentReader interface {
	// Edited reports whether the comment was ever edited, also within the second in which it was made, which its times do not tell.
	Edited(ctx context.Context, repository Repository, comment int64) (bool, error)
}

// BranchReader reads branches from GitHub.
type BranchReader interface {
	// BranchHead gives the head of a branch, or ErrNotFound. A tag of the same name never answers.
	BranchHead(ctx context.Context, repository Repository, branch string) (Commit, error)
	// LastPush returns when the repository was last pushed to, whatever branch; zero where GitHub does not say.
	LastPush(ctx context.Context, repository Repository) (time.Time, error)
	// Branches returns all branches whose names begin with the prefix, by name.
	Branches(ctx context.Context, repository Repository, prefix string) ([]Branch, error)
	// Contains reports whether the commit is the head or an ancestor of it. ErrNotFound when they have nothing in common.
	Contains(ctx context.Context, repository Repository, head, commit Commit) (bool, error)
}

// Branch is a branch and the commit that it names.
type Branch struct {
	Name string
	Head Commit
}

// CommitDetail is what GitHub says of one commit.
type CommitDetail struct {
	Commit   Commit
	Tree     string // the name of its git tree: equal trees are equal files
	Parents  []Commit
	Files    []string // the paths that it changes against its first parent, a renamed one under both names; may be cut short
	AllFiles bool     // Files is not cut short
	Contents FileContents
}

// FileContents are the names by which git knows what is in changed files now, by path; "" for one that is gone. Nil: it was not
// told of every file.
type FileContents map[string]string

// Review is one review of a pull request.
type Review struct {
	Person    Person
	State     string // APPROVED, CHANGES_REQUESTED, COMMENTED, DISMISSED, PENDING
	Commit    Commit // the head that was reviewed; zero when GitHub does not know it any more
	Submitted time.Time
	URL       string
}

// ReviewReader reads what people said of a commit before it was merged.
type ReviewReader interface {
	// Reviews gives the pull request's reviews, oldest first.
	Reviews(ctx context.Context, repository Repository, pull int) ([]Review, error)
	// PullRequestsOf gives the pull requests that brought the commit, or of which it is a commit.
	PullRequestsOf(ctx context.Context, repository Repository, commit Commit) ([]PullRequest, error)
	// PullRequestsFrom returns every pull request, open or not, whose head is the branch of this very repository.
	PullRequestsFrom(ctx context.Context, repository Repository, branch string) ([]PullRequest, error)
	// Detail gives one commit, or ErrNotFound.
	Detail(ctx context.Context, repository Repository, commit Commit) (CommitDetail, error)
	// PullRequestCommits returns the commits of a pull request, oldest first, and whether they are all of them.
	PullRequestCommits(ctx context.Context, repository Repository, pull int) (commits []ShippedCommit, whole bool, err error)
}

// AuthorReader reads who wrote commits.
type AuthorReader interface {
	// Authors returns, for each of the commits, the accounts that GitHub has for its author and its co-authors.
	Authors(ctx context.Context, repository Repository, commits []Commit) (map[Commit][]Person, error)
}

// TreeEntry is one entry of a folder in a commit.
type TreeEntry struct {
	Name   string
	Folder bool
	Hash   string // git's: equal hashes are equal files, or equal folders with all below
}

// TreeReader reads files and folders of a commit.
type TreeReader interface {
	// Folder gives the entries of a folder ("" is the root), or ErrNotFound.
	Folder(ctx context.Context, repository Repository, commit Commit, path string) ([]TreeEntry, error)
	// Uses gives what a workflow's or an action's file says that it uses; ErrNotFound where there is no such file, ErrUnreadable
	// where it cannot be told.
	Uses(ctx context.Context, repository Repository, commit Commit, path string) ([]string, error)
}

// ArtifactReader reads the artifacts of workflow runs from GitHub.
type ArtifactReader interface {
	// Artifacts gives every artifact of the run, of all its attempts.
	Artifacts(ctx context.Context, repository Repository, run int64) ([]Artifact, error)
	// Download returns the artifact as it is kept. An *EvidenceError when it is larger than most bytes (told from the answer's
	// length, without reading it), ErrNotFound when it is gone or has expired.
	Download(ctx context.Context, repository Repository, artifact Artifact, most int64) (ArtifactContent, error)
}

// EvidenceReader reads an artifact. Each returns an *EvidenceError when the artifact or what is in it is not what it
// should be.
type EvidenceReader interface {
	// Tests sums up the JUnit files in the artifact.
	Tests(artifact ArtifactContent) (TestResults, error)
	// Coverage reads the coverage report in the artifact, in whichever of the known formats it is.
	Coverage(artifact ArtifactContent) (CoverageResult, error)
	// Digests reads the digests that the artifact's one text names.
	Digests(artifact ArtifactContent) ([]ReportedDigest, error)
}

// AttestationReader reads attestations from GitHub.
type AttestationReader interface {
	// Attestations returns a page of the sigstore bundles (JSON) that GitHub keeps for the digest, none when there are none; and
	// where the next page begins: "" after the last. The first page begins at "".
	Attestations(ctx context.Context, repository Repository, digest Digest, cursor string) (bundles [][]byte, next string, err error)
}

// ProvenanceVerifier verifies attestations.
type ProvenanceVerifier interface {
	// Verify succeeds when one of the bundles proves the claim. It returns a *ProvenanceError when none does, and another
	// error when it could not be told.
	Verify(ctx context.Context, bundles [][]byte, claim ProvenanceClaim) error
}

// ImageLabels are the labels of one platform's image.
type ImageLabels struct {
	Platform string // linux/amd64; "" for a manifest outside of an index
	Digest   Digest
	Labels   map[string]string
}

// TagRules says which tags of a registry repository can be moved, where the registry has such rules.
type TagRules struct {
	Known     bool // the registry told
	Immutable bool
	Except    []string // patterns of tags for which the opposite holds
}

// Movable reports whether the tag can be moved, as far as the rules say.
func (r TagRules) Movable(tag string) bool {
	for _, pattern := range r.Except {
		if Matches(pattern, tag) {
			return r.Immutable
		}
	}
	return !r.Immutable
}

// ImageReader reads what registries know beside tags.
type ImageReader interface {
	// Labels gives the labels of a manifest, or of every platform's image of an index.
	Labels(ctx context.Context, repository RegistryRepository, manifest Manifest) ([]ImageLabels, error)
	// TagRules gives the repository's rules on moving tags; Known is false where the registry cannot tell.
	TagRules(ctx context.Context, repository RegistryRepository) (TagRules, error)
}

// Manifest is a manifest or index: its exact bytes, whose hash is its digest.
type Manifest struct {
	Digest    Digest
	MediaType string
	Bytes     []byte
}

// Inspection is what a registry has of a digest and some tags.
type Inspection struct {
	Manifest Manifest                  // zero when the digest is not there, or none was asked for
	Tags     map[string]TaggedManifest // the tags that exist
}

// Registry reads and sets tags in a container registry.
type Registry interface {
	// Resolve gives what the tag names, or ErrNotFound.
	Resolve(ctx context.Context, repository RegistryRepository, tag string) (TaggedManifest, error)
	// Inspect gives the manifest of the digest (its bytes hashed and found to be that digest) and what the tags name, in
	// as few calls as the registry allows. A zero digest asks for the tags only.
	Inspect(ctx context.Context, repository RegistryRepository, digest Digest, tags []string) (Inspection, error)
	// SetTag puts exactly the manifest's bytes under the tag. Setting what is already there succeeds. ErrTagImmutable
	// when the registry does not let the tag move.
	SetTag(ctx context.Context, repository RegistryRepository, manifest Manifest, tag string) error
}
