package githubtest

import (
	"slices"
	"time"
)

// CheckRun is a check run.
type CheckRun struct {
	repository *Repository
	id         int64
	suite      int64
	head       *Commit
	created    time.Time
	state      CheckRunState
	history    []CheckRunState
}

// CheckRunState is what a check run says at some time.
type CheckRunState struct {
	Name           string
	Status         string // queued, in_progress, completed
	Conclusion     string
	ExternalID     string
	DetailsURL     string
	Title          string
	Summary, Text  string
	HasOutput      bool
	Actions        []CheckRunAction
	Started, Ended time.Time
}

// CheckRunAction is a button.
type CheckRunAction struct {
	Label       string `json:"label"`
	Description string `json:"description"`
	Identifier  string `json:"identifier"`
}

// ID gives the check run's numeric id.
func (c *CheckRun) ID() int64 { return c.id }

// HeadSHA gives the commit that it is on.
func (c *CheckRun) HeadSHA() string { return c.head.sha }

// State gives what it says now.
func (c *CheckRun) State() CheckRunState {
	c.repository.server.mu.Lock()
	defer c.repository.server.mu.Unlock()
	return c.state
}

// History gives everything it ever said, in order, as it is now included.
func (c *CheckRun) History() []CheckRunState {
	c.repository.server.mu.Lock()
	defer c.repository.server.mu.Unlock()
	return slices.Clone(c.history)
}

// CheckRuns gives the check runs of that name, all names when it is empty, in the order in which they were made.
func (r *Repository) CheckRuns(name string) []*CheckRun {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	var found []*CheckRun
	for _, check := range r.checkRuns {
		if name == "" || check.state.Name == name {
			found = append(found, check)
		}
	}
	return found
}

// Click presses a button of a check run and announces it (check_run.requested_action). Who may press is not GitHub's
// business alone: the docs say that the app has to look at the sender. GitHub shows buttons once the run has completed.
func (s *Server) Click(check *CheckRun, identifier string, by *User) {
	s.change(func() {
		s.announceCheckRun(check, "requested_action", by.account, object{"requested_action": object{"identifier": identifier}})
	})
}

// Rerequest asks for the check run anew, by "Re-run" on its page, and announces it (check_run.rerequested).
func (s *Server) Rerequest(check *CheckRun, by *User) {
	s.change(func() { s.announceCheckRun(check, "rerequested", by.account, nil) })
}

func (c *CheckRun) set(state CheckRunState) {
	c.state = state
	c.history = append(c.history, state)
}

// suiteFor gives the id of the app's check suite on a commit: one per app and commit.
func (r *Repository) suiteFor(head *Commit) int64 {
	for _, check := range r.checkRuns {
		if check.head == head {
			return check.suite
		}
	}
	return next(&r.server.sequence.suite)
}

func (r *Repository) checkRunByID(id int64) *CheckRun {
	for _, check := range r.checkRuns {
		if check.id == id {
			return check
		}
	}
	return nil
}

// CommitStatus is a commit status, the older kind of check.
type CommitStatus struct {
	ID          int64
	SHA         string
	State       string
	Description string
	TargetURL   string
	Context     string
	created     time.Time
	creator     *account
}

// CommitStatuses gives the statuses of a commit, oldest first.
func (r *Repository) CommitStatuses(sha string) []CommitStatus {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	var found []CommitStatus
	for _, status := range r.statuses {
		if status.SHA == sha {
			found = append(found, *status)
		}
	}
	return found
}

// Deployment is a deployment record.
type Deployment struct {
	repository  *Repository
	id          int64
	commit      *Commit
	ref         string
	task        string
	environment string
	description any
	payload     any
	transient   bool
	production  bool
	creator     *account
	created     time.Time
	updated     time.Time
	statuses    []DeploymentStatus
}

// DeploymentStatus is one status of a deployment.
type DeploymentStatus struct {
	ID             int64
	State          string
	Description    string
	LogURL         string
	EnvironmentURL string
	Environment    string
	created        time.Time
	creator        *account
}

// Deployments gives the repository's deployments, oldest first.
func (r *Repository) Deployments() []*Deployment {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	return slices.Clone(r.deployments)
}

// ID gives the deployment's numeric id.
func (d *Deployment) ID() int64 { return d.id }

// SHA gives the commit that it deploys.
func (d *Deployment) SHA() string { return d.commit.sha }

// Ref gives what was asked for: a branch, a tag or a SHA.
func (d *Deployment) Ref() string { return d.ref }

// Environment gives the environment's name.
func (d *Deployment) Environment() string { return d.environment }

// Payload gives the payload as it was sent: a JSON object or a text.
func (d *Deployment) Payload() any { return d.payload }

// Statuses gives the statuses, oldest first.
func (d *Deployment) Statuses() []DeploymentStatus {
	d.repository.server.mu.Lock()
	defer d.repository.server.mu.Unlock()
	return slices.Clone(d.statuses)
}

func (r *Repository) deploymentByID(id int64) *Deployment {
	for _, deployment := range r.deployments {
		if deployment.id == id {
			return deployment
		}
	}
	return nil
}
