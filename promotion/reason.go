package promotion

import "time"

// Reason is a stable code that says which gate refused. The codes are part of the contract with users.
type Reason string

// The reason codes.
const (
	PolicyMissing      Reason = "policy_missing"
	PolicyInvalid      Reason = "policy_invalid"
	NotEnforced        Reason = "not_enforced"
	ObserveOnly        Reason = "observe_only"
	UnknownCommand     Reason = "unknown_command"
	UnknownEnvironment Reason = "unknown_environment"
	UnknownImage       Reason = "unknown_image"
	UnknownCommit      Reason = "unknown_commit"
	NotAuthorised      Reason = "not_authorised"
	NotMerged          Reason = "not_merged"
	NotOnBranch        Reason = "not_on_branch"
	NotReviewed        Reason = "not_reviewed"
	HeadMoved          Reason = "head_moved"
	StageMissing       Reason = "stage_missing"
	StageFailed        Reason = "stage_failed"
	StageRunning       Reason = "stage_running"
	WorkflowChanged    Reason = "workflow_changed"
	ImageMissing       Reason = "image_missing"
	DigestMoved        Reason = "digest_moved"
	DigestMismatch     Reason = "digest_mismatch"
	EvidenceMissing    Reason = "evidence_missing"
	TestsFailed        Reason = "tests_failed"
	CoverageLow        Reason = "coverage_low"
	Soaking            Reason = "soaking"
	TooOld             Reason = "too_old"
	OutsideWindow      Reason = "outside_window"
	Held               Reason = "held"
	ApprovalsMissing   Reason = "approvals_missing"
	ProvenanceMissing  Reason = "provenance_missing"
	ProvenanceInvalid  Reason = "provenance_invalid"
	OutOfScope         Reason = "registry_scope"
	TagImmutable       Reason = "tag_immutable"
	OlderThanCurrent   Reason = "older_than_production"
	InProgress         Reason = "in_progress"
	AlreadyPromoted    Reason = "already_promoted"
	RegistryError      Reason = "registry_error"
	GitHubError        Reason = "github_error"
	InternalError      Reason = "internal_error"
)

// Unclear reports whether the code says that we could not tell, rather than that the answer was no.
func (r Reason) Unclear() bool {
	return r == RegistryError || r == GitHubError || r == InternalError
}

// Gate is one condition of a promotion: what was asked, what was found, and what to do about it.
type Gate struct {
	Name     string // for people: "stage test", "promoter", "source tag"
	Reason   Reason // the code with which it refuses
	Met      bool
	Expected string
	Actual   string
	Next     string    // what to do when it is unmet
	URL      string    // the evidence, when there is a page for it
	Until    time.Time // when it is met by the mere passing of time; zero when it is not
	Waived   string    // who waived it, and why; "" when nobody did
	Pauses   bool      // a fault of the settings: it is no verdict, and what was asked goes on once it is mended
}

// waits reports whether a gate with this code may still fall by itself or by people who are asked: what --when-verified
// waits for.
func (r Reason) waits() bool {
	switch r {
	case StageMissing, StageRunning, ImageMissing, EvidenceMissing, Soaking, OutsideWindow, ApprovalsMissing, NotReviewed:
		return true
	default:
		return false
	}
}

// Waivable gives the codes that an override may name: never those of identity, scope, digest or policy, and none that
// people cannot vouch for.
func Waivable() []Reason {
	return []Reason{
		Soaking, TooOld, OutsideWindow, Held, ApprovalsMissing, NotReviewed, StageMissing, StageFailed, StageRunning, EvidenceMissing,
		TestsFailed, CoverageLow, ProvenanceMissing, OlderThanCurrent,
	}
}

// RuleReasons gives the code with which each rule of a policy refuses, for rules that people may name in its place.
func RuleReasons() map[string]Reason {
	return map[string]Reason{
		"soak": Soaking, "max_age": TooOld, "window": OutsideWindow, "windows": OutsideWindow, "hold": Held, "approvals": ApprovalsMissing, "reviewed": NotReviewed,
	}
}

// Reasons gives every reason code, in the order of the contract.
func Reasons() []Reason {
	return []Reason{
		PolicyMissing, PolicyInvalid, NotEnforced, ObserveOnly, UnknownCommand, UnknownEnvironment, UnknownImage, UnknownCommit, NotAuthorised,
		NotMerged, NotOnBranch, NotReviewed, HeadMoved, StageMissing, StageFailed, StageRunning, WorkflowChanged, ImageMissing, DigestMoved,
		DigestMismatch, EvidenceMissing, TestsFailed, CoverageLow, Soaking, TooOld, OutsideWindow, Held, ApprovalsMissing, ProvenanceMissing,
		ProvenanceInvalid, OutOfScope, TagImmutable, OlderThanCurrent, InProgress, AlreadyPromoted, RegistryError, GitHubError, InternalError,
	}
}
