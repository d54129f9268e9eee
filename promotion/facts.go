package promotion

import "time"

// Facts are all that a decision about one image rests on. A nil fact was not asked for, and its gate is not shown.
type Facts struct {
	Now         time.Time
	Repository  Repository
	Policy      LoadedPolicy
	PolicyHash  string // of the policy that governs, also where Policy is the one before it
	Environment Environment
	Image       Image
	Together    []Image // what is promoted together with it, itself included
	Commit      Commit
	PullRequest int     // in which it was asked for; 0 for none
	Records     Records // of the commit, or of the one that stands for it
	Listed      []Attempt
	Unread      error            // some run of the commit could not be read or judged
	Doubts      map[string]Doubt // by stage: why runs of it were left out of the records
	Person      *PersonFact
	Head        *HeadFact
	Branch      *BranchFact
	Scope       *ScopeFact
	Source      *SourceFact
	Inspection  *InspectionFact
	Current     *CurrentFact
	Soak        *SoakFact
	Approvals   *ApprovalsFact
	Reviewed    *ReviewedFact
	Provenance  *ProvenanceFact
	Holds       []Hold
	HeldPulls   *HeldPullsFact
	Overrides   []Entry
	Overriders  *OverridersFact
	TagRules    TagRules
	Former      []FormerFact
	ForCheck    bool // for a check run: what only the clock decides is a note
}

// SourceFact says that the digest of another commit counts for this one.
type SourceFact struct {
	Commit   Commit
	Why      string // for people: "api is unchanged since …"
	SameTree bool   // it is the head of the pull request, with the same files
}

// FormerFact is a policy under which the environment got what it has and that was changed since, and the facts under it. Nil
// Facts: it did not have the environment or the image.
type FormerFact struct {
	Facts *Facts
	Apart Group // what it promotes together with the image, and is not promoted with it now
	Err   error
}

// recorded gives the commit whose records and tag count.
func (f Facts) recorded() Commit {
	if f.Source != nil {
		return f.Source.Commit
	}
	return f.Commit
}

// PersonFact says whether the requester may promote. Err means that it could not be told.
type PersonFact struct {
	Person  Person
	Role    string
	Allowed bool
	Err     error
}

// BranchFact says whether the commit is on the branch that the environment promotes from.
type BranchFact struct {
	Branch  string
	On      bool
	Unasked int    // so many more branches fit, and were not asked
	Base    string // of an open pull request, whose head is on no such branch yet; "" for a commit of the branch
	Err     error
}

// ScopeFact says whether the repository may use the image's registry repository and tags.
type ScopeFact struct {
	Registry RegistryRepository
	Allowed  bool
	Detail   string // why not
	Next     string // what to do about it; "": the server's rules have to let it
	Missing  bool   // no rule of the server lets it: that may be mended, in the settings or in the policy
	Err      error
}

// InspectionFact is what the registry has now.
type InspectionFact struct {
	Inspection Inspection
	Err        error
}

// CurrentFact says how the commit stands to what the environment has.
type CurrentFact struct {
	Commit     Commit     // zero: unknown, or nothing is there yet
	Digest     Digest     // what the first tag names; zero: nothing
	Named      Digest     // what the first tag names, when that is not what the ledger has as live
	Policy     PolicyMark // which policy judged what the ledger has as live
	Comparison Comparison
	Lost       []ShippedCommit // those that the environment has and the commit lacks
	Ledger     Commit          // what the ledger has as live, where the first tag names another commit's digest; zero: no other
	SinceThen  Comparison      // of the commit with Ledger
	Newer      Commit          // what the environment's build is of, where what stands for the commit is an older one; zero: it is not
	Err        error
}
